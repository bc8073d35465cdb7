"""Intervals against scipy, hand computation and simulation."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from evals.core.stats import ClusterBootstrap, as_column, codes, mean_ci


def test_agrees_with_scipy_on_many_independent_samples():
    rng = np.random.default_rng(1)
    values = rng.beta(2, 5, 800)
    ours = mean_ci(values.tolist(), resamples=4000)
    theirs = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.mean == pytest.approx(values.mean(), abs=1e-12)
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_equals_a_plain_loop_over_the_same_draws():
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 12, 40).tolist()
    strata = [c % 3 for c in clusters]
    values = rng.normal(size=40)
    values[[3, 7]] = math.nan
    bootstrap = ClusterBootstrap(clusters, strata, resamples=200, seed=5)
    means = bootstrap.means(*bootstrap.sums(values[:, None]))[:, 0]
    for r in range(0, 200, 17):
        top = bottom = 0.0
        for i, value in enumerate(values):
            if not math.isnan(value):
                weight = bootstrap.weights[r, bootstrap.unit[i]]
                top, bottom = top + weight * value, bottom + weight
        assert means[r] == pytest.approx(top / bottom, abs=1e-12)


def test_each_resample_draws_one_cluster_less_than_each_stratum_has():
    strata = ["a"] * 5 + ["b"] * 2
    bootstrap = ClusterBootstrap(list(range(7)), strata, resamples=300)
    a, b = bootstrap.weights[:, :5], bootstrap.weights[:, 5:]
    assert np.allclose(a.sum(axis=1), 5)
    assert np.allclose(b.sum(axis=1), 2)
    assert np.allclose(np.unique(a / (5 / 4) % 1), 0)
    assert set(np.unique(b)) == {0.0, 2.0}


def test_variance_of_resampled_means_is_the_stratified_one():
    # 18 strata of two samples: the plain bootstrap would give half of this variance.
    rng = np.random.default_rng(7)
    values = rng.normal(size=36)
    strata = np.repeat(np.arange(18), 2)
    bootstrap = ClusterBootstrap(list(range(36)), strata.tolist(), resamples=20_000)
    drawn = bootstrap.means(*bootstrap.sums(values[:, None]))[:, 0]
    truth = sum(np.var(values[strata == s], ddof=1) / 2 * (2 / 36) ** 2 for s in range(18))
    assert drawn.var() == pytest.approx(truth, rel=0.05)


def test_singleton_strata_are_pooled_and_a_lone_one_joins_the_smallest():
    two = ClusterBootstrap([0, 1, 2, 3], ["a", "b", "c", "c"], resamples=100)
    assert two.stratum[0] == two.stratum[1] != two.stratum[2] == two.stratum[3]
    one = ClusterBootstrap(range(6), ["a", "b", "b", "c", "c", "c"], resamples=100)
    assert one.stratum[0] == one.stratum[1] == one.stratum[2] != one.stratum[3]


def test_samples_of_one_cluster_are_not_independent_evidence():
    values = [0.0, 1.0, 0.2, 0.8] * 5
    apart = mean_ci(values)
    together = mean_ci(
        [v for v in values for _ in range(10)], clusters=[i for i in range(20) for _ in range(10)]
    )
    assert (together.mean, together.n, together.clusters) == (apart.mean, 200, 20)
    assert together.low == pytest.approx(apart.low, abs=1e-12)
    assert together.high == pytest.approx(apart.high, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "clusters", "mean"),
    [([], None, None), ([None, None], None, None), ([0.3], None, 0.3), ([0.1, 0.3], "xx", 0.2)],
)
def test_too_little_for_an_interval(values, clusters, mean):
    interval = mean_ci(values, clusters=clusters)
    assert interval.low is None
    assert interval.high is None
    assert interval.mean == (None if mean is None else pytest.approx(mean))


def test_all_equal_has_no_width():
    interval = mean_ci([0.1] * 9)
    assert [interval.low, interval.mean, interval.high] == pytest.approx([0.1] * 3, abs=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        mean_ci([0.1, bad, None])


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="clusters"):
        mean_ci([1.0, 2.0], clusters=["a"])
    with pytest.raises(ValueError, match="strata"):
        ClusterBootstrap(["a", "b"], ["x"])
    with pytest.raises(ValueError, match="too few"):
        ClusterBootstrap(["a", "b"], resamples=10)


def test_none_is_skipped_and_does_not_move_the_mean():
    with_holes = mean_ci([0.2, None, 0.4, None, 0.9])
    assert with_holes.n == 3
    assert with_holes.mean == pytest.approx(0.5)


def test_same_seed_same_interval_other_seed_another():
    values = np.random.default_rng(0).normal(size=50).tolist()
    assert mean_ci(values, seed=4) == mean_ci(values, seed=4)
    assert mean_ci(values, seed=4) != mean_ci(values, seed=5)
    copy = pickle.loads(pickle.dumps(ClusterBootstrap(range(50), seed=4)))
    assert (copy.weights == ClusterBootstrap(range(50), seed=4).weights).all()


def test_columns_with_different_holes_each_get_their_own_interval():
    rng = np.random.default_rng(11)
    values = rng.normal(size=(60, 3))
    values[:20, 1] = np.nan
    values[:, 2] = np.nan
    together = ClusterBootstrap(range(60), seed=1).intervals(values)
    for c in range(2):
        column = [None if math.isnan(v) else v for v in values[:, c]]
        alone = mean_ci(column, seed=1)
        assert together[c].mean == pytest.approx(alone.mean, abs=1e-12)
        assert together[c].low == pytest.approx(alone.low, abs=1e-12)
        assert (together[c].n, together[c].clusters) == (alone.n, alone.clusters)
    assert together[2].mean is None


def test_few_clusters_get_a_wider_interval_than_plain_percentiles():
    values = np.array([0.1, 0.5, 0.2, 0.9, 0.4, 0.6])
    bootstrap = ClusterBootstrap(range(6), resamples=4000)
    drawn = bootstrap.means(*bootstrap.sums(values[:, None]))[:, 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    ours = bootstrap.intervals(values[:, None])[0]
    assert ours.low < low < high < ours.high
    # Level of a normal distribution at the t quantile with five degrees of freedom.
    level = scipy_stats.norm.cdf(-scipy_stats.t.ppf(0.975, 5))
    assert ours.low == pytest.approx(np.quantile(drawn, level), abs=1e-12)


def coverage(strata_size: int, repetitions: int = 300) -> float:
    """Share of simulated suites whose interval holds the true mean 0.5."""
    rng = np.random.default_rng(2024)
    strata, inside = 6, 0
    labels = [(s, c) for s in range(strata) for c in range(strata_size) for _ in range(3)]
    offsets = np.linspace(-0.3, 0.3, strata)
    for repetition in range(repetitions):
        effect = rng.normal(0, 0.2, (strata, strata_size, 1))
        own = rng.normal(0, 0.2, (strata, strata_size, 3))
        values = 0.5 + offsets[:, None, None] + effect + own
        interval = mean_ci(
            values.ravel().tolist(), clusters=labels, strata=[s for s, _ in labels],
            resamples=400, seed=repetition,
        )  # fmt: skip
        inside += interval.low <= 0.5 <= interval.high
    return inside / repetitions


@pytest.mark.parametrize("strata_size", [2, 5, 20])
def test_the_interval_covers_the_truth_about_95_times_in_100(strata_size):
    assert 0.90 <= coverage(strata_size) <= 0.98


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(-5, 5)), st.integers(0, 6), st.integers(0, 2)),
        max_size=30,
    )
)
def test_interval_holds_the_mean_and_stays_in_the_data(rows):
    values = [v for v, _, _ in rows]
    kept = [v for v in values if v is not None]
    interval = mean_ci(
        values, clusters=[c for _, c, _ in rows], strata=[s for _, _, s in rows], resamples=100
    )
    assert interval.n == len(kept)
    if interval.low is not None:
        slack = 1e-9
        assert min(kept) - slack <= interval.low <= interval.mean
        assert interval.mean <= interval.high <= max(kept) + slack


def test_codes_and_columns():
    assert codes([])[1] == 0
    assert codes(["x", "y", "x"])[0].tolist() == [0, 1, 0]
    assert np.isnan(as_column([None]))[0]
