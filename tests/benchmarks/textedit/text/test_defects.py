"""Every released OCR defect side by side: what the official numbers are, and what strict ones are.

The ids are those of docs/errata.md. The official values are goldens: they must stay, defects
included, because published rows were computed so.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from benchmarks.textedit.official import OfficialScores, ocr_metrics
from benchmarks.textedit.strict import StrictScores, strict_metrics
from metrics.ocr import TextItem
from tests.reading_kit import column, item, scaled, words

FIVE = ("OA", "OP", "OR", "F1", "NED")


@dataclass(frozen=True)
class Case:
    """One edit, its readings, and both sets of numbers in the order of `FIVE`."""

    id: str
    source: str
    target: str
    original: list[TextItem]
    edited: list[TextItem]
    official: tuple[float, float, float, float, float]
    strict: tuple[float, float, float, float, float]


PERFECT = (1.0, 1.0, 1.0, 1.0, 1.0)
CASES = [
    Case(
        "C1: the first line that contains the source wins", "2", "3",
        column("EST. 1928", "2", "OPEN"), column("EST. 1928", "3", "OPEN"),
        (0.0, 0.25, 0.25, 0.25, 1.0), PERFECT,
    ),
    Case(
        "C2: the whole line is the region", "TUESDAY", "WEDNESDAY",
        column("HAPPY TUESDAY EVERYONE", "OPEN"), column("HAPPY WEDNESDAY EVERYONE", "OPEN"),
        (0.4091, 0.7045, 0.7045, 0.7045, 0.0), PERFECT,
    ),
    Case(
        "C2: damage on the edited line is free", "TUESDAY", "WEDNESDAY",
        words("HAPPY TUESDAY EVERYONE", 10, 10), [item("WEDNESDAY", 70, 10, width=70)],
        PERFECT, (1.0, 1.0, 0.0, 0.0, 1.0),
    ),
    Case(
        "C3: case is ignored, an untouched copy is perfect", "MAINE", "Maine",
        column("MAINE"), column("MAINE"), PERFECT, (0.12, 0.12, 0.12, 0.12, 0.04),
    ),
    Case(
        "C4: punctuation is ignored", "7-5", "3-1", column("7-5"), column("31"),
        PERFECT, (0.8333, 0.8333, 0.8333, 0.8333, 0.6667),
    ),
    Case(
        "C5: doing nothing scores F1 .5", "TEA", "COFFEE",
        column("TEA", "MENU", "OPEN"), column("TEA", "MENU", "OPEN"),
        (0.0333, 0.5167, 0.5167, 0.5167, 0.0333), (0.0333, 0.0333, 0.0333, 0.0333, 0.0333),
    ),
    Case(
        "C7: with one line in the original, invented text is free", "TEA", "COFFEE",
        column("TEA"), column("COFFEE", *(f"GARBAGE{n}" for n in range(9))),
        PERFECT, (1.0, 0.0769, 1.0, 0.1429, 1.0),
    ),
    Case(
        "C9: a target 3.4 times as wide is not found", "TEA", "COFFEE",
        [item("TEA", 10, 10, width=30)], [item("COFFEE", 10, 10, width=102)],
        (0.0, 0.0, 0.0, 0.0, 0.0), PERFECT,
    ),
    Case(
        "C10: the source inside another word elsewhere costs 80 %", "TEA", "COFFEE",
        column("TEA", "STEAMED RICE"), column("COFFEF", "STEAMED RICE"),
        (0.1667, 0.5833, 0.5833, 0.5833, 0.8333), (0.8333, 0.8333, 0.8333, 0.8333, 0.8333),
    ),
    Case(
        "C10: a source left beside the target is free", "DELTA", "AIRLINES",
        [item("DELTA", 10, 10, width=150)], words("DELTA AIRLINES", 10, 10),
        (1.0, 1.0, 1.0, 1.0, 0.6154), (0.6154, 0.3787, 0.6154, 0.4688, 1.0),
    ),
    Case(
        "C18: a target on two lines is never joined", "WELCOME", "GOOD DAY",
        [item("WELCOME", 10, 10, height=40)], [item("GOOD", 10, 5), item("DAY", 10, 30)],
        (0.5714, 0.5714, 0.5714, 0.5714, 0.0), PERFECT,
    ),
]  # fmt: skip


def five(scores: OfficialScores | StrictScores) -> list[float | None]:
    return [getattr(scores, name) for name in FIVE]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_official_keeps_the_defect_and_strict_mends_it(case: Case) -> None:
    texts = case.source, case.target
    assert five(ocr_metrics(*texts, case.original, case.edited)) == pytest.approx(
        case.official, abs=1e-4
    )
    assert five(strict_metrics(*texts, case.original, case.edited)) == pytest.approx(
        case.strict, abs=1e-4
    )


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_C6_which_line_was_deleted_matters_officially_only(lost: int) -> None:
    background = ["ABCDEF", "GHIJKL", "MNOPQR"]
    original = column("TEA", *background)
    edited = [column("COFFEE", *background)[n] for n in range(4) if n != lost + 1]
    official = ocr_metrics("TEA", "COFFEE", original, edited)
    assert pytest.approx([0.5, 0.6667, 0.8333][lost], abs=1e-4) == official.OR
    assert pytest.approx(2 / 3) == strict_metrics("TEA", "COFFEE", original, edited).OR


def staircase(first: str, second: str, third: str) -> list[TextItem]:
    """Lines of 8 px height, 9 px apart."""
    texts = (first, second, third)
    return [item(t, 10, 40 + 9 * n, width=8 * len(t), height=8) for n, t in enumerate(texts)]


@pytest.mark.parametrize(("factor", "official"), [(1, 0.643), (2, 1.0), (4, 1.0)])
def test_C8_lines_depend_on_the_resolution_officially_only(factor: int, official: float) -> None:
    original = [item("TEA", 10, 10, 30, 8), *staircase("MILK", "SUGAR", "LEMON")]
    edited = [item("COFFEE", 10, 10, 30, 8), *staircase("MILK", "LEMON", "SUGAR")]
    large = scaled(original, factor), scaled(edited, factor)
    assert pytest.approx(official, abs=1e-3) == ocr_metrics("TEA", "COFFEE", *large).F1
    assert pytest.approx(1.0) == strict_metrics("TEA", "COFFEE", *large).F1


def test_C17_unreadable_original_is_zero_officially_and_unscorable_strictly() -> None:
    for original, exit_, reason in (
        ([], "no_text_in_original", "no_text_in_original"),
        (column("XQZ"), "no_source_line", "source_not_found"),
    ):
        official = ocr_metrics("TEA", "COFFEE", original, column("COFFEE"))
        assert (five(official), official.exit) == ([0.0] * 5, exit_)
        strict = strict_metrics("TEA", "COFFEE", original, column("COFFEE"))
        assert (five(strict), strict.reason) == ([None] * 5, reason)


def test_output_without_text_is_the_models_fault_in_both() -> None:
    official = ocr_metrics("TEA", "COFFEE", column("TEA", "MENU"), [])
    assert (five(official), official.exit) == ([0.0] * 5, "no_text_in_output")
    strict = strict_metrics("TEA", "COFFEE", column("TEA", "MENU"), [])
    assert (strict.OA, strict.F1, strict.source_erased, strict.reason) == (0.0, 0.0, 1.0, "")


def test_C11_a_cut_record_scores_the_obeyed_prompt_low_and_the_fixed_one_right() -> None:
    original, edited = column("what's for dinner"), column("today's menu")
    assert pytest.approx(0.5, abs=1e-4) == ocr_metrics("what", "today", original, edited).OA
    assert strict_metrics("what", "today", original, edited).F1 < 0.2
    fixed = "what's for dinner", "today's menu"
    assert ocr_metrics(*fixed, original, edited).OA == 1.0
    assert strict_metrics(*fixed, original, edited).F1 == 1.0
