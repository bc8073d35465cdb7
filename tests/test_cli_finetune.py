"""`umm-evals finetune ...` as a newcomer meets it: words, exit codes, and one small run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("accelerate")

from evals import finetune_commands
from evals.core.errors import MissingExtra
from evals.core.store import StoredRun
from tests.test_architecture import HEAVY
from tests.test_cli_model import call, refused

# --- words ------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], dict[str, Any]]]:
    """What `run` is called with; nothing is trained."""
    calls: list[tuple[str, list[str], dict[str, Any]]] = []

    def run(source: str, changes: Sequence[str], **flags: Any) -> int:
        calls.append((source, list(changes), flags))
        return 0

    monkeypatch.setattr(finetune_commands, "run", run)
    return calls


@pytest.mark.parametrize(
    "words",
    [
        ["finetune", "run", "some.yaml", "steps=3", "optimizer.lr=1e-4", "--dry-run"],
        ["finetune", "some.yaml", "steps=3", "optimizer.lr=1e-4", "--dry-run"],
        ["finetune", "--dry-run", "some.yaml", "steps=3", "optimizer.lr=1e-4"],
    ],
)
def test_run_may_be_left_out(asked: list[Any], words: list[str]) -> None:
    assert call(*words) == 0
    flags = {"dry_run": True, "force": False, "as_json": False}
    assert asked == [("some.yaml", ["steps=3", "optimizer.lr=1e-4"], flags)]


def test_a_command_is_no_configuration(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("finetune", "presets") == 0
    assert call("finetune", "--help") == 0
    assert "Commands" in capsys.readouterr().out
    assert asked == []


def test_presets_say_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("finetune", "presets", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "tiny" in {p["name"] for p in found}
    assert all(p["doc"] and Path(p["file"]).is_file() for p in found)


def test_neither_name_nor_file(capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, ["finetune", "tinny"], "tinny", "tiny")


@pytest.mark.parametrize("package", ["torch", "accelerate", "omegaconf"])
@pytest.mark.parametrize(
    "words", [["run", "tiny"], ["evaluate", "somewhere"], ["export", "somewhere", "--to", "else"]]
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], package: str,
    words: list[str],
) -> None:  # fmt: skip
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == package else real(name, *a)
    )
    refused(capsys, ["finetune", *words], f"'{package}'", "umm-evals[finetune]")
    with pytest.raises(MissingExtra):
        finetune_commands.evaluate(Path("somewhere"), [], as_json=False)


def test_help_is_light() -> None:
    code = (
        "import sys, json, contextlib, io\n"
        "from evals.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main(['finetune', '--help'])\n"
        "    except SystemExit: pass\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout.splitlines()[-1])) & HEAVY


# --- how a run ends -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Ended:
    """As the trainer says it."""

    folder: Path
    step: int
    finished: bool
    checkpoint: Path | None
    skipped: int = 0
    last: Mapping[str, float]


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A trainer that is done at once, to be changed by a test; `given` is what it was asked."""
    stand_in: Any = ModuleType("model.finetune.trainer")
    stand_in.given, stand_in.finished = [], True

    def finetune(config: Any, *, scorer: Any, force: bool, say: Any) -> Ended:
        stand_in.given.append((config, scorer, force))
        say("a line about the work")
        return Ended(
            folder=Path(config.out), step=config.steps if stand_in.finished else 2,
            finished=stand_in.finished, checkpoint=Path("there"), last={"flow": 0.5},
        )  # fmt: skip

    stand_in.finetune = finetune
    monkeypatch.setitem(sys.modules, "model.finetune.trainer", stand_in)
    return stand_in


def configured(tmp_path: Path, *more: str) -> list[str | Path]:
    mixture = "data.mixture=[{path: rows.parquet, task: edit}]"
    return [
        "finetune",
        "tiny",
        f"checkpoint={tmp_path}",
        f"out={tmp_path / 'out'}",
        mixture,
        "steps=40",
        *more,
    ]


@pytest.mark.parametrize(
    ("finished", "said"),
    [
        (True, "finished: step 40 of 40"),
        (False, "stopped, everything is kept: step 2 of 40"),
    ],
)
def test_finished_and_stopped_both_end_well(
    trainer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], finished: bool, said: str
) -> None:
    trainer.finished = finished
    assert call(*configured(tmp_path, "evaluate.every=0")) == 0
    shown = capsys.readouterr()
    assert said in shown.out
    assert "a line about the work" in shown.err
    (config, scorer, force) = trainer.given[0]
    assert (config.steps, scorer, force) == (40, None, False)


