"""A model is scored while it is trained: one run folder per step, on a validation split alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from evals.compare import compare_runs
from evals.core.errors import UserError
from evals.core.store import PREDICTIONS, StoredRun, find_runs
from evals.finetune_scoring import COVERAGE, REASON, SuiteScorer, score
from model.finetune.config import Evaluate, Sampling
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import write_tiny
from tests.test_cli_model import call

EVALUATE = Evaluate(suite="textedit/val", limit=3, metrics=("fidelity",))
SAMPLING = Sampling(steps=1)


@pytest.fixture(scope="module")
def pipes(tmp_path_factory: pytest.TempPathFactory) -> list[InternVLUPipeline]:
    """Two states of a model: tiny checkpoints of different weights."""
    place = tmp_path_factory.mktemp("scored")
    return [
        InternVLUPipeline.from_pretrained(
            write_tiny(place / str(seed), seed=seed), device="cpu", dtype="float32"
        )
        for seed in (0, 1)
    ]


def facts(step: int, name: str = "toy") -> dict[str, Any]:
    return {"name": name, "step": step, "config": "c0ffee", "checkpoint": "abcdef"}


def scored(
    pipe: InternVLUPipeline, out: Path, step: int, *, evaluate: Evaluate = EVALUATE,
    sampling: Sampling = SAMPLING,
) -> Mapping[str, Any]:  # fmt: skip
    return score(pipe, training=facts(step), evaluate=evaluate, sampling=sampling, out=out)


@pytest.fixture(scope="module")
def trained(
    pipes: list[InternVLUPipeline], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Mapping[str, Any]]]:
    """The folder of a training that was scored at two steps, and what was returned."""
    out = tmp_path_factory.mktemp("training")
    return out, [scored(p, out, step) for p, step in zip(pipes, (0, 100), strict=True)]


def test_each_step_is_a_run_beside_the_anchors(trained: tuple[Path, Any]) -> None:
    out, _ = trained
    place = out / "evals" / "textedit-val"
    assert {f.name for f in place.iterdir()} == {
        "step-000000", "step-000100", "copy-source", "ground-truth"
    }  # fmt: skip
    run = StoredRun.read(place / "step-000100")
    assert run.model == "toy @ step 100"
    assert run.manifest["finished"]
    assert run.manifest["suite"]["validation"]
    assert run.manifest["model"]["describe"]["training"] == facts(100)
    assert run.manifest["model"]["describe"]["options"]["steps"] == 1
    assert len(run.samples) == 3


def test_the_numbers_are_those_of_the_run(trained: tuple[Path, Any]) -> None:
    from evals.core.summary import summarise

    out, (first, second) = trained
    cells = summarise(StoredRun.read(out / "evals" / "textedit-val" / "step-000100")).cells
    key = "fidelity.psnr_background"
    assert second[key] == cells[key, ()].mean
    assert second[COVERAGE + key] == 1.0
    assert isinstance(first[key], float)
    assert first[key] != second[key], "other weights make other pictures"
    # What was not asked for is not there, and no absent number is 0.
    assert not any(k.startswith(("ocr", "lpips", "judge")) for k in second)
    assert second["headline/hybrid v1, partial"] < 1
    assert "text" in str(second[REASON + "headline/hybrid v1, partial"])
    # The trainer shows the first few: they are numbers, the headline in front.
    assert next(iter(second)) == "headline/hybrid v1, partial"
    assert all(isinstance(v, float) for v in list(second.values())[:6])
    plain = {k for k in second if not k.startswith((COVERAGE, REASON))}
    assert all(isinstance(second[k], float) for k in plain)


def test_an_unavailable_metric_has_a_reason_and_no_number(
    pipes: list[InternVLUPipeline], tmp_path: Path
) -> None:
    evaluate = dataclasses.replace(EVALUATE, limit=1, metrics=("fidelity", "judge"))
    numbers = scored(pipes[0], tmp_path, 5, evaluate=evaluate)
    assert not any(k.startswith("judge.") for k in numbers)
    assert str(numbers[REASON + "judge"])


def test_the_same_step_again_does_nothing_twice(
    trained: tuple[Path, Any], pipes: list[InternVLUPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, (_, second) = trained
    run = out / "evals" / "textedit-val" / "step-000100"
    before = (run / PREDICTIONS).read_bytes()
    monkeypatch.setattr(pipes[1], "make", lambda *_, **__: pytest.fail("asked again"))
    assert scored(pipes[1], out, 100) == second
    assert (run / PREDICTIONS).read_bytes() == before


def test_other_sampling_has_a_folder_of_its_own(
    pipes: list[InternVLUPipeline], tmp_path: Path
) -> None:
    evaluate = dataclasses.replace(EVALUATE, limit=1)
    for steps in (1, 2, 2):
        scored(pipes[0], tmp_path, 7, evaluate=evaluate, sampling=Sampling(steps=steps))
    place = tmp_path / "evals" / "textedit-val"
    names = sorted(f.name for f in place.glob("step-*"))
    assert len(names) == 2
    assert names[0] == "step-000007"
    assert names[1].startswith("step-000007-")


def test_the_pipeline_stays_its_owners(
    trained: tuple[Path, Any], pipes: list[InternVLUPipeline]
) -> None:
    from model.adapters.internvlu import InternVLU, Options

    model = InternVLU.around(pipes[0], Options(steps=1), {"training": facts(3)})
    model.release()
    assert model._pipe is pipes[0]
    assert model.check([]) == []
    told = model.describe()
    assert told["training"] == facts(3)
    assert "checkpoint" not in told


def test_report_compare_and_rescore_work(
    trained: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = trained
    place = out / "evals" / "textedit-val"
    assert call("report", out, "-o", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text()
    assert "validation split" in page
    assert "toy @ step 100" in page
    a, b = (StoredRun.read(place / f"step-{n:06d}") for n in (100, 0))
    assert compare_runs(a, b, ["fidelity.psnr_background"]).rows[0].n == 3
    capsys.readouterr()
    assert call("score", out, "--metric", "style", "--json") == 0
    assert json.loads(capsys.readouterr().out)["complete"]
    assert len(find_runs([out])) == 4


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        ("textedit/synth", ["textedit/synth is no validation split", "use textedit/val"]),
        ("textedit/mini", ["textedit/mini is no validation split", "overfits"]),
        ("rendered-qa", ["rendered-qa/synth is no validation split", "use textedit/val"]),
        ("textedit/vall", ["no suite of textedit 'vall'", "'val'"]),
    ],
)
def test_only_validation_splits(suite: str, words: list[str], tmp_path: Path) -> None:
    evaluate = dataclasses.replace(EVALUATE, suite=suite)
    with pytest.raises(UserError) as refused:
        SuiteScorer().check(evaluate)
    assert all(w in str(refused.value) for w in words), str(refused.value)
    with pytest.raises(UserError):
        score(None, training=facts(0), evaluate=evaluate, sampling=SAMPLING, out=tmp_path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir()), "nothing is written before it is refused"


def test_unknown_metrics_are_refused_before_the_training() -> None:
    with pytest.raises(UserError, match=r"'fidelty'.*'fidelity'"):
        SuiteScorer().check(dataclasses.replace(EVALUATE, metrics=("fidelty",)))


def test_a_training_says_name_and_step(pipes: list[InternVLUPipeline], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name and step"):
        score(
            pipes[0], training={"name": "toy"}, evaluate=EVALUATE, sampling=SAMPLING, out=tmp_path
        )


def test_the_entry_point_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from model.finetune import scorers

    def installed(group: str, name: str) -> list[EntryPoint]:
        assert (group, name) == ("umm_evals.scorers", "suite")
        return [EntryPoint(name, "evals.finetune_scoring:score", group)]

    monkeypatch.setattr(scorers, "entry_points", installed)
    assert scorers.find_scorer() is score
