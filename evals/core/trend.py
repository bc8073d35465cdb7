"""Runs of one training: which they are, and what changed from one to another, paired by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evals.core.anchored import exchange_p
from evals.core.columns import cluster_labels, read_columns, sample_ids
from evals.core.headline import Contest
from evals.core.paired import holm, paired_permutations
from evals.core.pairs import compare_all
from evals.core.stats import RESAMPLES, ClusterBootstrap, Floats
from evals.core.store import StoredRun
from evals.core.tracks import Entry, choose, rule_of
from evals.core.types import fingerprint

HEADLINE, TRACK = "headline", "track:"
"""Keys of what is no column: the headline, and ``track:<name>``."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A model as it was after so many updates.

    Attributes:
        name: of the training.
        step: updates made.
        settings: names all that two runs of one training have in common, steps aside.
    """

    name: str
    step: int
    settings: str


def step_of(run: StoredRun) -> Step | None:
    """Which step of which training a run is of; None for any other model.

    The model's description says it: ``training`` with ``name`` and ``step``.
    """
    described = run.manifest["model"].get("describe") or {}
    training: Any = described.get("training")
    if not isinstance(training, Mapping):
        return None
    name, step = training.get("name"), training.get("step")
    if not isinstance(name, str) or not isinstance(step, int) or isinstance(step, bool):
        return None
    common = {**described, "training": {**training, "step": None}}
    return Step(name=name, step=step, settings=fingerprint(common))


@dataclass(frozen=True, kw_only=True)
class Change:
    """What changed in one quantity from one run to another, over the samples of both.

    Attributes:
        difference: the later less the earlier, in the quantity's unit.
        low: lower end of its 95 % interval; None with fewer than two clusters.
        high: upper end.
        p: two-sided permutation p.
        adjusted: p after Holm over all quantities asked for.
        n: samples.
    """

    difference: float
    low: float | None
    high: float | None
    p: float
    adjusted: float
    n: int


def changes(
    earlier: StoredRun, later: StoredRun, keys: Sequence[str], *,
    floor: StoredRun | None = None, ceiling: StoredRun | None = None,
    resamples: int = RESAMPLES, seed: int = 0,
) -> dict[str, Change]:  # fmt: skip
    """Compare two comparable runs.

    Args:
        earlier: of the two.
        later: of the same planned samples.
        keys: `HEADLINE`, ``track:<name>``, or columns, which are read under the strict policy.
        floor: run of the anchor that scores 0, for headline and tracks.
        ceiling: run of the anchor that scores 1.
        resamples: of the bootstrap.
        seed: of bootstrap and permutations.

    Returns:
        By key; those without a value in both runs are left out.

    Raises:
        UserError: a stored score is not a finite number.
    """
    rule = rule_of(later)
    low, high = (None if r is None else Entry.read(r, rule) for r in (floor, ceiling))
    contest = Contest.of(rule, later, low, high, resamples=resamples, seed=seed)
    found: dict[str, Change] = {}
    if any(k == HEADLINE or k.startswith(TRACK) for k in keys):
        entries = Entry.read(later, rule), Entry.read(earlier, rule)
        found = {**_headline(contest, entries), **_tracks(contest, entries)}
    found.update(_columns(earlier, later, [k for k in keys if k not in found], contest))
    kept = {k: found[k] for k in keys if k in found}
    adjusted = holm([c.p for c in kept.values()])
    return {k: replace(c, adjusted=q) for (k, c), q in zip(kept.items(), adjusted, strict=True)}


def _headline(contest: Contest, entries: tuple[Entry, Entry]) -> dict[str, Change]:
    pair = compare_all(contest, entries, ("later", "earlier"), 1.0)[0]
    if pair.n == 0:
        return {}
    return {
        HEADLINE: Change(
            difference=pair.difference, low=pair.low, high=pair.high, p=pair.p, adjusted=pair.p,
            n=pair.n,
        )
    }  # fmt: skip


def _tracks(contest: Contest, entries: tuple[Entry, Entry]) -> dict[str, Change]:
    """Each anchored track alone, not clipped, as tables show it."""
    if not contest.rule.tracks or contest.floor is None or contest.ceiling is None:
        return {}
    found = {}
    for choice in choose(contest.rule, [*entries, contest.floor, contest.ceiling])[0]:
        made = contest.anchored(choice, entries)
        if made.count.sum() == 0:
            continue
        observed, drawn = made.total()
        _, count = contest.layout.bootstrap.sums(made.shares[:, :1])
        gaps = (drawn[:, 0] - drawn[:, 1])[:, None]
        ends = contest.layout.bootstrap.percentiles(gaps, count)
        difference = float(observed[0] - observed[1])
        p = exchange_p([made.shares], contest.layout, clip=False)
        known = int((count > 0).sum()) > 1
        found[TRACK + choice.name] = Change(
            difference=difference, p=p, adjusted=p, n=int(np.isfinite(made.shares[:, 0]).sum()),
            low=min(float(ends[0][0]), difference) if known else None,
            high=max(float(ends[1][0]), difference) if known else None,
        )  # fmt: skip
    return found


def _columns(
    earlier: StoredRun, later: StoredRun, names: Sequence[str], contest: Contest
) -> dict[str, Change]:
    new, old = (read_columns(r, names, profile="strict") for r in (later, earlier))
    names = [n for n in names if n in new and n in old]
    if not names:
        return {}
    at = {name: i for i, name in enumerate(sample_ids(earlier))}
    rows = [at[i] for i in contest.ids]
    gaps: Floats = np.column_stack(
        [new[n].values - old[n].values[rows] for n in names]
    )  # fmt: skip
    clusters = cluster_labels(later.samples)
    bootstrap: ClusterBootstrap = contest.layout.bootstrap
    p = paired_permutations(gaps, clusters, seed=contest.layout.seed)
    return {
        name: Change(
            difference=interval.mean, low=interval.low, high=interval.high, p=float(own),
            adjusted=float(own), n=interval.n,
        )
        for name, interval, own in zip(names, bootstrap.intervals(gaps), p, strict=True)
        if interval.mean is not None
    }  # fmt: skip
