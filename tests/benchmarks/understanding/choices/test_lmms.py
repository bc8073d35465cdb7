"""lmms-eval's readings of option letters, by hand-made cases."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.choices import lmms


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("", ""),
        ("  ", ""),
        ("nothing here", ""),
        ("A cat is shown, so the answer is C", "A"),  # at the start goes before at the end
        ("I say C", "C"),
        ("The answer is C. Because the sky is blue", "B"),  # within a word, and later
        ("The correct answer is D, not A, I think", "A"),
        ("(A) is wrong, (B) is right", "B"),
        ("A. is wrong (B) is right", "A"),
        ("see B. and (C) here", "C"),
        ("see C: or B. here", "B"),
        ("see D) or C: here", "C"),
        ("see AB or D) here", "D"),
        ("see AB or so", "B"),
        ("see ABLY", "B"),  # any occurrence, the latest
        ("answer is B and A, but the correct answer is B too", "B"),
        ("答案是B。", "B"),
        ("E.", "E"),
    ],
)
def test_the_most_telling_place_wins(reply: str, letter: str) -> None:
    assert lmms.extract_mcq_answer(reply) == letter


def test_letters_can_be_limited() -> None:
    assert lmms.extract_mcq_answer("E, A", "ABCD") == "A"
    assert lmms.extract_mcq_answer("E, A") == "E"


@given(st.text(), st.sampled_from(["", "AB", "ABCD"]))
def test_any_reply_gives_a_letter_or_nothing(reply: str, letters: str) -> None:
    read = lmms.extract_mcq_answer(reply, letters)
    assert read == "" or read in (letters or "ABCDEFGH")
    choices = dict.fromkeys(letters, "x")
    assert lmms.can_infer(reply, choices) in (False, *"ABCDE")


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("A", "A"),
        ("A is my answer", False),  # an article, for all that is known
        ("B is my answer", "B"),
        ("I take A. of course", "A"),
        ("(C) it is", "C"),
        ("A. B: C", "C"),
        ("A. B, C)", "A"),  # dots go before commas and brackets
        ("E", "E"),
        ("F", False),
        ("B Failed to obtain answer via API", False),
    ],
)
def test_mmbench_letters(reply: str, read: str | bool) -> None:
    assert lmms.can_infer_option(reply) == read


def test_an_option_called_nan_hides_in_words() -> None:
    choices = {"A": "banana", "B": "plum"}
    assert lmms.can_infer("a banana", choices) == "A"
    assert lmms.can_infer("a banana", {**choices, "C": "nan"}) is False


def mmbench(index: int, answer: str, prediction: str, **more: Any) -> dict[str, Any]:
    options = {"A": "cat", "B": "dog", "C": "nan", "D": math.nan}
    more = {"category": "x", "L2-category": "u", **more}
    return {"index": index, "answer": answer, "prediction": prediction, **options, **more}


def test_mmbench_without_a_judge() -> None:
    rows = [
        mmbench(1_000_001, "A", "A"),
        mmbench(1, "B", "the dog"),
        mmbench(2, "B", "I say: option(B), well", category="y"),  # by the second reading only
        mmbench(3, "B", "no idea", category="y"),
        mmbench(1_000_004, "B", "B"),  # its base row is absent
    ]
    overall, category, l2 = lmms.static_result(rows)
    assert overall == pytest.approx(2 / 3)
    assert category == {"x": 1.0, "y": 0.5}
    assert l2 == {"u": pytest.approx(2 / 3)}
    assert math.isnan(lmms.static_result([])[0])


def test_scores_of_the_smaller_benchmarks() -> None:
    assert lmms.mmstar_score("The answer is B", " b ") == 1.0
    assert lmms.mmstar_average([("u", 1.0), ("u", 0.0), ("v", 1.0)]) == 0.75
    assert math.isnan(lmms.mmstar_average([]))
    assert [lmms.ai2d_filter(r) for r in (" B. x", "B)", "b.")] == ["B", "B)", "b."]
    assert lmms.realworldqa_score("Because", "b") == 1.0  # any B will do
    assert lmms.realworldqa_score(" Two.. ", "two") == 1.0
    assert lmms.realworldqa_score("2 cars", "2") == 0.0
    assert (lmms.seed_letter("  Because"), lmms.seed_letter("")) == ("B", "")
