"""What each column says of each planned sample, after the profile's policy for faults.

This is the one place where a sample without a value is dropped, scored worst or left open; the
means of `evals.core.summary`, the headline and the comparisons are all made from it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from evals.core.aggregation import OFFICIAL_POLICY, PAPER_POLICY, STRICT_POLICY, Policy
from evals.core.errors import UserError
from evals.core.stats import Floats, Ints
from evals.core.store import StoredRun
from evals.core.types import Absence, Fault, Prediction, Profile, Quantity, Score

Kind = Literal[
    "measured", "imputed", "dropped", "not_applicable", "unsupported", "unavailable", "failed",
    "waiting",
]  # fmt: skip
"""`measured`: there is a score. `imputed`: a fault scored by the policy. `dropped`: a fault that
the policy leaves out. `not_applicable`: no model can be scored here. `unsupported`: this model does
not do the benchmark's task, so that none of its samples has a value. The others are open, and the
run is incomplete: `unavailable`, `failed`, and `waiting` (not predicted or scored yet, or a fault
of the infrastructure)."""

OPEN: tuple[Kind, ...] = ("unavailable", "failed", "waiting")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a column says of one prediction."""

    kind: Kind
    value: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One quantity over the planned samples of a run, in their order.

    Attributes:
        name: ``metric.quantity``.
        quantity: as the metric declared it.
        policy: that was applied to faults.
        values: mean over trials, shape (samples,); NaN is no value.
        kinds: one per sample; with several trials that of the best one (`_BEST`).
        reasons: why a sample has no measured value; empty where it has.
        open: whether a value may still come (in any trial), shape (samples,).
        flawed_trials: trials without a measured value in samples that have one in another trial.
    """

    name: str
    quantity: Quantity
    policy: Policy
    values: Floats
    kinds: tuple[Kind, ...]
    reasons: tuple[str, ...]
    open: npt.NDArray[np.bool_]
    flawed_trials: int = 0

    @property
    def usable(self) -> bool:
        """Whether a mean makes sense: something was measured, or every sample's fate is known."""
        if not bool(np.isfinite(self.values).any()):
            return False
        return "measured" in self.kinds or not bool(self.open.any())

    def codes(self, code: Mapping[Kind, int]) -> Ints:
        """The kinds as numbers, shape (samples,)."""
        if self.kinds.count("measured") == len(self.kinds):
            return np.full(len(self.kinds), code["measured"], dtype=np.intp)
        return np.array([code[k] for k in self.kinds], dtype=np.intp)


def quantities(run: StoredRun) -> dict[str, Quantity]:
    """Column name -> its quantity, in the order in which the metrics declared them."""
    out: dict[str, Quantity] = {}
    for metric in run.manifest.get("metrics", ()):
        for row in metric["quantities"]:
            low, high = (float(v) for v in row["range"])
            worst = row.get("worst")
            out[f"{metric['name']}.{row['name']}"] = Quantity(
                name=row["name"],
                range=(low, high),
                direction=row["direction"],
                doc=row.get("doc", ""),
                unit=row.get("unit", ""),
                profile=row.get("profile", "strict"),
                worst=None if worst is None else float(worst),
                label=row.get("label", ""),
                no_zero=row.get("no_zero", ""),
                auxiliary=bool(row.get("auxiliary", False)),
            )
    return out


def policies(run: StoredRun) -> dict[Profile, Policy]:
    """The run's own policies by profile; the standard one for a profile it does not name."""
    out = {p.profile: p for p in (OFFICIAL_POLICY, STRICT_POLICY, PAPER_POLICY)}
    for row in run.manifest.get("policies", ()):
        policy = Policy(**row)
        out[policy.profile] = policy
    return out


def read_columns(
    run: StoredRun, names: Iterable[str] | None = None, *, profile: Profile | None = None
) -> dict[str, Column]:
    """Columns of a run with the policy applied.

    Args:
        run: as stored.
        names: which columns; None for all. Names that the run does not have are left out.
        profile: policy to apply to all of them; None for each quantity's own.

    Raises:
        UserError: a stored score is not a finite number.
    """
    known = quantities(run)
    rules = policies(run)
    wanted = known if names is None else {n: known[n] for n in names if n in known}
    rows = _Rows(run)
    return {n: _column(rows, n, q, rules[profile or q.profile]) for n, q in wanted.items()}


