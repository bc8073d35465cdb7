"""The arithmetic of the anchored headline, on arrays: pure, and the same for one model or many.

Formulas are in docs/statistics.md, section "The hybrid headline". Throughout, K is the number of
models, L of leaf groups, R of resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from evals.core.paired import PERMUTATIONS, cluster_exchange_p
from evals.core.stats import ClusterBootstrap, Floats, codes

GroupPath = tuple[str, ...]


class Layout:
    """Samples of a suite by leaf group and cluster, with their shared resamples.

    Args:
        leaves: group path of each sample.
        clusters: cluster of each sample.
        resamples: R.
        seed: of the bootstrap and of the permutations.
    """

    def __init__(
        self,
        leaves: Sequence[GroupPath],
        clusters: Sequence[str],
        *,
        resamples: int,
        seed: int,
    ) -> None:
        self.bootstrap = ClusterBootstrap(clusters, leaves, resamples=resamples, seed=seed)
        self.leaf, _ = codes(leaves)
        self.leaves = tuple(dict.fromkeys(leaves))
        self.seed = seed

    @cached_property
    def _weights(self) -> list[tuple[npt.NDArray[np.intp], Floats]]:
        """Per leaf: its clusters, and their weights of shape (R, clusters of the leaf)."""
        out = []
        for index in range(len(self.leaves)):
            units = np.unique(self.bootstrap.unit[self.leaf == index])
            out.append((units, np.ascontiguousarray(self.bootstrap.weights[:, units])))
        return out

    def leaf_sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Sums per leaf, observed and resampled.

        Args:
            values: shape (samples, columns), finite.

        Returns:
            Shapes (L, columns) and (R, L, columns).
        """
        observed = np.zeros((len(self.leaves), values.shape[1]))
        np.add.at(observed, self.leaf, values)
        drawn = np.zeros((self.bootstrap.resamples, *observed.shape))
        for index, (units, weights) in enumerate(self._weights):
            here = self.leaf == index
            sums = np.zeros((self.bootstrap.units, values.shape[1]))
            np.add.at(sums, self.bootstrap.unit[here], values[here])
            drawn[:, index] = weights @ sums[units]
        return observed, drawn


