"""TIIF-Bench's numbers: one judge reply to answers, answers to the published tables.

One reply answers all questions about one image, a line each. `official_reading` and
`official_summary` repeat eval_with_vlm.py, summary_results.py and summary_dimension_results.py of
A113N-W3I/TIIF-Bench@3aae750, defects included (TIIF-1 to TIIF-9 in docs/errata.md); the `strict_`
functions are what a number should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.generation.tiif.taxonomy import (
    ADVANCED,
    ADVANCED_AVERAGE,
    BASIC,
    BASIC_AVERAGE,
    GROUPS,
    LENGTHS,
    REAL_WORLD,
)

_ANSWER = re.compile(r"(yes|no)\b", re.IGNORECASE)
_CHOICE = r"(yes|no)\b(?!\s*(?:/|\bor\b)\s*(?:yes|no)\b)"
"""One of the two, not both as in ``yes/no``."""
_LABEL = r"(?:[-*•]\s+)?(?:[(\[]?(?:question|answer|[qa])?\s*\d*\s*[.:)\]]\s*)?[\"'*_`]*"
"""A bullet, a number or a label, quotes or stars, all of them optional."""
_PLAIN = re.compile(_CHOICE, re.IGNORECASE)
_LABELLED = re.compile(_LABEL + _CHOICE, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        answers: ``yes`` or ``no`` per question; empty when the reply cannot be read.
        reason: why not, one sentence; empty when it can.
    """

    answers: tuple[str, ...] = ()
    reason: str = ""


def _reading(pattern: re.Pattern[str], reply: str, questions: int) -> Reading:
    lines = (line.strip() for line in reply.split("\n"))
    found = [m.group(1).lower() for line in lines if (m := pattern.match(line))]
    if len(found) != questions:
        return Reading(reason=f"the reply has {len(found)} answers to {questions} questions")
    return Reading(tuple(found))


def official_reading(reply: str, questions: int) -> Reading:
    """Read as released: lines that begin with yes or no as a whole word, in any case.

    "1. yes", "**Yes**" and "- yes" do not count, "yes/no" is a yes (TIIF-2, TIIF-3). The released
    script asks again for ever while the count is wrong (TIIF-1).
    """
    return _reading(_ANSWER, reply, questions)


def strict_reading(reply: str, questions: int) -> Reading:
    r"""Read what a person would: also behind a bullet, a number, a label, quotes or stars.

    Labels count only where plain answers do not add up, so that a list within a reason is none.

    >>> strict_reading("1. Yes, a cat.\n2. **No**, no dog.", 2).answers
    ('yes', 'no')
    >>> strict_reading("yes/no", 1).reason
    'the reply has 0 answers to 1 questions'
    """
    plain = _reading(_PLAIN, reply, questions)
    return plain if plain.answers else _reading(_LABELLED, reply, questions)


# --- one image ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """Right answers of those asked; adds up."""

    right: int = 0
    asked: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.asked + other.asked)

    @property
    def accuracy(self) -> float | None:
        """Share of right answers in [0, 1]; None when nothing was asked."""
        return self.right / self.asked if self.asked else None


def official_tally(expected: Any, given: Any) -> Tally:
    """Compare pairwise as released: the shorter list decides how many are asked (TIIF-4).

    An answer that is no text ends the comparison of its file, and still counts as asked.
    """
    right = asked = 0
    try:
        for want, got in zip(expected, given, strict=False):
            asked += 1
            right += want.strip().lower() == got.strip().lower()
    except (TypeError, AttributeError):
        pass  # the released script drops the rest of the file
    return Tally(right, asked)


def strict_tally(expected: Sequence[str], given: Sequence[str]) -> Tally:
    """Every question counts; one without an answer is wrong.

    >>> strict_tally(["Yes", "no", "yes"], ["yes", "no"])
    Tally(right=2, asked=3)
    """
    pairs = zip(expected, given, strict=False)
    right = sum(want.strip().lower() == got.strip().lower() for want, got in pairs)
    return Tally(right, len(expected))


# --- all images ---------------------------------------------------------------------------------

Column = tuple[str, str]
"""Dimension and length."""

