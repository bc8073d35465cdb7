"""CVTG-2K's scorers: recorded vectors, cases worked out by hand, and any reading at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.cvtg2k import scoring
from evals.conformance import run_conformance


def test_recorded_vectors(conformance_dir: Path) -> None:
    table = {"cvtg2k": "benchmarks.generation.cvtg2k.conformance"}
    for report in run_conformance([conformance_dir / "cvtg2k.json"], table):
        assert report.covered
        assert not report.mismatches, report.examples


def test_asked_words() -> None:
    prompt = "A board reads 'Fresh Bread', a cup says 'Hot!'."
    assert scoring.official_asked(prompt) == ["fresh", "bread", "hot!"]
    assert scoring.strict_asked(prompt) == ["fresh", "bread", "hot!"]


def test_cvtg2k_1_an_apostrophe_is_a_quote_officially() -> None:
    prompt = "A baker's sign reads 'Joe's Bread'."
    assert scoring.official_asked(prompt) == ["s", "sign", "reads", "s", "bread"]
    assert scoring.strict_asked(prompt) == ["joe's", "bread"]
    assert scoring.quoted(prompt) == ["Joe's Bread"]


def test_cvtg2k_2_one_read_word_serves_many_officially() -> None:
    asked = ["tea", "tea", "milk"]
    assert scoring.official_words(asked, ["TEA"]).correct == 2
    assert scoring.strict_words(asked, ["TEA"]).correct == 1


def test_cvtg2k_3_the_nearest_word_officially_is_not_the_one_at_least_distance() -> None:
    # Sequence matching sees all of "abcd" in "abcdefgh" and only half of it in "abxx".
    assert scoring.official_words(["abcd"], ["abcdefgh abxx"]).similarities == pytest.approx(
        [0.5], abs=1e-5
    )
    assert scoring.strict_words(["abcd"], ["abcdefghi abxx"]).similarities == (0.5,)
    official = scoring.official_words(["abcd"], ["abcdefghi abxx"]).similarities
    assert official == pytest.approx([4 / 9], abs=1e-5)


def test_nothing_read_and_nothing_asked() -> None:
    for lines in (None, [], ["  "]):
        found = scoring.official_words(["bread"], lines)
        assert found.correct == 0
        assert found.similarities == pytest.approx([0], abs=1e-5)
        assert scoring.strict_words(["bread"], lines).similarities == (0.0,)
    assert scoring.official_words([], ["bread"]).similarities == ()
    assert scoring.totals([]).accuracy == 0.0


def test_cvtg2k_4_failed_ocr_is_officially_all_wrong() -> None:
    assert scoring.official_failed(["a", "b"]).similarities == (0.0, 0.0)


def test_totals_pool_words_not_images() -> None:
    long = scoring.official_words(list("abcdefghi"), None)
    short = scoring.official_words(["a"], ["a"])
    found = scoring.totals([long, short])
    assert (found.asked, found.correct, found.accuracy) == (10, 1, 0.1)
    assert found.ned == pytest.approx(0.1, abs=1e-4)


@given(st.text(alphabet="ab' \n"), st.lists(st.text(), max_size=4))
def test_no_reading_breaks_a_scorer(prompt: str, lines: list[str]) -> None:
    asked = scoring.official_asked(prompt)
    for found in (scoring.official_words(asked, lines), scoring.strict_words(asked, lines)):
        assert found.asked == len(found.similarities)
        assert 0 <= found.correct <= found.asked
        assert all(0 <= s <= 1 for s in found.similarities)
        assert 0 <= scoring.totals([found]).ned <= 1
