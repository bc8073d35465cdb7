"""Confidence intervals of means over samples that come in clusters and strata.

Everything is pure, vectorised and seeded: equal arguments give equal results. What the numbers
mean, and why these methods, is told in docs/statistics.md. Sources: Efron & Tibshirani, "An
Introduction to the Bootstrap" (1993); Rao & Wu, "Resampling inference with complex survey data"
(JASA 1988) for the rescaled weights; Hesterberg, "What teachers should know about the bootstrap"
(arXiv:1411.5279) for the widened percentiles. Comparisons of two models are in
`evals.core.paired`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

RESAMPLES = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: None when there is no value.
        low: lower end; None when fewer than two clusters have a value, since then the spread
            between clusters is unknown.
        high: upper end; None together with `low`.
        n: number of values in the mean.
        clusters: number of clusters with a value.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int


def as_column(values: Sequence[float | None]) -> Floats:
    """Values as an array in which NaN stands for "no value".

    Raises:
        ValueError: a value is NaN or infinite: a score that is no number is a bug upstream and
            must not vanish among the missing ones.

    >>> as_column([1, None]).tolist()
    [1.0, nan]
    """
    bad = [v for v in values if v is not None and not math.isfinite(v)]
    if bad:
        raise ValueError(f"{len(bad)} of {len(values)} values are not finite (first: {bad[0]})")
    return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)


def codes(labels: Sequence[Hashable]) -> tuple[Ints, int]:
    """Labels as integers in order of first appearance, and how many different ones there are.

    >>> codes(["b", "a", "b"])
    (array([0, 1, 0]), 2)
    """
    seen: dict[Hashable, int] = {}
    out = np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=np.intp)
    return out, len(seen)


# --- bootstrap ------------------------------------------------------------------------------


class ClusterBootstrap:
    """Resampled clusters, drawn once and shared by every column and group of a run.

    Within each stratum with m clusters, m - 1 are drawn with replacement and weighted by
    m / (m - 1) (Rao & Wu 1988): the plain bootstrap draws m and is too narrow by (m - 1) / m,
    a factor of two in variance where a sub-class has two samples. Strata with one cluster are
    pooled; a single one joins the smallest other stratum. A cluster that lies in several strata
    counts for that of its first sample.

    Args:
        clusters: label of each sample's cluster.
        strata: label of each sample's stratum; None for one stratum.
        resamples: number of resamples R, at least 100.
        seed: of the generator.
    """

    def __init__(
        self,
        clusters: Sequence[Hashable],
        strata: Sequence[Hashable] | None = None,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> None:
        if resamples < 100:
            raise ValueError(f"resamples={resamples} is too few for a 95 % interval; use >= 100")
        if strata is not None and len(strata) != len(clusters):
            raise ValueError(f"{len(clusters)} clusters but {len(strata)} strata")
        self.resamples = resamples
        self.unit, self.units = codes(clusters)
        labels = strata if strata is not None else [0] * len(clusters)
        first: dict[int, Hashable] = {}
        for unit, label in zip(self.unit.tolist(), labels, strict=True):
            first.setdefault(unit, label)
        stratum, _ = codes([first[u] for u in range(self.units)])
        self.stratum = _pool_singletons(stratum)
        self.seed = seed

    @cached_property
    def weights(self) -> Floats:
        """Weight of each cluster in each resample, shape (R, clusters); each row averages 1."""
        rng = np.random.default_rng(self.seed)
        out = np.ones((self.resamples, self.units))
        for label in np.unique(self.stratum):
            members = np.flatnonzero(self.stratum == label)
            if len(members) >= 2:  # one cluster in all: nothing to resample, and no interval
                out[:, members] = draw_weights(rng, self.resamples, len(members))
        return out

    def sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Sum and number of values per cluster.

        Args:
            values: shape (samples, columns); NaN is no value.

        Returns:
            Two arrays of shape (clusters, columns).
        """
        has = ~np.isnan(values)
        total = np.zeros((self.units, values.shape[1]))
        count = np.zeros((self.units, values.shape[1]))
        np.add.at(total, self.unit, np.where(has, values, 0.0))
        np.add.at(count, self.unit, has)
        return total, count

    def means(self, total: Floats, count: Floats) -> Floats:
        """Resampled means, shape (R, columns); NaN where a resample holds no value."""
        used = np.flatnonzero(count.any(axis=1))
        weights = self.weights[:, used]
        denominator = weights @ count[used]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(denominator > 0, (weights @ total[used]) / denominator, np.nan)

    def intervals(self, values: Floats, *, confidence: float = 0.95) -> list[Interval]:
        """Mean and confidence interval of each column.

        Args:
            values: shape (samples, columns); NaN is no value. Rows outside a group of interest
                are NaN throughout: the same resamples then serve every group.
            confidence: of the interval, in (0, 1).
        """
        total, count = self.sums(values)
        n = count.sum(axis=0)
        with np.errstate(invalid="ignore"):
            mean = total.sum(axis=0) / n
        clusters = (count > 0).sum(axis=0)
        low, high = self.percentiles(self.means(total, count), count, confidence=confidence)
        return [
            Interval(
                mean=None if n[c] == 0 else float(mean[c]),
                # The mean is inside up to rounding; the comparison keeps it so to the last bit.
                low=None if clusters[c] < 2 else float(min(low[c], mean[c])),
                high=None if clusters[c] < 2 else float(max(high[c], mean[c])),
                n=int(n[c]),
                clusters=int(clusters[c]),
            )
            for c in range(values.shape[1])
        ]

    def percentiles(
        self, resampled: Floats, count: Floats, *, confidence: float = 0.95
    ) -> tuple[Floats, Floats]:
        """Percentile interval of resampled statistics, widened for few clusters.

        The levels are those of a normal distribution at Student's t quantile, with as many
        degrees of freedom as clusters less strata (Hesterberg 2014), so that ten clusters do not
        pretend to be a thousand; with many clusters they are the plain 2.5 % and 97.5 %.

        Args:
            resampled: shape (R, columns); NaN is skipped.
            count: values per cluster, shape (clusters, columns), for the degrees of freedom.
            confidence: of the interval.

        Returns:
            Lower and upper ends, shape (columns,) each; NaN where there is nothing.
        """
        from scipy import special  # a third of the time that scipy.stats takes to load

        free = np.array([self._degrees(column) for column in (count > 0).T], dtype=np.float64)
        wide = special.stdtrit(np.maximum(free, 1.0), 0.5 + confidence / 2)
        level = np.asarray(special.ndtr(-wide), dtype=np.float64)
        ordered = np.sort(resampled, axis=0)  # NaN goes last
        valid = (~np.isnan(ordered)).sum(axis=0)
        return _at(ordered, valid, level), _at(ordered, valid, 1 - level)

    def _degrees(self, has: npt.NDArray[np.bool_]) -> int:
        return int(has.sum()) - int(np.count_nonzero(np.bincount(self.stratum[has])))


