"""Weights in pieces on two processes (FSDP2 over gloo) learn what whole ones learn."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from model.finetune import checkpoints
from tests.model.finetune import sharded
from tests.model.finetune.kit import launched


def test_two_updates_in_pieces_equal_two_whole_ones(checkpoint: Path, tmp_path: Path) -> None:
    done = launched(2, "tests.model.finetune.sharded", str(checkpoint), str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    joint, optimizer, ema, inputs = sharded.build(checkpoint, sharded=False)
    for _ in range(2):
        sharded.update(joint, optimizer, ema, inputs, 1)
    whole = checkpoints.gather(joint, optimizer, ema)
    assert whole.ema is not None
    for name, wanted in (("weights", whole.weights), ("ema", whole.ema)):
        found = load_file(tmp_path / f"{name}.safetensors")
        assert found.keys() == wanted.keys()
        far = sorted(float((found[k] - v).abs().max()) for k, v in wanted.items())
        # AdamW divides by the root of a square: where a gradient is nearly 0, its rounding is all.
        assert far[len(far) // 2] < 1e-6
        assert far[-1] < 5e-3
        assert all(torch.isfinite(v).all() for v in found.values())
