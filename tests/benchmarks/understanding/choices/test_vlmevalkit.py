"""VLMEvalKit's reading of option letters, its hits and its tables, by hand-made cases."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.choices.vlmevalkit import (
    ROTATION,
    accuracy_table,
    as_choice,
    can_infer,
    can_infer_option,
    circular_hits,
    options_of,
    vanilla_hits,
)

FOUR = {"A": "increase", "B": "decrease", "C": "no change", "D": "both"}


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("B", "B"),
        ("(B).", "B"),
        ("**B**", "B"),
        ("b", False),
        ("B!", "B"),
        ("B?", False),  # a question mark is no separator
        ("B or C", False),
        # A lone letter counts among the last four words only, by where it stands first.
        ("so B it is then", "B"),
        ("B it is then after all", False),
        ("B it is then after all B", False),
        # An article counts as an answer: released so unless a logging switch is set.
        ("It is A plant", "A"),
        ("Z", "Z"),
        ("Z or B", "B"),
        ("Cannot determine the answer, so B", "Z"),
        ("B Failed to obtain answer via API", False),
        # "answer is" reads the next letter, whatever it is part of, in either case.
        ("the answer is decreasing with time, I am rather sure of it", "D"),
        ("A or B: the ANSWER  is **c", "C"),
        ("A or B, the answer is (B)", False),
        ("A or B, the answer is: B", False),
        ("A or B, the answer is E", False),
        # The first one counts, and only if there is such an option.
        ("A or B, the answer is C. The answer is D", "C"),
    ],
)
def test_option_letters(reply: str, read: str | bool) -> None:
    assert can_infer_option(reply, FOUR) == read


def test_letters_without_an_option_are_not_read() -> None:
    assert can_infer_option("E", FOUR) is False
    assert can_infer_option("A or B, the answer is D", {"A": "x", "B": "y"}) is False
    assert can_infer_option("E", {**FOUR, "E": "none"}) == "E"


def test_texts_are_read_when_no_letter_is() -> None:
    assert can_infer("It will DECREASE", FOUR) == "B"
    assert can_infer("increase or decrease", FOUR) is False
    # All option texts together have 29 characters: a reply may have twice as many.
    assert can_infer("no change".ljust(58, "."), FOUR) == "C"
    assert can_infer("no change".ljust(59, "."), FOUR) is False
    assert can_infer("24", {"A": 12, "B": 24}) == "B"
    assert can_infer(None, {"A": "none", "B": "some"}) == "A"  # written out first


REPLIES = st.lists(
    st.sampled_from(["A", "B", "Z", "(C)", "the answer is ", "both", "\n", " ", "no change", "é"])
    | st.text(max_size=4)
).map("".join)


@given(REPLIES | st.none() | st.floats(), st.dictionaries(st.sampled_from("ABCD"), st.text()))
def test_any_reply_is_read_or_not(reply: Any, choices: dict[str, str]) -> None:
    before = dict(choices)
    read = can_infer(reply, choices)
    assert read is False or read == "Z" or read in choices
    assert (read, choices) == (can_infer(reply, choices), before)


# --- hits and tables --------------------------------------------------------------------------


def row(index: int, answer: str, prediction: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "answer": answer, "prediction": prediction, **FOUR, **more}


def test_missing_options_are_none() -> None:
    cells = {"A": "x", "B": None, "C": math.nan, "D": "nan", "question": "q"}
    assert options_of(cells) == {"A": "x", "D": "nan"}


def test_an_open_question_of_mmmu_is_a_choice_of_two() -> None:
    opened = {"index": 1, "answer": "12.5", "A": math.nan, "B": math.nan}
    assert options_of(as_choice({**opened, "prediction": "x"})) == {
        "A": "12.5",
        "B": "Other Answers",
    }
    hits = [
        vanilla_hits([{**opened, "prediction": reply}], "MMMU_DEV_VAL")[1]
        for reply in ("it is 12.5 m", "13", "A", "Other Answers")
    ]
    assert hits == [1, 0, 1, 0]
    assert vanilla_hits([{**opened, "prediction": "12.5"}], "SEEDBench_IMG") == {1: 0}


def test_a_group_is_right_when_all_its_rotations_are() -> None:
    rows = [
        row(1, "B", "B"), row(ROTATION + 1, "A", "A"),
        row(2, "B", "B"), row(ROTATION + 2, "A", "who knows"),
        row(3, "B", "B"),  # its rotations are absent
        row(ROTATION + 4, "A", "A"),  # its base row is absent
    ]  # fmt: skip
    assert circular_hits(rows) == {1: 1, 2: 0, 3: 1}


def test_the_table_has_a_record_per_split() -> None:
    rows = [
        row(1, "B", "B", split="dev", category="x", **{"l2-category": "logic_reasoning"}),
        row(2, "B", "C", split="dev", category="y", **{"l2-category": "logic_reasoning"}),
        row(3, "B", "B", split="val", category="y", **{"l2-category": "logic_reasoning"}),
    ]
    dev, val = accuracy_table(rows, vanilla_hits(rows))
    assert dev == {"split": "dev", "Overall": 0.5, "LR": 0.5, "x": 1.0, "y": 0.0}
    assert (val["Overall"], val["y"], math.isnan(val["x"])) == (1.0, 1.0, True)
    bare = [row(1, "B", "B"), row(2, "B", "C")]
    assert accuracy_table(bare, vanilla_hits(bare)) == [{"split": "none", "Overall": 0.5}]
    assert accuracy_table(bare, {}) == []
