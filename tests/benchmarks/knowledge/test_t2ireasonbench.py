"""T2I-ReasonBench: the judge's replies as the released scripts read them, and with care."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.knowledge.t2ireasonbench.conformance import CONFORMANCE
from benchmarks.knowledge.t2ireasonbench.scoring import (
    DIMENSIONS,
    official_dimension,
    official_reply,
    official_sample,
)
from benchmarks.knowledge.t2ireasonbench.strict import LEVELS, strict_reply, strict_sample
from evals.conformance import run_conformance

IDIOM, TEXT, ENTITY = DIMENSIONS["idiom"], DIMENSIONS["textual_image"], DIMENSIONS["entity"]
TABLE = {"t2ireasonbench": "benchmarks.knowledge.t2ireasonbench.conformance"}


def scores(*values: object) -> str:
    return json.dumps({"reason": ["x"], "score": list(values)})


def test_recorded_vectors(conformance_dir: Path) -> None:
    for report in run_conformance([conformance_dir / "t2ireasonbench.json"], TABLE):
        assert report.covered
        assert not report.mismatches, report.examples
        assert not report.declared


@pytest.mark.parametrize(
    ("replies", "averages", "error"),
    [
        ((scores(1, 0), scores(0.5)), (0.5, 0.5), ""),
        ((scores("1", 0), scores(1)), (0.5, 1.0), ""),
        ((scores(2), scores(7, 7)), (2.0, 7.0), ""),
        ((scores(True), scores(1)), (1.0, 1.0), ""),
        (('{"score": "10"}', scores(1)), (0.5, 1.0), ""),
        ((scores(), scores(1)), (), "ZeroDivisionError"),
        ((scores("x"), scores(1)), (), "ValueError"),
        ((scores([1]), scores(1)), (), "TypeError"),
        (('{"score": null}', scores(1)), (), "TypeError"),
        (('{"reason": 1}', "no braces"), (), "KeyError"),
        (("no braces", scores(1)), (), "UnboundLocalError"),
        (('{"reason": "{a}", "score": [1]}', scores(1)), (), "UnboundLocalError"),
    ],
)
def test_official_sample_of_two_stages(
    replies: tuple[str, str], averages: tuple[float, ...], error: str
) -> None:
    found = official_sample(IDIOM, replies)
    assert (found.averages, found.error) == (averages, error)


def test_only_one_script_reads_braces_inside_a_reply() -> None:
    inner = '{"reason": "{a}", "score": [1]}'
    assert official_sample(TEXT, (inner, inner)).averages == (1.0, 1.0)
    assert official_reply(inner, greedy=False).error == "UnboundLocalError"
    two = scores(1) + " or " + scores(0)
    assert official_reply(two, greedy=False).value == {"reason": ["x"], "score": [1]}
    assert official_reply(two, greedy=True).error == "UnboundLocalError"


def test_three_stages_read_all_replies_before_they_add_up() -> None:
    assert official_sample(ENTITY, (scores(), scores("x"), scores(1))).error == "ValueError"
    assert official_sample(ENTITY, (scores(), scores(1), scores(1))).error == "ZeroDivisionError"
    assert official_sample(ENTITY, (scores(), "?", scores(1))).error == "UnboundLocalError"


def test_official_dimension_leaves_unreadable_rows_out() -> None:
    rows = [["0001.png", 1.0, 0.5, "0.25"], ["0002.png", "n/a", 1, 1], ["0003.png", 1]]
    found = official_dimension(ENTITY, rows)
    assert found is not None
    assert (found.reasoning, found.quality, found.images) == (85.0, 25.0, 1)
    assert official_dimension(ENTITY, rows[1:]) is None
    with pytest.raises(ZeroDivisionError):
        CONFORMANCE["model_score"]({"dimension": "entity", "rows": rows[1:]})


def test_cells_of_the_released_table_are_text() -> None:
    found = official_dimension(IDIOM, [["0001.png", True, 1.0], ["0002.png", " 0.5", 1]])
    assert found is not None
    assert (found.reasoning, found.images) == (50.0, 1)


def test_a_judge_that_leaves_its_scale_makes_more_than_100_percent() -> None:
    found = official_dimension(IDIOM, [("0001.png", 2.0, 2.0)])
    assert found is not None
    assert found.reasoning == 200.0
    assert "none of 0, 0.5, 1" in strict_reply(scores(2), 1).reason


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (scores(1, 0.5), (1.0, 0.5)),
        (scores("1", "0"), (1.0, 0.0)),
        ("```json\n" + scores(1, 1) + "\n```", (1.0, 1.0)),
        ('{"reason": "{a}", "score": [1, 0]}', (1.0, 0.0)),
        ("{see} " + scores(1, 1) + " again " + scores(1, 1), (1.0, 1.0)),
    ],
)
def test_strict_replies_that_can_be_read(reply: str, expected: tuple[float, ...]) -> None:
    assert strict_reply(reply, 2).scores == expected


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (scores(1), "1 scores for 2 questions"),
        (scores(1, 1, 1), "3 scores for 2 questions"),
        ('{"score": {"q1": 1}}', "no list of scores"),
        (scores(1, True), "of question 2"),
        (scores(1, 0.7), "of question 2"),
        (scores(1, None), "of question 2"),
        (scores(1, 1) + scores(1, 0), "several different"),
        ("{" * 3000, "no JSON object"),
        ("", "no JSON object"),
    ],
)
def test_strict_replies_that_cannot(reply: str, reason: str) -> None:
    found = strict_reply(reply, 2)
    assert not found.scores
    assert reason in found.reason


def test_strict_sample_weighs_like_the_official_one() -> None:
    found = strict_sample(ENTITY, [(1.0, 0.0), (1.0,), (0.5, 0.0)])
    assert found.reasoning == pytest.approx(0.7 * 0.5 + 0.3)
    assert found.quality == 0.25


PIECES = ['{"score": ', "[1, 0]", "[]", "}", "{", "NaN", '"1"', "null", "[1e999]", " ", "\n", "x"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=9).map("".join))
def test_no_reply_raises_and_no_score_is_off_its_scale(reply: str) -> None:
    for dimension in DIMENSIONS.values():
        found = official_sample(dimension, [reply] * len(dimension.stages))
        assert bool(found.averages) != bool(found.error)
    read = strict_reply(reply, 2)
    assert read == strict_reply(reply, 2)
    assert bool(read.scores) != bool(read.reason)
    assert set(read.scores) <= set(LEVELS)
