"""Published rows: in their own style, with a badge for every difference of protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evals.core.comparable import engine_name, judge_name
from evals.core.store import StoredRun
from evals.core.variants import MARK
from reports.cells import Footnotes, cell_view
from reports.columns import Column, printed
from reports.judged import JUDGE
from reports.sections import Section

OFFICIAL_ENGINE = "paddleocr-official"
"""The OCR engine whose rows may stand beside published ones."""

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


def _concerning(column: Column, differences: Sequence[str], notes: Footnotes) -> tuple[int, ...]:
    """Footnotes of the differences that name this column or its metric."""
    numbers = []
    for difference in differences:
        found = _DIFFERENCE.fullmatch(difference)
        named = {c.strip() for c in (found["columns"] or "").split(",")} - {""} if found else set()
        if found and named & {column.key, column.metric, *column.rests_on}:
            numbers.append(notes.number(f"{found['aspect']}: {found['text']}"))
    return tuple(sorted(numbers))


def _published_row(
    row: Mapping[str, Any],
    group: str,
    columns: Sequence[Column],
    common: Sequence[str],
    notes: Footnotes,
) -> dict[str, Any]:
    note = str(row.get("note") or "")
    state, css = ("corrected", "ok") if row.get("corrected") else ("as printed", "warn")
    badges = [_badge(f"{state} {notes.number(note)}" if note else state, css, note)]
    badges += [_difference_badge(d, notes) for d in row.get("differences", ()) if d not in common]
    values = row["values"].get(group, {})
    told = [
        {"column": c.key, "raw": "" if c.key not in values else repr(float(values[c.key])),
         "text": printed(values.get(c.key), c.digits)}
        for c in columns
    ]  # fmt: skip
    return {
        "name": row["model"], "params": row.get("params", ""), "badges": badges,
        "corrected": bool(row.get("corrected")), "values": told,
    }  # fmt: skip


def published_panel(section: Section) -> dict[str, Any] | None:
    """Printed rows beside measured ones of the same data, or apart from synthetic data."""
    rows: list[Mapping[str, Any]] = []
    for run in section.runs:
        rows += [r for r in run.manifest.get("published", ()) if r not in rows]
    same = [r for r in rows if r["suite"] == section.suite]
    shown = rows if section.synthetic else same
    if not shown:
        return None
    notes = Footnotes()
    tables = []
    suites = dict.fromkeys(str(r["suite"]) for r in shown)
    for suite in suites:
        here = [r for r in shown if r["suite"] == suite]
        for group in dict.fromkeys(g for r in here for g in r["values"]):
            tables.append(_published_table(section, suite, group, here, notes))
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


def _published_table(
    section: Section,
    suite: str,
    group: str,
    rows: Sequence[Mapping[str, Any]],
    notes: Footnotes,
) -> dict[str, Any]:
    here = [r for r in rows if group in r["values"]]
    keys = {k for r in here for k in r["values"][group]}
    known = {c.key: c for c in (*section.variants, *section.columns)}
    order = [k for k in known if k in keys]
    order += [
        k for k in dict.fromkeys(k for r in here for k in r["values"][group]) if k not in known
    ]
    columns = [known.get(k) or _unmeasured(k) for k in order]
    every = list(dict.fromkeys(str(d) for r in here for d in r.get("differences", ())))
    common = [d for d in every if all(d in r.get("differences", ()) for r in here)]
    shared = [_difference_badge(d, notes) for d in common]
    shared += [
        _badge(f"judge {j}") for j in dict.fromkeys(r["judge"] for r in here if r.get("judge"))
    ]
    for source in dict.fromkeys(str(r["source"]) for r in here):
        shared.append(_badge(f"source {notes.number(source)}", "", source))
    measured = [] if section.synthetic else _measured_rows(section, group, columns, notes)
    ours = dict.fromkeys(d for run in section.runs for d in run.manifest.get("differences", ()))
    return {
        "title": f"{section.benchmark} {suite}" + (f", {group}" if group else ""),
        "columns": [
            {"label": c.label, "refs": _concerning(c, [*every, *ours], notes), "key": c.key}
            for c in columns
        ],
        "span": len(columns) + 2,
        "measured": measured,
        "badges": shared,
        "rows": [_published_row(r, group, columns, common, notes) for r in here],
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
    section: Section, group: str, columns: Sequence[Column], notes: Footnotes
) -> list[dict[str, Any]]:
    """The section's runs in published columns, each with how its protocol differs."""
    path = tuple(p for p in group.split("/") if p)
    rows = []
    for at in section.shown:
        name, cells = section.names[at], section.summaries[at].cells
        rows.append(
            {
                "name": name,
                "badges": _own_badges(section.runs[at], notes),
                "cells": [
                    cell_view(cells.get((c.key, path)), c, name, notes, group) for c in columns
                ],
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
