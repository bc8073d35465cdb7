"""Variants: every field by hand and against slow Python, what counts, and mistakes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from evals.core.aggregation import Headline, Term, Variant
from evals.core.store import plain
from evals.core.summary import summarise
from evals.core.types import Group
from evals.core.variants import (
    check_variants,
    columns_used,
    definition,
    metrics_used,
    twins,
    variants_of,
)
from tests.variant_kit import GROUPS, VALUES, A, B, C, cells, term, variant
from tests.variant_runs import ABSENT, MISSING, TIMEOUT, memory_run


def value(made, group=(), **more):
    return cells(made, **more)["=v", group].mean


# --- every field by hand ----------------------------------------------------------------------


def test_no_levels_is_the_mean_over_samples():
    assert value(variant(term())) == pytest.approx(np.mean(VALUES), abs=1e-12)


def test_levels_are_means_of_means_from_deep_to_shallow():
    a, b, c = 2 / 3, 0.5, 0.125
    assert value(variant(term(levels=(2,)))) == pytest.approx((a + b + c) / 3, abs=1e-12)
    assert value(variant(term(levels=(2, 1)))) == pytest.approx(((a + b) / 2 + c) / 2, abs=1e-12)
    dog_cat = (np.mean(VALUES[:4]) + np.mean(VALUES[4:])) / 2
    assert value(variant(term(levels=(1,)))) == pytest.approx(dog_cat, abs=1e-12)


def test_a_path_that_ends_early_is_its_own_group():
    got = value(variant(term(levels=(2,))), groups=[A, A, ("Cat",)], values=[1.0, 0.0, 0.2])
    assert got == pytest.approx((0.5 + 0.2) / 2)


def test_over_is_a_ratio_of_sums():
    columns = {"m.q": [3.0, 0.0, 2.0, 1.0, 4.0, 0.0], "m.n": [4.0, 2.0, 2.0, 2.0, 8.0, 2.0]}
    wide = {"m.q": (0.0, 9.0), "m.n": (0.0, 9.0)}
    got = cells(variant(term(over="m.n")), columns=columns, ranges=wide)["=v", ()]
    assert got.mean == pytest.approx(10 / 20)
    assert got.n == 6
    by_group = variant(term(over="m.n", levels=(2,)))
    assert value(by_group, columns=columns, ranges=wide) == pytest.approx((5 / 8 + 0.5 + 0.4) / 3)


def test_nothing_below_the_line_is_no_value():
    columns = {"m.q": [1.0, 0.0], "m.n": [2.0, 0.0]}
    made = variant(term(over="m.n", levels=(2,)))
    got = cells(made, groups=[A, B], columns=columns, ranges={"m.n": (0, 9)})["=v", ()]
    assert got.mean == 0.5
    assert "Cat/B" in got.note


def test_under_takes_the_samples_of_one_group():
    assert value(variant(term(under=("Dog",)))) == pytest.approx(0.125)
    got = cells(variant(term(under=("Cat", "A"))))
    assert got["=v", ()].planned == 3
    assert ("=v", ("Dog",)) not in got


def test_where_takes_the_samples_with_these_strata():
    strata = [{"lang": "en", "hard": "y"}, {"lang": "zh"}] * 3
    made = variant(term(where={"lang": "en"}, levels=(1,)))
    # en: samples 0, 2 (Cat) and 4 (Dog)
    assert value(made, strata=strata) == pytest.approx((1.0 + 0.25) / 2)
    both = variant(term(where={"lang": "en", "hard": "y"}))
    assert cells(both, strata=strata)["=v", ()].planned == 3
    assert cells(variant(term(where={"lang": "xx"})), strata=strata)["=v", ()].mean is None


def test_units_count_once_with_the_least_value_at_their_first_sample():
    keys = [{"image": "1"}, {"image": "1"}, {"image": "2"}, {"image": "2"}, {}, {}]
    # Units: {0, 1} -> 0 in A, {2, 3} -> 0.5 in A (its first), 4 -> 0.25 and 5 -> 0 in C.
    assert value(variant(term(key="image")), keys=keys) == pytest.approx((0 + 0.5 + 0.25 + 0) / 4)
    made = variant(term(key="image", levels=(2,)))
    assert value(made, keys=keys) == pytest.approx((0.25 + 0.125) / 2)


def test_units_are_formed_within_the_selection():
    keys = [{"image": "1"}] * 4 + [{}] * 2
    strata = [{"s": "x"}, {"s": "y"}, {"s": "x"}, {"s": "x"}, {"s": "y"}, {"s": "y"}]
    assert value(variant(term(key="image", where={"s": "x"})), keys=keys, strata=strata) == 0.5
    assert value(variant(term(key="image", under=("Cat", "B"))), keys=keys) == 0.5


def test_weights_are_used_as_they_are():
    made = variant(term(levels=(1,), weights={"Cat": 0.7, "Dog": 0.2}))
    cat, dog = np.mean(VALUES[:4]), 0.125
    assert value(made) == pytest.approx(0.7 * cat + 0.2 * dog, abs=1e-12)
    inner = variant(term(levels=(2, 1), weights={"Cat": 0.7, "Dog": 0.2}))
    assert value(inner) == pytest.approx(0.7 * (2 / 3 + 0.5) / 2 + 0.2 * dog, abs=1e-12)
    deep = variant(term(levels=(2,), weights={"A": 1.0, "Dog/C": 2.0}))
    got = cells(deep)["=v", ()]
    assert got.mean == pytest.approx(2 / 3 + 2 * 0.125)
    assert got.planned == 5  # a group without a weight is none of its business


def test_total_adds_groups_up():
    assert value(variant(term(levels=(2,), total=True))) == pytest.approx(2 / 3 + 0.5 + 0.125)
    both = variant(term(levels=(2, 1), total=True))
    assert value(both) == pytest.approx((2 / 3 + 0.5) / 2 + 0.125)


def test_scale_offset_clip_and_digits_come_in_this_order_before_the_mean_upwards():
    made = variant(term(levels=(2,), scale=2.0, offset=-0.3, clip=(0.0, 1.0), digits=1))
    a, b, c = 1.0, 0.7, 0.0  # 1.033 clipped, 0.7, -0.05 clipped
    assert value(made) == pytest.approx((a + b + c) / 3, abs=1e-12)
    fine = variant(term(levels=(2,), scale=2.0, offset=-0.3, digits=1))
    assert value(fine) == pytest.approx((1.0 + 0.7 + round(0.25 - 0.3, 1)) / 3, abs=1e-12)


def test_points_are_rounded_as_python_does():
    # 2.675 lies below the tie in binary; numpy multiplies first and rounds up.
    made = variant(term(digits=2), range=(0, 5))
    assert value(made, groups=[A], values=[2.675], ranges={"m.q": (0, 5)}) == 2.67
    assert np.round(2.675, 2) == 2.68
    result = variant(term(), digits=2, range=(0, 5))
    assert value(result, groups=[A], values=[2.675], ranges={"m.q": (0, 5)}) == 2.67
    assert value(variant(term(digits=0)), groups=[A, A], values=[0.0, 1.0]) == 0.0  # half to even


def test_terms_are_combined():
    one, two = term(under=("Cat",)), term(under=("Dog",))
    cat, dog = np.mean(VALUES[:4]), 0.125
    for how, expected in (
        ("mean", (cat + dog) / 2), ("sum", cat + dog), ("noisy_or", 1 - (1 - cat) * (1 - dog)),
    ):  # fmt: skip
        assert value(variant(one, two, combine=how)) == pytest.approx(expected, abs=1e-12)


def test_variants_are_made_of_variants_each_rounded_first():
    parts = (
        variant(term(under=("Cat",)), name="cat", digits=1),
        variant(term(under=("Dog",)), name="dog", digits=1),
    )
    whole = Variant(name="v", title="", doc="", of=("cat", "dog"), combine="sum")
    top = Variant(name="top", title="", doc="", of=("v", "cat"), digits=1)
    got = cells(*parts, whole, top)
    assert got["=v", ()].mean == pytest.approx(0.6 + 0.1)
    assert got["=top", ()].mean == round((0.6 + 0.1 + 0.6) / 2, 1) == 0.6
    assert got["=top", ()].planned == 6


def test_several_columns():
    columns = {"m.q": VALUES, "k.q": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}
    got = value(variant(term(), term(column="k.q")), columns=columns)
    assert got == pytest.approx((np.mean(VALUES) + 0.35) / 2)


# --- against slow Python ------------------------------------------------------------------------


def slow_term(one, samples, group):
    """A term as its docstring tells it, sample by sample; None without a value."""
    chosen = [
        s for s in samples
        if s["path"][: len(one.under)] == one.under and s["path"][: len(group)] == group
        and all(s["strata"].get(k) == v for k, v in one.where.items()) and s["q"] is not None
    ]  # fmt: skip
    if one.key:
        units = {}
        for s in chosen:
            units.setdefault(s["keys"].get(one.key, s["id"]), []).append(s)
        chosen = [{**own[0], "q": min(s["q"] for s in own)} for own in units.values()]
    groups = {}
    depth = one.levels[0] if one.levels else 0
    for s in chosen:
        groups.setdefault(s["path"][:depth], []).append(s)
    values = {}
    for path, own in groups.items():
        below = sum(s["n"] for s in own) if one.over else len(own)
        if below:
            x = sum(s["q"] for s in own) / below * one.scale + one.offset
            x = min(max(x, one.clip[0]), one.clip[1]) if one.clip else x
            values[path] = x if one.digits is None else round(x, one.digits)
    for depth in one.levels[1:]:
        above = {}
        for path, x in values.items():
            above.setdefault(path[:depth], []).append(x)
        values = {path: sum(own) / len(own) for path, own in above.items()}
    return (sum(values.values()) / (1 if one.total else len(values))) if values else None


@pytest.mark.parametrize("seed", range(100))
def test_values_are_those_of_slow_python(seed):
    rng = np.random.default_rng(seed)
    n = 60
    paths = [("XYZ"[i], "abcd"[j]) for i, j in rng.integers(0, [3, 4], size=(n, 2))]
    samples = [
        {
            "id": f"s{i}", "path": path, "q": float(rng.integers(0, 5)) / 4,
            "n": float(rng.integers(1, 4)), "strata": {"lang": str(rng.choice(["en", "zh"]))},
            "keys": {"image": str(i // 3)} if rng.uniform() < 0.9 else {},
        }
        for i, path in enumerate(paths)
    ]  # fmt: skip
    terms = []
    for _ in range(int(rng.integers(1, 4))):
        levels = [(), (1,), (2,), (2, 1)][rng.integers(4)]
        terms.append(
            term(
                over="m.n" if rng.uniform() < 0.4 else "",
                where={"lang": "en"} if rng.uniform() < 0.4 else {},
                under=("X",) if rng.uniform() < 0.3 else (),
                levels=levels,
                total=bool(levels) and rng.uniform() < 0.4,
                scale=float(rng.choice([1.0, 100.0, -0.5])),
                offset=float(rng.choice([0.0, 0.25])),
                clip=(0.0, 0.6) if rng.uniform() < 0.3 else None,
                digits=int(rng.integers(0, 4)) if rng.uniform() < 0.5 else None,
            )
        )  # fmt: skip
        if not terms[-1].over and not terms[-1].under and rng.uniform() < 0.4:
            terms[-1] = dataclasses.replace(terms[-1], key="image")
    made = variant(*terms, combine=str(rng.choice(["mean", "sum", "noisy_or"])),
                   digits=[None, 2][rng.integers(2)])  # fmt: skip
    got = cells(
        made, groups=paths, columns={"m.q": [s["q"] for s in samples],
                                     "m.n": [s["n"] for s in samples]},
        strata=[s["strata"] for s in samples], keys=[s["keys"] for s in samples],
        ranges={"m.n": (0, 9)},
    )  # fmt: skip
    for group in [(), *((p,) for p in "XYZ")]:
        if group and any(t.key for t in terms):
            continue  # a unit belongs to the group of its first sample
        parts = [slow_term(t, samples, group) for t in terms]
        parts = [p for p in parts if p is not None]
        if not parts:
            assert ("=v", group) not in got or got["=v", group].mean is None
            continue
        expected = {
            "mean": sum(parts) / len(parts), "sum": sum(parts),
            "noisy_or": 1 - math.prod(1 - p for p in parts) if parts[1:] else parts[0],
        }[made.combine]  # fmt: skip
        if made.digits is not None:
            expected = round(expected, made.digits)
        assert got["=v", group].mean == pytest.approx(expected, abs=1e-9), (group, made)


# --- within groups ----------------------------------------------------------------------------


def test_every_group_has_the_formula_over_its_samples():
    got = cells(variant(term(levels=(2, 1))))
    assert got["=v", ("Cat",)].mean == pytest.approx((2 / 3 + 0.5) / 2)
    assert got["=v", ("Cat", "A")].mean == pytest.approx(2 / 3)
    assert got["=v", ("Dog",)].mean == got["=v", ("Dog", "C")].mean == 0.125
    assert [g for c, g in got if c == "=v"] == [
        (), ("Cat",), ("Cat", "A"), ("Cat", "B"), ("Dog",), ("Dog", "C"),
    ]  # fmt: skip


def test_weights_are_dropped_in_groups_that_do_not_hold_them_all():
    got = cells(variant(term(levels=(2,), weights={"A": 0.5, "B": 0.25, "C": 0.125})))
    assert got["=v", ("Cat",)].mean == pytest.approx((2 / 3 + 0.5) / 2)
    only_cat = cells(variant(term(levels=(2,), weights={"A": 0.5, "B": 0.25})))
    assert only_cat["=v", ("Cat",)].mean == pytest.approx(0.5 * 2 / 3 + 0.25 * 0.5)


def test_terms_about_other_groups_are_left_out_below_the_top():
    got = cells(variant(term(under=("Cat",)), term(under=("Dog",), scale=3.0), combine="sum"))
    assert got["=v", ("Dog",)].mean == pytest.approx(3 * 0.125)
    assert got["=v", ("Cat", "B")].mean == 0.5


# --- what counts ------------------------------------------------------------------------------


def balanced(cell):
    assert cell.planned == cell.scored + sum(cell.reasons.values())
    if cell.mean is not None:
        assert cell.n == cell.scored + cell.imputed
    return cell


def test_faults_follow_the_policy_of_the_variants_profile():
    official = variant(term(levels=(2,)))
    strict = variant(term(levels=(2,)), name="w", profile="strict")
    got = cells(official, strict, faults={0: MISSING})
    one, other = balanced(got["=v", ()]), balanced(got["=w", ()])
    assert one.mean == pytest.approx((0.5 + 0.5 + 0.125) / 3)
    assert other.mean == pytest.approx((1 / 3 + 0.5 + 0.125) / 3)
    assert (one.n, one.scored, one.planned, one.imputed) == (5, 5, 6, 0)
    assert (other.n, other.scored, other.planned, other.imputed) == (6, 5, 6, 1)
    assert "faults that left the mean (profile official): 1" in one.note
    assert one.reasons == other.reasons == {"missing: missing_file": 1}
    assert one.complete
    assert other.complete


def test_what_may_still_come_leaves_it_incomplete():
    strict = variant(term(), profile="strict")
    for more in ({"unpredicted": [1]}, {"faults": {1: TIMEOUT}}, {"unscored": {"m": [1]}}):
        got = balanced(cells(strict, **more)["=v", ()])
        assert not got.complete
        assert got.mean == pytest.approx(2.75 / 5)
    assert cells(variant(term()), faults={1: TIMEOUT})["=v", ()].complete


def test_a_group_without_values_leaves_a_mean_and_is_named():
    got = balanced(cells(variant(term(levels=(2,))), faults={3: MISSING})["=v", ()])
    assert got.mean == pytest.approx((2 / 3 + 0.125) / 2)
    assert "Cat/B" in got.note


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"weights": {"A": 0.5, "B": 0.25, "C": 0.25}}, "m.q has no value in B"),
        ({"total": True}, "m.q has no value in Cat/B, and a sum needs every group"),
    ],
)
def test_weights_and_sums_need_every_group(more, reason):
    got = balanced(cells(variant(term(levels=(2,), **more)), faults={3: MISSING})["=v", ()])
    assert (got.mean, got.state, got.n) == (None, "empty", 0)
    assert reason in got.note


def test_every_part_must_have_a_value():
    part = variant(term(under=("Cat", "B")), name="part")
    whole = Variant(name="v", title="", doc="", of=("part", "rest"))
    rest = variant(term(under=("Dog",)), name="rest")
    got = cells(part, rest, whole, faults={3: MISSING})
    assert got["=v", ()].mean is None
    assert got["=v", ()].note == "m.q under Cat/B has no value"
    assert got["=v", ("Dog",)].mean == 0.125
    nowhere = cells(variant(term(), term(under=("Fish",))))["=v", ()]
    assert nowhere.mean is None
    assert "under Fish" in nowhere.note


def test_coverage_is_over_all_columns_that_apply():
    columns = {"m.q": VALUES, "k.q": [None, 0.2, 0.3, None, 0.5, 0.6]}
    made = variant(term(), term(column="k.q"))
    got = balanced(cells(made, columns=columns, unscored={"k": [1]})["=v", ()])
    # k does not apply to 0 and 3; it is still to come for 1
    assert (got.planned, got.scored, got.n) == (6, 5, 5)
    assert got.reasons == {"not scored yet": 1}
    assert "samples that lack one of several values: 1" in got.note
    assert got.mean == pytest.approx((np.mean(VALUES) + np.mean([0.3, 0.5, 0.6])) / 2)


def test_coverage_is_over_the_union_of_the_terms():
    columns = {"m.q": VALUES, "k.q": VALUES}
    made = variant(term(under=("Dog",)), term(column="k.q", under=("Cat", "A")))
    got = balanced(cells(made, columns=columns, absent=[], unscored={"k": [4, 5]})["=v", ()])
    assert (got.planned, got.scored) == (5, 5)


def test_an_unavailable_column_is_named_with_the_fix_and_never_replaced():
    columns = {"m.q": VALUES, "judge.q": VALUES}
    made = variant(term(), term(column="judge.q"))
    got = cells(made, columns=columns, absent=["judge"])
    cell = balanced(got["=v", ()])
    assert (cell.mean, cell.state, cell.n) == (None, "unavailable", 0)
    assert cell.note == f"judge.q: {ABSENT['reason']}; {ABSENT['fix']}"
    assert got["m.q", ()].mean is not None


def test_faults_alone_make_no_number():
    strict = variant(term(), profile="strict")
    got = balanced(cells(strict, faults={0: MISSING}, absent=["m"])["=v", ()])
    assert (got.mean, got.state) == (None, "unavailable")
    every = cells(strict, faults=dict.fromkeys(range(6), MISSING))["=v", ()]
    assert (every.mean, every.imputed) == (0.0, 6)


def test_not_applicable_and_unsupported():
    got = cells(variant(term()), values=[None] * 6)["=v", ()]
    assert (got.mean, got.state) == (None, "not_applicable")
    from evals.core.types import UNSUPPORTED_TASK, Fault

    fault = Fault(kind=UNSUPPORTED_TASK, message="", origin="model")
    idle = cells(variant(term()), faults=dict.fromkeys(range(6), fault))["=v", ()]
    assert (idle.mean, idle.state) == (None, "unsupported")


def test_metrics_that_the_run_was_made_without():
    run = memory_run(GROUPS, {"m.q": VALUES}, variants=[variant(term(column="gone.q"))])
    got = summarise(run, resamples=200).cells["=v", ()]
    assert (got.mean, got.state) == (None, "unavailable")
    assert "gone.q is not among this run's metrics" in got.note


def test_runs_without_variants_have_none():
    run = memory_run(GROUPS, {"m.q": VALUES}, manifest={"variants": []})
    assert variants_of(run) == {}
    bare = memory_run(GROUPS, {"m.q": VALUES})
    del dict(bare.manifest)["variants"]
    assert all(not c.startswith("=") for c, _ in summarise(bare, resamples=200).cells)


def test_a_run_gives_back_the_variant_it_stores():
    made = variant(
        term(over="m.n", under=("Cat",), where={"a": "b"}, levels=(2, 1), clip=(0.0, math.inf)),
        term(key="k", levels=(1,), weights={"Cat": 1.0}, total=True, scale=2, offset=1, digits=3),
        combine="noisy_or", profile="strict", range=(-math.inf, 5.0), direction="lower",
        unit="%", digits=1, label="V",
    )  # fmt: skip
    run = memory_run(GROUPS, {"m.q": VALUES}, manifest={"variants": plain([made])})
    assert variants_of(run) == {"v": made}
    assert columns_used(made, {"v": made}) == ("m.q", "m.n")
    assert metrics_used(made, {"v": made}) == ("m",)


# --- mistakes ---------------------------------------------------------------------------------

TAXONOMY = [Group(path=("Cat",), title=""), Group(path=A, title=""), Group(path=C, title="")]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([variant(term()), variant(term())], "two variants are called 'v'"),
        ([variant()], "needs either `terms` or `of`"),
        ([variant(term(), of=("w",)), variant(term(), name="w")], "needs either `terms` or `of`"),
        (
            [variant(term(column="m.p"))],
            "reads 'm.p', which no metric declares; did you mean 'm.q'",
        ),
        ([variant(term(over="x"))], "reads 'x', which no metric declares"),
        ([variant(of=("macor",)), variant(term(), name="macro")], "did you mean 'macro'"),
        ([variant(of=("w",)), variant(of=("v",), name="w")], r"made of itself \(v -> w -> v\)"),
        (
            [variant(of=("w",)), variant(term(), name="w", profile="strict")],
            "one number follows one",
        ),
        ([variant(term(levels=(1, 2)))], "from deep to shallow"),
        ([variant(term(levels=(0,)))], "from deep to shallow"),
        ([variant(term(weights={"Cat": 1.0}))], "without `levels`"),
        ([variant(term(total=True))], "without `levels`"),
        ([variant(term(key="k", over="m.q"))], "both `key` and `over`"),
        ([variant(term(clip=(1.0, 0.0)))], "ends are the wrong way round"),
        ([variant(term(under=("Fish",)))], "under the group 'Fish'"),
        ([variant(term(levels=(1,), weights={"Fish": 1.0}))], "no groups of depth 1"),
    ],
)
def test_mistakes_of_a_benchmark_are_named(made, message):
    with pytest.raises(ValueError, match=message):
        check_variants(made, Headline(name="h", column="m.q"), {"m.q"}, TAXONOMY)


def test_mistakes_of_a_headline_are_named():
    good = [variant(term())]
    check_variants(good, Headline(name="h", variant="v"), {"m.q"})
    with pytest.raises(ValueError, match="names the variant 'w'"):
        check_variants(good, Headline(name="h", variant="w"), {"m.q"})
    with pytest.raises(ValueError, match="a variant and a column"):
        check_variants(good, Headline(name="h", variant="v", column="m.q"), {"m.q"})


def test_columns_are_not_checked_when_only_some_metrics_are_asked_for():
    check_variants([variant(term(column="other.q"))], Headline(name="h"), None)


def test_definitions_hold_all_parts_once():
    parts = {"a": variant(term(), name="a"), "b": variant(of=("a",), name="b")}
    whole = variant(of=("a", "b"), name="c")
    assert [v.name for v in definition(whole, parts)] == ["c", "a", "b"]


# --- twins --------------------------------------------------------------------------------------


def _named(name, column="m.q", profile="official", **more):
    terms = (Term(column=column, levels=(1,)),)
    return Variant(**{"name": name, "title": "", "doc": "", "terms": terms, "profile": profile,
                      **more})  # fmt: skip


def _twins(variant, *others):
    return [v.name for v in twins(variant, {v.name: v for v in (variant, *others)})]


def test_the_twin_of_a_strict_variant_has_its_name():
    strict = _named("macro_strict", "m.s", "strict")
    others = [_named("micro"), _named("macro"), _named("macro_paper", profile="paper")]
    assert _twins(strict, *others) == ["macro"]
    assert _twins(_named("macro_counted", "m.s", "strict"), *others) == ["macro"]
    assert _twins(_named("other_strict", "m.s", "strict"), *others) == []
    assert _twins(_named("macro_strict", "m.s", "strict", unit="%"), *others) == []
    assert _twins(others[1], strict) == ["macro"], "an official one is its own"


def test_a_variant_that_is_only_strict_has_those_of_its_formula():
    ratio = (Term(column="m.a", over="m.b"),)
    strict = _named("strict", "m.s", "strict")
    others = [_named("exact"), _named("ratio", terms=ratio), _named("judged", "judge.q"),
              _named("points", range=(0, 1000))]  # fmt: skip
    assert _twins(strict, *others) == ["exact", "judged"]
    pair = _named("strict", profile="strict", terms=(), of=("a_strict",))
    made = [_named("a_strict", "m.s", "strict"), _named("a"), _named("all", terms=(), of=("a",)),
            _named("one", terms=ratio), _named("bad", terms=(), of=("one",))]  # fmt: skip
    assert _twins(pair, *made) == ["all"]
