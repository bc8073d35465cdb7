"""Runs a plan: predictions first, then each metric in turn, everything stored as it comes.

The same command again is the resume: whatever is stored is not done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evals.core.errors import ImageError, UserError
from evals.core.protocols import Model, no_score
from evals.core.types import Fault, Item, Output, Prediction, Sample, Task
from evals.core.writing import RunWriter
from evals.plan import Board, Plan, PlannedRun, sample_seed
from evals.workers import Workers


class Progress(Protocol):
    """Who is told how far the work is; see `evals.console` for the one people see."""

    def stage(self, title: str, total: int) -> None:
        """A new stage with `total` units of work begins."""
        ...

    def advance(self, done: int, failed: int = 0) -> None:
        """`done` more units are finished, `failed` of them without a result."""
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
    """

    folder: Path
    predicted: int
    scored: int
    infrastructure_faults: int
    failed_scores: int
    unavailable: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether all is done: each sample predicted (or the model's own fault) and scored."""
        return self.infrastructure_faults == 0 and self.failed_scores == 0


def pending_counts(run: PlannedRun) -> tuple[int, int]:
    """Planned and already stored predictions of a run, without writing anything."""
    from evals.core.store import PREDICTIONS, prediction_from_row, read_jsonl

    rows = (prediction_from_row(r) for r in read_jsonl(run.folder / PREDICTIONS))
    settled = {(p.sample, p.trial) for p in rows if not _open(p)}
    jobs = _jobs(run)
    return len(jobs), sum((s.id, t) in settled for s, t in jobs)


def _jobs(run: PlannedRun) -> list[tuple[Sample, int]]:
    trials = int(run.manifest["trials"])
    return [(s, t) for t in range(trials) for s in run.board.samples]


def _open(prediction: Prediction) -> bool:
    """Whether a stored prediction is worth another try.

    Missing files may have come since, infrastructure may have recovered; a model's fault stays.
    """
    fault = prediction.fault
    return fault is not None and (fault.origin == "infrastructure" or fault.kind == "missing_file")


# --- predictions ----------------------------------------------------------------------------


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
    stale = getattr(model, "is_stale", None)
    jobs = []
    for sample, trial in _jobs(run):
        before = stored.get((sample.id, trial))
        if before is None or _open(before) or (stale is not None and stale(sample, before)):
            jobs.append((sample, trial, before))
    if not jobs:
        return 0
    progress.stage(f"{run.spec.name}: predict", len(jobs))
    size = max(1, model.batch_size)
    batches = [jobs[i : i + size] for i in range(0, len(jobs), size)]
    seed = int(run.manifest["seed"])
    task = run.board.benchmark.task

    def one(batch: Sequence[tuple[Sample, int, Prediction | None]]) -> list[Prediction]:
        seeds = [sample_seed(seed, s.id, t) for s, t, _ in batch]
        start = time.perf_counter()
        outputs = _call(model, task, [s for s, _, _ in batch], seeds)
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


def score(
    run: PlannedRun, writer: RunWriter, workers: Workers, progress: Progress,
    *, retry_failed: bool = False,
) -> tuple[int, int]:  # fmt: skip
    """Compute the scores that are not stored yet; returns (made, failed in all)."""
    predictions = writer.stored_predictions()
    stored = writer.stored_score_keys()
    items = [
        Item(sample=s, prediction=p, images=tuple(run.folder / i.relative_path for i in p.images))
        for s, t in _jobs(run)
        if (p := predictions.get((s.id, t))) is not None and p.status == "ok"
    ]
    made = failed = 0
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
            failed += status == "failed" and status not in redo
        if not todo:
            continue
        if absence is not None:
            writer.add_scores([no_score(metric, i, "unavailable", str(absence)) for i in todo])
            continue
        progress.stage(f"{run.spec.name}: {metric.name}", len(todo))
        for scores in workers.score(metric, todo):
            writer.add_scores(scores)
            bad = sum(s.status == "failed" for s in scores)
            made, failed = made + len(scores), failed + bad
            progress.advance(len(scores), bad)
    return made, failed


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
    for board, runs in _by_board(plan.runs):
        with Workers(board.metrics, plan.config.workers) as workers:
            for run in runs:
                outcomes[run.folder] = _execute_one(
                    run, workers, progress, predictions=predictions, retry_failed=retry_failed
                )
    return [outcomes[r.folder] for r in plan.runs]


def _by_board(runs: Iterable[PlannedRun]) -> list[tuple[Board, list[PlannedRun]]]:
    groups: dict[int, tuple[Board, list[PlannedRun]]] = {}
    for run in runs:
        groups.setdefault(id(run.board), (run.board, []))[1].append(run)
    return list(groups.values())


def _execute_one(
    run: PlannedRun, workers: Workers, progress: Progress, *, predictions: bool, retry_failed: bool
) -> Outcome:
    with RunWriter(run.folder, run.manifest) as writer:
        writer.write_samples(run.board.samples)
        predicted = predict(run, writer, progress) if predictions else 0
        scored, failed = score(run, writer, workers, progress, retry_failed=retry_failed)
        stored = writer.stored_predictions()
        faults = sum(
            (p := stored.get((s.id, t))) is None
            or (p.fault is not None and p.fault.origin == "infrastructure")
            for s, t in _jobs(run)
        )
        outcome = Outcome(
            folder=run.folder,
            predicted=predicted,
            scored=scored,
            infrastructure_faults=faults,
            failed_scores=failed,
            unavailable=tuple(run.manifest["absences"]),
        )
        writer.update_manifest({**run.manifest, "finished": outcome.complete})
    return outcome
