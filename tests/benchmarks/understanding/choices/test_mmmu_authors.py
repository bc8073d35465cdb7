"""MMMU by the rules of its authors, by hand-made cases."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.choices import mmmu_authors as mmmu

ANIMALS = ["cat", "dog", "bird"]


@pytest.mark.parametrize(
    ("reply", "authors", "lmms"),
    [
        ("B", "B", "B"),
        ("B.", "B", "B"),  # signs at the ends are taken off
        ("(A), no: (B), no: (A)", "A", "A"),
        ("B or A or B", "B", "B"),
        ("AB", "", "B"),  # lmms-eval asks for no space before the letter
        ("B. dog", "", "B"),
        ("so B) it is", "", ""),
        ("Answer: **B**", "", ""),
        ("b", "", ""),
        ("I see that it is a dog, not a cat at all", "A", "A"),
        ("a dog, not a cat", "", ""),  # no more than five words
        ("", "", ""),
    ],
)
def test_choices(reply: str, authors: str, lmms: str) -> None:
    assert mmmu.read_choice(reply, ANIMALS) == authors
    assert mmmu.read_choice(reply, ANIMALS, mmmu.LMMS) == lmms


def test_where_the_released_code_draws_ours_is_wrong_every_time() -> None:
    sample = {"id": "x", "question_type": "multiple-choice", "options": ANIMALS, "response": "?"}
    assert all(mmmu.judge([{**sample, "answer": a}]) == {"x": False} for a in "ABC")
    assert mmmu.is_choice_right(["A", "B"], "B")


@pytest.mark.parametrize(
    ("reply", "candidates"),
    [
        ("The answer is 12.5 cm.", ["12.5 cm", 12.5]),
        ("It is so. Therefore 7", [7.0]),
        ("x = 3", [3.0]),
        ("x = 3\nright", ["x = 3\nright", 3.0]),  # "=" counts on the last line only
        # What stands beside a comma, a point or an exponent is a number as well.
        ("1,234 or 1.5e3 or -2", ["1,234 or 1.5e3 or -2", 1234.0, 1500.0, 234.0, 1.0, 3.0, -2.0]),
        ("Yes", ["yes"]),
        ("B", [" b", "b "]),
        ("", [""]),
        ("the result is ", ["is"]),
    ],
)
def test_open_replies(reply: str, candidates: list[str | float]) -> None:
    assert mmmu.read_open(reply) == candidates


def test_an_empty_end_gives_way() -> None:
    assert mmmu.read_open("so it is ") == ["it is"]
    # "so " ends in "the answer is 4", "is " in "4", and "answer " in "is 4".
    assert mmmu.read_open("so the answer is 4") == [4.0]


def test_open_answers() -> None:
    right = mmmu.is_open_right
    assert right("12.50", mmmu.read_open("about 12.5 cm"))
    assert right(["no", "New York"], mmmu.read_open("in new york city"))
    assert not right("b", mmmu.read_open("about"))  # a single letter needs a space beside it
    assert not right("5", mmmu.read_open("15"))
    # lmms-eval hands on a text where a list is meant: even the gold answer is wrong then.
    assert not right("new york", "new york")
    assert right("", mmmu.read_open("whatever"))


@given(st.text() | st.text(alphabet="0123456789.,eE+-= isoABC()\n"), st.text())
def test_any_reply_is_read(reply: str, gold: str) -> None:
    found = mmmu.read_open(reply)
    assert found
    assert all(isinstance(c, str | float) for c in found)
    assert mmmu.is_open_right(gold, found) == mmmu.is_open_right(gold, mmmu.read_open(reply))
    assert mmmu.read_choice(reply, ANIMALS) in ("", "A", "B", "C")


def test_accuracy_weighs_questions() -> None:
    scored = [("Art", True), ("Art", False), ("Music", True), ("Finance", False), ("Odd", True)]
    found = mmmu.accuracies(scored)
    assert found["Overall"] == {"num": 5, "acc": 0.6}
    assert found["Overall-Art and Design"] == {"num": 3, "acc": 0.66667}
    assert (found["Art"], found["Overall-Science"]) == (
        {"num": 2, "acc": 0.5},
        {"num": 0, "acc": 0},
    )
    assert "Odd" not in found
    assert sum(map(len, mmmu.DOMAINS.values())) == 30


def test_subjects_and_numbers() -> None:
    ids = ("validation_Art_Theory_12", "test_Art_1", "Art", "dev_Art_x")
    assert [mmmu.subject_of(i) for i in ids] == ["Art_Theory", "Art", "", ""]
    assert mmmu.normalize_str("inf") == [math.inf]
    assert mmmu.normalize_str("２") == [2.0]
    assert mmmu.extract_numbers("1,234 x .5 7e2") == ["1,234", "7e2", "234", ".5", "2"]
