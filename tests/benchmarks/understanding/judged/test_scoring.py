"""MathVerse, LogicVista and MM-Vet: replies of judges, and tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding.judged.logicvista import scoring as logicvista
from benchmarks.understanding.judged.mathverse import scoring as mathverse
from benchmarks.understanding.judged.mmvet import scoring as mmvet

REPLIES = st.text(alphabet=st.characters() | st.sampled_from("ABCDZ01.,:; -+enaJudgement\n"))

# --- MathVerse --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "official", "strict"),
    [
        ("1", True, "1"), (" 0\n", False, "0"), ("Judgement: 1", None, "1"), ("**0**", None, "0"),
        ("1.", None, "1"), ("-1", None, ""), ("10", None, ""), ("1 or 0", None, ""),
        ("", None, ""), ("yes", None, ""),
    ],
)  # fmt: skip
def test_mathverse_judgement(reply: str, official: bool | None, strict: str) -> None:
    assert mathverse.official_judgement(reply) is official
    assert mathverse.strict_judgement(reply).value == strict


def mathverse_row(version: str, subject: str, hit: bool) -> mathverse.Row:
    return mathverse.Row(version=version, subject=subject, subfield="Length", hit=hit)


def test_mathverse_tables() -> None:
    rows = [
        mathverse_row("Vision Only", "Functions", True),
        mathverse_row("Vision Only", "Plane Geometry", False),
        mathverse_row("Text Lite", "Plane Geometry", True),
    ]
    table = mathverse.official_table(rows)
    assert [line["split"] for line in table] == ["Text Lite", "Vision Only"]
    assert math.isnan(table[0].pop("Functions"))
    assert table == [
        {"split": "Text Lite", "Overall": 100.0, "Plane Geometry": 100.0, "Length": 100.0},
        {"split": "Vision Only", "Overall": 50.0, "Functions": 100.0, "Plane Geometry": 0.0,
         "Length": 50.0},
    ]  # fmt: skip
    assert mathverse.strict_table(rows) == {
        "Text Lite": 1.0, "Vision Only": 0.5, "Overall": pytest.approx(2 / 3),
    }  # fmt: skip
    assert mathverse.strict_table([]) == {}


def test_mathverse_metadata_cannot_hold_an_apostrophe() -> None:
    assert mathverse.official_metadata("{'subject': 'Functions'}") == {"subject": "Functions"}
    with pytest.raises(ValueError):
        mathverse.official_metadata("{'source': \"Euclid's\"}")


# --- LogicVista -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "answer", "official", "strict"),
    [
        ("DB", "B, D", True, True),
        ("B, D", "B, D", None, True),
        ("b", "B", None, True),
        ("(A)", "A", None, True),
        ("Answer: D and B", "B, D", None, True),
        ("AA", "A", False, True),
        ("Z", "A", False, False),
        ("3", "3", None, True),
        ("ABC", "A", False, False),
        ("The answer is B because A is round", "B", None, None),
        ("A, Z", "A", None, None),
        ("option", "A", None, None),
        ("", "A", None, None),
    ],
)
def test_logicvista_choices(
    reply: str, answer: str, official: bool | None, strict: bool | None
) -> None:
    letters = logicvista.official_letters(reply)
    assert (None if letters is None else logicvista.official_hit(letters, answer)) is official
    chosen = logicvista.strict_choice(reply)
    assert (None if chosen.reason else logicvista.strict_hit(chosen, answer)) is strict


def test_logicvista_table() -> None:
    table = logicvista.official_table([("['spatial', 'numerical']", True), ("['spatial']", False)])
    assert table[0] == {"Task&Skill": "Overall", "tot": 2, "hit": 1, "acc": 50.0}
    shares = {line["Task&Skill"]: line["acc"] for line in table}
    assert shares["numerical"] == 100.0
    assert math.isnan(shares["deductive"])
    assert logicvista.skills_of("['spatial', 'numerical']") == ["numerical", "spatial"]


# --- MM-Vet -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "outcome", "strict"),
    [
        ("0.7 ", "ok", 0.7), (".3", "ok", 0.3), ("1", "ok", 1.0), ("1e-1", "ok", 0.1),
        ("nan", "ok", None), ("inf", "invalid", None), ("1.5", "invalid", None),
        ("-0.1", "invalid", None), ("-0.0", "ok", 0.0), ("Correctness: 0.8", "unparsed", 0.8),
        ("0.8.", "unparsed", 0.8), ("0.8/1.0", "unparsed", None), ("0.5-0.7", "unparsed", None),
        ("1.2.3", "unparsed", None), ("half", "unparsed", None), ("", "unparsed", None),
    ],
)  # fmt: skip
def test_mmvet_grades(reply: str, outcome: str, strict: float | None) -> None:
    assert mmvet.official_grade(reply).outcome == outcome
    found = mmvet.strict_grade(reply)
    assert found.value == strict
    assert bool(found.reason) == (strict is None)


def test_mmvet_counts_a_lone_capability_twice() -> None:
    rows = [("rec", 1.0), ("rec,ocr", 0.0)]
    single, combined = mmvet.official_tables(rows)
    by_name = {line["Category"]: line for line in single}
    assert by_name["rec"] == {"Category": "rec", "tot": 3, "acc": pytest.approx(200 / 3)}
    assert by_name["math"]["acc"] is None, "the released script ends here"
    assert by_name["Overall"]["acc"] == 50.0
    assert [line["Category"] for line in combined] == ["rec", "rec_ocr", "Overall"]
    assert mmvet.strict_means(rows) == {"rec": 0.5, "ocr": 0.0, "Overall": 0.5}


# --- all --------------------------------------------------------------------------------------


@given(REPLIES)
def test_no_reply_raises_and_no_number_is_out_of_range(reply: str) -> None:
    assert mathverse.official_judgement(reply) in {None, True, False}
    judged = mathverse.strict_judgement(reply)
    assert judged.value in {"", "0", "1"}
    assert bool(judged.value) != bool(judged.reason)
    letters = logicvista.official_letters(reply)
    assert letters is None or logicvista.official_hit(letters, "A, B") in {True, False}
    chosen = logicvista.strict_choice(reply)
    assert chosen == logicvista.strict_choice(reply)
    assert all(len(label) == 1 for label in chosen.labels)
    assert not (chosen.labels and chosen.reason)
    official = mmvet.official_grade(reply)
    if official.outcome == "ok":
        assert official.value is not None
        assert math.isnan(official.value) or 0 <= official.value <= 1
    grade = mmvet.strict_grade(reply)
    assert grade == mmvet.strict_grade(reply)
    assert grade.value is None or 0 <= grade.value <= 1
