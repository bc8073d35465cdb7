"""Curves of a training over its steps, with the numbers below them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.core.leaderboard import Row
from evals.core.pairs import ALPHA
from evals.core.trend import HEADLINE, TRACK, Change, changes
from reports.board import headline_cell, listed, strong, track_cell
from reports.cells import CellView, Footnotes, cell_view
from reports.columns import PROFILE_ORDER, Column, count, number, probability
from reports.radar import MARKERS, mark_path
from reports.sections import Section
from reports.training import Training, trainings_of
from reports.trend_chart import Anchor, Curve, Point, chart

if TYPE_CHECKING:
    from markupsafe import Markup

MOST = 12
"""Curves of a section: the headline, its tracks, and the first quantity of each metric."""
DRAWN = 6
"""Trainings in one drawing, as many as there are colours; all are in the table."""
Ends = tuple[float | None, float | None, float | None]
"""A value and the ends of its interval."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What one drawing and one column of the table are about.

    Attributes:
        key: of `evals.core.trend.changes`.
        title: as a heading, with the direction in which it is better.
        below: small print of the heading.
        direction: in which it is better.
        limits: ends of its range.
        digits: decimals printed.
        unit: of its numbers; empty for a share.
        ends: run -> value and interval.
        view: run, footnotes -> cell of the table.
    """

    key: str
    title: str
    below: str
    doc: str
    direction: str
    limits: tuple[float, float]
    digits: int
    unit: str
    ends: Callable[[int], Ends]
    view: Callable[[int, Footnotes], CellView]

    @property
    def heading(self) -> str:
        """Title with the sign of its direction."""
        return f"{self.title}\N{NO-BREAK SPACE}{'↓' if self.direction == 'lower' else '↑'}"

    def signed(self, value: float) -> str:
        """A difference with its sign."""
        return f"{'+' if value > 0 else ''}{number(value, self.digits)}"


def trend_panel(section: Section) -> dict[str, Any] | None:
    """The curves of a section's trainings; None where it has no training of two steps."""
    trainings = trainings_of(section.runs)
    measures = _measures(section, trainings) if trainings else []
    if not measures:
        return None
    found = [_changes(section, t, measures) for t in trainings]
    notes = Footnotes()
    rows = [_rows(section, t, measures, c, notes) for t, c in zip(trainings, found, strict=True)]
    drawn = trainings[:DRAWN]
    return {
        "title": f"Over the training: {trainings[0].name}" if len(trainings) == 1 else
        f"Over the steps of {len(trainings)} trainings",
        "several": len(trainings) > 1,
        "sentences": [
            sentence(t, measures, c) for t, c in zip(trainings, found, strict=True)
        ],
        "lede": _lede(section, measures, len(trainings)),
        "key": [
            {"name": t.name, "css": f"m{at}", "mark": mark_path(MARKERS[at], (17, 7))}
            for at, t in enumerate(drawn)
        ],
        "charts": [_chart(section, m, drawn, at) for at, m in enumerate(measures)],
        "heads": measures,
        "groups": [{"name": t.name, "rows": r} for t, r in zip(trainings, rows, strict=True)],
        "anchors": [_anchor_row(section, at, measures, notes) for at in _ends_of(section)],
        "notes": notes.texts,
        "span": len(measures) + 2,
    }  # fmt: skip


def _lede(section: Section, measures: Sequence[Measure], trainings: int) -> str:
    dashed = [section.names[at] for at in _ends_of(section)]
    text = "Mean at each step with its 95 % interval as a band; a gap is a step without a value. "
    if dashed:
        text += f"Dashed: {' and '.join(dashed)}, or at the edge where it is far outside. "
    if trainings > DRAWN:
        text += f"Drawn are the first {DRAWN} of {trainings}; the table has all. "
    return text + (
        f"The last row of a training is what changed from its first step to its last one, paired "
        f"by sample: permutation test, Holm over {len(measures)} quantities."
    )


# --- what is shown ------------------------------------------------------------------------------


def _measures(section: Section, trainings: Sequence[Training]) -> list[Measure]:
    """Headline, tracks, and the first quantity of each metric, where any step has a value."""
    members = [at for t in trainings for _, at in t.steps]
    made = [*_headlines(section, members), *(_of_column(section, c) for c in _columns(section))]
    return [m for m in made if any(m.ends(at)[0] is not None for at in members)][:MOST]


