"""The printed leaderboards: arithmetic of the erratum, and the numbers against their source."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.textedit.published import COLUMNS, published

WEIGHTS = {"TA": 0.4, "TP": 0.3, "SI": 0.1, "LR": 0.1, "VC": 0.1}
FACTS = Path(__file__).resolve().parents[4] / "shared" / "facts"
ROUNDING = 0.010 + 1e-9
"""Five inputs rounded to two digits with weights that sum to 1, and a rounded Avg."""


def rows(corrected):
    return [r for r in published() if r.corrected is corrected]


def fitting(corrected):
    """Row halves whose printed Avg follows from their judge columns."""
    halves = [half for row in rows(corrected) for half in row.values.values()]
    assert len(halves) == 28
    gaps = [
        abs(sum(w * half[COLUMNS[c]] for c, w in WEIGHTS.items()) - half[COLUMNS["Avg"]])
        for half in halves
    ]
    return sum(gap <= ROUNDING for gap in gaps)


def test_seven_models_two_suites_as_printed_and_as_corrected():
    keys = {(r.model, r.suite, r.corrected) for r in published()}
    assert len(keys) == len(published()) == 28
    assert {s for _, s, _ in keys} == {"full", "mini"}
    assert len({m for m, _, _ in keys}) == 7
    for row in published():
        assert list(row.values) == ["Real", "Virtual"]
        for half in row.values.values():
            assert set(half) == set(COLUMNS.values())


def test_average_fits_4_of_28_as_printed_and_28_of_28_as_corrected():
    assert fitting(False) == 4
    assert fitting(True) == 28


def test_the_correction_is_one_permutation_of_the_ten_judge_columns():
    for printed, corrected in zip(rows(False), rows(True), strict=True):
        a, b, c, d, e = (printed.values["Real"][COLUMNS[n]] for n in WEIGHTS)
        f, g, h, i, j = (printed.values["Virtual"][COLUMNS[n]] for n in WEIGHTS)
        assert [corrected.values["Real"][COLUMNS[n]] for n in WEIGHTS] == [a, f, b, g, c]
        assert [corrected.values["Virtual"][COLUMNS[n]] for n in WEIGHTS] == [h, d, i, e, j]
        for half in ("Real", "Virtual"):
            for name in ("OA", "OP", "OR", "F1", "NED", "CLIP", "AES", "Avg"):
                one, two = (r.values[half][COLUMNS[name]] for r in (printed, corrected))
                assert one == two


def test_spot_values():
    bagel = next(r for r in rows(True) if (r.model, r.suite) == ("BAGEL", "full"))
    assert bagel.values["Real"]["judge.TP_official"] == 0.38
    assert bagel.values["Virtual"]["judge.TA_official"] == 0.68
    assert bagel.params == "7B+7B"
    assert bagel.judge == "gemini-3-pro-preview"


def test_ranking_by_average_is_the_same_in_both():
    for suite in ("full", "mini"):
        for half in ("Real", "Virtual"):
            orders = [
                sorted(
                    (r.values[half]["judge.Avg_official"], r.model)
                    for r in rows(c)
                    if r.suite == suite
                )
                for c in (False, True)
            ]
            assert orders[0] == orders[1]


def test_every_row_names_its_differences():
    for row in published():
        aspects = {d.partition(":")[0].partition("[")[0] for d in row.differences}
        assert {"ocr", "channels", "aesthetic", "missing", "judge", "seed"} <= aspects
        assert ("errata" in aspects) is not row.corrected
        assert row.source == "open-compass/TextEdit@0ca14ba README.md"


SUITES = {"TextEdit full": "full", "TextEdit mini-500": "mini"}


@pytest.mark.skipif(not FACTS.is_dir(), reason="the collected sources are not here")
def test_every_number_equals_the_collected_one():
    ours = {(r.suite, r.model, r.corrected): r for r in published()}
    seen = 0
    with (FACTS / "published_results.csv").open(encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            name = line["benchmark"]
            if not name.startswith("TextEdit"):
                continue
            suite = SUITES[name.partition(" MLLM")[0]]
            half, column = line["metric"].split()
            versions = [True, False] if "MLLM" not in name else ["(corrected)" in name]
            for corrected in versions:
                row = ours[suite, line["model"], corrected]
                assert row.values[half][COLUMNS[column]] == float(line["value"])
                assert row.params == line["params"]
            seen += 1
    assert seen == 2 * (7 * 14 + 2 * 7 * 12)


@pytest.mark.skipif(not FACTS.is_dir(), reason="the collected sources are not here")
def test_every_judge_number_equals_the_erratum_table():
    text = (FACTS / "textedit_errata.md").read_text(encoding="utf-8")
    for title, suite, corrected in (
        ("### Full set, as printed", "full", False),
        ("### Full set, un-permuted", "full", True),
        ("### Mini set (500), as printed", "mini", False),
        ("### Mini set (500), un-permuted", "mini", True),
    ):
        lines = text[text.index(title) :].splitlines()[4:11]
        for line in lines:
            name, _, *numbers = (c.strip() for c in line.strip("|").split("|"))
            model = name.removesuffix(" (Ours)")
            row = next(r for r in rows(corrected) if (r.model, r.suite) == (model, suite))
            found = [row.values[h][COLUMNS[c]] for h in row.values for c in (*WEIGHTS, "Avg")]
            assert found == [float(n) for n in numbers]
