"""What a GenExam judge's reply says: an answer per scoring point, and three global scores.

A reply is a JSON object ``{"answers": [{"reasoning", "answer"}], "global_evaluation": {"Spelling":
{"reasoning", "score"}, ...}}``. `official_reply` repeats run_eval.py of
open-compass/GenEditEvalKit@103b283; `strict_reading` also finds the object outside a JSON fence,
and checks what the released parser does not.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.common.judged import json_objects

GLOBALS: Mapping[str, str] = {
    "spelling": "Spelling",
    "readability": "Clarity and Readability",
    "logical_consistency": "Logical Consistency",
}
"""Column -> the name the judge uses."""
HIGHEST = 2
"""Best global score; the lowest is 0."""

_UNREADABLE = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
"""What `ast.literal_eval` raises for what is no literal."""


class Unusable(Exception):
    """A reply that the released parser rejects, after which it asks again."""


def official_reply(reply: str, points: int) -> Any:
    """Parse one reply as released; the value is what was written, unchanged.

    The last JSON fence counts, and without one all text before the first fence of another kind
    (GENEXAM-2). An answer must be 0 or 1, a global score may be anything (GENEXAM-3).

    Raises:
        Unusable: the released code asks again, 3 times in all.
    """
    text = reply.rpartition("```json")[2].partition("```")[0]
    try:
        value = _literal(text)
        whole = "global_evaluation" in value and "answers" in value
        if not whole or len(value["answers"]) != points:
            raise Unusable("an answer or the global evaluation is missing")
        if not all(item["answer"] in (0, 1) for item in value["answers"]):
            raise Unusable("an answer is not 0 or 1")
        if not all(name in value["global_evaluation"] for name in GLOBALS.values()):
            raise Unusable("a global score is missing")
    except (*_UNREADABLE, LookupError, AttributeError) as error:
        # `ast` tells where in memory the odd node lies, which is another place every time.
        raise Unusable(str(error).partition(": <")[0]) from error
    return value


def _literal(text: str) -> Any:
    """JSON, else a Python literal."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ast.literal_eval(text)


# --- the strict reading -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        answers: 1 (met) or 0 per scoring point; empty when the reply cannot be read.
        globals: column of `GLOBALS` -> 0, 1 or 2; empty likewise.
        reason: why it cannot be read, one sentence; empty when it can.
    """

    answers: tuple[int, ...] = ()
    globals: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


def strict_reading(reply: str, points: int) -> Reading:
    """Read the objects of a reply that hold answers, wherever they stand; they must agree.

    >>> strict_reading('{"answers": [{"answer": 1}], "global_evaluation": {}}', 1).reason
    'Spelling is not 0, 1 or 2'
    """
    readings: list[Reading] = []
    for value in _objects(reply):
        reading = _checked(value, points)
        if reading not in readings:
            readings.append(reading)
    if not readings:
        return Reading(reason="the reply holds no object with answers")
    if len(readings) > 1:
        return Reading(reason="the reply holds several different verdicts")
    return readings[0]


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Objects with answers: JSON at any brace, else the whole as a Python literal."""
    found = False
    for value in json_objects(text):
        if "answers" in value:
            found = True
            yield value
    first, last = text.find("{"), text.rfind("}")
    if found or first < 0:
        return
    try:
        value = ast.literal_eval(text[first : last + 1])
    except _UNREADABLE:
        return
    if isinstance(value, Mapping) and "answers" in value:
        yield value


def _checked(value: Mapping[str, Any], points: int) -> Reading:
    answers, overall = value["answers"], value.get("global_evaluation")
    if not isinstance(answers, list) or len(answers) != points:
        return Reading(reason=f"the reply does not have one answer to each of {points} points")
    marks = [_whole(a.get("answer"), 1) if isinstance(a, Mapping) else None for a in answers]
    known = tuple(mark for mark in marks if mark is not None)
    if len(known) < points:
        return Reading(reason="an answer is not 0 or 1")
    scores: dict[str, int] = {}
    for column, name in GLOBALS.items():
        entry = overall.get(name) if isinstance(overall, Mapping) else None
        score = _whole(entry.get("score") if isinstance(entry, Mapping) else entry, HIGHEST)
        if score is None:
            return Reading(reason=f"{name} is not 0, 1 or 2")
        scores[column] = score
    return Reading(known, scores)


def _whole(value: Any, highest: int) -> int | None:
    """A whole number from 0 to `highest`, also as text; true and false are 1 and 0."""
    if isinstance(value, str):
        return {str(n): n for n in range(highest + 1)}.get(value.strip())
    if isinstance(value, int | float) and value in range(highest + 1):
        return int(value)
    return None
