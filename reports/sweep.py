"""What stands above the sections of a sweep: the overview's table, printed rows, and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.core.leaderboard import Row, by_model
from reports.board import listed, named, strong
from reports.cells import CellView, Footnotes
from reports.columns import Column, count, printed
from reports.overview import Place, Suite, model_names, place_of, suites_of
from reports.printed import REFERENCES, headline_twin, printed_rows, reference_rows, value_of
from reports.published import concerning
from reports.sections import Section

if TYPE_CHECKING:
    from markupsafe import Markup

CLAUSES = 2
"""Up to so many suites of one area, a sentence names the best model of each."""
NAMES = 3
"""Models named in one clause; further ones are counted."""
LEDE = (
    "The headline of every model on every suite, each in its own unit and on its own scale, with "
    "half the width of its 95 % interval and, where the model is ranked, its rank on that suite; "
    "a bold number has the first rank alone. Nothing is averaged over suites: models with most "
    "first ranks stand on top, then those with most second ones, official suites before "
    "synthetic ones. The name of a suite leads to its section."
)


def overview_panel(sections: Sequence[Section]) -> dict[str, Any]:
    """The overview as the template draws it, without its charts."""
    suites = suites_of(sections)
    names, anchors = model_names(suites)
    notes = Footnotes()
    rows = [_row(suites, n, False, notes) for n in names]
    ends = [_row(suites, n, True, notes) for n in anchors]
    own = len(notes.texts)
    published = _printed(suites, notes)
    return {
        "lede": LEDE,
        "sentences": area_sentences(suites),
        "areas": _bands(suites),
        "suites": [_head(s, at, suites) for at, s in enumerate(suites)],
        "rows": rows,
        "anchors": ends,
        "published": published,
        "span": len(suites) + 1,
        "notes": notes.texts[:own],
        "sources": [(own + at, text) for at, text in enumerate(notes.texts[own:], 1)],
    }


def _row(suites: Sequence[Suite], name: str, anchor: bool, notes: Footnotes) -> dict[str, Any]:
    places = [place_of(s, name, notes) for s in suites]
    marks = list(dict.fromkeys(p.mark for p in places if p.mark)) if anchor else []
    if not anchor:
        shown = places
    else:  # said once, beside the name
        shown = [Place(view=p.view, rank=p.rank, state=p.state) for p in places]
    return {"name": name, "marks": marks, "places": shown}


def _bands(suites: Sequence[Suite]) -> list[dict[str, Any]]:
    areas = list(dict.fromkeys(s.area for s in suites))
    return [{"title": a, "span": sum(s.area == a for s in suites)} for a in areas]


def _head(suite: Suite, at: int, suites: Sequence[Suite]) -> dict[str, Any]:
    partial = " (partial)" if suite.board.partial else ""
    lower = suite.board.direction == "lower"
    return {
        "id": suite.section.id,
        "title": suite.section.heading,
        "synthetic": suite.synthetic,
        "scale": f"{suite.scale}{partial}{', lower is better' if lower else ''}",
        "doc": f"headline: {suite.board.name}{partial}; {suite.board.direction} is better",
        "rule": at == 0 or suites[at - 1].area != suite.area,
    }


# --- printed rows -------------------------------------------------------------------------------


def _printed(suites: Sequence[Suite], notes: Footnotes) -> list[dict[str, Any]]:
    """A row per reference model that anything was printed for; None where a suite has nothing."""
    found: dict[str, list[CellView | None]] = {m: [] for m in REFERENCES}
    for suite in suites:
        cells = _printed_cells(suite.section, notes)
        for model in REFERENCES:
            found[model].append(cells.get(model))
    return [{"name": m, "cells": cells} for m, cells in found.items() if any(cells)]


def _printed_cells(section: Section, notes: Footnotes) -> Mapping[str, CellView]:
    """What was printed for the references by the headline's official twin, with its footnotes."""
    column = headline_twin(section)
    if column is None:
        return {}
    rows = {
        model: [
            r for r in reference_rows(printed_rows(section), model)
            if not r.get("corrected") and value_of(r, column.key) is not None
        ]
        for model in REFERENCES
    }  # fmt: skip
    sources = [str(r["source"]) for own in rows.values() for r in own]
    # Numbers of one source are of one protocol: the one that printed most references goes first.
    source = max(sources, key=lambda s: _covers(rows, s), default="")
    cells = {}
    for model, own in rows.items():
        row = next((r for r in own if r["source"] == source), own[0] if own else None)
        if row is not None:
            refs = [notes.number(_origin(section, column, row))]
            refs += [notes.number(t) for t in _others(section, column, model, row, own)]
            value = value_of(row, column.key)
            cells[model] = CellView(
                column=column.key, model=model, value=value, text=printed(value, column.digits),
                tip=f"as printed by {row['source']}", refs=tuple(refs),
            )  # fmt: skip
    return cells


def _covers(rows: Mapping[str, Sequence[Mapping[str, Any]]], source: str) -> int:
    return sum(any(r["source"] == source for r in own) for own in rows.values())


