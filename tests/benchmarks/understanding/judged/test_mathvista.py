"""MathVista: what the released rules read, and what is read with care."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.judged.mathvista.scoring import (
    AnswerType,
    Question,
    Row,
    official_asks,
    official_hit,
    official_prefetch,
    official_table,
    question_of,
    read_names,
)
from benchmarks.understanding.judged.mathvista.strict import strict_hit, strict_reading

LENGTHS = Question(
    question_type="multi_choice", answer_type="text", answer="12 cm", answer_option="B",
    choices=("10 cm", "12 cm", "14 cm"),
)  # fmt: skip


def free(kind: AnswerType, answer: str, precision: int = 2) -> Question:
    return Question(question_type="free_form", answer_type=kind, answer=answer, precision=precision)


def right(question: Question, text: str) -> tuple[bool, bool]:
    """(official, strict)."""
    return official_hit(question, text), strict_hit(question, strict_reading(question, text))


@pytest.mark.parametrize(
    ("question", "text", "official", "strict"),
    [
        (LENGTHS, "B", True, True),
        (LENGTHS, "12 cm", True, True),
        (LENGTHS, "A", False, False),
        (free("integer", "14"), " 14", True, True),
        (free("integer", "14"), "14.0", False, True),
        (free("integer", "1200"), "1,200", False, True),
        (free("integer", "14"), "It is 14 cm.", False, True),
        (free("integer", "14"), "7 and 14", False, False),
        (free("float", "3.1", 1), "3.10", True, True),
        (free("float", "3.1", 1), "3.14", False, True),
        (free("float", "3.1", 1), "3.2", False, False),
        (free("list", "[2007, 2008]"), "[2007, 2008]", False, True),
        (free("list", "[2007, 2008]"), "So it is [2007.0, 2008].", False, True),
        (free("list", "[2007, 2008]"), "[2008, 2007]", False, False),
        (free("list", "['a', 2]"), "['A', 2]", False, True),
        (free("text", "None"), "whatever", True, False),
        (free("text", "None"), "none", True, True),
    ],
)
def test_right_answers(question: Question, text: str, official: bool, strict: bool) -> None:
    assert right(question, text) == (official, strict)


def test_what_is_found_without_a_judge() -> None:
    assert official_prefetch(LENGTHS, "A") == "A", "a wrong option is found as well"
    assert official_prefetch(LENGTHS, "I can't process this file.") == "Z"
    assert official_prefetch(LENGTHS, "A or B") is None
    assert official_prefetch(free("integer", "14"), "15") is None, (
        "a wrong number goes to the judge"
    )
    assert not official_asks(official_prefetch(free("integer", "14"), "14"))
    assert official_asks(official_prefetch(free("integer", "0"), "0")), "0 counts as nothing"
    assert not strict_reading(free("integer", "0"), "0").reason


def test_table_counts_a_sample_in_each_of_its_skills() -> None:
    rows = [
        Row(task="FQA", skills=["a", "b"], prefetched=True, hit=True),
        Row(task="VQA", skills=["a"], prefetched=False, hit=False),
    ]
    table = {line["Task&Skill"]: line for line in official_table(rows)}
    assert list(table) == ["Overall", "a", "b", "FQA", "VQA"]
    assert table["a"] == {
        "Task&Skill": "a", "tot": 2, "prefetch": 1, "hit": 1, "prefetch_rate": 50.0, "acc": 50.0,
    }  # fmt: skip


def test_records_as_the_table_has_them() -> None:
    record = {"question_type": "multi_choice", "answer_type": "text", "answer": "No",
              "choices": "['Yes', 'No']", "answer_option": "B", "precision": "1.0"}  # fmt: skip
    question = question_of(record)
    assert question.options == {"A": "Yes", "B": "No"}
    assert question.precision == 1
    assert read_names("arithmetic reasoning") == ["arithmetic reasoning"]
    assert read_names("3") == ["3"]


QUESTIONS = (
    LENGTHS, free("integer", "14"), free("float", "3.1", 1), free("list", "[1, 'a']"),
    free("text", "blue"),
)  # fmt: skip


@given(st.text(alphabet=st.characters() | st.sampled_from("[](){}',.0123eE-ABCanswer is\n")))
def test_no_reply_raises_and_reading_is_stable(reply: str) -> None:
    for question in QUESTIONS:
        official = official_prefetch(question, reply)
        assert official is None or isinstance(official, str | int | float)
        assert official_hit(question, reply) in {True, False}
        reading = strict_reading(question, reply)
        assert reading == strict_reading(question, reply)
        assert bool(reading.value) != bool(reading.reason)
        assert strict_hit(question, reading) in {True, False}


@pytest.mark.parametrize(
    "reply", ["[" * 5000, "[0x" + "f" * 9000 + "]", "9" * 5000, "[1e999]", "[nan]", "1e999", "\\d"]
)
def test_extreme_replies(reply: str) -> None:
    for question in QUESTIONS:
        official_hit(question, reply)
        assert not strict_hit(question, strict_reading(question, reply))
