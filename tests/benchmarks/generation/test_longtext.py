"""LongText-Bench's scorers: recorded vectors, cases worked out by hand, and any reply at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.longtext import scoring, words
from benchmarks.generation.longtext.scoring import Language
from evals.conformance import run_conformance


def test_recorded_vectors(conformance_dir: Path) -> None:
    table = {"longtext": "benchmarks.generation.longtext.conformance"}
    for report in run_conformance([conformance_dir / "longtext.json"], table):
        assert report.covered
        assert not report.mismatches, report.examples


def test_english_counts_lower_case_words_as_a_multiset() -> None:
    found = scoring.official_match(["Tea, TEA", "and don't"], "tea dont dont more", "en")
    assert (found.asked, found.asked_units) == ("tea tea and dont", 4)
    assert (found.matched, found.read_units) == (2, 4)
    assert found.recall == found.precision == 0.5


def test_chinese_counts_characters_and_keeps_case() -> None:
    found = scoring.official_match(["中央公园", "- 2 KM"], "公园 2km", "zh")
    assert (found.asked, found.read) == ("中央公园2KM", "公园2km")
    assert (found.matched, found.asked_units) == (3, 7)


def test_longtext_1_official_takes_the_no_text_reply_for_text() -> None:
    reply = "No text recognized"
    assert scoring.official_cleaned(reply) == reply
    assert scoring.official_cleaned("addCriterion\nNo text recognized.") == "addCriterion\n"
    asked = ["No smoking"]
    assert scoring.official_match(asked, scoring.official_cleaned(reply), "en").matched == 1
    assert scoring.strict_match(asked, reply, "en").matched == 0
    assert scoring.strict_match(asked, "addCriterion\nno smoking", "en").recall == 1.0


def test_longtext_2_official_drops_letters_outside_its_alphabet() -> None:
    asked, reply = ["señor Weiß 龦"], "senor Weiss"
    assert scoring.official_match(asked, reply, "en").asked == "seor wei"
    assert scoring.strict_match(asked, "señor weiß", "en").matched == 2
    # The same letter, composed in two ways.
    assert scoring.strict_match(["cafe\u0301"], "CAFÉ", "en").recall == 1.0
    assert scoring.official_match(["cafe\u0301"], "CAFÉ", "en").recall == 0.0


def test_longtext_3_nothing_to_ask_for_is_no_score() -> None:
    assert scoring.official_match(["..."], "hello", "en").recall is None
    assert scoring.text_score([]) is None


def test_text_score_pools_units_over_images() -> None:
    long = scoring.official_match(["a b c d e f g h i"], "", "en")
    short = scoring.official_match(["a"], "a", "en")
    assert scoring.text_score([long, short]) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("No text recognized.", ""),
        ("'no text recognized'", ""),
        ("**No text recognized.**\nOPEN", "OPEN"),
        ("No text recognized by the guard", "No text recognized by the guard"),
        (None, ""),
    ],
)
def test_read_text(reply: str | None, read: str) -> None:
    assert words.read_text(reply) == read


@given(st.lists(st.text(), max_size=3), st.text(), st.sampled_from(["en", "zh"]))
def test_no_reply_breaks_a_scorer(asked: list[str], reply: str, language: Language) -> None:
    for found in (
        scoring.official_match(asked, scoring.official_cleaned(reply), language),
        scoring.strict_match(asked, reply, language),
    ):
        assert 0 <= found.matched <= min(found.asked_units, found.read_units)
        assert found.recall is None or 0 <= found.recall <= 1
        assert 0 <= found.precision <= 1


@given(st.text(alphabet="abç é中龥龦\n\t\u3000\x1c-'"))
def test_spacing_is_idempotent(text: str) -> None:
    kept = words.released(text)
    assert words.released(kept) == kept
    assert words.one_spaced(words.one_spaced(kept)) == words.one_spaced(kept)
    assert words.unspaced(words.one_spaced(kept)) == words.unspaced(kept)
