"""Every pair of ranked runs, compared on the samples that both have; see docs/statistics.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Literal

import numpy as np

from evals.core.anchored import exchange_p
from evals.core.formula import Formula, Scope
from evals.core.headline import Contest, combine
from evals.core.paired import cluster_exchange_p, holm
from evals.core.readings import Reading, draw, fates, point, resampled
from evals.core.resample import MANY
from evals.core.stats import Floats
from evals.core.tracks import Choice, Entry, choose

ALPHA = 0.05

Verdict = Literal["better", "worse", "not separable"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two ranked runs of a board, compared on the samples they share.

    Attributes:
        a: model with the higher place.
        b: the other model.
        difference: headline of a minus headline of b.
        low: lower end of its 95 % interval; None with fewer than two clusters.
        high: upper end.
        p: two-sided permutation p.
        adjusted: p after Holm over all pairs of the board.
        mdd: smallest difference that this comparison finds with 80 % power at 5 %.
        n: samples in the comparison.
        verdict: of a against b at an adjusted p of 5 %.
    """

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    p: float
    adjusted: float
    mdd: float | None
    n: int
    verdict: Verdict


def compare_all(
    contest: Contest, entries: Sequence[Entry], names: Sequence[str], sign: float
) -> list[Pair]:
    """Every pair of entries, given in order of their values; Holm over all of them.

    Args:
        contest: that measures them.
        entries: ranked runs, best first.
        names: unique names of them.
        sign: -1 where lower is better, else 1.
    """
    pairs = [
        _pair(contest, (entries[i], entries[j]), (names[i], names[j]))
        for i, j in combinations(range(len(entries)), 2)
    ]
    adjusted = holm([p.p for p in pairs])
    return [
        replace(p, adjusted=q, verdict=_verdict(sign * p.difference, q))
        for p, q in zip(pairs, adjusted, strict=True)
    ]


def _verdict(better_by: float, adjusted: float) -> Verdict:
    if adjusted > ALPHA or better_by == 0:
        return "not separable"
    return "better" if better_by > 0 else "worse"


@dataclass(frozen=True, kw_only=True)
class _Versus:
    """What a comparison of two runs is made of.

    Attributes:
        difference: of the headlines.
        drawn: the same in each resample, shape (R,).
        count: samples in the comparison per cluster, shape (clusters, 1).
        p: of the permutation test.
        n: samples in the comparison.
    """

    difference: float
    drawn: Floats
    count: Floats
    p: float
    n: int


def _pair(contest: Contest, entries: tuple[Entry, Entry], names: tuple[str, str]) -> Pair:
    from scipy import special

    if contest.formula:
        found = _by_variant(contest, contest.formula, entries)
    else:
        found = _by_tracks(contest, entries)
    if found is None:
        return Pair(
            a=names[0], b=names[1], difference=0.0, low=None, high=None, p=1.0, adjusted=1.0,
            mdd=None, n=0, verdict="not separable",
        )  # fmt: skip
    clusters = int((found.count > 0).sum())
    low, high, mdd = None, None, None
    if clusters >= 2 and np.isfinite(found.drawn).any():
        change = found.drawn[:, None]
        ends = contest.layout.bootstrap.percentiles(change, found.count)
        low = float(min(ends[0][0], found.difference))
        high = float(max(ends[1][0], found.difference))
        error = float(np.nanstd(change, ddof=1))
        mdd = error * float(
            special.stdtrit(clusters - 1, 1 - ALPHA / 2) + special.stdtrit(clusters - 1, 0.8)
        )
    return Pair(
        a=names[0], b=names[1], difference=found.difference, low=low, high=high, p=found.p,
        adjusted=found.p, mdd=mdd, n=found.n, verdict="not separable",
    )  # fmt: skip


def _by_tracks(contest: Contest, entries: tuple[Entry, Entry]) -> _Versus | None:
    """By tracks or a column; None where the two share no samples in any of them."""
    anchors = [e for e in (contest.floor, contest.ceiling) if e is not None]
    choices: list[Choice]
    choices, _ = choose(contest.rule, [*entries, *anchors])
    made = [contest.anchored(c, entries) for c in choices]
    keep = [i for i, a in enumerate(made) if a.count.sum() > 0]
    choices, made = [choices[i] for i in keep], [made[i] for i in keep]
    if not made:
        return None
    totals = [a.total() for a in made]
    observed = combine(choices, [t for t, _ in totals])
    drawn = combine(choices, [d for _, d in totals])
    shared = np.isfinite(np.column_stack([a.shares for a in made])).all(axis=1)
    _, count = contest.layout.bootstrap.sums(np.where(shared, 1.0, np.nan)[:, None])
    return _Versus(
        difference=float(observed[0] - observed[1]),
        drawn=drawn[:, 0] - drawn[:, 1],
        count=count,
        p=exchange_p([a.shares for a in made], contest.layout, clip=not choices[0].plain),
        n=int(shared.sum()),
    )


def _by_variant(contest: Contest, formula: Formula, entries: tuple[Entry, Entry]) -> _Versus | None:
    """By a variant, with the formula computed anew in every resample and exchange.

    Returns:
        None where it has no value over the samples that the two share.
    """
    frame, layout = formula.frame, contest.layout
    columns = [e.in_order(contest.ids) for e in entries]
    both = {
        n: np.isfinite(columns[0][n].values) & np.isfinite(columns[1][n].values)
        for n in formula.columns
    }
    readings = [
        Reading(frame, {n: np.where(both[n], own[n].values, np.nan) for n in both})
        for own in columns
    ]
    observed = [r.observed(formula, ()) for r in readings]
    # A group counts where both have a value: a ratio may lack one when nothing is below its line.
    shared = [
        np.where((a[:, 1:] != 0) & (b[:, 1:] != 0), a, 0.0) for a, b in zip(*observed, strict=True)
    ]
    scope = formula.scope((), shared)
    if scope.reason:
        return None
    values = [point(formula, scope, sums) for sums in observed]
    drawn = [resampled(formula, scope, d) for d in draw(readings, formula.branches)]
    used = fates(formula, columns[0]).used & fates(formula, columns[1]).used
    count = np.bincount(layout.bootstrap.unit[used], minlength=layout.bootstrap.units)
    first, second = (_clustered(formula, scope, r) for r in readings)
    return _Versus(
        difference=values[0] - values[1],
        drawn=drawn[0] - drawn[1],
        count=count[:, None].astype(np.float64),
        p=cluster_exchange_p(
            first, second, partial(_flat_value, formula, scope), seed=layout.seed, many=MANY
        ),
        n=int(used.sum()),
    )


def _clustered(formula: Formula, scope: Scope, reading: Reading) -> Floats:
    """What each cluster adds to the sums of a scope, shape (clusters, sums)."""
    branches = {formula.branches[b]: kept for b, kept in scope.kept.items()}
    parts = [b.clustered(reading.values(b), kept) for b, kept in branches.items()]
    return np.concatenate(parts, axis=1)


def _flat_value(formula: Formula, scope: Scope, sums: Floats) -> Floats:
    """The value from the sums of a scope in one row, shape (..., sums)."""
    ends = np.cumsum([2 * len(kept) for kept in scope.kept.values()])[:-1]
    blocks = zip(scope.kept, np.split(sums, ends, axis=-1), strict=True)
    return formula.value(scope, {b: s.reshape(*s.shape[:-1], -1, 2) for b, s in blocks})
