"""ChartQA's, DocVQA's and OCRBench's rules: own cases, worked out by hand, and fuzzing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.conformance.short import CHARTQA, OCRBENCH
from benchmarks.understanding.short.anls import anls, anls_distance, strict_anls, stvqa_anls
from benchmarks.understanding.short.containment import (
    FORMULAS,
    OCRBENCH_SIZES,
    contains_answer,
    ocrbench_totals,
    strict_contains_answer,
)
from benchmarks.understanding.short.questions import answer_list
from benchmarks.understanding.short.relaxed import relaxed_match, strict_relaxed_match
from benchmarks.understanding.short.vqa import exact_shares

TEXT = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["nan", "-inf%", "1e999", "e5", "%", "$", "1,00,0", "²", "١٢", "['a'", "[" * 300, "\ud800", "ß"]
)


@given(TEXT, TEXT)
def test_nothing_raises_and_every_score_is_in_range(expected: str, reply: str) -> None:
    for match in (relaxed_match, strict_relaxed_match):
        assert match(expected, reply) in {True, False}
        assert match(expected, reply) == match(expected, reply)
    answers = answer_list(expected)
    assert all(isinstance(answer, str) for answer in answers)
    if answers:
        assert 0 <= anls(answers, reply) <= 1
        assert set(exact_shares(answers, reply)) <= {0.0, 1.0}
    for formula in (False, True):
        assert contains_answer(answers, reply, formula=formula) in {True, False}
        assert strict_contains_answer(answers, reply, formula=formula) in {True, False, None}
    strict = strict_anls(answers, reply)
    assert strict is None or 0 <= strict <= 1


@given(TEXT)
def test_the_answer_itself_is_right(answer: str) -> None:
    assert strict_anls([answer], answer) == 1
    assert contains_answer([answer], answer, formula=False)
    assert strict_contains_answer([answer], answer, formula=False) in {True, None}


def test_answer_list() -> None:
    assert answer_list("[1, 'b']") == ["1", "b"]
    assert answer_list("(['a'])") == ["a"]
    assert answer_list("('a', 'b')") == ["('a', 'b')"]
    assert answer_list("[__import__('os')]") == ["[__import__('os')]"]


# --- ChartQA ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "said", "official", "strict"),
    [
        ("100", "105", True, True),
        ("100", "105.1", False, False),
        ("-20", "-21", True, True),
        ("5%", "0.05", True, True),
        ("0", "0.0", False, True),  # CHARTQA-1
        ("0", "0.01", False, False),
        ("1,000", "1000", False, True),  # CHARTQA-2
        ("$12", "12", False, True),
        ("12", "12 %", False, True),
        ("5%", "5", False, True),
        ("5%", "500%", False, False),
        ("Yes", "yes.", False, True),
        ("blue", "The answer is Blue.", False, True),
        ("nan", "nan", False, True),  # CHARTQA-4
        ("inf", "inf", False, True),
        ("1000", "1_000", True, False),
        ("2010", "1999", True, True),  # CHARTQA-5
        ("5", "5 million", False, False),
        ("red", "dark red", False, False),
    ],
)
def test_relaxed_matches(expected: str, said: str, official: bool, strict: bool) -> None:
    assert relaxed_match(expected, said) is official
    assert strict_relaxed_match(expected, said) is strict


def test_chartqa_3_lmms_does_not_strip() -> None:
    assert not CHARTQA["lmms_eval.relaxed_correctness"]({"target": "Yes", "prediction": "Yes "})
    given_ = {"answer_field": "Yes", "prediction": "Yes "}
    assert CHARTQA["vlmevalkit.relaxed_accuracy:hit"](given_)
    record = {"doc": {"answer": "7", "type": "human_test"}, "results": ["7"]}
    assert CHARTQA["lmms_eval.process_results"](record) == {
        "relaxed_overall": 1.0, "relaxed_human_split": 1.0,
    }  # fmt: skip


# --- ANLS -------------------------------------------------------------------------------------


def test_anls_by_hand() -> None:
    assert anls(["receipt"], "Receipts") == 1 - 1 / 8
    assert anls(["abcd"], "ab") == 0.5
    assert anls(["abcd"], "a") == 0
    assert anls(["x", "two words"], " two\nwords ") == 1
    assert anls([""], "") == strict_anls([""], "") == 1
    with pytest.raises(ValueError):
        anls([], "x")


def test_anls_1_the_length_is_that_of_the_raw_texts() -> None:
    assert anls_distance("ab", "a" + " " * 9) == 0.1
    assert anls(["ab"], "xy" + " " * 8) == 0.8
    assert strict_anls(["ab"], "xy" + " " * 8) == 0
    assert anls_distance("ß", "x") == 0.5


def test_anls_2_two_empty_texts() -> None:
    with pytest.raises(ZeroDivisionError):
        stvqa_anls([" "], "")
    assert stvqa_anls(["1"], "1s") == 0.5


# --- OCRBench ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "reply", "formula", "official", "strict"),
    [
        (["Café"], "It says CAFÉ!", False, True, True),
        (["hello\nworld"], "Hello world", False, True, True),
        (["hello  world"], "hello world", False, False, True),
        (["1"], "in 2010", False, True, False),  # OCRBENCH-1
        (["5"], "5.5", False, True, False),
        (["on"], "London", False, True, False),
        (["東京"], "これは東京です", False, True, True),
        ([""], "anything", False, True, None),  # OCRBENCH-2
        (["", "x"], "y", False, True, False),
        (["x + y"], "x+y", True, True, True),
        (["X"], "x", True, False, False),
        (["\\frac { a } { b }"], "$\\frac{a}{b}$", True, True, True),
        (["２"], "2", False, False, True),  # OCRBENCH-5
        ([], "x", False, False, None),
    ],
)
def test_containment(
    answers: list[str], reply: str, formula: bool, official: bool, strict: bool | None
) -> None:
    assert contains_answer(answers, reply, formula=formula) is official
    assert strict_contains_answer(answers, reply, formula=formula) is strict


def test_ocrbench_totals() -> None:
    assert sum(OCRBENCH_SIZES.values()) == 1000
    totals = ocrbench_totals({"Digit String Recognition": 2, "Doc-oriented VQA": 3, FORMULAS: 4})
    assert totals["Text Recognition"] == 2
    assert totals["Final Score"] == 9
    assert totals["Final Score Norm"] == 0.9
    with pytest.raises(KeyError, match="no category"):
        ocrbench_totals({"Poems": 1})


def test_lmms_eval_folds_width_but_not_in_formulas() -> None:
    score = OCRBENCH["lmms_eval.process_results"]
    assert score({"answer": ["２ "], "dataset": "IIIT5K", "prediction": "＝2"}) == 1
    assert score({"answer": "２", "dataset": "HME100k", "prediction": "2"}) == 0


def test_ocrbench_3_nothing_is_kept_between_two_calls() -> None:
    rows = {"results": [{"score": 1, "question_type": "Doc-oriented VQA"}] * 5}
    assert OCRBENCH["lmms_eval.aggregate"](rows) == OCRBENCH["lmms_eval.aggregate"](rows) == 0.005
