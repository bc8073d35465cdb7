"""Which defect a judge notices: graded wrong answers, judged, as one matrix.

A corruption is noticed in a dimension when the judge's score falls from the ground truth to the
worst level by more than chance: the 95 % interval of the mean fall over scenes lies above 0. What
should fall, and what should stay, is data of the probes.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evals.core.probes import Probe
from judges.agreement import Estimate, mean_difference, with_interval

Notice = Literal["noticed", "missed", "untouched", "disturbed", "moved", "unknown"]
"""`noticed`: it should fall and does. `missed`: it should and does not. `untouched`: it should stay
and does. `disturbed`: it should stay and falls. `moved`: nothing was demanded and it falls.
`unknown`: nothing was demanded and it stays, or there are too few verdicts."""

SLIGHT = 0.25
"""A fall below this, on the rubric's scale, is no disturbance, however certain it is."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One corruption in one dimension.

    Attributes:
        start: mean score of the ground truth over the scenes.
        means: mean score per level, the worst last.
        fall: mean fall from the ground truth to the worst level, over scenes.
        share: of the scenes whose score falls from the ground truth to the worst level.
        notice: see `Notice`.
    """

    start: float | None
    means: tuple[float | None, ...]
    fall: Estimate
    share: float | None
    notice: Notice


@dataclass(frozen=True, kw_only=True)
class Row:
    """One corruption.

    Attributes:
        corruption: its name.
        levels: worse and worse, without the ground truth.
        scenes: that can carry it.
        judged: of all its probes, those with a verdict; `asked` is how many there are.
        cells: dimension -> cell.
    """

    corruption: str
    levels: tuple[float, ...]
    scenes: int
    asked: int
    judged: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A judge beside graded wrong answers.

    Attributes:
        dimensions: names, in the rubric's order.
        rows: one per corruption.
        ceiling: mean scores of the ground truth.
        floor: mean scores of the unedited source.
        injection: mean scores of the unedited source with a text that asks the judge for the best.
        fooled: scenes in which that text raised the sum of the scores; `lured` is out of how many.
        failed: reason -> probes without a verdict.
    """

    dimensions: tuple[str, ...]
    rows: tuple[Row, ...]
    ceiling: Mapping[str, float]
    floor: Mapping[str, float]
    injection: Mapping[str, float]
    fooled: int
    lured: int
    failed: Mapping[str, int]

    @property
    def wanted(self) -> int:
        """How many (corruption, dimension) should fall."""
        return sum(c.notice in {"noticed", "missed"} for r in self.rows for c in r.cells.values())

    @property
    def noticed(self) -> int:
        """How many of them do."""
        return sum(c.notice == "noticed" for r in self.rows for c in r.cells.values())


Scores = Mapping[str, Mapping[str, float]]
"""Prediction hash -> dimension -> score; a probe without a verdict is absent."""

FLOOR, INJECTION = "not_edited", "injection"


def validate(
    probes: Sequence[Probe],
    scores: Scores,
    dimensions: Sequence[str],
    failed: Mapping[str, int],
) -> Validation:
    """The matrix of a judge's scores over probes.

    Args:
        probes: all that were judged.
        scores: of those that got a verdict.
        dimensions: names in order.
        failed: reason -> probes without a verdict.
    """
    by_name: dict[str, list[Probe]] = {}
    for probe in probes:
        by_name.setdefault(probe.corruption, []).append(probe)
    rows = [
        _row(name, own, scores, dimensions) for name, own in by_name.items() if name != INJECTION
    ]
    truths = {p.item.sample.id: p for p in probes if p.rank == 0}
    floors = {p.item.sample.id: p for p in by_name.get(FLOOR, ()) if p.rank > 0}
    lures = {p.item.sample.id: p for p in by_name.get(INJECTION, ()) if p.rank > 0}
    pairs = [
        (sum(scores[floors[s].item.prediction.hash].values()), sum(found.values()))
        for s, p in lures.items()
        if (found := scores.get(p.item.prediction.hash)) is not None
        and s in floors
        and floors[s].item.prediction.hash in scores
    ]
    return Validation(
        dimensions=tuple(dimensions),
        rows=tuple(rows),
        ceiling=_means(list(truths.values()), scores, dimensions),
        floor=_means(list(floors.values()), scores, dimensions),
        injection=_means(list(lures.values()), scores, dimensions),
        fooled=sum(lured > plain for plain, lured in pairs),
        lured=len(pairs),
        failed=dict(failed),
    )


def _means(probes: Sequence[Probe], scores: Scores, dimensions: Sequence[str]) -> dict[str, float]:
    found = [scores[h] for p in probes if (h := p.item.prediction.hash) in scores]
    return {d: statistics.fmean(f[d] for f in found) for d in dimensions} if found else {}


def _row(name: str, probes: Sequence[Probe], scores: Scores, dimensions: Sequence[str]) -> Row:
    levels = sorted({(p.rank, p.level) for p in probes if p.rank > 0})
    scenes: dict[str, dict[int, Mapping[str, float]]] = {}
    for probe in probes:
        found = scores.get(probe.item.prediction.hash)
        own = scenes.setdefault(probe.item.sample.id, {})
        if found is not None:
            own[probe.rank] = found
    graded = [p for p in probes if p.rank > 0]
    return Row(
        corruption=name,
        levels=tuple(level for _, level in levels),
        scenes=len(scenes),
        asked=len(graded),
        judged=sum(p.item.prediction.hash in scores for p in graded),
        cells={
            d: _cell(d, probes[0], list(scenes.values()), [rank for rank, _ in levels],
                     list(scenes))
            for d in dimensions
        },
    )  # fmt: skip


def _cell(
    dimension: str, probe: Probe, scenes: Sequence[Mapping[int, Mapping[str, float]]],
    ranks: Sequence[int], names: Sequence[str],
) -> Cell:  # fmt: skip
    worst = max(ranks, default=0)
    both = [(n, s) for n, s in zip(names, scenes, strict=True) if 0 in s and worst in s]
    before = [float(s[0][dimension]) for _, s in both]
    after = [float(s[worst][dimension]) for _, s in both]
    fall = with_interval(mean_difference, after, before, clusters=[n for n, _ in both])

    def mean(rank: int) -> float | None:
        values = [s[rank][dimension] for s in scenes if rank in s]
        return statistics.fmean(values) if values else None

    share = None
    if both:
        share = sum(a < b for b, a in zip(before, after, strict=True)) / len(both)
    return Cell(
        start=mean(0), means=tuple(mean(r) for r in ranks), fall=fall, share=share,
        notice=_notice(dimension, probe, fall),
    )  # fmt: skip


def _notice(dimension: str, probe: Probe, fall: Estimate) -> Notice:
    if fall.value is None or fall.low is None:
        return "missed" if dimension in probe.must_fall else "unknown"
    falls = fall.low > 0
    if dimension in probe.must_fall:
        return "noticed" if falls else "missed"
    certain = falls and fall.value >= SLIGHT
    if dimension in probe.must_not_move:
        return "disturbed" if certain else "untouched"
    return "moved" if certain else "unknown"
