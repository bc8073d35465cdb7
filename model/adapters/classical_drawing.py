"""Pictures that `classical` draws: the flat shapes that a prompt names, and nothing else.

What stands where is decided by the prompt alone, so a seed has no meaning here. The shapes are
painted by code of this module, not by that of the suites.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metrics.shapes_rules import Side
from model.adapters.classical_scene import Group, Scene
from model.adapters.classical_words import COLOURS

if TYPE_CHECKING:
    from synth.paint import Canvas
    from synth.scene import Picture, Point

SIDE = 512
"""Width and height of every picture, in pixels."""

UNNAMED = ("blue", "red", "green", "yellow", "purple", "orange")
"""Colours of groups that have none, one after another; those that are asked for come last."""

Spot = tuple[float, float, float]
"""x and y of a centre, and a radius, in pixels."""
_Cell = tuple[int, int]
_STEPS: dict[Side, _Cell] = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
_FILLS = 0.38
"""Radius of a shape by the side of its place: shapes never touch."""
_DARK = (35, 39, 46)


def draw(scene: Scene) -> Picture:
    """The scene as 8-bit RGB, 512 x 512 x 3: equal scenes, equal pixels."""
    from synth.paint import Canvas

    canvas = Canvas(COLOURS[scene.ground], (SIDE, SIDE))
    for group, colour, spots in zip(scene.groups, _colours(scene), arrange(scene), strict=True):
        for spot in spots:
            _paint(canvas, group.shape, spot, colour, edged=colour == scene.ground)
    return canvas.picture()


def _colours(scene: Scene) -> list[str]:
    """The colour of each group."""
    asked = {g.colour for g in scene.groups} | {scene.ground}
    free = sorted(UNNAMED, key=asked.__contains__)
    unnamed = [at for at, g in enumerate(scene.groups) if not g.colour]
    given = {at: free[turn % len(free)] for turn, at in enumerate(unnamed)}
    return [g.colour or given[at] for at, g in enumerate(scene.groups)]


# --- where ------------------------------------------------------------------------------------


def arrange(scene: Scene) -> list[list[Spot]]:
    """The places of the shapes of each group.

    Without sides all shapes stand in one grid, row by row. With sides every group has a cell of its
    own, next to the one it is seen from. Sides that contradict each other cannot all be kept: the
    first ones are.
    """
    if not scene.links:
        spots = _grid((0, 0, SIDE, SIDE), sum(g.count for g in scene.groups))
        cut = iter(spots)
        return [[next(cut) for _ in range(g.count)] for g in scene.groups]
    cells = _cells(scene.groups, scene.links)
    left, top = min(x for x, _ in cells), min(y for _, y in cells)
    wide = SIDE / (max(x for x, _ in cells) - left + 1)
    high = SIDE / (max(y for _, y in cells) - top + 1)
    return [
        _grid(((x - left) * wide, (y - top) * high, wide, high), group.count)
        for group, (x, y) in zip(scene.groups, cells, strict=True)
    ]


def _cells(groups: Sequence[Group], links: Sequence[tuple[int, Side, int]]) -> list[_Cell]:
    """Column and row of each group, in a grid that may start anywhere."""
    seen: dict[int, list[tuple[int, _Cell]]] = {at: [] for at in range(len(groups))}
    for a, side, b in links:
        x, y = _STEPS[side]
        seen[b].append((a, (x, y)))
        seen[a].append((b, (-x, -y)))
    cells: dict[int, _Cell] = {}
    for start in seen:
        if start in cells:
            continue
        cells[start] = (max((x for x, _ in cells.values()), default=-1) + 1, 0)
        waiting = [start]
        while waiting:
            at = waiting.pop(0)
            for other, step in seen[at]:
                if other not in cells:
                    cells[other] = _free(cells[at], step, set(cells.values()))
                    waiting.append(other)
    return [cells[at] for at in seen]


def _free(cell: _Cell, step: _Cell, taken: set[_Cell]) -> _Cell:
    """The nearest free cell on that side of a cell."""
    away = 1
    while (found := (cell[0] + away * step[0], cell[1] + away * step[1])) in taken:
        away += 1
    return found


def _grid(box: tuple[float, float, float, float], number: int) -> list[Spot]:
    """Equal places in a box (left, top, width, height), as large as they can be."""
    if number == 0:
        return []
    left, top, wide, high = box
    columns = max(
        range(1, number + 1), key=lambda c: (min(wide / c, high / math.ceil(number / c)), c)
    )
    rows = math.ceil(number / columns)
    across, down = wide / columns, high / rows
    return [
        (
            left + (at % columns + 0.5) * across,
            top + (at // columns + 0.5) * down,
            max(2.0, _FILLS * min(across, down)),
        )
        for at in range(number)
    ]


# --- painting ---------------------------------------------------------------------------------


def _paint(canvas: Canvas, shape: str, spot: Spot, colour: str, *, edged: bool) -> None:
    """One shape; with an edge where it could not be told from the ground."""
    x, y, r = spot
    fill, outline = COLOURS[colour], _DARK if edged else None
    if shape in {"circle", "oval"}:
        high = r if shape == "circle" else 0.6 * r
        canvas.ellipse((x - r, y - high, x + r, y + high), fill, outline=outline, width=2)
    else:
        corners = [(x + r * a, y + r * b) for a, b in _corners(shape)]
        canvas.poly(corners, fill, outline=outline, width=2)


def _corners(shape: str) -> list[Point]:
    """Corners of a shape within the unit circle, y downwards.

    Raises:
        KeyError: there is no shape of that name.
    """
    if shape == "cross":
        arm, end = 0.3, 0.9
        quarter = [(arm, -end), (arm, -arm), (end, -arm)]
        return [_turned(p, 90 * at) for at in range(4) for p in quarter]
    if shape == "star":
        return [_turned((0, -1 if at % 2 == 0 else -0.4), 36 * at) for at in range(10)]
    boxes = {"square": (0.8, 0.8), "rectangle": (0.95, 0.5)}
    if shape in boxes:
        a, b = boxes[shape]
        return [(-a, -b), (a, -b), (a, b), (-a, b)]
    if shape == "diamond":
        return [(0, -1), (0.7, 0), (0, 1), (-0.7, 0)]
    number = {"triangle": 3, "pentagon": 5, "hexagon": 6}[shape]
    return [_turned((0, -1), 360 * at / number) for at in range(number)]


def _turned(point: Point, degrees: float) -> Point:
    """A point turned clockwise about the centre."""
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    return point[0] * cos - point[1] * sin, point[0] * sin + point[1] * cos
