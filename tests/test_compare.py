"""Two runs compared by hand, and runs beside printed rows: inside, outside, not comparable."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.textedit.published import published
from evals.compare import compare_published, compare_runs
from evals.core.errors import UserError
from evals.core.paired import paired_permutation
from evals.core.store import StoredRun
from evals.core.types import Fault, PublishedRow

spec = importlib.util.spec_from_file_location("fake_runs", Path(__file__).parent / "fake_runs.py")
fake_runs = importlib.util.module_from_spec(spec)
sys.modules.setdefault("fake_runs", fake_runs)
spec.loader.exec_module(fake_runs)

MISSING = Fault(kind="missing_file", message="No output.", origin="model")
N = 12
OFFICIAL = {"suite": "full", "engine": "paddleocr-official", "judge": True,
            "judge_model": "gemini-3-pro-preview"}  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    def get(name, **options):
        folder = tmp_path / options.pop("folder", name)
        return StoredRun.read(fake_runs.make_run(folder, model=name, **{"n": N, **options}))

    return get


def row_of(comparison, column, group=()):
    return next(r for r in comparison.rows if (r.column, r.group) == (column, group))


# --- two runs -------------------------------------------------------------------------------


def test_difference_by_hand(runs):
    a = [i / 16 for i in range(N)]
    b = [i / 16 + (0.25 if i % 4 else -0.125) for i in range(N)]
    one = runs("a", values={"ocr_strict.target": a})
    two = runs("b", values={"ocr_strict.target": b})
    got = row_of(compare_runs(one, two), "ocr_strict.target")
    difference = np.array(a) - np.array(b)
    assert got.mean_a == pytest.approx(np.mean(a))
    assert got.mean_b == pytest.approx(np.mean(b))
    assert got.difference == pytest.approx(difference.mean())
    assert got.low <= got.difference <= got.high
    assert got.p == paired_permutation(difference.tolist())
    assert got.n == N
    leaf = row_of(compare_runs(one, two), "ocr_strict.target", ("Virtual", "1.1.1"))
    assert (leaf.difference, leaf.n, leaf.p) == (pytest.approx(0.125), 3, pytest.approx(2 / 8))


def test_swapping_the_runs_changes_signs_only(runs):
    one, two = runs("a", quality=0.8), runs("b", quality=0.4)
    there, back = compare_runs(one, two), compare_runs(two, one)
    for x, y in zip(there.rows, back.rows, strict=True):
        if x.p is None:
            assert (x.verdict, y.verdict) == ("not comparable", "not comparable")
            continue
        assert x.difference == pytest.approx(-y.difference)
        assert x.low == pytest.approx(-y.high, abs=0.02)
        assert x.p == pytest.approx(y.p)
        opposite = {"better": "worse", "worse": "better", "not separable": "not separable"}
        assert opposite[x.verdict] == y.verdict


def test_better_means_lower_where_lower_is_better(runs):
    one, two = runs("a", quality=0.9, n=24), runs("b", quality=0.3, n=24)
    got = row_of(compare_runs(one, two), "fidelity.lpips_region")
    assert got.difference < 0
    assert got.verdict == "better"


def test_holm_families_are_the_suite_and_each_columns_groups(runs):
    one, two = runs("a", quality=0.7), runs("b", quality=0.6)
    got = compare_runs(one, two, ["ocr_strict.target", "ocr_strict.background"])
    whole = sorted((r.p, r.adjusted) for r in got.rows if r.group == ())
    assert whole[0][1] == pytest.approx(min(1, 2 * whole[0][0]))
    groups = [r for r in got.rows if r.column == "ocr_strict.target" and r.group]
    smallest = min(groups, key=lambda r: r.p)
    assert len(groups) == 6
    assert smallest.adjusted == pytest.approx(min(1, 6 * smallest.p))


def test_a_run_against_itself_is_not_separable(runs):
    run = runs("a")
    for row in compare_runs(run, run).rows:
        assert row.verdict in {"not separable", "not comparable"}
        assert row.difference in {0.0, None}


def test_faults_count_as_worst_in_a_comparison(runs):
    one = runs("a", values={"ocr_official.OA": [0.5] * N})
    two = runs("b", values={"ocr_official.OA": [0.5] * N}, faults={0: ("missing", MISSING)})
    got = row_of(compare_runs(one, two), "ocr_official.OA")
    assert got.difference == pytest.approx(0.5 / N)
    assert got.n == N


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"suite": "full"}, "one suite is synthetic, the other official"),
        ({"suite": "synth2", "synthetic": True}, "suite differs: synth and synth2"),
        ({"manifest": {"settings": {"errata": "fix"}}}, "data errata are treated differently"),
    ],
)
def test_other_data_is_not_compared(runs, options, reason):
    got = compare_runs(runs("a"), runs("b", **options))
    assert any(reason in r for r in got.reasons)
    assert got.rows == ()


def test_versions_must_agree(runs):
    one = runs("a")
    for key, reason in (("benchmark", "benchmark version"), ("suite", "data version")):
        other = runs(f"b-{key}", manifest={key: {**one.manifest[key], "version": "2"}})
        assert any(reason in r for r in compare_runs(one, other).reasons)


def test_another_scorer_spoils_its_own_columns_only(runs):
    got = compare_runs(runs("a"), runs("b", engine="paddleocr-onnx"))
    assert "OCR engine differs: rapidocr and paddleocr-onnx" in got.notes
    spoilt = row_of(got, "ocr_strict.target")
    assert spoilt.verdict == "not comparable"
    assert "scorer of ocr_strict differs" in spoilt.reason
    assert spoilt.difference is None
    assert row_of(got, "fidelity.lpips_region").p is not None


def test_only_common_samples_are_paired(runs):
    got = compare_runs(runs("a"), runs("b", n=8))
    assert row_of(got, "ocr_strict.target").n == 8
    assert "the comparison is over the 8 in common" in got.notes[0]


def test_columns_without_values_give_a_reason(runs):
    got = row_of(compare_runs(runs("a"), runs("b")), "judge.Avg")
    assert (got.verdict, got.difference) == ("not comparable", None)
    assert "judge is absent here" in got.reason


def test_unknown_columns_are_refused_with_the_nearest(runs):
    run = runs("a")
    with pytest.raises(UserError, match=r"ocr_strict\.target"):
        compare_runs(run, run, ["ocr_strict.targe"])


def test_json_of_both_kinds(runs):
    one = runs("a")
    plain = compare_runs(one, runs("b")).to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["kind"] == "runs"
    assert plain["rows"][0]["group"] == []
    beside = compare_published(one, published()[0]).to_json()
    assert json.loads(json.dumps(beside, allow_nan=False)) == beside
    assert beside["kind"] == "published"


# --- a printed row --------------------------------------------------------------------------


def printed(corrected=True, **changes):
    row = next(
        r for r in published() if (r.model, r.suite, r.corrected) == ("BAGEL", "full", corrected)
    )
    return dataclasses.replace(row, **changes)


def beside(comparison, column, group="Real"):
    return next(r for r in comparison.rows if (r.column, r.group) == (column, group))


def test_inside_and_outside(runs):
    noise = [0.1 * math.sin(i) for i in range(40)]
    near = runs("near", n=40, values={"ocr_official.OA": [0.5 + v for v in noise]}, **OFFICIAL)
    mean = float(np.mean([0.5 + v for i, v in enumerate(noise) if i % 4 >= 2]))
    row = printed(values={"Real": {"ocr_official.OA": round(mean, 2)}})
    assert beside(compare_published(near, row), "ocr_official.OA").verdict == "inside"
    row = printed(values={"Real": {"ocr_official.OA": 0.95}})
    got = beside(compare_published(near, row), "ocr_official.OA")
    assert got.verdict == "outside"
    assert got.difference == pytest.approx(mean - 0.95)
    assert got.reasons == ()


def test_rounding_of_the_printed_number_is_forgiven_once(runs):
    flat = runs("flat", values={"ocr_official.OA": [0.504] * N}, **OFFICIAL)
    for value, verdict in ((0.50, "inside"), (0.51, "outside"), (0.49, "outside")):
        row = printed(values={"Real": {"ocr_official.OA": value, "ocr_official.OP": 0.25}})
        got = beside(compare_published(flat, row), "ocr_official.OA")
        assert (got.verdict, got.rounding) == (verdict, 0.005)


@pytest.mark.parametrize(
    ("options", "column", "reason"),
    [
        ({"engine": "rapidocr"}, "ocr_official.OA", "OCR engine differs: rapidocr"),
        (
            {"judge_model": "other"},
            "judge.TA_official",
            "judge differs: other, printed with gemini",
        ),
        ({"suite": "mini"}, "clip.CLIP", "suite differs: mini, printed for full"),
        ({"suite": "synth"}, "clip.CLIP", "synthetic: the run's data"),
        ({"faults": {2: ("missing", MISSING)}}, "clip.CLIP", "coverage 83.3 % is below 99 %"),
        ({"absent": ["clip"]}, "clip.CLIP", "no value: clip is absent here; install clip"),
    ],
)
def test_reasons_not_to_compare_are_named(runs, options, column, reason):
    run = runs("r", **{**OFFICIAL, **options})
    got = beside(compare_published(run, printed()), column)
    assert got.verdict == "not comparable"
    assert any(reason in r for r in got.reasons)


def test_a_part_of_the_suite_is_not_the_suite(runs):
    full = runs("r", **OFFICIAL)
    part = dataclasses.replace(
        full, manifest={**full.manifest, "suite": {**full.manifest["suite"], "size": 2148}}
    )
    got = compare_published(part, printed())
    assert got.reasons == ("only 12 of the suite's 2148 samples were planned",)
    assert {r.verdict for r in got.rows} == {"not comparable"}


def test_another_engine_spoils_the_ocr_columns_only(runs):
    got = compare_published(runs("r", **{**OFFICIAL, "engine": "rapidocr"}), printed())
    assert beside(got, "ocr_official.OA").verdict == "not comparable"
    assert beside(got, "clip.CLIP").verdict in {"inside", "outside"}


def test_permuted_columns_are_not_compared_as_printed(runs):
    run = runs("r", **OFFICIAL)
    as_printed = compare_published(run, printed(corrected=False))
    assert "columns are permuted" in beside(as_printed, "judge.TP_official").reasons[0]
    assert beside(as_printed, "judge.Avg_official").verdict in {"inside", "outside"}
    assert beside(compare_published(run, printed()), "judge.TP_official").reasons == ()


def test_differences_of_protocol_are_named_with_every_verdict(runs):
    got = compare_published(runs("r", **OFFICIAL), printed())
    assert any(d.startswith("seed:") for d in got.differences)
    assert got.published == "BAGEL"
    assert got.corrected


def test_rows_of_a_manifest_are_read_too(runs):
    run = runs("r", **OFFICIAL)
    stored = json.loads(json.dumps(dataclasses.asdict(printed())))
    assert compare_published(run, {**stored, "later": 1}) == compare_published(run, printed())


def test_a_malformed_difference_is_refused(runs):
    row = PublishedRow(model="x", suite="full", values={"Real": {"clip.CLIP": 0.7}}, source="s",
                       differences=("no aspect here",))  # fmt: skip
    with pytest.raises(ValueError, match="is not 'aspect: sentence'"):
        compare_published(runs("r", **OFFICIAL), row)
