"""The released arithmetic: its rules one by one, and against recorded vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.textedit import official
from benchmarks.textedit.conformance import CONFORMANCE
from benchmarks.textedit.paper import best_match_mean, paper_metrics
from evals.conformance import run_conformance
from tests.reading_kit import column, item

TABLE = {"textedit": "benchmarks.textedit.conformance"}


def test_all_recorded_functions_agree(conformance_dir: Path) -> None:
    path = conformance_dir / "textedit.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], TABLE)
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed] == []
    assert sum(r.cases for r in reports) > 3000


def test_a_wrong_rule_is_noticed(conformance_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "similarity", lambda a, b: float(a == b))
    reports = run_conformance([conformance_dir / "textedit.json"], TABLE)
    wrong = {r.function for r in reports if r.mismatches}
    assert {"ocr_metrics", "unit.get_ld", "unit.compute_roi_ned"} <= wrong


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café Ole", "caféole"),
        ("ＹＡＭＡＨＡ", "yamaha"),
        ("ﬁ ²⑤", "fi25"),
        ("3-1!", "31"),
        ("", ""),
    ],
)
def test_norm(text: str, folded: str) -> None:
    assert official.norm(text) == folded


def test_similarity_divides_by_a_little_more_than_the_length() -> None:
    assert official.similarity("ab", "ab") == 1.0
    assert official.similarity("ab", "cd") == 1 - 2 / 2.00001
    assert official.similarity("ab", "cd") > 0
    assert official.similarity("abcd", "abxy") > 0.5


def test_lines_chain_over_a_staircase_and_the_gap_is_open() -> None:
    steps = [item(t, 10 * n, 9.99 * n) for n, t in enumerate("abcd")]
    assert [[i.text for i in line] for line in official.group_into_lines(steps)] == [list("abcd")]
    apart = [item("a", 0, 0), item("b", 0, 10)]
    assert len(official.group_into_lines(apart)) == 2
    assert len(official.group_into_lines(apart, 10.5)) == 1


@given(st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=8))
def test_iou_above_half_implies_the_centre_rule(numbers: list[float]) -> None:
    """C12: the IoU rule of the edit region never decides anything."""
    a, b = (
        (min(n[0], n[2]), min(n[1], n[3]), max(n[0], n[2]), max(n[1], n[3]))
        for n in (numbers[:4], numbers[4:])
    )
    if official.iou(a, b) > 0.5:
        assert official.point_in(official.centre(a), b)


ITEMS = st.lists(
    st.builds(
        item,
        st.text(alphabet="aAbB1 é-", max_size=6),
        st.floats(-50, 500),
        st.floats(-50, 500),
        st.floats(0, 200),
        st.floats(0, 60),
    ),
    max_size=6,
)
TEXTS = st.text(alphabet="aAbB1 -", max_size=5)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, ITEMS, ITEMS)
def test_values_stay_in_range(source: str, target: str, original: list, edited: list) -> None:
    for metric in (official.ocr_metrics, paper_metrics):
        scores = metric(source, target, original, edited)
        values = [scores.OA, scores.OP, scores.OR, scores.F1, scores.NED]
        assert all(0.0 <= v <= 1.0 for v in values)
        assert not scores.exit or values == [0.0] * 5


def test_clip_scores_keep_their_precision_and_drop_negative_cosines() -> None:
    images = np.array([[3.0, 4.0], [1.0, 0.0]])
    texts = np.array([[3.0, 4.0], [-1.0, 0.0]])
    assert official.clip_scores(images, texts) == pytest.approx([2.5, 0.0])
    half = official.clip_scores(images.astype(np.float16), texts.astype(np.float16))
    assert half.dtype == np.float16


# --- the paper's variant ----------------------------------------------------------------------


def test_paper_differs_from_the_code_where_it_says_so() -> None:
    # Background matches may be used again, and only background counts.
    original = column("TEA", "MENU", "MENU")
    scores = paper_metrics("TEA", "COFFEE", original, column("COFFEE", "MENU", y=10))
    assert (scores.OP, scores.OR) == (1.0, 1.0)
    # The residual factor of NED asks for the source only, however similar the target is.
    copy = column("2012")
    assert pytest.approx(0.75, abs=1e-4) == official.ocr_metrics("2012", "2013", copy, copy).NED
    assert pytest.approx(0.15) == paper_metrics("2012", "2013", copy, copy).NED
    # S has no 1e-5: nothing in common is exactly 0.
    assert paper_metrics("AB", "CD", column("AB"), column("AB")).OA == 0.0


def test_best_match_mean_of_nothing() -> None:
    assert best_match_mean([], []) == 1.0
    assert best_match_mean([], ["a"]) == 0.0
