"""DPG-Bench's scorers: recorded vectors, cases worked out by hand, and any reply at all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.dpg import scoring
from benchmarks.generation.dpg.conformance import CONFORMANCE
from benchmarks.generation.dpg.questions import (
    Question,
    Row,
    dangling_parents,
    official_questions,
    read_question,
    strict_questions,
)
from evals.conformance import run_conformance

CAT = Question(id=1, category="entity - whole")
BLACK = Question(id=2, category="attribute - color", parents=(1,))
SHINY = Question(id=3, category="attribute - texture", parents=(2,))
WET = Question(id=4, category="global -")
CHAIN = (CAT, BLACK, SHINY, WET)


def replies(*words: str) -> dict[int, str]:
    return dict(enumerate(words, 1))


def row(item: str, number: int, dependency: str = "0", kind: str = "entity - whole") -> Row:
    return Row(item=item, id=number, dependency=dependency, tuple_text=f"{kind} (x)")


def test_recorded_vectors(conformance_dir: Path) -> None:
    table = {"dpg": "benchmarks.generation.dpg.conformance"}
    for report in run_conformance([conformance_dir / "dpg.json"], table):
        assert report.covered
        assert not report.mismatches, report.examples


def test_a_no_travels_down_the_chain() -> None:
    found = scoring.official_image(CHAIN, replies("no", "yes", "yes", "yes"))
    assert found.score == 1 / 4
    assert found.said == {1: False, 2: True, 3: True, 4: True}
    assert found.counted == {1: False, 2: False, 3: False, 4: True}
    assert scoring.strict_image(CHAIN, replies("no", "yes", "yes", "yes")) == found


def test_dpg_5_official_drops_only_children_that_come_later() -> None:
    turned = (SHINY, BLACK, CAT, WET)
    said = replies("no", "yes", "yes", "yes")
    assert scoring.official_image(turned, said).counted == {3: True, 2: False, 1: False, 4: True}
    assert scoring.strict_image(turned, said).score == 1 / 4


def test_strict_needs_no_parent_to_exist_and_bears_circles() -> None:
    circle = (
        Question(id=1, category="other - count", parents=(2,)),
        Question(id=2, category="other - count", parents=(1, 9)),
    )
    assert scoring.strict_image(circle, replies("yes", "yes")).score == 1.0
    assert scoring.strict_image(circle, replies("yes", "no")).score == 0.0
    assert dangling_parents(circle) == [
        "question 2 depends on 9, which is no question of the prompt"
    ]


def test_dpg_1_official_ends_at_a_parent_that_is_not_there() -> None:
    questions = (CAT, Question(id=2, category="global -", parents=(1, 9)))
    found = scoring.official_image(questions, replies("yes", "yes"))
    assert found.score is None
    assert "depends on 9" in found.reason
    # One parent that says no is enough: the second is not looked at.
    assert scoring.official_image(questions, replies("no", "yes")).score == 0.0


def test_dpg_3_only_the_bare_word_is_a_yes_officially() -> None:
    said = replies("Yes", "yes.", " yes", "yes")
    assert scoring.official_image(CHAIN, said).said == {1: False, 2: False, 3: False, 4: True}
    assert scoring.strict_image(CHAIN, said).score == 1.0


@pytest.mark.parametrize("reply", ["", "maybe", "yes and no", None])
def test_strict_leaves_an_unreadable_reply_unscored(reply: str | None) -> None:
    found = scoring.strict_image((CAT,), {1: reply})
    assert found.score is None
    assert found.reason.startswith("the reply to question 1: ")


def test_no_questions_and_no_reply_are_no_scores() -> None:
    assert scoring.official_image((), {}).reason == "no questions"
    assert scoring.strict_image((), {}).reason == "no questions"
    assert scoring.official_image((CAT,), {}).reason == "no reply to question 1"
    assert scoring.prompt_score([]) is None
    assert scoring.overall([]) is None


def test_dpg_1_the_released_loader_loses_the_first_row() -> None:
    rows = [row("a", 1), row("a", 2, "1"), row("b", 1)]
    assert [q.id for q in official_questions(rows)["a"]] == [2]
    assert [q.id for q in strict_questions(rows)["a"]] == [1, 2]


def test_dpg_4_rows_of_an_item_that_comes_back_replace_the_first_ones() -> None:
    rows = [row("x", 1), row("a", 1), row("a", 2), row("b", 1), row("a", 3)]
    assert [q.id for q in official_questions(rows)["a"]] == [3]
    assert [q.id for q in strict_questions(rows)["a"]] == [1, 2, 3]


def test_dpg_6_numbers_alone_end_the_released_loader_but_not_in_its_first_row() -> None:
    rows: list[Any] = [["a", 1, "0", "global - (x)"], ["a", 2, "1", "global - (x)"]]
    rest = {"pic_num": 1, "files": [], "answers": {}}
    assert math.isnan(CONFORMANCE["main"]({"csv_rows": rows[:1], **rest})["dpg_bench_score"])
    with pytest.raises(AttributeError):
        CONFORMANCE["main"]({"csv_rows": rows, **rest})


def test_one_row() -> None:
    found = read_question(Row(item="a", id=7, dependency="1, 3", tuple_text="global - (photo)"))
    assert found == Question(id=7, category="global -", parents=(1, 3))
    assert found.category_at("L1") == "global"
    with pytest.raises(ValueError):
        read_question(Row(item="a", id=7, dependency="", tuple_text="x"))


def test_dpg_2_official_categories_are_of_the_last_image_and_raw() -> None:
    first = scoring.official_image(CHAIN, replies("yes", "yes", "yes", "yes"))
    last = scoring.official_image(CHAIN, replies("no", "yes", "no", "no"))
    prompts = [(CHAIN, [first, last])]
    assert scoring.overall(prompts) == pytest.approx(100 * (1 + 0) / 2)
    assert scoring.official_categories(prompts, "L1") == {
        "attribute": 50.0, "entity": 0.0, "global": 0.0,
    }  # fmt: skip
    assert scoring.strict_categories(prompts, "L2") == {
        "attribute - color": 100.0, "attribute - texture": 50.0, "entity - whole": 50.0,
        "global -": 50.0,
    }  # fmt: skip
    assert scoring.gated_categories(prompts, "L1") == {
        "attribute": 50.0, "entity": 50.0, "global": 50.0,
    }  # fmt: skip


@given(st.dictionaries(st.integers(1, 4), st.text() | st.sampled_from(["yes", "No."])))
def test_no_reply_breaks_a_scorer(said: dict[int, str]) -> None:
    for scorer in (scoring.official_image, scoring.strict_image):
        found = scorer(CHAIN, said)
        assert (found.score is None) == bool(found.reason)
        assert found.score is None or 0 <= found.score <= 1
        assert scorer(CHAIN, said) == found
