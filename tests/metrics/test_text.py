from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.text import (
    best_window,
    cer,
    char_counts,
    distance,
    exact,
    exact_folded,
    normalise,
    similarity,
    squeeze,
    visible,
    wer,
    window_similarity,
)

WORDS = st.text(alphabet="abcd", max_size=7)


@given(WORDS, WORDS)
def test_similarity_is_symmetric_and_1_for_equal_texts_only(a: str, b: str) -> None:
    assert similarity(a, b) == similarity(b, a)
    assert 0.0 <= similarity(a, b) <= 1.0
    assert (similarity(a, b) == 1.0) == (a == b)


@given(WORDS, st.text(alphabet="abcd", max_size=10))
def test_best_window_is_the_best_of_all_windows(needle: str, text: str) -> None:
    found = best_window(needle, text)
    windows = [text[a:b] for a in range(len(text) + 1) for b in range(a, len(text) + 1)]
    assert found.distance == min(distance(needle, w) for w in windows)
    assert found.distance == distance(needle, text[found.start : found.end])
    longer = max(len(needle), found.end - found.start)
    assert found.similarity == (1 - found.distance / longer if longer else 1.0)


@given(WORDS, WORDS, WORDS)
def test_a_text_is_found_inside_any_other(before: str, text: str, behind: str) -> None:
    assert window_similarity(text, before + text + behind) == 1.0


def test_best_window_of_nothing() -> None:
    assert best_window("", "abc").similarity == 1.0
    assert best_window("abc", "").similarity == 0.0


@given(WORDS, WORDS)
def test_error_rates_and_character_counts(a: str, b: str) -> None:
    assert cer(a, b) >= 0
    assert (cer(a, b) == 0) == (a == b)
    counts = char_counts(a, b)
    assert 0.0 <= counts.precision <= 1.0
    assert 0.0 <= counts.recall <= 1.0
    assert counts.hits <= min(len(a), len(b))


def test_character_precision_falls_with_extra_and_recall_with_missing_letters() -> None:
    extra, missing = char_counts("sale", "xxsale"), char_counts("sale", "sl")
    assert (extra.precision, extra.recall) == (4 / 6, 1.0)
    assert (missing.precision, missing.recall) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "rate"),
    [("a b c", "a b c", 0.0), ("a b c", "a c", 1 / 3), ("a", "a b c", 2.0), ("", "a", 1.0)],
)
def test_wer(reference: str, hypothesis: str, rate: float) -> None:
    assert wer(reference, hypothesis) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("a", "b", "same", "folded"),
    [
        ("Maine", "MAINE", False, True),
        ("3-1", "31", False, True),
        ("it’s", "it's", True, True),
        ("ＳＡＬＥ", "SALE", True, True),
        ("SALE", "SALT", False, False),
    ],
)
def test_exact(a: str, b: str, same: bool, folded: bool) -> None:
    assert (exact(a, b), exact_folded(a, b)) == (same, folded)


def test_normal_forms_are_stable() -> None:
    for text in ("Ça vaº 3,250.75 — “yes”", "P-38", "ﬁn"):
        assert squeeze(squeeze(text)) == squeeze(text)
        assert visible(visible(text)) == visible(text)
        assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "kept"), [("P-38", "P-38"), ("well-known", "wellknown"), ("3,250.75!", "3,250.75")]
)
def test_visible_keeps_punctuation_that_changes_a_number(text: str, kept: str) -> None:
    assert visible(text) == kept
