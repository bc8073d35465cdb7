"""Rows of benchmarks are refused by split, by the hash of their item, and by their texts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import UserError
from model.finetune.refuse import BENCH_PER_CLASS, Guard, bench_specs, normal, quoted
from synth.textedit import specs
from tests.model.finetune.table_kit import edit_row, opened, parquet

OFFICIAL = Path(__file__).resolve().parents[4] / "shared/datasets/textedit/eval_prompts"
PAIRS = Guard(frozenset({("gala", "cfh"), ("cfh", "gala"), ("ann's", "tom's bar"),
                         ("straße 1".replace("ß", "ss"), "weg 1")}))  # fmt: skip


def records(path: Path, *pairs: tuple[object, object]) -> str:
    lines = [json.dumps({"source_text": a, "target_text": b, "id": 1}) for a, b in pairs]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def reason(guard: Guard, instruction: str, **known: str) -> str | None:
    found = guard.why(instruction=instruction, **known)
    return found.reason if found else None


def test_only_the_splits_asked_for() -> None:
    for split in ("bench", "val", "test", "", "TRAIN"):
        assert reason(Guard(), "Do it.", split=split) == "split"
    assert reason(Guard(), "Do it.", split="train") is None
    assert reason(Guard(), "Do it.") is None
    found = Guard().why(instruction="Do it.", split="val", splits=("train", "val"))
    assert found is None


def test_items_of_the_benchmark_whatever_their_row_says(tmp_path: Path) -> None:
    [bench, train] = [specs(s, 5)[37] for s in ("bench", "train")]
    assert reason(Guard(), "Do it.", split="train", spec_sha256=bench.sha256) == "bench_spec"
    assert (
        reason(Guard(), "Do it.", split="train", spec_sha256=bench.sha256.upper()) == "bench_spec"
    )
    assert reason(Guard(), "Do it.", split="train", spec_sha256=train.sha256) is None
    rows = [edit_row(0, spec_sha256=train.sha256), edit_row(1, spec_sha256=bench.sha256)]
    source = opened(parquet(tmp_path / "a.parquet", rows))
    assert [(d.row, d.reason) for d in source.dropped] == [(1, "bench_spec")]


def test_all_items_of_a_generous_benchmark_are_known() -> None:
    bench_specs.cache_clear()
    start = time.process_time()
    known = bench_specs()
    assert time.process_time() - start < 10
    assert len(known) == 18 * BENCH_PER_CLASS
    assert {s.sha256 for s in specs("bench")} < known
    assert not {s.sha256 for s in specs("val")} & known


@pytest.mark.parametrize(
    "instruction",
    [
        "Replace the text 'CFH' with 'Gala'.",
        'Change "cfh" to "GALA"',
        "Turn “CFH” into “Gala”.",
        "Turn ‘CFH’ into ‘Gala’!",
        "把「CFH」改成『Gala』",
        "Mets «Gala» à la place de « CFH ».",
        "Setze „Gala“ statt ‚CFH‘.",
        "Put `Gala` for `CFH`",
        "Write 'Gala' where \"ＣＦＨ\" is, don't touch 'the rest'.",
        "It's the sign's word: 'CFH'. Make it 'Gala'.",
        "Sätt ”Gala” i stället för ”CFH”",
        "Change 'Tom's  Bar' to 'Ann's'.",
        "Mach aus „Straße 1“ bitte „WEG 1“.",
    ],
)
def test_pairs_in_quotes_are_found(instruction: str) -> None:
    assert reason(PAIRS, instruction) == "official_pair"


@pytest.mark.parametrize(
    "instruction",
    [
        "Replace the text 'CFH' with 'Fair'.",
        "Write 'Gala' at the top.",
        "Replace CFH with Gala.",
        "Don't write CFH, it's Gala's",
        "'",
        "",
    ],
)
def test_one_text_alone_or_unquoted_is_learnt(instruction: str) -> None:
    assert reason(PAIRS, instruction) is None


def test_pairs_in_columns_are_found() -> None:
    assert reason(PAIRS, "Do it.", source_text=" cfh", target_text="ＧＡＬＡ\n") == "official_pair"
    assert reason(PAIRS, "Do it.", source_text="Gala", target_text="CFH") == "official_pair"
    assert reason(PAIRS, "Do it.", source_text="CFH", target_text="Fair") is None
    assert reason(PAIRS, "Do it.", source_text="", target_text="Gala") is None
    # What the columns say does not hide what the instruction says.
    assert reason(PAIRS, "'CFH' to 'Gala'", source_text="a", target_text="b") == "official_pair"


MARKS = ["''", '""', "“”", "‘’", "「」", "『』", "«»", "``"]


@settings(max_examples=150, deadline=None)
@given(
    one=st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=12),
    other=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12),
    marks=st.tuples(st.sampled_from(MARKS), st.sampled_from(MARKS)),
)
def test_whatever_is_quoted_is_found(one: str, other: str, marks: tuple[str, str]) -> None:
    (a, b), (c, d) = marks
    found = quoted(f"Please change {a}{one}{b} into {c}{other}{d}, and don't touch the rest.")
    assert {normal(one), normal(other)} - {""} <= set(found)


def test_endless_quotes_end() -> None:
    start = time.process_time()
    assert len(quoted("'a' " * 20_000)) < 300
    assert time.process_time() - start < 2


def test_guards_read_files_and_folders(tmp_path: Path) -> None:
    one = records(tmp_path / "a" / "b" / "1.1.1.jsonl", ("CFH", "Gala"), ("x", ""))
    records(tmp_path / "a" / "2.jsonl", ("Laundry", "Closet"), (None, "y"))
    assert Guard.of([one]).pairs == {("cfh", "gala")}
    both = Guard.of([str(tmp_path / "a")])
    assert both.pairs == {("cfh", "gala"), ("closet", "laundry")}
    assert Guard.of([]) == Guard()


def test_texts_that_the_records_cut_at_an_apostrophe_are_known_whole(tmp_path: Path) -> None:
    record = {"source_text": "O", "target_text": "Qi Lu",
              "prompt": "Replace the text 'O'RE' with 'Qi Lu'."}  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    guard = Guard.of([str(tmp_path / "a.jsonl")])
    assert guard.pairs == {("o", "qi lu"), ("o're", "qi lu")}
    assert reason(guard, "Write “Qi Lu” for “O'RE”.") == "official_pair"


def test_texts_that_differ_in_case_alone_are_a_pair(tmp_path: Path) -> None:
    guard = Guard.of([records(tmp_path / "a.jsonl", ("MAINE", "Maine"))])
    assert reason(guard, "Change 'MAINE' to 'Maine'.") == "official_pair"
    assert reason(guard, "Change 'MAINE' to 'Ohio'.") is None


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        Guard.of([str(tmp_path / "gone")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no record"):
        Guard.of([str(tmp_path / "empty")])
    with pytest.raises(UserError, match="holds no record"):
        Guard.of([records(tmp_path / "a.jsonl", (1, 2))])
    (tmp_path / "b.jsonl").write_text("{}\n{oops")
    with pytest.raises(UserError, match=r"Line 2 of .*b\.jsonl is not JSON"):
        Guard.of([str(tmp_path / "b.jsonl")])
    (tmp_path / "c.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        Guard.of([str(tmp_path / "c.jsonl")])


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official prompts are not here")
def test_every_official_record_is_refused(tmp_path: Path) -> None:
    guard = Guard.of([str(OFFICIAL)])
    missed = []
    for file in sorted((OFFICIAL / "fullset").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            one, other = record["source_text"], record["target_text"]
            if not (one.strip() and other.strip()):
                continue
            assert reason(guard, "Do it.", source_text=one, target_text=other) == "official_pair"
            if reason(guard, record["prompt"]) is None:
                missed.append(record["prompt"])
    assert missed == []
    ours = [s for s in specs("train", 20) if reason(guard, s.prompt)]
    assert len(ours) < 4
