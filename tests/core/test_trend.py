"""Steps of a training, and what changed from one to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.compare import compare_runs
from evals.core.leaderboard import leaderboard
from evals.core.store import StoredRun
from evals.core.trend import HEADLINE, TRACK, changes, step_of
from tests import training_runs
from tests.fake_runs import make_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredRun]:
    place = tmp_path_factory.mktemp("trend")
    training_runs.anchors(place)
    training_runs.steps(place)
    return {r.model: r for r in training_runs.runs_below(place)}


def changed(runs: dict[str, StoredRun], *keys: str, last: int = 250) -> dict[str, Any]:
    return changes(
        runs["toy @ step 0"], runs[f"toy @ step {last}"], keys, floor=runs["copy-source"],
        ceiling=runs["ground-truth"],
    )  # fmt: skip


def test_the_description_says_which_step(runs: dict[str, StoredRun]) -> None:
    found = step_of(runs["toy @ step 100"])
    assert found is not None
    assert (found.name, found.step) == ("toy", 100)
    other = step_of(runs["toy @ step 250"])
    assert other is not None
    assert other.settings == found.settings, "steps of one training have the rest in common"
    assert step_of(runs["copy-source"]) is None


@pytest.mark.parametrize(
    "training",
    [None, "toy", [], {}, {"name": "toy"}, {"step": 3}, {"name": 7, "step": 3},
     {"name": "toy", "step": "3"}, {"name": "toy", "step": True}, {"name": "toy", "step": 1.5}],
)  # fmt: skip
def test_anything_else_is_no_step(tmp_path: Path, training: Any) -> None:
    model = {"name": "m", "adapter": "a", "role": "model", "describe": {"training": training}}
    folder = make_run(tmp_path / "m", "m", 2, manifest={"model": model})
    assert step_of(StoredRun.read(folder)) is None


def test_columns_change_as_compare_says(runs: dict[str, StoredRun]) -> None:
    columns = ("ocr_official.OA", "fidelity.psnr_background", "fidelity.lpips_region")
    found = changed(runs, *columns)
    told = compare_runs(runs["toy @ step 250"], runs["toy @ step 0"], columns)
    rows = {r.column: r for r in told.rows if not r.group}
    for name in columns:
        change, row = found[name], rows[name]
        assert (change.difference, change.low, change.high) == (row.difference, row.low, row.high)
        assert (change.p, change.adjusted, change.n) == (row.p, row.adjusted, row.n)
    assert found["ocr_official.OA"].difference > 0 > found["fidelity.lpips_region"].difference


def test_the_headline_changes_as_the_board_says(runs: dict[str, StoredRun]) -> None:
    found = changed(runs, HEADLINE)[HEADLINE]
    pairs = leaderboard(list(runs.values())).boards[0].pairs
    pair = next(p for p in pairs if {p.a, p.b} == {"toy @ step 250", "toy @ step 0"})
    assert found.difference == pytest.approx(pair.difference)
    assert (found.p, found.n) == (pair.p, pair.n)
    assert found.low == pytest.approx(pair.low)


def test_tracks_change_by_their_anchored_difference(runs: dict[str, StoredRun]) -> None:
    found = changed(runs, TRACK + "text", TRACK + "fidelity", TRACK + "judge")
    assert set(found) == {TRACK + "text", TRACK + "fidelity"}, "nothing judged here"
    board = leaderboard(list(runs.values())).boards[0]
    values = {
        row.model: {t.name: t.value for t in row.headline.tracks} for row in board.rows
    }  # fmt: skip
    for name in ("text", "fidelity"):
        gap = values["toy @ step 250"][name] - values["toy @ step 0"][name]  # type: ignore[operator]
        change = found[TRACK + name]
        assert change.difference == pytest.approx(gap)
        assert change.low is not None
        assert change.high is not None
        assert change.low <= change.difference <= change.high
        assert change.p < 0.05


def test_a_step_against_itself_has_not_changed(runs: dict[str, StoredRun]) -> None:
    for change in changed(runs, HEADLINE, TRACK + "text", "ocr_official.OA", last=0).values():
        assert (change.difference, change.p) == (0.0, 1.0)


def test_holm_is_over_what_is_asked_for(runs: dict[str, StoredRun]) -> None:
    alone = changed(runs, "ocr_official.OA", last=100)["ocr_official.OA"]
    both = changed(runs, "ocr_official.OA", "ocr_official.OP", last=100)
    assert alone.adjusted == alone.p
    assert max(c.adjusted / c.p for c in both.values()) == pytest.approx(2.0, rel=1e-6)


def test_without_anchors_columns_are_left(runs: dict[str, StoredRun]) -> None:
    first, last = runs["toy @ step 0"], runs["toy @ step 250"]
    found = changes(first, last, (TRACK + "text", "ocr_official.OA", "no.such"))
    assert set(found) == {"ocr_official.OA"}
