"""Processes that hold weights in pieces and learn from unlike samples do not wait for ever."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.model.finetune import sharded, uneven
from tests.model.finetune.kit import launched


def test_unlike_samples_in_pieces_have_the_gradients_of_whole_weights(
    checkpoint: Path, tmp_path: Path
) -> None:
    """An answer beside an edit, groups of other lengths, a micro-batch with nothing in it."""
    done = launched(2, "tests.model.finetune.uneven", str(checkpoint), str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    joint, _, _, inputs = sharded.build(checkpoint, sharded=False)
    uneven.learn(joint, uneven.kinds(inputs[0]), 1)
    wanted = uneven.gradients(joint)
    found = load_file(tmp_path / "gradients.safetensors")
    assert wanted.keys() <= found.keys()
    for name, value in wanted.items():
        far = float((found[name] - value).norm())
        assert far <= 1e-4 * float(value.norm()) + 1e-6, name
    assert not any(found[name].any() for name in found.keys() - wanted.keys())
    assert all(bool(torch.isfinite(value).all()) for value in found.values())
