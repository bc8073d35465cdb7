"""The value of a bar in a chart, by the numbers on its scale: for upright bars of one colour.

The bar stands over its name. The numbers in one column give what a height means, when they rise
evenly; everything else is no such chart, and has no answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.adapters.classical_texts import find_text

if TYPE_CHECKING:
    from metrics.ocr import TextItem
    from metrics.shapes import Pixels

_TICK = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:\.\d{1,6})?")
_STRAIGHT = 0.02
"""Largest distance of a number of the scale from its place, as a share of the scale."""
_SURE = 0.025
"""How far a measured value may be off, as a share of the scale."""
_ALIKE = 0.1
"""Distance in OKLab within which two pixels of a bar have one colour."""
_THIN = 4
"""Fewer pixels than this are a line and no bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A number that was measured.

    Attributes:
        value: most likely.
        slack: how far the true one may be off, above 0.
    """

    value: float
    slack: float

    @property
    def words(self) -> str:
        """The number, to as many digits as it was measured to.

        >>> Measured(value=39.63, slack=2.5).words, Measured(value=0.512, slack=0.02).words
        ('40', '0.51')
        """
        digits = max(0, math.ceil(-math.log10(2 * self.slack)))
        return f"{round(self.value, digits):.{digits}f}"

    def is_(self, words: str) -> bool:
        """Whether the words are a number that it may be."""
        said = _number(words)
        return said is not None and abs(said - self.value) <= self.slack


def bar_value(pixels: Pixels, texts: Sequence[TextItem], name: str) -> Measured | None:
    """The height of the bar over a name, by the scale at its left.

    Args:
        pixels: (height, width, 3) uint8 sRGB.
        texts: of the picture, in its pixels.
        name: of the bar.
    """
    label = find_text(texts, name)
    scale = None if label is None else _scale(texts, label)
    if label is None or scale is None:
        return None
    slope, start, whole = scale
    x0, y0, x1, _ = label.box
    top = _top(pixels, round((x0 + x1) / 2), round(y0))
    if top is None:
        return None
    return Measured(value=slope * top + start, slack=_SURE * whole)


def _number(text: str) -> float | None:
    match = _TICK.fullmatch(text.strip().rstrip("%"))
    return float(match[0].replace(",", "")) if match else None


def _scale(texts: Sequence[TextItem], label: TextItem) -> tuple[float, float, float] | None:
    """Value by row: slope, value at row 0, and the length of the scale in values."""
    import numpy as np

    ticks = [
        ((t.box[1] + t.box[3]) / 2, value, t.box)
        for t in texts
        if t is not label and t.box[2] <= label.box[0] and (value := _number(t.text)) is not None
    ]
    if not ticks:
        return None
    edge = min(box[2] for _, _, box in ticks)
    column = [(y, v) for y, v, box in ticks if box[0] <= edge]
    if len(column) < 3 or len({y for y, _ in column}) < 3:
        return None
    rows, values = np.array(column, np.float64).T
    slope, start = np.polyfit(rows, values, 1)
    whole = float(np.ptp(values))
    off = np.abs(slope * rows + start - values).max()
    if slope >= 0 or off > _STRAIGHT * whole:
        return None
    return float(slope), float(start), whole


def _top(pixels: Pixels, x: int, below: int) -> float | None:
    """Row of the upper edge of the bar that stands in a column over a row, in pixels."""
    import numpy as np

    from metrics.shapes_colours import oklab

    high, wide = pixels.shape[:2]
    if not (2 <= x < wide - 2 and 2 <= below <= high):
        return None
    column = oklab(np.median(pixels[:below, x - 2 : x + 3], axis=1))
    ground = np.median(oklab(pixels[[0, -1]].reshape(-1, 3)), axis=0)
    row, reach = below - 1, below - max(_THIN, round(0.06 * high))
    while row >= max(reach, _THIN):
        colour = column[row]
        alike = np.linalg.norm(column[: row + 1] - colour, axis=1) <= _ALIKE
        first = int(np.flatnonzero(~alike)[-1]) + 1 if not alike.all() else 0
        if row + 1 - first >= _THIN and np.linalg.norm(colour - ground) > _ALIKE:
            return float(first) if first > 0 else None
        row = first - 1
    return None
