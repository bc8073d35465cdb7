"""The 2,148 official prompts end to end, with images drawn at the recorded paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.cli import main
from evals.core.store import StoredRun
from evals.core.summary import summarise
from tests.performance.folders import build, official

MISSING = 37


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in words])
    return int(stop.value.code or 0)


@pytest.mark.timeout(900)
def test_a_replay_folder_with_37_files_missing(
    official_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = build(tmp_path, official(official_data / "textedit" / "eval_prompts" / "fullset"))
    assert folder.records == 2148
    outputs = sorted(p for p in folder.outputs.rglob("*") if p.is_file())
    # Every 58th: they fall into many sub-classes and all three file formats.
    gone = outputs[::58][:MISSING]
    assert len(gone) == MISSING
    for path in gone:
        path.unlink()

    assert call("data", "verify", "textedit/full", "--data", folder.root) == 0
    assert "all 2148 samples are whole" in capsys.readouterr().out

    out = tmp_path / "runs"
    words = [
        "run", "-m", f"replay:{folder.outputs}", "-b", "textedit/full", "--no-anchors",
        "--data", f"textedit={folder.root}", "--out", out, "--ocr", "recorded",
        "--ocr-option", f"file={folder.readings}", "--metric", "ocr_official",
        "--metric", "ocr_strict", "--metric", "ocr_paper", "--metric", "text_exact",
    ]  # fmt: skip
    assert call(*words) == 0
    shown = capsys.readouterr()
    assert "37 of 2148 samples have no output" in shown.err
    assert "2111/2148" in shown.out.replace(",", "")

    run = StoredRun.read(out / "textedit-full" / "bagel")
    assert sum(p.status == "missing" for p in run.predictions.values()) == MISSING
    assert sum(p.status == "ok" for p in run.predictions.values()) == 2148 - MISSING
    summary = summarise(run, resamples=200)
    whole = {column: c for (column, group), c in summary.cells.items() if group == ()}
    official_f1, strict_f1 = whole["ocr_official.F1"], whole["ocr_strict.F1"]
    assert (official_f1.scored, official_f1.planned, official_f1.n) == (2111, 2148, 2111)
    assert (strict_f1.scored, strict_f1.planned) == (2111, 2148)
    assert strict_f1.imputed == MISSING
    assert strict_f1.n == 2148
    for column, cell in whole.items():
        assert (cell.scored, cell.planned) == (2111, 2148), column
        assert sum(cell.reasons.values()) == MISSING, column
    for (column, group), cell in summary.cells.items():
        lost = sum(p.parent.name == group[-1] for p in gone) if len(group) == 2 else None
        if lost is not None:
            assert cell.planned - cell.scored == lost, (column, group)

    page = (out / "report.html").read_text(encoding="utf-8")
    assert "2,111/2,148" in page
    assert "37" in page
