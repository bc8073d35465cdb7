"""TIIF-Bench: recorded vectors, the tables by hand, and replies of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.tiif import rendered_text, scoring
from benchmarks.generation.tiif.conformance import CONFORMANCE
from benchmarks.generation.tiif.scoring import Tally, official_reading, strict_reading
from benchmarks.generation.tiif.taxonomy import (
    ADVANCED_AVERAGE,
    BASIC_AVERAGE,
    DIMENSIONS,
    GROUPS,
    LENGTHS,
)
from evals.conformance import run_conformance

LINES = st.sampled_from(
    ["yes, a cat", "No. none", "yes/no", "- no", "1. Yes", "**Yes**", "Answer: no", "", "maybe",
     "yesterday", "no further comments", "Q2) no", "是的", "YES\r"]
)  # fmt: skip
REPLIES = st.one_of(st.lists(LINES, max_size=8).map("\n".join), st.text(max_size=200))


def test_all_recorded_functions_agree(conformance_dir: Path) -> None:
    path = conformance_dir / "tiif.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {"tiif": "benchmarks.generation.tiif.conformance"})
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


def test_the_groups_hold_every_dimension_once() -> None:
    assert len(DIMENSIONS) == len(set(DIMENSIONS)) == 39
    assert len(GROUPS) == 9
    assert (len(BASIC_AVERAGE), len(ADVANCED_AVERAGE)) == (12, 26)


def test_official_dimensions_are_those_of_the_data(official_data: Path) -> None:
    files = official_data.joinpath("tiif", "testmini_eval_prompts").glob("*.jsonl")
    assert {f.name.removesuffix("_eval_prompts.jsonl") for f in files} == set(DIMENSIONS)


@pytest.mark.parametrize(
    ("reply", "questions", "official", "strict"),
    [
        ("Yes, red\nno, blue", 2, ("yes", "no"), ("yes", "no")),
        ("1. yes\n2. no", 2, (), ("yes", "no")),
        ("**Yes** it is\n- no\n(3) yes\nAnswer: no", 4, (), ("yes", "no", "yes", "no")),
        ("yes/no", 1, ("yes",), ()),
        ("yes or no", 1, ("yes",), ()),
        ("yes\nyes\nno further comments", 2, (), ()),
        ("yes, there are:\n- no shadows\nno", 2, ("yes", "no"), ("yes", "no")),
        ("yesterday", 1, (), ()),
        ("", 1, (), ()),
    ],
)
def test_readings(
    reply: str, questions: int, official: tuple[str, ...], strict: tuple[str, ...]
) -> None:
    assert official_reading(reply, questions).answers == official
    assert strict_reading(reply, questions).answers == strict


@given(reply=REPLIES, questions=st.integers(1, 8))
def test_no_reply_gives_more_or_other_answers(reply: str, questions: int) -> None:
    for read in (official_reading, strict_reading):
        reading = read(reply, questions)
        assert bool(reading.answers) != bool(reading.reason)
        assert len(reading.answers) in {0, questions}
        assert set(reading.answers) <= {"yes", "no"}
        assert read(reply, questions) == reading


def test_a_short_list_is_asked_less_as_released_and_wrong_strictly() -> None:
    assert scoring.official_tally(["yes", "no"], ["yes"]) == Tally(1, 1)
    assert scoring.official_tally(["yes", "no", "no"], ["YES ", None, "no"]) == Tally(1, 2)
    assert scoring.official_tally(["yes"], None) == Tally()
    assert scoring.strict_tally(["yes", "no"], ["yes"]) == Tally(1, 2)


def test_overall_by_hand() -> None:
    """One dimension per group but one: (1 + 8 * .5) / 9, and rounded accuracies as released."""
    columns = {(group[0], "short"): Tally(1, 2) for group in GROUPS.values()}
    columns["text", "short"] = Tally(3, 3)
    made = scoring.official_summary({"m": columns})
    assert made.overall["m"] == {"short": 0.5556, "long": None}
    assert made.groups["Advanced_Text Generation - Text Generation"]["m"]["short"] == 1.0
    assert made.groups["Advanced_Following_Overall - Overall"]["m"]["short"] == 0.6
    assert made.mean_accuracy == {"m": 0.5556}
    third = scoring.official_summary({"m": {("text", "long"): Tally(1, 3)}})
    assert third.accuracy["m"]["text", "long"] == 0.3333
    assert third.groups["Basic_Attribute - Attribute"]["m"] == {"short": None, "long": None}


def test_ties_are_rounded_as_pandas_does() -> None:
    """Sums of four decimals hit ties; the order of addition decides them."""
    pandas = pytest.importorskip("pandas")
    tallies = {
        m: {(d, n): Tally((7 * i + 3 * j) % 9, 8 + (i + j) % 3) for i, d in enumerate(DIMENSIONS)
            for n in LENGTHS if (i + j) % 17 or n == "short"}
        for j, m in enumerate("abc")
    }  # fmt: skip
    for models in ("a", "ab", "abc"):
        made = scoring.official_summary({m: tallies[m] for m in models})
        frame = pandas.DataFrame.from_dict(made.accuracy, orient="index", dtype=float)
        for title, dimensions in scoring.TITLES.items():
            for length in LENGTHS:
                means = frame[[(d, length) for d in dimensions]].mean(axis=1).round(4)
                got = {m: made.groups[title][m][length] for m in models}
                assert got == means.to_dict()


def test_strict_overall_needs_every_dimension() -> None:
    full: dict[str, float | None] = dict.fromkeys(DIMENSIONS, 0.5)
    full["style"] = 1.0
    assert scoring.strict_overall(full) == pytest.approx((8 * 0.5 + 1) / 9)
    assert scoring.strict_overall(full | {"negation+2d": None}) is None


def test_rendered_text_by_hand() -> None:
    assert rendered_text.gned(["open", "24h"], ["open 24x"]) == pytest.approx((0 + 1 / 3) / 2)
    assert rendered_text.gned(["open"], ["open now"]) == pytest.approx(1 / 2)
    assert rendered_text.recall(["open", "open"], ["opem"]) == 0.5
    assert rendered_text.recall([], ["x"]) is None
    record = {"text": ["A"], "short_image_ocr_results": None, "long_image_ocr_results": None}
    assert rendered_text.official_file([record])["GNED_score_short"] == 1.0
    assert set(rendered_text.official_file([record, {}]).values()) == {0}
