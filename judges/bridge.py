"""A new judge beside the old one: the offset between them, over what both judged."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from evals.core.errors import UserError
from evals.core.paired import minimum_detectable_difference
from evals.core.stats import RESAMPLES
from judges.agreement import Estimate, with_interval
from judges.calibrate import Agreement, Draw, Key, Scores, agreement_of, cluster_labels

MIN_CLUSTERS = 6
"""Five independent differences that are nothing but chance have one sign in 1 of 16 cases."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offset:
    """Two judges in one dimension, or in the headline.

    Attributes:
        name: of the dimension.
        n: units that both judged.
        only_old: units that only the old one judged.
        only_new: units that only the new one judged.
        agreement: of the new with the old; `difference` is the offset, new less old.
        sd: standard deviation of the differences; None below two units.
        limits: between which 95 % of single differences lie if they are normal (Bland and Altman
            1986); None below two units.
        mdd: smallest offset that this comparison finds in 80 % of cases; None below two clusters.
        verdict: one sentence.
    """

    name: str
    n: int
    only_old: int
    only_new: int
    agreement: Agreement
    sd: float | None
    limits: tuple[float, float] | None
    mdd: float | None
    verdict: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bridge:
    """A new judge beside the old one; `headline` is None when no values were given."""

    old: str
    new: str
    dimensions: tuple[Offset, ...]
    headline: Offset | None


def bridge(
    old: Scores,
    new: Scores,
    dimensions: Sequence[str],
    low: int,
    high: int,
    clusters: Mapping[str, Hashable],
    *,
    names: tuple[str, str] = ("the old judge", "the new judge"),
    values: tuple[Mapping[Key, float], Mapping[Key, float]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Bridge:
    """The offset between two judges, over what both judged.

    Each dimension has its own 95 % interval: of comparisons without any offset in five dimensions,
    up to 23 of 100 show one somewhere.

    Args:
        old: scores of the old judge.
        new: scores of the new judge.
        dimensions: to compare.
        low: lowest score.
        high: highest score.
        clusters: sample -> label of its cluster; a sample that is not named is its own.
        names: of the old and the new judge, for the sentences.
        values: what a headline is made of, by the old and the new judge.
        resamples: of the intervals.
        seed: of the resamples.

    Raises:
        UserError: the two have not judged one thing in common.
    """
    if not old.keys() & new.keys():
        raise UserError(
            f"{names[0]} and {names[1]} judged nothing in common ({len(old)} and {len(new)} "
            "verdicts); let both judge the same outputs."
        )
    draw = partial(with_interval, resamples=resamples, seed=seed)

    def offset(
        name: str, one: Mapping[Key, float], other: Mapping[Key, float], scaled: bool
    ) -> Offset:
        return _offset(name, one, other, (low, high) if scaled else None, clusters, names, draw)

    def column(scores: Scores, name: str) -> dict[Key, float]:
        return {k: s[name] for k, s in scores.items() if name in s}

    return Bridge(
        old=names[0],
        new=names[1],
        dimensions=tuple(offset(d, column(old, d), column(new, d), True) for d in dimensions),
        headline=None if values is None else offset("the headline", *values, False),
    )


def _offset(
    name: str,
    old: Mapping[Key, float],
    new: Mapping[Key, float],
    scale: tuple[int, int] | None,
    clusters: Mapping[str, Hashable],
    names: tuple[str, str],
    draw: Draw,
) -> Offset:
    keys = [k for k in old if k in new]
    labels = cluster_labels(keys, clusters)
    first, second = [old[k] for k in keys], [new[k] for k in keys]
    agreement = agreement_of(first, second, scale, partial(draw, clusters=labels))
    differences = [b - a for a, b in zip(first, second, strict=True)]
    sd = statistics.stdev(differences) if len(keys) > 1 else None
    mean = agreement.difference.value
    mdd = minimum_detectable_difference(differences, labels)
    return Offset(
        name=name,
        n=len(keys),
        only_old=len(old) - len(keys),
        only_new=len(new) - len(keys),
        agreement=agreement,
        sd=sd,
        limits=None if sd is None or mean is None else (mean - 1.96 * sd, mean + 1.96 * sd),
        mdd=mdd,
        verdict=_sentence(name, agreement.difference, mdd, *names),
    )


def _sentence(name: str, offset: Estimate, mdd: float | None, old: str, new: str) -> str:
    """What the offset says, for people."""
    value, low, high = offset.value, offset.low, offset.high
    if value is None or low is None or high is None or offset.clusters < MIN_CLUSTERS:
        return (
            f"Too few samples to tell: {offset.clusters} independent ones have {name} from both "
            f"judges, and {MIN_CLUSTERS} are needed."
        )
    # Means of a panel differ in their last bits when they were summed in another order.
    if low > 1e-9 or high < -1e-9:
        return (
            f"The scores of the two judges are not interchangeable: {new} gives "
            f"{abs(value):.3g} {'more' if value > 0 else 'less'} for {name} than {old}."
        )
    return f"No offset found in {name}; the smallest offset that this could find is {mdd:.3g}."
