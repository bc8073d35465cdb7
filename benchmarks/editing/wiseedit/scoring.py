"""WiseEdit's arithmetic: judge scores from 1 to 10 in two languages, means per category in percent.

DP detail preserving, IF instruction following, VQ visual quality, KF knowledge fidelity, CF
creative fusion. Official is what beepkh/WiseEdit@58cadba does, as carried by
open-compass/GenEditEvalKit@103b283 ``WiseEdit``, defects included (WISEEDIT-1 to WISEEDIT-6 in
docs/errata.md); strict is what this project scores with.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.editing.common import read_named
from judges.parsing import Parsed, parse_reply

LOW, HIGH = 1, 10
NAMES: Mapping[str, str] = {
    "DP": "detail_preserving", "IF": "instruction_following", "VQ": "visual_quality",
    "KF": "knowledge_fidelity", "CF": "creative_fusion",
}  # fmt: skip
"""Metric -> its name in released tables."""
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "Imagination": ("DP", "IF", "VQ", "CF"),
    "Awareness": ("DP", "IF", "VQ", "KF"),
    "Interpretation": ("DP", "IF", "VQ", "KF"),
    "WiseEdit_Complex": ("DP", "IF", "VQ", "KF", "CF"),
}
"""Category -> what is asked of its samples."""
COMPLEX = "WiseEdit_Complex"
BASIC = ("Imagination", "Awareness", "Interpretation")
SINGLE = tuple(f"{category}_1" for category in BASIC)
"""Subsets with one input image, the only ones that the kit scores."""
LANGUAGES = ("cn", "en")


def category(subset: str) -> str:
    """The category of a subset; the number behind it is that of the input images."""
    return subset.rpartition("_")[0]


def percent(mean: float) -> float:
    """From 1..10 to 0..100, and never below."""
    return max((mean - 1.0) / 9.0 * 100.0, 0.0)


# --- the released parser ----------------------------------------------------------------------

_POINT = "(10|[1-9])"
_PATTERNS = (
    rf"score\s*['\"]?\s*[:：]\s*{_POINT}\b", rf"rating\s*[:：]\s*{_POINT}\b",
    rf"{_POINT}\s*/\s*10", rf"{_POINT}\s+out\s+of\s+10", rf"\b{_POINT}\b",
)  # fmt: skip


def official_reading(reply: str) -> tuple[int | None, Any]:
    """(score, reason) as released.

    A score in JSON is cut to a whole number, true is 1; out of 1 to 10 it is None, and nothing else
    is tried. Without one, the last resort is the first number from 1 to 10 anywhere (WISEEDIT-1).

    >>> official_reading('{"score": 7.9, "reason": "x"}')
    (7, 'x')
    """
    score, reason = _json_score(reply)
    if score is not None:
        return (score if LOW <= score <= HIGH else None), reason
    for pattern in _PATTERNS:
        if match := re.search(pattern, reply, re.IGNORECASE):
            return int(match[1]), None
    return None, None


def _json_score(reply: str) -> tuple[int | None, Any]:
    """Of the first piece in braces, without braces inside, that mentions a score."""
    piece = next((p for p in re.findall(r"\{[^{}]*\}", reply) if "score" in p), "")
    try:
        data = json.loads(piece)
        value = data.get("score")
        return (None if value is None else int(value)), data.get("reason")
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None, None


# --- the released table -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """What a model got in one subset.

    Attributes:
        ids: of the samples of the subset.
        rows: of the file of scores: column (``DP_score_cn``, ...) -> text of the cell, and ``idx``;
            None when there is no such file.
    """

    ids: Sequence[str]
    rows: Sequence[Mapping[str, Any]] | None = None


class Mismatch(Exception):
    """The ids of a subset and of its scores differ; the released script ends with it."""


Tally = dict[tuple[str, str, str], list[int]]
"""(category, language, metric) -> scores."""


def official_summary(
    sheets: Mapping[str, Sheet], *, complex_too: bool = True
) -> dict[str, float] | None:
    """The released numbers of one model, in percent, every mean of a metric rounded to 1 decimal.

    Args:
        sheets: subset -> scores. A subset without scores counts 1 everywhere (WISEEDIT-4).
        complex_too: also the category `COMPLEX`; the kit's script leaves it out.

    Returns:
        ``<category>_<metric>_<language>``, ``<category>_overall_<language>``,
        ``basic_overall_<language>`` and ``WiseEdit_Complex_overall``, the last one 0 when it was
        left out (WISEEDIT-6); None when a metric has no score at all, on which the script raises.

    Raises:
        Mismatch: a subset was scored whose ids are not those of the data.
    """
    tally: Tally = defaultdict(list)
    for subset, sheet in sheets.items():
        _count(tally, category(subset), subset, sheet)
    result: dict[str, float] = {}
    for kind in (*BASIC, COMPLEX) if complex_too else BASIC:
        for language in LANGUAGES:
            means = []
            for metric in CATEGORIES[kind]:
                scores = tally[kind, language, metric]
                if not scores:
                    return None
                means.append(round(percent(sum(scores) / len(scores)), 1))
                result[f"{kind}_{NAMES[metric]}_{language}"] = means[-1]
            result[f"{kind}_overall_{language}"] = sum(means) / len(means)
    for language in LANGUAGES:
        basics = [result[f"{kind}_overall_{language}"] for kind in BASIC]
        result[f"basic_overall_{language}"] = sum(basics) / len(basics)
    both = [result.get(f"{COMPLEX}_overall_{language}", 0.0) for language in LANGUAGES]
    return result | {f"{COMPLEX}_overall": sum(both) / 2.0}


def _count(tally: Tally, kind: str, subset: str, sheet: Sheet) -> None:
    ids = {i for i in map(_text, sheet.ids) if i}
    if sheet.rows is None:
        for metric in CATEGORIES[kind]:
            for language in LANGUAGES:
                tally[kind, language, metric] += [LOW] * len(ids)
        return
    if ids != {i for r in sheet.rows if (i := _text(r.get("idx")))}:
        raise Mismatch(f"{subset}: the ids of the scores are not those of the data")
    columns = [(m, lang, f"{m}_score_{lang}") for m in CATEGORIES[kind] for lang in LANGUAGES]
    for row in sheet.rows:
        # One empty or zero cell drops the sample in both languages (WISEEDIT-3).
        if any(_text(row.get(column)) in {"", "0"} for _, _, column in columns):
            continue
        for metric, language, column in columns:
            value = _cell(_text(row[column]))
            if value > 0:
                tally[kind, language, metric].append(value)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _cell(text: str) -> int:
    """What is no whole number counts 1, so ``7.5`` does (WISEEDIT-5)."""
    try:
        return int(text)
    except ValueError:
        return 1


# --- strict -----------------------------------------------------------------------------------


def strict_reading(reply: str) -> Parsed:
    """One whole number from 1 to 10 under ``score``: in JSON, or right behind the word.

    >>> strict_reading('{"score": 7.9, "reason": "x"}').status
    'unparsed'
    """
    parsed = parse_reply(reply, ("score",), LOW, HIGH)
    if parsed.status != "unparsed":
        return parsed
    named = read_named(reply, ["score"], LOW, HIGH)
    return named if named.status == "ok" else parsed


def strict_score(scores: Mapping[str, float], kind: str) -> float:
    """Mean of a sample's scores in percent.

    Args:
        scores: metric -> score from 1 to 10, for every metric of the category.
        kind: one of `CATEGORIES`.

    >>> strict_score({"DP": 10, "IF": 10, "VQ": 1, "KF": 1}, "Awareness")
    50.0
    """
    return sum(percent(scores[m]) for m in CATEGORIES[kind]) / len(CATEGORIES[kind])
