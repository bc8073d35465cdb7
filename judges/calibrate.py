"""A judge beside people.

Two scores are compared per unit (model, sample, trial). What counts categories (exact agreement,
within one, kappa, alpha, confusion) rounds scores half up to the scale, since a panel or the median
of two raters can lie between; bias and rank correlation take scores as they are.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from evals.core.errors import UserError, unknown
from evals.core.stats import RESAMPLES
from judges.agreement import (
    Estimate,
    agreement_within,
    exact_agreement,
    krippendorff_alpha,
    mean_difference,
    spearman,
    weighted_kappa,
    with_interval,
)
from judges.labels import Labels

Key = tuple[str, str, int]
"""What was judged: model, sample, trial."""
Scores = Mapping[Key, Mapping[str, float]]
"""Dimension -> score of everything that was judged."""

Draw = Callable[..., Estimate]
"""`with_interval` with its resamples and seed."""

LISTED = 5
"""How many labels without a verdict are named."""


# --- a judge beside people ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Two scorers on the same units; the second is the judge in question.

    Attributes:
        difference: mean of the second less the first.
        exact: share of equal scores.
        spearman: rank correlation.
        within_one: share of scores at most one apart; None for values without a scale.
        kappa: quadratic weighted kappa; None for values without a scale.
        alpha: Krippendorff's ordinal alpha; None for values without a scale.
    """

    difference: Estimate
    exact: Estimate
    spearman: Estimate
    within_one: Estimate | None = None
    kappa: Estimate | None = None
    alpha: Estimate | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DimensionCalibration:
    """A judge beside people in one dimension.

    Attributes:
        name: of the dimension.
        labelled: units with a label.
        judged: of these, units with a verdict.
        agreement: of the judge with the people (with the median of the raters).
        confusion: units by score, rows the people's and columns the judge's, both from `low` on.
        raters: how many people gave labels.
        human_alpha: Krippendorff's ordinal alpha among the raters, over all labelled units; None
            with one rater. It is a ceiling for `agreement.alpha` in that nobody can agree with
            people more than the truth lets people agree; since a median of raters is steadier than
            one rater, a good judge can come out a little above.
    """

    name: str
    labelled: int
    judged: int
    agreement: Agreement
    confusion: tuple[tuple[int, ...], ...]
    raters: int
    human_alpha: Estimate | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """A judge beside people.

    Attributes:
        low: lowest score.
        high: highest score.
        dimensions: in the order asked for.
        labels: single scores of people.
        unjudged: of these, those for which there is no verdict.
        unjudged_keys: the first few units of these.
        blank: rows of the file without a score.
    """

    low: int
    high: int
    dimensions: tuple[DimensionCalibration, ...]
    labels: int
    unjudged: int
    unjudged_keys: tuple[Key, ...]
    blank: int


