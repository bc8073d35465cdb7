"""Rendered questions as a benchmark: samples, scores, the command line, and data that is wrong."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.understanding.answers import AnswerMetric, AnswerReference
from benchmarks.understanding.rendered_qa import BENCHMARK, SIZE, load, verify
from evals.core.errors import UserError
from evals.core.headline import headline
from evals.core.protocols import DataSource, Metric, ScoringSettings
from evals.core.store import StoredRun
from evals.core.types import Item, Prediction, Sample, Score
from synth.questions import PER_KIND
from tests.benchmarks.kit import command


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return load(DataSource())


def item(text: str | None, reference: AnswerReference) -> Item:
    sample = Sample(
        id="s", benchmark="b", suite="s", task="understand", prompt="?", reference=reference
    )
    prediction = Prediction(sample="s", trial=0, seed=0, status="ok", text=text)
    return Item(sample=sample, prediction=prediction)


def score(text: str | None, reference: AnswerReference, tolerance: float = 0.0) -> Score:
    return AnswerMetric(tolerance=tolerance).score([item(text, reference)])[0]


CHOICE = AnswerReference(answer="B", form="choice", kind="k", choices=("red", "blue"))
NUMBER = AnswerReference(answer="40", form="number", kind="k")


def test_samples_are_whole_and_grouped(samples: list[Sample]) -> None:
    assert len(samples) == SIZE == BENCHMARK.suites["synth"].size
    assert len({s.id for s in samples}) == len({s.cluster for s in samples}) == SIZE
    assert Counter(s.group for s in samples) == {g.path: PER_KIND for g in BENCHMARK.groups}
    assert set(Counter(s.strata["answer"] for s in samples)) == {
        "choice", "yes or no", "number", "text",
    }  # fmt: skip
    for sample in samples:
        assert sample.task == BENCHMARK.task == "understand"
        assert len(sample.images) == 1
        assert sample.images[0].is_file()
        assert isinstance(sample.reference, AnswerReference)
        assert sample.reference.spec_sha256
        assert sample.reference.answer not in sample.id
    assert BENCHMARK.suites["synth"].synthetic
    assert load(DataSource()) == samples


def test_every_expected_answer_is_read_as_itself(samples: list[Sample]) -> None:
    for sample in samples:
        made = score(sample.reference.answer, sample.reference)
        assert made.parts == {"accuracy": 1.0, "parsed": 1.0}, sample.id


def test_another_samples_answer_is_wrong(samples: list[Sample]) -> None:
    for kind in {s.group for s in samples}:
        own = [s for s in samples if s.group == kind]
        for sample in own:
            for other in own:
                right = sample.reference.answer == other.reference.answer
                made = score(other.reference.answer, sample.reference)
                assert made.parts["accuracy"] == float(right)


def test_right_wrong_and_unreadable() -> None:
    assert score("The answer is (b).", CHOICE).parts == {"accuracy": 1.0, "parsed": 1.0}
    wrong = score("red", CHOICE)
    assert wrong.parts == {"accuracy": 0.0, "parsed": 1.0}
    assert wrong.evidence == {"answer": "A", "expected": "B"}
    assert wrong.notes == {}
    for text in ("A or B", "", None, "no idea"):
        made = score(text, CHOICE)
        assert (made.status, made.value) == ("ok", 0.0)
        assert made.parts == {"accuracy": 0.0, "parsed": 0.0}
        assert made.evidence["answer"] == ""
        assert made.notes["accuracy"].startswith("counted as wrong: it ")


def test_numbers_within_the_tolerance() -> None:
    assert score("41", NUMBER).value == 0.0
    assert score("41", NUMBER, 0.05).value == 1.0
    assert score("43", NUMBER, 0.05).value == 0.0
    assert AnswerMetric().fingerprint() != AnswerMetric(tolerance=0.05).fingerprint()


def test_long_answers_are_cut_in_the_evidence_only() -> None:
    reference = AnswerReference(answer="x" * 900, form="text", kind="k")
    made = score("x" * 900, reference)
    assert made.value == 1.0
    assert len(made.evidence["answer"]) == 200


def test_the_metric_is_one_and_travels() -> None:
    (metric,) = BENCHMARK.metrics(ScoringSettings())
    assert isinstance(metric, Metric)
    assert metric.absence() is None
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert f"{metric.name}.{metric.quantities[0].name}" == BENCHMARK.headline.column


def test_no_data_of_another_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="is drawn by this program"):
        load(DataSource(root=tmp_path))
    assert command("data", "verify", "rendered-qa@abc") == 2
    assert "revision abc is given" in capsys.readouterr().err
    assert command("run", "-m", "ground-truth", "-b", "rendered-qa", "--data",
                f"rendered-qa={tmp_path}", "-o", tmp_path / "r") == 2  # fmt: skip
    assert "leave --data" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_damaged_pictures_are_found(tmp_path: Path) -> None:
    source = DataSource(cache=tmp_path)
    assert verify(source) == []
    first, second, *_ = sorted(tmp_path.rglob("*.png"))
    first.write_bytes(first.read_bytes()[:300])
    second.unlink()
    (problem,) = verify(source)
    assert (problem.kind, problem.where, problem.fatal) == ("corrupt", str(first), True)
    assert "Delete it" in problem.message
    assert second.is_file(), "what is gone is drawn again"


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "benchmarks") == 0
    (row,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("rendered-qa/")]
    assert row.startswith("rendered-qa/synth (default)\tunderstand\t48\t")
    assert "\tsynthetic, built in\t" in row
    assert command("show", "benchmark", "rendered-qa") == 0
    shown = capsys.readouterr().out
    assert "headline accuracy: the mean of answer.accuracy" in shown
    assert "gets 1/6" in shown
    assert "no published rows" in shown
    assert command("data", "verify", "rendered-qa") == 0
    assert "all 48 samples are whole" in capsys.readouterr().out
    words = ["run", "-m", "ground-truth", "-b", "rendered-qa/synth", "-o", tmp_path]
    assert command(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Rendered questions synth"
    assert lines[1].split("\t") == ["model", "rank", "accuracy", "parsed ↑", "Predictions"]
    assert lines[2].startswith("ground-truth (ceiling)\t\t1.000 ±0.000\t1.000 ±0.000\t48/48")
    run = StoredRun.read(tmp_path / "rendered-qa-synth" / "ground-truth")
    assert headline(run, None, None, resamples=100).value == 1.0
    assert run.manifest["benchmark"]["official"] is False
    assert run.manifest["settings"]["ocr"] == {}, "no engine reads anything here"
    assert command(*words, "--json", "--no-report") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] is True
    assert said["outcomes"][0]["predicted"] == 0, "nothing was left to do"
    assert command("score", tmp_path) == 0, "a re-score needs no engine either"


def test_a_scored_run_is_the_same_after_a_rescore(tmp_path: Path) -> None:
    assert command("run", "-m", "ground-truth", "-b", "rendered-qa", "-o", tmp_path, "--limit", "6",
                "--no-report") == 0  # fmt: skip
    folder = tmp_path / "rendered-qa-synth" / "ground-truth"
    before = {p.name: p.read_bytes() for p in folder.glob("*.jsonl")}
    assert command("score", tmp_path, "--metric", "answer") == 0
    assert {p.name: p.read_bytes() for p in folder.glob("*.jsonl")} == before
    assert len(StoredRun.read(folder).samples) == 6
    assert len({tuple(s["group"]) for s in StoredRun.read(folder).samples}) == 6
