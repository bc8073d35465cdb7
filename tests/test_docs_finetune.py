"""The commands of docs/finetune.md, run as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def commands() -> str:
    """The block of the section that promises this test."""
    text = (ROOT / "docs" / "finetune.md").read_text(encoding="utf-8")
    section = text.split("## From data to an exported checkpoint")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return str(block)


@pytest.mark.timeout(900)
def test_a_newcomer_gets_from_data_to_an_exported_checkpoint(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()], cwd=tmp_path, capture_output=True,
        text=True, check=False, env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert "going on from step 4" in said
    assert "Traceback" not in said
    run = tmp_path / "run"
    assert (run / "first-batch.png").is_file()
    assert (run / "report.html").is_file()
    assert len(list((run / "samples").iterdir())) == 3
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    scored = {line["step"]: line["evaluation"] for line in lines if "evaluation" in line}
    assert list(scored) == [0, 4, 6]
    assert all(s["fidelity.psnr_background"] > 0 for s in scored.values())
    about = json.loads((tmp_path / "exported" / "training.json").read_text())
    assert about["step"] == 6
    assert list((tmp_path / "sweep").rglob("scores.jsonl"))
