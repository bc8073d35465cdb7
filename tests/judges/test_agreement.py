"""Agreement against published tables, hand computation, brute force, scipy and simulation."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from evals.core.stats import ClusterBootstrap, mean_ci
from judges.agreement import (
    MAX_UNDEFINED,
    agreement_within,
    exact_agreement,
    krippendorff_alpha,
    mean_difference,
    spearman,
    weighted_kappa,
    with_interval,
)
from judges.noise import judge_share, position_bias, swap_merge, within_sd

LEVELS = ("nominal", "ordinal", "interval")
N = None
# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): 4 observers, 12 units.
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]
score = st.integers(1, 5)
pairs = st.lists(st.tuples(score, score), min_size=3, max_size=25)
tables = st.integers(2, 4).flatmap(
    lambda raters: st.lists(
        st.lists(st.one_of(st.none(), score), min_size=raters, max_size=raters), max_size=12
    ).map(lambda units: [[u[r] for u in units] for r in range(raters)])
)


# --- references: slow, and written from the definitions ---------------------------------------


def alpha_from_coincidences(ratings, level):
    """Krippendorff's own recipe: coincidence matrix, then the metric difference of categories."""
    units = [[r[u] for r in ratings if r[u] is not None] for u in range(len(ratings[0]))]
    units = [u for u in units if len(u) >= 2]
    values = sorted({v for u in units for v in u})
    o = dict.fromkeys(product(values, values), 0.0)
    for u in units:
        for c, k in permutations(u, 2):
            o[c, k] += 1 / (len(u) - 1)
    n = {c: sum(o[c, k] for k in values) for c in values}

    def delta(c, k):
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return float((c - k) ** 2)
        low, high = min(c, k), max(c, k)
        return (sum(n[g] for g in values if low <= g <= high) - (n[c] + n[k]) / 2) ** 2

    expected = sum(n[c] * n[k] * delta(c, k) for c, k in product(values, values))
    if expected == 0:
        return None
    observed = sum(o[c, k] * delta(c, k) for c, k in product(values, values))
    return 1 - (sum(n.values()) - 1) * observed / expected


def kappa_from_pairs(a, b, power):
    """Disagreement of the pairs over that of every score of one with every score of the other."""
    observed = sum(abs(x - y) ** power for x, y in zip(a, b, strict=True)) / len(a)
    expected = sum(abs(x - y) ** power for x, y in product(a, b)) / len(a) ** 2
    return None if expected == 0 else 1 - observed / expected


def same(one, other):
    return one is other if one is None or other is None else one == pytest.approx(other, abs=1e-9)


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_krippendorffs_four_observers(level, published):
    alpha = krippendorff_alpha(FOUR_OBSERVERS, level=level)
    assert round(alpha, 3) == published
    assert alpha == pytest.approx(alpha_from_coincidences(FOUR_OBSERVERS, level), abs=1e-12)


def test_alpha_of_krippendorffs_binary_example():
    # The same paper: 2 observers, 10 units, alpha = 0.095; two categories are alike at every level.
    meg, owen = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    for level in LEVELS:
        assert round(krippendorff_alpha([meg, owen], level=level), 3) == 0.095


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from(LEVELS))
def test_alpha_equals_the_coincidence_matrix(ratings, level):
    assert same(krippendorff_alpha(ratings, level=level), alpha_from_coincidences(ratings, level))


@settings(max_examples=80, deadline=None)
@given(tables, st.sampled_from(LEVELS), st.randoms(use_true_random=False))
def test_alpha_knows_neither_order_nor_single_ratings_and_is_at_most_1(ratings, level, random):
    alpha = krippendorff_alpha(ratings, level=level)
    order = list(range(len(ratings[0])))
    random.shuffle(order)
    shuffled = [[row[u] for u in order] for row in ratings[::-1]]
    lone = [[*row, 5 if r == 0 else None] for r, row in enumerate(ratings)]
    assert same(krippendorff_alpha(shuffled, level=level), alpha)
    assert same(krippendorff_alpha(lone, level=level), alpha)
    assert alpha is None or alpha <= 1


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.sampled_from(LEVELS))
def test_perfect_agreement_is_1_for_whatever_numbers(values, level):
    assume(max(values) - min(values) > 1e-3)
    assert krippendorff_alpha([values] * 3, level=level) == pytest.approx(1)


