"""The variants of a benchmark side by side: every way in which tables make one number of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evals.core.summary import Cell
from reports.cells import CellView, Footnotes, cell_view, coverage
from reports.columns import PROFILE_TITLES, Column, count
from reports.printed import printed_beside
from reports.sections import Section


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
