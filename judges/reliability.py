"""How far the judges of a run can be trusted: repeats, agreement, failures, cost."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evals.core.columns import cluster_labels
from evals.core.store import StoredRun
from judges.agreement import (
    Estimate,
    krippendorff_alpha,
    mean_difference,
    spearman,
    weighted_kappa,
    with_interval,
)
from judges.calibrate import rounded
from judges.noise import JudgeShare, judge_share, within_sd
from judges.stored import StoredVerdict, judge_metric, stored_verdicts

Unit = tuple[str, int]
"""(sample, trial)."""


@dataclass(frozen=True, kw_only=True)
class JudgeFacts:
    """One judge of a run.

    Attributes:
        name: as configured.
        served: model as served -> verdicts.
        verdicts: asked for.
        statuses: status -> verdicts.
        within_sd: dimension -> standard deviation of repeats of one question; empty without.
    """

    name: str
    served: Mapping[str, int]
    verdicts: int
    statuses: Mapping[str, int]
    within_sd: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class PairFacts:
    """Two judges in one dimension."""

    a: str
    b: str
    kappa: Estimate
    spearman: Estimate


@dataclass(frozen=True, kw_only=True)
class DimensionFacts:
    """One dimension, or the headline.

    Attributes:
        name: of the dimension.
        alpha: Krippendorff's ordinal alpha between the judges; None with one judge.
        pairs: every two judges.
        share: how much of the variance of the run's mean is the judges' noise; by their repeats.
    """

    name: str
    alpha: Estimate | None
    pairs: tuple[PairFacts, ...]
    share: JudgeShare


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """See the module.

    Attributes:
        model: whose outputs were judged.
        metric: of the judge.
        judges: who judged.
        dimensions: in the rubric's order, the headline last.
        dollars: of all calls; None when one has no known price.
        calls: made for this run, failed tries included.
    """

    model: str
    metric: str
    judges: tuple[JudgeFacts, ...]
    dimensions: tuple[DimensionFacts, ...]
    dollars: float | None
    calls: int


def reliability(
    run: StoredRun,
    scale: tuple[int, int],
    *,
    metric: str = "",
    headline: Callable[[Mapping[str, float]], float] | None = None,
) -> Reliability:
    """Facts about the judges of a run.

    Args:
        run: that was judged.
        scale: lowest and highest score.
        metric: of the judge; the run's own by default.
        headline: scores of one verdict -> its headline; None leaves the headline out.

    Raises:
        UserError: the run was not judged.
    """
    name = judge_metric(run, metric)
    verdicts = stored_verdicts(run, name)
    order = {str(s["id"]): i for i, s in enumerate(run.samples)}
    labels = cluster_labels(run.samples)
    clusters = {sample: labels[i] for sample, i in order.items()}
    good = [v for v in verdicts if v.status == "ok"]
    dimensions = list(dict.fromkeys(d for v in good for d in v.scores))
    made = [
        _dimension(d, {id(v): float(v.scores[d]) for v in good if d in v.scores}, good, clusters,
                   scale)
        for d in dimensions
    ]  # fmt: skip
    if headline is not None and good:
        values = {id(v): headline(v.scores) for v in good}
        made.append(_dimension("headline", values, good, clusters, None))
    costs, calls = _costs(run, name)
    return Reliability(
        model=run.model, metric=name, judges=tuple(_judges(verdicts, dimensions)),
        dimensions=tuple(made), dollars=costs, calls=calls,
    )  # fmt: skip


def _judges(verdicts: Sequence[StoredVerdict], dimensions: Sequence[str]) -> list[JudgeFacts]:
    by_key: dict[str, list[StoredVerdict]] = {}
    for v in verdicts:
        by_key.setdefault(v.key, []).append(v)
    facts = []
    for own in by_key.values():
        spread = {}
        for dimension in dimensions:
            sd = within_sd(list(_repeats(own, {id(v): v.scores.get(dimension) for v in own})))
            if sd is not None:
                spread[dimension] = sd
        facts.append(
            JudgeFacts(
                name=own[0].judge,
                served=dict(Counter(v.served for v in own if v.served)),
                verdicts=len(own),
                statuses=dict(Counter(v.status for v in own)),
                within_sd=spread,
            )
        )
    return facts


def _repeats(
    verdicts: Sequence[StoredVerdict], values: Mapping[int, float | None]
) -> list[list[float]]:
    """Per question, the values of its repeats."""
    units: dict[tuple[str, int, str], list[float]] = {}
    for v in verdicts:
        value = values.get(id(v))
        if value is not None:
            units.setdefault((v.sample, v.trial, v.key), []).append(float(value))
    return list(units.values())


def _dimension(
    name: str, values: Mapping[int, float], verdicts: Sequence[StoredVerdict],
    clusters: Mapping[str, str], scale: tuple[int, int] | None,
) -> DimensionFacts:  # fmt: skip
    """Agreement between judges over the means of their repeats, and what repeats say of noise."""
    by_judge: dict[str, dict[Unit, float]] = {}
    units: dict[str, dict[Unit, list[float]]] = {}
    names: dict[str, str] = {}
    for v in verdicts:
        if id(v) in values:
            names[v.key] = v.judge
            own = units.setdefault(v.key, {})
            own.setdefault((v.sample, v.trial), []).append(values[id(v)])
    for key, own in units.items():
        by_judge[key] = {u: statistics.fmean(x) for u, x in own.items()}
    pairs = []
    if scale is not None:
        pairs = [
            _pair(names[a], names[b], by_judge[a], by_judge[b], clusters, scale)
            for a, b in itertools.combinations(by_judge, 2)
        ]
    return DimensionFacts(
        name=name,
        alpha=_alpha(list(by_judge.values()), clusters) if len(by_judge) > 1 else None,
        pairs=tuple(pairs),
        share=_share(units, clusters),
    )


def _pair(
    a: str, b: str, one: Mapping[Unit, float], two: Mapping[Unit, float],
    clusters: Mapping[str, str], scale: tuple[int, int],
) -> PairFacts:  # fmt: skip
    shared = [u for u in one if u in two]
    labels = [clusters[s] for s, _ in shared]
    first, second = [one[u] for u in shared], [two[u] for u in shared]
    whole = [[float(rounded(x)) for x in column] for column in (first, second)]
    return PairFacts(
        a=a,
        b=b,
        kappa=with_interval(weighted_kappa, *whole, clusters=labels, low=scale[0], high=scale[1]),
        spearman=with_interval(spearman, first, second, clusters=labels),
    )


def _alpha(judges: Sequence[Mapping[Unit, float]], clusters: Mapping[str, str]) -> Estimate:
    units = list(dict.fromkeys(u for j in judges for u in j))
    ratings = [[j.get(u) for u in units] for j in judges]
    return with_interval(krippendorff_alpha, ratings, clusters=[clusters[s] for s, _ in units])


def _share(
    units: Mapping[str, Mapping[Unit, Sequence[float]]], clusters: Mapping[str, str]
) -> JudgeShare:
    """Of the mean over units of all judges' repeats together."""
    joined: dict[Unit, list[float]] = {}
    for own in units.values():
        for unit, repeats in own.items():
            joined.setdefault(unit, []).extend(repeats)
    means = [statistics.fmean(r) for r in joined.values()]
    labels = [clusters[s] for s, _ in joined]
    estimate = with_interval(mean_difference, [0.0] * len(means), means, clusters=labels)
    error = None
    if estimate.low is not None and estimate.high is not None:
        error = (estimate.high - estimate.low) / (2 * 1.96)
    return judge_share(list(joined.values()), error)


def _costs(run: StoredRun, metric: str) -> tuple[float | None, int]:
    """Dollars and calls of all attempts behind a metric, each call once."""
    seen: dict[tuple[object, ...], float | None] = {}
    for row in run.verdicts():
        if row["metric"] == metric:
            key = (row["judge"], row["request"], row["number"], row["time"])
            answered = row["status"] == "answered" or row.get("usage")
            seen[key] = row["cost"] if answered else 0.0
    known = [c for c in seen.values() if c is not None]
    return (sum(known) if len(known) == len(seen) else None), len(seen)
