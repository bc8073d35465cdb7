"""What every benchmark of the catalog must keep, whatever it asks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.catalog import BENCHMARKS, CONFORMANCE, PRESETS
from evals import cli, pages
from evals.config import BenchmarkSpec
from evals.conformance import DECLARED_LIMIT, run_conformance
from evals.core.errors import UserError
from evals.core.protocols import Benchmark, DataSource, ScoringSettings
from evals.core.variants import check_variants
from evals.plan import benchmarks, find_suite

ROOT = Path(__file__).parent.parent
ERRATUM = re.compile(r"\b[A-Z][A-Z0-9]*(?:-[A-Z]+)?-\d+\b")


def of(name: str) -> Benchmark:
    found: Benchmark = benchmarks().get(name)
    return found


def columns_of(benchmark: Benchmark) -> set[str]:
    own = {f"{m.name}.{q.name}" for m in benchmark.metrics(ScoringSettings()) for q in m.quantities}
    return own | {v.column for v in benchmark.variants}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_says_what_it_is(name: str) -> None:
    b = of(name)
    assert b.name == name
    assert b.default_suite in b.suites
    for text in (b.title, b.licence, b.citation, b.doc):
        assert text.strip()
    assert len(b.seeds) in {0, b.trials}
    assert "strict" in {p.profile for p in b.policies}
    for key, suite in b.suites.items():
        assert key == suite.name
        assert suite.size > 0
    if not all(s.synthetic for s in b.suites.values()):
        assert b.needs
        assert b.cost


@pytest.mark.parametrize("name", BENCHMARKS)
def test_its_numbers_are_defined(name: str) -> None:
    b = of(name)
    columns = columns_of(b)
    check_variants(b.variants, b.headline, columns, b.groups)
    headline = b.headline
    if headline.variant:
        assert f"={headline.variant}" in columns
    if headline.column:
        assert headline.column in columns


@pytest.mark.parametrize("name", BENCHMARKS)
def test_published_rows_stand_beside_something(name: str) -> None:
    b = of(name)
    columns, paths = columns_of(b), {"/".join(g.path) for g in b.groups} | {""}
    for row in b.published():
        assert row.suite in b.suites
        assert row.source
        for group, values in row.values.items():
            assert group in paths, f"{row.model}: {group}"
            assert set(values) <= columns, f"{row.model}: {set(values) - columns}"
        for difference in row.differences:
            assert re.match(r"^\w+(?:\[[^\]]+\])?: .+", difference, re.DOTALL)


PRINTED_FOR_BOTH = (
    "mme", "seed", "chartqa", "ocrbench", "mmmu", "mathverse", "logicvista", "geneval", "dpg",
    "tiif", "oneig", "longtext", "cvtg2k", "wise", "genexam", "imgedit", "gedit", "rise",
    "textedit",
)  # fmt: skip


@pytest.mark.parametrize("name", PRINTED_FOR_BOTH)
def test_the_paper_s_rows_are_there(name: str) -> None:
    models = {row.model for row in of(name).published()}
    assert any("BAGEL" in m for m in models)
    assert any("InternVL-U" in m for m in models)


@pytest.mark.parametrize("name", [n for n in BENCHMARKS if not n.startswith("rendered")])
def test_without_data_it_says_what_to_get(name: str, tmp_path: Path) -> None:
    for suite in of(name).suites.values():
        if suite.synthetic:
            continue
        with pytest.raises(UserError, match=f"--data {name}=FOLDER"):
            suite.load(DataSource(cache=tmp_path))
        with pytest.raises(UserError, match="does not exist"):
            suite.load(DataSource(root=tmp_path / "none", cache=tmp_path))
        with pytest.raises(UserError):
            suite.load(DataSource(root=tmp_path, cache=tmp_path))


def test_presets_name_suites_that_exist() -> None:
    for parts in PRESETS.values():
        for part in parts:
            find_suite(BenchmarkSpec.parse(part))
    paper = {p.split("/")[0] for p in PRESETS["paper"]}
    assert len(paper) == 19
    assert {p.split("/")[0] for p in PRESETS["all"]} == {
        n for n in BENCHMARKS if not n.startswith("rendered")
    }


def test_looking_at_benchmarks_loads_nothing_heavy() -> None:
    code = (
        "import sys; from evals.plan import benchmarks; from evals.core.protocols import "
        "ScoringSettings; r = benchmarks(); [r.get(n).metrics(ScoringSettings()) for n in r]; "
        "print([m for m in ('torch', 'transformers', 'pandas', 'open_clip', 'paddle', 'openai', "
        "'onnxruntime', 'cv2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# --- the command line -------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_the_paper_s_sweep_is_planned_without_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("run", "--preset", "paper", "--limit", "2", "--model", "builtin", "--dry-run")
    code, out, _ = call(capsys, *words, "--json", "--out", str(tmp_path / "runs"))
    assert code == 0
    suites = json.loads(out)["suites"]
    assert len({s["suite"].split("/")[0] for s in suites}) == 19
    for suite in suites:
        assert suite["needs"]
        assert suite["samples"] == 2
        assert suite["data"] == "missing"
        assert "--data" in suite["reason"]
    assert not (tmp_path / "runs").exists()
    code, out, err = call(capsys, *words, "--out", str(tmp_path / "runs"))
    assert code == 0
    assert "geneval/full" in out + err


def test_a_sweep_whose_data_is_missing_does_not_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("run", "--preset", "paper", "--model", "builtin", "--out", str(tmp_path / "runs"))
    code, _, err = call(capsys, *words)
    assert code == 2
    assert "The data of 21 of 21 suites cannot be read" in err
    assert "--dry-run" in err
    assert not (tmp_path / "runs").exists()


def test_an_unknown_preset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "run", "--preset", "papers", "--model", "builtin")
    assert code == 2
    assert "paper" in err


def test_a_common_data_root_serves_every_benchmark_of_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "geneval").mkdir()
    words = ("run", "-b", "geneval", "-b", "rendered-qa", "-m", "builtin", "--dry-run", "--json")
    code, out, _ = call(capsys, *words, "--data-root", str(tmp_path))
    suite = next(s for s in json.loads(out)["suites"] if "geneval" in s["suite"])
    assert str(tmp_path / "geneval") in suite["reason"]
    # The data was named and cannot be read: the command itself would stop.
    assert (code, suite["data"]) == (1, "unreadable")


def test_a_data_root_that_is_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("run", "-b", "geneval", "-m", "builtin", "--dry-run", "--data-root")
    code, _, err = call(capsys, *words, str(tmp_path / "none"))
    assert code == 2
    assert "is no folder" in err


# --- vectors, pages, errata -------------------------------------------------------------------


def test_all_recorded_vectors_are_met(conformance_dir: Path) -> None:
    reports = run_conformance([conformance_dir])
    wrong = [f"{r.benchmark}.{r.function}: {r.examples}" for r in reports if r.failed]
    assert not wrong
    declared = sum(sum(r.declared.values()) for r in reports)
    assert declared <= DECLARED_LIMIT * sum(r.cases for r in reports)


def test_every_vector_file_has_a_scorer(conformance_dir: Path) -> None:
    names = {json.loads(f.read_bytes())["benchmark"] for f in conformance_dir.glob("*.json")}
    assert names <= set(CONFORMANCE)


def test_the_pages_are_those_of_the_code() -> None:
    folder = ROOT / "docs" / "benchmarks"
    written = {f.name: f.read_text(encoding="utf-8") for f in folder.glob("*.md")}
    made = pages.pages()
    assert set(written) == set(made)
    old = [name for name, text in made.items() if written[name] != text]
    assert not old, f"run: python -m evals.pages docs/benchmarks ({old})"


def errata() -> str:
    names = ("errata.md", "errata-benchmarks.md")
    return "\n".join((ROOT / "docs" / n).read_text(encoding="utf-8") for n in names)


@pytest.mark.parametrize("name", [n for n in BENCHMARKS if n != "textedit"])
def test_every_defect_is_an_erratum(name: str) -> None:
    told = errata()
    for defect in of(name).defects:
        ids = ERRATUM.findall(defect)
        assert ids, f"no erratum id in {defect!r}"
        for one in ids:
            assert f"| {one} |" in told, one


def test_every_erratum_is_pinned_by_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "errata-benchmarks.md").read_text(encoding="utf-8")
    tests = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py")}
    loose = []
    for line in text.splitlines():
        found = ERRATUM.match(line.removeprefix("| "))
        cell = line.rsplit("|", 2)[1] if found else ""
        if found is None or "by construction" in cell:
            continue
        pinned = re.findall(r"(test_\w+\.py)(?:::(test_\w+))?", cell)
        gone = [f for f, name in pinned if f not in tests or f"def {name}" not in tests[f]]
        if not pinned or gone:
            loose.append(f"{found[0]}: {cell.strip()}")
    assert not loose
