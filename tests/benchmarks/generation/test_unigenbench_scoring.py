"""UniGenBench: recorded vectors, the count by hand, and replies of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.unigenbench import scoring
from benchmarks.generation.unigenbench.conformance import CONFORMANCE
from benchmarks.generation.unigenbench.scoring import official_reading, strict_reading
from evals.conformance import run_conformance
from evals.core.errors import UserError

POINTS = ("Style", "Attribute - Size")
PIECES = st.sampled_from(
    ["<score>", "</score>", "<analysis>", "</analysis>", "[", "]", "(", ")", "{", "}", "1", "0",
     "0.5", "true", "None", "'a'", '"1"', ", ", "'Style': ", "1e999", "```json\n", "\n```",
     "0x" + "f" * 4000, "-", "9" * 5000]
)  # fmt: skip
REPLIES = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=120))


def _reply(score: str, analysis: str = "['a', 'b']") -> str:
    return f"<analysis>{analysis}</analysis>\n<score>{score}</score>"


def test_all_recorded_functions_agree(conformance_dir: Path, official_data: Path) -> None:
    path = conformance_dir / "unigenbench.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    table = {"unigenbench": "benchmarks.generation.unigenbench.conformance"}
    reports = run_conformance([path], table)
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


def test_absent_official_prompts_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_DATA", str(tmp_path))
    given_rows = {"lang": "en", "testpoints": "all 600 rows of test_prompts_en.csv", "scores": []}
    with pytest.raises(UserError, match="UMM_EVALS_DATA"):
        CONFORMANCE["calculate_scores"](given_rows)


@pytest.mark.parametrize(
    ("reply", "official", "strict"),
    [
        (_reply("[1, 0]"), [1, 0], (1, 0)),
        (_reply("1, 0"), (1, 0), (1, 0)),
        (_reply("[true, false]"), None, (1, 0)),
        (_reply("[True, False]"), [True, False], (1, 0)),
        (_reply("['1', '0']"), ["1", "0"], (1, 0)),
        (_reply("```json\n[1, 0]\n```"), None, (1, 0)),
        (_reply("[0.5, 1]"), [0.5, 1], ()),
        (_reply("[1]"), None, ()),
        (_reply("1"), None, ()),
        (_reply("[1, 0]", "['it's', 'b']"), None, (1, 0)),
        (_reply("{'Style': 1, 'Attribute - Size': 0}"),
         {"Style": 1, "Attribute - Size": 0}, (1, 0)),
        (_reply("{'Style': 1, 'Size': 0}"), {"Style": 1, "Size": 0}, ()),
        (_reply("[1, 1]") + "<score>[0, 0]</score>", [1, 1], ()),
        (_reply("[1, 0]") + "<score>[1, 0]</score>", [1, 0], (1, 0)),
        ("<analysis>['a', 'b']</analysis><score>[1, 0]", None, ()),
        ("", None, ()),
    ],
)  # fmt: skip
def test_readings(reply: str, official: Any, strict: tuple[int, ...]) -> None:
    assert official_reading(reply, 2).score == official
    assert strict_reading(reply, POINTS).marks == strict


@pytest.mark.parametrize(
    ("score", "analysis", "ends"),
    [
        ("1", "['a', 'b']", True),
        ("1", "['a']", True),  # the released message names both lengths
        ("[1, 0]", "None", True),
        ("{[]: 1}", "['a', 'b']", True),
        ("[1, 0", "{[]: 1}", True),
        ("{[]: 1}", "['a'", False),
        ("[1]", "['a', 'b']", False),
    ],
)
def test_what_ends_the_released_run(score: str, analysis: str, ends: bool) -> None:
    reading = official_reading(_reply(score, analysis), 2)
    assert isinstance(reading.raises, TypeError) == ends
    assert reading.reason


def test_both_tags_are_looked_for_before_either_is_read() -> None:
    assert official_reading("<analysis>{[]: 1}</analysis>", 1).raises is None


def test_a_bare_mark_ends_the_released_run_and_suffices_for_one_point() -> None:
    assert official_reading(_reply("1"), 2).raises
    assert strict_reading("<score>1</score>", ("Style",)).marks == (1,)


@given(reply=REPLIES, points=st.integers(1, 3))
def test_no_reply_gives_more_or_other_marks(reply: str, points: int) -> None:
    names = ("Style", "b", "c")[:points]
    reading = strict_reading(reply, names)
    assert bool(reading.marks) != bool(reading.reason)
    assert len(reading.marks) in {0, points}
    assert set(reading.marks) <= {0, 1}
    assert strict_reading(reply, names) == reading
    official = official_reading(reply, points)
    assert official.reason or len(official.score) == points
    scoring.official_marks(official.score, official.analysis)


def test_what_the_released_count_loses() -> None:
    assert scoring.official_marks([1, 0.5, "1"], ["a", "b", "c"]) == [1, 0.5, "1"]
    assert scoring.official_marks((1, 0)) == [1, 0]
    assert scoring.official_marks([True, 0]) is None
    assert scoring.official_marks([1, 0], ["a", None]) is None
    assert scoring.official_marks({"Style": 1}) is None
    assert scoring.official_marks(float("nan")) is None


def test_counts_by_hand() -> None:
    """A half and a text are wrong and asked; an image without marks is neither."""
    rows = [(POINTS, [1, 0.5]), (POINTS, ["1", 1.0]), (POINTS, None), (("Style",), [1])]
    shares = scoring.official_shares(rows)
    assert shares.primary == {"Style": [2, 3], "Attribute ": [1, 2]}
    assert shares.sub == {"Style": [2, 3], "Attribute - Size": [1, 2]}
    assert scoring.overall(shares.primary) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scoring.overall({"Style": [0, 0]}) is None
    assert scoring.primary("动作-人物/拟人手部动作") == "动作"
