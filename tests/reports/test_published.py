"""Printed rows of many groups in one table, badges kept; which of many rows are told."""

from __future__ import annotations

from typing import Any

from evals.core.aggregation import Headline, Term, Variant
from evals.core.store import StoredRun
from evals.core.types import Group
from reports.html import build_report
from reports.published import FEW, MOST, published_panel
from reports.sections import sections_of
from tests.variant_runs import memory_run

KINDS = ("add", "remove", "style")
VARIANTS = (
    Variant(name="macro", title="Mean of kinds", doc="Mean of the kinds.",
            terms=(Term(column="judge.score", levels=(1,)),)),
)  # fmt: skip


def row(model: str, values: dict[str, dict[str, float]], **more: Any) -> dict[str, Any]:
    return {"model": model, "suite": "full", "values": values, "source": "arXiv:1", "params": "7B",
            "corrected": False, "judge": "", "differences": ["seed: unknown"], "note": "",
            **more}  # fmt: skip


def by_kind(base: float, column: str = "judge.score") -> dict[str, dict[str, float]]:
    values = {kind: {column: round(base + at / 10, 3)} for at, kind in enumerate(KINDS)}
    return {**values, "": {"=macro": round(base + 0.1, 3)}}


def make(rows: list[dict[str, Any]], **columns: Any) -> StoredRun:
    run = memory_run(
        [(k,) for k in KINDS for _ in range(4)],
        {"judge.score": [0.1 * (i % 4 + 1) for i in range(12)], **columns},
        variants=VARIANTS, headline=Headline(name="macro", variant="macro"), model="m",
        manifest={"published": rows},
    )  # fmt: skip
    groups = [{"path": list(Group(path=(k,), title=k).path), "title": k.title()} for k in KINDS]
    run.manifest["groups"] = groups
    return run


def panel_of(run: StoredRun) -> dict[str, Any]:
    panel = published_panel(sections_of([run])[0])
    assert panel is not None
    return panel


def test_groups_of_one_column_stand_in_one_table() -> None:
    rows = [row("A", by_kind(0.2)), row("B", {"add": {"judge.score": 0.5}})]
    panel = panel_of(make(rows))
    (table,) = panel["tables"]
    assert table["title"] == "Toy full, groups by score"
    assert [c["label"] for c in table["columns"]] == ["All samples", "Add", "Remove", "Style"]
    assert [c["below"] for c in table["columns"]] == ["macro", "", "", ""]
    assert table["bands"] == []
    assert [v["text"] for v in table["rows"][0]["values"]] == ["0.30", "0.20", "0.30", "0.40"]
    assert [v["text"] for v in table["rows"][1]["values"]] == ["—", "0.50", "—", "—"]
    assert [c.group for c in table["measured"][0]["cells"]] == ["", *KINDS]
    assert [c.text for c in table["measured"][0]["cells"]] == ["0.250"] * 4
    assert [b["text"] for b in table["badges"]] == ["seed 1", "source 2"]


def test_few_columns_per_group_stand_below_the_groups_name() -> None:
    values = by_kind(0.2)
    for kind in KINDS:
        values[kind]["judge.grade"] = 0.9
    (table,) = panel_of(make([row("A", values)]))["tables"]
    assert [(b["title"], b["span"]) for b in table["bands"]] == [
        ("", 1), ("Add", 2), ("Remove", 2), ("Style", 2)
    ]  # fmt: skip
    assert [c["label"] for c in table["columns"]] == ["All samples", *["score", "grade"] * 3]
    assert [c["rule"] for c in table["columns"]] == [False, True, False, True, False, True, False]


def test_many_columns_per_group_are_a_table_per_group() -> None:
    many = {f"judge.q{at}": 0.5 for at in range(FEW + 1)}
    panel = panel_of(make([row("A", dict.fromkeys(KINDS, many))]))
    assert [t["title"] for t in panel["tables"]] == [f"Toy full, {k}" for k in KINDS]
    assert all(len(t["columns"]) == FEW + 1 for t in panel["tables"])
    wide = {f"k{at}": {"judge.score": 0.5} for at in range(MOST + 1)}
    assert len(panel_of(make([row("A", wide)]))["tables"]) == MOST + 1, "too wide for one table"


def test_rows_keep_their_badges_and_say_once_that_they_are_as_printed() -> None:
    rows = [row("A", by_kind(0.2), differences=["seed: unknown", "errata[judge]: permuted"]),
            row("B", by_kind(0.3), note="by another judge")]  # fmt: skip
    (table,) = panel_of(make(rows))["tables"]
    assert table["state"] == ", as printed"
    assert [[b["text"].split()[0] for b in r["badges"]] for r in table["rows"]] == [
        ["errata"], ["note"]
    ]  # fmt: skip
    assert all(c["refs"] for c in table["columns"]), "the erratum names the judge of all of them"
    mended = [*rows, row("A", by_kind(0.1), corrected=True)]
    (table,) = panel_of(make(mended))["tables"]
    assert table["state"] == ""
    assert [r["badges"][0]["text"].rstrip(" 0123456789") for r in table["rows"]] == [
        "as printed", "as printed", "corrected"
    ]  # fmt: skip


def test_the_page_has_every_number_once() -> None:
    page = build_report([make([row("A", by_kind(0.25))])], embed="none")
    for kind, value in (("", 0.35), ("add", 0.25), ("remove", 0.35), ("style", 0.45)):
        key = "judge.score" if kind else "=macro"
        assert page.count(f'data-group="{kind}" data-published="{key}" data-v="{value!r}"') == 1
    assert page.count('class="published"') == 1
