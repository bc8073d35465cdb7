"""TIIF-Bench as a benchmark: loader, judge, variants and published rows."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from benchmarks.generation.tiif import BENCHMARK, conformance, data, judging, scoring
from benchmarks.generation.tiif.numbers import VARIANTS
from benchmarks.generation.tiif.taxonomy import DIMENSIONS, LENGTHS, PATHS
from evals.core.errors import UserError
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.summary import summarise
from evals.core.types import Item, Prediction
from evals.core.verdicts import Verdict
from tests.benchmarks.judged_kit import judge, run_cli, settings
from tests.benchmarks.kit import check_declared, picture
from tests.variant_runs import memory_run


def write_data(root: Path, questions: Path | None = None, suite: str = "test") -> Path:
    """Both folders of a suite: made-up prompts, and made-up or given questions."""
    for dimension in DIMENSIONS:
        place = root / f"{suite}_eval_prompts" / f"{dimension}_eval_prompts.jsonl"
        place.parent.mkdir(parents=True, exist_ok=True)
        if questions is None:
            row = {"type": dimension, "yn_question_list": ["Is it red?", "Is it\nbig? "],
                   "yn_answer_list": ["Yes", "no"]}  # fmt: skip
            place.write_text(json.dumps(row) + "\n", encoding="utf-8")
        else:
            shutil.copy(questions / place.name, place)
        rows = [line for line in place.read_text(encoding="utf-8").splitlines() if line.strip()]
        prompts = root / f"{suite}_prompts" / f"{dimension}_prompts.jsonl"
        prompts.parent.mkdir(parents=True, exist_ok=True)
        told = [{"type": dimension, "short_description": f"{n}", "long_description": f"long {n}"}
                for n in range(len(rows))]  # fmt: skip
        prompts.write_text("".join(json.dumps(t) + "\n" for t in told), encoding="utf-8")
    return root


def load(root: Path, suite: str = "test") -> list[Any]:
    source = DataSource(root=root, cache=root / "cache")
    return BENCHMARK.suites[suite].load(source)


def test_official_questions_of_testmini(official_data: Path, tmp_path: Path) -> None:
    root = write_data(tmp_path, official_data / "tiif" / "testmini_eval_prompts", "testmini")
    samples = load(root, "testmini")
    assert len(samples) == BENCHMARK.suites["testmini"].size == 554
    assert sum(len(s.reference.questions) for s in samples) == 2 * 1446
    no = sum(a == "no" for s in samples for a in s.reference.answers)
    assert no == 2 * 34
    assert {s.group for s in samples} == set(PATHS.values())
    pickle.dumps(BENCHMARK.suites["testmini"])


def test_another_revision_is_refused_with_its_hash(official_data: Path, tmp_path: Path) -> None:
    root = write_data(tmp_path, official_data / "tiif" / "testmini_eval_prompts", "testmini")
    place = root / "testmini_eval_prompts" / "style_eval_prompts.jsonl"
    place.write_text(place.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="sha256 is") as told:
        load(root, "testmini")
    assert data.PINNED in str(told.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r | {"yn_answer_list": ["yes"]}, "parallel lists"),
        (lambda r: r | {"yn_answer_list": ["yes", "maybe"]}, "not yes or no"),
        (lambda r: r | {"type": "style"}, "in a file of"),
        (lambda r: {"type": r["type"]}, "no list of texts"),
    ],
)
def test_broken_questions_are_named(
    change: Callable[[dict[str, Any]], dict[str, Any]], message: str, tmp_path: Path
) -> None:
    root = write_data(tmp_path)
    place = root / "test_eval_prompts" / "negation_eval_prompts.jsonl"
    place.write_text(json.dumps(change(json.loads(place.read_text()))), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load(root)


def test_prompts_and_questions_must_belong_together(tmp_path: Path) -> None:
    root = write_data(tmp_path)
    place = root / "test_prompts" / "text_prompts.jsonl"
    place.write_text(place.read_text() * 2, encoding="utf-8")
    with pytest.raises(UserError, match="parallel lists"):
        load(root)


def test_one_reply_is_read_strictly_and_as_released(tmp_path: Path) -> None:
    samples = [s for s in load(write_data(tmp_path)) if s.group[2] == "text"]
    short, long = samples
    numbered = "1. Yes, it is.\n2. **Yes**, huge."
    found = judge(BENCHMARK, samples, {short.id: "yes\nno", long.id: numbered}, tmp_path)
    assert dict(found[short.id].parts) == {
        "accuracy": 1.0, "credit": 1.0, "right_official": 2.0, "asked_official": 2.0
    }  # fmt: skip
    assert dict(found[long.id].parts) == {
        "accuracy": 0.5, "credit": 0.5, "right_official": 0.0, "asked_official": 0.0
    }  # fmt: skip
    assert "TIIF" not in found[long.id].reason
    assert "ask again" in found[long.id].notes["asked_official"]
    bad = judge(BENCHMARK, [short], {"*": "yes"}, tmp_path / "bad")[short.id]
    assert (bad.status, bad.value) == ("failed", None)
    assert "1 answers to 2 questions" in bad.reason


def test_a_divided_panel_gives_no_number(tmp_path: Path) -> None:
    sample = load(write_data(tmp_path))[0]
    metric = BENCHMARK.metrics(settings(tmp_path / "cache", {"*": "yes\nno"}, judges=2))[0]
    assert metric.absence() is None
    divided = Verdict(judge="panel", status="ok", scores={"q1": 0.5, "q2": 0.0})
    assert judging.answers_of(divided, len(sample.reference.questions)) == ()
    agreed = Verdict(judge="panel", status="ok", scores={"q1": 1.0, "q2": 0.25})
    assert judging.answers_of(agreed, 2) == ("yes", "no")


def test_words_are_recognised_where_the_questions_name_them(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.png"
    board = Image.new("RGB", (480, 160), "white")
    ImageDraw.Draw(board).text((120, 40), "OPEN", fill="black",
                               font=ImageFont.load_default(size=72))  # fmt: skip
    board.save(drawn)
    samples = load(write_data(tmp_path))
    style = next(s for s in samples if s.group[2] == "style")
    asked = data.TiifReference(
        questions=("Is the text 'Open' in the image?", "Is the text 'late' in the image?"),
        answers=("yes", "yes"), usual=2.0,
    )  # fmt: skip
    text = replace(style, id="text.0.short", reference=asked, group=PATHS["text"])
    made = Prediction(sample="x", trial=0, seed=0, status="ok")
    metric = BENCHMARK.metrics(ScoringSettings(cache=tmp_path / "cache"))[1]
    assert metric.absence() is None
    items = [Item(sample=s, prediction=made, images=(drawn,)) for s in (text, style)]
    words, nothing = metric.score(items)
    assert words.evidence["read"] == ["open"]
    assert words.parts == {"gned": pytest.approx((0 + 1) / 2), "recall": 0.5}
    assert nothing.status == "not_applicable"


def test_the_official_words_stamp_the_judge(tmp_path: Path) -> None:
    official = tmp_path / "eval_with_vlm.py"
    official.write_text('raw_prompt = """Ask:\n##YNQuestions##\n"""\n', encoding="utf-8")
    own = BENCHMARK.metrics(settings(tmp_path / "a", {}))[0]
    other = BENCHMARK.metrics(settings(tmp_path / "a", {}, prompt=official))[0]
    assert own.fingerprint() != other.fingerprint()
    assert isinstance(other, judging.InterviewMetric)
    assert "eval_with_vlm.py raw_prompt, sha256" in other.wording[1]
    official.write_text('raw_prompt = "no hole"', encoding="utf-8")
    with pytest.raises(UserError, match="##YNQuestions##"):
        BENCHMARK.metrics(settings(tmp_path / "a", {}, prompt=official))


