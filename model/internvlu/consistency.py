"""Whether the configuration files of a checkpoint make sense, each by itself and all together.

What is refused here would otherwise show late: as an error deep inside a library, or as images that
are quietly wrong (a VAE factor of 32 in place of 8 makes images of a quarter of the side).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from evals.core.errors import UserError

if TYPE_CHECKING:
    from model.internvlu.config import ModelConfig

Faults: TypeAlias = "Iterator[tuple[str, str]]"
"""Component and what is wrong with its file."""

LAYERS = 1_000
"""A network of more is a mistake in the file, and building it would take for ever."""


def check_consistency(config: ModelConfig, where: Mapping[str, Path]) -> None:
    """Refuse a configuration that no working checkpoint can have.

    Args:
        config: as it was read.
        where: component -> its file.

    Raises:
        UserError: with the first thing that is wrong.
    """
    for faults in (_vlm, _vision, _decoder, _together, _vae, _images, _solver):
        for component, wrong in faults(config):
            raise UserError(f"{where[component]}: {wrong}.")


def _count(value: Any) -> bool:
    """Whether it is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _positive(value: Any) -> bool:
    """Whether it is a finite number above 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < math.inf


def _numbers(value: Any, count: int, *, positive: bool = False) -> bool:
    """Whether it is a list of so many finite numbers."""
    return (
        isinstance(value, list)
        and len(value) == count
        and all(_positive(abs(x) + 1) for x in value if isinstance(x, int | float))
        and all(isinstance(x, int | float) and (x > 0 or not positive) for x in value)
    )


def _block(ratio: Any) -> int:
    """Into how many parts a ratio like 0.5 divides a side; 0 when it is none."""
    if not _positive(ratio) or ratio > 1 or abs(1 / ratio - round(1 / ratio)) > 1e-9:
        return 0
    return round(1 / ratio)


def _in_range(layer: int, layers: int) -> bool:
    """Whether hidden states of so many layers, embeddings first, have that index."""
    return -layers - 1 <= layer <= layers


def _vlm(config: ModelConfig) -> Faults:
    for name in ("hidden_size", "num_hidden_layers"):
        if not _count(config.vlm.llm.get(name)):
            yield "vlm", f"llm_config.{name} is {config.vlm.llm.get(name)!r} and must be a count"
    if config.vlm.llm["num_hidden_layers"] > LAYERS:
        yield "vlm", f"llm_config.num_hidden_layers is over {LAYERS}"
    context = config.vlm.llm.get("max_position_embeddings")
    if context is not None and not _count(context):
        yield "vlm", f"llm_config.max_position_embeddings is {context!r} and must be a count"


def _vision(config: ModelConfig) -> Faults:
    vlm, vision = config.vlm, config.vlm.vision
    for name in (
        "patch_size", "image_size", "hidden_size", "num_attention_heads", "intermediate_size",
        "num_hidden_layers", "num_channels",
    ):  # fmt: skip
        if not _count(getattr(vision, name)):
            yield "vlm", f"vision_config.{name} is {getattr(vision, name)} and must be above 0"
    if vision.num_hidden_layers > LAYERS:
        yield "vlm", f"vision_config.num_hidden_layers is over {LAYERS}"
    if not _in_range(vlm.select_layer, vision.num_hidden_layers):
        yield (
            "vlm",
            f"select_layer {vlm.select_layer} is outside the {vision.num_hidden_layers} layers",
        )
    block = _block(vlm.downsample_ratio)
    if not block:
        yield "vlm", f"downsample_ratio is {vlm.downsample_ratio} and must be 1, 1/2, 1/3, ..."
    if vlm.image_size <= 0 or vlm.image_size % (vision.patch_size * block):
        yield (
            "vlm",
            f"images of {vlm.image_size} pixels cannot be cut into blocks of {block} x {block} "
            f"patches of {vision.patch_size}",
        )


def _decoder(config: ModelConfig) -> Faults:
    component, decoder, net = "generation_decoder", config.decoder, config.decoder.transformer
    for owner, names in (
        (decoder, ("vae_downsample_factor", "gen_image_height", "gen_image_width",
                   "max_sequence_length")),
        (net, ("patch_size", "in_channels", "out_channels", "num_layers", "attention_head_dim",
               "num_attention_heads", "joint_attention_dim")),
    ):  # fmt: skip
        for name in names:
            if not _count(getattr(owner, name)):
                yield component, f"{name} is {getattr(owner, name)} and must be above 0"
    if net.num_layers > LAYERS:
        yield component, f"num_layers is over {LAYERS}"
    for name in ("video_position_scale_factor", "vlm_cond_position_scale_factor"):
        if not _positive(getattr(decoder, name)):
            yield component, f"{name} is {getattr(decoder, name)} and must be above 0"
    if not math.isfinite(net.timestep_scale):
        yield component, f"timestep_scale is {net.timestep_scale}"
    axes = list(net.axes_dims_rope)
    if len(axes) != 3 or any(a <= 0 or a % 2 for a in axes):
        yield component, f"axes_dims_rope {axes} must be three even numbers"
    if sum(axes) != net.attention_head_dim:
        yield (
            component,
            f"axes_dims_rope {axes} must add up to attention_head_dim {net.attention_head_dim}",
        )
    if net.in_channels != net.out_channels * net.patch_size**2:
        yield (
            component,
            f"in_channels {net.in_channels} must be out_channels {net.out_channels} times the "
            f"{net.patch_size**2} pixels of a patch",
        )
    plain = decoder.decoder_projector_type == "identity"
    given = decoder.input_hidden_size if plain else decoder.output_hidden_size
    if net.joint_attention_dim != given:
        yield (
            component,
            f"joint_attention_dim {net.joint_attention_dim} must be the {given} channels of "
            f"{'input' if plain else 'output'}_hidden_size",
        )


def _together(config: ModelConfig) -> Faults:
    decoder, llm = config.decoder, config.vlm.llm
    layers, hidden = decoder.vlm_select_layer, llm["hidden_size"]
    if decoder.input_hidden_size != hidden * len(layers):
        yield (
            "generation_decoder",
            f"input_hidden_size is {decoder.input_hidden_size}, but {len(layers)} layers of "
            f"{hidden} in vlm give {hidden * len(layers)}; the two are of different checkpoints",
        )
    odd = [n for n in layers if not _in_range(n, llm["num_hidden_layers"])]
    if odd:
        yield (
            "generation_decoder",
            f"vlm_select_layer names layer {odd[0]}, and vlm has {llm['num_hidden_layers']}",
        )


def _vae(config: ModelConfig) -> Faults:
    vae, decoder = config.vae, config.decoder
    channels, downs = vae.get("z_dim", 16), vae.get("temperal_downsample", [False, True, True])
    if channels != decoder.transformer.out_channels:
        yield (
            "vae",
            f"z_dim is {channels!r}, but generation_decoder makes "
            f"{decoder.transformer.out_channels} channels",
        )
    if not isinstance(downs, list) or 2 ** len(downs) != decoder.vae_downsample_factor:
        yield (
            "vae",
            f"temperal_downsample {downs!r} does not give the vae_downsample_factor "
            f"{decoder.vae_downsample_factor} of generation_decoder",
        )
    for name, positive in (("latents_mean", False), ("latents_std", True)):
        if name in vae and not _numbers(vae[name], channels, positive=positive):
            kind = "positive numbers" if positive else "numbers"
            yield "vae", f"{name} must be {channels} {kind}"


def _images(config: ModelConfig) -> Faults:
    processor, vlm, decoder = config.processor, config.vlm, config.decoder
    side = vlm.image_size
    size = processor.understanding("size", {"height": side, "width": side})
    if not isinstance(size, dict) or (size.get("height"), size.get("width")) != (side, side):
        yield "processor", f"the size of images is {size!r}, but vlm takes {side} x {side}"
    tokens = processor.raw.get("image_seq_length")
    if tokens is not None and tokens != vlm.tokens_per_image:
        yield (
            "processor",
            f"image_seq_length is {tokens!r}, but an image has {vlm.tokens_per_image} tokens in "
            "vlm",
        )
    for read in (processor.understanding, processor.generation):
        for name, positive in (("image_mean", False), ("image_std", True)):
            value = read(name, [0.5] * 3)
            if not _numbers(value, 3, positive=positive):
                yield "processor", f"{name} is {value!r} and must be three numbers"
    sizes = {"min_dynamic_patch": 4096, "max_dynamic_patch": 16384, "max_length": 1024,
             "vae_downsample_factor": 8}  # fmt: skip
    found = {name: processor.generation(name, default) for name, default in sizes.items()}
    for name, value in found.items():
        if not _count(value):
            yield "processor", f"{name} is {value!r} and must be a count"
    ratio = processor.generation("gen_down_sample_ratio", 0.5)
    step = decoder.vae_downsample_factor * decoder.transformer.patch_size
    if found["vae_downsample_factor"] * _block(ratio) != step:
        yield (
            "processor",
            f"vae_downsample_factor {found['vae_downsample_factor']} and gen_down_sample_ratio "
            f"{ratio!r} do not give the {step} pixels of a patch of generation_decoder",
        )
    if found["min_dynamic_patch"] > found["max_dynamic_patch"] or found["max_length"] < step:
        yield "processor", "min_dynamic_patch, max_dynamic_patch and max_length leave no size"


def _solver(config: ModelConfig) -> Faults:
    solver = config.scheduler
    wanted = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    for name, value in wanted.items():
        if solver.get(name) != value:
            yield "scheduler", f"{name} is {solver.get(name)!r} and must be {value!r}"
    kind = solver.get("algorithm_type", "dpmsolver++")
    if str(kind).startswith("sde"):
        # It draws noise at every step, from the global source: no seed would hold.
        yield "scheduler", f"algorithm_type {kind!r} is not supported; supported is dpmsolver++"
    shift = solver.get("flow_shift", 1.0)
    if not _positive(shift):
        yield "scheduler", f"flow_shift is {shift!r} and must be a number above 0"
