"""Runs a plan: predictions first, then each metric in turn, everything stored as it comes.

The same command again is the resume: whatever is stored is not done twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

from evals.core.errors import Halt, ImageError, UserError
from evals.core.protocols import Metric, Model, Streaming, no_score
from evals.core.store import SCORES, read_jsonl
from evals.core.types import Fault, Output, Prediction, Sample, Task
from evals.core.writing import RunWriter
from evals.pending import declined, is_open, item_of, jobs_of
from evals.plan import Board, Plan, PlannedRun, seed_of
from evals.turn import Turn
from evals.workers import Workers


class Progress(Protocol):
    """Who is told how far the work is; see `evals.console` for the one people see."""

    def stage(self, title: str, total: int) -> None:
        """A new stage with `total` units of work begins."""
        ...

    def advance(self, done: int, failed: int = 0) -> None:
        """`done` more units are finished, `failed` of them without a result."""
        ...

    def note(self, text: str) -> None:
        """What is going on just now; empty when there is nothing to say."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened to one planned run.

    Attributes:
        predicted: predictions made now.
        scored: scores made now.
        infrastructure_faults: planned predictions that failed through no fault of the model.
        failed_scores: scores that are failed after this run.
        unavailable: metrics that could not be computed here.
        open_scores: scores that were to be made and were not, because something halted them.
        halted: why, one sentence each.
        remarks: what people should know of the scores that were made.
    """

    folder: Path
    predicted: int
    scored: int
    infrastructure_faults: int
    failed_scores: int
    unavailable: tuple[str, ...]
    open_scores: int = 0
    halted: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all is done: each sample predicted (or the model's own fault) and scored."""
        return not (self.infrastructure_faults or self.failed_scores or self.open_scores)


# --- predictions ----------------------------------------------------------------------------


def _without_tasks(name: str) -> Model:
    """Who answers for a model that does not do the task: an adapter that overrides nothing."""
    from model.adapters.base import Adapter

    nobody = Adapter()
    nobody.name, nobody.tasks, nobody.batch_size = name, frozenset(), 256
    return cast("Model", nobody)


def _call(
    model: Model, task: Task, samples: Sequence[Sample], seeds: Sequence[int]
) -> list[Output]:
    method: Callable[[Sequence[Sample], Sequence[int]], list[Output]] = getattr(
        model, {"understand": "answer", "generate": "generate", "edit": "edit"}[task]
    )
    try:
        outputs = method(samples, seeds)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if len(samples) > 1:
            # One sample must not take its batch with it, now and at every resume.
            return [_call(model, task, [s], [n])[0] for s, n in zip(samples, seeds, strict=True)]
        fault = Fault(
            kind="exception",
            message=f"{type(error).__name__}: {error}"[:500],
            origin="infrastructure",
        )
        return [Output(status="error", fault=fault)]
    if len(outputs) != len(samples):
        raise RuntimeError(
            f"{model.name} returned {len(outputs)} outputs for {len(samples)} samples"
        )
    return outputs


def _store(
    writer: RunWriter, job: tuple[Sample, int], seed: int, output: Output, seconds: float
) -> Prediction:
    (sample, trial), refs = job, []
    status, fault = output.status, output.fault
    try:
        refs = [writer.add_image(image) for image in output.images]
    except ImageError as error:
        status, refs = "error", []
        fault = Fault(kind="unreadable_output", message=str(error), origin="model")
    return Prediction(
        sample=sample.id, trial=trial, seed=seed, status=status, text=output.text,
        images=tuple(refs), usage=output.usage, seconds=round(seconds, 4), fault=fault,
    )  # fmt: skip


def predict(run: PlannedRun, writer: RunWriter, progress: Progress) -> int:
    """Make the predictions that are not stored yet; returns how many."""
    model = run.model
    if model is None:
        raise ValueError(f"{run.folder} was planned for scoring only")
    stored = writer.stored_predictions()
    if not run.supported:
        model = _without_tasks(run.spec.name)
    stale = getattr(model, "is_stale", None)
    jobs = []
    for sample, trial in jobs_of(run):
        before = stored.get((sample.id, trial))
        again = before is None or is_open(before) or (run.supported and declined(before))
        if again or (stale is not None and stale(sample, before)):
            jobs.append((sample, trial, before))
    if not jobs:
        return 0
    if run.supported:
        progress.stage(f"{run.title}: predict", len(jobs))
    size = max(1, model.batch_size)
    batches = [jobs[i : i + size] for i in range(0, len(jobs), size)]
    task = run.board.benchmark.task

    def one(batch: Sequence[tuple[Sample, int, Prediction | None]]) -> list[Prediction]:
        seeds = [seed_of(run.manifest, s.id, t) for s, t, _ in batch]
        start = time.perf_counter()
        outputs = _call(model, task, [replace(s, trial=t) for s, t, _ in batch], seeds)
        each = (time.perf_counter() - start) / len(batch)
        return [
            _store(writer, (s, t), n, o, each)
            for (s, t, _), n, o in zip(batch, seeds, outputs, strict=True)
        ]

    made = 0
    for batch, predictions in zip(batches, _threads(model, one, batches), strict=True):
        # A fault that repeats itself is not written again: the file must not grow with retries.
        fresh = [
            p
            for (_, _, before), p in zip(batch, predictions, strict=True)
            if before is None or before.hash != p.hash
        ]
        writer.add_predictions(fresh)
        made += len(fresh)
        if run.supported:
            progress.advance(len(predictions), sum(p.status != "ok" for p in predictions))
    return made


