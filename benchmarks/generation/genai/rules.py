"""GenAI-Bench's numbers per skill: released printout and strict means, as pure functions.

Source: linzhiqiu/t2v_metrics@6ecb74f, `genai_image_eval`, re-told from its behaviour as carried by
GenEditEvalKit. Means are taken in float32 there and printed with six decimals, so that the last
digit depends on the order of additions; `float32_mean` adds in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

GROUPS: Mapping[str, tuple[str, ...]] = {
    "basic": (
        "attribute", "scene", "spatial relation", "action relation", "part relation", "basic",
    ),
    "advanced": (
        "counting", "comparison", "differentiation", "negation", "universal", "advanced",
    ),
    "overall": ("basic", "advanced", "all"),
}  # fmt: skip
"""What is printed together; ``all`` is every prompt that has a skill."""

ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Mean and sample deviation of a skill's scores, each in [0, 1].

    Attributes:
        deviation: NaN for a single score.
        count: how many scores.
    """

    mean: float
    deviation: float
    count: int

    def printed(self) -> dict[str, str]:
        """With six decimals, as GenEditEvalKit prints them (the original script prints two)."""
        return {"mean": f"{self.mean:.6f}", "std": f"{self.deviation:.6f}"}


Table = dict[str, dict[str, Cell]]


def official_table(
    scores: Mapping[int, float], skills: Mapping[str, Sequence[int]]
) -> dict[str, dict[str, Cell]]:
    """Group -> skill -> cell, as released; empty where the released script prints nothing.

    The script learns which models there are from the last skill of the map: when that one has no
    prompt, it knows none.

    Args:
        scores: prompt id -> score.
        skills: skill -> ids of its prompts.

    Raises:
        KeyError: a skill without prompts that is not the last one, or a prompt without a score;
            the released script ends with it.
    """
    lists = {**skills, ALL: _united(list(scores), skills)}
    if not skills or not skills[list(skills)[-1]]:
        return {}
    values = {name: [scores[number] for number in ids] for name, ids in lists.items()}
    for name in skills:
        if not values[name]:
            raise KeyError(name)
    return {
        group: {name: official_cell(values[name]) for name in names}
        for group, names in GROUPS.items()
    }


def strict_table(
    scores: Mapping[int, float], skills: Mapping[str, Sequence[int]], planned: Sequence[int]
) -> dict[str, Cell]:
    """Skill -> cell over every planned prompt; one without a score counts 0.

    ``all`` is every planned prompt, with a skill or without. A skill that no planned prompt has is
    left out.

    Args:
        scores: prompt id -> score in [0, 1].
        skills: skill -> ids of its prompts.
        planned: ids of the prompts of the run.
    """
    wanted = set(planned)
    lists = {name: [n for n in dict.fromkeys(ids) if n in wanted] for name, ids in skills.items()}
    return {
        name: _cell(np.array([scores.get(n, 0.0) for n in ids], np.float64))
        for name, ids in {**lists, ALL: list(dict.fromkeys(planned))}.items()
        if ids
    }


def _united(numbers: Sequence[int], skills: Mapping[str, Sequence[int]]) -> list[int]:
    """The prompts that have a skill, in the order in which the released script adds them up.

    It unites sets of places in the data, and the order is that of the last set: ascending unless
    few of many prompts have a skill.
    """
    places = {number: place for place, number in enumerate(numbers)}
    found: set[int] = set()
    for ids in skills.values():
        found = found.union({places[number] for number in ids})
    return [numbers[place] for place in found]


def official_cell(values: ArrayLike) -> Cell:
    """Mean and sample deviation of float32 scores as the released script gets them."""
    numbers = np.asarray(values, np.float32)
    exact = _cell(numbers.astype(np.float64))
    return Cell(
        mean=float32_mean(numbers), deviation=float(np.float32(exact.deviation)), count=exact.count
    )


def _cell(values: NDArray[np.float64]) -> Cell:
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Cell(mean=float(values.mean()), deviation=deviation, count=len(values))


# --- float32 ----------------------------------------------------------------------------------

_WIDTH, _CHAINS, _LEVELS = 8, 4, 4
"""Lanes of a vector register, independent chains of additions, levels of partial sums."""


def float32_mean(values: ArrayLike) -> float:
    """Mean of (n,) float32 values, added in the order of torch on x86 (AVX2) for n < 32,768.

    That order: eight lanes (one for fewer than eight values), four chains of additions each, and
    partial sums that move up a level every few rows.

    >>> float32_mean([0.1, 0.2, 0.4]).__round__(7)
    0.2333333
    """
    numbers = np.asarray(values, np.float32)
    width = _WIDTH if len(numbers) >= _WIDTH else 1
    whole = len(numbers) // width * width
    lanes = _chained(numbers[:whole].reshape(-1, width))
    total = np.float32(0)
    for number in (*numbers[whole:], *lanes):
        total += number
    return float(total / np.float32(len(numbers)))


def _chained(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of (n, width) rows over the first axis, in chains that are joined at the end."""
    whole = len(rows) // _CHAINS * _CHAINS
    sums = _cascade(rows[:whole].reshape(-1, _CHAINS, rows.shape[1]))
    for row in rows[whole:]:
        sums[0] += row
    for chain in sums[1:]:
        sums[0] += chain
    first: NDArray[np.float32] = sums[0]
    return first


def _cascade(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of (n, ...) rows over the first axis, in levels of partial sums."""
    bits = max(4, math.ceil(math.log2(max(1, len(rows)))) // _LEVELS)
    step = 1 << bits
    sums = np.zeros((_LEVELS, *rows.shape[1:]), np.float32)
    done = len(rows) // step * step
    for number, row in enumerate(rows[:done], 1):
        sums[0] += row
        for level in range(1, _LEVELS):
            if number % (step**level):
                break
            sums[level] += sums[level - 1]
            sums[level - 1] = 0
    for row in rows[done:]:
        sums[0] += row
    for level in range(1, _LEVELS):
        sums[0] += sums[level]
    lowest: NDArray[np.float32] = sums[0]
    return lowest
