"""The configuration of the released checkpoint, without its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model.internvlu.tiny import Sizes, configuration

RELEASED = Sizes(
    vit_layers=24, vit_width=1024, vit_heads=16, vit_mlp=4096, vit_image=448,
    llm_layers=28, llm_width=2048, llm_heads=16, llm_kv_heads=8, llm_head=128, llm_mlp=6144,
    llm_context=40960, decoder_layers=20, decoder_heads=12, decoder_head=128,
    decoder_axes=(16, 56, 56), vae_base=96, vae_mult=(1, 2, 4, 4), vae_res_blocks=2,
    image_height=1024, image_width=1024, least=262_144, most=1_048_576, side=1024,
)  # fmt: skip
VOCABULARY = 151_936


def released_config(folder: Path, tokenizer: Any) -> Path:
    """Write the configuration files of the released sizes, and nothing else.

    Args:
        folder: to be made.
        tokenizer: any; the vocabulary is that of the release.
    """
    values = configuration(RELEASED, tokenizer)
    values["vlm/config.json"]["llm_config"]["vocab_size"] = VOCABULARY
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value), "utf-8")
    return folder
