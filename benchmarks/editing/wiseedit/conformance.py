"""WiseEdit's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.editing.common import released_error
from benchmarks.editing.wiseedit import scoring

Input = Mapping[str, Any]


def _summary(given: Input, subsets: Iterable[str], *, complex_too: bool) -> dict[str, float]:
    ids, rows = given["base_idx_by_subset"], given["score_rows_by_subset"]
    sheets = {s: scoring.Sheet(ids=ids[s], rows=rows.get(s)) for s in subsets if s in ids}
    try:
        summary = scoring.official_summary(sheets, complex_too=complex_too)
    except scoring.Mismatch as error:
        raise released_error("RuntimeError") from error
    if summary is None:
        raise released_error("ZeroDivisionError")
    return summary


def _single(given: Input) -> dict[str, float]:
    return _summary(given, scoring.SINGLE, complex_too=False)


def _full(given: Input) -> dict[str, float]:
    return _summary(given, given["base_idx_by_subset"], complex_too=True)


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract_score_and_reason_generic": lambda given: scoring.official_reading(given["reply"]),
    "aggregate:full": _full,
    "aggregate:single": _single,
}
"""Name of a recorded function -> callable from its input to what it returned."""
