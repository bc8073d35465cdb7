"""TIIF-Bench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.generation.tiif import rendered_text, scoring
from benchmarks.generation.tiif.scoring import Column, Tally

Input = Mapping[str, Any]


class OutputFormatError(Exception):
    """By its name: what the released script raises and catches before it asks again."""


def _extract_yes_no(given: Input) -> list[str]:
    reading = scoring.official_reading(given["model_output"], given["n_questions"])
    if reading.reason:
        raise OutputFormatError(reading.reason)
    return list(reading.answers)


def _tally(files: Sequence[Any]) -> Tally:
    """All files of one dimension and length; one that is no pair of lists could not be read."""
    readable = (f for f in files if isinstance(f, list) and len(f) == 2)
    return sum((scoring.official_tally(*pair) for pair in readable), Tally())


def _summary(given: Input) -> dict[str, Any]:
    tallies: dict[str, dict[Column, Tally]] = defaultdict(dict)
    for model, dimensions in given["models"].items():
        for dimension, lengths in dimensions.items():
            for length, files in lengths.items():
                tallies[model][dimension, length] = _tally(files)
    made = scoring.official_summary(tallies)
    return {
        "accuracy": {m: {"|".join(c): v for c, v in by.items()} for m, by in made.accuracy.items()},
        "mean_accuracy": made.mean_accuracy,
        "groups": made.groups,
        "overall": made.overall,
    }


def _gned_recall(given: Input) -> dict[str, Any]:
    found = rendered_text.recall(given["gt"], given["ocr"])
    return {
        "gned": rendered_text.gned(given["gt"], given["ocr"]),
        "recall": {"error": "ZeroDivisionError"} if found is None else found,
    }


def _process_json_file(given: Any) -> Mapping[str, Any]:
    means = rendered_text.official_file(given)
    if None in means.values():
        raise ZeroDivisionError("a record has no words")
    return means


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "extract_yes_no": _extract_yes_no,
    "summary": _summary,
    "gned_recall": _gned_recall,
    "normalized_edit_distance": lambda given: rendered_text.edit_distance(*given),
    "process_json_file": _process_json_file,
}
"""Name of a recorded function -> callable from its input to what it returned."""