def _headlines(section: Section, members: Sequence[int]) -> list[Measure]:
    """The headline and its tracks, of the board that has most steps: others are made otherwise."""
    runs = {id(section.runs[at]) for at in members}
    board = max(section.board.boards, key=lambda b: sum(id(r.run) in runs for r in b.rows))
    places = {id(r): at for at, r in enumerate(section.runs)}
    rows = {places[id(row.run)]: row for row in board.rows}
    head, partial = section.head, " (partial)" if board.partial else ""
    anchored = "anchored" if section.tracks else ""
    other = f"its headline is made of other columns than {board.name} of most steps"

    def gone(at: int, notes: Footnotes) -> CellView:
        return CellView(
            column="headline", model=section.names[at], tip=other, refs=(notes.number(other),)
        )

    whole = Measure(
        key=HEADLINE, title=f"{board.name}{partial}", below=anchored, doc="the headline",
        direction=board.direction, digits=section.digits, unit=head.unit if head else "",
        limits=(head.low, head.high) if head else (0.0, 1.0),
        ends=lambda at: _headline_ends(rows.get(at)),
        view=lambda at, notes: headline_cell(
            rows[at].headline, section.names[at], notes, section.digits
        ) if at in rows else gone(at, notes),
    )  # fmt: skip
    return [whole, *(_of_track(section, rows, t, gone) for t in section.tracks)]


def _headline_ends(row: Row | None) -> Ends:
    if row is None:
        return None, None, None
    return row.headline.value, row.headline.low, row.headline.high


def _of_track(
    section: Section, rows: Mapping[int, Row], track: Mapping[str, Any],
    gone: Callable[[int, Footnotes], CellView],
) -> Measure:  # fmt: skip
    name = str(track["name"])

    def ends(at: int) -> Ends:
        tracks = rows[at].headline.tracks if at in rows else ()
        found = next((t for t in tracks if t.name == name), None)
        return (None, None, None) if found is None else (found.value, found.low, found.high)

    def view(at: int, notes: Footnotes) -> CellView:
        if at not in rows:
            return gone(at, notes)
        return track_cell(rows[at].headline, name, section.names[at], notes)

    return Measure(
        key=TRACK + name, title=name, below="anchored", doc=str(track.get("doc", "")),
        # Worse than the floor is below 0.
        direction="higher", limits=(-math.inf, 1.0), digits=3, unit="", ends=ends, view=view,
    )  # fmt: skip


def _columns(section: Section) -> list[Column]:
    """The first quantity of each metric, those of one label once: as the official script has it."""
    first = [c for c in section.columns if c.primary and section.measured(c.key)]
    head = section.head.key if section.head else ""

    def rank(column: Column) -> int:
        known = column.profile in PROFILE_ORDER
        return PROFILE_ORDER.index(column.profile) if known else len(PROFILE_ORDER)

    best: dict[str, Column] = {}
    for column in first:
        held = best.get(column.label)
        if held is None or rank(column) < rank(held):
            best[column.label] = column
    return [c for c in first if best[c.label] is c and c.key != head]


def _of_column(section: Section, column: Column) -> Measure:
    def cell(at: int) -> Any:
        return section.summaries[at].cells.get((column.key, ()))

    def ends(at: int) -> Ends:
        found = cell(at)
        return (None, None, None) if found is None else (found.mean, found.low, found.high)

    return Measure(
        key=column.key, title=column.label, below=f"{column.key}, {column.profile}",
        doc=column.doc, direction=column.direction, limits=(column.low, column.high),
        digits=column.digits, unit=column.unit, ends=ends,
        view=lambda at, notes: cell_view(cell(at), column, section.names[at], notes),
    )  # fmt: skip


def _ends_of(section: Section) -> list[int]:
    """Floor and ceiling, where they are here."""
    return [at for at in (section.floor, section.ceiling) if at is not None]


# --- drawings -----------------------------------------------------------------------------------


def _chart(
    section: Section, measure: Measure, trainings: Sequence[Training], number_of: int
) -> dict[str, Any]:
    curves = [_curve(measure, t, at) for at, t in enumerate(trainings)]
    drawn = [c for c in curves if any(p.value is not None for p in c.points)]
    steps = [step for t in trainings for step, _ in t.steps]
    anchors = []
    for css, at in (("floor", section.floor), ("ceiling", section.ceiling)):
        value = None if at is None else measure.ends(at)[0]
        if at is not None and value is not None:
            text = number(value, measure.digits)
            anchors.append(Anchor(name=section.names[at], css=css, value=value, text=text))
    return {
        "id": f"trend-{section.id}-{number_of}", "measure": measure,
        "desc": f"{measure.title} over the steps of {', '.join(t.name for t in trainings)}; "
        "the table below holds its numbers.",
        **chart(drawn, anchors, (min(steps), max(steps)), measure.limits),
    }  # fmt: skip


