"""The benchmark of docs/add-a-benchmark.md is built from the page, and run."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import catalog
from evals import cli

PAGE = Path(__file__).parent.parent / "docs" / "add-a-benchmark.md"
ROWS = (
    (1, "Is the cup open?", "(a) Open (b) Closed", "(a)"),
    (2, "Is the cup open?", "(a) Open (b) Closed", "(b)"),
    (3, "Which way does it look?", "(a) Left (b) Right", "(a)"),
    (4, "Which way does it look?", "(a) Left (b) Right", "(a)"),
)


def code() -> str:
    match = re.search(r"```python\n(\"\"\"MMVP.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    return match[1]


@pytest.fixture
def mmvp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The benchmark in the catalog, and a folder in its official layout."""
    file = tmp_path / "mmvp_of_the_page.py"
    file.write_text(code(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    monkeypatch.setitem(catalog.BENCHMARKS, "mmvp", f"{file.stem}:BENCHMARK")
    root = tmp_path / "MMVP"
    (root / "MMVP Images").mkdir(parents=True)
    for number, *_ in ROWS:
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(root / "MMVP Images" / f"{number}.jpg")
    lines = [",".join(map(str, row)) for row in ROWS]
    text = "\n".join(["Index,Question,Options,Correct Answer", *lines, ""])
    (root / "Questions.csv").write_text(text, encoding="utf-8")
    yield root
    del sys.modules[file.stem]


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    return int(stop.value.code or 0)


def test_it_is_forty_lines() -> None:
    lines = [x for x in code().splitlines() if x.strip() and not x.startswith(("from ", "import "))]
    assert len(lines) <= 40


def test_it_runs(mmvp: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "runs"
    words = ("run", "-m", "builtin", "-b", "mmvp", "--data", f"mmvp={mmvp}", "--out", str(out))
    assert call(*words, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["summary"]
    cells = {
        c["column"]: c
        for section in rows["sections"]
        for model in section["rows"]
        for c in model["cells"]
        if not c["group"]
    }
    # It answers A to all: three of four right, and one of two pairs.
    assert cells["answer.accuracy"]["mean"] == 0.75
    assert cells["=pairs"]["mean"] == 0.5


def test_its_data_is_checked(mmvp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "verify", "mmvp", "--data", str(mmvp)) == 0
    assert "holds 4 samples; the suite has 300" in capsys.readouterr().out.replace("\n", " ")
    (mmvp / "MMVP Images" / "3.jpg").write_bytes(b"")
    assert call("data", "verify", "mmvp", "--data", str(mmvp)) == 1


def test_without_data_it_says_what_to_do(mmvp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del mmvp
    assert call("run", "-m", "builtin", "-b", "mmvp") == 2
    told = capsys.readouterr().err
    assert "get the data set MMVP/MMVP and pass --data mmvp=FOLDER" in told
    assert "the folder that holds Questions.csv" in told


def test_every_block_of_the_page_is_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        compile(block, "page", "exec")
