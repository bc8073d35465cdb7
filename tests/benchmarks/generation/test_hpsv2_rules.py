"""HPSv2's numbers per style: recorded vectors, and cases by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.hpsv2.conformance import CONFORMANCE
from benchmarks.generation.hpsv2.rules import (
    AVERAGE,
    STYLES,
    official_average,
    official_cell,
    strict_means,
)
from evals.conformance import run_conformance


def test_all_recorded_functions_agree(conformance_dir: Path) -> None:
    path = conformance_dir / "hpsv2.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {"hpsv2": "benchmarks.generation.hpsv2.conformance"})
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


def test_official_styles(official_data: Path) -> None:
    rows = json.loads((official_data / "hpsv2" / "prompts_extracted.json").read_text())
    assert [r["style"] for r in rows] == [s for s in STYLES for _ in range(800)]
    assert [r["idx"] for r in rows] == list(range(800)) * 4


def test_a_short_last_chunk_weighs_as_much_as_a_whole_one() -> None:
    cell = official_cell([10.0] * 80 + [30.0])
    assert cell is not None
    assert (cell.mean, cell.deviation, cell.chunks, cell.scores) == (20.0, 10.0, 2, 81)


def test_a_missing_image_moves_the_borders() -> None:
    whole, one = [10.0] * 80 + [30.0] * 80, [None, *[10.0] * 79, *[30.0] * 80]
    first, second = official_cell(whole), official_cell(one)
    assert first is not None
    assert second is not None
    assert first.mean == 20.0
    assert second.mean == pytest.approx((79 * 10 + 30) / 80 / 2 + 15)


def test_nothing_is_no_number() -> None:
    assert official_cell([None, None]) is None
    assert official_average({"photo": [None]}) is None
    assert CONFORMANCE["evaluate_benchmark"]({"scores_by_style": {"photo": []}}) == {
        "photo": {"mean_of_chunk_means": "nan", "std_of_chunk_means": "nan"},
        AVERAGE: {"mean": "nan"},
    }


def test_strict_means_want_every_image() -> None:
    assert strict_means({"anime": [1.0, 3.0], "photo": [5.0]}) == {
        "anime": 2.0, "photo": 5.0, AVERAGE: 3.0,
    }  # fmt: skip
    assert strict_means({"anime": [1.0, 3.0], "photo": [5.0, None]}) == {
        "anime": 2.0, "photo": None, AVERAGE: None,
    }  # fmt: skip
    assert strict_means({"photo": []}) == {"photo": None, AVERAGE: None}


@given(st.lists(st.none() | st.floats(-100, 100), max_size=200))
def test_means_lie_among_the_scores(scores: list[float | None]) -> None:
    found = [s for s in scores if s is not None]
    cell = official_cell(scores)
    assert (cell is None) == (not found)
    if cell is not None:
        assert min(found) - 1e-9 <= cell.mean <= max(found) + 1e-9
