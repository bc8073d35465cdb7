"""A graded wrong answer: something to show a judge or a metric, with what it should notice."""

from __future__ import annotations

from dataclasses import dataclass

from evals.core.types import Item


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One picture for a judge, and what is known about it.

    Attributes:
        item: as a metric is given it.
        corruption: what is wrong with it.
        level: how much of it, in the corruption's own unit.
        rank: 0 for the ground truth, then 1, 2, ... from the mildest level to the worst.
        must_fall: dimensions that must get worse with the rank.
        must_not_move: dimensions that must stay.
    """

    item: Item
    corruption: str
    level: float
    rank: int
    must_fall: tuple[str, ...] = ()
    must_not_move: tuple[str, ...] = ()
