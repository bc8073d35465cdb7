"""Whether the shapes of a picture are those that were asked for, clause by clause.

The relation of two shapes is that of GenEval (djghosh13/geneval@af4902f): the offset of the centres
counts where it is more than a tenth of both sizes together, and within 60 degrees of the axis.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metrics.shapes import Shape

Side = Literal["left", "right", "above", "below"]
"""Where the first of two shapes stands, seen from the second."""

CODE = 1
"""Raised whenever the same shapes could be judged otherwise."""

_MARGIN = 0.1
_AXIS = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Shapes that must be there, in exactly this number.

    Attributes:
        name: of the shape, see `metrics.shapes.Shape`.
        colour: empty when any will do.
        count: how many, at least 1.
    """

    name: str
    colour: str = ""
    count: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One thing that was asked for, what was seen instead, and whether it is as it should be."""

    asks: str
    seen: str
    met: bool

    def __str__(self) -> str:
        return f"{self.asks}: {self.seen}"


def clauses(
    wanted: Sequence[Wanted], side: Side | None, shapes: Sequence[Shape]
) -> tuple[Clause, ...]:
    """Everything that was asked for; a picture is right when all of it is met.

    One clause for the number of each wanted shape in whatever colour, one for the number in each
    wanted colour, one for the side, and one for nothing else. A picture with none of the wanted
    shapes meets none of them, however empty it is.

    Args:
        wanted: in the order of the prompt.
        side: where the first stands, seen from the second; None when it does not matter.
        shapes: that were read.
    """
    names = Counter(s.name for s in shapes)
    both = Counter((s.name, s.colour) for s in shapes)
    made = []
    for name in dict.fromkeys(w.name for w in wanted):
        count = sum(w.count for w in wanted if w.name == name)
        seen = names[name]
        made.append(Clause(asks=f"{count} x {name}", seen=f"{seen} seen", met=seen == count))
    for w in wanted:
        if w.colour:
            seen = both[w.name, w.colour]
            asks = f"{w.count} x {w.colour} {w.name}"
            made.append(Clause(asks=asks, seen=f"{seen} seen", met=seen == w.count))
    if side:
        made.append(_side_clause(wanted, side, shapes))
    return (*made, _nothing_else(wanted, shapes))


def _side_clause(wanted: Sequence[Wanted], side: Side, shapes: Sequence[Shape]) -> Clause:
    first, second = ([s for s in shapes if _is(s, w)] for w in wanted[:2])
    asks = f"{wanted[0].name} {side} of {wanted[1].name}"
    pairs = [sides(a, b) for a in first for b in second]
    if not pairs:
        return Clause(asks=asks, seen="not both are there", met=False)
    told = " and ".join(dict.fromkeys(word for p in pairs for word in p)) or "on no side"
    return Clause(asks=asks, seen=told, met=all(side in p for p in pairs))


def _nothing_else(wanted: Sequence[Wanted], shapes: Sequence[Shape]) -> Clause:
    names = {w.name for w in wanted}
    others = [s for s in shapes if s.name not in names]
    there = any(s.name in names for s in shapes)
    seen = told(others) if others or there else "nothing at all"
    return Clause(asks="nothing else", seen=seen, met=there and not others)


def _is(shape: Shape, wanted: Wanted) -> bool:
    return shape.name == wanted.name and wanted.colour in {"", shape.colour}


def sides(a: Shape, b: Shape) -> tuple[Side, ...]:
    """Where a stands, seen from b: up to two sides; none when they are too near."""
    room = []
    for axis in (0, 1):
        sizes = sum(s.box[axis + 2] - s.box[axis] for s in (a, b))
        offset = a.centre[axis] - b.centre[axis]
        room.append(math.copysign(max(0.0, abs(offset) - _MARGIN * sizes), offset))
    whole = math.dist(a.centre, b.centre)
    if whole == 0:
        return ()
    x, y = room[0] / whole, room[1] / whole
    shares: dict[Side, float] = {"left": -x, "right": x, "above": -y, "below": y}
    return tuple(name for name, share in shares.items() if share > _AXIS)


def told(shapes: Sequence[Shape]) -> str:
    """Shapes in words, the most frequent first; ``nothing`` for none.

    >>> told([])
    'nothing'
    """
    counts = Counter(f"{s.colour} {s.name}" for s in shapes)
    return ", ".join(f"{n} x {words}" for words, n in counts.most_common()) or "nothing"
