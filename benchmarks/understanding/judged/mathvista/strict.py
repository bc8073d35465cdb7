"""MathVista read with care: what was answered, and whether it is right.

The same two steps as in `scoring`: a reply is read by rules, and a judge extracts the
answer only where they read none.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any, Literal

from benchmarks.understanding.judged.mathvista.scoring import Question
from metrics.answers import Reading, folded, read_answer


def strict_reading(question: Question, text: str | None) -> Reading:
    """The one answer in a reply or in what a judge extracted; its reason says why there is none.

    A letter, the digits of a number, or a list in brackets. Nothing here raises.

    >>> whole = Question(question_type="free_form", answer_type="integer", answer="14")
    >>> strict_reading(whole, "There are 14 balls.").value
    '14'
    """
    if question.question_type == "multi_choice":
        return read_answer(text, "choice", question.choices)
    if question.answer_type == "list":
        return _list_reading(text or "")
    form: Literal["text", "number"] = "text" if question.answer_type == "text" else "number"
    found = read_answer(text, form)
    if form == "number" and not found.reason and not math.isfinite(_number(found.value)):
        return Reading(reason="its number is beyond the range of numbers")
    return found


def _list_reading(text: str) -> Reading:
    start, end = text.rfind("["), text.rfind("]")
    inside = text[start : end + 1] if 0 <= start < end else ""
    if _as_list(inside) is None:
        return Reading(reason="it holds no list")
    return Reading(value=inside)


def strict_hit(question: Question, reading: Reading) -> bool:
    """Whether the answer that was read is right; False when there is none.

    Floats are compared at the precision of the question, numbers in a list one by one.

    >>> pair = Question(question_type="free_form", answer_type="list", answer="[2007, 2008]")
    >>> strict_hit(pair, strict_reading(pair, "Extracted: [2007.0, 2008]"))
    True
    """
    if reading.reason:
        return False
    if question.question_type == "multi_choice":
        return reading.value == question.answer_option
    if question.answer_type == "text":
        return folded(reading.value) == folded(question.answer)
    if question.answer_type == "list":
        return _same_list(_as_list(question.answer), _as_list(reading.value))
    found, right = _number(reading.value), _number(question.answer)
    if question.answer_type == "float":
        found, right = round(found, question.precision), round(right, question.precision)
    return math.isclose(found, right, rel_tol=1e-9)


def _number(text: str) -> float:
    """The number that a text writes; NaN, which equals nothing, when it writes none."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan


LONGEST_LIST = 2_000
"""Longest list that is read, in characters."""


def _as_list(text: str) -> list[Any] | None:
    if len(text) > LONGEST_LIST:
        return None
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return list(value) if isinstance(value, list | tuple) else None


def _same_list(right: Sequence[Any] | None, found: Sequence[Any] | None) -> bool:
    if right is None or found is None or len(right) != len(found):
        return False
    return all(map(_same_part, right, found))


def _same_part(right: Any, found: Any) -> bool:
    a, b = _number(str(right)), _number(str(found))
    if math.isnan(a) or math.isnan(b):
        return folded(str(right)) == folded(str(found))
    return math.isclose(a, b, rel_tol=1e-9)
