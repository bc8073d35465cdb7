"""How far judges agree with each other: pure functions over plain values.

A statistic is computed from weights of the units, one row per resample: ones give its value, those
of `evals.core.stats.ClusterBootstrap` its interval. Sources: Krippendorff, "Computing
Krippendorff's alpha-reliability" (2011); Cohen, "Weighted kappa" (1968).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from evals.core.stats import RESAMPLES, ClusterBootstrap, Floats, Ints, as_column

Level = Literal["ordinal", "interval", "nominal"]
Weights = Literal["quadratic", "linear"]

MAX_UNDEFINED = 0.1
"""Share of resamples without a value above which there is no interval."""
_BLOCK = 2_000_000  # weights that are worked on at once: memory must not grow with the resamples


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A statistic with its 95 % interval.

    Attributes:
        value: None where the statistic is undefined.
        low: lower end; None with fewer than two clusters, or where more than a tenth of the
            resamples leave the statistic undefined.
        high: upper end; None together with `low`.
        n: units it is made of.
        clusters: clusters of these units.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    clusters: int


class _Kernel(NamedTuple):
    """A statistic bound to its data."""

    units: Ints  # which units are used, by their place in the data
    of: Callable[[Floats], Floats]  # weights (R, used units) -> R values, NaN where undefined


# --- agreement of two, and of many ----------------------------------------------------------


def exact_agreement(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Share of units on which both say the same; None when there is none."""
    return _value(_within(a, b, tolerance=0.0))


def agreement_within(
    a: Sequence[float], b: Sequence[float], tolerance: float = 1.0
) -> float | None:
    """Share of units on which the two are at most `tolerance` apart; None when there is none.

    >>> agreement_within([1, 2, 3, 4], [1, 2, 4, 2])
    0.75
    """
    return _value(_within(a, b, tolerance=tolerance))