def strange_verdicts(run: StoredRun) -> dict[tuple[str, int, str], str]:
    """Scores whose verdict came from another served model than most of their metric, and why.

    A judge's name may be served by one model today and by another tomorrow. Their verdicts are not
    averaged unless the run was made with ``--pool-judges``: those of the fewer stay open.
    """
    if run.manifest.get("settings", {}).get("judging", {}).get("pool_judges"):
        return {}
    judged = [
        (key, tuple(score.evidence.get("served", ())))
        for key, score in run.scores.items()
        if score.evidence and score.status == "ok" and score.evidence.get("served")
    ]
    served: dict[str, Counter[tuple[str, ...]]] = {}
    for (_, _, metric), models in judged:
        served.setdefault(metric, Counter())[models] += 1
    usual = {m: counts.most_common(1)[0][0] for m, counts in served.items() if len(counts) > 1}
    found = {}
    for key, models in judged:
        if models != usual.get(key[2], models):
            found[key] = (
                f"judged by {' + '.join(models)} as served, most others by "
                f"{' + '.join(usual[key[2]])}; average them all with --pool-judges"
            )
    return found


class _Rows:
    """The scores of a run in the order of its samples, looked up once per metric.

    Nearly all samples have a prediction that is ok and a score that is a number. They are read
    here at one go; everything else is left to `_outcome`, sample by sample.

    Args:
        run: as stored.
    """

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        self.ids = sample_ids(run)
        self.alien = strange_verdicts(run)
        self._ok = [
            np.array(
                [
                    p is not None
                    and p.status == "ok"
                    and not (p.usage and p.usage.get("near_match"))
                    for p in map(run.predictions.get, zip(self.ids, repeat(trial), strict=False))
                ],
                dtype=np.bool_,
            )
            for trial in range(run.trials)
        ]
        self._scores: dict[str, list[list[Score | None]]] = {}

    def _of(self, metric: str) -> list[list[Score | None]]:
        if metric not in self._scores:
            get = self.run.scores.get
            self._scores[metric] = [
                list(map(get, zip(self.ids, repeat(t), repeat(metric), strict=False)))
                for t in range(self.run.trials)
            ]
            at = {sample: i for i, sample in enumerate(self.ids)} if self.alien else {}
            for sample, trial, name in self.alien:
                if name == metric and sample in at:
                    self._scores[metric][trial][at[sample]] = None
        return self._scores[metric]

    def values(self, metric: str, name: str) -> Floats:
        """Mean over trials where every trial has a plain number, else NaN; shape (samples,)."""
        total = np.zeros(len(self.ids))
        for ok, scores in zip(self._ok, self._of(metric), strict=True):
            raw = [None if s is None else s.parts.get(name) for s in scores]
            for kind in set(map(type, raw)):
                if not issubclass(kind, int | float | None):
                    raw = [None if isinstance(v, kind) else v for v in raw]
            total += np.where(ok, np.array(raw, dtype=np.float64), np.nan)
        mean = total / self.run.trials
        return np.where(np.isfinite(mean), mean, np.nan)


def _column(rows: _Rows, name: str, quantity: Quantity, policy: Policy) -> Column:
    run, metric = rows.run, name.rpartition(".")[0]
    values = rows.values(metric, quantity.name)
    kinds: list[Kind] = ["measured"] * len(values)
    reasons = [""] * len(values)
    still_open = np.zeros(len(values), dtype=np.bool_)
    flawed = 0
    for i in np.flatnonzero(np.isnan(values)).tolist():
        outcomes = [
            Outcome(kind="failed", value=None, reason=f"failed: {rows.alien[key]}")
            if (key := (rows.ids[i], trial, metric)) in rows.alien
            else _outcome(run, *key, quantity, policy)
            for trial in range(run.trials)
        ]
        best = min(outcomes, key=lambda o: _BEST.index(o.kind))
        numbers = [o.value for o in outcomes if o.value is not None]
        values[i] = sum(numbers) / len(numbers) if numbers else math.nan
        kinds[i], reasons[i] = best.kind, best.reason
        still_open[i] = any(o.kind in OPEN for o in outcomes)
        if best.kind == "measured":
            flawed += sum(o.kind != "measured" for o in outcomes)
    return Column(
        name=name,
        quantity=quantity,
        policy=policy,
        values=values,
        kinds=tuple(kinds),
        reasons=tuple(reasons),
        open=still_open,
        flawed_trials=flawed,
    )


