"""Where the shapes of a drawing stand: never touching, wholly inside, in several arrangements."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synth.draw import Draw
from synth.scenes.spec import SIZE, Side, Wanted
from synth.shapes import COLOURS, Shape

Spot = tuple[int, int, int]
"""x and y of a centre, and a radius, in pixels."""

_WIDE, _HIGH = SIZE
_X, _Y = _WIDE // 2, _HIGH // 2


def arranged(
    draw: Draw, wanted: Sequence[Wanted], side: Side | None = None, *, centred: bool = False
) -> tuple[Shape, ...]:
    """A drawing of what is wanted; where any colour will do, one is drawn, another for each.

    Args:
        draw: choices of the drawing.
        wanted: at most eight shapes in all; exactly two with a `side`.
        side: where the first stands, seen from the second.
        centred: with a `side`, the second stands in the middle of the picture.
    """
    names = [(w.name, w.colour) for w in wanted for _ in range(w.count)]
    taken = {w.colour for w in wanted}
    free = iter(draw.fork("colours").shuffled([c for c in COLOURS if c not in taken]))
    spots = _sided(draw, side, centred) if side else draw.shuffled(_spots(draw, len(names)))
    return tuple(
        Shape(name=name, colour=colour or next(free), x=x, y=y, radius=r)
        for (name, colour), (x, y, r) in zip(names, spots, strict=True)
    )


def _sided(draw: Draw, side: Side, centred: bool) -> list[Spot]:
    """Two spots, the first of which stands clearly on that side of the second."""
    near, far = _pair(draw, across=side in {"left", "right"})
    first, second = (near, far) if side in {"left", "above"} else (far, near)
    if centred:
        reach = 170 if side in {"right", "below"} else -170
        x, y = (_X + reach, _Y) if side in {"left", "right"} else (_X, _Y + reach)
        return [(x, y, first[2]), (_X, _Y, second[2])]
    return [first, second]


def _pair(draw: Draw, *, across: bool) -> list[Spot]:
    """Two spots side by side, or one above the other; the left or upper one first."""
    spots = []
    for middle in (150, 362):
        along, off = middle + draw.integer(-12, 12), draw.integer(196, 316)
        x, y = (along, off) if across else (off, along)
        spots.append((x, y, draw.integer(52, 74)))
    return spots


def _spots(draw: Draw, number: int) -> list[Spot]:
    if number == 1:
        r = draw.integer(80, 150)
        return [(_X + draw.integer(-60, 60), _Y + draw.integer(-60, 60), r)]
    if number == 2:
        return _pair(draw, across=draw.chance(0.5))
    ways = [_grid, _ring, _scattered, *([_row] if number <= 4 else [])]
    return draw.pick(ways)(draw, number)


def _row(draw: Draw, number: int) -> list[Spot]:
    """One after another, across or down."""
    step, r, off = _WIDE // number, draw.integer(40, 48), draw.integer(150, 362)
    line = [step // 2 + at * step for at in range(number)]
    return [(at, off, r) for at in line] if draw.chance(0.5) else [(off, at, r) for at in line]


def _grid(draw: Draw, number: int) -> list[Spot]:
    """Row by row in even columns."""
    columns = math.ceil(math.sqrt(number))
    rows = math.ceil(number / columns)
    step, r = 150, draw.integer(46, 60)
    left, top = _X - step * (columns - 1) // 2, _Y - step * (rows - 1) // 2
    return [(left + at % columns * step, top + at // columns * step, r) for at in range(number)]


def _ring(draw: Draw, number: int) -> list[Spot]:
    """Around the centre."""
    reach, start, r = 170, draw.uniform(0, 2 * math.pi), draw.integer(40, 52)
    turns = [start + 2 * math.pi * at / number for at in range(number)]
    return [(round(_X + reach * math.cos(t)), round(_Y + reach * math.sin(t)), r) for t in turns]


def _scattered(draw: Draw, number: int) -> list[Spot]:
    """In any cells of a grid, each of its own size."""
    cells = draw.shuffled([(c, r) for r in range(4) for c in range(4)])[:number]
    step = _WIDE // 4
    return [
        (
            column * step + step // 2 + draw.integer(-9, 9),
            row * step + step // 2 + draw.integer(-9, 9),
            draw.integer(34, 46),
        )
        for column, row in cells
    ]
