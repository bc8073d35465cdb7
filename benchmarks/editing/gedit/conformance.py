"""GEdit-Bench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.editing.common import OfficialReading, released_error
from benchmarks.editing.gedit import scoring
from benchmarks.editing.gedit.replies import official_reading
from evals.core.errors import Deviation

Input = Mapping[str, Any]


def _value(reading: OfficialReading) -> Any:
    if reading.outcome == "crash":
        raise released_error(reading.error)
    return False if reading.outcome == "unparsed" else reading.value


def _evaluate(given: Input) -> Any:
    replies = (given["sc_reply"], given["pq_reply"])
    sample = scoring.official_sample(*map(official_reading, replies))
    if sample.outcome == "unparsed":
        raise Deviation("unparsed", "GEDIT-1")
    return _value(sample)


def _row(row: Input) -> scoring.Row:
    return scoring.Row(
        language=row["instruction_language"],
        intersection=row["intersection_exist"],
        semantics=row["sementics_score"],
        quality=row["quality_score"],
    )


def _tables(given: Input) -> dict[str, Any]:
    rows = {group: [_row(r) for r in listed] for group, listed in given["rows_by_group"].items()}
    return {language: _table(rows, language) for language in scoring.LANGUAGES}


def _table(rows: Mapping[str, list[scoring.Row]], language: str) -> dict[str, Any]:
    if not set(scoring.GROUPS) <= set(rows):
        return {"error": "FileNotFoundError"}
    common = scoring.official_table(rows, language, intersection=True)
    return scoring.official_table(rows, language) | {
        f"{quantity}_intersection": means for quantity, means in common.items()
    }


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "mllm_output_to_dict": lambda given: _value(official_reading(given["reply"])),
    "viescore_evaluate": _evaluate,
    "analyze_scores": _tables,
}
"""Name of a recorded function -> callable from its input to what it returned."""
