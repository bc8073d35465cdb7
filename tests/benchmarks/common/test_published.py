"""Printed numbers: which lines become which rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.common import published
from benchmarks.common.published import Printed, printed_rows

LINES = """benchmark,model,params,metric,value,source,source_kind,note
Zoo,BAGEL,7B,Cats,0.82,arXiv:1 table 2,paper,
Zoo,BAGEL,7B,Dogs,0.1,arXiv:1 table 2,readme,a slip of the pen
Zoo,BAGEL,7B,Fish,0.5,arXiv:1 table 2,paper,never asked for
Zoo,BAGEL,7B,Cats,0.83,owner/repo,readme,
Zoo,Janus,1B,Cats,0.7,arXiv:1 table 2,paper,
Farm,BAGEL,7B,Cats,0.9,arXiv:1 table 2,paper,
"""


@pytest.fixture(autouse=True)
def _lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "published.csv").write_text(LINES)
    monkeypatch.setattr(published, "files", lambda package: tmp_path)
    published._lines.cache_clear()
    yield
    published._lines.cache_clear()


COLUMNS = {"Cats": ("", "=all", 100.0), "Dogs": ("dogs", "answer.accuracy", 1.0)}


def test_one_row_per_model_and_source(tmp_path: Path) -> None:
    rows = printed_rows(
        Printed(
            table="Zoo", suite="full", columns=COLUMNS, differences=("data: another",), judge="gpt"
        )
    )
    assert [(r.model, r.params, r.source) for r in rows] == [
        ("BAGEL", "7B", "arXiv:1 table 2 (paper, readme)"),
        ("BAGEL", "7B", "owner/repo (readme)"),
        ("Janus", "1B", "arXiv:1 table 2 (paper)"),
    ]
    first = rows[0]
    assert first.values == {"": {"=all": 82.0}, "dogs": {"answer.accuracy": 0.1}}, "no 82.0000001"
    assert (first.suite, first.judge, first.differences) == ("full", "gpt", ("data: another",))
    assert first.note == "Dogs: a slip of the pen", "of what is asked for only"
    assert not first.corrected


def test_rows_are_chosen_by_source() -> None:
    def models(source: str = "", lacking: str = "") -> list[str]:
        printed = Printed(
            table="Zoo", suite="full", columns=COLUMNS, source=source, lacking=lacking
        )
        rows = printed_rows(printed)
        return [f"{r.model} {r.values['']['=all']:g}" for r in rows]

    assert models(source="arXiv:1") == ["BAGEL 82", "Janus 70"]
    assert models(lacking="arXiv:1") == ["BAGEL 83"]
    assert models(source="arXiv", lacking="table 3") == ["BAGEL 82", "Janus 70"]


@pytest.mark.parametrize(
    "printed",
    [
        Printed(table="Circus", suite="full", columns=COLUMNS),
        Printed(table="Zoo", suite="full", columns={"Lions": ("", "=all", 1.0)}),
        Printed(table="Zoo", suite="full", columns=COLUMNS, source="nowhere"),
    ],
)
def test_a_table_without_a_line_is_a_mistake_of_its_author(printed: Printed) -> None:
    with pytest.raises(ValueError, match=f"no numbers of {printed.table}"):
        printed_rows(printed)


def test_several_tables_in_the_order_they_are_named() -> None:
    rows = printed_rows(
        Printed(table="Farm", suite="full", columns=COLUMNS),
        Printed(table="Zoo", suite="full", columns=COLUMNS, source="owner"),
    )
    assert [r.values[""]["=all"] for r in rows] == [90.0, 83.0]
