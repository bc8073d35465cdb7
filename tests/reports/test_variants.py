"""Variants in tables, page and exports: units, coverage, printed numbers, and what is missing."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from evals.compare import compare_published
from evals.core.store import StoredRun
from reports.columns import digits_for, printed
from reports.export import cells_csv, latex, leaderboard_csv, markdown, summary_json
from reports.html import build_report
from reports.method import method_panel
from reports.printed import PRINTED, told_rows
from reports.sections import Section, sections_of
from reports.tables import comparison_table, leaderboard_tables
from reports.variants import variants_panel
from tests.reports.variant_boards import (
    GROUPS,
    HEADLINE,
    PUBLISHED,
    VARIANTS,
    make_runs,
    printed_row,
)
from tests.variant_runs import MISSING, memory_run


@pytest.fixture(scope="module")
def runs() -> list[StoredRun]:
    return make_runs()


@pytest.fixture(scope="module")
def section(runs: list[StoredRun]) -> Section:
    (made,) = sections_of(runs)
    return made


def test_the_board_shows_the_headline_with_its_unit(section: Section) -> None:
    board, variants = leaderboard_tables(section.runs)
    assert board.headers[2] == "Toy points (points)"
    good = next(r for r in board.rows if r[0] == "good")
    value = section.summaries[0].cells["=points", ()].mean
    assert good[2].startswith(f"{value:.1f} ±")
    assert any(
        "Sum over categories of both accuracies. Higher is better." in n for n in board.notes
    )
    faulty = next(r for r in board.rows if r[0] == "faulty")
    assert "(58/60)" in faulty[2]
    assert any("faults that left the mean (profile official): 2" in n for n in board.notes)
    assert variants.title == "Toy full, variants"


def test_every_variant_has_value_coverage_and_profile(section: Section) -> None:
    table = leaderboard_tables(section.runs)[1]
    assert table.headers == (
        "model", "points ↑ (points)", "Macro ↑ (%)", "micro ↑", "judged ↑"
    )  # fmt: skip
    rows = {r[0]: r for r in table.rows}
    assert re.fullmatch(r"\d+\.\d ±\d+\.\d \(60/60\)", rows["good"][1])
    assert re.fullmatch(r"\d+\.\d\d ±\d+\.\d\d \(90/90\)", rows["good"][2])
    assert re.fullmatch(r"0\.\d{3} ±0\.\d{3} \(90/90\)", rows["good"][3])
    assert "(88/90, 2 as worst)" in rows["faulty"][2]
    assert rows["good"][4] == "— [1]"
    assert table.notes[0].startswith("[1] unavailable: judge.score: no judge endpoint")
    assert "Macro (strict): Mean over categories." in table.notes
    assert rows["other 4 (published, as printed)"][1:] == ("204.5", "51.125", "—", "—")
    assert len(rows) == 3 + 1, "of the published rows the best, where no reference is among them"
    assert f"{len(PUBLISHED) - 1} more published rows: see the report" in table.notes


def test_printed_numbers_stand_beside_ours_first(section: Section) -> None:
    panel = variants_panel(section)
    assert panel is not None
    points = next(r for r in panel["rows"] if r["key"] == "=points")
    assert points["head"]
    assert points["printed"][0] == "Good 150.0"
    assert points["printed"][1] == "other 4 204.5"
    assert points["printed"][-1] == f"and {len(PUBLISHED) - PRINTED} more"
    micro = next(r for r in panel["rows"] if r["key"] == "=micro")
    assert micro["printed"] == []


def test_references_are_named_first_then_our_models_then_the_best() -> None:
    rows = [*PUBLISHED, printed_row("bagel", 120.0), printed_row("InternVL-U", 110.0),
            printed_row("BAGEL", 120.0, source="elsewhere"),
            printed_row("BAGEL + rewriter", 130.0)]  # fmt: skip
    runs = make_runs(published=rows)
    panel = variants_panel(sections_of(runs)[0])
    assert panel is not None
    points = next(r for r in panel["rows"] if r["key"] == "=points")
    assert points["printed"] == [
        "bagel 120.0", "InternVL-U 110.0", "Good 150.0", "other 4 204.5", "and 5 more"
    ]  # fmt: skip
    table = leaderboard_tables(runs)[1]
    assert [r[0] for r in table.rows if "published" in r[0]] == [
        "bagel (published, as printed)", "InternVL-U (published, as printed)",
        "other 4 (published, as printed)",
    ]  # fmt: skip
    assert "7 more published rows: see the report" in table.notes


def test_the_best_of_a_falling_scale_is_the_lowest() -> None:
    column = replace(sections_of(make_runs())[0].variants[0], direction="lower")
    rows = [printed_row("a", 3.0), printed_row("b", 2.0), printed_row("c", 4.0)]
    assert [r["model"] for r in told_rows(rows, [column], "=points")] == ["b"]


def test_synthetic_numbers_never_stand_beside_printed_ones() -> None:
    suite = {"name": "full", "title": "Toy full", "version": "1", "synthetic": True, "size": 90}
    (made,) = sections_of(make_runs(suite=suite))
    panel = variants_panel(made)
    assert panel is not None
    assert not panel["printed"]
    assert all(r["printed"] == [] for r in panel["rows"])


def test_a_benchmark_without_variants_has_no_such_table(official_runs: list[StoredRun]) -> None:
    (made,) = sections_of(official_runs)
    assert variants_panel(made) is None
    assert len(leaderboard_tables(official_runs)) == len(made.board.boards)


def test_the_page(section: Section, runs: list[StoredRun]) -> None:
    page = build_report(runs, embed="none")
    assert "<h3>Variants</h3>" in page
    for at, name in enumerate(section.names):
        for key in ("=points", "=macro", "=micro"):
            mean = section.summaries[at].cells[key, ()].mean
            cell = f'data-column="{key}" data-model="{name}" data-group="" data-v="{mean!r}"'
            assert cell in page
    assert "points</strong>" in page or "points</bdi></strong>" in page
    assert page.count('value="=macro"') == 1  # the heat map of groups, not that of strata
    data = json.loads(re.findall(r'class="data">(.*?)</script>', page, re.S)[0])
    assert [v["key"] for v in data["variants"]] == ["=points", "=macro", "=micro", "=judged"]
    row = 1 + [g.path for g in section.groups].index(("Perception",))
    shown = section.summaries[0].cells["=macro", ("Perception",)].mean
    assert data["maps"]["heat"]["=macro"][row][0][0] == section.variants[1].text(shown)


def test_the_method_explains_every_variant(section: Section) -> None:
    panel = method_panel(section)
    assert panel["headline"]["formula"] == "the variant “Perception”, under the official profile"
    told = {v["name"]: v["text"] for v in panel["variants"]}
    assert told["Macro"] == "Mean over categories. Profile strict."
    assert {p["profile"] for p in panel["policies"]} == {"official", "strict"}


def test_published_rows_show_variant_columns(runs: list[StoredRun]) -> None:
    page = build_report(runs, embed="none")
    assert 'data-published="=points" data-v="150.0">150.0</td>' in page
    assert 'data-published="=macro" data-v="61.25">61.25</td>' in page


def test_compare_with_a_published_row(runs: list[StoredRun]) -> None:
    found = compare_published(runs[0], PUBLISHED[-1])
    rows = {(r.column, r.group): r for r in found.rows}
    assert set(rows) == {("=points", ""), ("=macro", ""), ("=macro", "Perception")}
    assert rows["=points", ""].verdict == "outside"
    table = comparison_table(found.to_json())
    assert table.rows[0][0] == "=points"
    assert table.rows[0][2] == "150.00"
    assert re.fullmatch(r"\[\d+\.\d\d, \d+\.\d\d\]", table.rows[0][4])


def test_differences_that_name_a_metric_or_a_variant_concern_the_variant(
    runs: list[StoredRun],
) -> None:
    for name in ("answer", "answer.correct", "=points"):
        row = printed_row("x", 3.0, differences=[f"errata[{name}]: printed wrong"])
        found = compare_published(runs[0], row)
        points = next(r for r in found.rows if r.column == "=points")
        assert points.verdict == "not comparable"
        assert points.reasons == ("errata: printed wrong",)
    row = printed_row("x", 3.0, differences=["errata[judge]: printed wrong"])
    assert all(r.verdict != "not comparable" for r in compare_published(runs[0], row).rows)


def test_another_judge_is_told_of_variants_that_rest_on_one(runs: list[StoredRun]) -> None:
    row = printed_row("x", 3.0, judge="gpt-4o")
    row["values"][""]["=judged"] = 0.5
    found = {r.column: r for r in compare_published(runs[0], row).rows if not r.group}
    assert found["=points"].reasons == ()
    assert found["=judged"].reasons[0].startswith("no value: judge.score")


def test_exports(section: Section, runs: list[StoredRun]) -> None:
    long = list(csv.DictReader(io.StringIO(cells_csv([section]))))
    # A spreadsheet would take a name that begins with "=" for a formula.
    own = [r for r in long if r["column"] == "'=macro" and r["group"] == "Perception"]
    assert {r["profile"] for r in own} == {"strict"}
    wide = list(csv.DictReader(io.StringIO(leaderboard_csv([section]))))
    assert float(wide[0]["'=macro"]) == section.summaries[0].cells["=macro", ()].mean
    assert "Toy full, variants" in markdown([section])
    assert "Toy points (points)" in latex([section])
    cells = summary_json(runs)["sections"][0]["rows"][0]["cells"]
    assert any(c["column"] == "=points" for c in cells)


def test_decimals_follow_the_size() -> None:
    assert [digits_for(0, 1), digits_for(0, 100), digits_for(0, 2000)] == [3, 2, 1]
    assert [printed(0.5), printed(62.0, 2), printed(1607.5, 1), printed(None)] == [
        "0.50", "62.00", "1607.5", "—"
    ]  # fmt: skip


def test_a_model_without_a_value_gets_a_dash_and_the_reason() -> None:
    lost = dict.fromkeys(range(30), MISSING)
    run = memory_run(
        GROUPS, {"answer.correct": [1.0] * 90, "judge.score": [1.0] * 90}, variants=VARIANTS,
        headline=HEADLINE, model="lost", faults=lost,
    )  # fmt: skip
    board, variants = leaderboard_tables([run])
    assert board.rows[0][2].startswith("—")
    assert any(
        "no value in Perception/count, and a sum needs every group" in n for n in board.notes
    )
    assert variants.rows[0][1] == "— [1]"