def _origin(section: Section, column: Column, row: Mapping[str, Any]) -> str:
    """Where a number was printed, by which formula, and how its protocol differs."""
    parts = [f"{section.heading}: the variant “{column.label}”, {column.profile} profile"]
    parts += [f"printed by {row['source']}"]
    parts += [f"judge {row['judge']}"] if row.get("judge") else []
    parts += concerning(column, [str(d) for d in row.get("differences", ())])
    return "; ".join(parts)


def _others(
    section: Section, column: Column, model: str, chosen: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> list[str]:  # fmt: skip
    """Other numbers that were printed for the same model and suite, in one footnote."""
    shown = value_of(chosen, column.key) or 0.0
    decimals = len(repr(shown).partition(".")[2])
    others = {
        f"{printed(value, column.digits)} ({r['source']})": None
        for r in rows
        # More decimals of the same number are no other number.
        if (value := value_of(r, column.key)) is not None and round(value, decimals) != shown
    }
    return [f"{section.heading}: {model} is also printed as {', '.join(others)}"] if others else []


# --- sentences ----------------------------------------------------------------------------------


def area_sentences(suites: Sequence[Suite]) -> list[dict[str, Any]]:
    """The best model of each area in one sentence, from the ranks; synthetic suites apart."""
    groups = dict.fromkeys((s.area, s.synthetic) for s in suites)
    made = []
    for area, synthetic in groups:
        here = [s for s in suites if (s.area, s.synthetic) == (area, synthetic)]
        text = _clauses(here) if len(here) <= CLAUSES else _counts(here)
        made.append({"area": area.capitalize(), "synthetic": synthetic, "text": text})
    return made


def _ranked(suite: Suite) -> list[Row]:
    return [r for r in suite.board.rows if r.rank is not None]


def _clauses(suites: Sequence[Suite]) -> Markup:
    from markupsafe import Markup

    return Markup("; ").join(_clause(s) for s in suites) + "."


def _clause(suite: Suite) -> Markup:
    from markupsafe import Markup

    rows = _ranked(suite)
    if not rows:
        return Markup("no model is ranked on {}").format(suite.section.heading)
    best = max(rows, key=lambda r: _sign(suite) * (r.headline.value or 0.0))
    text = Markup("{}, {} on {}, {}")
    name = strong(suite.section.name_of(best.run))
    return text.format(name, _value(suite, best), suite.section.heading, _against(suite, best))


def _sign(suite: Suite) -> float:
    return -1.0 if suite.board.direction == "lower" else 1.0


def _value(suite: Suite, row: Row) -> str:
    """A headline with what it is a part of."""
    low, high = suite.range
    text = suite.section.score(row.headline.value)
    if suite.unit == "%":
        text += " %"
    elif suite.bounded and low == 0:
        text += f" of {high:,.6g} {suite.unit}".rstrip()
    elif suite.bounded:
        text += f" on the scale {suite.scale}"
    elif suite.unit:
        text += f" {suite.unit}"
    return f"{text} (partial headline)" if suite.board.partial else text


def _against(suite: Suite, best: Row) -> Markup:
    """How the best stands to the others, by the paired comparisons of its board."""
    from markupsafe import Markup

    rows, own = by_model(suite.board), best.key
    near = []
    for pair in suite.board.pairs:
        if own in (pair.a, pair.b) and pair.verdict == "not separable":
            near.append(rows[pair.b if pair.a == own else pair.a])
    if len(rows) == 1:
        return Markup("the only model ranked there")
    if near:
        names = [named(suite.section.name_of(r.run)) for r in near]
        return Markup("not separable from {}").format(listed(_few(names)))
    if len(rows) > 2:
        return Markup("significantly better than each of the other {}").format(len(rows) - 1)
    other = next(r for k, r in rows.items() if k != own)
    return Markup("significantly better than {}").format(named(suite.section.name_of(other.run)))


def _few(names: Sequence[Markup]) -> list[Markup]:
    from markupsafe import Markup

    more = len(names) - NAMES
    rest = [Markup("{} more").format(count(more))] if more > 0 else []
    return [*names[:NAMES], *rest]


def _counts(suites: Sequence[Suite]) -> Markup:
    """Who has the first rank on how many of many suites."""
    from markupsafe import Markup

    firsts: dict[str, int] = {}
    nobody = 0
    for suite in suites:
        first = [suite.section.name_of(r.run) for r in _ranked(suite) if r.rank == 1]
        nobody += not first
        for name in first:
            firsts[name] = firsts.get(name, 0) + 1
    order = sorted(firsts.items(), key=lambda item: -item[1])
    told = [Markup("{} on {}").format(strong(n), k) for n, k in order]
    if not told:
        return Markup("no model is ranked on any of its {} suites.").format(len(suites))
    made = Markup("of {} suites, the first rank is held by {}").format(
        len(suites), listed(_few(told))
    )
    if sum(firsts.values()) > len(suites) - nobody:
        made += "; a shared one counts for each"
    return made + (Markup("; no model is ranked on {}.").format(nobody) if nobody else ".")