TITLES: Mapping[str, tuple[str, ...]] = {
    "Basic_Following_Overall - Overall": BASIC_AVERAGE,
    **{f"Basic_{name} - {name}": group for name, group in BASIC.items()},
    "Advanced_Following_Overall - Overall": ADVANCED_AVERAGE,
    **{f"Advanced_{name} - {name}": group for name, group in ADVANCED.items()},
    "Real_World_Following_Overall - Overall": REAL_WORLD["Complex"],
    **{f"Real_{name} - {name}": group for name, group in REAL_WORLD.items()},
}
"""Heading of a released table -> the dimensions it averages."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The tables of the released scripts; None where nothing was asked.

    Attributes:
        accuracy: model -> (dimension, length) -> share in [0, 1], rounded to 4 decimals.
        mean_accuracy: model -> mean of its unrounded accuracies, rounded to 4 decimals.
        groups: heading -> model -> length -> mean of rounded accuracies, rounded to 4 decimals.
        overall: model -> length -> mean of the nine groups that have a value, rounded likewise.
    """

    accuracy: Mapping[str, Mapping[Column, float | None]]
    mean_accuracy: Mapping[str, float | None]
    groups: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    overall: Mapping[str, Mapping[str, float | None]]


def official_summary(tallies: Mapping[str, Mapping[Column, Tally]]) -> Summary:
    """The released tables of several models, which share their columns.

    Args:
        tallies: model -> (dimension, length) -> answers pooled over its images.
    """
    models = sorted(tallies)
    seen = {column for columns in tallies.values() for column in columns}
    lengths = sorted({length for _, length in seen})
    columns = [(d, n) for d in sorted({dimension for dimension, _ in seen}) for n in lengths]
    exact = {c: [tallies[m].get(c, Tally()).accuracy for m in models] for c in columns}
    rounded = {c: [_four_decimals(v) for v in values] for c, values in exact.items()}

    def means(dimensions: Iterable[str], length: str) -> list[float]:
        return _means(
            [rounded[d, length] for d in dimensions if (d, length) in rounded], len(models)
        )

    groups = {
        title: {n: means(dimensions, n) for n in LENGTHS} for title, dimensions in TITLES.items()
    }
    nine = {n: [means(group, n) for group in GROUPS.values()] for n in LENGTHS}
    overall = {
        m: {n: _printed(_means([[group[at]] for group in nine[n]], 1)[0]) for n in LENGTHS}
        for at, m in enumerate(models)
    }
    mean = _means(list(exact.values()), len(models))
    return Summary(
        accuracy={m: {c: rounded[c][at] for c in columns} for at, m in enumerate(models)},
        mean_accuracy={m: _four_decimals(_known(mean[at])) for at, m in enumerate(models)},
        groups={
            title: {m: {n: _printed(by[n][at]) for n in LENGTHS} for at, m in enumerate(models)}
            for title, by in groups.items()
        },
        overall=overall,
    )


def _means(columns: Sequence[Sequence[float | None]], models: int) -> list[float]:
    """Mean per model of the values there are, NaN where there are none.

    The released script sums with pandas, one row per model over columns that lie together in
    memory. NumPy adds in another order there than over a copy, and values of four decimals often
    average to a tie, so the layout decides the fourth decimal of a printed number.
    """
    if not columns:
        return [float("nan")] * models
    table = np.array(columns, dtype=float).T
    gaps = np.isnan(table)
    if gaps.any():
        table = table.copy()
        table[gaps] = 0.0
    counts = (~gaps).sum(axis=1)
    sums = table.sum(axis=1)
    return [float(s / n) if n else float("nan") for s, n in zip(sums, counts, strict=True)]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _four_decimals(value: float | None) -> float | None:
    """As formatted text has it: the exact binary value decides."""
    return None if value is None else float(f"{value:.4f}")


def _printed(value: float) -> float | None:
    """As a rounded table has it: the product with 10,000 decides, ties to even."""
    return None if np.isnan(value) else float(np.round(value, 4))


def strict_overall(accuracies: Mapping[str, float | None]) -> float | None:
    """Mean of the nine groups of one length, nothing rounded; None unless all 39 are there.

    Args:
        accuracies: dimension -> share of right answers in [0, 1] over every planned question.
    """
    groups = []
    for dimensions in GROUPS.values():
        values = [v for d in dimensions if (v := accuracies.get(d)) is not None]
        if len(values) < len(dimensions):
            return None
        groups.append(sum(values) / len(values))
    return sum(groups) / len(groups)
