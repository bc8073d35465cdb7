"""An InternVL with a few thousand random numbers: a second family for the real loaders."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_janus import LANGUAGE, VISION, byte_tokenizer

TEMPLATE = """\
{%- for message in messages -%}
<s>{{ message.role }}
{% for part in message.content -%}
{%- if part.type == 'image' -%}<IMG_CONTEXT>
{% else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
<eos>
{% endfor -%}
{%- if add_generation_prompt -%}<s>assistant
{% if enable_thinking is defined and not enable_thinking -%}<think></think>{%- endif -%}
{%- endif -%}"""


def tiny_internvl(folder: Path, seed: int = 0) -> Path:
    """Write the checkpoint; an image is 1 to 5 tokens."""
    import torch
    from transformers import (
        GenerationConfig,
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    tokenizer, ids = byte_tokenizer(
        {
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        }
    )
    size = {"height": 28, "width": 28}
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, max_patches=4),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=1,
        chat_template=TEMPLATE,
    )
    ends = {"eos_token_id": ids["<eos>"], "pad_token_id": ids["<pad>"]}
    torch.manual_seed(seed)
    model = InternVLForConditionalGeneration(
        InternVLConfig(
            text_config={"model_type": "qwen2", "vocab_size": len(ids), **ends, **LANGUAGE},
            vision_config={**VISION, "image_size": [28, 28], "patch_size": [14, 14]},
            image_token_id=ids["<IMG_CONTEXT>"],
            image_seq_length=1,
        )
    )
    model.generation_config = GenerationConfig(**ends)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
