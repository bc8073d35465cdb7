"""Which rows are learnt when: a function of the sources, the seed and the size of a micro-batch.

Micro-batch `n` of a run is the same whoever asks for it, and whenever: nothing is counted while
training, so there is nothing to store and nothing to restore. With `w` processes, process `r` takes
the units `r`, `r + w` and so on.

* The source of a unit comes from a Weyl sequence, whose shares are right at once and not only on
  average.
* The bucket is drawn from those of the source, in proportion to their rows.
* The rows of a bucket come in an order that is shuffled anew for every epoch, and each once in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evals.core.errors import UserError
from model.finetune.buckets import NO_BUCKET, Buckets, Size
from model.finetune.seeds import derive, draws

BLOCK = 1 << 16
"""Units whose sources and buckets are computed together."""

_GOLDEN = 0x9E3779B97F4A7C15
"""2**64 / golden ratio: multiples of it, modulo 2**64, fill the circle most evenly."""


class SourceLike(Protocol):
    """What the plan has to know of a source."""

    @property
    def name(self) -> str:
        """Told apart from others by this."""
        ...

    @property
    def task(self) -> str:
        """What its rows teach."""
        ...

    @property
    def weight(self) -> float:
        """Share of the units, in relation to the other weights."""
        ...

    @property
    def sizes(self) -> NDArray[np.int32]:
        """(rows, 2): height and width in pixels."""
        ...

    @property
    def kept(self) -> NDArray[np.int64]:
        """Rows that may be learnt."""
        ...


class Pick(NamedTuple):
    """One sample: a row of the unit's source.

    `number` counts samples over the whole run and keys everything random about this one.
    """

    row: int
    epoch: int
    number: int


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One micro-batch: one source, one size.

    Attributes:
        number: its place in the run, from 0.
        source: place of its source in the mixture.
        bucket: height and width in pixels; None where no image is made.
        picks: the samples.
    """

    number: int
    source: int
    bucket: Size | None
    picks: tuple[Pick, ...]


class Share(NamedTuple):
    """One line of `Plan.table`: rows of a source that fall into a bucket."""

    source: str
    task: str
    share: float
    bucket: Size | None
    rows: int


class _Group(NamedTuple):
    source: int
    bucket: Size | None
    rows: NDArray[np.int64]


class _Block(NamedTuple):
    """Group of every unit of a block, and how many units of the group come before it there."""

    groups: NDArray[np.int64]
    ranks: NDArray[np.int64]


