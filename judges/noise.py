"""How far one judge agrees with itself: repeats of a question, and swapped positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from evals.core.stats import as_column

Preference = Literal["a", "b", "tie"]


def within_sd(repeats: Sequence[Sequence[float]]) -> float | None:
    """Standard deviation of one judge's repeats on one unit, pooled over units.

    Returns:
        Root of the mean unbiased variance of the units with two repeats or more; None without such.

    >>> within_sd([[1, 3], [2, 2], [5]])
    1.0
    """
    variances = [float(as_column(r).var(ddof=1)) for r in repeats if len(r) > 1]
    return math.sqrt(sum(variances) / len(variances)) if variances else None


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeShare:
    """Which part of a mean's uncertainty is the judge's, see `judge_share`.

    Attributes:
        share: from 0 to 1; None without repeats, or without any spread.
        var_judge: variance of the mean that the judge's noise makes; None without repeats.
        var_total: square of the standard error; None without one.
        n: units in the mean.
    """

    share: float | None
    var_judge: float | None
    var_total: float | None
    n: int


def judge_share(repeats: Sequence[Sequence[float]], standard_error: float | None) -> JudgeShare:
    """Share of the variance of a mean over units that comes from the judge's noise.

    The law of total variance splits the variance of the mean of n units, each scored by the mean of
    its k repeats: Var(mean) = Var(E[mean | units]) + E[Var(mean | units)], the choice of units and
    the judge. With independent repeats the second part is var_judge = (s^2 / k) / n, where s is
    `within_sd`; where k differs, 1 / k is the mean of 1 / k.

    A bootstrap over units resamples scores that hold one draw of this noise each: its interval
    already contains both parts, and var_judge must not be added. The share is what more and more
    repeats of the same units would take away. Neither part contains what moves all units at once:
    another version of the judge, another wording, another day.

    Args:
        repeats: per unit, the repeats whose mean is its score; units without any are left out.
        standard_error: of the mean over these units; None when unknown.

    Returns:
        The share is clipped to [0, 1]: both variances are estimates, their ratio can exceed 1.

    Raises:
        ValueError: the standard error is negative or no number.

    >>> round(judge_share([[1, 3], [3, 5], [2, 4], [4, 6]], 1.0).share, 3)  # s^2 = 2, k = 2, n = 4
    0.25
    """
    if standard_error is not None and not 0 <= standard_error < math.inf:
        raise ValueError(f"a standard error is a number from 0 on, not {standard_error}")
    sizes = [len(r) for r in repeats if len(r)]
    sd, n = within_sd(repeats), len(sizes)
    noise = None if sd is None else sd**2 * sum(1 / k for k in sizes) / n**2
    total = None if standard_error is None else standard_error**2
    share = min(1.0, noise / total) if noise is not None and total else None
    return JudgeShare(share=share, var_judge=noise, var_total=total, n=n)


# --- two candidates, shown in both orders ---------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionBias:
    """What the order does to a judge that compares two candidates.

    Attributes:
        n: units that were shown in both orders.
        consistent: share of them with the same answer in both orders; None without units.
        first: of the answers that are no tie, the share for the candidate shown first; 0.5 for a
            judge that the order does not move, whoever is better; None when all are ties.
        decided: answers that are no tie, of 2 n.
    """

    n: int
    consistent: float | None
    first: float | None
    decided: int


def position_bias(first: Sequence[Preference], second: Sequence[Preference]) -> PositionBias:
    """Compare a judge's preferences between the two orders.

    Args:
        first: per unit, who was preferred when A was shown first.
        second: per unit, who was preferred when B was shown first; "a" still means A.

    Raises:
        ValueError: lengths differ, or an answer is none of a, b, tie.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} answers in one order but {len(second)} in the other")
    n = len(first)
    same = sum(swap_merge(a, b) == a == b for a, b in zip(first, second, strict=True))
    front = sum(p == "a" for p in first) + sum(p == "b" for p in second)
    decided = sum(p != "tie" for p in (*first, *second))
    return PositionBias(
        n=n,
        consistent=same / n if n else None,
        first=front / decided if decided else None,
        decided=decided,
    )


def swap_merge(first: Preference, swapped: Preference) -> Preference:
    """One preference from both orders: what they agree on, else "tie".

    >>> swap_merge("a", "a"), swap_merge("a", "b"), swap_merge("tie", "b")
    ('a', 'tie', 'tie')
    """
    for answer in (first, swapped):
        if answer not in get_args(Preference):
            raise ValueError(f"a preference is a, b or tie, not {answer!r}")
    return first if first == swapped else "tie"
