"""RISEBench's arithmetic per sample: consistency, reasoning, plausibility -> score and completion.

Up to three questions, each from 1 to 5: C appearance consistency, R instruction reasoning, V visual
plausibility. Logical samples have C and R only, 0 or 1 each, which become 1 and 5. Official is what
``gpt_eval.py`` does, as in open-compass/GenEditEvalKit@103b283 and, from 2026-04-23 on, in
PhoenixZ810/RISEBench@5f22651, defects included (RISE-1 to RISE-6 in docs/errata.md). Strict is
ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.editing.common import OfficialReading, crash, five_in_percent, read_named
from judges.parsing import Parsed

TEMPORAL, CAUSAL = "temporal_reasoning", "causal_reasoning"
SPATIAL, LOGICAL = "spatial_reasoning", "logical_reasoning"
CATEGORIES = (TEMPORAL, CAUSAL, SPATIAL, LOGICAL)
TITLES: Mapping[str, str] = dict(
    zip(CATEGORIES, ("Temporal", "Causal", "Spatial", "Logical"), strict=True)
)
SUBTASKS: Mapping[str, tuple[str, ...]] = {
    TEMPORAL: (
        "Life Progression", "Material Progression", "Environmental Cycles",
        "Societal Transformation",
    ),
    CAUSAL: (
        "Structural Deformation", "State Transition", "Chemical and Biological Transformation",
        "Physics Manifestation",
    ),
    SPATIAL: (
        "Component Assembly", "Object Arrangement", "Viewpoint Generation", "Structural Inference",
        "Layout Reasoning",
    ),
    LOGICAL: ("Pattern Prediction", "Mathematical Derivation", "Puzzle Solving"),
}  # fmt: skip
"""Category -> its subtasks, in the order of the released table."""
LOW, HIGH = 1, 5
Question = Literal["C", "R", "V"]


# --- the released scripts ---------------------------------------------------------------------

_FINAL = re.compile(r"final score\*{0,2}:?([\d*\s,]*)", re.IGNORECASE)
_FINALS = re.compile(r"final scores\*{0,2}:?([\d*\s,]*)", re.IGNORECASE)


def official_reading(reply: str) -> OfficialReading:
    """All whole numbers right behind the first "Final Score" that has any.

    Stars, commas, spaces and line breaks are skipped, so that a list number of the next line is a
    second score (RISE-3). "Final Scores" is looked for when no "Final Score" has a number; it then
    reads an empty list where "Final Score" reads nothing at all, which counts the same.

    >>> official_reading("**Final Score:** **4**").value
    [4]
    """
    for mark, empty in ((_FINAL, None), (_FINALS, [])):
        spans = mark.findall(reply)
        for span in spans:
            if digits := re.findall(r"\d+", span):
                try:
                    return OfficialReading(outcome="ok", value=[int(n) for n in digits])
                except ValueError as error:  # more digits than Python turns into a number
                    return crash(error)
        if spans and empty is not None:
            return OfficialReading(outcome="unparsed", value=empty)
    return OfficialReading(outcome="unparsed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """What the questions about one sample gave, from 1 to 5 each (the released script: unchecked).

    Attributes:
        C: appearance consistency; None where it was not asked or not read.
        R: instruction reasoning; None where it was not read.
        V: visual plausibility; None where it was not asked or not read.
    """

    C: float | None = None
    R: float | None = None
    V: float | None = None


Numbers = Sequence[int]


def official_points(
    consistency: Numbers | None, reasoning: Numbers, plausibility: Numbers | None
) -> Points | None:
    """The points of one sample as released, from the numbers read of its replies.

    The lists are joined and counted: three numbers are C, R and V, whatever the category; two are
    those of a logical sample, and count as 1 or 5.

    Args:
        consistency: None where the question was not asked.
        reasoning: empty where the reply was not read.
        plausibility: None where the question was not asked.

    Returns:
        None where the script cannot place the numbers, and ends with a ValueError (RISE-3).
    """
    asked = [n for n in (consistency, reasoning, plausibility) if n is not None]
    if not all(asked):
        return Points()
    joined: list[int | None] = [n for numbers in asked for n in numbers]
    if consistency is None:
        joined.insert(0, None)
    if len(joined) == 3:
        return Points(C=joined[0], R=joined[1], V=joined[2])
    if len(joined) == 2 and joined[0] is not None and joined[1] is not None:
        return Points(C=4 * min(joined[0], 1) + 1, R=4 * min(joined[1], 1) + 1)
    return None


def official_score(points: Points, category: str, light: bool) -> float:
    """The released score of a sample, from 1 to 5; NaN where a point that it needs is missing.

    Args:
        points: of the sample.
        category: one of `CATEGORIES`.
        light: whether consistency is left out. In the released script that is every sample but the
            logical ones, as soon as one sample of the data says ``consistency_free`` (RISE-1).
    """
    c, r, v = (math.nan if p is None else p for p in (points.C, points.R, points.V))
    if category == LOGICAL:
        score = 0.3 * c + 0.7 * r
    elif light:
        score = 0.2 * v + 0.8 * r
    else:
        score = 0.3 * c + 0.5 * r + 0.2 * v
    if r == 1:
        score = score * 0.5
        score = 1.0 if score < 1 else score
    return score


def official_complete(points: Points, category: str, *, free: bool = False) -> bool:
    """Whether all points are 5; what is missing is not (RISE-2).

    Args:
        points: of the sample.
        category: one of `CATEGORIES`.
        free: consistency is not asked and does not count: the rule since 2026-04-23. Before, such a
            sample could never be complete.
    """
    needed = [points.R] if free and category != LOGICAL else [points.C, points.R]
    if category != LOGICAL:
        needed.append(points.V)
    return all(p == HIGH for p in needed)


# --- strict -----------------------------------------------------------------------------------


def strict_reading(reply: str, category: str) -> Parsed:
    r"""The final score of a reply: one whole number, 1 to 5, for logical samples 0 or 1.

    Returns:
        It under ``score``. A reply with two different final scores has none.

    >>> strict_reading("**Final Score:** **4**\n\n1. extra", "causal_reasoning").scores
    {'score': 4}
    """
    low, high = (0, 1) if category == LOGICAL else (LOW, HIGH)
    text = re.sub(r"\b(final score)s\b", r"\1", reply, flags=re.IGNORECASE)
    parsed = read_named(text, ["Final Score"], low, high, colon=False)
    if parsed.status != "ok":
        return parsed
    return Parsed(status="ok", scores={"score": parsed.scores["Final Score"]})


def questions(category: str, free: bool) -> tuple[Question, ...]:
    """What is asked about a sample.

    Args:
        category: one of `CATEGORIES`.
        free: whether its record says ``consistency_free``.
    """
    asked: list[Question] = [] if free else ["C"]
    asked.append("R")
    return tuple(asked if category == LOGICAL else [*asked, "V"])


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleScore:
    """Numbers of one sample.

    Attributes:
        score: from 1 to 5.
        percent: from 0 to 100.
        complete: 1 or 0: every question has full marks.
    """

    score: float
    percent: float
    complete: float


def strict_score(answers: Mapping[Question, float], category: str, free: bool) -> SampleScore:
    """Numbers of one sample whose questions are all answered.

    Consistency is left out only where it was not asked (RISE-1), and such a sample can be complete
    (RISE-2).

    Args:
        answers: to `questions`, as read: 0 or 1 for logical samples, else 1 to 5.
        category: one of `CATEGORIES`.
        free: whether its record says ``consistency_free``.

    >>> strict_score({"R": 5, "V": 5}, "causal_reasoning", True).complete
    1.0
    """
    scaled = {q: 4 * a + 1 if category == LOGICAL else a for q, a in answers.items()}
    points = Points(C=scaled.get("C"), R=scaled["R"], V=scaled.get("V"))
    score = scaled["R"] if free and category == LOGICAL else official_score(points, category, free)
    done = all(p == HIGH for p in scaled.values())
    return SampleScore(score=score, percent=five_in_percent(score), complete=float(done))
