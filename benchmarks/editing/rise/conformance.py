"""RISEBench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from benchmarks.common.reading import is_given
from benchmarks.editing.common import released_error
from benchmarks.editing.rise import scoring
from benchmarks.editing.rise.data import ABSENT, counts_as_light
from benchmarks.editing.rise.scoring import Points
from benchmarks.editing.rise.table import Row, official_table, table_text

Input = Mapping[str, Any]


def _extract(reply: str) -> list[int] | None:
    reading = scoring.official_reading(reply)
    if reading.outcome == "crash":
        raise released_error(reading.error)
    value: list[int] | None = reading.value
    return value


def _points(judge: Input) -> Points:
    first = None if judge["judge1"] is None else _extract(judge["judge1"]) or []
    second = _extract(judge["judge2"]) or []
    # Without a first reply the script takes for granted that there is a third.
    third = (_extract(judge["judge3"]) or []) if first is None or "judge3" in judge else None
    points = scoring.official_points(first, second, third)
    if points is None:
        raise released_error("ValueError")
    return points


def _without_values(rows: Sequence[Row]) -> set[str]:
    """The points that no sample has: such a column holds None in place of NaN."""
    return {n for n in ("C", "R", "V") if all(getattr(r.points, n) is None for r in rows)}


def _check_columns(rows: Sequence[Row], light: Sequence[bool]) -> None:
    """A column of None cannot be multiplied."""
    nothing = _without_values(rows)
    for row, without in zip(rows, light, strict=True):
        logical = row.category == scoring.LOGICAL
        needed = {"C", "R"} if logical else {"R", "V"} if without else {"C", "R", "V"}
        if needed & nothing:
            raise released_error("TypeError")


def _aggregate(given: Input, *, fixed: bool) -> dict[str, Any]:
    records = given["data"]
    light = counts_as_light([r.get("consistency_free", ABSENT) for r in records])
    rows = []
    for record, without in zip(records, light, strict=True):
        points = _points(given["judges"][record["index"]])
        category = record["category"]
        rows.append(
            Row(
                category=category,
                subtask=record["subtask"],
                points=points,
                score=scoring.official_score(points, category, without),
                complete=scoring.official_complete(
                    points, category, free=fixed and is_given(record, "consistency_free")
                ),
            )
        )
    _check_columns(rows, light)
    nothing = _without_values(rows)
    samples = {r["index"]: _sample(row, nothing) for r, row in zip(records, rows, strict=True)}
    return {"score_csv": table_text(official_table(rows)), "per_sample": samples}


def _sample(row: Row, nothing: Collection[str]) -> dict[str, Any]:
    return {
        "Reasoning": None if "R" in nothing else _or_nan(row.points.R),
        "ApprConsistency": None if "C" in nothing else _or_nan(row.points.C),
        "VisualPlausibility": None if "V" in nothing else _or_nan(row.points.V),
        "match_log": "failed" if row.points.R is None else "succeed",
        "score": row.score,
        "complete": int(row.complete),
    }


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _run(given: Input, *, fixed: bool) -> dict[str, Any]:
    try:
        return _aggregate(given, fixed=fixed)
    except (ValueError, TypeError, KeyError) as error:
        return {"status": {"error": type(error).__name__}}


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract": lambda given: _extract(given["reply"]),
    "aggregate:genediteval": lambda given: _run(given, fixed=False),
    "aggregate:upstream_2026_04": lambda given: _run(given, fixed=True),
}
"""Name of a recorded function -> callable from its input to what it returned."""
