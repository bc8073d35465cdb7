"""A run against another run: differences per column and group, and what they are worth.

Everything is computed from stored runs. A difference is only called one where chance is ruled
out; where two numbers may not be compared at all, the reasons are named in place of a verdict.
Printed rows are in `evals.published`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from evals.core.columns import Column, cluster_labels, leaf_groups, quantities, read_columns
from evals.core.comparable import data_differences, ocr_difference, scorer_differences
from evals.core.errors import unknown
from evals.core.paired import holm, minimum_detectable_differences, paired_permutations
from evals.core.stats import RESAMPLES, ClusterBootstrap, Floats
from evals.core.store import StoredRun
from evals.core.types import JSON
from evals.published import PublishedComparison, PublishedDifference, compare_published, plain_json

ALPHA = 0.05

Verdict = Literal["better", "worse", "not separable", "not comparable"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One column in one group, run a minus run b, over samples that have a value in both.

    Attributes:
        column: ``metric.quantity``, read under the strict policy in both runs.
        group: path; () is all samples.
        direction: whether higher or lower is better.
        mean_a: mean of run a over the shared samples; None without any.
        mean_b: mean of run b.
        difference: `mean_a` - `mean_b`, in the column's unit.
        low: lower end of the 95 % interval of the difference; None with fewer than two clusters.
        high: upper end.
        p: two-sided permutation p; None when not comparable.
        adjusted: after Holm: over all columns for the whole suite, and for each column over its
            groups.
        mdd: smallest difference found with 80 % power at 5 %.
        n: shared samples.
        verdict: of a against b at an adjusted p of 5 %.
        reason: why it is not comparable; else empty.
    """

    column: str
    group: tuple[str, ...]
    direction: Literal["higher", "lower"]
    mean_a: float | None = None
    mean_b: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    adjusted: float | None = None
    mdd: float | None = None
    n: int = 0
    verdict: Verdict = "not comparable"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs, column by column.

    Attributes:
        a: model of the first run.
        b: model of the second.
        benchmark: of run a.
        suite: of run a.
        reasons: why nothing of the two runs can be compared; `rows` is then empty.
        notes: what a reader must know where they can.
        rows: whole suite first, then groups, columns in the metrics' order.
    """

    a: str
    b: str
    benchmark: str
    suite: str
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[Difference, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Plain objects, with ``"kind": "runs"``."""
        return {"kind": "runs", **plain_json(self)}


