"""A sweep over two tasks with four kinds of model, from the command line to one page; offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from evals.cli import main
from evals.core.store import StoredRun
from model.internvlu.tiny import write_tiny
from tests.tiny_pipelines import tiny_edit_pipeline

SWEEP = """
benchmarks = ["textedit/synth", "rendered-qa/synth"]
out = "{out}"
limit = 2
workers = 1

[[models]]
adapter = "classical"

[[models]]
adapter = "copy-source"

[[models]]
adapter = "internvlu"
argument = "{internvlu}"
options = {{ steps = 2, max_new_tokens = 8, batch_size = 2, device = "cpu" }}

[[models]]
adapter = "diffusers"
argument = "{diffusers}"
options = {{ steps = 1, max_pixels = 65536, device = "cpu" }}
"""


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["run", *words])
    return int(ended.value.code or 0)


def test_one_sweep_of_four_models_over_two_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sweep.toml").write_text(
        SWEEP.format(
            internvlu=write_tiny(tmp_path / "tiny"),
            diffusers=tiny_edit_pipeline(tmp_path / "pix2pix"),
            out=tmp_path / "runs",
        )
    )
    assert run("-c", str(tmp_path / "sweep.toml"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]

    edits = {p.parent.name: StoredRun.read(p.parent)
             for p in (tmp_path / "runs" / "textedit-synth").glob("*/run.json")}  # fmt: skip
    assert set(edits) == {
        "classical", "internvlu-tiny", "diffusers-pix2pix", "copy-source", "ground-truth"
    }  # fmt: skip
    for stored in edits.values():
        assert [p.status for p in stored.predictions.values()] == ["ok", "ok"]
    stamped = edits["internvlu-tiny"].manifest["model"]["describe"]
    assert stamped["options"]["steps"] == 2
    assert len(stamped["files"]) == 16

    questions = tmp_path / "runs" / "rendered-qa-synth"
    for name in ("internvlu-tiny", "classical"):
        answered = StoredRun.read(questions / name)
        assert all(p.status == "ok" and p.text is not None for p in answered.predictions.values())
    for name in ("copy-source", "diffusers-pix2pix"):
        statuses = {p.status for p in StoredRun.read(questions / name).predictions.values()}
        assert statuses == {"unsupported"}, "it does not answer, and the row says so"

    page = (tmp_path / "runs" / "report.html").read_text(encoding="utf-8")
    for words in ("TextEdit", "internvlu:tiny", "diffusers:pix2pix", "classical", "not supported"):
        assert words in page


def test_the_command_of_the_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_tiny(tmp_path / "tiny")
    words = ["--model", f"internvlu:{folder}", "--benchmarks", "textedit", "--suite", "synth"]
    assert run(*words, "--dry-run", "--json", "--out", str(tmp_path / "runs")) == 0
    assert "internvlu:tiny" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
