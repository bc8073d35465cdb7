"""GenExam's numbers: answers to a sample's strict and relaxed score, samples to the headline.

Sources: cal_score.py of open-compass/GenEditEvalKit@103b283 (mean over subjects) and of
OpenGVLab/GenExam@6f324dd (mean over samples), which print otherwise equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.knowledge.genexam.replies import HIGHEST

COLUMNS = ("strict_score", "relaxed_score", "semantic_correctness", "spelling", "readability",
           "logical_consistency")  # fmt: skip
"""What the released scripts average."""
Average = Literal["macro", "micro"]
"""``macro``: mean over subjects of their means; ``micro``: mean over samples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleScores:
    """Scores of one image.

    Attributes:
        semantic_correctness: weight of the scoring points that are met, in [0, 1].
        spelling: 0 to 2.
        readability: 0 to 2.
        logical_consistency: 0 to 2.
        scoring_point_all_correct: whether every point is met.
        strict_score: 1 when every point is met and every global score is best, else 0.
        relaxed_score: .7 for semantics and .1 for each global score, in [0, 1].
    """

    semantic_correctness: float
    spelling: float
    readability: float
    logical_consistency: float
    scoring_point_all_correct: bool
    strict_score: int
    relaxed_score: float


def weight_met(answers: Iterable[Any], weights: Sequence[float]) -> float:
    """Weight of the scoring points answered with 1, not rounded.

    Raises:
        IndexError: a point is answered with 1 that has no weight.
    """
    met: float = 0
    for at, answer in enumerate(answers):
        if answer == 1:
            met += weights[at]
    return met


def weights_add_up(weights: Iterable[float]) -> bool:
    """Whether they sum to 1 at 4 decimals, without which a sample has no score."""
    return bool(round(sum(weights), 4) == 1)


def official_scores(
    answers: Sequence[Any], met: float, spelling: Any, readability: Any, logic: Any
) -> SampleScores:
    """A sample's scores as released: semantics rounded to 4 decimals, relaxed to 3.

    Global scores are not checked: 5 gives more than 1 (GENEXAM-3).

    Args:
        answers: per scoring point, as the judge wrote them.
        met: what `weight_met` says of them.
        spelling: global scores as written.
        readability: likewise.
        logic: likewise.

    Raises:
        TypeError: a global score is no number.
    """
    semantic = round(met, 4)
    every = all(answer == 1 for answer in answers)
    best = every and spelling == HIGHEST and readability == HIGHEST and logic == HIGHEST
    relaxed = semantic * 0.7 + spelling * 0.1 / 2 + readability * 0.1 / 2 + logic * 0.1 / 2
    return SampleScores(
        semantic_correctness=semantic,
        spelling=spelling,
        readability=readability,
        logical_consistency=logic,
        scoring_point_all_correct=every,
        strict_score=int(best),
        relaxed_score=round(relaxed, 3),
    )


def strict_scores(
    answers: Sequence[int], weights: Sequence[float], scores: Mapping[str, float]
) -> SampleScores:
    """A sample's scores, nothing rounded.

    Args:
        answers: 0 or 1 per scoring point, one for each weight.
        weights: of the scoring points, which sum to 1.
        scores: ``spelling``, ``readability`` and ``logical_consistency``, each from 0 to 2.

    Raises:
        ValueError: answers and weights differ in number.

    >>> made = strict_scores((1, 0), (0.25, 0.75), {"spelling": 2, "readability": 1,
    ...                                             "logical_consistency": 2})
    >>> made.strict_score, round(made.relaxed_score, 6)
    (0, 0.425)
    """
    semantic = sum(w for w, answer in zip(weights, answers, strict=True) if answer)
    every = all(answers)
    return SampleScores(
        semantic_correctness=semantic,
        **scores,
        scoring_point_all_correct=every,
        strict_score=int(every and all(s == HIGHEST for s in scores.values())),
        relaxed_score=0.7 * semantic + 0.05 * sum(scores.values()),
    )


def averages(
    samples: Sequence[tuple[str, SampleScores]], average: Average
) -> dict[str, float | None]:
    """Means of `COLUMNS` over samples, or over subjects; None without samples.

    Args:
        samples: subject and scores; upstream's leaderboard mixes both averages (GENEXAM-1).
        average: which.
    """
    return {column: _average(samples, average, _getter(column)) for column in COLUMNS}


def _getter(column: str) -> Callable[[SampleScores], float]:
    return lambda scores: float(getattr(scores, column))


def _average(
    samples: Sequence[tuple[str, SampleScores]],
    average: Average,
    value: Callable[[SampleScores], float],
) -> float | None:
    groups: dict[str, list[float]] = {}
    for subject, scores in samples:
        groups.setdefault(subject if average == "macro" else "", []).append(value(scores))
    means = [sum(values) / len(values) for values in groups.values()]
    return sum(means) / len(means) if means else None
