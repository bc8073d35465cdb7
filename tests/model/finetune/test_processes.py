"""Two processes over gloo do together what one does alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from model.finetune import checkpoints
from model.finetune.logs import read_log
from model.finetune.reading import resolved
from tests.model.finetune.kit import launched, make_config

ROOT = Path(__file__).resolve().parents[3]


def configuration(checkpoint: Path, rows: Path, out: Path, **changed: Any) -> Path:
    mixture = [{"path": str(rows), "task": task, "name": task} for task in ("edit", "understand")]
    config = make_config(
        checkpoint, out, mixture, trainable=["generation_decoder.*", "vlm.*"], steps=3,
        loss={"next_token": 1, "flow": 20}, ema={"decay": 0.9}, **changed,
    )  # fmt: skip
    file = out.with_suffix(".yaml")
    file.write_text(resolved(config), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def both(
    checkpoint: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("processes")
    for name, count in (("one", 1), ("two", 2)):
        done = launched(
            count, "model.finetune", str(configuration(checkpoint, rows, folder / name))
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("step 3/3") == 1, "one process speaks for all"
    return folder / "one", folder / "two"


def test_both_log_the_same_losses(both: tuple[Path, Path]) -> None:
    one, two = (read_log(run) for run in both)
    assert [line["step"] for line in one] == [line["step"] for line in two] == [1, 2, 3]
    for first, second in zip(one, two, strict=True):
        assert (first["devices"], second["devices"]) == (1, 2)
        assert first["samples"] == second["samples"]
        shared = [k for k in first if k.startswith(("flow", "next_token", "grad_norm"))]
        assert shared
        assert {k for k in second if k.startswith(("flow", "next_token"))} <= set(shared)
        for key in shared:
            assert second[key] == pytest.approx(first[key], rel=1e-5), key


def test_both_end_with_the_same_weights(both: tuple[Path, Path]) -> None:
    one, two = (load_file(checkpoints.pick(run) / checkpoints.EMA) for run in both)
    assert one.keys() == two.keys()
    # AdamW divides by the root of a square: where a gradient is nearly 0, its rounding is all.
    far = [float((value - two[key]).abs().max()) for key, value in one.items()]
    assert sorted(far)[len(far) // 2] < 1e-6
    assert max(far) < 1e-3


def test_one_goes_on_where_two_stopped(
    both: tuple[Path, Path], checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    import shutil

    run = tmp_path / "two"
    shutil.copytree(both[1], run)
    file = configuration(checkpoint, rows, run)
    done = launched(1, "model.finetune", str(file), "steps=5")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "going on from step 3" in done.stdout
    assert checkpoints.steps(run)[-1] == 5


def test_micro_batches_that_cannot_be_shared_are_refused(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    file = configuration(checkpoint, rows, tmp_path / "run", batch=6)
    done = launched(2, "model.finetune", str(file))
    assert done.returncode != 0
    assert "makes 3 micro-batches, which 2 processes cannot share evenly" in done.stderr


def test_wrong_words_are_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "model.finetune", "nothing.yaml"], cwd=ROOT, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("finetune: There is no file nothing.yaml and no preset")