def test_without_a_judge_it_is_unavailable() -> None:
    absence = BENCHMARK.metrics(ScoringSettings())[0].absence()
    assert absence is not None
    assert "--judge" in absence.fix


def test_published_rows_name_columns_that_exist() -> None:
    check_declared(BENCHMARK)


def test_variants_make_the_released_numbers(conformance_dir: Path) -> None:
    """On the inputs of the recorded summaries, to the 4 decimals that are printed."""
    path = conformance_dir / "tiif.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    for case in json.loads(path.read_bytes())["functions"]["summary"]["cases"][:2]:
        for model, dimensions in case["input"]["models"].items():
            rows = [
                (PATHS[d], {"length": n}, conformance._tally([file]))
                for d, lengths in dimensions.items()
                for n, files in lengths.items()
                for file in files
            ]
            run = memory_run(
                [path for path, _, _ in rows],
                {
                    "judge.right_official": [float(t.right) for _, _, t in rows],
                    "judge.asked_official": [float(t.asked) for _, _, t in rows],
                    "judge.credit": [0.0] * len(rows),
                    "words.gned": [0.0] * len(rows),
                    "words.recall": [0.0] * len(rows),
                },
                strata=[strata for _, strata, _ in rows],
                variants=VARIANTS,
                ranges={"judge.right_official": (0, 99), "judge.asked_official": (0, 99)},
            )
            cells = summarise(run, resamples=100).cells
            expected = case["expected"]
            for length in LENGTHS:
                wanted = {("overall", ()): expected["overall"][model][length]}
                for title, column, group in (
                    ("Basic_Following_Overall - Overall", "basic", ()),
                    ("Advanced_Following_Overall - Overall", "advanced", ()),
                    ("Basic_Reasoning - Reasoning", "overall", ("Basic", "Reasoning")),
                    ("Real_Complex - Complex", "overall", ("Real World",)),
                ):
                    wanted[column, group] = expected["groups"][title][model][length]
                for (column, group), value in wanted.items():
                    mean = cells[f"={column}_{length}", group].mean
                    assert mean == pytest.approx(value, abs=5.01e-5)


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All right but: one image is missing, one reply says no to everything."""
    root = write_data(tmp_path / "data")
    samples = load(root)
    outputs = tmp_path / "model"
    for number, sample in enumerate(samples):
        if sample.id != "style.0.short":
            picture(outputs / sample.places[2].path, number)
    replies: dict[str, object] = {"*": "yes, it is\nno, it is not"}
    replies["text.0.short"] = "no\nno"
    run = run_cli(
        monkeypatch, tmp_path, place="benchmarks.generation.tiif:BENCHMARK", suite="tiif/test",
        data=root, outputs=outputs, replies=replies,
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    assert cells["=overall_short_strict", ()].mean == pytest.approx((7 + 0.5 + 0.0) / 9)
    assert cells["=overall_short", ()].mean == pytest.approx((7 + 0.5) / 8)
    assert cells["=overall_long_strict", ()].mean == 1.0
    assert cells["=overall_strict", ()].planned == len(samples)
    strict = scoring.strict_overall(dict.fromkeys(DIMENSIONS, 1.0) | {"style": 0.0, "text": 0.5})
    assert cells["=overall_short_strict", ()].mean == pytest.approx(strict)
