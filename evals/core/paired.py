"""Comparing two models on the same samples: p-values, families, detectable differences, ranks.

Pure, vectorised and seeded, like `evals.core.stats`. Sources: Phipson & Smyth, "Permutation
p-values should never be zero" (2010) for the +1; Holm (1979) for the family; docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from evals.core.stats import Floats, as_column, codes

PERMUTATIONS = 10_000
EXACT_CLUSTERS = 13
"""Up to 2 to this power sign patterns (8,192) are enumerated; above, they are drawn at random."""


@lru_cache(maxsize=2)
def swaps(
    clusters: int, *, resamples: int = PERMUTATIONS, seed: int = 0
) -> tuple[npt.NDArray[np.int8], bool]:
    """Which clusters exchange their two models, pattern by pattern.

    Returns:
        Zeros and ones of shape (patterns, clusters), read-only since every pair of a board uses
        the same, and whether they are all patterns there are (up to `EXACT_CLUSTERS` clusters)
        and not a random draw.

    >>> swaps(2)[0].tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    if clusters <= EXACT_CLUSTERS:
        numbers = np.arange(2**clusters)[:, None]
        patterns = ((numbers >> np.arange(clusters)) & 1).astype(np.int8)
    else:
        rng = np.random.default_rng(seed)
        patterns = rng.integers(0, 2, size=(resamples, clusters), dtype=np.int8)
    patterns.setflags(write=False)
    return patterns, clusters <= EXACT_CLUSTERS


def permutation_p(observed: float, permuted: Floats, exact: bool) -> float:
    """Two-sided p: share of patterns at least as far from zero as what was observed.

    A random draw counts the observed pattern once more (Phipson & Smyth 2010), so that p is
    never 0.

    >>> permutation_p(2.0, np.array([2.0, 0.0, 0.0, -2.0]), True)
    0.5
    """
    # Sums of the same numbers in another order differ in the last bits; they are ties.
    slack = 1e-10 * max(1.0, abs(observed))
    hits = int((np.abs(permuted) >= abs(observed) - slack).sum())
    return hits / len(permuted) if exact else (hits + 1) / (len(permuted) + 1)


