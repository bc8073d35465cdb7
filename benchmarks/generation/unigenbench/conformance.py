"""UniGenBench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.generation.unigenbench import scoring
from evals.core.errors import UserError

Input = Mapping[str, Any]
_WHOLE_FILE = re.compile(r"all \d+ rows of (test_prompts_\w+\.csv)")
POINTS_KEY = {"en": "Testpoints", "zh": "考点"}


def _parse_evaluation_response(given: Input) -> dict[str, Any] | None:
    reading = scoring.official_reading(given["text"], len(given["testpoint"]))
    if reading.raises is not None:
        raise reading.raises
    if reading.reason:
        return None
    return {"score": reading.score, "score_type": type(reading.score).__name__}


def _calculate_scores(given: Input) -> dict[str, Any]:
    points = _testpoints(given["testpoints"], given["lang"])
    rows = [(points[row], scoring.official_marks(marks)) for row, _, marks in given["scores"]]
    shares = scoring.official_shares(rows)
    return {"primary": shares.primary, "sub": shares.sub}


def _testpoints(given: Sequence[Sequence[str]] | str, language: str) -> Sequence[Sequence[str]]:
    """Test points per row: listed, or those of a named official file.

    Raises:
        UserError: the official file, which is not in this repository, is not here either.
    """
    if not isinstance(given, str):
        return given
    named = _WHOLE_FILE.match(given)
    name = named.group(1) if named else given
    home = Path(__file__).resolve().parents[3].parent / "shared" / "datasets"
    path = Path(os.environ.get("UMM_EVALS_DATA") or home) / "unigenbench" / name
    if not path.is_file():
        raise UserError(
            f"A recorded case needs UniGenBench's {name}, not found at {path}; set "
            "UMM_EVALS_DATA to the folder of the official data."
        )
    return list(_rows(path, language))


def _rows(path: Path, language: str) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield json.loads(row[f"sub_dims_{language}"])[POINTS_KEY[language]]


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "parse_evaluation_response": _parse_evaluation_response,
    "calculate_scores": _calculate_scores,
}
"""Name of a recorded function -> callable from its input to what it returned."""
