"""Yes-or-no replies, POPE, HallusionBench and MME: own cases, worked out by hand, and fuzzing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.conformance.yes_no import HALLUSIONBENCH, MME, POPE
from benchmarks.understanding.yes_no.hallusion_sums import (
    HallusionAnswer,
    Place,
    all_right,
    hallusion_accuracies,
    hallusion_report,
    judged_accuracies,
    read_verdict,
    rule_is_right,
)
from benchmarks.understanding.yes_no.mme_sums import (
    COGNITION,
    PERCEPTION,
    MmeAnswer,
    lmms_mme,
    strict_mme,
    tool_score,
    vlmeval_mme,
)
from benchmarks.understanding.yes_no.pope_sums import (
    PopeAnswer,
    detection,
    lmms_pope,
    strict_pope,
    vlmeval_pope,
)
from benchmarks.understanding.yes_no.reading import (
    Said,
    first_four_said,
    lmms_said,
    strict_said,
    vlmeval_said,
)

# --- replies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "vlmeval", "lmms", "first_four", "strict"),
    [
        ("Yes", "yes", "yes", "yes", "yes"),
        ("NO.", "no", "no", "no", "no"),
        ("I think yes", "yes", "", "", "yes"),
        ("Not sure", "", "no", "no", ""),
        ("Yes, there is no dog", "", "yes", "yes", "yes"),
        ("yes/no", "", "yes", "yes", ""),
        ("y", "", "yes", "", ""),
        ("know", "", "no", "no", ""),
        ("", "", "", "", ""),
        ("**Answer:** no", "no", "", "", "no"),
        ("yes-yes", "yes", "yes", "yes", "yes"),
    ],
)
def test_readings_differ(
    reply: str, vlmeval: Said, lmms: Said, first_four: Said, strict: Said
) -> None:
    read = (vlmeval_said, lmms_said, lambda text: first_four_said(text.lower()), strict_said)
    assert tuple(r(reply) for r in read) == (vlmeval, lmms, first_four, strict)


@given(
    st.text(st.characters(), max_size=40) | st.sampled_from(["yes no", "yes\u2028no", "<think>"])
)
def test_no_reply_raises_and_readings_are_stable(reply: str) -> None:
    for read in (vlmeval_said, lmms_said, first_four_said, strict_said):
        assert read(reply) in {"yes", "no", ""}
        assert read(reply) == read(reply)
    assert strict_said(None) == ""
    assert read_verdict(reply) in {"right", "wrong", "unclear"}


def test_recorded_names() -> None:
    assert MME["vlmevalkit.YOrN_Extraction"]({"output": "hm"}) == "Unknown"
    assert MME["lmms_eval.parse_pred_ans"]({"pred_ans": "I think"}) == "other"


# --- MME --------------------------------------------------------------------------------------


def whole(rights: dict[str, list[list[float]]]) -> list[MmeAnswer]:
    """Two right questions for every subtask, but for those that are given: right per picture."""
    return [
        MmeAnswer(category, f"{category}/{n}", right)
        for category in (*PERCEPTION, *COGNITION)
        for n, picture in enumerate(rights.get(category, [[1, 1]]))
        for right in picture
    ]


def test_mme_sums_by_hand() -> None:
    rows = whole({"color": [[1, 0], [1, 1]], "code_reasoning": [[0, 0]]})
    official, strict = vlmeval_mme(rows), strict_mme(rows)
    assert official["color"] == strict["color"] == 75 + 50
    assert official["perception"] == strict["perception"] == 9 * 200 + 125
    assert official["reasoning"] == strict["reasoning"] == 600
    assert lmms_mme(rows) == 9 * 200 + 125 + 600


def test_mme_1_pictures_with_other_numbers_of_questions() -> None:
    three = whole({"color": [[1, 1, 0]]})
    assert vlmeval_mme(three)["color"] == pytest.approx(100 * 2 / 3 + 100)
    assert strict_mme(three)["color"] == pytest.approx(100 * 2 / 3)
    one = whole({"color": [[1]]})
    with pytest.raises(IndexError):
        vlmeval_mme(one)
    with pytest.raises(AssertionError):
        lmms_mme(one)
    assert strict_mme(one)["color"] == 100


def test_mme_2_absent_subtasks() -> None:
    rows = [row for row in whole({}) if row.category != "color"]
    with pytest.raises(KeyError):
        vlmeval_mme(rows)
    assert lmms_mme(rows) == 13 * 200
    strict = strict_mme(rows)
    assert (strict["color"], strict["perception"], strict["reasoning"]) == (None, None, 800)


def test_mme_5_the_tool_pairs_lines_not_pictures() -> None:
    assert tool_score([("Yes", "yes"), ("No", "Nope\n")]) == 200
    right_wrong = [("Yes", "yes"), ("No", "yes"), ("Yes", "no"), ("No", "no")]
    assert tool_score(right_wrong) == 50
    with pytest.raises(AssertionError):
        tool_score([("Yes", "yes")])


def test_mme_tool_message() -> None:
    lines = {task: ["a\tq\tYes\tYes\n", "a\tq\tNo\tmaybe\n"] for task in (*PERCEPTION, *COGNITION)}
    message = MME["bagel_repo_copy.official_calculation:message"]({"task_txt_lines": lines})
    assert message.count("score: 50.0\n") == 14
    assert "total score: 500.0 \n\n" in message
    assert "total score: 200.0 \n\n" in message


# --- POPE -------------------------------------------------------------------------------------


def pope(gold: str, said: Said, *categories: str) -> PopeAnswer:
    return PopeAnswer(
        gold=gold == "yes", said=said, right=float(said == gold), categories=categories
    )


def test_detection_by_hand() -> None:
    found = detection([True, True, True, False], [True, True, False, True], [1, 1, 0, 0])
    assert (found.precision, found.recall, found.accuracy) == (2 / 3, 2 / 3, 0.5)
    assert found.f1 == pytest.approx(2 / 3)
    assert found.yes_ratio == 0.75
    none = detection([False], [False], [1])
    assert (none.precision, none.recall, none.f1, none.accuracy) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="no questions"):
        detection([], [], [])


def test_pope_1_questions_of_several_categories() -> None:
    rows = [pope("yes", "yes", "random", "popular"), pope("yes", "no", "random"), pope("no", "no")]
    official = vlmeval_pope(rows)
    assert list(official) == ["Overall", "popular", "random"]
    assert official["Overall"].recall == 2 / 3
    assert official["Overall"].accuracy == 3 / 4
    assert strict_pope(rows).recall == 1 / 2


def test_pope_2_unread_replies() -> None:
    rows = [pope("no", ""), pope("yes", "yes"), pope("yes", "")]
    assert vlmeval_pope(rows)["Overall"].precision == 1
    strict = strict_pope(rows)
    assert (strict.precision, strict.recall, strict.accuracy) == (0.5, 0.5, 1 / 3)


def test_pope_3_lmms_compares_whole_replies() -> None:
    found = lmms_pope([("yes", "Yes "), ("yes", "yes."), ("no", "no")])
    assert (found.precision, found.recall, found.accuracy) == (1, 1, 2 / 3)
    assert found.yes_ratio == 2 / 3
    record = {"doc": {"answer": "Yes"}, "results": ["yes."]}
    assert POPE["lmms_eval.process_results"](record) == 0


# --- HallusionBench ---------------------------------------------------------------------------


def test_hallusion_accuracies_by_hand() -> None:
    rows = [
        HallusionAnswer(figure=f, question=q, right=r, groups=(g,))
        for f, q, r, g in [
            ("f0", "q0", True, "VD"), ("f0", "q1", True, "VD"), ("f1", "q0", False, "VS"),
        ]
    ]  # fmt: skip
    found = hallusion_accuracies(rows)
    assert found == {"aAcc": pytest.approx(200 / 3), "fAcc": 50, "qAcc": 50}
    assert list(hallusion_report(rows)) == ["Overall", "VD", "VS"]
    assert hallusion_report(rows)["VD"] == {"aAcc": 100, "fAcc": 100, "qAcc": 100}
    with pytest.raises(ValueError, match="no answers"):
        all_right([], [])


def test_hallusion_2_the_rule_of_lmms_eval() -> None:
    assert rule_is_right("", "0")
    assert rule_is_right("I can't tell", "0")
    assert rule_is_right("Yesterday", "1")
    row = {
        "category": "VD", "subcategory": "map", "set_id": 1, "figure_id": 0, "question_id": 2,
        "model_prediction": "Yes", "gt_answer": "1",
    }  # fmt: skip
    other = row | {"question_id": 3, "model_prediction": "no"}
    rows = {"results": [row, other]}
    assert HALLUSIONBENCH["lmms_eval.aAcc_intern"](rows) == 0.5
    assert HALLUSIONBENCH["lmms_eval.fAcc_intern"](rows) == 0
    assert HALLUSIONBENCH["lmms_eval.aggregate_intern"](rows)["qAcc"] == 0.5


def test_hallusion_3_without_a_picture_unclear_is_right() -> None:
    def place(category: str, figure: str, question: str) -> Place:
        return Place(
            category=category, subcategory="map", set_id="0", figure_id=figure,
            question_id=question,
        )  # fmt: skip

    rows = [(place("VS", "0", "0"), "unclear"), (place("VS", "1", "0"), "unclear")]
    found = judged_accuracies([*rows, (place("VD", "0", "1"), "right")])  # type: ignore[list-item]
    assert found == {"aAcc": 66.6667, "fAcc": 50.0, "qAcc": 50.0}
    with pytest.raises(AssertionError):
        judged_accuracies([(place("VD", "0", "0"), "right")] * 2)