def test_ordinal_alpha_looks_at_order_alone_and_interval_alpha_does_not():
    stretched = [[None if v is None else 10.0**v for v in row] for row in FOUR_OBSERVERS]
    assert same(krippendorff_alpha(stretched), krippendorff_alpha(FOUR_OBSERVERS))
    interval = krippendorff_alpha(stretched, level="interval")
    assert not same(interval, krippendorff_alpha(FOUR_OBSERVERS, level="interval"))


@pytest.mark.parametrize(
    "ratings", [[], [[], []], [[1, 2, 3]], [[1, N], [N, 2]], [[4, 4], [4, 4]], [[0.1] * 7] * 3]
)
def test_alpha_is_undefined_without_pairs_and_without_variation(ratings):
    assert [krippendorff_alpha(ratings, level=level) for level in LEVELS] == [None] * 3


def test_kappa_of_a_textbook_table():
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: agreement 0.7, by chance 0.5, kappa 0.4.
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    for weights in ("linear", "quadratic"):
        assert weighted_kappa(a, b, 0, 1, weights) == pytest.approx(0.4, abs=1e-12)


def test_kappa_of_a_table_done_by_hand():
    # Each of a with each of b is 0,1,2,2 / 0,1,2,2 / 1,0,1,1 / 2,1,0,0 apart; the pairs 0,1,1,0.
    a, b = [1, 1, 2, 3], [1, 2, 3, 3]
    assert weighted_kappa(a, b, 1, 3, "linear") == pytest.approx(1 - (2 / 4) / (16 / 16))
    assert weighted_kappa(a, b, 1, 3) == pytest.approx(1 - (2 / 4) / (26 / 16))


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_kappa_equals_brute_force_and_the_concordance_formula(rows):
    a, b = [x for x, _ in rows], [y for _, y in rows]
    for weights, power in (("linear", 1), ("quadratic", 2)):
        kappa = weighted_kappa(a, b, 1, 5, weights)
        assert same(kappa, kappa_from_pairs(a, b, power))
        assert same(kappa, weighted_kappa(b, a, 1, 5, weights))
        assert same(kappa, weighted_kappa(a[::-1], b[::-1], 0, 9, weights))
        assert kappa is None or kappa <= 1
    spread = np.var(a) + np.var(b) + (np.mean(a) - np.mean(b)) ** 2
    concordance = 2 * np.cov(a, b, ddof=0)[0, 1] / spread if spread else None
    assert same(weighted_kappa(a, b, 1, 5), concordance)