def compare_runs(
    a: StoredRun,
    b: StoredRun,
    columns: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two runs sample by sample, per column and group.

    Args:
        a: first run.
        b: second run; differences are a minus b.
        columns: ``metric.quantity`` names; None for all that both runs have.
        resamples: of the bootstrap.
        seed: of bootstrap and permutations.

    Raises:
        UserError: a column that neither run has.
    """
    known = [n for n in quantities(a) if n in quantities(b)]
    for name in columns or ():
        if name not in known:
            raise unknown("column that both runs have", name, known)
    empty = Comparison(a=a.model, b=b.model, benchmark=a.benchmark, suite=a.suite)
    other = {str(s["id"]) for s in b.samples}
    shared = [s for s in a.samples if str(s["id"]) in other]
    reasons = list(data_differences(a, b))
    if not reasons and not shared:
        reasons.append("the runs have no planned sample in common")
    if reasons:
        return replace(empty, reasons=tuple(reasons))
    names = list(columns or known)
    scorers = scorer_differences(a, b, sorted({n.rpartition(".")[0] for n in names}))
    rows = _differences(a, b, names, shared, scorers, resamples, seed)
    return replace(empty, notes=_notes(a, b, len(shared), scorers), rows=tuple(rows))


def _notes(a: StoredRun, b: StoredRun, shared: int, scorers: Mapping[str, str]) -> tuple[str, ...]:
    out = []
    if shared < max(len(a.samples), len(b.samples)):
        out.append(
            f"planned samples differ ({len(a.samples)} and {len(b.samples)}): "
            f"the comparison is over the {shared} in common"
        )
    if ocr := ocr_difference(a, b):
        out.append(ocr)
    out.extend(scorers.values())
    if a.trials != b.trials:
        out.append(f"trials differ: {a.trials} and {b.trials}; each sample counts with its mean")
    for run in (a, b):
        waiting = len(run.samples) * run.trials - len(run.predictions)
        if waiting:
            out.append(f"{run.model} is incomplete: {waiting} predictions are still to come")
    return tuple(out)


def _differences(
    a: StoredRun,
    b: StoredRun,
    names: Sequence[str],
    samples: Sequence[Mapping[str, Any]],
    scorers: Mapping[str, str],
    resamples: int,
    seed: int,
) -> list[Difference]:
    ids = [str(s["id"]) for s in samples]
    columns = read_columns(a, names, profile="strict"), read_columns(b, names, profile="strict")
    one, two = (_aligned(run, cs, names, ids) for run, cs in zip((a, b), columns, strict=True))
    both = np.isfinite(one) & np.isfinite(two)
    one, two = np.where(both, one, np.nan), np.where(both, two, np.nan)
    leaves = leaf_groups(samples)
    clusters = cluster_labels(samples)
    bootstrap = ClusterBootstrap(clusters, leaves, resamples=resamples, seed=seed)
    groups = dict.fromkeys(leaf[:d] for leaf in leaves for d in range(len(leaf) + 1))
    rows: list[Difference] = []
    for group in sorted(groups, key=len):
        member = np.array([leaf[: len(group)] == group for leaf in leaves], dtype=np.bool_)
        inside = np.where(member[:, None], one - two, np.nan)
        intervals = bootstrap.intervals(inside)
        here = np.flatnonzero(member)
        labels = [clusters[i] for i in here]
        p = paired_permutations(inside[here], labels, seed=seed)
        mdd = minimum_detectable_differences(inside[here], labels)
        for at, name in enumerate(names):
            row = Difference(
                column=name, group=group, direction=columns[0][name].quantity.direction,
                n=intervals[at].n,
            )  # fmt: skip
            metric = name.rpartition(".")[0]
            if metric in scorers:
                rows.append(replace(row, n=0, reason=scorers[metric]))
            elif intervals[at].n == 0:
                rows.append(replace(row, reason=_why_empty(columns, name)))
            else:
                rows.append(
                    replace(
                        row, mean_a=float(np.nanmean(one[here, at])),
                        mean_b=float(np.nanmean(two[here, at])), difference=intervals[at].mean,
                        low=intervals[at].low, high=intervals[at].high, p=float(p[at]),
                        mdd=mdd[at],
                    )
                )  # fmt: skip
    return _judged(rows)


def _aligned(
    run: StoredRun, columns: Mapping[str, Column], names: Sequence[str], ids: Sequence[str]
) -> Floats:
    """Values of the named columns for the given samples, shape (samples, columns)."""
    at = {str(s["id"]): i for i, s in enumerate(run.samples)}
    rows = [at[i] for i in ids]
    return np.column_stack([columns[n].values[rows] for n in names])


def _why_empty(columns: Sequence[Mapping[str, Column]], name: str) -> str:
    for side in columns:
        reasons = [r for r in side[name].reasons if r]
        if reasons and not np.isfinite(side[name].values).any():
            return max(set(reasons), key=reasons.count)
    return "no sample of this group has a value in both runs"


def _judged(rows: Sequence[Difference]) -> list[Difference]:
    """Rows with Holm-adjusted p and verdict, family by family."""
    families: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.p is not None:
            families.setdefault(row.column if row.group else "", []).append(i)
    out = list(rows)
    for members in families.values():
        for i, adjusted in zip(members, holm([rows[i].p or 0.0 for i in members]), strict=True):
            gain = rows[i].difference or 0.0
            gain = -gain if rows[i].direction == "lower" else gain
            verdict: Verdict = "better" if gain > 0 else "worse"
            if adjusted > ALPHA or gain == 0:
                verdict = "not separable"
            out[i] = replace(rows[i], adjusted=adjusted, verdict=verdict)
    return out


__all__ = [
    "Comparison", "Difference", "PublishedComparison", "PublishedDifference", "compare_published",
    "compare_runs",
]  # fmt: skip
