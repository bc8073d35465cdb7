"""OneIG-Bench's scorers: recorded vectors, cases worked out by hand, and any reply at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.oneig import scoring, text
from evals.conformance import run_conformance


def test_recorded_vectors(conformance_dir: Path) -> None:
    table = {"oneig": "benchmarks.generation.oneig.conformance"}
    for report in run_conformance([conformance_dir / "oneig.json"], table):
        assert report.covered
        assert not report.mismatches, report.examples
        assert not report.declared


def test_english_text_keeps_case_and_joins_the_list() -> None:
    found = text.official_pieces("['Night Sale', 'Go!']", "Night sale Go")
    assert (found.asked, found.read) == ("Night Sale Go", "Night sale Go")
    assert (found.distance, found.complete) == (1, False)
    assert (found.matched, found.asked_units) == (2, 3)


def test_chinese_text_has_no_spaces_and_counts_characters() -> None:
    found = text.official_pieces("['公园 A1', '开放']", "公园 A1 开放")
    assert found.asked == found.read == "公园A1开放"
    assert (found.distance, found.matched, found.asked_units) == (0, 6, 6)
    # What is asked for decides: an English text is compared in words.
    assert text.official_pieces("['7 tea']", "7中tea").matched == 0


def test_folded_score() -> None:
    assert text.folded(100, 0.0, 0.0, "EN") == text.folded(50, 0.0, 0.0, "ZH") == 0.0
    assert text.folded(500, 0.0, 0.0, "EN") == 0.0
    assert text.folded(10, 0.5, 0.8, "EN") == pytest.approx(1 - 10 * 0.5 * 0.2 / 100)


def test_text_score_is_of_corpus_means() -> None:
    good = text.official_pieces("['a b c']", "a b c")
    bad = text.official_pieces("['a']", "bcd")
    found = text.text_score([good, bad], "EN")
    assert found is not None
    assert (found.distance, found.complete, found.recall) == (1.5, 0.5, 0.75)
    assert found.score == pytest.approx(1 - 1.5 * 0.5 * 0.25 / 100)
    assert text.text_score([], "EN") is None
    assert text.text_score([text.official_pieces("['']", "x")], "EN") is None


def test_oneig_1_official_reads_black_images_as_those_of_the_prompt_before() -> None:
    prompts = [("['tea']", ["tea", "te"]), ("['milk']", None), ("['tea bag']", [])]
    found = text.official_corpus(prompts)
    assert found is not None
    assert [(p.asked, p.read) for p in found] == [
        ("tea", "tea"), ("tea", "te"), ("tea bag", "tea"), ("tea bag", "te"),
    ]  # fmt: skip
    assert text.official_corpus([("['tea']", []), ("['tea']", ["tea"])]) is None


def test_oneig_2_official_takes_the_no_text_reply_for_text() -> None:
    assert text.official_cleaned("addCriterion\nNo text recognized.") == "\n"
    assert text.official_pieces("['No']", text.official_cleaned("No text recognized")).matched == 1
    assert text.strict_pieces("['No']", "No text recognized").matched == 0


def test_oneig_3_official_reads_the_list_as_it_is_written() -> None:
    content = str(["Two\nlines", "señor"])
    assert text.official_pieces(content, "").asked == "Twonlines seor"
    assert text.strict_pieces(content, "two lines").asked == "Two lines señor"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("['a', 'b']", ["a", "b"]), ("('a',)", ["a"]), ("a, b", ["a, b"]), ("", [""]),
        ("{[]: 1}", ["{[]: 1}"]), ("3", ["3"]), ("[" * 5000, ["[" * 5000]),
    ],
)  # fmt: skip
def test_segments(content: str, parts: list[str]) -> None:
    assert text.segments(content) == parts


def test_tokens_double_above_sixty_words() -> None:
    assert [text.answer_tokens(" ".join(["w"] * n)) for n in (60, 61)] == [128, 256]


def test_alignment_looks_at_direct_parents_only() -> None:
    replies = {1: "No", 2: "Yes", 3: "Yes", 4: "yes"}
    found = scoring.official_alignment(replies, {1: [0], 2: [1], 3: [2], 4: [9]})
    assert found.counted == {1: False, 2: False, 3: True, 4: False}
    assert found.score == 0.25


def test_oneig_5_strict_reads_any_yes() -> None:
    replies = {1: "yes.", 2: "Yes"}
    assert scoring.official_alignment(replies, {2: [1]}).score == 0.0
    assert scoring.strict_alignment(replies, {2: [1]}).score == 1.0
    assert scoring.strict_alignment({1: "perhaps"}, {}).reason.startswith("the reply to question 1")
    assert scoring.official_alignment({}, {}).score is None


def test_style_and_diversity() -> None:
    assert scoring.style_of_image([0.2, 0.6], [-0.5]) == pytest.approx(0.3)
    pairs = scoring.pairs_among({3, 0, 1})
    assert pairs == [(0, 1), (0, 3), (1, 3)]
    found = scoring.diversity_of_prompt(dict(zip(pairs, [0.1, 0.2, 0.6], strict=True)))
    assert found == pytest.approx(0.3)
    assert scoring.diversity_of_prompt({}) is None
    assert scoring.style_key("LEGO") == "lego"


def test_overall_wants_all_five() -> None:
    five = {"alignment": 0.5, "text": 0.6, "reasoning": 0.2, "style": 0.4, "diversity": 0.3}
    assert scoring.overall(five) == pytest.approx(0.4)
    assert scoring.overall({**five, "style": None}) is None
    assert scoring.overall({"text": 1.0}) is None


@given(st.text(), st.text() | st.sampled_from(["No text recognized.", "addCriterion"]))
def test_no_reply_breaks_a_text_scorer(content: str, reply: str) -> None:
    for found in (
        text.official_pieces(content, text.official_cleaned(reply)),
        text.strict_pieces(content, reply),
    ):
        assert 0 <= found.distance <= max(len(found.asked), len(found.read))
        assert 0 <= found.recall <= 1
        assert not found.complete or found.asked == found.read


@given(
    st.dictionaries(st.integers(1, 4), st.text() | st.sampled_from(["Yes", "no"])),
    st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, 5))),
)
def test_no_reply_breaks_alignment(said: dict[int, str], parents: dict[int, list[int]]) -> None:
    for scorer in (scoring.official_alignment, scoring.strict_alignment):
        found = scorer(said, parents)
        assert (found.score is None) == bool(found.reason)
        assert found.score is None or 0 <= found.score <= 1
