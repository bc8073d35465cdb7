"""Small drawings made on the server: interval whiskers and heat-map shades, no chart library.

Nothing here carries a style attribute, since the page's policy forbids them: geometry is in SVG
attributes, colour is in classes of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reports.columns import Column

SHADES = 9
WIDTH, HEIGHT = 132, 16
_INSET = 4


@dataclass(frozen=True, kw_only=True)
class Whisker:
    """Geometry of one interval on a common scale, in SVG units of a WIDTH x HEIGHT box.

    Attributes:
        x: centre of the mark.
        left: left end of the interval; equal to `right` when there is none.
        right: right end of the interval.
        zero: where the value 0 lies, when the scale goes below it; else None.
    """

    x: float
    left: float
    right: float
    zero: float | None


def scale_of(values: Iterable[float | None], low: float, high: float) -> tuple[float, float]:
    """The scale of one column of whiskers: the declared range, or what the values need.

    A finite range is taken whole, so that a short bar is a low score and not a clipped axis; it
    grows where values lie outside it (an anchored score can be below 0).
    """
    known = [v for v in values if v is not None and math.isfinite(v)]
    bottom = low if math.isfinite(low) else min(known, default=0.0)
    top = high if math.isfinite(high) else max(known, default=1.0)
    bottom, top = min([bottom, *known]), max([top, *known])
    return (bottom, top) if top > bottom else (bottom - 0.5, bottom + 0.5)


def whisker(
    value: float | None, low: float | None, high: float | None, scale: tuple[float, float]
) -> Whisker | None:
    """Where to draw a value and its interval; None when there is no value."""
    if value is None:
        return None
    bottom, top = scale
    span = WIDTH - 2 * _INSET

    def at(v: float) -> float:
        return round(_INSET + span * (min(max(v, bottom), top) - bottom) / (top - bottom), 2)

    return Whisker(
        x=at(value),
        left=at(value if low is None else low),
        right=at(value if high is None else high),
        zero=at(0.0) if bottom < 0 < top else None,
    )


def shade(value: float | None, column: Column, seen: tuple[float, float]) -> int:
    """Shade of a heat-map cell: 0 (worst) to SHADES - 1 (best), -1 where there is no value.

    Args:
        value: what the cell prints.
        column: gives the direction and, when finite, the scale.
        seen: smallest and largest value of the map, the scale of an unbounded column.
    """
    if value is None or math.isnan(value):
        return -1
    low, high = (column.low, column.high) if column.bounded else seen
    share = 0.5 if high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
    if column.direction == "lower":
        share = 1.0 - share
    return min(int(share * SHADES), SHADES - 1)
