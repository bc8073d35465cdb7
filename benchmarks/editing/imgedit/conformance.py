"""ImgEdit's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.editing.common import released_error
from benchmarks.editing.imgedit import scoring

Input = Mapping[str, Any]


def _average(reply: Any) -> float | None:
    if not isinstance(reply, str):  # an error stored in place of a reply ends the script
        raise released_error("AttributeError")
    reading = scoring.official_reading(reply)
    if reading.outcome == "crash":
        raise released_error(reading.error)
    return None if reading.value is None else float(reading.value)


def _averages(given: Input) -> dict[str, float]:
    read = {sample: _average(reply) for sample, reply in given["replies"].items()}
    return {sample: value for sample, value in read.items() if value is not None}


def _types(given: Input) -> dict[str, float]:
    types = {k: m["edit_type"] for k, m in given["meta"].items() if m.get("edit_type") is not None}
    return scoring.official_types(_averages(given), types)


def _macro(given: Input) -> dict[str, float]:
    by_type = _types(given)
    overall = scoring.official_macro(by_type)
    if overall is None:
        raise released_error("ZeroDivisionError")
    return {**by_type, "Overall": overall}


def _micro(given: Input) -> dict[str, float]:
    overall = scoring.official_micro(_averages(given))
    return _types(given) | ({} if overall is None else {"overall": overall})


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract_scores_and_average": lambda given: _average(given["reply"]),
    "aggregate:averages": _averages,
    "aggregate:upstream_types_only": _types,
    "aggregate:macro_overall": _macro,
    "aggregate:bagel_micro_overall": _micro,
    "uge_compute_final_average": lambda given: scoring.official_micro(_averages(given)),
}
"""Name of a recorded function -> callable from its input to what it returned."""
