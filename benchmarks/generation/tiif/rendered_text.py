"""TIIF-Bench's optional metrics of rendered text: GNED and recall over recognised words.

They repeat eval/cal_gned_and_recall_models.py of A113N-W3I/TIIF-Bench@3aae750.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.generation.tiif.taxonomy import LENGTHS

NEAR = 0.3
"""Largest normalised edit distance at which a word counts as found."""


def edit_distance(a: str, b: str) -> float:
    """Levenshtein distance / longer length, in [0, 1]; 0 for two empty texts; lower is better."""
    from rapidfuzz.distance import Levenshtein

    longer = max(len(a), len(b))
    return Levenshtein.distance(a, b) / longer if longer else 0.0


def _words(lines: Iterable[str]) -> list[str]:
    """Words of recognised lines, split at single blanks: an empty line is one empty word."""
    return [word for line in lines for word in line.split(" ")]


def gned(truth: Sequence[str], recognised: Sequence[str]) -> float:
    """Global normalised edit distance in [0, 1]; lower is better.

    Words are matched one to one at the least total distance; every word too few or too many costs
    1; the sum is divided by the longer list. Words of the truth are not split, those of the
    recogniser are (TIIF-7).

    Args:
        truth: words that should be in the image.
        recognised: lines that a recogniser read.
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    words = _words(recognised)
    longer = max(len(truth), len(words))
    if not longer:
        return 0.0
    costs = np.array([[edit_distance(word, want) for want in truth] for word in words])
    costs = costs.reshape(len(words), len(truth))
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].sum() + abs(len(words) - len(truth))) / longer


def recall(truth: Sequence[str], recognised: Sequence[str]) -> float | None:
    """Share of the truth's words found within `NEAR`, in [0, 1]; None when there are none.

    Greedy, as released: each word takes the first one that is near enough and still free.
    """
    if not truth:
        return None
    free = _words(recognised)
    found = 0
    for want in truth:
        near = next((n for n, word in enumerate(free) if edit_distance(want, word) <= NEAR), None)
        if near is not None:
            del free[near]
            found += 1
    return found / len(truth)


def official_file(records: Any) -> Mapping[str, float | None]:
    """Means over the records of one file, as released.

    A record that lacks its text, or has odd readings, makes all four numbers of the file 0
    (TIIF-6). None stands for the released script's division by zero: a record without words.

    Args:
        records: objects with ``text`` (words), and ``short_image_ocr_results`` and
            ``long_image_ocr_results`` (PaddleOCR 2 rows ``[box, [text, confidence]]``, or null).
    """
    names = [f"{metric}_score_{n}" for metric in ("GNED", "Recall") for n in LENGTHS]
    try:
        truth = [[word.lower() for word in record["text"]] for record in records]
        read = {
            n: [_lines(r[f"{n}_image_ocr_results"]) for r in records] for n in ("short", "long")
        }
    except (KeyError, TypeError, AttributeError, IndexError):
        return dict.fromkeys(names, 0)
    columns: dict[str, list[float | None]] = {}
    for length, lines in read.items():
        pairs = list(zip(truth, lines, strict=True))
        columns[f"GNED_score_{length}"] = [gned(want, got) for want, got in pairs]
        columns[f"Recall_score_{length}"] = [recall(want, got) for want, got in pairs]
    return {name: _mean(columns[name]) for name in names}


def _lines(rows: Any) -> list[str]:
    return [row[1][0].lower() for row in rows] if rows else [""]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return None
    return sum(known) / len(known) if known else 0
