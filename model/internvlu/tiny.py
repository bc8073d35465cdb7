"""A tiny random checkpoint in the official layout: every path of the model on any machine.

Modules, names and files are those of the release, so that the official code takes it too; only the
numbers are small. What it says and paints has no meaning, but depends on every tensor, on prompt,
images and seed as that of a trained checkpoint does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from model.internvlu import copying_start, loading, prompts, transform_vae
from model.internvlu.config import COMPONENTS, FILES, INDEX, ModelConfig, Raw
from model.internvlu.tiny_tokenizer import write_tokenizer

_PADDED_TO = 64
_GAINS: Mapping[tuple[str, ...], float] = {
    ("q_norm.weight", ".norm_q.weight", "norm_added_q.weight"): 4.0,
    (".to_v.weight", "add_v_proj.weight"): 3.0,
}
"""Ends of keys -> factor: tokens then attend to few others and hear them well, where the mean over
all of them would leave hardly a trace of prompt and image."""

_ENDING = 1.5
"""Factor of the output row of ``<|im_end|>``: most greedy texts then end within sixty tokens."""

_TABLES = ("embed_tokens.weight", "special_token_embedding.weight", "cls_token",
           "position_embeddings", "encoder_padding_token")  # fmt: skip
_LIBRARIES: Mapping[str, str] = {
    "vlm": "internvlu.vlm", "generation_decoder": "internvlu.diffusion", "vae": "diffusers",
    "scheduler": "diffusers", "processor": "internvlu.processing_internvlu",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Shapes of a checkpoint.

    Attributes:
        vit_image: side in pixels of the square that the vision encoder sees.
        llm_context: most tokens of a sequence.
        merges: of the tokenizer, at most.
        projector: ``identity`` or ``mlp2x_gelu``, between language model and decoder.
        projector_width: channels behind an ``mlp2x_gelu``.
        select_layers: hidden states of the language model that condition the decoder.
        image_height: default of generated images in pixels.
        image_width: likewise.
        least: area in pixels that condition images are brought to at least.
        most: and at most.
        side: longest side of condition images in pixels.
        vae: ``random`` weights, with which nothing can be made out in an image that was encoded
            and decoded, or ``transform``, of which `transform_vae` says what it keeps; `vae_base`,
            `vae_mult` and `vae_res_blocks` are then without effect.
        latent_channels: of the VAE.
        patch: side of a token of the decoder, in latents.
        start: what the decoder's weights are before training: ``random``, which shows whether
            every tensor has an effect, or ``copying``, which learns fast, see `copying_start`.
        timestep_scale: factor of the time before it is made waves, whose lowest goes round once in
            63 of 1000 timesteps. With .001 all of them but the fastest change slowly, which is
            learnt in few steps.
    """

    vit_layers: int = 2
    vit_width: int = 40
    vit_heads: int = 4
    vit_mlp: int = 56
    vit_patch: int = 14
    vit_image: int = 56
    llm_layers: int = 3
    llm_width: int = 40
    llm_heads: int = 4
    llm_kv_heads: int = 2
    llm_head: int = 14
    llm_mlp: int = 72
    llm_context: int = 4096
    merges: int = 200
    decoder_layers: int = 2
    decoder_heads: int = 4
    decoder_head: int = 12
    decoder_axes: tuple[int, ...] = (4, 4, 4)
    select_layers: tuple[int, ...] = (-1, -2)
    projector: str = "identity"
    projector_width: int = 0
    vae_base: int = 8
    vae_mult: tuple[int, ...] = (1, 2, 2, 2)
    vae_res_blocks: int = 1
    image_height: int = 96
    image_width: int = 96
    least: int = 8_192
    most: int = 16_384
    side: int = 256
    vae: Literal["random", "transform"] = "random"
    latent_channels: int = 16
    patch: int = 2
    start: Literal["random", "copying"] = "random"
    timestep_scale: float = 1.0

    @property
    def joint(self) -> int:
        """Channels of the selected hidden states."""
        return len(self.select_layers) * self.llm_width

    @property
    def conditioned(self) -> int:
        """Channels behind the projector."""
        return self.joint if self.projector == "identity" else self.projector_width