def draw_weights(rng: np.random.Generator, resamples: int, clusters: int) -> Floats:
    """Weights of the clusters of one stratum, shape (R, clusters); two clusters at least."""
    rows = np.arange(resamples)[:, None] * clusters
    drawn = rng.integers(clusters, size=(resamples, clusters - 1)) + rows
    counts = np.bincount(drawn.ravel(), minlength=resamples * clusters)
    scale = clusters / (clusters - 1)
    return np.asarray(counts.reshape(resamples, clusters) * scale, dtype=np.float64)


def _at(ordered: Floats, valid: Ints, level: Floats) -> Floats:
    """Linear-interpolation quantile of the first `valid` rows of each sorted column."""
    place = np.clip(level * (valid - 1), 0, None)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(valid - 1, 0))
    columns = np.arange(ordered.shape[1])
    a, b = ordered[below, columns], ordered[above, columns]
    return np.where(valid > 0, a + (place - below) * (b - a), np.nan)


def _pool_singletons(stratum: Ints) -> Ints:
    """Strata of one cluster pooled, so that every stratum has at least two where possible."""
    sizes = np.bincount(stratum) if len(stratum) else np.zeros(0, dtype=np.intp)
    alone = np.flatnonzero(sizes == 1)
    if len(alone) == 0 or len(sizes) == 1:
        return stratum
    others = np.where(sizes > 1, sizes, np.iinfo(np.intp).max)
    home = alone[0] if len(alone) > 1 else int(np.argmin(others))
    return np.where(np.isin(stratum, alone), home, stratum)


def mean_ci(
    values: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Mean of one column with its stratified cluster-bootstrap interval.

    Args:
        values: one per sample; None is skipped.
        clusters: label per sample; None when every sample is its own cluster.
        strata: label per sample; None for one stratum.
        resamples: number of resamples.
        seed: of the generator.
        confidence: of the interval, in (0, 1).

    Raises:
        ValueError: NaN or an infinity among the values, or lengths differ.

    >>> i = mean_ci([0.0, 1.0, 1.0, None, 0.0])
    >>> i.mean, i.n, i.low <= 0.5 <= i.high
    (0.5, 4, True)
    >>> mean_ci([0.25]).low is None  # one cluster: no spread to speak of
    True
    """
    column = as_column(values)[:, None]
    labels = clusters if clusters is not None else range(len(values))
    if len(labels) != len(values):
        raise ValueError(f"{len(values)} values but {len(labels)} clusters")
    bootstrap = ClusterBootstrap(labels, strata, resamples=resamples, seed=seed)
    return bootstrap.intervals(column, confidence=confidence)[0]
