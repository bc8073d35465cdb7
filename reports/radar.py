"""A radar of the overview's suites: geometry only; the table beside it holds its numbers.

An axis is a suite, and its value the headline as a share of its declared range, turned so that
outside is better. Nothing is drawn where a model has no value: the outline has a gap there, which
is not a zero. Official and synthetic suites never share a radar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.overview import Suite, in_order

FEWEST, MOST_AXES, MOST_MODELS = 3, 12, 6
MARKERS = ("circle", "square", "triangle", "diamond", "down", "cross")
"""Shapes of the points, one per model, so that colour is not needed to tell them apart."""
SIDE, RADIUS, BAND = 640.0, 152.0, 20.0
"""Width of the drawing, length of an axis, and width of the ring with the areas' names."""
HEIGHT = 440.0
RINGS = (0.25, 0.5, 0.75, 1.0)
LINE = 16
"""Letters of an axis label in one line."""

Values = Sequence[float | None]
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Outline:
    """One model on all axes.

    Attributes:
        name: of the model, or of the end of the scale.
        css: class of the style sheet; ``floor`` and ``ceiling`` are dashed.
        marker: shape of its points; empty for none.
        path: lines between neighbouring axes that both have a value, as SVG path data.
        points: (x, y, tip) of each value.
        marks: the points' shapes as SVG path data.
    """

    name: str
    css: str
    marker: str
    path: str
    points: tuple[tuple[float, float, str], ...]
    marks: tuple[str, ...]


def angle(at: int, axes: int) -> float:
    """Direction of an axis in radians: the first points up, the others follow clockwise."""
    return 2 * math.pi * at / axes


def point(share: float, at: int, axes: int, radius: float = RADIUS) -> Point:
    """Where a share of an axis lies, in SVG units; 0 is the centre.

    >>> point(1.0, 0, 4)
    (320.0, 68.0)
    >>> point(0.5, 1, 4)
    (396.0, 220.0)
    """
    turn = angle(at, axes)
    x = SIDE / 2 + radius * share * math.sin(turn)
    y = HEIGHT / 2 - radius * share * math.cos(turn)
    return round(x, 1), round(y, 1)


def outline_path(values: Values) -> str:
    """Lines from axis to axis, closed where none is missing; no line leads to a missing value.

    >>> outline_path([1.0, None, 0.5, 0.5])
    'M320 296L244 220L320 68'
    """
    axes = len(values)
    places = [None if v is None else point(v, i, axes) for i, v in enumerate(values)]
    if all(p is not None for p in places):
        return "M" + "L".join(_pair(p) for p in places if p) + "Z"
    first = next(i for i, p in enumerate(places) if p is None)
    path, before = "", False
    for step in range(1, axes + 1):
        here = places[(first + step) % axes]
        # A point alone between two gaps has no line; its mark stands for it.
        after = places[(first + step + 1) % axes]
        if here is not None and (before or after is not None):
            path += ("L" if before else "M") + _pair(here)
        before = here is not None
    return path


def _pair(at: Point) -> str:
    return f"{at[0]:g} {at[1]:g}"


def mark_path(marker: str, at: Point) -> str:
    """A small shape around a point, as SVG path data."""
    x, y = at
    r = 4.6
    if marker == "square":
        return f"M{x - 4:g} {y - 4:g}h8v8h-8Z"
    if marker == "triangle":
        return f"M{x:g} {y - r:g}l{r:g} {1.75 * r:g}h{-2 * r:g}Z"
    if marker == "down":
        return f"M{x:g} {y + r:g}l{r:g} {-1.75 * r:g}h{-2 * r:g}Z"
    if marker == "diamond":
        return f"M{x:g} {y - 5.4:g}l5.4 5.4l-5.4 5.4l-5.4 -5.4Z"
    if marker == "cross":
        return f"M{x - 4:g} {y - 4:g}l8 8M{x - 4:g} {y + 4:g}l8 -8"
    return f"M{x - 4:g} {y:g}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z"


# --- what is drawn ------------------------------------------------------------------------------