def mean_difference(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Bias: mean of `b` less mean of `a`; None when there is no unit."""
    return _value(_difference(a, b))


def weighted_kappa(
    a: Sequence[float], b: Sequence[float], low: int, high: int, weights: Weights = "quadratic"
) -> float | None:
    """Cohen's weighted kappa over a fixed scale: 1 - disagreement / disagreement by chance.

    Args:
        a: whole scores from `low` to `high`.
        b: the other's, in the same order.
        low: lowest score of the scale.
        high: highest score; a score that nobody gave changes nothing.
        weights: disagreement grows with the square of the distance, or with the distance.

    Returns:
        At most 1; 0 is chance. None without units, or when both always give the same one score:
        chance agreement is then complete, and agreement says nothing.

    Raises:
        ValueError: a score is not a whole number of the scale, or lengths differ.

    >>> weighted_kappa([1, 2, 3], [1, 2, 3], 1, 5), weighted_kappa([5, 5], [5, 5], 1, 5)
    (1.0, None)
    """
    return _value(_kappa(a, b, low=low, high=high, weights=weights))


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation; ties share the mean of their ranks.

    Returns:
        From -1 to 1; None when one side is constant or there are fewer than three units.

    >>> spearman([1, 2, 3, 4], [10, 20, 30, 25])
    0.8
    """
    return _value(_spearman(a, b))


def krippendorff_alpha(
    ratings: Sequence[Sequence[float | None]], *, level: Level = "ordinal"
) -> float | None:
    """Krippendorff's alpha: 1 - observed disagreement / disagreement expected by chance.

    Written as variances: alpha = 1 - (mean variance within units) / (variance of all ratings), both
    unbiased, over the ratings of units that have at least two. Ordinal alpha is that of mid-ranks
    (the ordinal distance of two categories is the difference of their mid-ranks), nominal alpha
    that of indicators. The coincidence matrix gives the same numbers.

    Args:
        ratings: one row per rater, one column per unit; None is a rating that is missing.
        level: which differences count.

    Returns:
        At most 1; 0 is chance. None when no unit has two ratings, or when all pairable ratings are
        equal: raters who use one point of a scale do not show that they can tell units apart.

    Raises:
        ValueError: rows differ in length, or a rating is NaN or infinite.

    >>> krippendorff_alpha([[1, 2, 3, None], [1, 2, 3, 4]]), krippendorff_alpha([[5, 5], [5, 5]])
    (1.0, None)
    """
    return _value(_alpha(ratings, level=level))


def with_interval(
    statistic: Callable[..., float | None],
    *data: Sequence[Any],
    clusters: Sequence[Hashable],
    strata: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    **options: Any,
) -> Estimate:
    """A statistic of this module with its 95 % percentile interval over resampled clusters.

    Resamples and percentiles are those of every other interval (docs/statistics.md, 2). Resamples
    that leave the statistic undefined are left out; when they are more than a tenth, the rest is a
    selection, and there is no interval.

    Args:
        statistic: one of the six functions above.
        data: its data; units are resampled, never raters.
        clusters: label of each unit's cluster.
        strata: label of each unit's stratum; None for one stratum.
        resamples: number of resamples.
        seed: of the generator.
        options: further arguments of the statistic.

    Raises:
        ValueError: the statistic is none of these, or lengths differ.

    >>> e = with_interval(mean_difference, [1, 2, 3, 4], [2, 2, 4, 5], clusters="abcd")
    >>> e.value, e.n, e.clusters, e.low < 0.75 < e.high
    (0.75, 4, 4, True)
    """
    if statistic not in _KERNELS:
        raise ValueError(
            f"{getattr(statistic, '__name__', statistic)} is no statistic of agreement"
        )
    kernel = _KERNELS[statistic](*data, **options)
    units = len(data[0][0] if statistic is krippendorff_alpha and data[0] else data[0])
    if len(clusters) != units or (strata is not None and len(strata) != units):
        raise ValueError(f"{units} units need as many clusters and strata, not {len(clusters)}")
    labels = [clusters[u] for u in kernel.units]
    plain = Estimate(value=_value(kernel), n=len(labels), clusters=len(set(labels)))
    if plain.value is None or plain.clusters < 2:
        return plain
    layers = None if strata is None else [strata[u] for u in kernel.units]
    bootstrap = ClusterBootstrap(labels, layers, resamples=resamples, seed=seed)
    parts = np.array_split(bootstrap.weights, math.ceil(resamples * plain.n / _BLOCK))
    resampled = np.concatenate([kernel.of(part[:, bootstrap.unit]) for part in parts])
    if np.isnan(resampled).mean() > MAX_UNDEFINED:
        return plain
    low, high = bootstrap.percentiles(resampled[:, None], np.ones((bootstrap.units, 1)))
    # The percentiles of a curved statistic need not hold its value; an interval shown does.
    ends = min(float(low[0]), plain.value), max(float(high[0]), plain.value)
    return replace(plain, low=ends[0], high=ends[1])


def _value(kernel: _Kernel) -> float | None:
    """The statistic itself: every unit counts once."""
    value = float(kernel.of(np.ones((1, len(kernel.units))))[0]) if len(kernel.units) else math.nan
    return None if math.isnan(value) else value


def _pair(a: Sequence[float], b: Sequence[float]) -> tuple[Floats, Floats, Ints]:
    """Both as arrays, and the places of all units."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} scores of one side but {len(b)} of the other")
    one, other = as_column(a), as_column(b)
    if np.isnan(one + other).any():
        raise ValueError("a score of a pair is missing; leave the unit out on both sides")
    return one, other, np.arange(len(a))


def _mean(values: Floats) -> Callable[[Floats], Floats]:
    """Weighted mean of a value per unit; clipped, lest rounding shows a share above 1."""
    return lambda w: np.clip((w @ values) / w.sum(axis=1), values.min(), values.max())


def _within(a: Sequence[float], b: Sequence[float], *, tolerance: float = 1.0) -> _Kernel:
    one, other, units = _pair(a, b)
    # Means of a panel differ in their last bits when they were summed in another order.
    return _Kernel(units, _mean((np.abs(other - one) <= tolerance + 1e-9).astype(np.float64)))


def _difference(a: Sequence[float], b: Sequence[float]) -> _Kernel:
    one, other, units = _pair(a, b)
    return _Kernel(units, _mean(other - one))


def _kappa(
    a: Sequence[float], b: Sequence[float], low: int, high: int, weights: Weights = "quadratic"
) -> _Kernel:
    one, other, units = _pair(a, b)
    scale = np.arange(low, high + 1, dtype=np.float64)
    odd = np.setdiff1d(np.concatenate([one, other]), scale)
    if len(odd):
        raise ValueError(f"{odd[0]:g} is not a whole number from {low} to {high}")
    if weights not in get_args(Weights):
        raise ValueError(f"weights={weights!r} is neither quadratic nor linear")
    power = 2 if weights == "quadratic" else 1
    apart = np.abs(other - one) ** power
    table = np.abs(scale[:, None] - scale) ** power
    is_one = (one[:, None] == scale).astype(np.float64)
    is_other = (other[:, None] == scale).astype(np.float64)

    def of(w: Floats) -> Floats:
        # What chance expects does not depend on who met whom: marginals are enough.
        expected = ((w @ is_one @ table) * (w @ is_other)).sum(axis=1) / w.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(expected > 0, 1 - (w @ apart) / expected, np.nan)

    return _Kernel(units, of)


def _spearman(a: Sequence[float], b: Sequence[float]) -> _Kernel:
    one, other, units = _pair(a, b)

    def of(w: Floats) -> Floats:
        x, y = (_centred(_mid_ranks(v, w), w) for v in (one, other))
        spread = np.sqrt((w * x * x).sum(axis=1) * (w * y * y).sum(axis=1))
        # One unit drawn twice is still one: a line through two units always fits.
        undefined = _constant(one, w) | _constant(other, w) | ((w > 0).sum(axis=1) < 3)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(undefined, np.nan, np.clip((w * x * y).sum(axis=1) / spread, -1, 1))

    return _Kernel(units, of)


def _alpha(ratings: Sequence[Sequence[float | None]], *, level: Level = "ordinal") -> _Kernel:
    if len({len(row) for row in ratings}) > 1:
        raise ValueError(
            f"raters have {sorted({len(r) for r in ratings})} units; fill up with None"
        )
    if level not in get_args(Level):
        raise ValueError(f"level={level!r} is none of {', '.join(get_args(Level))}")
    columns = [as_column(row) for row in ratings] or [as_column([])]
    table = np.column_stack(columns)
    counts = (~np.isnan(table)).sum(axis=1)
    units = np.flatnonzero(counts >= 2)
    m, values = counts[units], table[units][~np.isnan(table[units])]  # unit by unit
    unit, starts = np.repeat(np.arange(len(units)), m), np.cumsum(m) - m
    kinds = (
        (values[:, None] == np.unique(values)).astype(np.float64) if level == "nominal" else None
    )

    def variances(each: Floats, n: Floats) -> tuple[Floats, Floats]:
        """Sum of squares within each unit, and of all ratings."""
        if kinds is not None:
            inside = m - (np.add.reduceat(kinds, starts, axis=0) ** 2).sum(axis=1) / m
            return inside[None], n - ((each @ kinds) ** 2).sum(axis=1) / n
        x = _mid_ranks(values, each) if level == "ordinal" else (values - values.mean())[None]
        apart = x - (np.add.reduceat(x, starts, axis=1) / m)[:, unit]
        return np.add.reduceat(apart**2, starts, axis=1), (each * _centred(x, each) ** 2).sum(
            axis=1
        )

    def of(w: Floats) -> Floats:
        each = w[:, unit]
        n = each.sum(axis=1)
        within, total = variances(each, n)
        with np.errstate(invalid="ignore", divide="ignore"):
            alpha = 1 - ((w * within) @ (m / (m - 1)) / n) / (total / (n - 1))
        return np.where(_constant(values, each), np.nan, alpha)

    return _Kernel(units, of)


def _mid_ranks(values: Floats, w: Floats) -> Floats:
    """Mid-rank of each value among the weighted values, shape of `w`."""
    order = np.argsort(values, kind="stable")
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(w[:, order], axis=1)[:, np.cumsum(size) - 1]
    below = np.concatenate([np.zeros((len(w), 1)), upto[:, :-1]], axis=1)
    return np.asarray(((below + upto) / 2)[:, group])


def _centred(x: Floats, w: Floats) -> Floats:
    """Values less their weighted mean, row by row."""
    return np.asarray(x - ((w * x).sum(axis=1) / w.sum(axis=1))[:, None])


def _constant(values: Floats, w: Floats) -> Any:
    """Whether all values with weight are equal, row by row; exact, unlike a variance of 0."""
    lowest = np.where(w > 0, values, np.inf).min(axis=1)
    return lowest == np.where(w > 0, values, -np.inf).max(axis=1)


_KERNELS: Mapping[Callable[..., float | None], Callable[..., _Kernel]] = {
    exact_agreement: lambda a, b: _within(a, b, tolerance=0.0),
    agreement_within: _within,
    mean_difference: _difference,
    weighted_kappa: _kappa,
    spearman: _spearman,
    krippendorff_alpha: _alpha,
}
