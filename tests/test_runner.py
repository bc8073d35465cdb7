"""Predictions and scores of a plan: statuses, resume, retries, and what a killed run leaves."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image

from evals.config import ModelSpec, RunConfig
from evals.core.aggregation import Headline
from evals.core.errors import UserError
from evals.core.protocols import Benchmark, DataSource, Metric, Suite, make_score
from evals.core.store import StoredRun, read_jsonl
from evals.core.types import JSON, Absence, Fault, Item, Output, Quantity, Sample, Score, Task
from evals.manifest import make_manifest
from evals.plan import Board, Plan, PlannedRun, sample_seed, spread
from evals.runner import Outcome, execute
from tests.performance.folders import build, invented

ROOT = Path(__file__).resolve().parent.parent


class Silent:
    def stage(self, title: str, total: int) -> None: ...
    def advance(self, done: int, failed: int = 0) -> None: ...

    def note(self, text: str) -> None: ...


def png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (4, 4), shade).save(stream, "PNG")
    return stream.getvalue()


@dataclass
class FakeModel:
    """Answers with a grey image; what `does` says for a sample happens instead."""

    does: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    seeds: dict[str, int] = field(default_factory=dict)
    name: str = "fake"
    tasks: frozenset[Task] = frozenset({"edit"})
    batch_size: int = 2
    concurrency: int = 1

    def describe(self) -> Mapping[str, JSON]:
        return {"kind": "fake"}

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        self.calls += [s.id for s in samples]
        self.seeds.update({s.id: n for s, n in zip(samples, seeds, strict=True)})
        outputs = []
        for n, sample in enumerate(samples):
            what = self.does.get(sample.id, png(n))
            if isinstance(what, Exception):
                raise what
            outputs.append(what if isinstance(what, Output) else Output(images=(what,)))
        return outputs

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        raise AssertionError("not an understanding model")

    generate = answer


@dataclass(frozen=True)
class Brightness:
    """Mean grey level of the output."""

    missing: bool = False
    fails: frozenset[str] = frozenset()
    version: str = "1"
    name: str = "brightness"
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 3
    quantities: tuple[Quantity, ...] = (
        Quantity(name="mean", range=(0, 255), direction="higher", doc="mean grey", worst=0.0),
    )

    def fingerprint(self) -> str:
        return f"brightness-{self.version}"

    def absence(self) -> Absence | None:
        return Absence(reason="no lamp", fix="buy one") if self.missing else None

    def score(self, items: Sequence[Item]) -> list[Score]:
        if any(i.sample.id in self.fails for i in items):
            raise ValueError("dark")
        return [
            make_score(self, i, {"mean": float(Image.open(i.images[0]).getpixel((0, 0)))})  # type: ignore[arg-type]
            for i in items
        ]


def plan(
    place: Path, model: FakeModel, metric: Metric | None = None, *, n: int = 5, seed: int = 0,
    trials: int = 1,
) -> Plan:  # fmt: skip
    samples = tuple(
        Sample(id=str(k), benchmark="b", suite="s", task="edit", prompt="p", group=("g",))
        for k in range(n)
    )
    metric = metric or Brightness()
    suite = Suite(
        name="s", title="S", version="1", synthetic=True, size=n,
        load=lambda _: list(samples), verify=lambda _: [],
    )  # fmt: skip
    benchmark = Benchmark(
        name="b", title="B", task="edit", version="1", licence="-", citation="-",
        suites={"s": suite}, default_suite="s", metrics=lambda _: [metric],
        headline=Headline(name="mean", column="brightness.mean"),
    )  # fmt: skip
    board = Board(
        benchmark=benchmark, suite=suite, source=DataSource(), samples=samples,
        metrics=(metric,), identity="i",
    )  # fmt: skip
    spec = ModelSpec(name="fake", adapter="fake")
    config = RunConfig(models=(spec,), benchmarks=(object(),), seed=seed, trials=trials, workers=1)  # type: ignore[arg-type]
    manifest = make_manifest(config, board, spec, model)
    run = PlannedRun(model=model, spec=spec, board=board, folder=place, manifest=manifest)
    return Plan(config=config, runs=(run,))


def go(p: Plan, **kw: Any) -> Outcome:
    return execute(p, Silent(), **kw)[0]


def test_every_planned_sample_has_a_status(tmp_path: Path) -> None:
    refusal = Fault(kind="refused", message="no", origin="model")
    model = FakeModel(
        does={
            "1": Output(status="refused", fault=refusal),
            "3": b"not an image",
            "4": RuntimeError("CUDA out of memory"),
        }
    )
    outcome = go(plan(tmp_path, model))
    run = StoredRun.read(tmp_path)
    statuses = {
        k: (p.status, p.fault.kind if p.fault else "") for (k, _), p in run.predictions.items()
    }
    assert statuses == {
        "0": ("ok", ""),
        "1": ("refused", "refused"),
        "2": ("ok", ""),
        "3": ("error", "unreadable_output"),
        "4": ("error", "exception"),
    }
    assert run.predictions[("3", 0)].fault.origin == "model"  # type: ignore[union-attr]
    assert run.predictions[("4", 0)].fault.origin == "infrastructure"  # type: ignore[union-attr]
    assert {k[0] for k in run.scores} == {"0", "2"}
    assert not outcome.complete
    assert run.manifest["finished"] is False


def test_only_what_infrastructure_broke_is_tried_again(
    tmp_path: Path,
) -> None:
    model = FakeModel(does={"2": RuntimeError("boom"), "4": b"junk"})
    go(plan(tmp_path, model))
    again = FakeModel(does={"4": b"junk"})
    outcome = go(plan(tmp_path, again))
    assert again.calls == ["2"], "3 shared its batch and did not go down with it"
    assert outcome.complete
    assert (outcome.predicted, outcome.scored) == (1, 1)
    third = FakeModel()
    outcome = go(plan(tmp_path, third))
    assert third.calls == []
    assert (outcome.predicted, outcome.scored) == (0, 0)


def test_a_fault_that_repeats_itself_is_written_once(tmp_path: Path) -> None:
    for _ in range(3):
        go(plan(tmp_path, FakeModel(does={"0": RuntimeError("boom")})))
    rows = list(read_jsonl(tmp_path / "predictions.jsonl"))
    assert [r["sample"] for r in rows].count("0") == 1


def test_seeds_do_not_depend_on_batch_or_order(tmp_path: Path) -> None:
    a, b = FakeModel(batch_size=1), FakeModel(batch_size=5)
    go(plan(tmp_path / "a", a, seed=7))
    go(plan(tmp_path / "b", b, seed=7))
    assert a.seeds == b.seeds == {str(k): sample_seed(7, str(k), 0) for k in range(5)}
    c = FakeModel()
    go(plan(tmp_path / "c", c, seed=8))
    assert set(c.seeds.values()).isdisjoint(a.seeds.values())


def test_threads_give_the_same_predictions(tmp_path: Path) -> None:
    go(plan(tmp_path / "a", FakeModel(), n=30))
    go(plan(tmp_path / "b", FakeModel(concurrency=4), n=30))
    one, many = (StoredRun.read(tmp_path / x).predictions for x in "ab")
    assert {k: p.hash for k, p in one.items()} == {k: p.hash for k, p in many.items()}


def test_trials_are_rows_of_their_own(tmp_path: Path) -> None:
    go(plan(tmp_path, FakeModel(), trials=2))
    run = StoredRun.read(tmp_path)
    assert len(run.predictions) == len(run.scores) == 10
    assert len({p.seed for p in run.predictions.values()}) == 10


def test_a_metric_that_is_absent_is_said_per_sample_and_computed_once_it_is_there(
    tmp_path: Path,
) -> None:
    outcome = go(plan(tmp_path, FakeModel(), Brightness(missing=True)))
    assert outcome.unavailable == ("brightness",)
    scores = StoredRun.read(tmp_path).scores.values()
    assert {(s.status, s.value, s.reason) for s in scores} == {
        ("unavailable", None, "no lamp; buy one")
    }
    go(plan(tmp_path, FakeModel(), Brightness()))
    assert {s.status for s in StoredRun.read(tmp_path).scores.values()} == {"ok"}


def test_a_new_scorer_scores_again_and_the_old_scores_stay(tmp_path: Path) -> None:
    go(plan(tmp_path, FakeModel()))
    outcome = go(plan(tmp_path, FakeModel(), Brightness(version="2")))
    assert (outcome.predicted, outcome.scored) == (0, 5)
    assert len(list(read_jsonl(tmp_path / "scores.jsonl"))) == 10
    assert {s.fingerprint for s in StoredRun.read(tmp_path).scores.values()} == {"brightness-2"}


def test_failed_scores_are_kept_until_asked_for_again(tmp_path: Path) -> None:
    outcome = go(plan(tmp_path, FakeModel(), Brightness(fails=frozenset({"1"}))))
    assert outcome.failed_scores == 1
    assert not outcome.complete
    outcome = go(plan(tmp_path, FakeModel(), Brightness()))
    assert outcome.scored == 0
    assert outcome.failed_scores == 1
    outcome = go(plan(tmp_path, FakeModel(), Brightness()), retry_failed=True)
    assert (outcome.scored, outcome.failed_scores) == (1, 0)
    assert outcome.complete


def test_two_runs_on_one_folder_at_once(tmp_path: Path) -> None:
    class Slow(FakeModel):
        def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
            with pytest.raises(UserError, match="is being written by process"):
                go(plan(tmp_path, FakeModel()))
            return super().edit(samples, seeds)

    assert go(plan(tmp_path, Slow())).complete


def test_spread_takes_from_every_group() -> None:
    samples = [
        Sample(id=f"{g}{k}", benchmark="b", suite="s", task="edit", prompt="", group=(g,))
        for g, n in (("a", 5), ("b", 2), ("c", 1))
        for k in range(n)
    ]
    assert [s.id for s in spread(samples, 3)] == ["a0", "b0", "c0"]
    assert [s.id for s in spread(samples, 6)] == ["a0", "a1", "a2", "b0", "b1", "c0"]
    assert spread(samples, None) == spread(samples, 99) == samples


def _command(place: Path, out: Path) -> list[str]:
    folder = place / "TextEdit"
    return [
        sys.executable, "-m", "evals.cli", "run", "-m", f"replay:{place / 'output' / 'bagel'}",
        "-b", "textedit/full", "--data", f"textedit={folder}", "--out", str(out), "--no-anchors",
        "--no-report", "--ocr", "recorded", "--ocr-option", f"file={place / 'readings.json'}",
        "--metric", "ocr_official", "--metric", "ocr_strict", "--metric", "fidelity",
    ]  # fmt: skip


def _rows(out: Path) -> list[str]:
    path = out / "textedit-full" / "bagel" / "scores.jsonl"
    text = path.read_bytes() if path.exists() else b""
    return [line for line in text.decode().split("\n") if line]


def test_kill_9_while_scoring_then_the_same_command(tmp_path: Path) -> None:
    """Identical scores to an uninterrupted run, as a set; no sample scored twice."""
    build(tmp_path, invented(360))
    environment = {**os.environ, "UMM_EVALS_CACHE": str(tmp_path / "cache")}

    def start(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            _command(tmp_path, out), cwd=ROOT, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    calm, killed = tmp_path / "calm", tmp_path / "killed"
    assert start(calm).wait() == 0
    whole = _rows(calm)
    assert len(whole) == 360 * 3

    for aim in (40, 400, 800):
        process = start(killed)
        while len(_rows(killed)) < aim and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert 0 < len(_rows(killed)) < len(whole), "the kills came in time to interrupt something"
    assert start(killed).wait() == 0
    again = _rows(killed)
    assert len(again) == len(whole)
    assert set(again) == set(whole)
    keys = [(r["sample"], r["metric"]) for r in map(json.loads, again)]
    assert len(keys) == len(set(keys))


def test_ctrl_c_leaves_a_resumable_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    build(tmp_path, invented(360))
    environment = {**os.environ, "UMM_EVALS_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        _command(tmp_path, tmp_path / "out"), cwd=ROOT, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while len(_rows(tmp_path / "out")) < 20 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    done = subprocess.run(
        _command(tmp_path, tmp_path / "out"), cwd=ROOT, env=environment, check=False,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert len(_rows(tmp_path / "out")) == 360 * 3
