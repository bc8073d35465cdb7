"""Variants: their intervals, the headline that is one, ranks and comparisons."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from evals.core.aggregation import Headline
from evals.core.errors import UserError
from evals.core.headline import headline
from evals.core.leaderboard import leaderboard
from evals.core.paired import cluster_exchange_p, swaps
from evals.core.readings import variant_cells
from evals.core.resample import Resamples
from evals.core.stats import ClusterBootstrap
from evals.core.store import plain
from evals.core.summary import frame_of, summarise
from tests.variant_kit import GROUPS, VALUES, A, B, C, cells, term, variant
from tests.variant_runs import MISSING, memory_run

# --- intervals --------------------------------------------------------------------------------


def many_groups(rng, n=120):
    groups = [(("X", "Y")[i % 2], "abcd"[i % 4]) for i in range(n)]
    clusters = [f"c{i // 3}" for i in range(n)]
    return groups, clusters, rng.uniform(size=n)


def test_intervals_agree_with_a_bootstrap_by_hand():
    rng = np.random.default_rng(5)
    groups, clusters, q = many_groups(rng)
    made = variant(term(levels=(2, 1), scale=100, offset=-1, clip=(0, 60)), range=(0, 100))
    run = memory_run(groups, {"m.q": q.tolist()}, variants=[made], clusters=clusters)
    frame = frame_of(run, resamples=400)
    got = variant_cells(run, frame)["=v", ()]
    bootstrap = frame.layout.bootstrap
    unit = bootstrap.unit
    draws = []
    for weight in bootstrap.weights:
        w = weight[unit]
        leaf = {}
        for path in dict.fromkeys(groups):
            here = np.array([g == path for g in groups])
            mean = (w * q * here).sum() / (w * here).sum()
            leaf[path] = min(max(100 * mean - 1, 0), 60)
        tops = [np.mean([v for p, v in leaf.items() if p[0] == t]) for t in ("X", "Y")]
        draws.append(np.mean(tops))
    count = np.bincount(unit)[:, None].astype(float)
    low, high = bootstrap.percentiles(np.array(draws)[:, None], count)
    assert (got.low, got.high) == pytest.approx((low[0], high[0]), abs=1e-9)


def test_a_plain_mean_has_the_interval_of_its_column():
    rng = np.random.default_rng(6)
    groups, clusters, q = many_groups(rng)
    got = cells(variant(term()), groups=groups, clusters=clusters, values=q.tolist())
    for group in [(), ("X",), ("X", "a")]:
        one, other = got["=v", group], got["m.q", group]
        assert (one.mean, one.low, one.high, one.n) == pytest.approx(
            (other.mean, other.low, other.high, other.n), abs=1e-12
        )


def test_a_group_lost_in_a_resample_skips_it():
    groups = [A, A, A, A, B, B]
    got = cells(variant(term(levels=(2,), total=True)), groups=groups, values=[0, 1, 0, 1, 1, 1])
    whole = got["=v", ()]
    # B has two clusters: a resample holds one of them, with weight 2, so it is never lost.
    assert whole.low >= 1.0 - 1e-12
    alone = cells(variant(term(levels=(2,))), groups=[A, B, C], values=[0.1, 0.2, 0.3])["=v", ()]
    assert (alone.low, alone.high) == (None, None)
    assert "no interval" in alone.note


def test_one_cluster_has_no_interval():
    got = cells(variant(term()), clusters=["one"] * 6)["=v", ()]
    assert got.mean is not None
    assert got.low is None


def test_the_normal_limit_is_the_bootstrap_of_large_strata():
    rng = np.random.default_rng(8)
    n = 3000
    top = rng.uniform(size=(n, 2)) ** 2
    top[:, 1] += 0.7 * top[:, 0]
    bootstrap = ClusterBootstrap(range(n), [i % 2 for i in range(n)], resamples=2000, seed=1)
    unit, place = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    values = np.concatenate([top, top**2])
    exact = Resamples(bootstrap, many=n).sums(unit, place, 2, values).reshape(2000, 4)
    limit = Resamples(bootstrap, many=100).sums(unit, place, 2, values).reshape(2000, 4)
    sums = np.concatenate([top.sum(0), (top**2).sum(0)])
    # exactly the bootstrap's mean and covariance, up to the noise of 2,000 draws
    error = exact.std(axis=0) / math.sqrt(2000)
    assert (np.abs(limit.mean(axis=0) - sums) < 5 * error).all()
    spread = np.cov(exact.T) / np.outer(exact.std(axis=0), exact.std(axis=0))
    assert np.cov(limit.T) / np.outer(exact.std(axis=0), exact.std(axis=0)) == pytest.approx(
        spread, abs=0.12
    )
    ends = [np.percentile(s, [2.5, 97.5], axis=0) for s in (exact, limit)]
    assert (np.abs(ends[0] - ends[1]) < 0.25 * exact.std(axis=0)).all()


def test_the_normal_limit_is_not_taken_for_rare_events():
    n = 3000
    rare = np.zeros((n, 1))
    rare[:5] = 1.0
    bootstrap = ClusterBootstrap(range(n), resamples=500, seed=1)
    drawn = Resamples(bootstrap, many=100).sums(np.arange(n), np.zeros(n, dtype=int), 1, rare)
    counts = drawn / (n / (n - 1))
    assert np.allclose(counts, np.round(counts))
    assert drawn.min() >= 0.0


def test_an_interval_over_large_strata_is_that_of_the_column():
    rng = np.random.default_rng(9)
    n = 5000
    groups = [("ab"[i % 2],) for i in range(n)]
    got = cells(variant(term()), groups=groups, values=rng.uniform(size=n).tolist())
    one, other = got["=v", ()], got["m.q", ()]
    width = other.high - other.low
    assert one.mean == pytest.approx(other.mean, abs=1e-12)
    assert abs(one.low - other.low) < 0.1 * width
    assert abs(one.high - other.high) < 0.1 * width


def test_equal_arguments_give_equal_cells():
    run = memory_run(GROUPS, {"m.q": VALUES}, variants=[variant(term(levels=(2,)))])
    first, second = (summarise(run, resamples=200, seed=3).cells for _ in range(2))
    assert first == second


# --- headline ---------------------------------------------------------------------------------

MACRO = variant(term(levels=(1,)), name="macro", profile="strict", unit="%", range=(0, 100))
RULE = Headline(name="Toy score", variant="macro")


def toy(model, values, **more):
    groups = [(("X", "Y")[i % 2],) for i in range(len(values))]
    return memory_run(
        groups, {"m.q": list(values)}, variants=[MACRO], headline=RULE, model=model, **more
    )


def test_a_headline_that_is_a_variant():
    run = toy("m", [1.0, 0.0, 0.5, 0.25], faults={2: MISSING})
    got = headline(run, None, None)
    cell = summarise(run).cells["=macro", ()]
    assert got.value == pytest.approx((0.5 + 0.125) / 2)
    assert (got.value, got.low, got.high) == (cell.mean, cell.low, cell.high)
    assert (got.n, got.planned, got.waiting, got.complete) == (4, 4, 0, True)
    assert got.by_group["X",].value == 0.5
    assert got.columns == (("macro", ("m.q",)),)
    assert got.plain


def test_a_headline_without_a_value_says_why():
    got = headline(toy("m", [1.0, 0.0], absent=["m"]), None, None)
    assert got.value is None
    assert "no judge endpoint is configured" in got.reason
    waiting = headline(toy("m", [1.0, 0.0, 1.0, 1.0], unpredicted=[0]), None, None)
    assert (waiting.waiting, waiting.n, waiting.planned) == (1, 3, 4)


def test_ranks_by_a_variant():
    rng = np.random.default_rng(1)
    hard = rng.uniform(size=200)
    runs = [toy(n, np.clip(hard * s, 0, 1)) for n, s in (("low", 0.4), ("high", 0.9), ("mid", 0.7))]
    board = leaderboard(runs).boards[0]
    assert [(r.model, r.rank) for r in board.rows] == [("high", 1), ("mid", 2), ("low", 3)]
    assert board.name == "Toy score"
    for pair in board.pairs:
        values = {r.model: r.headline.value for r in board.rows}
        assert pair.difference == pytest.approx(values[pair.a] - values[pair.b])
        assert pair.low <= pair.difference <= pair.high
        assert pair.mdd > 0
        assert pair.n == 200
    twins = leaderboard([toy("a", hard), toy("b", hard[::-1])]).boards[0]
    assert [r.rank for r in twins.rows] == [1, 1]


def test_lower_is_better_turns_the_board():
    lower = variant(term(), name="macro", direction="lower")
    runs = [
        memory_run(GROUPS * 5, {"m.q": (np.array(VALUES * 5) * s).tolist()}, model=n,
                   variants=[lower], headline=RULE)
        for n, s in (("bad", 1.0), ("good", 0.5))
    ]  # fmt: skip
    board = leaderboard(runs).boards[0]
    assert board.direction == "lower"
    assert [(r.model, r.rank) for r in board.rows] == [("good", 1), ("bad", 2)]
    assert board.pairs[0].verdict == "better"


def test_a_board_by_a_named_variant():
    runs = [toy("a", [0.1, 0.9] * 4), toy("b", [0.2, 0.3] * 4)]
    board = leaderboard(runs, column="=macro").boards[0]
    assert [r.headline.value for r in board.rows] == pytest.approx([0.5, 0.25])
    with pytest.raises(UserError, match="no variant of toy 'makro'"):
        leaderboard(runs, column="=makro")


def test_pairs_rest_on_the_samples_that_both_have():
    values = np.linspace(0, 1, 12)
    one = toy("a", values, unpredicted=[0])
    two = toy("b", values[::-1], unpredicted=[11, 3])
    pair = leaderboard([one, two], column="=macro").boards[0]
    assert pair.pairs == ()  # too much is open to rank them
    done = [toy("a", [*values, *[0.5] * 600], unscored={"m": [0]}),
            toy("b", [*values[::-1], *[0.5] * 600], unscored={"m": [11, 3]})]  # fmt: skip
    found = leaderboard(done).boards[0].pairs[0]
    assert found.n == 609
    keep = [i for i in range(612) if i not in {0, 3, 11}]
    full = [[*values, *[0.5] * 600], [*values[::-1], *[0.5] * 600]]
    ends = [
        np.mean([np.mean([v[i] for i in keep if i % 2 == side]) for side in (0, 1)]) for v in full
    ]
    assert abs(found.difference) == pytest.approx(abs(ends[0] - ends[1]))


def test_runs_with_samples_in_another_order_are_put_in_order():
    run, other = toy("a", [0.1, 0.9, 0.3, 0.4]), toy("b", [0.2, 0.3, 0.9, 1.0])
    turned = dataclasses.replace(other, samples=other.samples[::-1])
    one, two = (leaderboard([run, o]).boards[0] for o in (other, turned))
    assert one.pairs == two.pairs
    assert [r.headline for r in one.rows] == [r.headline for r in two.rows]


def test_a_variant_made_otherwise_is_another_board():
    run = toy("a", [0.1, 0.9, 0.3, 0.4])
    changed = variant(term(), name="macro", profile="strict")
    other = toy("b", [0.1, 0.9, 0.3, 0.4], manifest={"variants": plain([changed])})
    found = leaderboard([run, other])
    assert len(found.boards) == 2
    assert any("the variant macro is made otherwise" in s for s in found.separations)


def test_exchange_by_brute_force():
    rng = np.random.default_rng(3)
    a, b = (np.column_stack([rng.uniform(size=6), np.ones(6)]) for _ in range(2))

    def ratio(sums):
        return (sums[..., 0] / sums[..., 1]) ** 2

    patterns = list(itertools.product([0, 1], repeat=6))
    gaps = []
    for pattern in patterns:
        swap = np.array(pattern, dtype=bool)[:, None]
        ends = [ratio(np.where(swap, y, x).sum(axis=0)) for x, y in ((a, b), (b, a))]
        gaps.append(abs(ends[0] - ends[1]))
    expected = np.mean([g >= gaps[0] - 1e-12 for g in gaps])
    assert cluster_exchange_p(a, b, ratio) == pytest.approx(expected)


@pytest.mark.parametrize(("differing", "p"), [(0, 1.0), (1, 1.0), (2, 0.5)])
def test_few_clusters_that_differ_have_few_exchanges(differing, p):
    a = np.column_stack([np.ones(9), np.ones(9)])
    b = a.copy()
    b[:differing, 0] = 0.0

    def mean(sums):
        return sums[..., 0] / sums[..., 1]

    assert cluster_exchange_p(a, b, mean) == p


def test_p_is_uniform_where_there_is_no_difference():
    rng = np.random.default_rng(11)
    found = []
    for _ in range(120):
        base = rng.uniform(size=60)
        runs = [toy(n, np.clip(base + rng.normal(0, 0.2, 60), 0, 1)) for n in "ab"]
        found.append(leaderboard(runs, resamples=100).boards[0].pairs[0].p)
    for level in (0.1, 0.25, 0.5, 0.75):
        share = np.mean(np.array(found) <= level)
        assert abs(share - level) < 3.5 * math.sqrt(level * (1 - level) / len(found))


def test_exchanges_of_very_many_clusters_are_drawn_from_their_limit():
    rng = np.random.default_rng(12)
    n = 4000
    a = np.column_stack([rng.uniform(size=n), np.ones(n)])
    b = np.column_stack([np.clip(a[:, 0] + rng.normal(0.006, 0.25, n), 0, 1), np.ones(n)])

    def mean(sums):
        return sums[..., 0] / sums[..., 1]

    exact, limit = (cluster_exchange_p(a, b, mean, many=m) for m in (None, 1000))
    assert 0.001 < exact < 0.6
    assert limit == pytest.approx(exact, abs=4 * math.sqrt(exact / 10_000) + 0.002)
    assert swaps(3)[1]  # small ones are still enumerated
    few = cluster_exchange_p(a[:5], b[:5], mean, many=2)
    assert few == cluster_exchange_p(a[:5], b[:5], mean)
