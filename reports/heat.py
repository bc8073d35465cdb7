"""Heat maps: models beside each other by sub-class and by kind of sample, one metric at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.core.strata import FEW
from evals.core.summary import Cell
from reports.cells import tip_of, why_none
from reports.charts import shade
from reports.columns import NO_VALUE, Column, count, number
from reports.sections import Section

Line = Mapping[str, Any]
"""A row without its cells: title, planned samples, and where a click on it leads."""


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
    rows: list[tuple[tuple[str, ...], str, bool]] = [((), "All samples", True)]
    rows += [(g.path, g.title, section.has_children(g.path)) for g in section.groups]
    lines = [
        {"title": title, "total": total, "start": False, "path": "/".join(path), "stratum": "",
         "planned": _samples(_planned(section, path))}
        for path, title, total in rows
    ]  # fmt: skip
    columns = [c for c in section.variants if section.measured(c.key)] + _columns(section)
    cells = {
        c.key: [[s.cells.get((c.key, path)) for s in section.summaries] for path, _, _ in rows]
        for c in columns
    }
    ceiling = "" if section.ceiling is None else (
        f" The column {section.names[section.ceiling]} is the ceiling: what this scorer gives the "
        "exact answer. A score near it cannot rank models further, and a "
        f"{section.group_word} with a low ceiling is the scorer's limit, not a model's failure."
    )  # fmt: skip
    word = section.group_word.capitalize()
    many = f"{word}es" if word.endswith("s") else f"{word}s"
    return {
        "name": "heat", "title": f"{many} ({len(leaves)})", "head": word,
        "lede": f"Click a cell to see its samples in the gallery.{ceiling}",
        **_map(section, columns, lines, cells, few=0),
    }  # fmt: skip


def strata_panel(section: Section) -> dict[str, Any] | None:
    """Kinds of sample against models for every column; None where samples carry no labels.

    Returns:
        As `heat_panel`.
    """
    if not section.strata:
        return None
    lines, before = [], ""
    for at, ((label, value), planned) in enumerate(section.strata.items()):
        lines.append(
            {"title": f"{label} = {value}", "total": False, "start": label != before, "path": "",
             "stratum": str(at), "planned": _samples(planned)}
        )  # fmt: skip
        before = label
    columns = _columns(section)
    cells = {
        c.key: [[own.get((c.key, s)) for own in section.strata_cells] for s in section.strata]
        for c in columns
    }
    return {
        "name": "kinds", "title": f"By kind of {'edit' if section.task == 'edit' else 'sample'}",
        "head": "Kind",
        "lede": "The same samples, sorted by what they ask for: every sample counts once in each "
        f"label that it carries. Means of fewer than {FEW} values are grey and say how many: "
        "they are anecdotes. Click a cell to see its samples.",
        **_map(section, columns, lines, cells, few=FEW),
    }  # fmt: skip


def _map(
    section: Section,
    columns: Sequence[Column],
    lines: Sequence[Line],
    cells: Mapping[str, Sequence[Sequence[Cell | None]]],
    few: int,
) -> dict[str, Any]:
    """What both maps share; `cells` holds a row per line and a cell per run, by column."""
    every = {c.key: _drawn(cells[c.key], c, few) for c in columns}
    column = _default(section, columns)
    order = section.heat_order()
    first_model = next((i for i, m in enumerate(order) if section.roles[m] != "anchor"), -1)
    heads = section.model_heads()
    rows = []
    for at, line in enumerate(lines):
        drawn = [every[column.key][at][m] for m in order]
        rows.append(
            {**line, "at": at, "cells": [
                {"model": m, "text": c[0], "shade": c[1], "tip": c[2],
                 "few": c[3] if len(c) > 3 else "", "rule": 0 < i == first_model}
                for i, (m, c) in enumerate(zip(order, drawn, strict=True))
            ]}
        )  # fmt: skip
    return {
        "columns": columns, "column": column, "reading": reading(column), "rows": rows,
        "models": [{**heads[m], "rule": 0 < i == first_model} for i, m in enumerate(order)],
        "all": every,
    }  # fmt: skip


def _drawn(
    cells: Sequence[Sequence[Cell | None]], column: Column, few: int
) -> list[list[list[Any]]]:
    known = [c.mean for row in cells for c in row if c is not None and c.mean is not None]
    seen = (min(known, default=0.0), max(known, default=0.0))
    return [[_shaded(c, column, seen, few) for c in row] for row in cells]


def _shaded(cell: Cell | None, column: Column, seen: tuple[float, float], few: int) -> list[Any]:
    """Text, shade and tip of one cell, as the page's script takes them; how few, where it is."""
    if cell is None or cell.mean is None:
        return [NO_VALUE, -1, why_none(cell)]
    text, tip = column.text(cell.mean), tip_of(cell, column)
    if cell.n < few:
        return [text, -1, tip, f"n = {cell.n}"]
    return [text, shade(cell.mean, column, seen), tip]


def _columns(section: Section) -> list[Column]:
    return [c for c in section.columns if section.measured(c.key)] or list(section.columns)


def _default(section: Section, columns: Sequence[Column]) -> Column:
    """The first column of the headline that was measured, else the first column."""
    wanted = [k for t in section.tracks for k in t["columns"]]
    wanted += [section.head.key] if section.head else []
    by_key = {c.key: c for c in columns}
    return next((by_key[k] for k in wanted if k in by_key), columns[0])


def _planned(section: Section, path: tuple[str, ...]) -> int:
    return max(
        (
            sum(tuple(s.get("group", ()))[: len(path)] == path for s in run.samples)
            for run in section.runs
        ),
        default=0,
    )


def _samples(planned: int) -> str:
    return f"{count(planned)} sample{'' if planned == 1 else 's'}"
