"""Printed numbers of papers and repositories, as rows that a run can be set beside.

`published.csv` holds one number per line with its source; a benchmark says which column each
printed heading is. Numbers are carried over as printed: what is known to be wrong is a note.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from evals.core.types import PublishedRow


@dataclass(frozen=True, kw_only=True)
class Printed:
    """How the rows of one printed table are to be read.

    Attributes:
        table: name in ``published.csv``, e.g. ``ImgEdit``.
        suite: of the benchmark that the numbers are for.
        columns: printed heading -> (group path joined by ``/``, empty for the whole; column; factor
            from the printed unit to ours), e.g. ``{"Add": ("add", "judge.score_official", 1.0)}``.
            Headings that are not named are left out.
        differences: every way in which the protocol of the table differs from a run of the suite,
            as ``aspect: sentence`` or ``aspect[columns]: sentence``, see `evals.compare`.
        judge: model as served behind the judged columns; empty for none.
        source: only rows whose source contains this; empty for all.
        lacking: only rows whose source does not contain this; empty for all.
    """

    table: str
    suite: str
    columns: Mapping[str, tuple[str, str, float]]
    differences: tuple[str, ...] = ()
    judge: str = ""
    source: str = ""
    lacking: str = ""


def printed_rows(*tables: Printed) -> tuple[PublishedRow, ...]:
    """One row per table, model and source, in the order of the file.

    Raises:
        ValueError: a table has no line in the file, or none of its headings occurs.
    """
    return tuple(row for table in tables for row in _rows(table))


@cache
def _lines() -> tuple[dict[str, str], ...]:
    place = files("benchmarks.common").joinpath("published.csv")
    with place.open(encoding="utf-8") as stream:
        return tuple(csv.DictReader(stream))


def _rows(table: Printed) -> list[PublishedRow]:
    found: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for line in _lines():
        source = line["source"]
        if line["benchmark"] != table.table or line["metric"] not in table.columns:
            continue
        if table.source not in source or (table.lacking and table.lacking in source):
            continue
        found.setdefault((line["model"], line["params"], source), []).append(line)
    if not found:
        raise ValueError(f"published.csv has no numbers of {table.table} under these headings")
    return [_row(table, *key, lines) for key, lines in found.items()]


def _row(
    table: Printed, model: str, params: str, source: str, lines: list[dict[str, str]]
) -> PublishedRow:
    values: dict[str, dict[str, float]] = {}
    for line in lines:
        group, column, factor = table.columns[line["metric"]]
        # Ten digits: 0.82 x 100 must not become 82.00000000000001.
        values.setdefault(group, {})[column] = round(float(line["value"]) * factor, 10)
    notes = dict.fromkeys(f"{x['metric']}: {x['note']}" for x in lines if x["note"])
    kinds = dict.fromkeys(x["source_kind"] for x in lines)
    return PublishedRow(
        model=model,
        suite=table.suite,
        values=values,
        source=f"{source} ({', '.join(kinds)})",
        params=params,
        judge=table.judge,
        differences=table.differences,
        note="; ".join(notes),
    )
