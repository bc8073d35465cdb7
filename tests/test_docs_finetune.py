"""The commands of docs/finetune.md, run as they stand, in the order they stand in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def walk() -> list[str]:
    """The commands of the section that promises this test, each on one line."""
    text = (ROOT / "docs" / "finetune.md").read_text(encoding="utf-8")
    section = text.split("## From data to an exported checkpoint")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    joined = block.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


@pytest.mark.timeout(600)
def test_a_newcomer_gets_from_data_to_an_exported_checkpoint(tmp_path: Path) -> None:
    commands = walk()
    assert len(commands) == 9
    binaries = Path(sys.executable).parent
    said = {}
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        said[command] = done.stdout + done.stderr
    run = tmp_path / "run"
    assert (run / "first-batch.png").is_file()
    assert (run / "report.html").is_file()
    assert len(list((run / "samples").iterdir())) == 3
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    scored = {line["step"]: line["evaluation"] for line in lines if "evaluation" in line}
    assert list(scored) == [0, 6, 8]
    assert all(s["fidelity.psnr_background"] > 0 for s in scored.values())
    about = json.loads((tmp_path / "exported" / "training.json").read_text())
    assert about["step"] == 8
    assert "going on from step 6" in said[commands[5]]
    assert commands[5].startswith("umm-evals finetune tiny")
    found = list((tmp_path / "sweep").rglob("scores.jsonl"))
    assert found
