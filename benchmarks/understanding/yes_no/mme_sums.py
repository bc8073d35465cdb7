"""MME's scores: per subtask accuracy plus accuracy+, in percent, and their sums.

Accuracy is over questions, accuracy+ over pictures whose two questions are both right. MME-P is the
sum over ten subtasks of perception (at most 2000), not a percentage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.understanding.yes_no.reading import Said, first_four_said

PERCEPTION = (
    "existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark",
    "artwork", "OCR",
)  # fmt: skip
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
SUMS: Mapping[str, tuple[str, ...]] = {"perception": PERCEPTION, "reasoning": COGNITION}
QUESTIONS = 2
"""Per picture: one whose answer is yes, one whose answer is no."""


class MmeAnswer(NamedTuple):
    """One question, answered: its subtask, its picture, and whether it is right (0 or 1)."""

    category: str
    image: str
    right: float


def _by_picture(answers: Sequence[MmeAnswer]) -> dict[str, dict[str, list[float]]]:
    table: dict[str, dict[str, list[float]]] = {}
    for category, image, right in answers:
        table.setdefault(category, {}).setdefault(image, []).append(right)
    return table


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def vlmeval_mme(answers: Sequence[MmeAnswer]) -> dict[str, float]:
    """VLMEvalKit@e8e78f05: ``perception``, ``reasoning``, and every subtask that occurs.

    Accuracy+ multiplies a picture's first two questions; a third one counts in accuracy only.

    Raises:
        IndexError: a picture with one question.
        KeyError: one of the fourteen subtasks is absent.
    """
    scores = {}
    for category, pictures in _by_picture(answers).items():
        accuracy = _mean([right for rights in pictures.values() for right in rights])
        plus = _mean([rights[0] * rights[1] for rights in pictures.values()])
        scores[category] = accuracy * 100 + plus * 100
    return {name: sum(scores[part] for part in parts) for name, parts in SUMS.items()} | scores


def lmms_mme(answers: Sequence[MmeAnswer]) -> float:
    """lmms-eval@75571cfe: the sum over the subtasks that occur of the mean score of a picture.

    Raises:
        AssertionError: a picture has not exactly two questions.
    """
    total = 0.0
    for pictures in _by_picture(answers).values():
        if any(len(rights) != QUESTIONS for rights in pictures.values()):
            raise AssertionError("a picture of MME has two questions")
        total += _mean([_picture_score(rights) for rights in pictures.values()])
    return total


def _picture_score(rights: Sequence[float]) -> float:
    """Accuracy plus accuracy+ of one picture, from 0 to 200."""
    return 100 * sum(rights) / len(rights) + 100 * (sum(rights) == QUESTIONS)


def tool_score(pairs: Sequence[tuple[str, str]]) -> float:
    """One subtask by MME's own tool (as in ByteDance-Seed/Bagel@056b5fd), from 0 to 200.

    Args:
        pairs: right answer and reply per line of the results file. Two lines that follow each other
            are one picture.

    Raises:
        AssertionError: an odd number of lines, or a right answer that is neither yes nor no.
        ZeroDivisionError: there are no lines.
    """
    hits = [_tool_hit(gold.lower(), reply.lower()) for gold, reply in pairs]
    if len(hits) % QUESTIONS:
        raise AssertionError("a picture of MME has two questions")
    plus = [a and b for a, b in zip(hits[::2], hits[1::2], strict=True)]
    return _mean(hits) * 100 + _mean(plus) * 100


def _tool_hit(gold: str, reply: str) -> bool:
    if gold not in {"yes", "no"}:
        raise AssertionError("a right answer of MME is yes or no")
    said: Said = first_four_said(reply)
    return said == gold


def strict_mme(answers: Sequence[MmeAnswer]) -> dict[str, float | None]:
    """Ours: a picture that has not both of its questions answered right gets no accuracy+.

    Returns:
        The fourteen subtasks and both sums; None for a subtask without answers, and for a sum that
        lacks one of its subtasks.
    """
    table = _by_picture(answers)
    scores: dict[str, float | None] = {}
    for category in (*PERCEPTION, *COGNITION):
        pictures = table.get(category, {})
        scores[category] = _strict_score(list(pictures.values())) if pictures else None
    sums: dict[str, float | None] = {}
    for name, parts in SUMS.items():
        found = [score for part in parts if (score := scores[part]) is not None]
        sums[name] = sum(found) if len(found) == len(parts) else None
    return sums | scores


def _strict_score(pictures: Sequence[Sequence[float]]) -> float:
    accuracy = _mean([right for rights in pictures for right in rights])
    plus = _mean([float(len(rights) == QUESTIONS == sum(rights)) for rights in pictures])
    return accuracy * 100 + plus * 100
