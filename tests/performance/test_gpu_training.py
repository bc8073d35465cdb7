"""The measurement of training on a GPU runs, at sizes and on a device that everybody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.data.text_edits import write_text_edits
from model.internvlu.tiny import write_tiny
from tests.model.finetune.kit import SMALL
from tests.performance.gpu_training import RUNS, training_row


@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_row_of_the_table(name: str, tmp_path: Path) -> None:
    write_text_edits(tmp_path / "rows", task="edit", count=18, size=128)
    checkpoint = write_tiny(tmp_path / "checkpoint", **SMALL)
    row = training_row(
        checkpoint, tmp_path / "rows", tmp_path / "run", RUNS[name], pixels=96, samples=2,
        peak=1e9, times=1,
    )  # fmt: skip
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "96 px, 2 at once"
    assert float(cells[1]) > 0
    assert float(cells[2].replace(",", "")) > float(cells[1])
    assert float(cells[4].rstrip(" %")) > 0