TRAINABLE: Mapping[str, Any] = {
    "vae": "transform", "latent_channels": 32, "start": "copying", "timestep_scale": 0.001,
    "decoder_layers": 2, "decoder_heads": 8, "decoder_head": 32, "decoder_axes": (4, 14, 14),
    "least": 32_768, "most": 49_152, "side": 320, "image_height": 208, "image_width": 208,
}  # fmt: skip
"""`Sizes` with which minutes of training on a CPU can be seen in the pictures: text of 40 pixels in
one of half a million is still read behind the VAE, and a token, 128 numbers, fits into the width
twice. What is learnt first is to copy; 500 pairs and 480 steps of 8 suffice for that."""


def write_tiny(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """Write a checkpoint of random weights, about 2 MB unless `sizes` says otherwise.

    With ``**TRAINABLE`` about 40 MB.

    The same seed and sizes give the same bytes.

    Args:
        folder: to be made.
        seed: of the weights.
        sizes: fields of `Sizes`.

    Returns:
        The folder.

    Raises:
        UserError: the folder holds something already, or the disk cannot be written.
    """
    shapes = Sizes(**sizes)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_tokenizer(place / "processor", merges=shapes.merges, context=shapes.llm_context)
        tokenizer = loading.load_tokenizer(place / "processor")
        for file, value in configuration(shapes, tokenizer).items():
            loading.write_json(place / file, value)
        config = ModelConfig.read(place)
        vlm, decoder, vae = loading.build(config, tokenizer, str(place))
        generator = torch.Generator().manual_seed(seed)
        for module in (vlm, decoder, vae):
            _fill(module, generator)
        if shapes.start == "copying":
            copying_start.fill(decoder, generator)
        if shapes.vae == "transform":
            transform_vae.fill(vae, shapes.latent_channels)
        _teach_to_stop(vlm.language_model.lm_head.weight, tokenizer)
        parts = loading.Parts(
            config=config, tokenizer=tokenizer, tokenizer_files=place / "processor", vlm=vlm,
            decoder=decoder, vae=vae, devices={},
        )  # fmt: skip
        loading.write_parts(parts, folder)
    return folder


# --- weights ------------------------------------------------------------------------------------


def _fill(module: nn.Module, generator: torch.Generator) -> None:
    """Random numbers for every tensor, in the order of the keys."""
    state = {
        key: _random(key, tuple(tensor.shape), generator)
        for key, tensor in sorted(module.state_dict().items())
    }
    module.load_state_dict(state, assign=True)


def _random(key: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers with which activations keep a size near 1, whatever the widths are."""
    values = torch.randn(shape, generator=generator)
    if key.endswith(_TABLES):
        return values
    if key.endswith("bias"):
        return 0.1 * values
    gain = next((g for ends, g in _GAINS.items() if key.endswith(ends)), 1.0)
    if values.numel() == max(shape):  # the gain of a norm, or a layer's scale
        return gain * (1 + 0.1 * values)
    return gain * values / (values.numel() / shape[0]) ** 0.5


@torch.no_grad()
def _teach_to_stop(head: Tensor, tokenizer: Any) -> None:
    """Let some greedy texts end, and let none hold what only a prompt may hold.

    Random rows would hardly ever be beaten by one row out of hundreds, and a place for a visual
    token in a reasoning would ask for an image that is not there.
    """
    head[tokenizer.convert_tokens_to_ids(prompts.STOP)] *= _ENDING
    head[tokenizer.convert_tokens_to_ids(prompts.CONTEXT)] = 0
    head[len(tokenizer) :] = 0


# --- configuration ------------------------------------------------------------------------------


def configuration(sizes: Sizes, tokenizer: Any) -> dict[str, Raw]:
    """Relative path -> JSON object of every configuration file, with the keys of the release.

    Args:
        sizes: of the modules.
        tokenizer: gives the size of the vocabulary and the ids of its ends.
    """
    values = {
        "vlm": _vlm(sizes, tokenizer), "generation_decoder": _decoder(sizes), "vae": _vae(sizes),
        "scheduler": _scheduler(), "processor": _processor(sizes),
    }  # fmt: skip
    index: Raw = {"_class_name": "InternVLUPipeline"}
    index.update({name: [_LIBRARIES[name], kind] for name, kind in COMPONENTS.items()})
    return {INDEX: index, **{f"{name}/{FILES[name]}": value for name, value in values.items()}}


def _vlm(sizes: Sizes, tokenizer: Any) -> Raw:
    return {
        "architectures": ["InternVLUChatModel"],
        "model_type": "internvlu_chat",
        "template": "qwen2_5-chat-v3",
        "anyres_image_size": False, "downsample_ratio": 0.5, "dynamic_image_size": True,
        "enable_multi_scale": False, "extra_select_layer": -1,
        "force_image_size": sizes.vit_image, "max_dynamic_patch": 12, "min_dynamic_patch": 1,
        "pad2square": False, "ps_version": "v2", "scale_downsample_ratio": 0.5,
        "select_layer": -1, "thumbnail_pos": "start", "tie_word_embeddings": False,
        "torch_dtype": "float32", "transformers_version": None, "use_backbone_lora": 0,
        "use_llm_lora": 0, "use_thumbnail": True,
        "vision_config": {
            "architectures": ["InternVisionModel"],
            "model_type": "intern_vit_6b",
            "attention_dropout": 0.0, "downsample_ratio": 1.0, "drop_path_rate": 0.0,
            "dropout": 0.0, "fullatt_block_indexes": None, "hidden_act": "gelu",
            "hidden_size": sizes.vit_width, "image_size": sizes.vit_image,
            "initializer_factor": 1.0, "initializer_range": 0.02,
            "intermediate_size": sizes.vit_mlp, "layer_norm_eps": 1e-6,
            "norm_type": "layer_norm", "num_attention_heads": sizes.vit_heads,
            "num_channels": 3, "num_hidden_layers": sizes.vit_layers,
            "patch_size": sizes.vit_patch, "qk_normalization": False, "qkv_bias": True,
            "use_flash_attn": False, "window_size": 8,
        },
        "llm_config": {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "attention_bias": False, "attention_dropout": 0.0,
            "bos_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id,
            "head_dim": sizes.llm_head, "hidden_act": "silu", "hidden_size": sizes.llm_width,
            "initializer_range": 0.02, "intermediate_size": sizes.llm_mlp,
            "max_position_embeddings": sizes.llm_context, "max_window_layers": sizes.llm_layers,
            "num_attention_heads": sizes.llm_heads, "num_hidden_layers": sizes.llm_layers,
            "num_key_value_heads": sizes.llm_kv_heads, "rms_norm_eps": 1e-6,
            "rope_scaling": None, "rope_theta": 1_000_000, "sliding_window": None,
            "use_cache": True, "use_sliding_window": False,
            "vocab_size": -(-len(tokenizer) // _PADDED_TO) * _PADDED_TO,
        },
    }  # fmt: skip


def _decoder(sizes: Sizes) -> Raw:
    scale = {} if sizes.timestep_scale == 1 else {"timestep_scale": sizes.timestep_scale}
    factors = {"video_position_scale_factor": 1.0, "vlm_cond_position_scale_factor": 0.25}
    return {
        "architectures": ["InternVLUGenerationDecoder"],
        "model_type": "internvlu_generation_decoder",
        **factors,
        "all_cfg_scale": 4.5, "part_cfg_scale": 2.0,
        "decoder_projector_type": sizes.projector, "discrete_timestep": False,
        "flow_shift": 3.0, "gen_image_height": sizes.image_height,
        "gen_image_width": sizes.image_width, "input_hidden_size": sizes.joint,
        "is_composition": False, "logit_mean": 0.0, "logit_std": 1.0, "mask_weight_type": None,
        "max_sequence_length": 768, "mode_scale": 1.29,
        "output_hidden_size": sizes.conditioned, "pad_to_fix_length": False,
        "padding_encoder_hidden_states": True, "qk_norm": None, "region_weighting": False,
        "sigmas_as_weight": False, "torch_dtype": "float32", "transformers_version": None,
        "vae_downsample_factor": 8,
        "vae_input_hidden_size": sizes.latent_channels * sizes.patch**2,
        "vae_projector_type": "mlp2x_gelu", "visual_input_hidden_size": sizes.joint,
        "vlm_select_layer": list(sizes.select_layers), "weighting_scheme": "logit_normal",
        "decoder_config": {
            **factors, **scale,
            "attention_head_dim": sizes.decoder_head, "axes_dims_rope": list(sizes.decoder_axes),
            "in_channels": sizes.latent_channels * sizes.patch**2,
            "joint_attention_dim": sizes.conditioned,
            "num_attention_heads": sizes.decoder_heads, "num_layers": sizes.decoder_layers,
            "out_channels": sizes.latent_channels, "patch_size": sizes.patch,
        },
    }  # fmt: skip


def _vae(sizes: Sizes) -> Raw:
    """With random weights without the statistics of the latents: the class has defaults."""
    raw: Raw = {
        "_class_name": COMPONENTS["vae"],
        "_diffusers_version": "0.35.1",
        "attn_scales": [], "base_dim": sizes.vae_base, "dim_mult": list(sizes.vae_mult),
        "dropout": 0.0, "num_res_blocks": sizes.vae_res_blocks,
        "temperal_downsample": [False, True, True], "z_dim": sizes.latent_channels,
    }  # fmt: skip
    if sizes.vae == "transform":
        raw.update(transform_vae.configuration(sizes.latent_channels))
    elif sizes.latent_channels != 16:
        raw.update(
            latents_mean=[0.0] * sizes.latent_channels, latents_std=[1.0] * sizes.latent_channels
        )
    return raw


def _scheduler() -> Raw:
    return {
        "_class_name": COMPONENTS["scheduler"],
        "_diffusers_version": "0.35.1",
        "algorithm_type": "dpmsolver++", "final_sigmas_type": "zero", "flow_shift": 3.0,
        "lower_order_final": True, "num_train_timesteps": 1000,
        "prediction_type": "flow_prediction", "solver_order": 2, "solver_type": "midpoint",
        "timestep_spacing": "linspace", "use_flow_sigmas": True,
    }  # fmt: skip


def _processor(sizes: Sizes) -> Raw:
    shared = {
        "do_resize": True, "do_rescale": True, "do_normalize": True, "do_convert_rgb": True,
        "resample": 3, "rescale_factor": 1 / 255,
    }  # fmt: skip
    patch, merge = 8, sizes.patch
    return {
        "processor_class": COMPONENTS["processor"],
        "image_seq_length": (sizes.vit_image // sizes.vit_patch // 2) ** 2,
        "image_processor_class": "GotOcr2ImageProcessorFast",
        "image_processor_kwargs": {
            **shared,
            "size": {"height": sizes.vit_image, "width": sizes.vit_image},
            "crop_to_patches": False,
            "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
        },
        "image_gen_processor_class": "InternVLUDynamicResGenerationImageProcessor",
        "image_gen_processor_kwargs": {
            **shared,
            "do_pad": False, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
            "min_dynamic_patch": sizes.least // patch**2,
            "max_dynamic_patch": sizes.most // patch**2,
            "max_length": sizes.side, "vae_downsample_factor": patch,
            "temporal_patch_size": 1, "gen_down_sample_ratio": 1 / merge,
        },
    }  # fmt: skip
