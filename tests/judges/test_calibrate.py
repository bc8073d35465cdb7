"""Labels that people send, a judge beside them, and two judges beside each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from evals.core.errors import UserError
from judges.agreement import krippendorff_alpha
from judges.bridge import MIN_CLUSTERS, bridge
from judges.calibrate import calibrate, rounded
from judges.labels import Label, Labels, read_labels

NAMES = ("TA", "TP")


@pytest.fixture
def read(tmp_path):
    """Write a file of labels and read it."""

    def inner(text, dimensions=NAMES):
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_labels(path, dimensions, 1, 5)

    return inner


def said(labels):
    return [
        (r.sample, r.trial, r.model, r.rater, r.dimension, r.score, r.note) for r in labels.rows
    ]


# --- files of labels -------------------------------------------------------------------------


def test_wide_form(read):
    labels = read(
        "sample,trial,model,rater,note,TA,TP\n"
        's1,0,bagel,ann,"blurred, and\nshifted",5,2.5\n'
        "\n"
        " s2 ,1,bagel,ann,,,4\n"
        "s3,1,bagel,ann,,,\n"
    )
    assert said(labels) == [
        ("s1", 0, "bagel", "ann", "TA", 5.0, "blurred, and\nshifted"),
        ("s1", 0, "bagel", "ann", "TP", 2.5, "blurred, and\nshifted"),
        ("s2", 1, "bagel", "ann", "TP", 4.0, ""),
    ]
    assert labels.blank == 1
    assert labels.rows[2].place.endswith("labels.csv, line 5")


def test_long_form_says_the_same_as_wide_form(read):
    wide = read("sample,TP,TA\ns1,3,5\ns2,4,\n")
    long = read("dimension,score,sample\nTA,5,s1\nTP,3,s1\nTP,4,s2\nTA,,s2\n")
    assert said(wide) == said(long)
    assert (wide.blank, long.blank) == (0, 1)
    assert said(wide)[0] == ("s1", None, "", "", "TA", 5.0, "")


def test_what_spreadsheets_write_is_read(read):
    assert said(read(b"\xef\xbb\xbfsample,TA\r\ns1,4\r\n")) == said(read("sample,TA\ns1,4"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty"]),
        ("\n \n,,\n", ["is empty"]),
        (b"sample,TA\ns\xe9,3\n", ["not UTF-8", "byte 11", "save it"]),
        ("sample,TA\n".encode("utf-16"), ["not UTF-8"]),
        ("TA,TP\n5,5\n", ["line 1", "no column sample"]),
        ("sample;TA\ns1;5\n", ["line 1", "no column sample", "';'", "commas"]),
        ("sample\tTA\ns1\t5\n", ["no column sample", "\\t"]),
        ("sample,rater\ns1,ann\n", ["line 1", "no column of scores", "TA, TP"]),
        ("sample,TAA\ns1,5\n", ["line 1", "no dimension 'TAA'", "Did you mean 'TA'", "Known: TA"]),
        ("sample,TA,image\ns1,5,x.png\n", ["no dimension 'image'", "Known: TA, TP", "delete"]),
        ("sample,TA,TA\ns1,5,5\n", ["line 1", "'TA' twice"]),
        ("sample,dimension\ns1,TA\n", ["no column of scores"]),
        ("sample,dimension,score,TA\ns1,TA,5,5\n", ["line 1", "no column 'TA'"]),
        ("sample,dimension,score\ns1,TB,5\n", ["line 2", "no dimension 'TB'", "'TA'"]),
        ("sample,TA\ns1,5,4\n", ["line 2", "3 cells", "header has 2"]),
        ("sample,TA\ns1\n", ["line 2", "1 cells"]),
        ("sample,TA\n,4\n", ["line 2", "names no sample"]),
        ("sample,TA\ns1,good\n", ["line 2", "TA is 'good'", "number from 1 to 5"]),
        ('sample,TA\ns1,"3,5"\n', ["TA is '3,5'", "decimal point"]),
        ("sample,TA\ns1,6\n", ["line 2", "TA is '6'"]),
        ("sample,TA\ns1,0.9\n", ["TA is '0.9'"]),
        ("sample,TA\ns1,nan\n", ["TA is 'nan'"]),
        ("sample,TA\ns1,inf\n", ["TA is 'inf'"]),
        ("sample,trial,TA\ns1,first,3\n", ["line 2", "trial is 'first'", "whole number"]),
        ("sample,trial,TA\ns1,-1,3\n", ["trial is '-1'"]),
        ("sample,trial,TA\ns1,1.0,3\n", ["trial is '1.0'"]),
        ("sample,rater,TA\ns1,a,3\ns2,a,3\ns1,a,4\n", ["line 4", "repeats TA", "'s1'", "line 2"]),
        ("sample,dimension,score\ns1,TA,3\ns1,TA,3\n", ["line 3", "repeats TA"]),
        ("sample,TA\ns1,\ns2,\n", ["holds no score"]),
        ("sample,TA\n", ["holds no score"]),
        ('sample,TA\ns1,3\n"s2,4\n', ["line 3", "no CSV", "quotes"]),
    ],
)
def test_bad_files_are_met_at_the_door(read, text, words):
    with pytest.raises(UserError) as caught:
        read(text)
    message = str(caught.value)
    for word in ["labels.csv", *words]:
        assert word in message


def test_the_same_sample_by_others_is_no_repeat(read):
    text = "sample,trial,model,rater,TA\ns,0,m,a,1\ns,0,m,b,2\ns,0,n,a,3\ns,1,m,a,4\n"
    assert [r.score for r in read(text).rows] == [1, 2, 3, 4]


def test_files_that_cannot_be_opened(tmp_path):
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_labels(path, NAMES, 1, 5)


# --- a judge beside people -------------------------------------------------------------------


def labelled(rows, dimension="TA", rater="", model=""):
    return [
        Label(sample=s, dimension=dimension, score=v, rater=rater, model=model, place=f"at {s}")
        for s, v in rows.items()
    ]


def judged(rows, dimension="TA", model="m", trial=0):
    return {(model, s, trial): {dimension: v} for s, v in rows.items()}


def calibrated(labels, verdicts, **more):
    more = {"dimensions": ["TA"], "low": 1, "high": 5, "clusters": {}, "resamples": 200} | more
    return calibrate(Labels(rows=tuple(labels)), verdicts, **more)


def test_numbers_by_hand():
    human = {"a": 1, "b": 2, "c": 3, "d": 3, "e": 5}
    judge = {"a": 1, "b": 3, "c": 3, "d": 5, "e": 5}
    result = calibrated(labelled(human), judged(judge), clusters={"a": "x", "b": "x"})
    (ta,) = result.dimensions
    assert (ta.name, ta.labelled, ta.judged, ta.raters, ta.human_alpha) == ("TA", 5, 5, 1, None)
    assert (ta.agreement.exact.n, ta.agreement.exact.clusters) == (5, 4)
    assert ta.agreement.exact.value == pytest.approx(3 / 5)
    assert ta.agreement.within_one.value == pytest.approx(4 / 5)
    assert ta.agreement.difference.value == pytest.approx(3 / 5)
    # Squared distances: 0 + 1 + 0 + 4 + 0 in 5 pairs, 40 + 21 + 12 + 12 + 24 each with each.
    assert ta.agreement.kappa.value == pytest.approx(1 - (5 / 5) / (109 / 25))
    ranks = scipy_stats.spearmanr(list(human.values()), list(judge.values())).statistic
    assert ta.agreement.spearman.value == pytest.approx(ranks)
    alpha = krippendorff_alpha([list(human.values()), list(judge.values())])
    assert ta.agreement.alpha.value == alpha
    assert ta.confusion == (
        (1, 0, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 1, 0, 1), (0, 0, 0, 0, 0), (0, 0, 0, 0, 1),
    )  # fmt: skip
    assert (result.low, result.high, result.labels, result.unjudged) == (1, 5, 5, 0)
    assert ta.agreement.difference.low < 3 / 5 < ta.agreement.difference.high


def test_scores_between_are_rounded_half_up_for_categories_only():
    human = {"a": 2.5, "b": 3.5, "c": 1.4, "d": 5}
    judge = {"a": 3, "b": 3, "c": 1, "d": 4.6}
    agreement = calibrated(labelled(human), judged(judge)).dimensions[0].agreement
    assert agreement.exact.value == pytest.approx(3 / 4)
    assert agreement.within_one.value == 1
    assert agreement.difference.value == pytest.approx((0.5 - 0.5 - 0.4 - 0.4) / 4)
    apart = calibrated(labelled({"a": 2.5}), judged({"a": 4})).dimensions[0].agreement
    assert (apart.within_one.value, apart.difference.value) == (1, 1.5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=12))
def test_the_confusion_holds_every_pair_and_gives_the_shares(rows):
    human = {f"s{i}": h for i, (h, _) in enumerate(rows)}
    judge = {f"s{i}": j for i, (_, j) in enumerate(rows)}
    (ta,) = calibrated(labelled(human), judged(judge), resamples=100).dimensions
    table = np.array(ta.confusion)
    assert table.sum() == ta.judged == len(rows)
    assert ta.agreement.exact.value == pytest.approx(np.trace(table) / len(rows))
    near = sum(np.trace(table, offset) for offset in (-1, 0, 1))
    assert ta.agreement.within_one.value == pytest.approx(near / len(rows))
    assert table.sum(axis=1).tolist() == [list(human.values()).count(s) for s in range(1, 6)]


def test_several_raters_have_a_median_and_a_ceiling():
    ann = {"a": 1, "b": 2, "c": 3, "d": 5}
    bob = {"a": 2, "b": 2, "c": 5, "d": 4, "e": 1}
    cid = {"a": 5, "b": 3}
    labels = [*labelled(ann, rater="ann"), *labelled(bob, rater="bob"), *labelled(cid, rater="cid")]
    (ta,) = calibrated(labels, judged({"a": 2, "b": 2, "c": 4, "d": 5})).dimensions
    assert (ta.raters, ta.labelled, ta.judged) == (3, 5, 4)
    # Medians 2, 2, 4, 4.5: the last is rounded to 5 where categories count.
    assert ta.agreement.exact.value == 1
    assert ta.agreement.difference.value == pytest.approx(0.5 / 4)
    everyone = [[r.get(s) for s in "abcde"] for r in (ann, bob, cid)]
    assert ta.human_alpha.value == krippendorff_alpha(everyone)
    assert (ta.human_alpha.n, ta.human_alpha.clusters) == (4, 4)
    (two,) = calibrated(labels[:9], judged({"a": 2})).dimensions
    assert two.human_alpha.value == krippendorff_alpha(everyone[:2])


def test_labels_without_a_verdict_are_counted_and_the_first_listed():
    human = {f"s{i}": 1 + i % 5 for i in range(10)}
    labels = [*labelled(human, rater="a"), *labelled(human, rater="b")]
    verdicts = judged({"s0": 1, "s1": 2, "s2": 3})
    verdicts["m", "s3", 0] = {"TP": 4}  # judged, but not in this dimension
    result = calibrated(labels, verdicts)
    assert (result.labels, result.unjudged) == (20, 14)
    assert result.unjudged_keys == tuple(("m", f"s{i}", 0) for i in range(3, 8))
    assert (result.dimensions[0].labelled, result.dimensions[0].judged) == (10, 3)


def test_dimensions_stand_alone_and_one_without_labels_is_there():
    labels = [*labelled({"a": 1, "b": 2}), *labelled({"a": 5}, dimension="TP")]
    verdicts = {("m", s, 0): {"TA": 2, "TP": 5, "SI": 1} for s in "abc"}
    result = calibrated(labels, verdicts, dimensions=["TP", "TA", "SI"])
    assert [(d.name, d.judged) for d in result.dimensions] == [("TP", 1), ("TA", 2), ("SI", 0)]
    assert result.dimensions[2].agreement.exact.value is None
    assert result.dimensions[1].agreement.difference.value == 0.5
    assert calibrate(Labels(rows=tuple(labels), blank=7), verdicts, NAMES, 1, 5, {}).blank == 7


def test_labels_find_their_model_and_trial():
    verdicts = judged({"a": 1, "b": 1}) | judged({"a": 5, "b": 5}, model="n", trial=2)
    labels = [
        Label(sample="a", dimension="TA", score=1, model="m", trial=0),
        Label(sample="a", dimension="TA", score=5, model="n", trial=2),
        Label(sample="b", dimension="TA", score=5, model="n", trial=0),
    ]
    result = calibrated(labels, verdicts, clusters={"a": "img"})
    (ta,) = result.dimensions
    assert (ta.judged, ta.agreement.exact.value, ta.agreement.exact.clusters) == (2, 1, 1)
    assert result.unjudged_keys == (("n", "b", 0),)
    only = calibrated([labels[1], labels[2]], judged({"a": 5, "b": 5}, model="n", trial=2))
    assert (only.dimensions[0].judged, only.unjudged_keys) == (1, (("n", "b", 0),))


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (judged({"a": 1}) | judged({"a": 5}, model="n"), ["at a", "no model", "m, n", "column"]),
        (judged({"a": 1}) | judged({"b": 5}, trial=1), ["at a", "no trial", "0, 1", "column"]),
        (judged({"A": 1, "B": 2}), ["No label has a verdict", "at a", "'a'", "'A' (m)"]),
        ({}, ["No label has a verdict", "none at all"]),
    ],
)
def test_labels_that_belong_nowhere_are_refused(verdicts, words):
    with pytest.raises(UserError) as caught:
        calibrated(labelled({"a": 1, "b": 2}), verdicts)
    for word in words:
        assert word in str(caught.value)


def test_other_labels_that_make_no_sense_are_refused():
    verdicts = judged({"a": 1})
    with pytest.raises(UserError, match="no label to compare"):
        calibrated([], verdicts)
    with pytest.raises(UserError, match="second TA of sample 'a'"):
        calibrated([*labelled({"a": 1}), *labelled({"a": 2}, model="m")], verdicts)
    with pytest.raises(UserError, match="no dimension 'VC'"):
        calibrated(labelled({"a": 1}, dimension="VC"), verdicts)
    for outside in (0, 6):  # a verdict off the scale is a bug, and no cell of the table
        with pytest.raises(ValueError, match="whole number from 1 to 5"):
            calibrated(labelled({"a": 1}), judged({"a": outside}))


# --- a new judge beside the old one ----------------------------------------------------------


def bridged(old, new, **more):
    more = {"dimensions": ["TA"], "low": 1, "high": 5, "clusters": {}, "resamples": 400} | more
    return bridge(old, new, **more)


def shifted(by, n=40, seed=1, noise=0.6):
    """Old and new scores of n samples, the new ones shifted and a little different."""
    rng = np.random.default_rng(seed)
    old = rng.uniform(2, 4, n)
    new = old + by + rng.normal(0, noise, n)
    names = [f"s{i}" for i in range(n)]
    clip = np.clip(new, 1, 5)
    return dict(zip(names, old.tolist(), strict=True)), dict(zip(names, clip.tolist(), strict=True))


def test_bridge_by_hand():
    old = judged({"a": 1, "b": 2, "c": 3, "d": 4, "x": 1})
    new = judged({"a": 2, "b": 2, "c": 5, "d": 5, "y": 1, "z": 1})
    result = bridged(old, new, clusters={"a": "img", "b": "img"}, names=("gpt", "qwen"))
    (ta,) = result.dimensions
    assert (result.old, result.new, result.headline) == ("gpt", "qwen", None)
    assert (ta.name, ta.n, ta.only_old, ta.only_new) == ("TA", 4, 1, 2)
    assert (ta.agreement.difference.value, ta.agreement.difference.clusters) == (1.0, 3)
    assert ta.agreement.exact.value == 0.25
    sd = math.sqrt(2 / 3)  # differences 1, 0, 2, 1
    assert ta.sd == pytest.approx(sd)
    assert ta.limits == pytest.approx((1 - 1.96 * sd, 1 + 1.96 * sd))
    apart = np.subtract.outer([1, 2, 3, 4], [2, 2, 5, 5]) ** 2
    assert ta.agreement.kappa.value == pytest.approx(1 - 1.5 / apart.mean())
    ranks = scipy_stats.spearmanr([1, 2, 3, 4], [2, 2, 5, 5]).statistic
    assert ta.agreement.spearman.value == pytest.approx(ranks)


@pytest.mark.parametrize(("by", "word"), [(0.7, "more"), (-0.7, "less")])
def test_an_offset_is_said_with_its_size_and_direction(by, word):
    old, new = shifted(by)
    (ta,) = bridged(judged(old), judged(new), names=("gpt", "qwen")).dimensions
    difference = ta.agreement.difference
    assert difference.low > 0 if by > 0 else difference.high < 0
    assert ta.verdict == (
        "The scores of the two judges are not interchangeable: qwen gives "
        f"{abs(difference.value):.3g} {word} for TA than gpt."
    )


def test_no_offset_is_said_with_the_smallest_that_could_be_found():
    old, new = shifted(0.0)
    (ta,) = bridged(judged(old), judged(new)).dimensions
    differences = np.array([new[s] - old[s] for s in old])
    error = differences.std(ddof=1) / math.sqrt(40)
    smallest = (scipy_stats.t.ppf(0.975, 39) + scipy_stats.t.ppf(0.8, 39)) * error
    assert ta.mdd == pytest.approx(smallest)
    assert ta.agreement.difference.low < 0 < ta.agreement.difference.high
    assert ta.verdict == (
        f"No offset found in TA; the smallest offset that this could find is {smallest:.3g}."
    )


def test_samples_of_one_image_make_the_smallest_offset_larger():
    old, new = shifted(0.0, n=10)
    copies = {f"{s}/{i}": v for s, v in old.items() for i in range(4)}
    others = {f"{s}/{i}": v for s, v in new.items() for i in range(4)}
    images = {s: s.split("/")[0] for s in copies}
    (alone,) = bridged(judged(old), judged(new)).dimensions
    (together,) = bridged(judged(copies), judged(others), clusters=images).dimensions
    (apart,) = bridged(judged(copies), judged(others)).dimensions
    assert together.mdd == pytest.approx(alone.mdd)
    assert apart.mdd < 0.6 * alone.mdd


def test_too_few_samples_say_nothing():
    for n in (1, MIN_CLUSTERS - 1, MIN_CLUSTERS):
        same = {f"s{i}": 3 for i in range(n)}
        more = dict.fromkeys(same, 4)
        (ta,) = bridged(judged(same), judged(more)).dimensions
        assert ta.verdict.startswith(f"Too few samples to tell: {n} ") == (n < MIN_CLUSTERS)
    images = dict.fromkeys(same, "one image")
    (ta,) = bridged(judged(same), judged(more), clusters=images).dimensions
    assert ta.verdict.startswith("Too few samples to tell: 1 ")


def test_a_dimension_that_only_one_judge_has():
    old = {("m", "a", 0): {"TA": 1}}
    new = {("m", "a", 0): {"TA": 1, "TP": 2}}
    _, tp = bridged(old, new, dimensions=NAMES).dimensions
    assert (tp.n, tp.only_old, tp.only_new) == (0, 0, 1)
    assert (tp.sd, tp.limits, tp.mdd, tp.agreement.exact.value) == (None, None, None, None)
    assert tp.verdict.startswith("Too few samples to tell: 0 ")


def test_rounding_noise_is_no_offset():
    old = {f"s{i}": 11 / 3 for i in range(20)}
    new = {s: v + 4e-16 for s, v in old.items()}
    assert new != old
    (ta,) = bridged(judged(old), judged(new)).dimensions
    assert ta.verdict.startswith("No offset found")
    assert ta.agreement.exact.value == 1


def test_the_headline_is_compared_without_a_scale():
    old, new = shifted(0.7)
    values = ({k: v / 100 for k, v in old.items()}, {k: v / 100 for k, v in new.items()})
    keyed = tuple({("m", s, 0): v for s, v in side.items()} for side in values)
    del keyed[1]["m", "s3", 0]
    result = bridged(judged(old), judged(new), values=keyed)
    headline, (ta,) = result.headline, result.dimensions
    assert (headline.n, headline.only_old, headline.only_new) == (39, 1, 0)
    assert (headline.agreement.kappa, headline.agreement.within_one) == (None, None)
    assert headline.agreement.exact.value == 0
    assert headline.agreement.difference.value == pytest.approx(
        ta.agreement.difference.value / 100, rel=0.1
    )
    assert "not interchangeable" in headline.verdict
    assert "more for the headline than" in headline.verdict


def test_judges_with_nothing_in_common_are_refused():
    with pytest.raises(UserError, match=r"gpt and qwen judged nothing in common \(1 and 2"):
        bridged(judged({"a": 1}), judged({"b": 1, "c": 1}), names=("gpt", "qwen"))


def test_rounding_is_half_up():
    assert [rounded(s) for s in (1, 1.49, 1.5, 2.5, 4.5)] == [1, 1, 2, 3, 5]
