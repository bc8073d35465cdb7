"""The vision encoder against a formulation of its own, read from the description of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.internvlu import checkpoint as files
from model.internvlu.config import ModelConfig
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.vlm import renames
from tests.model.internvlu.kit import built


def naive_vision(config: ModelConfig, tensors: dict[str, Tensor], pixels: Tensor) -> list[Tensor]:
    """States before the first and behind every layer, from the official names and the words of
    the description: pre-norm blocks with a scale for each branch, and no norm behind them."""
    vision = config.vlm.vision
    width, heads = vision.hidden_size, vision.num_attention_heads

    def norm(name: str, x: Tensor) -> Tensor:
        weight = tensors[f"{name}.weight"]
        if vision.norm_type == "layer_norm":
            bias = tensors[f"{name}.bias"]
            return F.layer_norm(x, (width,), weight, bias, vision.layer_norm_eps)
        return _rms(x, weight, vision.layer_norm_eps)

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))

    place = "vision_model.embeddings"
    kernel, bias = (tensors[f"{place}.patch_embedding.{k}"] for k in ("weight", "bias"))
    patches = F.conv2d(pixels, kernel, bias, stride=vision.patch_size)
    side = patches.shape[-1]
    table = tensors[f"{place}.position_embedding"]
    old = round((table.shape[1] - 1) ** 0.5)
    grid = table[:, 1:].view(1, old, old, width).permute(0, 3, 1, 2)
    if old != side:
        grid = F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
    positions = torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2)], 1)
    first = tensors[f"{place}.class_embedding"].expand(len(pixels), -1, -1)
    x = torch.cat([first, patches.flatten(2).transpose(1, 2)], 1) + positions
    found = [x]
    for n in range(vision.num_hidden_layers):
        layer = f"vision_model.encoder.layers.{n}"
        y = norm(f"{layer}.norm1", x)
        query, key, value = linear(f"{layer}.attn.qkv", y).chunk(3, -1)
        if vision.qk_normalization:  # over all heads together
            eps = vision.layer_norm_eps
            query = _rms(query, tensors[f"{layer}.attn.q_norm.weight"], eps)
            key = _rms(key, tensors[f"{layer}.attn.k_norm.weight"], eps)
        q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (query, key, value))
        weights = (q @ k.transpose(-1, -2) / (width / heads) ** 0.5).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).flatten(2)
        x = x + tensors[f"{layer}.ls1"] * linear(f"{layer}.attn.proj", mixed)
        y = F.gelu(linear(f"{layer}.mlp.fc1", norm(f"{layer}.norm2", x)))
        x = x + tensors[f"{layer}.ls2"] * linear(f"{layer}.mlp.fc2", y)
        found.append(x)
    return found


def _rms(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def naive_features(config: ModelConfig, tensors: dict[str, Tensor], x: Tensor) -> Tensor:
    """Blocks of 2 x 2 patches joined in reading order, then the projector."""
    patches = x[:, 1:]
    side = round(patches.shape[1] ** 0.5)
    tokens = []
    for i in range(0, side, 2):
        for j in range(0, side, 2):
            at = [i * side + j, i * side + j + 1, (i + 1) * side + j, (i + 1) * side + j + 1]
            tokens.append(torch.cat([patches[:, n] for n in at], -1))
    y = torch.stack(tokens, 1)
    y = F.layer_norm(y, y.shape[-1:], tensors["mlp1.0.weight"], tensors["mlp1.0.bias"], 1e-5)
    y = F.gelu(F.linear(y, tensors["mlp1.1.weight"], tensors["mlp1.1.bias"]))
    return F.linear(y, tensors["mlp1.3.weight"], tensors["mlp1.3.bias"])


VARIANTS: list[dict[str, Any]] = [
    {},
    {"vision_config__norm_type": "rms_norm"},
    {"vision_config__qk_normalization": True},
    {"vision_config__qkv_bias": False},
    {"vision_config__qk_normalization": True, "vision_config__norm_type": "rms_norm",
     "vision_config__qkv_bias": False, "vision_config__layer_norm_eps": 1e-3},
    {"select_layer": -2},
    {"select_layer": 1},
    {"force_image_size": 112},
    {"vision_config__num_channels": 3, "ps_version": "v1", "vision_config__patch_size": 7},
]  # fmt: skip


@pytest.mark.parametrize("values", VARIANTS, ids=lambda v: "-".join(v) or "released")
def test_vision_features(checkpoint: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    config, model = built(checkpoint, tmp_path / "copy", **values)
    files.save(model, tmp_path / "vlm", rename=renames(model))
    tensors = dict(files.tensors(tmp_path / "vlm"))
    side = config.vlm.image_size
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    chosen = naive_vision(config, tensors, pixels)[config.vlm.select_layer]
    assert torch.allclose(model.vision(pixels), chosen, atol=2e-5)
    features = model.image_features(pixels)
    assert features.shape[1] == config.vlm.tokens_per_image
    assert torch.allclose(features, naive_features(config, tensors, chosen), atol=2e-5)


def test_every_image_is_encoded_by_itself(pipe: InternVLUPipeline) -> None:
    pixels = torch.randn(3, 3, 56, 56)
    together = pipe.parts.vlm.image_features(pixels)
    alone = torch.cat([pipe.parts.vlm.image_features(p[None]) for p in pixels])
    assert torch.allclose(together, alone, atol=1e-5)