def test_kappa_at_its_ends():
    assert weighted_kappa([1, 3, 5], [1, 3, 5], 1, 5) == 1
    assert weighted_kappa([1, 5], [5, 1], 1, 5) == -1
    assert weighted_kappa([3, 3], [4, 4], 1, 5) == 0
    assert weighted_kappa([3, 3], [3, 3], 1, 5) is None
    assert weighted_kappa([], [], 1, 5) is None


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_spearman_equals_scipy_and_looks_at_order_alone(rows):
    a, b = [x for x, _ in rows], [y for _, y in rows]
    rho = spearman(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert rho is None
        return
    assert rho == pytest.approx(scipy_stats.spearmanr(a, b).statistic, abs=1e-9)
    assert -1 <= rho <= 1
    assert same(rho, spearman(b, a))
    assert same(rho, spearman([math.exp(x) for x in a][::-1], b[::-1]))
    assert same(-rho, spearman([-x for x in a], b))
    assert same(spearman(a, a), 1.0)


def test_spearman_is_undefined_for_too_little():
    assert spearman([1, 2], [1, 2]) is None
    assert spearman([0.1] * 6, [1, 2, 3, 4, 5, 6]) is None


def test_shares_and_bias():
    a, b = [1, 2, 3, 4, 5], [1, 3, 5, 4, 4.5]
    assert exact_agreement(a, b) == 0.4
    assert agreement_within(a, b) == 0.8
    assert agreement_within(a, b, 0.5) == 0.6
    assert mean_difference(a, b) == pytest.approx(0.5)
    assert mean_difference(b, a) == pytest.approx(-0.5)
    assert exact_agreement([0.1 + 0.2], [0.3]) == 1
    for statistic in (exact_agreement, agreement_within, mean_difference):
        assert statistic([], []) is None


# --- intervals -------------------------------------------------------------------------------


def scored(rng, clusters, each=2, raters=2):
    """Scores of several raters on a scale of 5, alike within clusters; raters by units."""
    truth = rng.normal(0, 0.8, (clusters, 1)) + rng.normal(0, 0.6, (clusters, each))
    seen = truth.ravel() + rng.normal(0, 0.6, (raters, clusters * each))
    return np.clip(np.rint(3 + seen), 1, 5)


CASES = {
    "kappa": (weighted_kappa, {"low": 1, "high": 5}),
    "linear": (weighted_kappa, {"low": 1, "high": 5, "weights": "linear"}),
    "spearman": (spearman, {}),
    "within": (agreement_within, {}),
    "exact": (exact_agreement, {}),
    "bias": (mean_difference, {}),
    "ordinal": (krippendorff_alpha, {}),
    "interval": (krippendorff_alpha, {"level": "interval"}),
    "nominal": (krippendorff_alpha, {"level": "nominal"}),
}
each_case = pytest.mark.parametrize(("statistic", "options"), CASES.values(), ids=list(CASES))


def arguments(statistic, table):
    table = [row.tolist() for row in np.asarray(table)]
    return (table,) if statistic is krippendorff_alpha else tuple(table)


@each_case
def test_the_interval_is_that_of_a_loop_over_copied_units(statistic, options):
    table = scored(np.random.default_rng(4), 15)
    clusters, strata = np.repeat(np.arange(15), 2), np.repeat([0, 1, 2], 10)
    bootstrap = ClusterBootstrap(clusters.tolist(), strata.tolist(), resamples=200, seed=3)
    looped = []
    for weights in bootstrap.weights:
        copies = np.rint(weights[clusters] * 4 / 5).astype(int)  # five clusters per stratum
        value = statistic(*arguments(statistic, np.repeat(table, copies, axis=1)), **options)
        if statistic is krippendorff_alpha:  # 24 copied units stand for 30: n - 1 differs
            value = 1 - (1 - value) * (59 / 60) / (47 / 48)
        looped.append(value)
    low, high = bootstrap.percentiles(np.array(looped)[:, None], np.ones((15, 1)))
    estimate = with_interval(
        statistic, *arguments(statistic, table), clusters=clusters.tolist(),
        strata=strata.tolist(), resamples=200, seed=3, **options,
    )  # fmt: skip
    assert estimate.value == statistic(*arguments(statistic, table), **options)
    assert (estimate.n, estimate.clusters) == (30, 15)
    assert [estimate.low, estimate.high] == pytest.approx([low[0], high[0]], abs=1e-9)
    assert estimate.low < estimate.value < estimate.high


def test_the_interval_of_a_bias_is_the_one_of_every_other_mean():
    a, b = scored(np.random.default_rng(5), 20).tolist()
    clusters = [i // 2 for i in range(40)]
    ours = with_interval(mean_difference, a, b, clusters=clusters, seed=2)
    mean = mean_ci([y - x for x, y in zip(a, b, strict=True)], clusters=clusters, seed=2)
    assert (ours.n, ours.clusters) == (mean.n, mean.clusters)
    assert [ours.value, ours.low, ours.high] == pytest.approx(
        [mean.mean, mean.low, mean.high], abs=1e-12
    )


@pytest.mark.parametrize("statistic", [spearman, exact_agreement, mean_difference])
def test_copies_within_a_cluster_are_no_new_evidence(statistic):
    a, b = scored(np.random.default_rng(6), 12, each=1).tolist()
    once = with_interval(statistic, a, b, clusters=range(12))
    tenfold = with_interval(statistic, a * 10, b * 10, clusters=[*range(12)] * 10)
    assert [tenfold.low, tenfold.high] == pytest.approx([once.low, once.high], abs=1e-9)
    assert (tenfold.n, tenfold.clusters) == (120, 12)


def test_seeds_and_units_without_a_pair():
    rows = scored(np.random.default_rng(7), 10, each=1).tolist()
    alone = with_interval(krippendorff_alpha, rows, clusters=range(10), seed=1)
    with_lone = [[*rows[0], 5], [*rows[1], None]]
    assert with_interval(krippendorff_alpha, with_lone, clusters=range(11), seed=1) == alone
    assert with_interval(krippendorff_alpha, rows, clusters=range(10), seed=2) != alone


def test_blocks_do_not_change_the_interval(monkeypatch):
    rows = scored(np.random.default_rng(8), 10, raters=3).tolist()
    whole = with_interval(krippendorff_alpha, rows, clusters=range(20), resamples=150)
    monkeypatch.setattr("judges.agreement._BLOCK", 100)
    parts = with_interval(krippendorff_alpha, rows, clusters=range(20), resamples=150)
    assert [parts.low, parts.high] == pytest.approx([whole.low, whole.high], abs=1e-12)


@pytest.mark.parametrize("n", [10, 61])
@pytest.mark.parametrize(("odd", "given"), [(1, False), (2, False), (3, True)])
def test_no_interval_when_too_many_resamples_are_undefined(odd, given, n):
    # Nine draws of ten clusters miss all the odd ones in 0.9^9, 0.8^9, 0.7^9 of the resamples.
    assert (((n - odd) / n) ** (n - 1) <= MAX_UNDEFINED) == given
    scores = [0.1] * (n - odd) + [5] * odd
    whole = [max(1, s) for s in scores]
    for estimate in (
        with_interval(weighted_kappa, whole, whole, clusters=range(n), low=1, high=5),
        with_interval(spearman, scores, scores, clusters=range(n)),
        with_interval(krippendorff_alpha, [scores] * 3, clusters=range(n)),
        with_interval(krippendorff_alpha, [scores] * 3, clusters=range(n), level="interval"),
    ):
        assert estimate.value == pytest.approx(1)
        assert (estimate.low is not None) == given
        assert (estimate.high is not None) == given


def test_too_little_for_an_interval():
    one = with_interval(spearman, [1, 2, 3], [1, 3, 2], clusters="aaa")
    assert (one.value, one.low, one.n, one.clusters) == (0.5, None, 3, 1)
    # Two clusters are drawn of three: a line through two units always fits, and says nothing.
    assert with_interval(spearman, [1, 2, 3], [1, 3, 2], clusters="abc").low is None
    for statistic in (exact_agreement, spearman):
        none = with_interval(statistic, [], [], clusters=[])
        assert (none.value, none.low, none.n, none.clusters) == (None, None, 0, 0)
    assert with_interval(krippendorff_alpha, [[], []], clusters=[]).n == 0


@each_case
def test_no_rounding_leads_out_of_the_range_where_nothing_varies(statistic, options):
    values = [1 + i % 5 for i in range(61)]  # weights of 61/60: ratios of sums are off by a bit
    perfect = with_interval(
        statistic, *arguments(statistic, [values, values]), clusters=range(61), **options
    )
    assert perfect.low == pytest.approx(0 if statistic is mean_difference else 1)
    assert perfect.low <= perfect.value <= perfect.high <= 1
    opposite = with_interval(spearman, values, [-v for v in values], clusters=range(61))
    assert -1 <= opposite.low <= opposite.value <= opposite.high


@pytest.mark.parametrize("name", ["kappa", "spearman", "ordinal"])
def test_the_interval_covers_the_truth_about_95_times_in_100(name):
    statistic, options = CASES[name]
    rng = np.random.default_rng(2025)
    truth = statistic(*arguments(statistic, scored(rng, 60_000)), **options)
    clusters, inside = np.repeat(np.arange(40), 2).tolist(), 0
    for repetition in range(250):
        estimate = with_interval(
            statistic, *arguments(statistic, scored(rng, 40)),
            clusters=clusters, resamples=300, seed=repetition, **options,
        )  # fmt: skip
        inside += estimate.low <= truth <= estimate.high
    assert 0.90 <= inside / 250 <= 0.985


# --- arguments that make no sense ------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_agreement([1], [1, 2]), "1 scores of one side but 2"),
        (lambda: spearman([1, None, 3], [1, 2, 3]), "is missing"),
        (lambda: mean_difference([1, math.nan], [1, 2]), "not finite"),
        (lambda: krippendorff_alpha([[1, math.inf], [1, 2]]), "not finite"),
        (lambda: krippendorff_alpha([[1, 2], [1]]), "fill up with None"),
        (lambda: krippendorff_alpha([[1, 2], [1, 2]], level="ratio"), "none of ordinal"),
        (lambda: weighted_kappa([1, 2.5], [1, 2], 1, 5), "2.5 is not a whole number"),
        (lambda: weighted_kappa([1, 2], [1, 6], 1, 5), "6 is not a whole number from 1 to 5"),
        (lambda: weighted_kappa([1, 2], [1, 2], 1, 5, "cubic"), "cubic"),
        (lambda: with_interval(max, [1], clusters="a"), "max is no statistic"),
        (lambda: with_interval(exact_agreement, [1], [1], clusters="ab"), "1 units"),
        (lambda: with_interval(exact_agreement, [1], [1], clusters="a", strata="ab"), "1 units"),
        (lambda: judge_share([[1, 2]], -0.1), "not -0.1"),
        (lambda: judge_share([[1, 2]], math.nan), "not nan"),
        (lambda: within_sd([[1, math.nan]]), "not finite"),
        (lambda: position_bias(["a"], []), "1 answers"),
        (lambda: position_bias(["A"], ["a"]), "not 'A'"),
        (lambda: swap_merge("a", "first"), "not 'first'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- one judge, asked again ------------------------------------------------------------------


def test_spread_of_repeats_by_hand():
    assert within_sd([[1, 3], [2, 2], [5]]) == pytest.approx(1)
    assert within_sd([[1, 2, 3], [4, 4.0]]) == pytest.approx(math.sqrt(0.5))
    assert within_sd([[1], [2], []]) is None
    assert within_sd([]) is None


def test_share_of_the_judge_by_hand():
    # s^2 = (2 + 0.5) / 2 and mean 1 / k = (1/2 + 1/2 + 1) / 3, over n = 3 units; [] has no score.
    share = judge_share([[1, 3], [3, 4], [5], []], 0.6)
    assert share.n == 3
    assert share.var_total == pytest.approx(0.36)
    assert share.var_judge == pytest.approx(1.25 * (2 / 3) / 3)
    assert share.share == pytest.approx(1.25 * (2 / 3) / 3 / 0.36)


def test_share_is_clipped_and_none_where_there_is_nothing_to_share():
    assert judge_share([[1, 5], [1, 5]], 0.1).share == 1
    assert judge_share([[1, 1], [2, 2]], 0.1).share == 0
    no_repeats = judge_share([[1], [2]], 0.5)
    assert (no_repeats.share, no_repeats.var_judge, no_repeats.var_total) == (None, None, 0.25)
    assert judge_share([[1, 2]], None).share is None
    assert judge_share([[3, 3], [3, 3]], 0.0).share is None
    assert judge_share([], None).n == 0


def test_the_bootstrap_interval_already_holds_the_judges_noise():
    # Units vary by 0.5, repeats by 0.8, three repeats of 60 units: the true share is 0.46.
    rng = np.random.default_rng(9)
    judge, units, n, k = 0.8**2 / 3, 0.5**2, 60, 3
    means, errors, shares = [], [], []
    for seed in range(300):
        repeats = rng.normal(0, 0.5, (n, 1)) + rng.normal(0, 0.8, (n, k))
        scores = repeats.mean(axis=1)
        bootstrap = ClusterBootstrap(range(n), resamples=200, seed=seed)
        drawn = bootstrap.means(*bootstrap.sums(scores[:, None]))
        means.append(scores.mean())
        errors.append(drawn.std())
        shares.append(judge_share(repeats.tolist(), errors[-1]).share)
    assert np.mean(np.square(errors)) == pytest.approx((units + judge) / n, rel=0.06)
    assert np.var(means) == pytest.approx((units + judge) / n, rel=0.25)
    assert np.mean(shares) == pytest.approx(judge / (units + judge), abs=0.03)


# --- two candidates, shown in both orders ----------------------------------------------------


def test_position_bias_by_hand():
    bias = position_bias(["a", "a", "tie", "b", "tie"], ["a", "b", "b", "b", "tie"])
    assert (bias.n, bias.decided) == (5, 7)
    assert bias.consistent == pytest.approx(3 / 5)
    assert bias.first == pytest.approx(5 / 7)  # two times A where A was first, three times B


def test_position_bias_of_judges_that_are_easy_to_know():
    always_first = position_bias(["a"] * 4, ["b"] * 4)
    assert (always_first.consistent, always_first.first) == (0, 1)
    always_second = position_bias(["b"] * 4, ["a"] * 4)
    assert (always_second.consistent, always_second.first) == (0, 0)
    fair = position_bias(["a", "a", "b"], ["a", "a", "b"])
    assert (fair.consistent, fair.first) == (1, 0.5)
    ties = position_bias(["tie"], ["tie"])
    assert (ties.consistent, ties.first, ties.decided) == (1, None, 0)
    assert position_bias([], []).consistent is None


def test_swapped_answers_are_merged():
    answers = ("a", "b", "tie")
    for first, swapped in product(answers, answers):
        assert swap_merge(first, swapped) == (first if first == swapped else "tie")