class Plan:
    """All units of a run.

    Args:
        sources: the mixture; those of weight 0 are never drawn.
        buckets: sizes of the images.
        seed: of the run.
        micro_batch: samples of a unit.

    Raises:
        UserError: no source has a weight, or one that has none to learn from has.
        ValueError: `micro_batch` is below 1.
    """

    def __init__(
        self, sources: Sequence[SourceLike], buckets: Buckets, *, seed: int, micro_batch: int
    ) -> None:
        if micro_batch < 1:
            raise ValueError(f"micro_batch is {micro_batch}; it must be at least 1")
        self._sources, self._seed, self._micro = tuple(sources), seed, micro_batch
        self._drawn = [n for n, source in enumerate(sources) if source.weight > 0]
        if not self._drawn:
            raise UserError(
                "All weights of data.mixture are 0; give one part a weight over 0."
                if sources
                else "data.mixture is empty; list at least one {path: ..., task: ...}."
            )
        self._groups: list[_Group] = []
        self._first: list[int] = []  # of each drawn source: its first group
        self._bounds: list[NDArray[np.int64]] = []  # and how many rows its groups have, added up
        for n in self._drawn:
            groups = _groups(n, sources[n], buckets)
            if not groups:
                raise UserError(
                    f"{sources[n].name!r} has no row to learn from; set its weight to 0 or remove "
                    "it from data.mixture."
                )
            self._first.append(len(self._groups))
            self._bounds.append(np.cumsum([len(group.rows) for group in groups]))
            self._groups += groups
        self._shares = _shares([sources[n].weight for n in self._drawn])
        # What follows is only kept to save time, and two threads that fill it do no harm.
        self._counts = {0: np.zeros(len(self._groups), np.int64)}
        self._blocks: dict[int, _Block] = {}
        self._orders: dict[int, tuple[int, NDArray[np.uint32]]] = {}

    def unit(self, n: int) -> Unit:
        """Unit number `n`, from 0.

        Raises:
            ValueError: `n` is negative.
        """
        if n < 0:
            raise ValueError(f"there is no unit {n}")
        number, place = divmod(n, BLOCK)
        block = self._block(number)
        index = int(block.groups[place])
        group = self._groups[index]
        earlier = int(self._before(number)[index] + block.ranks[place]) * self._micro
        picks = []
        for position in range(self._micro):
            epoch, at = divmod(earlier + position, len(group.rows))
            row = int(group.rows[self._order(index, epoch)[at]])
            picks.append(Pick(row=row, epoch=epoch, number=n * self._micro + position))
        return Unit(number=n, source=group.source, bucket=group.bucket, picks=tuple(picks))

    def units(self, start: int, step: int = 1) -> Iterator[Unit]:
        """Units `start`, `start + step` and so on, without an end."""
        n = start
        while True:
            yield self.unit(n)
            n += step

    def table(self) -> tuple[Share, ...]:
        """Rows per source and bucket, with the source's share of the samples."""
        total = sum(self._sources[n].weight for n in self._drawn)
        return tuple(
            Share(source.name, source.task, source.weight / total, group.bucket, len(group.rows))
            for group in self._groups
            for source in (self._sources[group.source],)
        )

    def _block(self, number: int) -> _Block:
        """Sources and buckets of `BLOCK` units."""
        block = self._blocks.get(number)
        if block is None:
            groups = self._drawn_groups(number)
            block = _Block(groups, _ranks(groups))
            # Units come in turn, so the last two blocks are enough.
            self._blocks = {**dict(list(self._blocks.items())[-1:]), number: block}
        return block

    def _drawn_groups(self, number: int) -> NDArray[np.int64]:
        """The group of every unit of a block."""
        first = np.uint64(derive(self._seed, "mixture") * 2 + number * BLOCK * _GOLDEN & _MASK)
        circle = first + np.arange(BLOCK, dtype=np.uint64) * np.uint64(_GOLDEN)
        sources = np.searchsorted(self._shares, circle, side="right")
        # Raw bits and not `random`: numpy promises their sequence for all its versions.
        raw = draws(self._seed, "bucket", number).bit_generator.random_raw(BLOCK)
        uniform = (raw >> np.uint64(11)) * 2.0**-53
        groups = np.empty(BLOCK, np.int64)
        for n, (start, bounds) in enumerate(zip(self._first, self._bounds, strict=True)):
            mine = sources == n
            row = (uniform[mine] * bounds[-1]).astype(np.int64)
            groups[mine] = start + np.searchsorted(bounds, row, side="right")
        return groups

    def _before(self, number: int) -> NDArray[np.int64]:
        """Units of each group before a block."""
        known = min(number, len(self._counts) - 1)
        for earlier in range(known, number):
            drawn = np.bincount(self._drawn_groups(earlier), minlength=len(self._groups))
            self._counts[earlier + 1] = self._counts[earlier] + drawn
        return self._counts[number]

    def _order(self, index: int, epoch: int) -> NDArray[np.uint32]:
        """The rows of a group in the order of an epoch; that of the last epoch asked for is kept.

        Sorted by random bits, as `Generator.permutation` may change from one numpy to the next.
        """
        known = self._orders.get(index)
        if known is not None and known[0] == epoch:
            return known[1]
        group = self._groups[index]
        name = self._sources[group.source].name
        stream = draws(self._seed, "order", name, *(group.bucket or ()), "epoch", epoch)
        keys = stream.bit_generator.random_raw(len(group.rows))
        # Half the memory: every process that reads rows holds an order of every group.
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        self._orders[index] = (epoch, order)
        return order


_MASK = (1 << 64) - 1


def _groups(number: int, source: SourceLike, buckets: Buckets) -> list[_Group]:
    """The rows of a source by bucket, in the order of the buckets; none of them is empty."""
    kept = np.asarray(source.kept, np.int64)
    ids = np.full(len(kept), NO_BUCKET, np.int32)
    if source.task != "understand" and len(kept):
        ids = buckets.assign_all(source.sizes[kept])
    return [
        _Group(number, None if n == NO_BUCKET else buckets.sizes[n], kept[ids == n])
        for n in np.unique(ids).tolist()
    ]


def _shares(weights: Sequence[float]) -> NDArray[np.uint64]:
    """Where on the circle of 2**64 points each source but the first begins."""
    added = np.cumsum(weights)
    return np.array([min(int(w / added[-1] * 2**64), _MASK) for w in added[:-1]], np.uint64)


def _ranks(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal values come before each."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    begin = np.repeat(starts, np.diff(np.r_[starts, len(groups)]))
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - begin
    return ranks


__all__ = ["BLOCK", "Pick", "Plan", "Share", "SourceLike", "Unit"]
