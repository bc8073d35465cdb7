"""Which printed rows a section has, and which of many are named first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evals.core.variants import twins, variants_of
from reports.columns import Column, printed
from reports.sections import Section

Row = Mapping[str, Any]
"""A published row as stored in run.json."""

REFERENCES = ("BAGEL", "InternVL-U")
"""Models whose printed numbers are named first: what unified models are compared with."""
PRINTED = 4
"""Published numbers told beside a variant; all of them are in the table of published rows."""


def bare(name: str) -> str:
    """A model's name without case and punctuation, as tables of different papers spell it.

    >>> bare("InternVL-U") == bare("internvl_u")
    True
    """
    return "".join(c for c in name.lower() if c.isalnum())


def printed_rows(section: Section) -> list[Row]:
    """Published rows that may stand beside this section's numbers; none beside synthetic ones."""
    if section.synthetic:
        return []
    found: list[Row] = []
    for run in section.runs:
        own = run.manifest.get("published", ())
        found += [r for r in own if r["suite"] == section.suite and r not in found]
    return found


def value_of(row: Row, key: str, group: str = "") -> float | None:
    """The number that a row has in a column; None where it has none."""
    value = row["values"].get(group, {}).get(key)
    return None if value is None else float(value)


def reference_rows(rows: Sequence[Row], model: str) -> list[Row]:
    """The rows of one reference model under its plain name, in their order."""
    return [r for r in rows if bare(str(r["model"])) == bare(model)]


def headline_twin(section: Section) -> Column | None:
    """The official variant whose printed numbers may be looked at beside the headline.

    Where there are several, the first that has a number of a reference, else of any model; None
    where nothing was printed, and for a headline that is no variant.
    """
    variants, name = variants_of(section.runs[0]), str(section.headline.get("variant") or "")
    if name not in variants:
        return None
    rows = printed_rows(section)
    own = [r for model in REFERENCES for r in reference_rows(rows, model)]
    keys = [v.column for v in twins(variants[name], variants)]
    key = next((k for some in (own, rows) for k in keys if _any(some, k)), None)
    return next((c for c in section.variants if c.key == key), None)


def printed_beside(section: Section, column: Column) -> list[str]:
    """Published numbers of a variant: references, the section's own models, then the best."""
    every: dict[tuple[str, float, bool], Row] = {}
    for row in printed_rows(section):
        if (value := value_of(row, column.key)) is not None:
            every.setdefault((bare(row["model"]), value, bool(row.get("corrected"))), row)
    sign = 1.0 if column.direction == "lower" else -1.0
    best = sorted(every, key=lambda at: sign * at[1])
    names = dict.fromkeys(bare(n) for n in (*REFERENCES, *section.names))
    named = [next((at for at in every if at[0] == n), None) for n in names]
    told = [at for at in named if at is not None][: PRINTED - 1]
    told += [at for at in best if at not in told][: PRINTED - len(told)]
    lines = [
        f"{every[at]['model']} {printed(at[1], column.digits)}{' (corrected)' if at[2] else ''}"
        for at in told
    ]
    more = len(every) - len(told)
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def told_rows(rows: Sequence[Row], columns: Sequence[Column], first: str) -> list[Row]:
    """Few of many printed rows for a table without room: the references, and the best.

    Args:
        rows: published rows of a suite.
        columns: that the table has.
        first: the column by which the best is found where any row has it; else the first that
            one has.
    """
    keys = {c.key: c for c in columns}

    def numbers(row: Row) -> int:
        return sum(value_of(row, k) is not None for k in keys)

    useful = [r for r in rows if numbers(r)]
    told = []
    for model in REFERENCES:
        if own := reference_rows(useful, model):
            told.append(max(own, key=numbers))
    by = next((k for k in (first, *keys) if _any(useful, k)), None)
    if by is not None:
        lower = by in keys and keys[by].direction == "lower"
        having = [r for r in useful if value_of(r, by) is not None]
        best = (min if lower else max)(having, key=lambda r: value_of(r, by) or 0.0)
        if best not in told:
            told.append(best)
    return told


def _any(rows: Iterable[Row], key: str) -> bool:
    return any(value_of(r, key) is not None for r in rows)
