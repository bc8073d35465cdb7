"""Resampled sums of many small tables at once: the bootstrap of formulas over groups.

The resamples are those of `ClusterBootstrap`. In a stratum of many clusters their sums are drawn
from the normal distribution that they have in the limit, with the exact mean and covariance of the
bootstrap: 2,000 weights for each of 40,000 clusters would take 640 MB, and say no more. See
docs/statistics.md, section "Variants".
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from evals.core.paired import normal_root
from evals.core.stats import ClusterBootstrap, Floats, Ints, draw_weights

MANY = 2_000
"""Strata of more clusters than this are drawn from the normal limit, where `SKEW` allows it."""
SKEW = 0.1
"""Largest skewness of a sum for that: a rate of 1 % has it at 10,000 clusters."""


class Resamples:
    """Resampled sums over one set of clusters and strata.

    Args:
        bootstrap: of the samples.
        many: strata of more clusters may be drawn from the normal limit.
    """

    def __init__(self, bootstrap: ClusterBootstrap, *, many: int = MANY) -> None:
        self.bootstrap = bootstrap
        self.many = many
        self._kept: dict[int, Floats] = {}

    @cached_property
    def _members(self) -> list[Ints]:
        """Clusters of each stratum; strata are numbered as they come."""
        strata = self.bootstrap.stratum
        order = np.argsort(strata, kind="stable")
        edges = np.flatnonzero(np.diff(strata[order])) + 1
        return np.split(order, edges) if len(order) else []

    @cached_property
    def _place(self) -> tuple[Ints, Ints]:
        """Stratum of each cluster, and its number within it."""
        stratum, number = np.zeros((2, self.bootstrap.units), dtype=np.intp)
        for label, members in enumerate(self._members):
            stratum[members], number[members] = label, np.arange(len(members))
        return stratum, number

    def sums(self, unit: Ints, place: Ints, places: int, values: Floats) -> Floats:
        """Resampled sums of values by place.

        Args:
            unit: cluster of each row.
            place: of each row, 0 to `places` - 1.
            places: how many there are.
            values: shape (rows, k).

        Returns:
            Shape (R, places, k).
        """
        k = values.shape[1]
        out = np.zeros((self.bootstrap.resamples, places, k))
        strata, numbers = self._place
        row_stratum = strata[unit].astype(np.int32)
        order = np.argsort(row_stratum, kind="stable")
        edges = np.searchsorted(row_stratum[order], np.arange(len(self._members) + 1))
        for label, members in enumerate(self._members):
            rows = order[edges[label] : edges[label + 1]]
            if len(rows) == 0:
                continue
            here, at = np.unique(place[rows], return_inverse=True)
            cell = numbers[unit[rows]] * len(here) + at
            size = len(members) * len(here)
            block = np.stack(
                [np.bincount(cell, values[rows, c], minlength=size) for c in range(k)],
                axis=-1,
                dtype=np.float64,
            ).reshape(len(members), len(here) * k)
            out[:, here] += self._drawn(label, block).reshape(-1, len(here), k)
        return out

    def _drawn(self, label: int, block: Floats) -> Floats:
        """Resampled column sums of one stratum, shape (R, columns)."""
        if len(block) < 2:
            return np.repeat(block, self.bootstrap.resamples, axis=0)
        if len(block) > self.many:
            centred = block - block.mean(axis=0)
            if skewness(centred) <= SKEW:
                return self._normal(label, block, centred)
        return self._weights(label) @ block

    def _normal(self, label: int, block: Floats, centred: Floats) -> Floats:
        m = len(block)
        spread = normal_root(centred) * np.sqrt(m / (m - 1))
        rng = np.random.default_rng([self.bootstrap.seed, label])
        noise = rng.standard_normal((self.bootstrap.resamples, len(spread)))
        return np.asarray(block.sum(axis=0) + noise @ spread, dtype=np.float64)

    def _weights(self, label: int) -> Floats:
        """Weights of one stratum's clusters, shape (R, clusters): those of plain columns, if any.

        Only where every stratum is small are all of them made; else those that are wanted.
        """
        if label not in self._kept:
            members = self._members[label]
            if max(map(len, self._members)) <= self.many:
                made = np.ascontiguousarray(self.bootstrap.weights[:, members])
            else:
                rng = np.random.default_rng([self.bootstrap.seed, label])
                made = draw_weights(rng, self.bootstrap.resamples, len(members))
            self._kept[label] = made
        return self._kept[label]


def skewness(centred: Floats) -> float:
    """Largest skewness, in size, of the column sums of independent draws of these rows.

    Args:
        centred: shape (clusters, columns), each column with mean 0.
    """
    square = centred * centred
    second = square.sum(axis=0)
    third = np.abs((square * centred).sum(axis=0))
    moving = second > 1e-18 * len(centred)
    return float(np.max(third[moving] / second[moving] ** 1.5, initial=0.0))