def radar_panels(suites: Sequence[Suite], names: Sequence[str]) -> list[dict[str, Any]]:
    """Radars of a report: one of the official and one of the synthetic suites.

    Where there are more suites of a kind than a radar has room for, there is one per area.

    Args:
        suites: as the overview has them, by area.
        names: models that are no anchors.
    """
    made: list[dict[str, Any]] = []
    for axes, left in _parts(suites):
        if FEWEST <= len(axes) <= MOST_AXES:
            made.append(_panel(axes, names, left, len(made)))
    return made


def too_many(suites: Sequence[Suite]) -> list[str]:
    """One sentence for each area that has more suites than a radar has room for."""
    return [
        f"{len(axes)} {_kind(axes)} suites of {axes[0].area} are more than a radar has room for "
        f"({MOST_AXES}); the table has them all."
        for axes, _ in _parts(suites)
        if len(axes) > MOST_AXES
    ]


def _parts(suites: Sequence[Suite]) -> list[tuple[list[Suite], list[Suite]]]:
    """Suites that may share a radar: those with values to draw, and those without."""
    found = []
    for synthetic in (False, True):
        kind = [s for s in suites if s.synthetic is synthetic]
        drawn = [s for s in kind if any(s.share(n) is not None for n in s.rows)]
        parts = [kind]
        if len(drawn) > MOST_AXES:
            parts = [[s for s in kind if s.area == a] for a in dict.fromkeys(s.area for s in kind)]
        for part in parts:
            axes = [s for s in part if s in drawn]
            found.append((axes, [s for s in part if s not in axes]))
    return found


def _kind(suites: Sequence[Suite]) -> str:
    return "synthetic" if suites[0].synthetic else "official"


def _panel(
    suites: Sequence[Suite], names: Sequence[str], left: Sequence[Suite], number: int
) -> dict[str, Any]:
    able = [n for n in in_order(suites, names) if any(s.share(n) is not None for s in suites)]
    models = able[:MOST_MODELS]
    ends = [_end(suites, word) for word in ("floor", "ceiling")]
    lines = [o for o in ends if o is not None]
    lines += [
        _outline(suites, n, f"m{at}", MARKERS[at], [n] * len(suites)) for at, n in enumerate(models)
    ]
    areas = list(dict.fromkeys(s.area for s in suites))
    where = f" of {areas[0]}" if len(areas) == 1 else ""
    return {
        "id": f"radar-{number}",
        "title": f"{_kind(suites).capitalize()} suites{where}",
        "synthetic": suites[0].synthetic,
        "caption": _caption(models, len(able), any(ends), left),
        "desc": f"Radar of {len(suites)} suites: {', '.join(s.section.heading for s in suites)}. "
        f"Models: {', '.join(models) or 'none'}. The table above holds its numbers.",
        "axes": [_axis(s, at, len(suites)) for at, s in enumerate(suites)],
        "rings": [_ring(r, len(suites)) for r in RINGS],
        "arcs": _arcs(suites, number) if len(areas) > 1 else [],
        "outlines": lines,
        "view": f"0 0 {SIDE:g} {HEIGHT:g}",
        "centre": f"{SIDE / 2:g} {HEIGHT / 2:g}",
    }  # fmt: skip


def _outline(
    suites: Sequence[Suite], name: str, css: str, marker: str, whom: Sequence[str | None]
) -> Outline:
    """An outline through the values of one model, or of another on each suite."""
    values: list[float | None] = []
    points = []
    for at, (suite, model) in enumerate(zip(suites, whom, strict=True)):
        share = None if model is None else suite.share(model)
        values.append(share)
        if share is not None and model is not None:
            told = f"{model}, {suite.section.heading}: {suite.text(model)}"
            points.append((*point(share, at, len(suites)), told))
    marks = tuple(mark_path(marker, (x, y)) for x, y, _ in points) if marker else ()
    return Outline(name=name, css=css, marker=marker, path=outline_path(values),
                   points=tuple(points), marks=marks)  # fmt: skip


def _end(suites: Sequence[Suite], word: str) -> Outline | None:
    """The floor or the ceiling of every suite that has one."""
    whom = [
        next((n for n in s.rows if s.mark(n) == word and s.share(n) is not None), None)
        for s in suites
    ]
    return _outline(suites, word, word, "", whom) if any(whom) else None