def _curve(measure: Measure, training: Training, at: int) -> Curve:
    points = []
    for step, run in training.steps:
        value, low, high = measure.ends(run)
        told = f"{training.name}, step {count(step)}: {number(value, measure.digits)}"
        if low is not None:
            told += f" [{number(low, measure.digits)}, {number(high, measure.digits)}]"
        tip = f"{told} {measure.unit}".strip()
        points.append(Point(step=step, value=value, low=low, high=high, tip=tip))
    return Curve(css=f"m{at}", marker=MARKERS[at], points=tuple(points))


# --- numbers ------------------------------------------------------------------------------------


def _rows(
    section: Section, training: Training, measures: Sequence[Measure],
    found: Mapping[str, Change], notes: Footnotes,
) -> dict[str, Any]:  # fmt: skip
    steps = [
        {
            "step": count(step), "name": section.names[at],
            "n": count(len(section.runs[at].samples)),
            "cells": [m.view(at, notes) for m in measures],
        }
        for step, at in training.steps
    ]  # fmt: skip
    ends = count(training.steps[0][0]), count(training.steps[-1][0])
    return {
        "steps": steps, "change": f"{ends[0]} → {ends[1]}",
        "changes": [_change_cell(m, found.get(m.key)) for m in measures],
    }  # fmt: skip


def _anchor_row(
    section: Section, at: int, measures: Sequence[Measure], notes: Footnotes
) -> dict[str, Any]:
    return {
        "name": section.names[at], "mark": section.mark(at),
        "n": count(len(section.runs[at].samples)),
        "cells": [m.view(at, notes) for m in measures],
    }  # fmt: skip


def _change_cell(measure: Measure, change: Change | None) -> dict[str, str]:
    if change is None:
        return {"text": "—", "small": "", "tip": "no sample has a value at both steps", "css": ""}
    tip = f"{measure.title}: {measure.signed(change.difference)}"
    if change.low is not None:
        ends = number(change.low, measure.digits), number(change.high, measure.digits)
        tip += f"; 95 % CI [{ends[0]}, {ends[1]}]"
    tip += f"; {probability(change.p)} before Holm; n = {count(change.n)}"
    css = {1: "better", -1: "worse"}.get(_judged(measure, change), "")
    return {"text": measure.signed(change.difference), "small": probability(change.adjusted),
            "tip": tip, "css": css}  # fmt: skip


def _judged(measure: Measure, change: Change) -> int:
    """1 for better, -1 for worse, 0 for not separable."""
    if change.adjusted > ALPHA or change.difference == 0:
        return 0
    return 1 if (change.difference > 0) == (measure.direction != "lower") else -1


def _changes(
    section: Section, training: Training, measures: Sequence[Measure]
) -> dict[str, Change]:
    """What changed from the first step to the last."""
    (_, first), (_, last) = training.steps[0], training.steps[-1]
    anchors = [None if at is None else section.runs[at] for at in (section.floor, section.ceiling)]
    keys = [m.key for m in measures if None not in (m.ends(first)[0], m.ends(last)[0])]
    return changes(
        section.runs[first], section.runs[last], keys, floor=anchors[0], ceiling=anchors[1]
    )


def sentence(
    training: Training, measures: Sequence[Measure], found: Mapping[str, Change]
) -> Markup:
    """What changed from the first step to the last, in one sentence."""
    from markupsafe import Markup

    parts = []
    for sign, words in ((1, "better in {}"), (-1, "worse in {}"), (0, "no separable change in {}")):
        names = [
            _named(m, found[m.key]) for m in measures
            if m.key in found and _judged(m, found[m.key]) == sign
        ]  # fmt: skip
        if names:
            parts.append(Markup(words).format(listed(names)))
    told = Markup("; ").join(parts) or Markup("nothing that both steps have a value of")
    ends = count(training.steps[0][0]), count(training.steps[-1][0])
    text = Markup("{}, from step {} to {}: {}.")
    return text.format(strong(training.name), *ends, told)


def _named(measure: Measure, change: Change) -> Markup:
    from markupsafe import Markup

    unit = f" {measure.unit}" if measure.unit else ""
    return Markup("{} ({})").format(measure.title, measure.signed(change.difference) + unit)
