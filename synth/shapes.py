"""Flat shapes in named colours: what all drawn suites show, and how it is painted.

The module itself is light; Pillow and OpenCV are loaded when something is painted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth.paint import Canvas
    from synth.scene import RGB, Point

PAINTS: dict[str, RGB] = {
    "red": (214, 40, 40), "orange": (245, 138, 31), "yellow": (247, 209, 23),
    "green": (46, 158, 68), "blue": (36, 105, 214), "purple": (138, 63, 176),
    "brown": (123, 74, 36), "black": (27, 27, 27),
}  # fmt: skip
COLOURS = tuple(PAINTS)
DARK: RGB = (35, 39, 46)
"""Of edges and letters."""

_CORNERS = {"triangle": 3, "pentagon": 5, "hexagon": 6}
_EDGE = 1.5


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A filled shape with a dark edge.

    Attributes:
        name: circle, square, triangle, star, diamond, cross, pentagon or hexagon.
        colour: one of `COLOURS`.
        x: of its centre, in pixels.
        y: of its centre, in pixels.
        radius: of the circle around it, in pixels.
    """

    name: str
    colour: str
    x: int
    y: int
    radius: int


def plural(name: str) -> str:
    """Name of several shapes.

    >>> plural("cross"), plural("star")
    ('crosses', 'stars')
    """
    return f"{name}es" if name.endswith("s") else f"{name}s"


def an(words: str) -> str:
    """Words with their article.

    >>> an("orange star"), an("star")
    ('an orange star', 'a star')
    """
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def paint_shape(canvas: Canvas, shape: Shape) -> None:
    """Paint a shape on a canvas.

    Raises:
        ValueError: there is no shape of that name.
        KeyError: there is no paint of that colour.
    """
    fill, x, y, r = PAINTS[shape.colour], shape.x, shape.y, shape.radius
    if shape.name == "circle":
        canvas.ellipse((x - r, y - r, x + r, y + r), fill, outline=DARK, width=_EDGE)
    else:
        canvas.poly(_corners(shape.name, x, y, r), fill, outline=DARK, width=_EDGE)


def _corners(name: str, x: float, y: float, r: float) -> list[Point]:
    """Corners of a shape within a circle of radius r."""
    up = -math.pi / 2
    if name == "star":
        from synth.paint import star

        return star(x, y, r * 0.42, r, 5, up)
    if name in _CORNERS:
        turns = [up + 2 * math.pi * at / _CORNERS[name] for at in range(_CORNERS[name])]
        return [(x + r * math.cos(t), y + r * math.sin(t)) for t in turns]
    if name == "diamond":
        return [(x, y - r), (x + r * 0.7, y), (x, y + r), (x - r * 0.7, y)]
    if name == "square":
        s = r * 0.82
        return [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)]
    if name == "cross":
        a, b = r * 0.32, r * 0.94
        return [
            (x - a, y - b), (x + a, y - b), (x + a, y - a), (x + b, y - a), (x + b, y + a),
            (x + a, y + a), (x + a, y + b), (x - a, y + b), (x - a, y + a), (x - b, y + a),
            (x - b, y - a), (x - a, y - a),
        ]  # fmt: skip
    raise ValueError(f"there is no shape {name!r}")
