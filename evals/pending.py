"""What a planned run still has to do: predictions to make, and what judging them will take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.core.store import PREDICTIONS, SCORES, prediction_from_row, read_jsonl
from evals.core.types import UNSUPPORTED_TASK, Item, Prediction, Sample
from evals.plan import PlannedRun

if TYPE_CHECKING:
    from judges.forecast import Forecast


def pending_counts(run: PlannedRun) -> tuple[int, int]:
    """Planned and already stored predictions of a run, without writing anything.

    Nothing is planned where the model does not do the task: it is not asked.
    """
    if not run.supported:
        return 0, 0
    rows = (prediction_from_row(r) for r in read_jsonl(run.folder / PREDICTIONS))
    settled = {(p.sample, p.trial) for p in rows if not (is_open(p) or declined(p))}
    jobs = jobs_of(run)
    return len(jobs), sum((s.id, t) in settled for s, t in jobs)


def judge_forecasts(run: PlannedRun) -> list[Forecast]:
    """What judging a run will still take, without asking or writing anything."""
    from judges.forecast import forecast
    from judges.metric import JudgedMetric

    stored = {
        (p.sample, p.trial): p
        for p in map(prediction_from_row, read_jsonl(run.folder / PREDICTIONS))
    }
    settled = {
        (r["prediction"], r["metric"], r["fingerprint"])
        for r in read_jsonl(run.folder / SCORES)
        if r["status"] in {"ok", "failed", "not_applicable"}
    }
    found = []
    for metric in run.board.metrics:
        if not run.supported or not isinstance(metric, JudgedMetric) or not metric.specs:
            continue
        scorer, items, unmade = metric.fingerprint(), [], []
        for sample, trial in jobs_of(run):
            made = stored.get((sample.id, trial))
            if made is None:
                unmade.append(sample)
            elif made.status == "ok" and (made.hash, metric.name, scorer) not in settled:
                items.append(item_of(run, sample, made))
        found += forecast(metric, items, unmade)
    return found


def item_of(run: PlannedRun, sample: Sample, prediction: Prediction) -> Item:
    """A stored prediction as metrics are given it."""
    images = tuple(run.folder / i.relative_path for i in prediction.images)
    return Item(sample=sample, prediction=prediction, images=images)


def jobs_of(run: PlannedRun) -> list[tuple[Sample, int]]:
    """Every planned (sample, trial), trial by trial."""
    trials = int(run.manifest["trials"])
    return [(s, t) for t in range(trials) for s in run.board.samples]


def is_open(prediction: Prediction) -> bool:
    """Whether a stored prediction is worth another try.

    Missing files may have come since, infrastructure may have recovered; a model's fault stays.
    """
    fault = prediction.fault
    return fault is not None and (fault.origin == "infrastructure" or fault.kind == "missing_file")


def declined(prediction: Prediction) -> bool:
    """Whether a model did not do the task at that time; it may have learnt it since."""
    return prediction.fault is not None and prediction.fault.kind == UNSUPPORTED_TASK
