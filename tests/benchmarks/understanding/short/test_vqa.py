"""VQA's normal forms and votes: own cases, worked out by hand, and fuzzing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.short.vqa import (
    evalai_form,
    soft_accuracy,
    strict_form,
    strict_soft_accuracy,
    vlmeval_form,
    vote_shares,
    vqav2_accuracy,
)
from benchmarks.understanding.short.vqa_words import CONTRACTIONS

TEXT = st.text(st.characters(), max_size=30) | st.text("a.,-?!' 1'\n", max_size=30)


@given(st.lists(TEXT, min_size=1, max_size=10), TEXT)
def test_nothing_raises_and_every_score_is_in_range(answers: list[str], reply: str) -> None:
    for form in (vlmeval_form, evalai_form, strict_form):
        said = form(reply)
        assert said == form(reply)
        assert 0 <= soft_accuracy([form(a) for a in answers], said) <= 1
    strict = strict_soft_accuracy(answers, reply)
    assert strict is not None
    assert 0 <= strict <= 1
    assert 0 <= vqav2_accuracy([{"answer": a} for a in answers], reply) <= 1


@given(TEXT)
def test_the_strict_form_is_settled(text: str) -> None:
    assert strict_soft_accuracy([text] * 4, text) == 1


@pytest.mark.parametrize(
    ("text", "vlmeval", "evalai", "strict"),
    [
        ("The two dogs!", "2 dogs", "2 dogs", "2 dogs"),
        ("dont", "don't", "don't", "don't"),
        ("couldnt've", "couldn't've", "couldn't've", "couldn't've"),
        ("3.14", "3.14", "3.14", "3.14"),
        ("on/off", "on off", "on off", "on off"),
        ("on/off 1,2", "onoff 12", "on off 12", "on off 1 2"),  # VQA-1
        ("12.", "12.", "12", "12"),  # VQA-3
        ("-3", "3", "3", "-3"),  # VQA-4
        ("A", "", "", "a"),  # VQA-5
        ("John's", "john's", "john 's", "john's"),
        ("1,234", "1234", "1234", "1234"),
        ("U.S.A.", "usa", "usa", "usa"),
    ],
)
def test_forms(text: str, vlmeval: str, evalai: str, strict: str) -> None:
    assert (vlmeval_form(text), evalai_form(text), strict_form(text)) == (vlmeval, evalai, strict)


def test_vqa_2_only_32_periods_are_removed() -> None:
    text = "b . " * 40
    assert vlmeval_form(text).count(".") == evalai_form(text).count(".") == 8
    assert "." not in strict_form(text)


def test_contractions() -> None:
    assert len(CONTRACTIONS) == 114
    assert CONTRACTIONS["ow's'at"] == CONTRACTIONS["'ow'sat"] == "'ow's'at"
    assert CONTRACTIONS["yall'd've"] == "y'all'd've"
    assert "lets" not in CONTRACTIONS


def test_votes_by_hand() -> None:
    forms = ["x"] * 3 + ["y"] * 7
    assert vote_shares(forms, "x") == [2 / 3] * 3 + [1.0] * 7
    assert soft_accuracy(forms, "x") == pytest.approx(0.9)
    assert soft_accuracy(["x", *["y"] * 9], "x") == pytest.approx(0.3)
    assert soft_accuracy(forms, "z") == 0
    with pytest.raises(ValueError, match="no answers"):
        soft_accuracy([], "x")


def test_vqa_6_answers_without_an_id() -> None:
    people = [{"answer": text, "answer_id": n} for n, text in enumerate(["Yes"] * 9 + ["no"])]
    assert vqav2_accuracy(people, "yes.") == 1
    without = [{"answer": p["answer"]} for p in people]
    assert vqav2_accuracy(without, "Yes") == pytest.approx(0.1)  # nobody but "no" sees the others
    assert vqav2_accuracy(without[:9], "Yes") == 0
    assert vqav2_accuracy([{"answer": "it's", "answer_id": n} for n in range(4)], "it's") == 1
    assert strict_soft_accuracy(["Yes"] * 10, "Yes") == 1
