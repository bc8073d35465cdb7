"""Parts of a mixture: what is kept, what is dropped and why, and every kind of bad input."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.core.errors import UserError
from model.finetune.config import Resolution
from model.finetune.refuse import Guard
from model.finetune.sources import REASONS, RowError, Source
from tests.model.finetune.table_kit import (
    ROWS,
    SIZED,
    edit_row,
    jsonl,
    kinds,
    noise,
    opened,
    parquet,
    picture,
    written,
)  # fmt: skip


@kinds
def test_rows_are_read_and_counted(kind: str, tmp_path: Path) -> None:
    source = opened(written(kind, tmp_path, ROWS))
    assert (source.name, source.task, source.weight) == ("rows", "edit", 1.0)
    assert source.kept.tolist() == list(range(6))
    assert source.kept.dtype == np.int64
    assert source.sizes.dtype == np.int32
    assert source.sizes.tolist() == [[80, 96]] * 6
    assert source.dropped == ()
    row = source.read(4)
    assert (row.id, row.prompt) == ("row4", "Make it number 4.")
    assert row.source is not None
    assert row.target is not None
    assert (row.source.getpixel((0, 0)), row.target.getpixel((5, 5))) == ((4,) * 3, (251,) * 3)
    assert source.summary() == {
        "name": "rows", "task": "edit", "weight": 1.0, "path": source.path, "rows": 6, "kept": 6,
        "dropped": {}, "digest": source.digest,
    }  # fmt: skip
    json.dumps(source.summary())
    with pytest.raises(IndexError):
        source.read(6)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    rows = [{"n": 3, "caption": "A cat.", "jpg": picture(grey=9), "edit_instruction": "?"}]
    names = {"id": "n", "edit_instruction": "caption", "edited_image": "jpg"}
    for kind in ("parquet", "jsonl"):
        (tmp_path / "a.png").write_bytes(picture(grey=9))
        cell = rows[0]["jpg"] if kind == "parquet" else "../a.png"
        path = written(kind, tmp_path / kind, [{**rows[0], "jpg": cell}])
        row = opened(path, "t2i", columns=names).read(0)
        assert (row.id, row.prompt) == ("3", "A cat.")
        assert row.target is not None
        assert row.target.getpixel((0, 0)) == (9, 9, 9)


@kinds
def test_sizes_come_from_columns_where_there_are_any(kind: str, tmp_path: Path) -> None:
    rows = [edit_row(0, **SIZED), edit_row(1, **{**SIZED, "edited_image_width": None})]
    source = opened(written(kind, tmp_path, rows))
    assert source.sizes.tolist() == [[700, 900], [80, 96]]


@kinds
def test_an_answer_needs_no_image(kind: str, tmp_path: Path) -> None:
    rows = [
        {"edit_instruction": "What is it?", "answer": "A cat.", "source_image": picture(90, 70)},
        {"edit_instruction": "And 1 + 1?", "answer": 2, "source_image": None},
    ]
    if kind == "parquet":
        rows[1]["answer"] = "2"
    source = opened(written(kind, tmp_path, rows), "understand")
    assert source.sizes.tolist() == [[90, 70], [0, 0]]
    assert (source.read(1).answer, source.read(1).source, source.read(1).id) == ("2", None, "1")


def test_long_pages_may_be_asked_about_and_not_made(tmp_path: Path) -> None:
    row = edit_row(0, source_image=picture(400, 70), edited_image=picture(400, 70), answer="A.")
    path = parquet(tmp_path / "a.parquet", [row, edit_row(1, answer="B.")])
    assert opened(path, "understand").kept.tolist() == [0, 1]
    assert opened(path, "edit").kept.tolist() == [1]


DROPS: list[tuple[str, str, dict[str, Any]]] = [
    ("split", "edit", {"split": "val"}),
    ("split", "edit", {"split": "bench"}),
    ("split", "edit", {"split": None}),
    ("empty_prompt", "edit", {"edit_instruction": "  \n"}),
    ("empty_prompt", "edit", {"edit_instruction": None}),
    ("empty_prompt", "edit", {"edit_instruction": "!" * 512}),
    ("empty_answer", "understand", {"answer": " "}),
    ("empty_reasoning", "cot", {"reasoning": None}),
    ("no_image", "edit", {"source_image": None}),
    ("no_image", "edit", {"source_image": None, **SIZED}),
    ("no_image", "t2i", {"edited_image": None}),
    ("unreadable_image", "edit", {"edited_image": b"not an image"}),
    ("unreadable_image", "edit", {"source_image": b""}),
    ("too_small", "edit", {"edited_image": picture(63, 200)}),
    ("too_small", "edit", {"source_image": picture(100, 20)}),
    ("too_small", "t2i", {**SIZED, "edited_image_width": 9}),
    ("extreme_aspect", "edit", {"edited_image": picture(80, 170)}),
    ("extreme_aspect", "t2i", {"edited_image": picture(170, 80)}),
    ("extreme_aspect", "edit", {"source_image": picture(64, 64 * 201)}),
]


@kinds
@pytest.mark.parametrize(("reason", "task", "changes"), DROPS)
def test_what_cannot_be_learnt_is_dropped_and_listed(
    reason: str, task: str, changes: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    fill = {"answer": "Yes.", "reasoning": "So.", "split": "train"}
    rows = [edit_row(0, **fill), edit_row(1, **{**fill, **changes}), edit_row(2, **fill)]
    source = opened(written(kind, tmp_path, rows), task)
    assert source.kept.tolist() == [0, 2]
    [dropped] = source.dropped
    assert (dropped.source, dropped.row, dropped.id, dropped.reason) == ("rows", 1, "row1", reason)
    assert dropped.detail
    assert not dropped.detail.endswith(".")
    assert source.summary()["dropped"] == {reason: 1}
    assert reason in REASONS


def test_every_reason_can_happen() -> None:
    others = {"bench_spec", "official_pair", "not_text"}
    assert {reason for reason, _, _ in DROPS} | others == set(REASONS)


def test_a_ratio_is_not_refused_for_a_rounded_pixel(tmp_path: Path) -> None:
    rows = [
        edit_row(0, edited_image=picture(100, 201)),
        edit_row(1, edited_image=picture(100, 205)),
    ]
    assert opened(parquet(tmp_path / "a.parquet", rows)).kept.tolist() == [0]


def test_when_all_are_dropped_it_says_why(tmp_path: Path) -> None:
    rows = [edit_row(n, split="validation") for n in range(3)]
    rows.append(edit_row(3, split="train", edit_instruction=""))
    path = parquet(tmp_path / "a.parquet", rows)
    with pytest.raises(UserError) as caught:
        opened(path)
    text = str(caught.value)
    assert "of 4 rows 3 are dropped because they are of another split" in text
    assert "row 0, id 'row0': its split is 'validation'" in text
    assert text.endswith("set splits to what may be learnt.")
    assert opened(path, splits=("validation",)).kept.tolist() == [0, 1, 2]


@kinds
def test_an_image_that_cannot_be_decoded_is_an_error_of_its_row(kind: str, tmp_path: Path) -> None:
    cut = noise(100, 0, "PNG")[:9000]
    source = opened(written(kind, tmp_path, [edit_row(0), edit_row(1, edited_image=cut)]))
    assert source.kept.tolist() == [0, 1]  # its header is fine
    source.read(0)
    with pytest.raises(RowError, match=r"Row 1 \(id 'row1'\) of 'rows'.*damaged") as caught:
        source.read(1)
    assert (caught.value.source, caught.value.row, caught.value.id) == ("rows", 1, "row1")


def test_an_image_file_that_is_gone_is_an_error_of_its_row(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path / "a.jsonl", ROWS[:2]))
    (tmp_path / "images" / "1-source_image.png").unlink()
    with pytest.raises(RowError, match="does not exist"):
        source.read(1)


@kinds
def test_the_digest_names_the_content_and_not_the_place(kind: str, tmp_path: Path) -> None:
    def digest(name: str, rows: list[dict[str, Any]], **options: Any) -> str:
        path = written(kind, tmp_path / name, rows)
        return opened(path, cache=tmp_path / "cache", **options).digest

    first = digest("a", ROWS)
    assert digest("b", ROWS) == first
    others = [
        digest("c", ROWS[:-1]),
        digest("d", ROWS[::-1]),
        digest("e", [*ROWS[:3], edit_row(3, edit_instruction="Make it number 5."), *ROWS[4:]]),
        digest("f", [*ROWS[:3], edit_row(3, edited_image=picture(90, 91)), *ROWS[4:]]),
        digest("g", [edit_row(n, split="train") for n in range(6)]),
        digest("h", ROWS, min_side=80, resolution=Resolution(aspect_min=0.9, aspect_max=1.2)),
    ]
    assert first not in others[:5]
    assert others[5] == first  # nothing is dropped by these bounds
    assert len(set(others)) == len(others)


def test_what_is_kept_is_in_the_digest(tmp_path: Path) -> None:
    rows = [*ROWS, edit_row(6, edited_image=picture(70, 70))]
    path = parquet(tmp_path / "a.parquet", rows)
    assert opened(path).digest != opened(path, min_side=75).digest


def test_the_guard_is_asked(tmp_path: Path) -> None:
    rows = [edit_row(0), edit_row(1, edit_instruction="Turn “open” into 「SHUT」.")]
    source = opened(
        parquet(tmp_path / "a.parquet", rows), guard=Guard(frozenset({("open", "shut")}))
    )
    assert [d.reason for d in source.dropped] == ["official_pair"]


def _ids(source: Source) -> list[str]:
    return [source.read(int(n)).id for n in source.kept]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_read_the_same(start: str, tmp_path: Path) -> None:
    sources = [opened(written(kind, tmp_path, ROWS)) for kind in ("parquet", "jsonl")]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        found = list(pool.map(_ids, sources))
    assert found == [[f"row{n}" for n in range(6)]] * 2


@kinds
def test_threads_and_copies_read_the_same(kind: str, tmp_path: Path) -> None:
    source = opened(written(kind, tmp_path, ROWS))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: source.read(n % 6).id, range(120)))
    assert found == [f"row{n % 6}" for n in range(120)]
    assert _ids(pickle.loads(pickle.dumps(source))) == _ids(source)
