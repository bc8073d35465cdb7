"""The variants of a benchmark side by side: every way in which tables make one number of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.core.summary import Cell
from reports.cells import CellView, Footnotes, cell_view, coverage
from reports.columns import PROFILE_TITLES, Column, count, printed
from reports.sections import Section

PRINTED = 4
"""Published numbers told beside a variant; all of them are in the table of published rows."""


def variants_panel(section: Section) -> dict[str, Any] | None:
    """Each variant with its value for every model and the numbers printed for it.

    Returns:
        What the template draws; None for a benchmark without variants.
    """
    if not section.variants:
        return None
    notes = Footnotes()
    heads = section.model_heads()
    rows = [
        {
            "key": c.key,
            "title": c.name,
            "heading": c.heading,
            "doc": c.doc,
            "profile": c.profile,
            "profile_title": PROFILE_TITLES.get(c.profile, ""),
            "head": c is section.head,
            "cells": [variant_cell(section, at, c, notes) for at in section.shown],
            "printed": printed_beside(section, c),
        }
        for c in section.variants
    ]
    lede = (
        "The ways in which tables make one number of this benchmark; they are never averaged with "
        "each other. Each value has half the width of its 95 % interval, and the samples used of "
        "those that it is about."
    )
    return {
        "models": [heads[at] for at in section.shown], "rows": rows, "lede": lede,
        "printed": any(r["printed"] for r in rows), "notes": notes.texts,
    }  # fmt: skip


def variant_cell(section: Section, at: int, column: Column, notes: Footnotes) -> CellView:
    """A variant of one run with its coverage, whether or not that is complete."""
    cell = section.summaries[at].cells.get((column.key, ()))
    view = cell_view(cell, column, section.names[at], notes)
    if cell is None or cell.mean is None:
        return view
    refs = (notes.number(cell.note),) if cell.note else ()
    return replace(view, cover=used(cell), refs=refs)


def used(cell: Cell) -> str:
    """Samples in a value, of those planned; how many were scored worst, and whether it is final.

    >>> used(Cell(column="=v", n=9, scored=9, planned=10, complete=False))
    '9/10 · not final'
    """
    text = coverage(cell) if cell.imputed else f"{count(cell.n)}/{count(cell.planned)}"
    return text if cell.complete else f"{text} · not final"


def printed_rows(section: Section) -> list[Mapping[str, Any]]:
    """Published rows that may stand beside this section's numbers; none beside synthetic ones."""
    if section.synthetic:
        return []
    found: list[Mapping[str, Any]] = []
    for run in section.runs:
        own = run.manifest.get("published", ())
        found += [r for r in own if r["suite"] == section.suite and r not in found]
    return found


def printed_beside(section: Section, column: Column) -> list[str]:
    """Published numbers of a variant: those of the section's models first, then the best."""
    rows = [(r, float(r["values"][""][column.key])) for r in printed_rows(section)
            if column.key in r["values"].get("", {})]  # fmt: skip
    sign = 1.0 if column.direction == "lower" else -1.0
    rows.sort(key=lambda row: (not _ours(row[0]["model"], section.names), sign * row[1]))
    told = [
        f"{row['model']} {printed(value, column.digits)}{_corrected(row)}" for row, value in rows
    ]
    more = len(told) - PRINTED
    return [*told[:PRINTED], *([f"and {more} more"] if more > 0 else [])]


def _corrected(row: Mapping[str, Any]) -> str:
    return " (corrected)" if row.get("corrected") else ""


def _ours(model: str, names: Sequence[str]) -> bool:
    """Whether a printed name means one of our models, but for case and punctuation."""

    def bare(name: str) -> str:
        return "".join(c for c in name.lower() if c.isalnum())

    return bare(model) in {bare(n) for n in names}
