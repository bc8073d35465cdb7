"""From a question to its picture."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from synth.paint import Canvas, rgb, star, swatches
from synth.questions.spec import SIZE, Bars, Label, Question, Shape
from synth.scene import RGB, Picture, Point
from synth.typeface import Role, font_file, load
from synth.words import Split

_GROUNDS = swatches("f6f3ec f0ede4", "eef3f6 e6edf2", "f3f1f6 ebe8f1", "f1f5ee e8eee3")
"""Colour of the ground, and of what is laid on it."""
_DARK: RGB = rgb("23272e")
_SOFT: RGB = rgb("9aa1ab")
_PAINTS: dict[str, RGB] = {
    "red": rgb("d62828"), "orange": rgb("f58a1f"), "yellow": rgb("f7d117"),
    "green": rgb("2e9e44"), "blue": rgb("2469d6"), "purple": rgb("8a3fb0"),
    "brown": rgb("7b4a24"), "black": rgb("1b1b1b"),
}  # fmt: skip
_CHART = (70, 30, 460, 300)
"""Left, top, right and bottom of the plotted area, in pixels."""


def paint(question: Question) -> Picture:
    """The picture of a question as 8-bit RGB, height x width x 3: equal questions, equal pixels."""
    ground, raised = _GROUNDS[question.ground % len(_GROUNDS)]
    canvas = Canvas(ground, SIZE)
    texts: list[Label] = []
    for thing in question.shows:
        if isinstance(thing, Shape):
            _shape(canvas, thing)
        elif isinstance(thing, Bars):
            texts += _bars(canvas, thing, raised)
        else:
            texts.append(thing)
    return _lettered(canvas.picture(), texts, question.split)


def _lettered(picture: Picture, texts: list[Label], split: Split) -> Picture:
    """The picture with its texts, each centred on its point."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for text in texts:
        font = load(_font(split, text.font), text.size)
        pen.text((text.x, text.y), text.text, fill=_DARK, font=font, anchor="mm")
    return np.asarray(image, np.uint8)


@lru_cache(maxsize=64)
def _font(split: Split, role: Role) -> str:
    return font_file(split, role)


# --- shapes -----------------------------------------------------------------------------------


def _shape(canvas: Canvas, shape: Shape) -> None:
    fill, x, y, r = _PAINTS[shape.colour], shape.x, shape.y, shape.radius
    if shape.name == "circle":
        canvas.ellipse((x - r, y - r, x + r, y + r), fill, outline=_DARK, width=1.5)
    else:
        canvas.poly(_corners(shape.name, x, y, r), fill, outline=_DARK, width=1.5)


def _corners(name: str, x: float, y: float, r: float) -> list[Point]:
    """Corners of a shape within a circle of radius r."""
    up = -math.pi / 2
    if name == "star":
        return star(x, y, r * 0.42, r, 5, up)
    if name == "triangle":
        return [(x + r * math.cos(up + t), y + r * math.sin(up + t)) for t in _thirds()]
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


def _thirds() -> list[float]:
    return [0.0, 2 * math.pi / 3, 4 * math.pi / 3]


# --- chart ------------------------------------------------------------------------------------


def _bars(canvas: Canvas, bars: Bars, raised: RGB) -> list[Label]:
    """Draw axes, grid and bars; returns what is to be written on them."""
    left, top, right, bottom = _CHART

    def level(value: float) -> float:
        return bottom - (bottom - top) * value / 100

    canvas.rect(_CHART, raised)
    texts = []
    for value in range(0, 101, 10):
        canvas.line([(left, level(value)), (right, level(value))], _SOFT, 0.5 + (value == 0))
        if value % 20 == 0:
            texts.append(
                Label(text=str(value), x=left - 24, y=round(level(value)), size=16, font="sans")
            )
    step = (right - left) / len(bars.values)
    for at, (name, value) in enumerate(zip(bars.labels, bars.values, strict=True)):
        middle = left + step * (at + 0.5)
        box = (middle - step * 0.3, level(value), middle + step * 0.3, float(bottom))
        canvas.rect(box, _PAINTS["blue"], outline=_DARK, width=1)
        texts.append(Label(text=name, x=round(middle), y=bottom + 24, size=18))
    return texts
