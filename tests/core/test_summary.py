"""Cells of real run folders: policies, coverage, reasons, states, trials, macro means."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from evals.core.aggregation import STRICT_POLICY
from evals.core.columns import read_columns
from evals.core.errors import UserError
from evals.core.store import StoredRun
from evals.core.summary import summarise
from evals.core.types import Fault

MISSING = Fault(kind="missing_file", message="No output.", origin="model")
BROKEN = Fault(kind="unreadable_output", message="Not an image.", origin="model")
TIMEOUT = Fault(kind="timeout", message="No answer.", origin="infrastructure")
N = 20
ALL = list(range(N))


@pytest.fixture
def cell(make_run, tmp_path):
    """Writes a run and returns one of its cells."""

    def get(column, group=(), **options):
        run = StoredRun.read(make_run(tmp_path / "run", n=N, **options))
        return summarise(run, resamples=200).cells[column, group]

    return get


def balanced(cell):
    assert cell.planned == cell.scored + sum(cell.reasons.values())
    if cell.state == "ok":
        assert cell.n == cell.scored + cell.imputed
    return cell


VALUES = {"ocr_official.OA": [i / N for i in ALL], "ocr_strict.target": [i / N for i in ALL]}


def test_a_full_column_is_the_plain_mean(cell):
    got = balanced(cell("ocr_strict.target", values=VALUES))
    assert got.mean == pytest.approx(np.mean(VALUES["ocr_strict.target"]))
    assert got.low < got.mean < got.high
    assert (got.n, got.scored, got.planned, got.imputed) == (N, N, N, 0)
    assert (got.state, got.complete, got.coverage, got.reasons, got.note) == ("ok", True, 1, {}, "")


FAULTS = {3: ("missing", MISSING), 4: ("missing", MISSING), 7: ("refused", MISSING)}


def test_official_drops_a_models_faults_and_strict_scores_them_worst(make_run, tmp_path):
    run = StoredRun.read(make_run(tmp_path / "r", n=N, faults=FAULTS, values=VALUES))
    cells = summarise(run, resamples=200).cells
    kept = [v for i, v in enumerate(VALUES["ocr_official.OA"]) if i not in FAULTS]

    official = balanced(cells["ocr_official.OA", ()])
    assert official.mean == pytest.approx(np.mean(kept))
    assert (official.n, official.scored, official.imputed, official.planned) == (17, 17, 0, N)
    assert official.note == "faults that left the mean (profile official): 3"

    strict = balanced(cells["ocr_strict.target", ()])
    assert strict.mean == pytest.approx(sum(kept) / N)
    assert (strict.n, strict.scored, strict.imputed, strict.planned) == (N, 17, 3, N)
    assert strict.reasons == {"missing: missing_file": 2, "refused: missing_file": 1}
    assert official.complete
    assert strict.complete
    assert official.coverage == strict.coverage == 0.85


def test_worst_of_a_column_where_lower_is_better(cell):
    lpips = cell(
        "fidelity.lpips_region", faults=FAULTS, values={"fidelity.lpips_region": [0.2] * N}
    )
    assert lpips.mean == pytest.approx((17 * 0.2 + 3 * 1.0) / N)


def test_a_fault_without_a_worst_value_is_not_counted_and_said_so(cell):
    psnr = balanced(
        cell("fidelity.psnr_background", faults=FAULTS,
             values={"fidelity.psnr_background": [30.0] * N})
    )  # fmt: skip
    assert (psnr.mean, psnr.n, psnr.imputed) == (pytest.approx(30.0), 17, 0)
    assert "no worst value is defined" in next(iter(psnr.reasons))
    assert psnr.note == "faults without a worst value, not in the mean: 3"


def test_an_infrastructure_fault_leaves_strict_open_and_official_dropped(make_run, tmp_path):
    run = StoredRun.read(
        make_run(tmp_path / "r", n=N, faults={5: ("timeout", TIMEOUT)}, values=VALUES)
    )
    cells = summarise(run, resamples=200).cells
    kept = [v for i, v in enumerate(VALUES["ocr_strict.target"]) if i != 5]
    strict, official = cells["ocr_strict.target", ()], cells["ocr_official.OA", ()]
    assert strict.mean == official.mean == pytest.approx(np.mean(kept))
    assert (strict.complete, strict.imputed, strict.scored) == (False, 0, 19)
    assert official.complete
    assert strict.reasons == {"timeout": 1}


def test_a_policy_may_make_an_exception_by_kind(make_run, tmp_path):
    policy = asdict(STRICT_POLICY) | {"by_kind": {"unreadable_output": "zero"}}
    run = StoredRun.read(
        make_run(tmp_path / "r", n=N, faults={0: ("error", BROKEN), 1: ("missing", MISSING)},
                 values={"fidelity.lpips_region": [0.5] * N}, manifest={"policies": [policy]})
    )  # fmt: skip
    got = summarise(run, resamples=200).cells["fidelity.lpips_region", ()]
    assert got.mean == pytest.approx((0.0 + 1.0 + 18 * 0.5) / N)
    assert got.imputed == 2


def test_not_applicable_is_excluded_and_listed(cell):
    got = balanced(
        cell("ocr_strict.target", values=VALUES,
             not_applicable={"ocr_strict": {0: "no text", 1: "no text", 2: "source not found"}})
    )  # fmt: skip
    assert got.reasons == {"not applicable: no text": 2, "not applicable: source not found": 1}
    assert got.mean == pytest.approx(np.mean(VALUES["ocr_strict.target"][3:]))
    assert got.complete
    assert got.coverage == 0.85


def test_a_part_that_is_none_gives_its_note_and_leaves_other_parts_alone(make_run, tmp_path):
    values = {"ocr_strict.background": [None, *([0.5] * 19)], "ocr_strict.target": [0.25] * N}
    cells = summarise(StoredRun.read(make_run(tmp_path / "r", n=N, values=values))).cells
    part = balanced(cells["ocr_strict.background", ()])
    assert part.reasons == {"not applicable: does not apply here": 1}
    assert part.n == 19
    assert cells["ocr_strict.target", ()].n == N


def test_a_primary_part_that_is_none_does_not_hide_the_others(make_run, tmp_path):
    values = {"ocr_strict.target": [None] * N, "ocr_strict.background": [0.5] * N}
    cells = summarise(StoredRun.read(make_run(tmp_path / "r", n=N, values=values))).cells
    assert cells["ocr_strict.target", ()].state == "not_applicable"
    assert cells["ocr_strict.target", ()].mean is None
    assert cells["ocr_strict.background", ()].mean == pytest.approx(0.5)


def test_failed_waiting_and_unscored_leave_the_column_open(cell):
    got = balanced(
        cell("ocr_official.OA", values=VALUES, unpredicted=[0],
             unscored={"ocr_official": [1]}, failed={"ocr_official": {2: "judge said nothing"}})
    )  # fmt: skip
    assert got.reasons == {
        "not predicted yet": 1, "not scored yet": 1, "failed: judge said nothing": 1,
    }  # fmt: skip
    assert not got.complete
    assert got.n == 17


def test_an_absent_metric_is_unavailable_with_its_fix_never_zero(cell):
    got = balanced(cell("judge.Avg"))
    assert (got.state, got.mean, got.low, got.n) == ("unavailable", None, None, 0)
    assert got.note == "judge is absent here; install judge"
    assert not got.complete


def test_faults_alone_are_no_mean_of_an_absent_metric(cell):
    # The strict policy could score three faults 0: that would show a judge mean of 0.000.
    got = balanced(cell("judge.Avg", faults=FAULTS))
    assert (got.state, got.mean, got.imputed) == ("unavailable", None, 0)


def test_when_every_prediction_failed_strict_is_the_worst_value(cell):
    got = balanced(cell("ocr_strict.target", faults=dict.fromkeys(ALL, ("missing", MISSING))))
    assert (got.state, got.mean, got.scored, got.imputed) == ("ok", 0.0, 0, N)


def test_nothing_predicted_yet_is_empty(cell):
    got = balanced(cell("ocr_strict.target", unpredicted=ALL))
    assert (got.state, got.mean, got.complete) == ("empty", None, False)


def test_statuses_count_predictions_and_those_to_come(make_run, tmp_path):
    run = StoredRun.read(make_run(tmp_path / "r", n=N, faults=FAULTS, unpredicted=[0, 1]))
    summary = summarise(run, resamples=200)
    assert summary.statuses == {"ok": 15, "missing": 2, "not predicted": 2, "refused": 1}
    assert not summary.complete


def test_trials_are_averaged_per_sample_before_anything_else(make_run, tmp_path):
    run = StoredRun.read(make_run(tmp_path / "r", n=N, trials=3))
    column = read_columns(run, ["ocr_strict.target"])["ocr_strict.target"]
    for i, sample in enumerate(run.samples):
        parts = [run.scores[sample["id"], t, "ocr_strict"].parts["target"] for t in range(3)]
        assert len(set(parts)) > 1
        assert column.values[i] == pytest.approx(np.mean(parts))
    got = summarise(run, resamples=200).cells["ocr_strict.target", ()]
    assert (got.n, got.planned) == (N, N)


def test_one_bad_trial_is_said_but_does_not_cost_the_sample(make_run, tmp_path):
    run = StoredRun.read(make_run(tmp_path / "r", n=N, trials=2))
    scores = dict(run.scores)
    del scores[run.samples[0]["id"], 1, "ocr_strict"]
    holed = StoredRun(folder=run.folder, manifest=run.manifest, samples=run.samples,
                      predictions=run.predictions, scores=scores)  # fmt: skip
    got = balanced(summarise(holed, resamples=200).cells["ocr_strict.target", ()])
    assert (got.n, got.complete) == (N, False)
    assert got.note == "unmeasured trials of measured samples: 1"


def test_groups_are_all_prefixes_and_add_up(make_run, tmp_path):
    run = StoredRun.read(make_run(tmp_path / "r", n=N, faults=FAULTS))
    cells = summarise(run, resamples=200).cells
    assert {g for _, g in cells} == {
        (), ("Virtual",), ("Real",), ("Virtual", "1.1.1"), ("Virtual", "1.2.2"), ("Real", "2.1"),
        ("Real", "2.7"),
    }  # fmt: skip
    for name in ("ocr_official.OA", "fidelity.psnr_background"):
        halves = [cells[name, (g,)] for g in ("Virtual", "Real")]
        whole = cells[name, ()]
        assert whole.n == sum(h.n for h in halves)
        assert whole.mean == pytest.approx(sum(h.mean * h.n for h in halves) / whole.n)


def test_macro_weighs_sub_classes_alike(make_run, tmp_path):
    values = {"ocr_strict.target": [(i % 4) / 4 for i in range(6)]}
    run = StoredRun.read(make_run(tmp_path / "r", n=6, values=values))
    cells = summarise(run, resamples=200).cells
    # Leaves in turn: two with two samples (0 and .25), two with one (.5 and .75).
    assert cells["ocr_strict.target", ()].mean == pytest.approx((0 + 0 + 0.25 + 0.25 + 1.25) / 6)
    macro = cells["ocr_strict.target", ()].macro
    assert macro.mean == pytest.approx(0.375)
    assert macro.n == 4
    assert cells["ocr_strict.target", ("Virtual", "1.1.1")].macro is None


def test_macro_interval_holds_its_mean_and_skips_leaves_without_values(make_run, tmp_path):
    run = StoredRun.read(
        make_run(tmp_path / "r", n=40,
                 not_applicable={"ocr_strict": dict.fromkeys(range(0, 40, 4), "no text")})
    )  # fmt: skip
    macro = summarise(run, resamples=300).cells["ocr_strict.target", ()].macro
    assert macro.n == 3
    assert macro.low < macro.mean < macro.high


def test_single_sample_groups_have_a_mean_and_no_interval(cell):
    got = cell("ocr_strict.target", ("Real", "2.7"), not_applicable={
        "ocr_strict": dict.fromkeys(range(3, 16, 4), "no text")})  # fmt: skip
    assert got.n == 1
    assert got.mean is not None
    assert got.low is None
    assert got.note == "no interval: fewer than two independent samples"


def test_clusters_are_resampled_as_one(make_run, tmp_path):
    values = {"ocr_strict.target": [(i % 2) * 1.0 for i in range(40)]}
    few = StoredRun.read(make_run(tmp_path / "few", n=40, clusters=4, values=values))
    many = StoredRun.read(make_run(tmp_path / "many", n=40, values=values))
    narrow, wide = (summarise(r, resamples=300).cells["ocr_strict.target", ()] for r in (many, few))
    assert wide.high - wide.low != pytest.approx(narrow.high - narrow.low, abs=1e-6)


def test_summary_is_a_pure_function(make_run, tmp_path):
    run = StoredRun.read(make_run(tmp_path / "r", n=N))
    before = sorted((p, p.stat().st_mtime_ns) for p in run.folder.rglob("*"))
    first, second = summarise(run, seed=3), summarise(run, seed=3)
    assert first.cells == second.cells
    assert first.cells != summarise(run, seed=4).cells
    assert before == sorted((p, p.stat().st_mtime_ns) for p in run.folder.rglob("*"))


def test_a_score_that_is_no_number_stops_with_its_name(make_run, tmp_path):
    values = {"fidelity.psnr_background": [30.0] * 19 + [math.inf]}
    run = StoredRun.read(make_run(tmp_path / "r", n=N, values=values))
    with pytest.raises(UserError, match=r"fidelity\.psnr_background of sample .* is Infinity"):
        summarise(run)


def test_a_run_without_samples_has_empty_cells(make_run, tmp_path):
    cells = summarise(StoredRun.read(make_run(tmp_path / "r", n=0)), resamples=200).cells
    got = cells["ocr_strict.target", ()]
    assert (got.state, got.planned, got.coverage) == ("empty", 0, 1.0)


def test_a_zero_that_the_released_script_does_not_give_is_not_given(make_run, tmp_path):
    """Upstream scores a black image with CLIP there: leaving the sample out is not inventing it."""
    policy = asdict(STRICT_POLICY) | {"profile": "official", "by_kind": {BROKEN.kind: "zero"}}
    folder = make_run(
        tmp_path / "run", n=N, faults={3: ("error", BROKEN)}, manifest={"policies": [policy]},
        values={"clip.CLIP": [1.0] * N, "ocr_official.F1": [0.5] * N},
    )  # fmt: skip
    plain = summarise(StoredRun.read(folder), resamples=200).cells["clip.CLIP", ()]
    assert plain.imputed == 1
    path = folder / "run.json"
    manifest = json.loads(path.read_text())
    for metric in manifest["metrics"]:
        for quantity in metric["quantities"]:
            quantity["no_zero"] = "not reproduced" if quantity["name"] == "CLIP" else ""
    path.write_text(json.dumps(manifest))
    cells = summarise(StoredRun.read(folder), resamples=200).cells
    left = balanced(cells["clip.CLIP", ()])
    assert (left.imputed, left.scored, left.n) == (0, N - 1, N - 1)
    assert any("not reproduced" in reason for reason in left.reasons)
    assert cells["ocr_official.F1", ()].imputed == 1
