"""A real short training: 2,000 drawn text edits, and the suite says whether it got better."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.core.store import StoredRun
from evals.core.trend import changes

COLUMNS = ("ocr_official.OA", "fidelity.psnr_background")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_training_improves_accuracy_and_background_significantly(tmp_path: Path) -> None:
    """The commands of docs/finetune.md, "What a longer run shows", and the suite's own test.

    Eight steps of sampling are enough for what is asserted, and quicker.
    """
    binaries = Path(sys.executable).parent
    # One command at a time here: each may take all cores.
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    for command in (
        "umm-evals finetune data pairs --count 2000 --size 320 --workers 2",
        "umm-evals model tiny base --trainable",
        "umm-evals finetune tiny checkpoint=base out=run "
        "'data.mixture=[{path: pairs, task: edit}]' evaluate.every=240 sampling.steps=8",
    ):
        subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, check=True, timeout=1500,
            env={**env, "PATH": f"{binaries}:{os.environ['PATH']}"},
        )  # fmt: skip
    folder = tmp_path / "run" / "evals" / "textedit-val"
    before, after = (StoredRun.read(folder / f"step-{n:06d}") for n in (0, 240))
    found = changes(before, after, COLUMNS)
    for column in COLUMNS:
        assert found[column].n == 72
        assert found[column].low is not None
        assert found[column].low > 0, found
        assert found[column].adjusted < 0.05, found
    assert found["fidelity.psnr_background"].difference > 6
