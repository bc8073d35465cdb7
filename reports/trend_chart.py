"""A quantity over the steps of a training: geometry only; the table below it holds its numbers.

A curve has a band of 95 % intervals and a gap where a step has no value. The scale is that of the
curves: an anchor far outside of it is named at the edge, since a curve that it flattens says less.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.columns import number
from reports.radar import mark_path

WIDTH, HEIGHT = 360.0, 224.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 350.0, 14.0, 186.0
"""Ends of the plot in SVG units."""
INSET = 10.0
"""Room between the plot's sides and the first and last step."""
STRETCH = 4.0
"""An anchor is in the scale when it makes it at most so many times as long."""
FLAT = 0.05
"""Shortest scale as a share of the declared range, or of the values where that has no end, so that
noise does not fill the plot."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value at a step.

    Attributes:
        step: updates made.
        value: None where there is none.
        low: lower end of the 95 % interval.
        high: upper end.
        tip: everything about it, one line.
    """

    step: int
    value: float | None
    low: float | None = None
    high: float | None = None
    tip: str = ""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One training.

    Attributes:
        css: class of the style sheet.
        marker: shape of its points, see `reports.radar.MARKERS`.
        points: in order of the steps.
    """

    css: str
    marker: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A floor or ceiling."""

    name: str
    css: str
    value: float
    text: str


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within a scale, at most so many.

    >>> ticks(0.0, 1.0), ticks(0, 400, 4)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 200.0, 400.0])
    """
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0):
        size = factor * power
        first, last = math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9)
        if last - first + 1 <= most:
            # Rounded, as multiples of 0.1 have no exact form.
            return [round(n * size, 12) + 0.0 for n in range(first, last + 1)]
    return [low]


def scale_of(
    curves: Sequence[Curve], anchors: Sequence[Anchor], low: float, high: float
) -> tuple[float, float]:
    """Lowest and highest value of the plot: those of the curves, and of anchors that are near.

    Args:
        curves: with one value at least.
        anchors: floor and ceiling.
        low: lowest possible value; may be infinite.
        high: highest possible value.
    """
    seen = [
        v for c in curves for p in c.points if p.value is not None
        for v in (p.value, p.low, p.high) if v is not None
    ]  # fmt: skip
    bottom, top = min(seen), max(seen)
    inside = low <= bottom and top <= high
    whole = high - low if math.isfinite(high - low) else max(abs(bottom), abs(top), 1.0)
    lack = FLAT * whole - (top - bottom)
    if lack > 0:
        bottom, top = bottom - lack / 2, top + lack / 2
        # No room for what cannot be: it is given to the other side.
        shift = max(low - bottom, 0.0) - max(top - high, 0.0) if inside else 0.0
        bottom, top = bottom + shift, top + shift
    span = top - bottom
    for anchor in sorted(anchors, key=lambda a: max(bottom - a.value, a.value - top)):
        ends = min(bottom, anchor.value), max(top, anchor.value)
        if ends[1] - ends[0] <= STRETCH * span:
            bottom, top = ends
    room = 0.05 * (top - bottom)
    return bottom - room, top + room


class Plot:
    """From values and steps to SVG units.

    Args:
        steps: first and last.
        scale: from `scale_of`.
    """

    def __init__(self, steps: tuple[int, int], scale: tuple[float, float]) -> None:
        self.steps, self.scale = steps, scale

    def x(self, step: float) -> float:
        """Where a step lies."""
        first, last = self.steps
        share = (step - first) / (last - first) if last > first else 0.5
        return round(LEFT + INSET + (RIGHT - LEFT - 2 * INSET) * share, 1)

    def y(self, value: float) -> float:
        """Where a value lies; those outside of the scale on its edge."""
        low, high = self.scale
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return round(BOTTOM - (BOTTOM - TOP) * share, 1)


def chart(
    curves: Sequence[Curve], anchors: Sequence[Anchor], steps: tuple[int, int],
    limits: tuple[float, float],
) -> dict[str, Any]:  # fmt: skip
    """One drawing as the template writes it.

    Args:
        curves: with one value at least.
        anchors: floor and ceiling, where they have a value.
        steps: first and last of the axis.
        limits: ends of the quantity's range; may be infinite.
    """
    plot = Plot(steps, scale_of(curves, anchors, *limits))
    marks = ticks(*plot.scale)
    # The margin around the curves is no place of values.
    marks = [v for v in marks if limits[0] <= v <= limits[1]] or marks
    decimals = _decimals(marks)
    return {
        "view": f"0 0 {WIDTH:g} {HEIGHT:g}",
        "left": LEFT, "right": RIGHT, "bottom": BOTTOM,
        "rows": [{"y": plot.y(v), "text": number(v, decimals)} for v in marks],
        "steps": [{"x": plot.x(s), "text": f"{s:,.0f}"} for s in _step_ticks(steps)],
        "anchors": _lines(plot, anchors, curves),
        "outside": _outside(plot, anchors, curves),
        "curves": [_curve(plot, c) for c in curves],
    }  # fmt: skip


def _step_ticks(steps: tuple[int, int]) -> list[float]:
    return [s for s in ticks(*steps) if s == int(s)]


def _decimals(marks: Sequence[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    gap = min((b - a for a, b in itertools.pairwise(marks)), default=1.0)
    wanted = max(0, -math.floor(math.log10(gap) + 1e-9))
    scaled = gap * 10**wanted
    # A gap of 0.25 needs one more.
    return wanted + int(abs(scaled - round(scaled)) > 1e-6)


def _side(plot: Plot, curves: Sequence[Curve], y: float) -> dict[str, Any]:
    """Where a name at this height stands: at the end that the curves are farther from."""
    gaps = []
    for end in (0, -1):
        values = [[p.value for p in c.points if p.value is not None][end] for c in curves]
        gaps.append(min(abs(plot.y(v) - y) for v in values))
    left = gaps[0] > gaps[1] + 1
    return {
        "x": LEFT + 4 if left else RIGHT, "anchor": "start" if left else "end",
        "near": max(gaps) < 10,
    }  # fmt: skip


def _lines(plot: Plot, anchors: Sequence[Anchor], curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """Dashed lines of the anchors within the scale, from the top, their names kept apart."""
    low, high = plot.scale
    made: list[dict[str, Any]] = []
    for anchor in sorted((a for a in anchors if low <= a.value <= high), key=lambda a: -a.value):
        y = plot.y(anchor.value)
        side = _side(plot, curves, y)
        above, below = (y - 8, y + 16) if side["near"] else (y - 4, y + 12)
        before = made[-1]["text_y"] if made else TOP
        text_y = above if above - before >= 12 else max(below, before + 12)
        made.append({"css": anchor.css, "y": y, "text_y": round(text_y, 1),
                     "text": f"{anchor.name} {anchor.text}", **side})  # fmt: skip
    return made


def _outside(
    plot: Plot, anchors: Sequence[Anchor], curves: Sequence[Curve]
) -> list[dict[str, Any]]:
    """Names of the anchors beyond the scale, at the edge behind which they lie."""
    low, high = plot.scale
    made = []
    for sign, y, gone in (
        ("↑", TOP - 2, [a for a in anchors if a.value > high]),
        ("↓", BOTTOM - 5, [a for a in anchors if a.value < low]),
    ):
        if gone:
            text = ", ".join(f"{a.name} {a.text}" for a in gone)
            made.append({"y": y, "text": f"{sign} {text}", **_side(plot, curves, y)})
    return made


def _curve(plot: Plot, curve: Curve) -> dict[str, Any]:
    """Line, band and marks of one training; no line leads to a missing value."""
    line, bands, whiskers, marks = "", [], [], []
    for part in _unbroken(curve.points):
        places = [(plot.x(p.step), plot.y(p.value or 0.0)) for p in part]
        if len(part) > 1:
            line += "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
        for p, place in zip(part, places, strict=True):
            marks.append({"path": mark_path(curve.marker, place), "tip": p.tip})
        for some in _with_interval(part):
            ends = [(plot.x(p.step), plot.y(p.low or 0.0), plot.y(p.high or 0.0)) for p in some]
            if len(ends) == 1:
                x, low, high = ends[0]
                whiskers.append(f"M{x - 3:g} {high:g}h6M{x:g} {high:g}V{low:g}M{x - 3:g} {low:g}h6")
            else:
                around = [(x, high) for x, _, high in ends] + [(x, low) for x, low, _ in ends[::-1]]
                bands.append("M" + "L".join(f"{x:g} {y:g}" for x, y in around) + "Z")
    return {"css": curve.css, "line": line, "band": "".join(bands), "whisker": "".join(whiskers),
            "marks": marks}  # fmt: skip


def _unbroken(points: Sequence[Point]) -> list[list[Point]]:
    """Points with a value, cut where one is missing."""
    made: list[list[Point]] = [[]]
    for p in points:
        if p.value is None:
            made.append([])
        else:
            made[-1].append(p)
    return [part for part in made if part]


def _with_interval(points: Sequence[Point]) -> list[list[Point]]:
    """Points with an interval, cut where one has none."""
    cut = [p if p.low is not None and p.high is not None else Point(step=p.step, value=None)
           for p in points]  # fmt: skip
    return _unbroken(cut)
