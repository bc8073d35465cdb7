"""Diffusers pipelines with a few thousand random numbers, for the real loaders and the real calls.

Each is written by `save_pretrained` as any checkpoint is: real classes, real text encoders and real
tokenizers that know single bytes, so that prompts work as text. What they paint has no meaning, but
it depends on prompt, image, seed and options as that of a grown model does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tiny_vlm import tiny_vlm

CHAT = (
    "{%- for message in messages -%}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>"
    "\n{%- endfor -%}{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)


def tiny_edit_pipeline(folder: Path, seed: int = 0) -> Path:
    """A StableDiffusionInstructPix2PixPipeline: edits one image at its size, in multiples of 8.

    Args:
        folder: to be made.
        seed: of the weights.
    """
    from diffusers import StableDiffusionInstructPix2PixPipeline

    parts = _stable_diffusion(seed, in_channels=8)
    return _saved(StableDiffusionInstructPix2PixPipeline(**parts), folder)


def tiny_image_pipeline(folder: Path, seed: int = 0, *, alarm: float | None = None) -> Path:
    """A StableDiffusionPipeline: makes images of 32 by 32 pixels, several samples a call.

    Args:
        folder: to be made.
        seed: of the weights.
        alarm: from which likeness to forbidden concepts, -1 to 1, its safety checker blacks an
            image out; it has none when not given.
    """
    from diffusers import StableDiffusionPipeline

    parts = _stable_diffusion(seed, in_channels=4)
    if alarm is not None:
        parts |= _safety_checker(alarm)
    return _saved(StableDiffusionPipeline(**parts), folder)


def tiny_klein_pipeline(folder: Path, seed: int = 0) -> Path:
    """A Flux2KleinPipeline: makes images, and edits one or several.

    Its text encoder has three layers, which the call has to be told:
    ``text_encoder_out_layers=[1, 2, 3]``. Without a size it makes 1024 by 1024 pixels.

    Args:
        folder: to be made.
        seed: of the weights.
    """
    import torch
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    tokenizer = _byte_tokenizer()
    text_encoder = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=3,
            num_attention_heads=2, num_key_value_heads=1, head_dim=8, initializer_range=0.3,
        )
    )  # fmt: skip
    transformer = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=48, axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )  # fmt: skip
    _amplify(transformer, "to_out")
    vae = AutoencoderKLFlux2(
        block_out_channels=(4, 4, 4, 8), norm_num_groups=4, latent_channels=4, layers_per_block=1,
        mid_block_add_attention=False,
    )  # fmt: skip
    return _saved(
        Flux2KleinPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), vae=vae,
            text_encoder=text_encoder, tokenizer=tokenizer, transformer=transformer,
        ),
        folder,
    )  # fmt: skip


def tiny_qwen_pipeline(folder: Path, seed: int = 0, *, edits: bool = False) -> Path:
    """A QwenImagePipeline, with guidance only where there is a negative prompt.

    Args:
        folder: to be made.
        seed: of the weights.
        edits: a QwenImageEditPipeline in its place, which works at about one megapixel whatever
            its input.
    """
    import torch
    from diffusers import (
        AutoencoderKLQwenImage,
        FlowMatchEulerDiscreteScheduler,
        QwenImageEditPipeline,
        QwenImagePipeline,
        QwenImageTransformer2DModel,
    )
    from transformers import AutoModelForImageTextToText, AutoProcessor

    source = tiny_vlm(folder / "vlm", seed)
    processor = AutoProcessor.from_pretrained(source)
    torch.manual_seed(seed)
    parts: dict[str, Any] = {
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        "vae": AutoencoderKLQwenImage(
            base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
            temperal_downsample=[False, True, True], latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
        ),
        "text_encoder": AutoModelForImageTextToText.from_pretrained(source),
        "tokenizer": processor.tokenizer,
        "transformer": QwenImageTransformer2DModel(
            in_channels=16, out_channels=4, num_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, axes_dims_rope=(4, 6, 6),
        ),
    }  # fmt: skip
    _amplify(parts["transformer"], "to_out")
    if edits:
        return _saved(QwenImageEditPipeline(**parts, processor=processor), folder)
    return _saved(QwenImagePipeline(**parts), folder)


def _amplify(module: Any, part: str, by: float = 30.0) -> None:
    """Multiply weights, so that what they carry is seen in the image after a single step."""
    import torch

    with torch.no_grad():
        for name, weight in module.named_parameters():
            if part in name:
                weight.mul_(by)


def _saved(pipeline: Any, folder: Path) -> Path:
    pipeline.save_pretrained(folder)
    return folder


def _stable_diffusion(seed: int, in_channels: int) -> dict[str, Any]:
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    tokenizer = _clip_tokenizer()
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, initializer_range=0.3,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        )
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=4, in_channels=in_channels, out_channels=4, layers_per_block=1,
        block_out_channels=(8, 8, 16), norm_num_groups=4, cross_attention_dim=16,
        # Attention only where the image has become small: a photograph takes no longer.
        attention_head_dim=8, down_block_types=("DownBlock2D",) * 2 + ("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * 2,
    )  # fmt: skip
    _amplify(unet, "attn2.to_out")
    _amplify(unet, "conv_out")
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 8), norm_num_groups=4, latent_channels=4, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        mid_block_add_attention=False,
    )  # fmt: skip
    return {
        "vae": vae, "text_encoder": text_encoder, "tokenizer": tokenizer, "unet": unet,
        "scheduler": DDIMScheduler(clip_sample=False, steps_offset=1), "safety_checker": None,
        "feature_extractor": None, "requires_safety_checker": False,
    }  # fmt: skip


def _safety_checker(alarm: float) -> dict[str, Any]:
    import torch
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    small = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }  # fmt: skip
    vision = {**small, "image_size": 32, "patch_size": 8}
    config = CLIPConfig(text_config=small, vision_config=vision, projection_dim=8)
    checker = StableDiffusionSafetyChecker(config)
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(alarm)
        checker.concept_embeds.normal_()
    size = {"height": 32, "width": 32}
    processor = CLIPImageProcessor(size=size, crop_size=size, do_center_crop=False)
    return {
        "safety_checker": checker, "feature_extractor": processor, "requires_safety_checker": True,
    }  # fmt: skip


def _clip_tokenizer() -> Any:
    """A CLIPTokenizer that knows bytes, alone and at the end of a word."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(f"{x}</w>" for x in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: n for n, word in enumerate(words)}, merges=[], model_max_length=77
    )


def _byte_tokenizer() -> Any:
    """A Qwen2Tokenizer that knows bytes, with a chat template."""
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Tokenizer

    controls = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *controls]
    return Qwen2Tokenizer(
        vocab={word: n for n, word in enumerate(words)}, merges=[], pad_token=controls[0],
        chat_template=CHAT,
    )  # fmt: skip
