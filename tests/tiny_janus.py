"""A Janus with a few thousand random numbers, for the real loaders: it answers and makes images.

It is a Janus in every file: `AutoProcessor` and `AutoModelForImageTextToText` take it from its
folder, offline. Its images have 8x8 pixels and mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEMPLATE = """\
{%- for message in messages -%}
{%- if message.role == 'user' -%}<|User|>: {% else -%}{{ message.role }}: {% endif -%}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}<image_placeholder>
{% else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
{{ '\n\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}<|Assistant|>:{%- endif -%}"""

LANGUAGE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 4096, "initializer_range": 0.3,
}  # fmt: skip
VISION: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "initializer_range": 0.3,
}  # fmt: skip


def byte_tokenizer(named: Mapping[str, str]) -> tuple[Any, dict[str, int]]:
    """A tokenizer of single bytes, and its vocabulary.

    Args:
        named: control tokens, by the attribute under which a processor asks for them.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    controls = ("<pad>", "<eos>", "<bos>", *named.values())
    inner.add_special_tokens([AddedToken(c, special=True, normalized=False) for c in controls])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<eos>", pad_token="<pad>", bos_token="<bos>",
        model_max_length=4096, extra_special_tokens=dict(named),
    )  # fmt: skip
    return tokenizer, tokenizer.get_vocab()


def tiny_janus(folder: Path, seed: int = 0) -> Path:
    """Write the checkpoint."""
    import torch
    from transformers import (
        GenerationConfig,
        JanusConfig,
        JanusForConditionalGeneration,
        JanusImageProcessor,
        JanusProcessor,
    )

    tokenizer, ids = byte_tokenizer(
        {
            "image_token": "<image_placeholder>",
            "boi_token": "<begin_of_image>",
            "eoi_token": "<end_of_image>",
        }
    )
    half = [0.5, 0.5, 0.5]
    processor = JanusProcessor(
        image_processor=JanusImageProcessor(
            size={"height": 32, "width": 32}, image_mean=half, image_std=half
        ),
        tokenizer=tokenizer,
        num_image_tokens=16,
        chat_template=TEMPLATE,
        use_default_system_prompt=True,
    )
    ends = {
        "bos_token_id": ids["<bos>"], "eos_token_id": ids["<eos>"], "pad_token_id": ids["<pad>"],
    }  # fmt: skip
    torch.manual_seed(seed)
    model = JanusForConditionalGeneration(
        JanusConfig(
            text_config={"model_type": "llama", "vocab_size": len(ids), **ends, **LANGUAGE},
            vision_config={
                **VISION, "image_size": 32, "patch_size": 8, "projection_dim": 32,
                "num_image_tokens": 16,
            },
            vq_config={
                "embed_dim": 8, "num_embeddings": 64, "latent_channels": 32, "base_channels": 32,
                "channel_multiplier": [1, 1], "num_res_blocks": 1, "projection_dim": 32,
                "image_token_embed_dim": 32, "num_hidden_layers": 2,
            },
            image_token_id=ids["<image_placeholder>"],
        )
    )  # fmt: skip
    # As the released checkpoints have it.
    model.generation_config = GenerationConfig(
        **ends,
        do_sample=True,
        guidance_scale=5.0,
        temperature=1.0,
        generation_kwargs={"boi_token_id": ids["<begin_of_image>"]},
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