@dataclass(frozen=True, kw_only=True)
class Anchored:
    """One track, rescaled so that the floor is 0 and the ceiling 1 in every leaf group.

    Attributes:
        layout: of the samples.
        values: oriented values of the K models, shape (samples, K); NaN where any of the models
            or anchors has none, so that all rest on the same samples.
        leaf: anchored mean per leaf, shape (L, K); NaN where the leaf cannot be anchored.
        count: samples per leaf, shape (L,); 0 where the leaf cannot be anchored.
        drawn: resampled counterpart of `leaf`, shape (R, L, K).
        drawn_count: resampled counterpart of `count`, shape (R, L).
        shares: contribution of each sample: its mean is the track, shape (samples, K).
        skipped: leaf -> why it cannot be anchored.
    """

    layout: Layout
    values: Floats
    leaf: Floats
    count: Floats
    drawn: Floats
    drawn_count: Floats
    shares: Floats
    skipped: Mapping[GroupPath, str]

    def total(self, leaves: npt.NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Mean over leaves weighted by samples: observed (K,) and resampled (R, K).

        Args:
            leaves: which leaves, shape (L,); None for all.
        """
        keep = np.ones(len(self.count), dtype=np.bool_) if leaves is None else leaves
        count, drawn_count = self.count * keep, self.drawn_count * keep
        with np.errstate(invalid="ignore", divide="ignore"):
            observed = np.nan_to_num(self.leaf).T @ count / count.sum()
            drawn = np.einsum("rlk,rl->rk", np.nan_to_num(self.drawn), drawn_count)
            drawn /= drawn_count.sum(axis=1)[:, None]
        return observed, drawn


def anchor(
    layout: Layout, models: Floats, floor: Floats, ceiling: Floats, min_gap: float
) -> Anchored:
    """Rescale one track of K models.

    A leaf whose ceiling is less than `min_gap` above its floor is left out. The same rule is
    applied within each resample, since it is part of the estimate.

    Args:
        layout: of the samples.
        models: oriented values, higher is better, shape (samples, K); NaN is no value.
        floor: of the floor model, shape (samples,).
        ceiling: of the ceiling model, shape (samples,).
        min_gap: in the unit of the track, > 0.
    """
    stack = np.column_stack([models, floor, ceiling])
    has: npt.NDArray[np.bool_] = np.asarray(np.isfinite(stack).all(axis=1))
    filled = np.where(has[:, None], stack, 0.0)
    sums, drawn_sums = layout.leaf_sums(np.column_stack([filled, has]))
    leaf, count, gap = _rescale(sums, min_gap)
    drawn, drawn_count, _ = _rescale(drawn_sums, min_gap)
    usable = count > 0
    drawn_count = drawn_count * usable
    with np.errstate(invalid="ignore", divide="ignore"):
        floor_mean = sums[:, -3] / sums[:, -1]
        shares = (models - floor_mean[layout.leaf, None]) / gap[layout.leaf, None]
    keep: npt.NDArray[np.bool_] = np.asarray(has & usable[layout.leaf])
    skipped = {}
    for index in np.flatnonzero(~usable).tolist():
        path = layout.leaves[index]
        if sums[index, -1] == 0:
            skipped[path] = "no sample has a value for the model and both anchors"
        else:
            skipped[path] = f"ceiling - floor = {gap[index]:.3f} is below {min_gap:g}"
    return Anchored(
        layout=layout,
        values=np.where(has[:, None], models, np.nan),
        leaf=leaf,
        count=count,
        drawn=drawn,
        drawn_count=drawn_count,
        shares=np.where(keep[:, None], shares, np.nan),
        skipped=skipped,
    )


def _rescale(sums: Floats, min_gap: float) -> tuple[Floats, Floats, Floats]:
    """(mean - floor) / (ceiling - floor) from sums whose last columns are floor, ceiling, n."""
    n = sums[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[..., :-1] / n[..., None]
        gap = mean[..., -1] - mean[..., -2]
        # The slack forgives the rounding of a gap that is min_gap exactly.
        usable = (n > 0) & (gap >= min_gap - 1e-9)
        scaled = (mean[..., :-2] - mean[..., -2:-1]) / gap[..., None]
    return np.where(usable[..., None], scaled, np.nan), np.where(usable, n, 0.0), gap


def blend(tracks: Sequence[Floats]) -> Floats:
    """Geometric mean of tracks clipped to [0, 1]; NaN where a track is NaN.

    >>> blend([np.array([0.5]), np.array([2.0])]).round(3).tolist()
    [0.707]
    """
    product = np.ones_like(tracks[0])
    for track in tracks:
        product = product * np.clip(track, 0.0, 1.0)
    return np.asarray(product ** (1.0 / len(tracks)), dtype=np.float64)


def exchange_p(
    tracks: Sequence[Floats], layout: Layout, *, clip: bool, resamples: int = PERMUTATIONS
) -> float:
    """Two-sided p that two models are the same, by exchanging them in whole clusters.

    The headline of both is computed anew after each exchange, so that nothing is linearised;
    anchors stay as they were observed. For a single unclipped track this is the sign-flip test.

    Args:
        tracks: per track the shares of both models, shape (samples, 2); NaN in both or neither.
        layout: of the samples.
        clip: blend the tracks as the hybrid does; False for a plain mean of one track.
        resamples: exchanges drawn when there are too many to enumerate.
    """
    unit, units = layout.bootstrap.unit, layout.bootstrap.units
    sums = np.zeros((len(tracks), units, 2))
    for index, track in enumerate(tracks):
        np.add.at(sums[index], unit, np.nan_to_num(track))
    n = np.array([np.isfinite(t[:, 0]).sum() for t in tracks], dtype=np.float64)
    if not n.all():
        return 1.0

    def statistic(total: Floats) -> Floats:
        means = list(np.moveaxis(total / n, -1, 0))
        return blend(means) if clip else means[0]

    first, second = np.moveaxis(sums, -1, 0)
    return cluster_exchange_p(first.T, second.T, statistic, resamples=resamples, seed=layout.seed)
