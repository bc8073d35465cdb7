"""Comparisons against brute force, hand computation, scipy and simulation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from evals.core.paired import (
    EXACT_CLUSTERS,
    holm,
    minimum_detectable_difference,
    paired_permutation,
    paired_permutations,
    permutation_p,
    shared_ranks,
    swaps,
)


def brute_force(differences, clusters):
    """p by flipping the sign of each cluster in all ways, one by one."""
    names = list(dict.fromkeys(clusters))
    observed = abs(sum(differences))
    hits = 0
    for signs in product([1, -1], repeat=len(names)):
        sign = dict(zip(names, signs, strict=True))
        total = sum(sign[c] * d for d, c in zip(differences, clusters, strict=True))
        hits += abs(total) >= observed - 1e-9
    return hits / 2 ** len(names)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 6)), min_size=1, max_size=14))
def test_exact_p_equals_brute_force(rows):
    differences = [d / 4 for d, _ in rows]
    clusters = [c for _, c in rows]
    assert paired_permutation(differences, clusters) == pytest.approx(
        brute_force(differences, clusters)
    )


def test_exact_p_equals_scipy():
    a = np.array([0.9, 0.8, 0.4, 0.7, 0.95, 0.2, 0.66, 0.5])
    b = np.array([0.7, 0.85, 0.3, 0.6, 0.70, 0.1, 0.60, 0.2])
    theirs = scipy_stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert paired_permutation((a - b).tolist()) == pytest.approx(theirs)


def test_random_flips_agree_with_scipy():
    rng = np.random.default_rng(5)
    d = rng.normal(0.12, 0.5, 60)
    theirs = scipy_stats.permutation_test(
        (d, np.zeros(60)), lambda x, y: np.mean(x - y), permutation_type="samples",
        n_resamples=20_000, rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    assert paired_permutation(d.tolist(), resamples=20_000) == pytest.approx(theirs, abs=0.012)


def test_random_flips_count_what_was_observed_and_are_never_zero():
    assert paired_permutation([1.0] * 40, resamples=999) == pytest.approx(1 / 1000)
    assert permutation_p(1.0, np.array([0.0, 0.0, -1.0]), False) == pytest.approx(2 / 4)


def test_many_zero_differences_leave_few_clusters_and_an_exact_p():
    differences = [0.0] * 500 + [1.0] * 5
    assert paired_permutation(differences) == pytest.approx(2 / 2**5)


def test_copies_of_a_cluster_are_no_evidence():
    assert paired_permutation([0.5] * 50, ["same"] * 50) == 1.0
    assert paired_permutation([0.5, 0.5, 0.5], ["a", "b", "b"]) == pytest.approx(0.5)


@pytest.mark.parametrize("nothing", [[], [None], [0.0, 0.0], [None, 0.0]])
def test_nothing_to_compare(nothing):
    assert paired_permutation(nothing) == 1.0


def test_none_is_skipped_and_nan_refused():
    assert paired_permutation([1.0, None, 1.0]) == paired_permutation([1.0, 1.0])
    with pytest.raises(ValueError, match="not finite"):
        paired_permutation([1.0, math.nan])


def test_columns_share_their_flips_but_not_their_results():
    rng = np.random.default_rng(8)
    table = rng.normal([0.0, 0.3], 1.0, size=(80, 2))
    table[:70, 1] = np.nan
    p = paired_permutations(table, list(range(80)), seed=3)
    assert p[0] == paired_permutation(table[:, 0].tolist(), seed=3)
    assert p[1] == paired_permutation(table[70:, 1].tolist())


def test_null_p_values_are_uniform():
    rng = np.random.default_rng(17)
    p = [paired_permutation(rng.normal(size=10).tolist()) for _ in range(400)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08
    assert abs(np.mean(p) - 0.5) < 0.06


def test_swaps_enumerate_then_draw():
    all_of_them, exact = swaps(4)
    assert exact
    assert len(np.unique(all_of_them, axis=0)) == 16
    drawn, exact = swaps(EXACT_CLUSTERS + 1, resamples=50, seed=1)
    assert not exact
    assert drawn.shape == (50, EXACT_CLUSTERS + 1)
    assert (drawn == swaps(EXACT_CLUSTERS + 1, resamples=50, seed=1)[0]).all()


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04: times 4 3 2 1 = .02 .03 .06 .04, then never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    with pytest.raises(ValueError, match="p-values"):
        holm([0.1, math.nan])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_and_keeps_their_order(p):
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    order = sorted(range(len(p)), key=lambda i: p[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_detectable_difference_by_hand():
    d = [0.0, 1.0, 0.0, 1.0, 1.0]
    error = np.std(d, ddof=1) / math.sqrt(5)
    expected = (scipy_stats.t.ppf(0.975, 4) + scipy_stats.t.ppf(0.8, 4)) * error
    assert minimum_detectable_difference(d) == pytest.approx(expected)
    assert minimum_detectable_difference([0.4]) is None
    assert minimum_detectable_difference([0.4] * 9) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="not finite"):
        minimum_detectable_difference([math.inf, 1.0])


def test_detectable_difference_does_not_shrink_with_copies():
    d = [0.0, 1.0, 0.3, 0.2, 0.9, 0.5]
    copies = minimum_detectable_difference(d * 10, list(range(6)) * 10)
    assert copies == pytest.approx(minimum_detectable_difference(d))


def test_a_true_difference_of_that_size_is_found_four_times_in_five():
    rng = np.random.default_rng(23)
    sd, n, runs = 0.4, 40, 400
    size = minimum_detectable_difference(
        (rng.permutation(scipy_stats.norm.ppf((np.arange(n) + 0.5) / n)) * sd).tolist()
    )
    found = sum(
        paired_permutation(rng.normal(size, sd, n).tolist(), resamples=500, seed=i) <= 0.05
        for i in range(runs)
    )
    assert 0.72 <= found / runs <= 0.88


def test_ranks_are_shared_unless_separable():
    values = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.1}
    p = {("a", "b"): 0.2, ("b", "c"): 0.2, ("a", "c"): 0.01, ("d", "a"): 0.001,
         ("b", "d"): 0.001, ("c", "d"): 0.06}  # fmt: skip
    assert shared_ranks(values, p) == {"a": 1, "b": 1, "c": 2, "d": 3}
    assert shared_ranks(values, {}) == dict.fromkeys(values, 1)
    assert shared_ranks({}, {}) == {}
    assert shared_ranks({"a": 0.5, "b": 0.5}, {("a", "b"): 0.0}) == {"a": 1, "b": 1}