_BEST: tuple[Kind, ...] = (
    "measured", "imputed", "failed", "unavailable", "waiting", "dropped", "not_applicable",
    "unsupported",
)  # fmt: skip
"""Which trial speaks for its sample."""


def _outcome(
    run: StoredRun, sample: str, trial: int, metric: str, quantity: Quantity, policy: Policy
) -> Outcome:
    prediction = run.predictions.get((sample, trial))
    if prediction is None:
        return Outcome(kind="waiting", value=None, reason="not predicted yet")
    if prediction.status != "ok":
        return _faulty(run, prediction, quantity, policy)
    if prediction.usage.get("near_match") and policy.by_kind.get("near_match") == "drop":
        reason = "found under another name, which the released script skips"
        return Outcome(kind="dropped", value=None, reason=reason)
    score = run.scores.get((sample, trial, metric))
    if score is not None:
        return _scored(run, score, quantity)
    absence = run.manifest.get("absences", {}).get(metric)
    if absence:
        why = Absence(reason=absence["reason"], fix=absence["fix"])
        return Outcome(kind="unavailable", value=None, reason=f"unavailable: {why}")
    return Outcome(kind="waiting", value=None, reason="not scored yet")


def _scored(run: StoredRun, score: Score, quantity: Quantity) -> Outcome:
    """What a stored score says of one of its quantities."""
    value: Any = score.parts.get(quantity.name)
    if value is not None:
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise UserError(
                f"{run.folder}: the score {score.metric}.{quantity.name} of sample "
                f"{score.sample} is {value}, which is no number to average; mend the metric and "
                "score the run again."
            )
        return Outcome(kind="measured", value=float(value))
    if score.status == "unavailable":
        return Outcome(kind="unavailable", value=None, reason=f"unavailable: {score.reason}")
    if score.status == "failed":
        return Outcome(kind="failed", value=None, reason=f"failed: {score.reason}")
    if quantity.name not in score.parts and score.status == "ok":
        return Outcome(kind="waiting", value=None, reason="not scored yet")
    why = score.notes.get(quantity.name) or score.reason or "no reason given"
    return Outcome(kind="not_applicable", value=None, reason=f"not applicable: {why}")


def _faulty(run: StoredRun, prediction: Prediction, quantity: Quantity, policy: Policy) -> Outcome:
    """What the policy makes of a prediction that is not ok."""
    if run.unsupported:
        # A model that was never asked is neither right nor wrong, in any profile.
        return Outcome(kind="unsupported", value=None, reason=run.unsupported)
    fault = prediction.fault or Fault(kind=prediction.status, message="", origin="infrastructure")
    status = prediction.status
    reason = status if fault.kind == status else f"{status}: {fault.kind}"
    rule = policy.rule(fault)
    if rule == "incomplete":
        return Outcome(kind="waiting", value=None, reason=reason)
    if rule == "drop":
        return Outcome(kind="dropped", value=None, reason=reason)
    if rule == "zero" and quantity.no_zero:
        return Outcome(kind="dropped", value=None, reason=f"{reason} ({quantity.no_zero})")
    value = 0.0 if rule == "zero" else quantity.worst
    if value is None:
        reason += " (no worst value is defined, so it is not counted)"
        return Outcome(kind="dropped", value=None, reason=reason)
    return Outcome(kind="imputed", value=value, reason=reason)


def sample_ids(run: StoredRun) -> tuple[str, ...]:
    """Names of a run's samples, in their order."""
    return tuple(map(str, map(itemgetter("id"), run.samples)))


def leaf_groups(samples: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Full group path of each sample."""
    return [tuple(s.get("group", ())) for s in samples]


def cluster_labels(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """Cluster of each sample; a sample without one is its own."""
    return [f"c:{s['cluster']}" if s.get("cluster") else f"s:{s['id']}" for s in samples]
