"""Variants with intervals for a board of 25 models, against one bootstrap of indices per model."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from evals.core.aggregation import Headline, Term, Variant
from evals.core.headline import Contest, HeadlineValue, evaluate
from evals.core.pairs import compare_all
from evals.core.store import StoredRun
from evals.core.tracks import Entry, rule_of
from tests.variant_runs import memory_run

MODELS, SAMPLES, GROUPS, RESAMPLES = 25, 40_000, 4, 2_000
NAIVE = 3
"""Models that the naive way is timed on; its time is the same for each."""
RANKED = 5
"""Models whose pairs are timed."""


def boards() -> list[StoredRun]:
    """Runs as the reader gives them: one score a sample, each its own cluster."""
    rng = np.random.default_rng(0)
    hard = rng.uniform(size=SAMPLES)
    groups = [(f"group {i % GROUPS}",) for i in range(SAMPLES)]
    macro = Variant(
        name="macro", title="Mean of groups", doc="Mean of the groups' means.", profile="strict",
        terms=(Term(column="answer.correct", levels=(1,)),),
    )  # fmt: skip
    runs = []
    for k in range(MODELS):
        right = (rng.uniform(size=SAMPLES) < 0.9 * hard + 0.003 * k).astype(float).tolist()
        run = memory_run(
            groups, {"answer.correct": right}, variants=[macro], model=f"model {k}",
            headline=Headline(name="macro", variant="macro"),
        )  # fmt: skip
        # Equal predictions once, or the objects of this bench would fill the memory.
        runs.append(dataclasses.replace(run, predictions=(runs or [run])[0].predictions))
    return runs


def ours(runs: Sequence[StoredRun]) -> tuple[Contest, list[Entry], list[HeadlineValue]]:
    """All values with intervals, for the board and each group."""
    rule = rule_of(runs[0])
    contest = Contest.of(rule, runs[0], None, None, resamples=RESAMPLES)
    entries = [Entry.read(r, rule) for r in runs]
    return contest, entries, [evaluate(contest, e) for e in entries]


def naive(run: StoredRun) -> tuple[float, float, float]:
    """Value and interval of the whole board: samples drawn anew from each group, 2,000 times."""
    by_group: dict[str, list[float]] = {}
    for sample in run.samples:
        score = run.scores[sample["id"], 0, "answer"]
        by_group.setdefault(sample["group"][0], []).append(float(score.parts["correct"] or 0.0))
    values = [np.array(v) for v in by_group.values()]
    rng = np.random.default_rng(0)
    drawn = [
        np.mean([v[rng.integers(len(v), size=len(v))].mean() for v in values])
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(np.mean([v.mean() for v in values])), float(low), float(high)


def measure() -> list[dict[str, str]]:
    """The board's values, and what each paired comparison adds."""
    runs = boards()
    begin = time.perf_counter()
    reference = [naive(r) for r in runs[:NAIVE]]
    slow = (time.perf_counter() - begin) / NAIVE * MODELS
    begin = time.perf_counter()
    contest, entries, values = ours(runs)
    fast = time.perf_counter() - begin
    for value, (mean, low, high) in zip(values, reference, strict=False):
        assert value.value is not None
        assert value.low is not None
        assert value.high is not None
        assert abs(value.value - mean) < 1e-9
        # Both are draws: their ends differ by chance, and must not by more.
        assert max(abs(value.low - low), abs(value.high - high)) < 0.15 * (high - low)
    begin = time.perf_counter()
    pairs = compare_all(contest, entries[:RANKED], [r.model for r in runs[:RANKED]], 1.0)
    each = (time.perf_counter() - begin) / len(pairs)
    what = f"{MODELS} models x {SAMPLES:,} scores"
    return [
        {"what": f"variant with intervals, {what} (naive: {NAIVE} models timed)",
         "naive": f"{slow:.1f} s", "ours": f"{fast:.2f} s", "ratio": f"{slow / fast:.0f}",
         "aim": "under 2 s"},
        {"what": f"each paired comparison of two of them, {SAMPLES:,} samples",
         "naive": "-", "ours": f"{1000 * each:.0f} ms", "ratio": "-", "aim": "-"},
    ]  # fmt: skip
