"""LongText-Bench's functions under the names of recorded vectors, see `evals.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.generation.longtext import scoring


def _summary_scores(given: Mapping[str, Any]) -> dict[str, Any]:
    """The released script's rows and the line it prints.

    Raises:
        ZeroDivisionError: as the released script does, where `TextMatch.recall` is None.
    """
    matches = [
        scoring.official_match(row["ocr_gt"], row["ocr_results"], given["mode"])
        for row in given["rows"]
    ]
    total = scoring.text_score(matches)
    if total is None or any(m.recall is None for m in matches):
        raise ZeroDivisionError
    rows = [
        {
            "ocr_results": m.read,
            "ocr_gt": m.asked,
            "match_word_count": m.matched,
            "gt_word_count": m.asked_units,
            "text_accuray": m.recall,
        }
        for m in matches
    ]
    return {"rows": rows, "score_line": f"Text Score: {total:.4f}"}


CONFORMANCE: dict[str, Callable[[Any], Any]] = {
    "summary_scores": _summary_scores,
    "clean_and_remove_hallucinations": scoring.official_cleaned,
}
"""Name of a recorded function -> callable from its input to what it returned."""
