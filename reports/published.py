"""Published rows: in their own style, with a badge for every difference of protocol."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.core.comparable import engine_name, judge_name
from evals.core.store import StoredRun
from evals.core.variants import MARK
from reports.cells import Footnotes, cell_view
from reports.columns import Column, printed
from reports.judged import JUDGE
from reports.printed import value_of
from reports.sections import Section

OFFICIAL_ENGINE = "paddleocr-official"
"""The OCR engine whose rows may stand beside published ones."""
FEW, MOST = 3, 36
"""Up to so many columns per group, and in all, printed groups stand side by side in one table."""

_DIFFERENCE = re.compile(
    r"(?P<aspect>[\w -]{1,24})(?:\[(?P<columns>[^\]]*)\])?: (?P<text>.+)", re.S
)
"""``aspect[columns]: sentence``, or without the columns where all are concerned."""


def _badge(text: str, css: str = "", tip: str = "") -> dict[str, str]:
    return {"text": text, "css": css, "tip": tip or text}


def _difference_badge(difference: str, notes: Footnotes) -> dict[str, str]:
    """A short word with the number of its footnote, which says the whole sentence."""
    found = _DIFFERENCE.fullmatch(difference)
    aspect = found["aspect"] if found else "differs"
    text = f"{aspect}: {found['text']}" if found else difference
    return _badge(f"{aspect} {notes.number(text)}", "warn", text)


def concerning(column: Column, differences: Sequence[str]) -> list[str]:
    """The differences that concern a column, by name or because they concern all."""
    told = []
    for difference in differences:
        found = _DIFFERENCE.fullmatch(difference)
        if found is None or not found["columns"]:
            told.append(difference)
        elif _named(found["columns"]) & {column.key, column.metric, *column.rests_on}:
            told.append(f"{found['aspect']}: {found['text']}")
    return told


def _named(columns: str) -> set[str]:
    return {c.strip() for c in columns.split(",")} - {""}


def _concerning(column: Column, differences: Sequence[str], notes: Footnotes) -> tuple[int, ...]:
    """Footnotes of the differences that name this column or its metric."""
    numbers = []
    for difference in differences:
        found = _DIFFERENCE.fullmatch(difference)
        named = _named(found["columns"] or "") if found else set()
        if found and named & {column.key, column.metric, *column.rests_on}:
            numbers.append(notes.number(f"{found['aspect']}: {found['text']}"))
    return tuple(sorted(numbers))


@dataclass(frozen=True, kw_only=True)
class Place:
    """A column of a table of printed numbers: a group of samples, and a column of its own."""

    group: str
    column: Column


def _published_row(
    row: Mapping[str, Any], places: Sequence[Place], common: Sequence[str], notes: Footnotes,
    *, plain: bool,
) -> dict[str, Any]:  # fmt: skip
    """A row of printed numbers; where all rows are `plain`, none needs a badge for that."""
    note = str(row.get("note") or "")
    state, css = ("corrected", "ok") if row.get("corrected") else ("as printed", "warn")
    word = "note" if plain else state
    badges = [_badge(f"{word} {notes.number(note)}" if note else word, css, note)]
    badges = [] if plain and not note else badges
    badges += [_difference_badge(d, notes) for d in row.get("differences", ()) if d not in common]
    found = [(p, value_of(row, p.column.key, p.group)) for p in places]
    told = [
        {"column": p.column.key, "group": p.group, "raw": "" if v is None else repr(v),
         "text": printed(v, p.column.digits)}
        for p, v in found
    ]  # fmt: skip
    return {
        "name": row["model"], "params": row.get("params", ""), "badges": badges,
        "corrected": bool(row.get("corrected")), "values": told,
    }  # fmt: skip


def published_panel(section: Section) -> dict[str, Any] | None:
    """Printed rows beside measured ones of the same data, or apart from synthetic data.

    Returns:
        What the template draws; None where nothing was printed. Groups that have one or few
        columns each stand side by side in one table per suite, others in a table of their own.
    """
    rows: list[Mapping[str, Any]] = []
    for run in section.runs:
        rows += [r for r in run.manifest.get("published", ()) if r not in rows]
    same = [r for r in rows if r["suite"] == section.suite]
    shown = rows if section.synthetic else same
    if not shown:
        return None
    notes = Footnotes()
    tables = []
    for suite in dict.fromkeys(str(r["suite"]) for r in shown):
        here = [r for r in shown if r["suite"] == suite]
        places = _places(section, here)
        for groups in _together(places):
            tables.append(_published_table(section, suite, groups, here, notes))
    if section.synthetic:
        title = "Published rows, on other data"
        lede = (
            "For orientation only: these were printed for the official images and cannot be "
            "compared with the synthetic numbers of this section, which are therefore not in "
            "this table."
        )
    else:
        title = "Beside published rows"
        lede = (
            "Printed numbers are in italics and never ranked with measured ones; every badge names "
            "a way in which a protocol differs, "
            "also from ours. Where a known error of the source is mended, "
            "the row stands as printed and as corrected."
        )
    return {"title": title, "lede": lede, "tables": tables, "notes": notes.texts}


def _places(section: Section, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Place]]:
    """Columns that have a printed number, by group: the whole first, then as in the taxonomy."""
    keys: dict[str, dict[str, None]] = {}
    for row in rows:
        for group, values in row["values"].items():
            keys.setdefault(group, {}).update(dict.fromkeys(values))
    known = {c.key: c for c in (*section.variants, *section.columns)}
    paths = ["", *("/".join(g.path) for g in section.groups)]
    order = sorted(keys, key=lambda g: paths.index(g) if g in paths else len(paths))
    return {
        group: [
            Place(group=group, column=known.get(k) or _unmeasured(k))
            for k in [*(k for k in known if k in keys[group]),
                      *(k for k in keys[group] if k not in known)]
        ]
        for group in order
    }  # fmt: skip


def _together(places: Mapping[str, list[Place]]) -> list[list[Place]]:
    """Tables: one for all groups where they have few columns each, else one per group."""
    total = sum(map(len, places.values()))
    if len(places) > 1 and total <= min(FEW * len(places), MOST):
        return [[p for own in places.values() for p in own]]
    return list(places.values())


def _published_table(
    section: Section,
    suite: str,
    places: Sequence[Place],
    rows: Sequence[Mapping[str, Any]],
    notes: Footnotes,
) -> dict[str, Any]:
    groups = list(dict.fromkeys(p.group for p in places))
    here = [r for r in rows if any(g in r["values"] for g in groups)]
    every = list(dict.fromkeys(str(d) for r in here for d in r.get("differences", ())))
    common = [d for d in every if all(d in r.get("differences", ()) for r in here)]
    shared = [_difference_badge(d, notes) for d in common]
    shared += [
        _badge(f"judge {j}") for j in dict.fromkeys(r["judge"] for r in here if r.get("judge"))
    ]
    for source in dict.fromkeys(str(r["source"]) for r in here):
        shared.append(_badge(f"source {notes.number(source)}", "", source))
    measured = [] if section.synthetic else _measured_rows(section, places, notes)
    ours = dict.fromkeys(d for run in section.runs for d in run.manifest.get("differences", ()))
    where = f", {groups[0]}" if len(groups) == 1 and groups[0] else ""
    heads = _heads(section, places, groups, [*every, *ours], notes)
    mended = any(r.get("corrected") for r in here)
    return {
        **heads,
        "title": f"{section.benchmark} {suite}{where}{heads['shared']}",
        "span": len(places) + 2,
        "measured": measured,
        "state": "" if mended else ", as printed",
        "badges": shared,
        "rows": [_published_row(r, places, common, notes, plain=not mended) for r in here],
    }


def _heads(
    section: Section, places: Sequence[Place], groups: Sequence[str],
    differences: Sequence[str], notes: Footnotes,
) -> dict[str, Any]:  # fmt: skip
    """Column headings: labels in a table of one group; else groups, above their labels.

    A group of one column is the heading itself, and the label that all of them share is told in the
    table's title.
    """
    titles = {"/".join(g.path): g.title for g in section.groups} | {"": "All samples"}
    named = {g: titles.get(g, g.rpartition("/")[2]) for g in groups}
    sizes = Counter(p.group for p in places)
    single = [p for p in places if sizes[p.group] == 1 and len(groups) > 1]
    labels = {p.column.label for p in single if p.group}
    columns = []
    for at, place in enumerate(places):
        first = at > 0 and place.group != places[at - 1].group
        label, alone = place.column.label, place in single
        columns.append(
            {"label": named[place.group] if alone else label, "key": place.column.key,
             "below": label if alone and labels != {label} else "",
             "rule": first and (sizes[place.group] > 1 or sizes[places[at - 1].group] > 1),
             "refs": _concerning(place.column, differences, notes)}
        )  # fmt: skip
    bands = [
        {"title": named[g] if sizes[g] > 1 else "", "span": sizes[g], "rule": sizes[g] > 1}
        for g in groups
    ]
    shared = f", groups by {next(iter(labels))}" if len(labels) == 1 else ", by group"
    return {
        "columns": columns,
        "bands": bands if len(groups) > 1 and any(b["title"] for b in bands) else [],
        "wide": len(groups) > 1,
        "shared": shared if len(groups) > 1 else "",
    }


def _own_badges(run: StoredRun, notes: Footnotes) -> list[dict[str, str]]:
    """How a run's protocol differs from the published one: OCR engine, judge, and what it says."""
    badges = []
    engine = engine_name(run)
    if engine and engine != OFFICIAL_ENGINE:
        note = (
            f"ocr: read with {engine}; only {OFFICIAL_ENGINE} reads as the published rows do, so "
            "the OCR columns of this row are not comparable with theirs"
        )
        badges.append(_badge(f"OCR {engine} {notes.number(note)}", "warn", note))
    prompts = {
        str(s.evidence.get("prompt"))
        for (_, _, metric), s in run.scores.items()
        if metric == JUDGE and s.status == "ok"
    }
    if prompts:
        name = judge_name(run) or "not named"
        note = f"judge: judged by {name}, {', '.join(sorted(prompts))}; see Judges below"
        badges.append(_badge(f"judge {name} {notes.number(note)}", "warn", note))
    badges += [_difference_badge(str(d), notes) for d in run.manifest.get("differences", ())]
    return badges


def _measured_rows(
    section: Section, places: Sequence[Place], notes: Footnotes
) -> list[dict[str, Any]]:
    """The section's runs in published columns, each with how its protocol differs."""
    rows = []
    for at in section.shown:
        name, cells = section.names[at], section.summaries[at].cells
        found = [
            (p, cells.get((p.column.key, tuple(w for w in p.group.split("/") if w))))
            for p in places
        ]
        rows.append(
            {
                "name": name,
                "badges": _own_badges(section.runs[at], notes),
                "cells": [cell_view(c, p.column, name, notes, p.group) for p, c in found],
            }
        )
    return rows


def _unmeasured(key: str) -> Column:
    """A published column that no run here declares."""
    metric, _, name = key.removeprefix(MARK).rpartition(".")
    return Column(
        key=key, metric=metric, name=name, label=name, doc="not declared by these runs", unit="",
        low=0.0, high=1.0, direction="higher", profile="official", primary=False,
    )  # fmt: skip
