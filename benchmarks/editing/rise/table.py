"""The table that RISEBench's released script makes of its data, to the last digit.

It is a pandas table: means are pairwise sums over columns and compensated sums over subtasks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.editing.common import five_in_percent
from benchmarks.editing.rise.scoring import (
    CATEGORIES,
    LOGICAL,
    SUBTASKS,
    TITLES,
    Points,
)

Line = tuple[float, float, float | None]
"""Score from 1 to 5, in percent, accuracy; None where the table has no accuracy."""
PREFIXES = dict(zip(CATEGORIES, ("Temp", "Causal", "Spa", "Logic"), strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One scored sample.

    Attributes:
        category: one of `CATEGORIES`.
        subtask: its subtask.
        points: C, R and V.
        score: from 1 to 5; NaN where there is none.
        complete: whether every question has full marks.
    """

    category: str
    subtask: str
    points: Points
    score: float
    complete: bool


def official_table(rows: Sequence[Row]) -> dict[str, Line]:
    """Line name -> numbers, in the order of the released file.

    A sample without a score leaves the means of scores, and counts as not complete (RISE-4). A
    mean of nothing is NaN; subtasks that do not occur are left out.
    """
    of = {c: [r for r in rows if r.category == c] for c in CATEGORIES}
    table: dict[str, Line] = {"Overall": _scores(rows)}
    table |= {TITLES[c]: _scores(of[c]) for c in CATEGORIES}
    table |= {
        "Overall_Reasoning": _points(r.points.R for r in rows),
        "Overall_ApprConsistency": _points(r.points.C for r in rows),
        "Overall_VisualPlausibility_total": _points(r.points.V for r in rows),
    }
    for category, inside in of.items():
        table[f"{TITLES[category]}_Reasoning"] = _points(r.points.R for r in inside)
        table[f"{TITLES[category]}_Consistency"] = _points(r.points.C for r in inside)
        if category != LOGICAL:
            table[f"{TITLES[category]}_Quality"] = _points(r.points.V for r in inside)
    return table | _subtasks(rows)


def _subtasks(rows: Sequence[Row]) -> dict[str, Line]:
    """Lines of the subtasks, told apart by their names alone."""
    inside: dict[str, list[Row]] = {}
    for row in rows:
        inside.setdefault(row.subtask, []).append(row)
    lines: dict[str, Line] = {}
    for category, names in SUBTASKS.items():
        for name in names:
            if name in inside:
                score = _compensated([r.score for r in inside[name]])
                done = _compensated([float(r.complete) for r in inside[name]])
                lines[f"{PREFIXES[category]}-{name}"] = (score, five_in_percent(score), done)
    return lines


def _scores(rows: Iterable[Row]) -> Line:
    listed = list(rows)
    score = _pairwise([r.score for r in listed])
    return score, five_in_percent(score), _pairwise([float(r.complete) for r in listed])


def _points(values: Iterable[float | None]) -> Line:
    value = _pairwise([math.nan if v is None else float(v) for v in values])
    return value, five_in_percent(value), None


def _pairwise(values: Sequence[float]) -> float:
    """Mean of what is not NaN, summed as NumPy does with zeros in the place of NaN."""
    array = np.array(values, dtype=np.float64)
    known = ~np.isnan(array)
    count = int(known.sum())
    return float(np.where(known, array, 0.0).sum() / count) if count else math.nan


def _compensated(values: Sequence[float]) -> float:
    """Mean of what is not NaN, by Kahan's summation."""
    total = lost = 0.0
    known = [v for v in values if not math.isnan(v)]
    for value in known:
        step = value - lost
        raised = total + step
        lost = raised - total - step
        total = raised
    return total / len(known) if known else math.nan


def table_text(table: Mapping[str, Line]) -> list[list[str]]:
    """The rows of the released CSV file, heading first; NaN and absent numbers are empty."""
    heading = ["-", "Score-Origin", "Score-Percentage", "Accuracy"]
    cells = [[name, *("" if n is None or math.isnan(n) else repr(n) for n in line)]
             for name, line in table.items()]  # fmt: skip
    return [heading, *cells]
