"""GenEval 2's arithmetic: from token probabilities to Soft-TIFA, as pure functions.

Source: facebookresearch/GenEval2@a6e82d2, `evaluation.py` and `soft_tifa_analysis.py`, re-told from
their behaviour alone. An atom is one question with its expected answer; its soft score is the
probability that the first token of a reply begins one of the answer's spellings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.vqa_probability import FirstToken

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SKILLS = ("object", "attribute", "count", "position", "verb")
LEVELS = tuple(range(3, 11))
"""Atoms per prompt."""

_HOW_MANY = "How many"
_YES = ("Yes", "yes", " yes", " Yes")


class OfficialStop(Exception):
    """The released script ends here without a number."""


def digits(word: str) -> str:
    """A number word up to ten as digits; anything else is ``other``, as released.

    >>> digits("seven"), digits("Seven"), digits("eleven")
    ('7', 'other', 'other')
    """
    return str(NUMBERS.index(word) + 1) if word in NUMBERS else "other"


def spellings(question: str, answer: str) -> list[str]:
    """Texts whose first token counts as the answer, in the released order.

    For a count: the word as it is and capitalised, both also after a space, and the digits. For
    every other question the spellings of yes, whatever the answer is.

    >>> spellings("How many cats are there?", "two")
    ['two', 'Two', ' two', ' Two', '2', ' 2']
    """
    if not question.startswith(_HOW_MANY):
        return list(_YES)
    capital, figure = answer.capitalize(), digits(answer)
    return [answer, capital, f" {answer}", f" {capital}", figure, f" {figure}"]


def soft(reply: FirstToken, wanted: Sequence[str]) -> float:
    """Summed probability of the spellings' first tokens, once per spelling, as released.

    A token that two spellings begin with counts twice, so that the sum can pass 1; `strict_soft`
    counts it once.
    """
    return sum(reply.probabilities[reply.tokens[s]] for s in wanted)


def strict_soft(reply: FirstToken, wanted: Sequence[str]) -> float:
    """Summed probability of the distinct first tokens that only begin this answer, in [0, 1].

    The token of ``" 5"`` is a bare space in some vocabularies. It begins every number, so it says
    nothing: a token that another answer of the same kind begins with as well does not count.
    """
    others = rivals(wanted)
    shared = {reply.tokens[s] for s in others if s in reply.tokens}
    own = {reply.tokens[s] for s in wanted} - shared
    return min(1.0, sum(reply.probabilities[token] for token in own))


def rivals(wanted: Sequence[str]) -> set[str]:
    """Spellings of the other answers that the same question could have."""
    if tuple(wanted) == _YES:
        return {"No", "no", " no", " No"}
    every = {s for word in NUMBERS for s in spellings(_HOW_MANY, word)}
    return every - set(wanted)


def hard(reply: FirstToken, wanted: Sequence[str]) -> int:
    """TIFA: 1 when the likeliest token is, in lower case, one of the spellings.

    >>> def begun(text: str) -> FirstToken:
    ...     return FirstToken(tokens={}, probabilities={}, greedy=text)
    >>> hard(begun("YES"), ["Yes", "yes"]), hard(begun("One"), ["One", " One"])
    (1, 0)
    """
    return int(reply.greedy.lower() in wanted)


def softmax(logits: ArrayLike) -> NDArray[np.float32]:
    """Probabilities of (n,) logits in float32, as the released script computes them."""
    values = np.asarray(logits, np.float32)
    powers = np.exp(values - values.max())
    shares: NDArray[np.float32] = powers / powers.sum(dtype=np.float32)
    return shares


# --- one prompt -------------------------------------------------------------------------------


def arithmetic_mean(scores: Sequence[float]) -> float:
    """Soft-TIFA AM of a prompt: the mean of its atoms' scores.

    Raises:
        ValueError: there is no atom.
    """
    if not scores:
        raise ValueError("a prompt without atoms has no score")
    return float(np.mean(scores))


def geometric_mean(scores: Sequence[float]) -> float:
    """Soft-TIFA GM of a prompt: 0 as soon as one atom has 0.

    Raises:
        ValueError: there is no atom, or a score below 0.

    >>> geometric_mean([0.25, 1.0]), geometric_mean([0.9, 0.0])
    (0.5, 0.0)
    """
    if not scores or min(scores) < 0:
        raise ValueError(f"no geometric mean of {list(scores)}")
    if min(scores) == 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, scores)) / len(scores))


# --- all prompts ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The two numbers of the benchmark, in points of 100; GM is the headline."""

    am: float
    gm: float


def official_totals(scores: Sequence[Sequence[float] | None]) -> Totals:
    """Means over prompts, as released.

    Args:
        scores: per prompt the scores of its atoms; None where its image is missing.

    Raises:
        OfficialStop: an image is missing, which ends the released script.
        ValueError: there is no prompt.
    """
    missing = [number for number, atoms in enumerate(scores) if atoms is None]
    if missing:
        raise OfficialStop(f"the images of {len(missing)} prompts are missing")
    return strict_totals(scores)


def strict_totals(scores: Sequence[Sequence[float] | None]) -> Totals:
    """Means over all prompts, one without an image counting 0.

    Raises:
        ValueError: there is no prompt.
    """
    if not scores:
        raise ValueError("there is no prompt")
    found = [atoms for atoms in scores if atoms is not None]
    return Totals(
        am=100 * math.fsum(map(arithmetic_mean, found)) / len(scores),
        gm=100 * math.fsum(map(geometric_mean, found)) / len(scores),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """The breakdown of the released analysis, in points of 100; None where there is nothing.

    Attributes:
        skills: skill -> mean over its atoms.
        levels: atoms per prompt -> mean geometric mean over its prompts.
    """

    skills: Mapping[str, float | None]
    levels: Mapping[int, float | None]


def analyse(rows: Iterable[tuple[int, Sequence[str], Sequence[float]]]) -> Analysis:
    """Break scores down by skill and by number of atoms.

    Args:
        rows: per prompt its level, the skills of its atoms and their scores. Articles are asked
            for as a count of one, but are not counted in the level.

    Raises:
        ValueError: skills and scores of a prompt differ in number, or a skill or level is unknown.
    """
    skills: dict[str, list[float]] = {skill: [] for skill in SKILLS}
    levels: dict[int, list[float]] = {level: [] for level in LEVELS}
    for level, names, scores in rows:
        if len(names) != len(scores):
            raise ValueError(f"a prompt has {len(names)} skills and {len(scores)} scores")
        unknown = sorted({name for name in names if name not in skills})
        if unknown or level not in levels:
            raise ValueError(f"unknown skills {unknown} or level {level}")
        for name, score in zip(names, scores, strict=True):
            skills[name].append(score)
        levels[level].append(geometric_mean(scores))
    return Analysis(
        skills={name: _points(values) for name, values in skills.items()},
        levels={level: _points(values) for level, values in levels.items()},
    )


def _points(values: Sequence[float]) -> float | None:
    return 100 * math.fsum(values) / len(values) if values else None