def calibrate(
    labels: Labels,
    verdicts: Scores,
    dimensions: Sequence[str],
    low: int,
    high: int,
    clusters: Mapping[str, Hashable],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """Compare a judge's scores with people's.

    Args:
        labels: of people; a model or trial that they leave open is the only one there is.
        verdicts: of the judge, where it gave one.
        dimensions: to compare.
        low: lowest score.
        high: highest score.
        clusters: sample -> label of its cluster; a sample that is not named is its own.
        resamples: of the intervals.
        seed: of the resamples.

    Raises:
        UserError: no label has a verdict, or it is open which verdict a label belongs to.
    """
    by_dimension = _by_dimension(labels, verdicts, dimensions)
    open_ = [
        key
        for name, units in by_dimension.items()
        for key, scores in units.items()
        for _ in scores
        if name not in verdicts.get(key, {})
    ]
    if not labels.rows:
        raise UserError("There is no label to compare the judge with; label some outputs first.")
    if len(open_) == len(labels.rows):
        example = next(iter(verdicts), None)
        judged = f"one of {example[1]!r} ({example[0]})" if example else "none at all"
        first = labels.rows[0]
        raise UserError(
            f"No label has a verdict: {first.place} is for sample {first.sample!r}"
            f"{f' of {first.model}' if first.model else ''}, and among the verdicts is {judged}; "
            "compare the names of samples and models."
        )
    draw = partial(with_interval, resamples=resamples, seed=seed)
    return Calibration(
        low=low,
        high=high,
        dimensions=tuple(
            _dimension(name, units, verdicts, (low, high), clusters, draw)
            for name, units in by_dimension.items()
        ),
        labels=len(labels.rows),
        unjudged=len(open_),
        unjudged_keys=tuple(dict.fromkeys(open_))[:LISTED],
        blank=labels.blank,
    )


def _by_dimension(
    labels: Labels, verdicts: Scores, dimensions: Sequence[str]
) -> dict[str, dict[Key, dict[str, float]]]:
    """Dimension -> unit -> rater -> score."""
    models = sorted({k[0] for k in verdicts})
    trials = sorted({k[2] for k in verdicts})
    out: dict[str, dict[Key, dict[str, float]]] = {d: {} for d in dimensions}
    for label in labels.rows:
        for column, given, known in (
            ("model", label.model, models), ("trial", label.trial, trials),
        ):  # fmt: skip
            if given in ("", None) and len(known) > 1:
                raise UserError(
                    f"{label.place} names no {column}, but there are verdicts of several "
                    f"({', '.join(map(str, known[:LISTED]))}); add a column {column}."
                )
        if label.dimension not in out:
            raise unknown("dimension", label.dimension, dimensions)
        trial = label.trial if label.trial is not None else (trials or [0])[0]
        key = (label.model or (models or [""])[0], label.sample, trial)
        scores = out[label.dimension].setdefault(key, {})
        if label.rater in scores:
            raise UserError(
                f"{label.place} is a second {label.dimension} of sample {label.sample!r} by one "
                "rater, since model or trial is left open in one of them; name it in both."
            )
        scores[label.rater] = label.score
    return out


def _dimension(
    name: str,
    units: Mapping[Key, Mapping[str, float]],
    verdicts: Scores,
    scale: tuple[int, int],
    clusters: Mapping[str, Hashable],
    draw: Draw,
) -> DimensionCalibration:
    both = [k for k in units if name in verdicts.get(k, {})]
    human = [statistics.median(units[k].values()) for k in both]
    judge = [verdicts[k][name] for k in both]
    agreement = agreement_of(
        human, judge, scale, partial(draw, clusters=cluster_labels(both, clusters))
    )
    low, high = scale
    confusion = [[0] * (high - low + 1) for _ in range(low, high + 1)]
    for h, j in zip(human, judge, strict=True):
        confusion[rounded(h) - low][rounded(j) - low] += 1
    raters = sorted({r for scores in units.values() for r in scores})
    ceiling = None
    if len(raters) > 1:
        table = [[scores.get(r) for scores in units.values()] for r in raters]
        ceiling = draw(krippendorff_alpha, table, clusters=cluster_labels(list(units), clusters))
    return DimensionCalibration(
        name=name,
        labelled=len(units),
        judged=len(both),
        agreement=agreement,
        confusion=tuple(map(tuple, confusion)),
        raters=len(raters),
        human_alpha=ceiling,
    )


def rounded(score: float) -> int:
    """The whole score next to a score, half up.

    >>> [rounded(s) for s in (2.4, 2.5, 3.5)]
    [2, 3, 4]
    """
    return math.floor(score + 0.5)


def cluster_labels(keys: Sequence[Key], clusters: Mapping[str, Hashable]) -> list[Hashable]:
    """Cluster of each unit; a sample that is in no cluster is its own."""
    return [clusters.get(sample, ("sample", sample)) for _, sample, _ in keys]


def agreement_of(
    first: Sequence[float],
    second: Sequence[float],
    scale: tuple[int, int] | None,
    draw: Draw,
) -> Agreement:
    """Everything that two lists of scores say of each other; fewer numbers without a scale."""
    difference, ranks = draw(mean_difference, first, second), draw(spearman, first, second)
    if scale is None:
        exact = draw(exact_agreement, first, second)
        return Agreement(difference=difference, exact=exact, spearman=ranks)
    a, b = [rounded(s) for s in first], [rounded(s) for s in second]
    return Agreement(
        difference=difference,
        exact=draw(exact_agreement, a, b),
        spearman=ranks,
        within_one=draw(agreement_within, a, b),
        kappa=draw(weighted_kappa, a, b, low=scale[0], high=scale[1]),
        alpha=draw(krippendorff_alpha, [a, b]),
    )
