"""Where a recorded case keeps its parts: its fields differ from function to function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.understanding.short.questions import answer_list

Input = Mapping[str, Any]
Scorer = Callable[[Any], Any]


def first_of(given: Input, *names: str) -> Any:
    """The first of several fields that a case has.

    Raises:
        KeyError: it has none of them.
    """
    for name in names:
        if name in given:
            value = given[name]
            return value[0] if name in {"results", "predictions", "result"} else value
    raise KeyError(names[0])


def reply_of(given: Input) -> str:
    """What the model said."""
    said: str = first_of(
        given, "prediction", "pred_answer", "pred", "predictions", "results", "result"
    )
    return said


def answers_of(given: Input) -> list[str]:
    """The accepted answers, of which there is at least one."""
    if "answer_field" in given:
        return answer_list(given["answer_field"])
    found: str | list[str] = first_of(given, "gt_answers", "references", "answers", "answer")
    return [found] if isinstance(found, str) else found


def record_of(given: Input) -> Input:
    """The case with the fields of its record, if that is apart, beside the reply."""
    return {**given, **given.get("doc", {})}
