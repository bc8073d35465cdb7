"""A checkpoint as unlike the other tiny ones as its configuration files allow."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from model.internvlu import checkpoint, loading
from model.internvlu.config import ModelConfig
from model.internvlu.tiny import write_tiny
from model.internvlu.vlm import TIED, renames
from tests.model.internvlu.kit import changed
from tests.performance.random_decoder import random_config, random_tensors

LAYERS = [-1, -3, -2]


def write_unusual(folder: Path) -> Path:
    """Other heads, layers and widths in every part; norms, biases and ties of another kind.

    The vision encoder has RMS norms, norms of queries and keys and no biases there, and its last
    layer but one is read; the output layer is the embedding; a projector stands before the decoder
    and spans are cut to 40 vectors.
    """
    write_tiny(
        folder, 3, vit_layers=3, vit_width=30, vit_heads=5, vit_mlp=20, vit_patch=6, vit_image=36,
        llm_layers=4, llm_width=24, llm_heads=6, llm_kv_heads=3, llm_head=10, llm_mlp=28,
        merges=140, decoder_layers=3, decoder_heads=3, decoder_head=14, decoder_axes=(4, 6, 4),
        select_layers=tuple(LAYERS), projector="mlp2x_gelu", projector_width=22, vae_base=4,
        vae_mult=(1, 2, 1, 2), vae_res_blocks=2, image_height=80, image_width=64, least=1024,
        most=2048, side=64,
    )  # fmt: skip
    changed(
        folder / "vlm" / "config.json", select_layer=-2, tie_word_embeddings=True,
        vision_config__norm_type="rms_norm", vision_config__qk_normalization=True,
        vision_config__qkv_bias=False,
    )  # fmt: skip
    changed(
        folder / "generation_decoder" / "config.json", pad_to_fix_length=True,
        max_sequence_length=40, vlm_cond_position_scale_factor=0.5,
        decoder_config__timestep_scale=0.5,
    )  # fmt: skip
    changed(folder / "scheduler" / "scheduler_config.json", flow_shift=7.0)
    config = ModelConfig.read(folder)
    tokenizer = loading.load_tokenizer(folder / "processor")
    vlm, decoder, vae = loading.build(config, tokenizer, str(folder))
    source = torch.Generator().manual_seed(4)
    modules = {"vlm": vlm, "generation_decoder": decoder, "vae": vae}
    for module in modules.values():
        _fill(module, source)
    vlm.language_model.lm_head.weight = vlm.language_model.get_input_embeddings().weight
    for name, module in modules.items():
        rename = renames(vlm) if module is vlm else None
        checkpoint.save(module, folder / name, rename=rename, optional=TIED)
    return folder


def _fill(module: nn.Module, source: torch.Generator) -> None:
    """Gains near 1, other vectors small, matrices that keep the size of what they are given."""
    state: dict[str, Any] = {}
    for key, tensor in module.state_dict().items():
        values = torch.randn(tensor.shape, generator=source)
        if key.endswith("bias"):
            state[key] = 0.1 * values
        elif values.numel() == max(values.shape):
            state[key] = 1 + 0.1 * values
        else:
            state[key] = values / math.sqrt(values.numel() / len(values))
    module.load_state_dict(state, assign=True)


def write_other_decoder(folder: Path) -> Path:
    """A decoder without projector for spans of another width, to stand beside a checkpoint."""
    config = random_config(3)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(random_tensors(config, 3), folder / "model.safetensors")
    return folder
