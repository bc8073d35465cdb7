"""Counts that variants are made of: in exports, in no table."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from evals.core.aggregation import Headline, Term, Variant
from evals.core.store import StoredRun
from reports.export import cells_csv, leaderboard_csv, summary_json
from reports.html import build_report
from reports.notices import warnings
from reports.sections import Section, sections_of
from reports.tables import leaderboard_tables
from tests.variant_runs import MISSING, memory_run

VARIANT = Variant(
    name="share", title="Share", doc="Met over asked.", profile="official",
    terms=(Term(column="judge.met", over="judge.asked"),),
)  # fmt: skip


def make(*, only: bool = False) -> StoredRun:
    """A run of which `met` and `asked` are auxiliary; with `only` it has nothing else."""
    columns = {"judge.met": [1.0, 2.0] * 4, "judge.asked": [2.0] * 8, "judge.score": [0.5, 1.0] * 4}
    if only:
        del columns["judge.score"]
    run = memory_run(
        [("a",), ("b",)] * 4, columns, variants=[VARIANT], faults={0: MISSING},
        headline=Headline(name="share", variant="share"),
        ranges={"judge.met": (0, 9), "judge.asked": (0, 9)},
    )  # fmt: skip
    for quantity in run.manifest["metrics"][0]["quantities"]:
        quantity["auxiliary"] = quantity["name"] != "score"
    return run


@pytest.fixture(scope="module")
def section() -> Section:
    (made,) = sections_of([make()])
    return made


def test_they_are_columns_of_exports_only(section: Section) -> None:
    assert [c.key for c in section.columns] == ["judge.score"]
    assert section.columns[0].primary, "the first of those that are shown"
    assert [c.key for c in section.every_column] == ["judge.met", "judge.asked", "judge.score"]
    for text in (cells_csv([section]), leaderboard_csv([section])):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert "judge.asked" in {*rows[0], *(r.get("column") for r in rows)}
    cells = summary_json(list(section.runs))["sections"][0]["rows"][0]["cells"]
    assert {"judge.met", "judge.asked"} <= {c["column"] for c in cells}


def test_no_table_shows_them(section: Section) -> None:
    page = build_report(list(section.runs), embed="none")
    assert 'data-column="judge.score"' in page
    for key in ("judge.met", "judge.asked"):
        assert f'data-column="{key}"' not in page
        assert f'value="{key}"' not in page
    data = json.loads(re.findall(r'class="data">(.*?)</script>', page, re.S)[0])
    assert [c["key"] for c in data["columns"]] == ["judge.score"]
    assert set(data["maps"]["heat"]) == {"=share", "judge.score"}
    text = [cell for t in leaderboard_tables(section.runs) for row in (t.headers, *t.rows)
            for cell in row]  # fmt: skip
    assert not any("asked" in cell or "met" in cell for cell in text)


def test_the_variants_made_of_them_stay(section: Section) -> None:
    assert section.summaries[0].cells["=share", ()].mean == pytest.approx(11 / 14)


def test_coverage_of_a_metric_of_nothing_else_is_still_told() -> None:
    (both,), (alone,) = sections_of([make()]), sections_of([make(only=True)])
    for made in (both, alone):
        told = " ".join(w["text"] for w in warnings(made))
        assert "1 missing" in told
        assert told.count("Scored 7/8 in judge") == 1
    assert "<h3>Every metric" in build_report(list(alone.runs), embed="none")


def test_benchmarks_mark_the_parts_of_their_ratios() -> None:
    from benchmarks.generation.dpg.columns import quantities as dpg
    from benchmarks.generation.unigenbench.columns import quantities as unigen

    assert [q.name for q in dpg() if not q.auxiliary] == ["score", "score_official"]
    assert [q.name for q in unigen() if not q.auxiliary] == ["met"]
