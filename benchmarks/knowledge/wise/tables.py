"""From WISE's score records to its tables: as released, as BAGEL counts, and strictly.

Sources: Calculate.py and calculate_verified.py of PKU-YuanGroup/WISE@eb51174, step3_wise_cal.py of
open-compass/GenEditEvalKit@103b283, eval/gen/wise/cal_score.py of ByteDance-Seed/Bagel@056b5fd.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.knowledge.wise.editions import (
    CATEGORIES,
    DIMENSIONS,
    FILES,
    LEGACY,
    TITLES,
    Edition,
)

_REJECTS = (AttributeError, OverflowError, RecursionError, ValueError)
"""What JSON that is no usable record can raise: the released script then gives up its file."""
TIME = ("Longitudinal time", "Horizontal time")
SENTINEL = 9.9
"""BAGEL's mark of a judge call that failed."""


def _total(values: Iterable[float]) -> float:
    """Sum from left to right: `sum` compensates since Python 3.12, and two decimals can tip."""
    total = 0.0
    for value in values:
        total += value
    return total


@dataclass(frozen=True, slots=True)
class Segment:
    """What one score file holds: category -> scores in file order, and every prompt id seen."""

    scores: Mapping[str, Sequence[float]]
    ids: frozenset[int]


def official_segment(lines: Iterable[str], edition: Edition, kind: str = "") -> Segment | None:
    """Read one score file as released; None when the file is rejected.

    A line that is not JSON, has no whole number as id, or an id outside the ranges is skipped; one
    that is JSON and no object rejects its file. An id counts as present even when its scores are
    not usable (WISE-5), and twice when it is there twice.

    Args:
        lines: raw JSON lines.
        edition: whose ranges and scores.
        kind: key of `FILES` when this is the only file: all its ids must then be there.
    """
    scores: dict[str, list[float]] = {}
    ids: set[int] = set()
    try:
        for line in lines:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            prompt = record.get("prompt_id")
            if not isinstance(prompt, int):
                continue
            ids.add(prompt)
            score, category = edition.score(record), edition.category(prompt)
            if score is not None and category is not None:
                scores.setdefault(category, []).append(score)
    except _REJECTS:
        return None
    needed = (i for category in FILES.get(kind, ()) for i in edition.ranges[category])
    return Segment(scores, frozenset(ids)) if ids.issuperset(needed) else None


@dataclass(frozen=True, slots=True)
class Table:
    """The released table.

    Attributes:
        means: category -> mean score in [0, 1] and number of samples; None when the script aborts
            or has nothing.
        overall: weighted mean of the categories; None unless all six are asked for and there.
        aborted: whether ids are missing from a complete run.
    """

    means: Mapping[str, tuple[float, int]] | None = None
    overall: float | None = None
    aborted: bool = False


def official_table(
    segments: Sequence[Segment | None], edition: Edition, kind: str = "all"
) -> Table:
    """Put the files together as released.

    Args:
        segments: of the files, in order.
        edition: whose weights.
        kind: ``all``, which demands every id from 1 to 1000, or a key of `FILES`.
    """
    usable = [s for s in segments if s is not None]
    if not usable:
        return Table()
    if kind == "all":
        wanted = {i for ids in edition.ranges.values() for i in ids}
        if not wanted <= frozenset().union(*(s.ids for s in usable)):
            return Table(aborted=True)
    pooled = {c: [v for s in usable for v in s.scores.get(c, ())] for c in CATEGORIES}
    means = {c: (_total(v) / len(v), len(v)) for c, v in pooled.items() if v}
    complete = kind == "all" and len(means) == len(CATEGORIES)
    averages = {c: mean for c, (mean, _) in means.items()}
    return Table(means, weighted(averages, edition) if complete else None)


def weighted(means: Mapping[str, float | None], edition: Edition) -> float | None:
    """Overall score in [0, 1] of category means; None unless all six are there."""
    parts = [(edition.weights[c], means.get(c)) for c in CATEGORIES]
    known = [weight * mean for weight, mean in parts if mean is not None]
    return _total(known) if len(known) == len(parts) else None


# --- BAGEL's variant ----------------------------------------------------------------------------


def bagel_means(
    lines: Sequence[str], least: int, category: Callable[[Mapping[str, Any]], str]
) -> dict[str, float] | None:
    """Means in [0, 1] of one file as BAGEL counts; None for a file it refuses.

    Args:
        lines: raw JSON lines, all of which must be records with three numbers.
        least: fewest lines; a file with fewer, or with the sentinel in it, is refused.
        category: a record -> its category.

    Raises:
        KeyError: a record lacks a score.
        ValueError: a line is not JSON.
    """
    sums: dict[str, list[float]] = {}
    failed = False
    for record in map(json.loads, lines):
        scores = [record[name] for name in DIMENSIONS]
        failed |= SENTINEL in scores
        name = category(record)
        sums.setdefault(name, []).append(0.7 * scores[0] + 0.2 * scores[1] + 0.1 * scores[2])
    if failed or len(lines) < least:
        return None
    return {name: _total(values) / (len(values) * 2) for name, values in sums.items()}


def bagel_time_or_space(record: Mapping[str, Any]) -> str:
    """By the record's own subcategory, which the released script of WISE does not look at."""
    return "Time" if record["Subcategory"] in TIME else "Space"


def bagel_science(record: Mapping[str, Any]) -> str:
    """By id; ``?`` for one outside the ranges, which becomes a category of its own."""
    prompt = record.get("prompt_id", 0)
    for category in FILES["science"]:
        ids = LEGACY.ranges[category]
        if ids[0] <= prompt <= ids[-1]:
            return TITLES[category]
    return "?"


def bagel_overall(parts: Sequence[Mapping[str, float] | None]) -> float | None:
    """Plain mean of all categories of the three files; None when a file was refused."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    means = [mean for part in known for mean in part.values()]
    return _total(means) / len(means)
