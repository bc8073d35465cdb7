"""Tables below the leaderboard: every metric, the heat map, published rows, what is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.core.summary import Cell
from reports.cells import CellView, Footnotes, cell_view, tip_of, why_none
from reports.charts import shade
from reports.columns import (
    NO_VALUE,
    PROFILE_ORDER,
    PROFILE_TITLES,
    Column,
    count,
    number,
    side_by_side,
)
from reports.sections import Section

# --- every metric ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity over all models."""

    key: str
    label: str
    doc: str
    unit: str
    arrow: str
    profile: str
    profile_title: str
    cells: tuple[CellView, ...]


def _mark_best(cells: Sequence[CellView], column: Column, anchors: Sequence[bool]) -> list[CellView]:
    """The best printed value among models in bold; anchors do not compete."""
    known = [c.value for c, a in zip(cells, anchors, strict=True) if c.value is not None and not a]
    if len(known) < 2:
        return list(cells)
    top = max(known) if column.direction == "higher" else min(known)
    best = column.text(top)
    return [
        replace(c, best=True) if not a and c.value is not None and c.text == best else c
        for c, a in zip(cells, anchors, strict=True)
    ]


def _metric_rows(
    section: Section, group: tuple[str, ...], notes: Footnotes
) -> list[Row]:
    anchors = [role == "anchor" for role in section.roles]
    rows = []
    for label, columns in side_by_side(section.columns):
        for column in columns:
            cells = [
                cell_view(s.cells.get((column.key, group)), column, name, notes, "/".join(group))
                for name, s in zip(section.names, section.summaries, strict=True)
            ]
            rows.append(
                Row(
                    key=column.key,
                    label=label,
                    doc=column.doc,
                    unit=column.unit,
                    arrow=column.arrow,
                    profile=column.profile,
                    profile_title=PROFILE_TITLES.get(column.profile, ""),
                    cells=tuple(_mark_best(cells, column, anchors)),
                )
            )
    return rows


def metrics_panel(section: Section) -> dict[str, Any]:
    """All quantities of all profiles: one table for all samples and one per top-level group."""
    notes = Footnotes()
    top = [g for g in section.groups if len(g.path) == 1]
    wanted: list[tuple[tuple[str, ...], str]] = [((), "All samples")]
    wanted += [(g.path, g.title) for g in top] if len(top) > 1 else []
    models = section.model_heads()
    tables = [
        {
            "group": "/".join(path),
            "title": title,
            "models": models,
            "rows": _metric_rows(section, path, notes),
        }
        for path, title in wanted
    ]
    found = {c.profile for c in section.columns}
    profiles = [
        {"name": p, "doc": PROFILE_TITLES[p]} for p in PROFILE_ORDER if p in found
    ]
    lede = (
        "Each mean with half the width of its 95 % interval and, wherever not every planned sample "
        "was measured, the samples scored of those planned. Bold is the best model of a row; "
        "whether a difference is more than chance is said by the ranks above."
    )
    return {
        "tables": tables, "profiles": profiles, "lede": lede, "notes": notes.texts,
    }  # fmt: skip


# --- heat map -------------------------------------------------------------------------------


def _planned(section: Section, path: tuple[str, ...]) -> int:
    return max(
        (
            sum(tuple(s.get("group", ()))[: len(path)] == path for s in run.samples)
            for run in section.runs
        ),
        default=0,
    )


def _shaded(cell: Cell | None, column: Column, seen: tuple[float, float]) -> list[Any]:
    """Text, shade and tip of one heat-map cell, as the page's script takes them."""
    if cell is None or cell.mean is None:
        return [NO_VALUE, -1, why_none(cell)]
    return [column.text(cell.mean), shade(cell.mean, column, seen), tip_of(cell, column)]


def _heat_cells(
    section: Section, column: Column, paths: Sequence[tuple[str, ...]]
) -> list[list[list[Any]]]:
    cells = [
        [summary.cells.get((column.key, path)) for summary in section.summaries] for path in paths
    ]
    known = [c.mean for row in cells for c in row if c is not None and c.mean is not None]
    seen = (min(known, default=0.0), max(known, default=0.0))
    return [[_shaded(c, column, seen) for c in row] for row in cells]


def reading(column: Column) -> str:
    """How to read the shades of a column."""
    scale = (
        f"Shades cover the whole range {number(column.low, 0)} to {number(column.high, 0)}"
        if column.bounded
        else "The range has no end, so shades cover the values shown"
    )
    return f"{scale}; {column.direction} is better."


