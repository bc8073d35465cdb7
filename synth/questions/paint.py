"""From a question to its picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from synth.paint import Canvas, rgb, swatches
from synth.questions.spec import SIZE, Bars, Label, Question
from synth.scene import RGB, Picture
from synth.shapes import DARK as _DARK
from synth.shapes import PAINTS as _PAINTS
from synth.shapes import Shape, paint_shape
from synth.typeface import Role, font_file, load
from synth.words import Split

_GROUNDS = swatches("f6f3ec f0ede4", "eef3f6 e6edf2", "f3f1f6 ebe8f1", "f1f5ee e8eee3")
"""Colour of the ground, and of what is laid on it."""
_SOFT: RGB = rgb("9aa1ab")
_CHART = (70, 30, 460, 300)
"""Left, top, right and bottom of the plotted area, in pixels."""


def paint(question: Question) -> Picture:
    """The picture of a question as 8-bit RGB, height x width x 3: equal questions, equal pixels."""
    ground, raised = _GROUNDS[question.ground % len(_GROUNDS)]
    canvas = Canvas(ground, SIZE)
    texts: list[Label] = []
    for thing in question.shows:
        if isinstance(thing, Shape):
            paint_shape(canvas, thing)
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