def test_json_is_all_that_is_printed(
    trainer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*configured(tmp_path, "evaluate.every=0", "--json", "--force")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["finished"] is True
    assert told["step"] == 40
    assert told["report"] is None
    assert trainer.given[0][2] is True


def test_a_run_that_scores_itself_is_given_the_scorer(trainer: Any, tmp_path: Path) -> None:
    from evals.finetune_scoring import score

    metrics = "evaluate.metrics=[fidelity]"
    assert call(*configured(tmp_path, "evaluate.every=10", metrics)) == 0
    assert trainer.given[0][1] is score


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("evaluate.suite=textedit/synth", "no validation split"),
        ("evaluate.metrics=[fidelty]", "'fidelity'"),
        ("optimiser.lr=1", "optimizer"),
        ("steps", "key=value"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_training(
    trainer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, said: str
) -> None:
    refused(capsys, configured(tmp_path, "evaluate.every=10", word), said)
    assert trainer.given == []


def test_ctrl_c_ends_it(trainer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    trainer.finetune = interrupted
    assert call(*configured(tmp_path, "evaluate.every=0")) == 130
    assert "interrupted" in capsys.readouterr().err


# --- one small run ------------------------------------------------------------------------------

SCORED = ("evaluate.every=2", "evaluate.limit=2", "evaluate.metrics=[fidelity]", "sampling.steps=1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four updates on drawn rows, scored at 0, 2 and 4."""
    place = tmp_path_factory.mktemp("finetune")
    assert call("model", "tiny", place / "tiny") == 0
    assert call("finetune", "data", place / "rows", "--task", "edit", "--count", 18,
                "--size", 128, "--workers", 1) == 0  # fmt: skip
    assert call(
        "finetune", "tiny", f"checkpoint={place / 'tiny'}", f"out={place / 'run'}",
        f"data.mixture=[{{path: {place / 'rows'}, task: edit}}]", "data.workers=0", "name=toy",
        "steps=4", "batch=2", "micro_batch=1", "save.every=2", "log.trackers=[]", *SCORED,
    ) == 0  # fmt: skip
    return place


def test_the_run_has_its_report(trained: Path) -> None:
    page = (trained / "run" / "report.html").read_text(encoding="utf-8")
    assert "Over the training: " in page
    folder = trained / "run" / "evals" / "textedit-val"
    names = {StoredRun.read(f).model for f in folder.glob("step-*")}
    assert names == {f"toy @ step {n}" for n in (0, 2, 4)}


def test_evaluate_does_not_do_what_is_done(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.internvlu.pipeline import InternVLUPipeline

    def never(*_: Any, **__: Any) -> None:
        pytest.fail("a stored step was asked again")

    monkeypatch.setattr(InternVLUPipeline, "make", never)
    (trained / "run" / "report.html").unlink()
    assert call("finetune", "evaluate", trained / "run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["steps"]) == {"2", "4"}
    assert "fidelity.psnr_background" in told["steps"]["4"]
    assert Path(told["report"]).is_file()


def test_evaluate_makes_what_is_not_there(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    folder = trained / "run" / "evals" / "textedit-val" / "step-000004"
    before = StoredRun.read(folder)
    shutil.rmtree(folder)
    assert call("finetune", "evaluate", trained / "run", "--step", 4) == 0
    shown = capsys.readouterr().out
    assert "report: " in shown
    assert "fidelity.psnr_background" in shown
    again = StoredRun.read(folder)
    assert again.manifest["identity"] == before.manifest["identity"]
    hashes = [{p.hash for p in run.predictions.values()} for run in (before, again)]
    assert hashes[0] == hashes[1], "the kept checkpoint is the model that was scored"


def test_evaluate_names_the_steps_there_are(
    trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refused(capsys, ["finetune", "evaluate", trained / "run", "--step", 3], "step 3", "2, 4")
    refused(capsys, ["finetune", "evaluate", tmp_path], str(tmp_path))


def test_export_can_be_evaluated(
    trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call("finetune", "export", trained / "run", "--to", tmp_path / "out", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"checkpoint": str(tmp_path / "out")}
    assert call("model", "info", tmp_path / "out") == 0


def test_a_dry_run_trains_nothing(
    trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, trainer: Any
) -> None:
    words = [
        "finetune", "tiny", f"checkpoint={trained / 'tiny'}", f"out={tmp_path / 'run'}",
        f"data.mixture=[{{path: {trained / 'rows'}, task: edit}}]", "log.trackers=[]", "--dry-run",
    ]  # fmt: skip
    assert call(*words) == 0
    shown = capsys.readouterr().out
    assert "warmup: 20" in shown
    assert "18 of 18 rows" in shown
    assert call(*words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sources"][0]["kept"] == 18
    assert found["trained"] == sum(trained for _, trained in found["parts"].values()) > 0
    assert sum(share["rows"] for share in found["shares"]) == 18
    assert found["memory"]["moments of AdamW"] == 8 * found["trained"] / 1e9
    assert Path(found["page"]).is_file()
    assert trainer.given == []
    assert not (tmp_path / "run" / "checkpoints").exists()