def heat_panel(section: Section) -> dict[str, Any] | None:
    """Sub-classes against models for every column; None for a benchmark without groups.

    Returns:
        What the template draws (for the first shown column), and in ``all`` the cells of every
        column for the script.
    """
    leaves = [g for g in section.groups if not section.has_children(g.path)]
    if len(leaves) < 2:
        return None
    columns = [c for c in section.columns if section.measured(c.key)] or list(section.columns)
    column = _heat_default(section, columns)
    rows: list[tuple[tuple[str, ...], str, bool]] = [((), "All samples", True)]
    rows += [(g.path, g.title, section.has_children(g.path)) for g in section.groups]
    paths = [path for path, _, _ in rows]
    every = {c.key: _heat_cells(section, c, paths) for c in columns}
    order = section.heat_order()
    first_model = next((i for i, m in enumerate(order) if section.roles[m] != "anchor"), -1)
    drawn = [
        {
            "at": at, "path": "/".join(path), "title": title, "total": total,
            "planned": count(_planned(section, path)),
            "cells": [
                {"model": m, "text": every[column.key][at][m][0],
                 "shade": every[column.key][at][m][1], "tip": every[column.key][at][m][2],
                 "rule": 0 < i == first_model}
                for i, m in enumerate(order)
            ],
        }
        for at, (path, title, total) in enumerate(rows)
    ]  # fmt: skip
    heads = section.model_heads()
    ceiling = "" if section.ceiling is None else (
        f" The column {section.names[section.ceiling]} is the ceiling: what this scorer gives the "
        "exact answer. A score near it cannot rank models further, and a sub-class with a low "
        "ceiling is the scorer's limit, not a model's failure."
    )  # fmt: skip
    return {
        "title": f"Sub-classes ({len(leaves)})",
        "lede": f"Click a cell to see its samples in the gallery.{ceiling}",
        "columns": columns, "column": column, "reading": reading(column), "rows": drawn,
        "models": [{**heads[m], "rule": 0 < i == first_model} for i, m in enumerate(order)],
        "all": every,
    }  # fmt: skip


def _heat_default(section: Section, columns: Sequence[Column]) -> Column:
    """The first column of the headline that was measured, else the first column."""
    wanted = [k for t in section.tracks for k in t["columns"]]
    by_key = {c.key: c for c in columns}
    return next((by_key[k] for k in wanted if k in by_key), columns[0])


# --- published rows -------------------------------------------------------------------------


def _badge(text: str, css: str = "", tip: str = "") -> dict[str, str]:
    return {"text": text, "css": css, "tip": tip or text}


def _published_row(
    row: Mapping[str, Any], group: str, columns: Sequence[Column], notes: Footnotes
) -> dict[str, Any]:
    badges = [
        _badge("corrected", "ok", row.get("note", ""))
        if row.get("corrected")
        else _badge("as printed", "warn", row.get("note") or "exactly as in the source")
    ]
    if row.get("judge"):
        badges.append(_badge(f"judge {row['judge']}"))
    for difference in row.get("differences", ()):
        short, colon, _ = str(difference).partition(":")
        label = short if colon and len(short) <= 24 else "differs"
        badges.append(_badge(f"{label} {notes.number(str(difference))}", "warn", str(difference)))
    if row.get("note"):
        badges.append(_badge(f"note {notes.number(str(row['note']))}", "", str(row["note"])))
    badges.append(_badge(f"source {notes.number(str(row['source']))}", "", str(row["source"])))
    values = row["values"].get(group, {})
    printed = [
        {"column": c.key, "raw": "" if c.key not in values else repr(float(values[c.key])),
         "text": number(values.get(c.key), 2)}
        for c in columns
    ]  # fmt: skip
    return {
        "name": row["model"], "params": row.get("params", ""), "badges": badges,
        "corrected": bool(row.get("corrected")), "values": printed,
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
            "a way in which their protocol differs. Where a known error of the source is mended, "
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
    keys = {k for r in rows for k in r["values"].get(group, {})}
    known = [c for c in section.columns if c.key in keys]
    other = sorted(keys - {c.key for c in known})
    columns = [*known, *(_unmeasured(k) for k in other)]
    measured = []
    if not section.synthetic:
        path = tuple(p for p in group.split("/") if p)
        for name, summary in zip(section.names, section.summaries, strict=True):
            cells = [
                cell_view(summary.cells.get((c.key, path)), c, name, notes, group) for c in columns
            ]
            measured.append({"name": name, "cells": cells})
    return {
        "title": f"{section.benchmark} {suite}" + (f", {group}" if group else ""),
        "columns": [c.label if c in known else c.key for c in columns],
        "measured": measured,
        "rows": [_published_row(r, group, columns, notes) for r in rows if group in r["values"]],
    }


def _unmeasured(key: str) -> Column:
    """A published column that no run here declares."""
    metric, _, name = key.rpartition(".")
    return Column(
        key=key, metric=metric, name=name, label=key, doc="not declared by these runs", unit="",
        low=0.0, high=1.0, direction="higher", profile="official", primary=False,
    )  # fmt: skip


# --- what is absent -------------------------------------------------------------------------


def absences_panel(section: Section) -> list[dict[str, str]]:
    """Metrics that a run could not compute, why, and the command that brings them."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, run in zip(section.names, section.runs, strict=True):
        for metric, absence in run.manifest.get("absences", {}).items():
            found.setdefault((metric, absence["reason"], absence["fix"]), []).append(name)
    return [
        {"metric": metric, "reason": reason, "fix": fix,
         "models": "all" if len(models) == len(section.runs) else ", ".join(models)}
        for (metric, reason, fix), models in found.items()
    ]  # fmt: skip