def _caption(models: Sequence[str], able: int, ends: bool, left: Sequence[Suite]) -> str:
    parts = [
        "Each axis is a suite, from the worst value of its declared range at the centre to the "
        "best at the rim, so outside is better; an anchored headline is cut off at 0 and 1. "
        "A gap is a missing value, not a zero. Areas enclosed mean nothing: axes have no order "
        "but that of the table, which holds the numbers."
    ]
    if ends:
        parts.append("Dashed: floor and ceiling anchors.")
    if able > len(models):
        parts.append(f"{len(models)} of {able} models: those on top of the table.")
    if left:
        names = ", ".join(s.section.heading for s in left)
        parts.append(f"Without an axis, for want of a value or of an end of its scale: {names}.")
    return " ".join(parts)


def _axis(suite: Suite, at: int, axes: int) -> dict[str, Any]:
    """A spoke with its label: lines of text beside its end, and its number for small screens."""
    x, y = point(1.0, at, axes)
    lx, ly = point(1.0, at, axes, RADIUS + BAND + 10)
    turn = angle(at, axes)
    side = math.sin(turn)
    anchor = "middle" if abs(side) < 0.2 else "start" if side > 0 else "end"
    lines = wrapped(suite.section.heading)
    # Upwards of the rim a label grows up, below it down, beside it both ways.
    lift = (len(lines) - 1) * 14 * (1 + math.cos(turn)) / 2
    nx, ny = point(1.0, at, axes, RADIUS + BAND + 18)
    return {
        "x": x, "y": y, "anchor": anchor, "number": at + 1, "nx": nx, "ny": round(ny + 7, 1),
        "lines": [(lx, round(ly + 4 - lift + 14 * i, 1), text) for i, text in enumerate(lines)],
        "title": suite.section.heading, "scale": suite.scale, "id": suite.section.id,
        "area": suite.area,
    }  # fmt: skip


def wrapped(text: str, width: int = LINE) -> list[str]:
    """A label in lines of at most `width` letters, broken at spaces only.

    >>> wrapped("Rendered scenes synth")
    ['Rendered scenes', 'synth']
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _ring(share: float, axes: int) -> dict[str, Any]:
    corners = [point(share, at, axes) for at in range(axes)]
    x, y = point(share, 0, axes)
    return {"path": "M" + "L".join(map(_pair, corners)) + "Z", "text": f"{share:g}",
            "x": x - 4, "y": y + 4, "label": share in {0.5, 1.0}}  # fmt: skip


def _arcs(suites: Sequence[Suite], number: int) -> list[dict[str, Any]]:
    """A band along the rim for each area, with its name along it."""
    axes, start = len(suites), 0
    made: list[dict[str, Any]] = []
    while start < axes:
        end = start
        while end + 1 < axes and suites[end + 1].area == suites[start].area:
            end += 1
        low, high = start - 0.46, end + 0.46
        middle = angle(1, axes) * (low + high) / 2
        # Below the middle a text along the rim would stand on its head: it runs the other way.
        below = math.cos(middle) < -0.1
        made.append(
            {"id": f"arc-{number}-{len(made)}", "area": suites[start].area,
             "band": _arc(low, high, axes, RADIUS + BAND / 2, False),
             "path": _arc(low, high, axes, RADIUS + BAND / 2 + (4 if below else -3.5), below)}
        )  # fmt: skip
        start = end + 1
    return made


def _arc(low: float, high: float, axes: int, radius: float, back: bool) -> str:
    def place(at: float) -> str:
        turn = 2 * math.pi * at / axes
        x = SIDE / 2 + radius * math.sin(turn)
        y = HEIGHT / 2 - radius * math.cos(turn)
        return f"{x:.1f} {y:.1f}"

    large = int((high - low) / axes > 0.5)
    ends = (place(high), place(low)) if back else (place(low), place(high))
    return f"M{ends[0]}A{radius:g} {radius:g} 0 {large} {0 if back else 1} {ends[1]}"
