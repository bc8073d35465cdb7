"""What judged benchmarks share: what replies amount to, and whose words are asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.judged import (
    by_name,
    decided,
    in_words,
    json_objects,
    numbered,
    parsed,
    rubrics,
    spoken,
    turn,
)
from evals.core.errors import UserError
from evals.core.protocols import JudgeSettings, ScoringSettings
from evals.core.verdicts import Verdict
from judges.parsing import Parsed


def anything(reply: str) -> Parsed:
    return parsed("" if reply else "it is empty", {"read": 1.0})


def test_a_reply_has_scores_or_a_reason() -> None:
    assert anything("x").scores == {"read": 1.0}
    assert (anything("").status, anything("").reason) == ("unparsed", "it is empty")
    assert not anything("").scores


def test_a_panel_decides_unless_it_is_evenly_divided() -> None:
    def verdict(*scores: float) -> Verdict:
        return Verdict(judge="p", status="ok", scores=numbered("q", scores))

    assert decided(verdict(1, 0, 2 / 3), "q", 3) == (True, False, True)
    assert decided(verdict(1, 0.5), "q", 2) == ()


def test_thoughts_are_not_spoken() -> None:
    assert spoken("<think>no</think>yes<think>and so on") == "yes"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]":, a1', max_size=60))
def test_objects_are_found_in_any_text(text: str) -> None:
    assert all(isinstance(found, dict) for found in json_objects(text))


def test_objects_are_found_in_order() -> None:
    assert list(json_objects('{x {"a": {"b": 1}} and {"c": 2')) == [{"a": {"b": 1}}]
    assert list(json_objects('{"a": 1}{"b": 2}')) == [{"a": 1}, {"b": 2}]


def test_words_are_the_users_where_a_file_is_given(tmp_path: Path) -> None:
    own = rubrics("generation.dpg", {"yes_no": ("any 1", anything)})
    assert in_words(own, ScoringSettings(), by_name) is own
    path = tmp_path / "mine.json"
    chosen = ScoringSettings(judging=JudgeSettings(prompt=path))
    path.write_text(json.dumps({"question": "Say yes or no: {question}"}))
    theirs = in_words(own, chosen, by_name)["question"]
    assert theirs.text({"question": "Is it?"})[1] == "Say yes or no: Is it?"
    path.write_text(json.dumps({"question": "Say yes or no."}))
    with pytest.raises(UserError, match="stands for the question"):
        in_words(own, chosen, by_name)


def test_a_turn_tells_and_shows_what_the_script_has_a_place_for() -> None:
    script = rubrics("generation.dpg", {"yes_no": ("any 1", anything)})["question"]
    asked = turn(
        "q1", script, {"question": "Is it?", "hint": "x"}, {"image": Path("a"), "b": Path()}
    )
    assert asked.question.fields == {"question": "Is it?"}
    assert asked.question.images == {"image": Path("a")}
