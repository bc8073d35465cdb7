"""Strict scoring: perfect edits in every layout, and what each kind of damage does."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.textedit.strict import is_ambiguous, strict_metrics
from metrics.ocr import TextItem
from tests.reading_kit import column, item, scaled, turned, words

SOURCE, TARGET = "TUESDAY", "WEDNESDAY"


def perfect(scores: object) -> bool:
    return all(
        getattr(scores, name) == pytest.approx(1.0)
        for name in ("OA", "OP", "OR", "F1", "NED", "target_present", "source_erased")
    )


LAYOUTS = {
    "word alone": (column("TUESDAY", "MENU"), column("WEDNESDAY", "MENU")),
    "inside a sentence": (
        column("HAPPY TUESDAY, ALL", "MENU"), column("HAPPY WEDNESDAY, ALL", "MENU"),
    ),
    "between words": (words("HAPPY TUESDAY ALL", 10, 10), words("HAPPY WEDNESDAY ALL", 10, 10)),
    "read as one item before and three after": (
        column("HAPPY TUESDAY ALL"), words("HAPPY WEDNESDAY ALL", 10, 10),
    ),
    "read as three items before and one after": (
        words("HAPPY TUESDAY ALL", 10, 10), column("HAPPY WEDNESDAY ALL"),
    ),
    "source in two items": ([item("TUES", 10, 10), item("DAY", 52, 10)], column("WEDNESDAY")),
    "target in two items": (column("TUESDAY"), [item("WEDNES", 10, 10), item("DAY", 72, 10)]),
    "source on two lines": ([item("TUES", 10, 10), item("DAY", 10, 32)], column("WEDNESDAY")),
    "target on two lines": (column("TUESDAY"), [item("WEDNES", 10, 2), item("DAY", 10, 24)]),
    "target far wider": (column("TUESDAY"), [item("WEDNESDAY", 10, 10, width=400)]),
    "target much taller": (
        column("TUESDAY", "MENU"), [item("WEDNESDAY", 10, 0, height=40), *column("MENU", y=60)],
    ),
    "one of several equal words": (
        column("TUESDAY", "TUESDAY", "TUESDAY"), column("TUESDAY", "WEDNESDAY", "TUESDAY"),
    ),
    "all of several equal words": (
        column("TUESDAY", "TUESDAY", "TUESDAY"), column("WEDNESDAY", "WEDNESDAY", "WEDNESDAY"),
    ),
    "moved away": (column("TUESDAY", "MENU"), [item("WEDNESDAY", 400, 300), *column("MENU", y=60)]),
    "the word is also elsewhere": (
        column("TUESDAY", "WEDNESDAY", "MENU"), column("WEDNESDAY", "WEDNESDAY", "MENU"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_perfect_edit_scores_1(layout: str) -> None:
    original, edited = LAYOUTS[layout]
    assert perfect(strict_metrics(SOURCE, TARGET, original, edited))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("change", ["copy", "blank"])
def test_doing_nothing_and_erasing_everything_score_near_0(layout: str, change: str) -> None:
    original, _ = LAYOUTS[layout]
    scores = strict_metrics(SOURCE, TARGET, original, original if change == "copy" else [])
    assert scores.F1 is not None
    assert scores.F1 < 0.15
    assert scores.source_erased == (0.0 if change == "copy" else 1.0)
    assert scores.residual_source == (1.0 if change == "copy" else 0.0)
    assert scores.target_present == 0.0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("turn", [0.1, -0.4, 0.8])
def test_turned_pictures_score_the_same(layout: str, turn: float) -> None:
    original, edited = LAYOUTS[layout]
    scores = strict_metrics(SOURCE, TARGET, turned(original, turn), turned(edited, turn))
    assert perfect(scores)


@pytest.mark.parametrize(("source", "target"), [("2", "3"), ("A", "B"), ("10", "9"), ("I", "you")])
def test_sources_of_one_or_two_characters(source: str, target: str) -> None:
    around = column("ABACUS 1024", "MINI", "20 IN 10 A 2", y=100)
    for make in (column, lambda t: words(f"PLAN {t} GO", 10, 10)):
        assert perfect(
            strict_metrics(source, target, [*make(source), *around], [*make(target), *around])
        )


def test_a_region_decides_which_of_equal_words_is_meant() -> None:
    original, edited = column("TEA", "TEA", "MENU"), column("TEA", "COFFEE", "MENU")
    right = strict_metrics("TEA", "COFFEE", original, edited, [(10, 60, 40, 80)])
    wrong = strict_metrics("TEA", "COFFEE", original, edited, [(10, 10, 40, 30)])
    assert perfect(right)
    assert wrong.F1 is not None
    assert wrong.F1 < 0.2
    assert wrong.source_erased == 0.0


def test_a_source_outside_the_known_region_is_not_the_source() -> None:
    original = column("EST. 1959", "MENU")
    assert strict_metrics("9", "8", original, original, [(300, 300, 320, 320)]).reason == (
        "source_not_found"
    )


def test_is_ambiguous() -> None:
    assert is_ambiguous("TEA", "COFFEE", column("TEA", "TEA"))
    assert is_ambiguous("9", "8", column("EST. 1950"))
    assert not is_ambiguous("TEA", "COFFEE", column("HOT TEA", "MENU"))


def test_spelling_faults_and_case_lower_OA_a_little_and_NED_says_so_too() -> None:
    original = column("TUESDAY", "MENU")
    fault = strict_metrics(SOURCE, TARGET, original, column("WEDNESDAI", "MENU"))
    case = strict_metrics(SOURCE, "Wednesday", original, column("WEDNESDAY", "MENU"))
    assert pytest.approx(8 / 9) == fault.OA
    assert 0.5 < (case.OA or 0) < 1.0
    assert (case.NED or 0) < (case.OA or 0)
    assert fault.target_present == 0.0


def test_a_cut_out_source_may_be_replaced_alone_or_with_its_word() -> None:
    original = column("CORONAVIRUS NEWS")
    for result in ("PANDEMIC NEWS", "COPANDEMIC NEWS"):
        assert strict_metrics("RONAVIRUS", "PANDEMIC", original, column(result)).OA == 1.0


def test_a_source_inside_the_target_is_not_a_leftover() -> None:
    original = column("EXIT")
    assert perfect(strict_metrics("EXIT", "EXIT LEFT", original, column("EXIT LEFT")))
    assert strict_metrics("EXIT", "EXIT LEFT", original, column("EXIT LEFF")).source_erased == 1.0
    assert strict_metrics("EXIT", "EXIT LEFT", original, original).source_erased == 0.0


def test_texts_without_letters_are_compared_by_their_signs() -> None:
    assert perfect(strict_metrics("!!", "?!", column("!!", "MENU"), column("?!", "MENU")))


# --- properties -------------------------------------------------------------------------------

LETTERS = "abcdefghijkmnpqrtuvwxy"  # without l, o, s and z
WORD = st.text(alphabet=LETTERS, min_size=3, max_size=9)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str, list[TextItem], list[TextItem]]:
    """A source, a target, and oracle readings before and after a perfect edit."""
    source, target = draw(WORD), draw(WORD)
    others = draw(st.lists(WORD, max_size=6, unique=True))
    clear = all(a not in b for a in (source, target) for b in others)
    assume(clear and source not in target and target not in source)
    around = column(*others, y=120)
    inside = draw(st.booleans())
    # No letter of the neighbour occurs in the drawn words.
    before, after = (f"LOOS {t}" if inside else t for t in (source, target))
    one = draw(st.booleans())
    make = column if one else (lambda t: words(t, 10, 10))
    return source, target, [*make(before), *around], [*make(after), *around]


@settings(max_examples=60, deadline=None)
@given(edits(), st.randoms(use_true_random=False))
def test_perfect_edits_score_1_in_any_order(
    edit: tuple[str, str, list[TextItem], list[TextItem]], rng: random.Random
) -> None:
    source, target, original, edited = edit
    scores = strict_metrics(source, target, original, edited)
    assert perfect(scores)
    mixed = [rng.sample(items, len(items)) for items in (original, edited)]
    assert strict_metrics(source, target, *mixed) == scores


@settings(max_examples=60, deadline=None)
@given(edits(), st.floats(0.3, 6.0))
def test_the_scale_does_not_matter(
    edit: tuple[str, str, list[TextItem], list[TextItem]], factor: float
) -> None:
    source, target, original, edited = edit
    assert perfect(strict_metrics(source, target, scaled(original, factor), scaled(edited, factor)))


@settings(max_examples=60, deadline=None)
@given(edits(), st.text(alphabet="0123456789", min_size=4, max_size=12))
def test_invented_text_lowers_precision_only(
    edit: tuple[str, str, list[TextItem], list[TextItem]], invented: str
) -> None:
    source, target, original, edited = edit
    scores = strict_metrics(source, target, original, [*edited, item(invented, 500, 900)])
    assert (pytest.approx(1.0), pytest.approx(1.0)) == (scores.OA, scores.OR)
    assert scores.OP is not None
    assert scores.OP < 0.97


@settings(max_examples=60, deadline=None)
@given(edits(), st.data())
def test_erased_text_lowers_recall(
    edit: tuple[str, str, list[TextItem], list[TextItem]], data: st.DataObject
) -> None:
    source, target, original, edited = edit
    background = [i for i in edited if i.box[1] >= 100]
    assume(background)
    gone = data.draw(st.sampled_from(background))
    scores = strict_metrics(source, target, original, [i for i in edited if i is not gone])
    assert scores.OR is not None
    assert scores.OR < 1.0
    assert pytest.approx(1.0) == scores.OA


ANY_ITEM = st.builds(
    item,
    st.text(alphabet="aAbB12 é'!-", max_size=8),
    st.floats(-50, 800),
    st.floats(-50, 800),
    st.floats(0, 300),
    st.floats(0, 80),
)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="aAbB12 '!", min_size=1, max_size=5).filter(str.strip),
    st.text(alphabet="aAbB12 '!", min_size=1, max_size=5).filter(str.strip),
    st.lists(ANY_ITEM, max_size=7),
    st.lists(ANY_ITEM, max_size=7),
    st.randoms(use_true_random=False),
)
def test_values_stay_in_range_and_ignore_the_order(
    source: str, target: str, original: list[TextItem], edited: list[TextItem], rng: random.Random
) -> None:
    scores = strict_metrics(source, target, original, edited)
    names = ("OA", "OP", "OR", "F1", "NED", "residual_source", "target_present", "source_erased")
    values = [getattr(scores, name) for name in names]
    assert (values == [None] * 8) == bool(scores.reason)
    assert all(v is None or 0.0 <= v <= 1.0 for v in values)
    mixed = [rng.sample(items, len(items)) for items in (original, edited)]
    again = strict_metrics(source, target, *mixed)
    assert [getattr(again, name) for name in names] == values
