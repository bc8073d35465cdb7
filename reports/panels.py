"""Tables below the leaderboard: every metric, the heat map, published rows, what is absent."""

from __future__ import annotations

from collections.abc import Sequence
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
    first: bool
    cells: tuple[CellView, ...]


def _mark_best(
    cells: Sequence[CellView], column: Column, anchors: Sequence[bool]
) -> list[CellView]:
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


def _metric_rows(section: Section, group: tuple[str, ...], notes: Footnotes) -> list[Row]:
    anchors = [role == "anchor" for role in section.roles]
    rows = []
    for label, columns in side_by_side([c for c in section.columns if section.measured(c.key)]):
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
                    first=column is columns[0],
                    cells=tuple(_mark_best(cells, column, anchors)),
                )
            )
    return rows + _absent_rows(section, group, notes)


def _absent_rows(section: Section, group: tuple[str, ...], notes: Footnotes) -> list[Row]:
    """Quantities that no run has: one row per metric and profile, dashes with their reason."""
    gathered: dict[tuple[str, str], list[Column]] = {}
    for column in section.columns:
        if not section.measured(column.key):
            gathered.setdefault((column.metric, column.profile), []).append(column)
    return [
        Row(
            key=metric,
            label=", ".join(dict.fromkeys(c.label for c in columns)),
            doc="; ".join(c.doc for c in columns),
            unit="",
            arrow="",
            profile=profile,
            profile_title=PROFILE_TITLES.get(profile, ""),
            first=True,
            cells=tuple(
                replace(
                    cell_view(s.cells.get((columns[0].key, group)), columns[0], name, notes),
                    column=metric,
                    group="/".join(group),
                )
                for name, s in zip(section.names, section.summaries, strict=True)
            ),
        )
        for (metric, profile), columns in gathered.items()
    ]


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
    profiles = [{"name": p, "doc": PROFILE_TITLES[p]} for p in PROFILE_ORDER if p in found]
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
