"""Reading the judge's replies of KRIS-Bench: the released parsers, and a strict one.

Official is what mercurystraw/Kris_Bench reads, as carried by open-compass/GenEditEvalKit@103b283:
`metrics_common` (also for viewpoints), `metrics_multi_element` and temporal prediction, and
`metrics_knowledge`, with their defects (KRIS-1 to KRIS-4 in docs/errata.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.editing.common import read_named
from judges.parsing import Parsed, parse_reply

LOW, HIGH = 1, 5
Family = Literal["common", "temporal", "multi_element", "knowledge"]
"""Which of the released scripts reads a reply."""
METRICS = ("consistency", "instruction", "quality")
"""What is asked of every sample."""
REASON: Mapping[Family, Mapping[str, str]] = {
    "common": {"consistency": "reason", "instruction": "reasoning", "quality": "reasoning"},
    "temporal": dict.fromkeys(METRICS, "reasoning"),
    "multi_element": {name: f"{name}_reasoning" for name in METRICS},
}
"""Family -> metric -> key of the reason beside a score; no rubric of consistency asks for that of
`common` (KRIS-4)."""

_OF_FIVE = (r"([1-5])\s*/\s*5", r"([1-5])\s+out\s+of\s+5")
_ALONE = r"\b([1-5])\b"
_FAILURES = (ValueError, TypeError, OverflowError, RecursionError)


# --- the released parsers ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a released parser makes of a reply.

    Attributes:
        score: whatever number it took, not checked against 1 to 5 (KRIS-2); None for none.
        reason: whatever stands under the key of the reason.
    """

    score: int | None = None
    reason: Any = None


def _object(reply: str, key: str) -> dict[str, Any] | None:
    """The first piece in braces, without braces inside, that mentions a key; None if not JSON."""
    piece = next((p for p in re.findall(r"\{[^{}]*\}", reply) if key in p), None)
    if piece is None:
        return None
    try:
        data = json.loads(piece)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _found(reply: str, patterns: Sequence[str]) -> int | None:
    """The number of the first pattern that occurs."""
    for pattern in patterns:
        if match := re.search(pattern, reply, re.IGNORECASE):
            return int(match[1])
    return None


def _labelled(metric: str, colon: str) -> str:
    return rf"{metric}[_\s]*score\s*{colon}\s*([1-5])"


def official_reading(reply: str, metric: str, family: Family = "common") -> Reading:
    """One score as released, for every family but `knowledge`.

    A score in JSON is cut to a whole number, true is 1. Without one, the last resort is the first
    lone digit from 1 to 5 anywhere, which in a reply of the form that the released rubric itself
    shows, ``"reasoning": 1. Detect``, is that 1 (KRIS-1).

    Args:
        reply: as received.
        metric: ``consistency``, ``instruction`` or ``quality``.
        family: which script reads it.

    >>> official_reading('{"quality_score": 9, "reasoning": "x"}', "quality")
    Reading(score=9, reason='x')
    """
    data = _object(reply, f"{metric}_score")
    score = _whole(data, f"{metric}_score")
    if data is not None and score is not None:
        return Reading(score=score, reason=data.get(REASON[family][metric]))
    labelled = [_labelled(metric, "[:：]?")] if family == "common" else []
    return Reading(score=_found(reply, [*labelled, *_OF_FIVE, _ALONE]))


def _whole(data: Mapping[str, Any] | None, key: str) -> int | None:
    """A value as Python's ``int`` has it; None where it raises, or there is no value."""
    try:
        return None if data is None or data.get(key) is None else int(data[key])
    except _FAILURES:
        return None


def official_knowledge(reply: str, metric: str) -> Reading:
    """The consistency or quality score of a knowledge sample as released.

    Unlike `official_reading`, null under the key is an answer, and the reason is looked for on its
    own.

    Args:
        reply: as received.
        metric: ``consistency`` or ``quality``.
    """
    key = f"{metric}_score"
    data = _object(reply, key)
    score = _whole(data, key)
    if score is None and (data is None or data.get(key) is not None):
        score = _found(reply, [_labelled(metric, "[:：]"), *_OF_FIVE, _ALONE])
    data = _object(reply, "reasoning")
    if data is not None:
        return Reading(score=score, reason=data.get("reasoning"))
    return Reading(score=score, reason=_behind(r"reasoning\s*[:：]\s*(.+)", reply))


def official_dual(reply: str) -> dict[str, Reading]:
    """Both scores of a knowledge sample's second question, under ``instruction``, ``knowledge``.

    From JSON both or neither: a score that is no number spoils its fellow.
    """
    names = ("instruction", "knowledge")
    data = _object(reply, "instruction_score")
    if data is not None:
        scores = {n: _whole(data, f"{n}_score") for n in names}
        if all(scores[n] is not None or data.get(f"{n}_score") is None for n in names):
            return {n: Reading(score=scores[n], reason=data.get(f"{n}_reasoning")) for n in names}
    patterns = (
        r"instruction_reasoning\s*[:：]\s*(.+?)(?=knowledge_reasoning|$)",
        r"knowledge_reasoning\s*[:：]\s*(.+)",
    )
    return {
        n: Reading(score=_found(reply, [_labelled(n, "[:：]")]), reason=_behind(pattern, reply))
        for n, pattern in zip(names, patterns, strict=True)
    }


def _behind(pattern: str, reply: str) -> str | None:
    match = re.search(pattern, reply, re.IGNORECASE | re.DOTALL)
    return match[1].strip() if match else None


# --- strict -----------------------------------------------------------------------------------


def strict_reading(reply: str, metrics: Sequence[str]) -> Parsed:
    r"""One whole number from 1 to 5 for each metric, under ``<metric>_score``.

    JSON goes first. The form that the released rubric shows is no JSON; of it, and of plain lines,
    numbers right behind the name of the score are taken, and no others (KRIS-1).

    Args:
        reply: as received.
        metrics: ``consistency``, ``instruction``, ``quality``, ``knowledge``.

    Returns:
        Scores by metric, or why there are none.

    >>> strict_reading('{"reasoning": 1. Detect\n"quality_score": 4}', ["quality"]).scores
    {'quality': 4}
    """
    keys = [f"{m}_score" for m in metrics]
    parsed = parse_reply(reply, keys, LOW, HIGH)
    if parsed.status == "unparsed":
        named = read_named(reply, keys, LOW, HIGH)
        parsed = named if named.status == "ok" else parsed
    if parsed.status != "ok":
        return parsed
    scores = {m: parsed.scores[k] for m, k in zip(metrics, keys, strict=True)}
    return Parsed(status="ok", scores=scores)
