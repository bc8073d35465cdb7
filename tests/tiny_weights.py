"""Weight files with seeded random numbers, for the real loaders: never a source of scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOWER: dict[str, Any] = {
    "embed_dim": 768,  # what the aesthetic head needs
    "quick_gelu": True,
    "vision_cfg": {
        "image_size": 224, "layers": 2, "width": 64, "head_width": 32, "patch_size": 32,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}  # fmt: skip


def tiny_clip(folder: Path, seed: int = 0) -> Path:
    """An open_clip folder with a tiny random CLIP, as `weights.clip` takes it."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = open_clip.model.CLIP(**TOWER)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    preprocess = {"size": 224, "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": TOWER, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def random_backbone(path: Path, builder: str, seed: int = 0) -> Path:
    """A torchvision checkpoint with random weights, e.g. of ``squeezenet1_1``."""
    import torch
    import torchvision

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    torch.save(getattr(torchvision.models, builder)(weights=None).state_dict(), path)
    return path
