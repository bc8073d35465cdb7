"""A vision-language checkpoint with a few thousand random numbers, for the real loaders.

It is a Qwen2.5-VL in every file: `AutoProcessor`, `AutoModelForImageTextToText` and
`transformers serve` take it from its folder, offline. Its tokenizer knows single bytes. What it
says has no meaning; with `says` its weights are set so that it says just that and stops.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CONTROLS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else -%}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""


def tiny_vlm(
    folder: Path, seed: int = 0, *, says: str | None = None, stops: tuple[str, ...] = ()
) -> Path:
    """Write the checkpoint.

    Args:
        folder: to be made.
        seed: of the weights.
        says: the reply to everything; without it, bytes that depend on prompt and images.
        stops: characters after which a random reply ends; without any it hardly ever does.
    """
    import torch
    from transformers import (
        GenerationConfig,
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
    )

    processor, ids = _processor(says)
    torch.manual_seed(seed)
    end, newline = ids["<|im_end|>"], ids["Ċ"]
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(ids), "hidden_size": 32, "intermediate_size": 64,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 32768, "initializer_range": 0.3,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2],
                                "rope_theta": 10000.0},
            "bos_token_id": ids["<|endoftext|>"], "eos_token_id": end,
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2,
            "out_hidden_size": 32, "patch_size": 14, "window_size": 56,
            "fullatt_block_indexes": [1], "initializer_range": 0.3,
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )  # fmt: skip
    model = Qwen2_5_VLForConditionalGeneration(config).eval()
    if says is not None:
        _speak(model, newline, ids[says], end)
    model.generation_config = GenerationConfig(
        eos_token_id=[end, *(ids[s] for s in stops)], pad_token_id=ids["<|endoftext|>"]
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _processor(says: str | None) -> tuple[Any, dict[str, int]]:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(c, special=True, normalized=False) for c in CONTROLS])
    if says is not None:
        inner.add_tokens([AddedToken(says, special=False, normalized=False)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        model_max_length=32768,
    )  # fmt: skip
    # Few and small patches: a picture becomes 4 to 16 tokens, whatever its size.
    size = {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        video_processor=Qwen2VLVideoProcessor(size=size),
        tokenizer=tokenizer,
        chat_template=TEMPLATE,
    )
    return processor, tokenizer.get_vocab()


def _speak(model: Any, newline: int, reply: int, end: int) -> None:
    """Set weights so that the reply follows the prompt's last line break, and the end the reply.

    No layer writes into the residual stream, so the last hidden state is the last token's
    embedding, and the rows of the head can be matched to it.
    """
    import torch

    with torch.no_grad():
        for layer in model.model.language_model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        embedded = model.model.language_model.embed_tokens.weight
        model.lm_head.weight.zero_()
        for said, after in ((reply, newline), (end, reply)):
            model.lm_head.weight[said] = 100 * embedded[after] / embedded[after].norm()
