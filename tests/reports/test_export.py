from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from evals.core.store import StoredRun
from reports.export import summary_json, tex, write_exports
from reports.sections import Section, sections_of


@pytest.fixture(scope="module")
def runs(official_runs: list[StoredRun], synthetic_runs: list[StoredRun]) -> list[StoredRun]:
    return [*official_runs, *synthetic_runs]


@pytest.fixture(scope="module")
def folder(runs: list[StoredRun], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export")
    files = write_exports(runs, place)
    assert all(f.is_file() for f in files)
    assert len(files) == 5
    return place


@pytest.fixture(scope="module")
def sections(runs: list[StoredRun]) -> tuple[Section, ...]:
    return sections_of(runs)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def number(text: str) -> float | None:
    return float(text) if text else None


def test_long_csv_holds_every_cell_exactly(folder: Path, sections: tuple[Section, ...]) -> None:
    rows = {
        (r["suite"], r["model"], r["column"], r["group"]): r
        for r in read(folder / "cells.csv")
        if not r["stratum"]
    }
    seen = 0
    for section in sections:
        for name, summary in zip(section.names, section.summaries, strict=True):
            for (key, group), cell in summary.cells.items():
                row = rows[section.suite, name, key, "/".join(group)]
                assert [number(row[k]) for k in ("mean", "low", "high")] == [
                    cell.mean, cell.low, cell.high,
                ]  # fmt: skip
                assert (int(row["scored"]), int(row["planned"])) == (cell.scored, cell.planned)
                assert (row["reason"] == "") == (cell.mean is not None)
                seen += 1
    assert seen == len(rows)


def test_long_csv_and_json_hold_every_stratum(folder: Path, sections: tuple[Section, ...]) -> None:
    rows = {
        (r["suite"], r["model"], r["column"], r["stratum"]): r
        for r in read(folder / "cells.csv")
        if r["stratum"]
    }
    stored = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["sections"]
    seen = 0
    for section, other in zip(sections, stored, strict=True):
        for name, cells in zip(section.names, section.strata_cells, strict=True):
            plain = next(r["strata"] for r in other["rows"] if r["model"] == name)
            assert [c["stratum"] for c in plain] == [list(s) for _, s in cells]
            for (key, stratum), cell in cells.items():
                row = rows[section.suite, name, key, "=".join(stratum)]
                assert row["group"] == ""
                assert [number(row[k]) for k in ("mean", "low", "high")] == [
                    cell.mean, cell.low, cell.high,
                ]  # fmt: skip
                assert (int(row["n"]), int(row["planned"])) == (cell.n, cell.planned)
                seen += 1
    assert seen == len(rows) > 0
    assert {s for _, _, _, s in rows} == {"edit=word", "edit=digits"}


def test_wide_csv_holds_headlines_and_columns(folder: Path, sections: tuple[Section, ...]) -> None:
    rows = {(r["suite"], r["model"]): r for r in read(folder / "leaderboard.csv")}
    for section in sections:
        for row in section.board.rows:
            name = section.name_of(row.run)
            found = rows[section.suite, name]
            assert number(found["headline"]) == row.headline.value
            assert found["partial"] == str(row.headline.partial)
            cell = section.summaries[section.names.index(name)].cells["ocr_strict.F1", ()]
            assert number(found["ocr_strict.F1"]) == cell.mean
            assert found["judge.Avg"] == ""
    assert {r["synthetic"] for r in rows.values()} == {"True", "False"}


def test_json_says_what_the_tables_say(
    folder: Path, runs: list[StoredRun], sections: tuple[Section, ...]
) -> None:
    stored = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(summary_json(runs)))
    first = stored["sections"][0]["rows"][0]
    assert first["headline"]["value"] == sections[0].board.rows[0].headline.value
    assert first["absences"]["judge"]["fix"]


def test_markdown_has_one_table_per_board_and_its_notes(
    folder: Path, sections: tuple[Section, ...]
) -> None:
    text = (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert text.count("### TextEdit") == sum(len(s.board.boards) for s in sections)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert "Synthetic, not comparable with TextEdit." in text


def test_latex_is_booktabs_with_the_best_model_bold(folder: Path) -> None:
    text = (folder / "leaderboard.tex").read_text(encoding="utf-8")
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    assert r"\textbf{" in text
    for line in text.splitlines():
        if line.startswith("ground-truth"):
            assert "textbf" not in line, "an anchor does not compete"
    assert "not comparable with TextEdit" in text
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len({line.count("&") for line in body}) == 1


def test_tex_escapes_commands() -> None:
    assert tex(r"\input{x} $a_1$ 50%") == (r"\textbackslash{}input\{x\} \$a\_1\$ 50\%")


def test_spreadsheets_run_no_formula(builder: ModuleType, tmp_path: Path) -> None:
    samples = builder.make_samples(tmp_path / "data", 1)
    model = builder.FakeModel(name='=HYPERLINK("x")', skill=0.5, keeps=0.9)
    run = builder.make_run(tmp_path / "run", model, samples)
    write_exports([run], tmp_path / "out")
    for name in ("leaderboard.csv", "cells.csv"):
        assert {r["model"] for r in read(tmp_path / "out" / name)} == {'\'=HYPERLINK("x")'}


def test_same_runs_give_the_same_files(runs: list[StoredRun], folder: Path, tmp_path: Path) -> None:
    for file in write_exports([StoredRun.read(r.folder) for r in runs], tmp_path):
        assert file.read_bytes() == (folder / file.name).read_bytes()
