"""The command line as a newcomer meets it: right words, wrong words, files and pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.cli import main
from tests.performance.folders import Folder, build, invented

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return build(tmp_path_factory.mktemp("te"), invented(36))


def call(*words: str | Path) -> int:
    try:
        main([str(w) for w in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def run_words(folder: Folder, out: Path, *more: str | Path) -> list[str | Path]:
    return [
        "run", "-m", f"replay:{folder.outputs}", "-b", "textedit/full",
        "--data", f"textedit={folder.root}", "--out", out, "--workers", "1",
        "--ocr", "recorded", "--ocr-option", f"file={folder.readings}",
        "--metric", "ocr_official", "--metric", "ocr_strict", *more,
    ]  # fmt: skip


def test_a_run_resumes_scores_reports_and_compares(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = run_words(folder, tmp_path / "runs")
    assert call(*words) == 0
    shown = capsys.readouterr()
    assert "bagel" in shown.out
    assert str(tmp_path / "runs" / "report.html") in shown.out
    assert "36/36 done" in shown.err
    runs = tmp_path / "runs" / "textedit-full"
    lines = {p: p.read_bytes() for p in runs.rglob("*.jsonl")}
    assert sum("scores" in p.name for p in lines) == 3

    assert call(*words) == 0
    assert capsys.readouterr().err == "", "nothing was left to do"
    assert {p: p.read_bytes() for p in runs.rglob("*.jsonl")} == lines

    assert call("score", runs, "--metric", "text_exact") == 0
    assert "text_exact" in capsys.readouterr().err
    assert call("report", runs, "--out", tmp_path / "r.html", "--export", tmp_path / "x") == 0
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list((tmp_path / "x").glob("*.csv"))
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'href="x/cells.csv" download' in page
    capsys.readouterr()
    again = ("report", runs, "--out", tmp_path / "r.html", "--export", tmp_path / "x", "--json")
    assert call(*again) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == str(tmp_path / "r.html")
    assert {Path(f) for f in said["exports"]} == set((tmp_path / "x").iterdir())
    assert call(*words, "--export", tmp_path / "runs" / "tables") == 0
    assert 'href="tables/cells.csv"' in (tmp_path / "runs" / "report.html").read_text("utf-8")
    assert str(tmp_path / "runs" / "tables" / "summary.json") in capsys.readouterr().out
    assert call("compare", runs / "bagel", runs / "copy-source", "--json") == 0
    assert json.loads(capsys.readouterr().out)
    assert call("compare", runs / "bagel", "published:BAGEL") == 0
    assert "OCR" in capsys.readouterr().out


def test_outputs_under_other_names_are_counted_but_not_in_the_official_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """444 official names are not .jpg; a model that always writes one suffix loses them there."""
    from evals.core.store import StoredRun
    from evals.core.summary import summarise

    folder = build(tmp_path, invented(36))
    for path in sorted(folder.outputs.rglob("*.png"))[:5]:
        path.rename(path.with_suffix(".jpg"))
    assert call(*run_words(folder, tmp_path / "runs", "--no-report", "--no-anchors")) == 0
    said = capsys.readouterr().err
    assert "5 of 36 outputs were found under another name" in said
    run = StoredRun.read(tmp_path / "runs" / "textedit-full" / "bagel")
    cells = summarise(run, resamples=100).cells
    official, strict = cells["ocr_official.F1", ()], cells["ocr_strict.F1", ()]
    assert (official.scored, official.n, official.planned) == (31, 31, 36)
    assert (strict.scored, strict.n, strict.planned) == (36, 36, 36)
    assert sum("another name" in reason for reason in official.reasons) == 1


def test_json_is_json_and_nothing_else(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = run_words(folder, tmp_path, "--json", "--limit", "18", "--no-report")
    assert call(*words) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["complete"] is True
    assert shown.err == ""


def test_dry_run_writes_nothing(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*run_words(folder, tmp_path / "runs", "--dry-run")) == 0
    assert "36" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "-b", "textedti"], ["no benchmark 'textedti'", "'textedit'"]),
        (["run", "-b", "textedit/sinth"], ["no suite of textedit 'sinth'", "'synth'"]),
        (["run", "-b", "textedit/synth", "-m", "copysource"], ["'copysource'", "'copy-source'"]),
        (["run", "-b", "textedit/synth", "--ocr", "rapidorc"], ["'rapidorc'", "'rapidocr'"]),
        (["run", "-b", "textedit/synth", "--metric", "ocr_strit"], ["'ocr_strict'"]),
        (["run", "-b", "textedit/full"], ["textedit", "--data"]),
        (["run", "-b", "textedit/synth", "--limit", "0"], ["limit = 0"]),
        (["run", "-b", "textedit/synth", "--data", "x"], ["--data 'x' is not of the form"]),
        (["run", "-b", "textedit/synth", "-m", "replay:/nowhere"], ["/nowhere"]),
        (["run"], ["No benchmark given"]),
        (["report", "/nowhere"], ["/nowhere does not exist"]),
        (["compare", "/nowhere", "/nowhere"], ["/nowhere is not a run folder"]),
        (["show", "benchmark", "text"], ["no benchmark 'text'"]),
        (["conformance", "/nowhere"], ["/nowhere"]),
        (["score", "."], ["holds no run"]),
    ],
)
def test_wrong_words_are_answered_in_one_sentence(
    words: list[str], said: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert call(*words) == 2
    shown = capsys.readouterr()
    for word in said:
        assert word in shown.err
    assert "Traceback" not in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == [], "nothing is written for a command that was refused"


def test_unknown_flags_and_commands() -> None:
    for words in (["run", "--sead", "1"], ["rnu"]):
        done = subprocess.run(
            [sys.executable, "-m", "evals.cli", *words],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["list", "models"], ["list", "benchmarks"], ["list", "metrics"],
        ["show", "benchmark", "textedit"],
    ],
)  # fmt: skip
def test_lists(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3
    assert call(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out)


def test_doctor_names_what_is_missing_and_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec

    def hide(name: str, package: str | None = None) -> Any:
        return None if name == "lpips" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", hide)
    call("doctor", "--json")
    checks = {c["name"]: c for c in json.loads(capsys.readouterr().out)}
    assert checks["extra metrics"]["state"] == "missing"
    assert "lpips" in checks["extra metrics"]["detail"]
    assert checks["extra metrics"]["fix"] == "pip install 'umm-evals[metrics]'"
    assert checks["OCR engine rapidocr"]["state"] == "ok"
    assert checks["OCR engine paddleocr-official"]["fix"]


def test_a_shadowed_package_is_named(tmp_path: Path) -> None:
    """OpenAI's `evals`, or anybody's `metrics`, in front of ours on the path."""
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "__init__.py").write_text("")
    code = "import sys; from evals.cli import main; main(['list', 'models'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 2
    assert f"The package 'metrics' is found in {tmp_path / 'metrics'}" in done.stderr
    assert "virtual environment" in done.stderr


def test_a_closed_pipe_is_not_an_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m evals.cli list metrics | head -1",
        shell=True, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