def paired_permutation(
    differences: Sequence[float | None],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Two-sided p of "both models are the same" by flipping the sign of whole clusters.

    Args:
        differences: value of A minus value of B, one per sample; None is skipped.
        clusters: label per sample; None when every sample is its own cluster.
        resamples: random sign patterns when there are too many to enumerate.
        seed: of the generator.

    Returns:
        p in (0, 1]; 1 when there is nothing to compare.

    Raises:
        ValueError: NaN or an infinity among the differences.

    >>> paired_permutation([1.0, 1.0, 1.0, 1.0])  # two of sixteen patterns are as extreme
    0.125
    >>> paired_permutation([])
    1.0
    """
    column = as_column(differences)[:, None]
    labels = clusters if clusters is not None else range(len(differences))
    return float(paired_permutations(column, labels, resamples=resamples, seed=seed)[0])


def paired_permutations(
    differences: Floats,
    clusters: Sequence[Hashable],
    *,
    resamples: int = PERMUTATIONS,
    seed: int = 0,
) -> Floats:
    """`paired_permutation` of many columns, which share the sign patterns.

    Args:
        differences: shape (samples, columns); NaN is no value.
        clusters: label per sample.
        resamples: random sign patterns when there are too many to enumerate.
        seed: of the generator.

    Returns:
        p of each column, shape (columns,).
    """
    unit, units = codes(clusters)
    total = np.zeros((units, differences.shape[1]))
    np.add.at(total, unit, np.nan_to_num(differences, nan=0.0))
    moving = (total != 0).sum(axis=0)  # a cluster without a difference changes nothing
    out = np.ones(differences.shape[1])
    for c in np.flatnonzero((moving > 0) & (moving <= EXACT_CLUSTERS)):
        own = total[total[:, c] != 0, c]
        pattern, _ = swaps(len(own))
        out[c] = permutation_p(own.sum(), (1.0 - 2.0 * pattern) @ own, True)
    many = np.flatnonzero(moving > EXACT_CLUSTERS)
    if len(many):
        pattern, _ = swaps(units, resamples=resamples, seed=seed)
        permuted = np.vstack(
            [(1.0 - 2.0 * part) @ total[:, many] for part in np.array_split(pattern, 10)]
        )
        for at, c in enumerate(many):
            out[c] = permutation_p(total[:, c].sum(), permuted[:, at], False)
    return out


def cluster_exchange_p(
    first: Floats,
    second: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    resamples: int = PERMUTATIONS,
    seed: int = 0,
    many: int | None = None,
) -> float:
    """Two-sided p that two models are the same, by exchanging them in whole clusters.

    The statistic of both is computed anew after each exchange, so that nothing is linearised.

    Args:
        first: what one model adds to each sum, shape (clusters, sums).
        second: the same of the other.
        statistic: sums of shape (..., sums) -> values of shape (...); NaN is no value, and such an
            exchange counts as a hit.
        resamples: exchanges drawn when there are too many to enumerate.
        seed: of the generator.
        many: with more clusters that differ than this, the exchanged sums are drawn from their
            normal limit with the exact mean and covariance; None for never.
    """
    start = first.sum(axis=0)
    both = start + second.sum(axis=0)
    change = second - first
    change = change[(np.abs(change) > 1e-12).any(axis=1)]

    def gap(sums: Floats) -> Floats:
        return statistic(sums) - statistic(both - sums)

    observed = float(gap(start[None, :])[0])
    if many is not None and len(change) > many and kurtosis(change) <= NEAR_NORMAL:
        noise = np.random.default_rng(seed).standard_normal((resamples, change.shape[1]))
        exact = False
        parts = [gap(both / 2 + noise @ (normal_root(change) / 2))]
    else:
        pattern, exact = swaps(len(change), resamples=resamples, seed=seed)
        # Few clusters that differ have few patterns: no part may be empty.
        chunks = np.array_split(pattern, min(8, len(pattern)))
        parts = [gap(start + _exchanged(part, change)) for part in chunks]
    permuted = np.nan_to_num(np.concatenate(parts), nan=np.inf)
    return permutation_p(observed, permuted, exact)


def _exchanged(pattern: npt.NDArray[np.int8], change: Floats) -> Floats:
    """What each pattern adds to the sums, shape (patterns, sums); most changes may be 0."""
    if np.count_nonzero(change) > change.size / 4:
        return np.asarray(pattern @ change, dtype=np.float64)
    out = np.empty((len(pattern), change.shape[1]))
    for at in range(change.shape[1]):
        rows = np.flatnonzero(change[:, at])
        out[:, at] = pattern[:, rows] @ change[rows, at]
    return out


NEAR_NORMAL = 0.01
"""Largest excess kurtosis of exchanged sums, in size, for which their normal limit is taken."""


def kurtosis(change: Floats) -> float:
    """Half the excess kurtosis, in size, of column sums when each row takes part or not by chance.

    Their skewness is 0.

    Args:
        change: what a row adds when it takes part, shape (clusters, columns).
    """
    second = (change**2).sum(axis=0)
    moving = second > 0
    return float(np.max((change[:, moving] ** 4).sum(axis=0) / second[moving] ** 2, initial=0.0))


def normal_root(rows: Floats) -> Floats:
    """A matrix A, shape (columns, columns), with A^T A the sum of the rows' outer products.

    Unlike a Cholesky factor it exists where columns depend on each other.
    """
    values, vectors = np.linalg.eigh(rows.T @ rows)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T, dtype=np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being one family (Holm 1979), in the order given.

    Raises:
        ValueError: a p-value is outside [0, 1] or NaN.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if any(not 0.0 <= p <= 1.0 for p in p_values):
        raise ValueError(f"p-values must lie in [0, 1]: {list(p_values)}")
    out = [0.0] * len(p_values)
    running = 0.0
    for at, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - at) * p_values[index]))
        out[index] = running
    return out


def minimum_detectable_difference(
    differences: Sequence[float | None],
    clusters: Sequence[Hashable] | None = None,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float | None:
    """Smallest true difference that a paired comparison of this size finds with this power.

    (t(1 - alpha/2) + t(power)) times the cluster-robust standard error of the mean difference,
    with clusters - 1 degrees of freedom.

    Returns:
        In the unit of the differences, >= 0; None with fewer than two clusters.

    Raises:
        ValueError: NaN or an infinity among the differences.

    >>> round(minimum_detectable_difference([0.0, 1.0] * 50), 3)
    0.142
    """
    column = as_column(differences)
    labels = list(clusters) if clusters is not None else list(range(len(column)))
    return minimum_detectable_differences(column[:, None], labels, power=power, alpha=alpha)[0]


def minimum_detectable_differences(
    differences: Floats, clusters: Sequence[Hashable], *, power: float = 0.8, alpha: float = 0.05
) -> list[float | None]:
    """`minimum_detectable_difference` of many columns, shape (samples, columns); NaN is none."""
    from scipy import special

    unit, units = codes(clusters)
    has = ~np.isnan(differences)
    total, count = np.zeros((2, units, differences.shape[1]))
    np.add.at(total, unit, np.where(has, differences, 0.0))
    np.add.at(count, unit, has)
    n, m = count.sum(axis=0), (count > 0).sum(axis=0)
    out: list[float | None] = []
    for c in range(differences.shape[1]):
        if m[c] < 2:
            out.append(None)
            continue
        residual = total[:, c] - total[:, c].sum() / n[c] * count[:, c]
        error = math.sqrt(m[c] / (m[c] - 1) * float(residual @ residual)) / n[c]
        free = m[c] - 1
        quantiles = float(special.stdtrit(free, [1 - alpha / 2, power]).sum())
        out.append(quantiles * float(error))
    return out


def shared_ranks(
    values: Mapping[str, float],
    adjusted: Mapping[tuple[str, str], float],
    *,
    alpha: float = 0.05,
) -> dict[str, int]:
    """Ranks that models share unless they are separable.

    A model's rank is 1 plus the number of models that are significantly better: higher value and
    adjusted p <= `alpha`. So the best is 1, and a model that nobody beats is 1 too.

    Args:
        values: model -> headline, higher is better.
        adjusted: (model, model) -> Holm-adjusted p; a pair may be given in either order, and one
            that is not given is not separable.
        alpha: family-wise level.

    >>> shared_ranks({"a": 0.9, "b": 0.8, "c": 0.1},
    ...              {("a", "b"): 0.3, ("a", "c"): 0.01, ("c", "b"): 0.02})
    {'a': 1, 'b': 1, 'c': 3}
    """

    def beats(one: str, other: str) -> bool:
        p = adjusted.get((one, other), adjusted.get((other, one), 1.0))
        return values[one] > values[other] and p <= alpha

    return {m: 1 + sum(beats(o, m) for o in values if o != m) for m in values}
