"""T2I-ReasonBench without the defects of its scripts: every question has a score of 0, 0.5 or 1.

A reply that cannot be read is a failure of the judge, and neither ends the run nor scores 0.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.knowledge.t2ireasonbench.scoring import Dimension, official_reasoning

LEVELS = (0.0, 0.5, 1.0)
"""What a question can be scored."""

TRIES = 200
"""Braces at which an object is tried to be read; a reply of braces alone would take minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StrictReply:
    """A reply read with care.

    Attributes:
        scores: one per question, each of `LEVELS`; empty when they cannot be read.
        reason: why; empty when they can. It is a failure of the judge, and no score.
    """

    scores: tuple[float, ...] = ()
    reason: str = ""


def strict_reply(text: str, questions: int) -> StrictReply:
    """The scores of a reply: the one list of the right length that its JSON objects agree on.

    >>> strict_reply('So {it} is: {"reason": ["{a}"], "score": [1, "0.5"]}', 2).scores
    (1.0, 0.5)
    >>> strict_reply('{"score": [1, 2]}', 2).reason
    'score 2 of question 2 is none of 0, 0.5, 1'
    """
    found: dict[tuple[float, ...], None] = {}
    complaint = 'the reply holds no JSON object with a list of "score"'
    for value in _objects(text):
        scores, odd = _levels(value, questions)
        complaint = odd or complaint
        if not odd:
            found[scores] = None
    if len(found) > 1:
        return StrictReply(reason="the reply holds several different lists of scores")
    if not found:
        return StrictReply(reason=complaint)
    return StrictReply(scores=next(iter(found)))


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """JSON objects with a ``score``, each read from its own first brace to its own last."""
    decoder, at = json.JSONDecoder(), 0
    for match in list(re.finditer(r"\{", text))[:TRIES]:
        if match.start() < at:
            continue
        try:
            value, at = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "score" in value:
            yield value


def _levels(value: Mapping[str, Any], questions: int) -> tuple[tuple[float, ...], str]:
    """The scores of an object, or what is wrong with them."""
    listed = value["score"]
    if not isinstance(listed, list) or len(listed) != questions:
        length = len(listed) if isinstance(listed, list) else "no list of"
        return (), f"the reply has {length} scores for {questions} questions"
    scores = []
    for number, written in enumerate(listed, start=1):
        level = _level(written)
        if level is None:
            return (), f"score {str(written)[:20]} of question {number} is none of 0, 0.5, 1"
        scores.append(level)
    return tuple(scores), ""


def _level(written: Any) -> float | None:
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    try:
        number = float(written)
    except (ValueError, OverflowError):
        return None
    return next((level for level in LEVELS if level == number), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class StrictSample:
    """The numbers of one image, each from 0 to 1.

    Attributes:
        reasoning: weighted mean of the groups of questions before the last.
        quality: mean of the last group.
    """

    reasoning: float
    quality: float


def strict_sample(dimension: Dimension, scores: Sequence[Sequence[float]]) -> StrictSample:
    """The numbers of one image.

    Args:
        dimension: of the image.
        scores: per stage, from `strict_reply`.
    """
    averages = [math.fsum(stage) / len(stage) for stage in scores]
    return StrictSample(
        reasoning=official_reasoning(dimension, averages[:-1]), quality=averages[-1]
    )