def _threads(model: Model, one: Callable[[Any], list[Prediction]], batches: Sequence[Any]
             ) -> Iterator[list[Prediction]]:  # fmt: skip
    """Results in order, from as many threads as the adapter says it can stand."""
    count = int(getattr(model, "concurrency", 1))
    if count <= 1:
        yield from map(one, batches)
        return
    with ThreadPoolExecutor(count) as pool:
        # Submit in waves: a finished prediction must not wait for the end to be written.
        for start in range(0, len(batches), count * 4):
            yield from pool.map(one, batches[start : start + count * 4])


# --- scores ---------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Scoring:
    """What became of the scores of one run.

    Attributes:
        made: scores made now.
        failed: scores that are failed, those of earlier commands included.
        open: scores that were not made because something halted them.
        halted: why.
        remarks: what people should know of the scores.
    """

    made: int = 0
    failed: int = 0
    open: int = 0
    halted: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def score(
    run: PlannedRun, writer: RunWriter, workers: Workers, progress: Progress,
    *, retry_failed: bool = False,
) -> Scoring:  # fmt: skip
    """Compute the scores that are not stored yet."""
    predictions = writer.stored_predictions()
    stored = writer.stored_score_keys()
    items = [
        item_of(run, s, p)
        for s, t in jobs_of(run)
        if (p := predictions.get((s.id, t))) is not None and p.status == "ok"
    ]
    done = Scoring()
    for metric in run.board.metrics:
        scorer, absence = metric.fingerprint(), metric.absence()
        redo = {"failed"} if retry_failed else set()
        if absence is None:
            redo.add("unavailable")
        todo = []
        for item in items:
            status = stored.get((item.prediction.hash, metric.name, scorer))
            if status is None or status in redo:
                todo.append(item)
            done.failed += status == "failed" and status not in redo
        if not todo:
            continue
        if absence is not None:
            writer.add_scores([no_score(metric, i, "unavailable", str(absence)) for i in todo])
            continue
        progress.stage(f"{run.title}: {metric.name}", len(todo))
        left = len(todo)
        try:
            for scores in workers.score(metric, todo, retry=retry_failed):
                writer.add_scores(scores)
                bad = sum(s.status == "failed" for s in scores)
                done.made, done.failed = done.made + len(scores), done.failed + bad
                left -= len(scores)
                progress.note(metric.status() if isinstance(metric, Streaming) else "")
                progress.advance(len(scores), bad)
        except Halt as reason:
            done.open += left
            done.halted.append(f"{metric.name}: {reason}")
        done.remarks += _served(run, metric, scorer)
    return done


def _served(run: PlannedRun, metric: Metric, scorer: str) -> list[str]:
    """A warning when one judge's name was served by several models within the run."""
    if not isinstance(metric, Streaming):
        return []
    rows = (
        r for r in read_jsonl(run.folder / SCORES)
        if r["metric"] == metric.name and r["fingerprint"] == scorer
    )  # fmt: skip
    last = {(r["sample"], r["trial"]): r["evidence"].get("served") for r in rows}
    counts = Counter(" + ".join(models) for models in last.values() if models)
    if len(counts) < 2:
        return []
    told = " and ".join(f"{model} ({n})" for model, n in counts.most_common())
    return [
        f"{metric.name}: served as {told} within one run; only the verdicts of the first are "
        "averaged, all of them with --pool-judges"
    ]


# --- all of it ------------------------------------------------------------------------------


def execute(
    plan: Plan, progress: Progress, *, predictions: bool = True, retry_failed: bool = False
) -> list[Outcome]:
    """Do what a plan says; returns one outcome per run, in the plan's order.

    Args:
        plan: from `evals.plan.make_plan`.
        progress: told how far the work is.
        predictions: False to score what is stored only.
        retry_failed: compute failed scores again.

    Raises:
        UserError: a folder is locked or holds another run, or the disk cannot be written.
    """
    outcomes: dict[Path, Outcome] = {}
    boards = _by_board(plan.runs)
    turn = Turn([run for _, runs in boards for run in runs])
    for board, runs in boards:
        with Workers(board.metrics, plan.config.workers) as workers:
            for run in runs:
                outcomes[run.folder] = _execute_one(
                    run, workers, progress, turn, predictions=predictions, retry_failed=retry_failed
                )
    return [outcomes[r.folder] for r in plan.runs]


def _by_board(runs: Iterable[PlannedRun]) -> list[tuple[Board, list[PlannedRun]]]:
    groups: dict[int, tuple[Board, list[PlannedRun]]] = {}
    for run in runs:
        groups.setdefault(id(run.board), (run.board, []))[1].append(run)
    return list(groups.values())


def _execute_one(
    run: PlannedRun, workers: Workers, progress: Progress, turn: Turn, *, predictions: bool,
    retry_failed: bool,
) -> Outcome:  # fmt: skip
    with RunWriter(run.folder, run.manifest) as writer:
        writer.write_samples(run.board.samples)
        predicted = predict(run, writer, progress) if predictions else 0
        turn.done(run.model if run.supported else None)
        scoring = score(run, writer, workers, progress, retry_failed=retry_failed)
        stored = writer.stored_predictions()
        faults = sum(
            (p := stored.get((s.id, t))) is None
            or (p.fault is not None and p.fault.origin == "infrastructure")
            for s, t in jobs_of(run)
        )
        outcome = Outcome(
            folder=run.folder,
            predicted=predicted,
            scored=scoring.made,
            infrastructure_faults=faults,
            failed_scores=scoring.failed,
            unavailable=tuple(run.manifest["absences"]),
            open_scores=scoring.open,
            halted=tuple(scoring.halted),
            remarks=tuple(scoring.remarks),
        )
        writer.update_manifest({**run.manifest, "finished": outcome.complete})
    return outcome
