"""Random small decoders and inputs, to compare implementations where nothing was recorded."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

from tests.performance.naive_decoder import Grid, Tensor, tensor_shapes, torch

CHANNELS = 16
PATCH = 2


class Batch(NamedTuple):
    """Arguments of `NaiveDecoder.velocity`, in its order."""

    latents: list[Tensor]
    conditions: list[list[Tensor]]
    spans: list[Tensor]
    image_masks: list[Tensor]
    image_grids: list[list[Grid]]
    timestep: Tensor


def random_config(seed: int) -> dict[str, Any]:
    """A `generation_decoder/config.json` with every official key and unusual sizes."""
    rng = random.Random(seed)
    axes = [2 * rng.randint(1, 4) for _ in range(3)]
    layers = rng.choice([[-1], [-1, -2], [-2, -1], [-1, -2, -3]])
    taken = rng.choice([12, 20, 32]) * len(layers)
    projector = rng.choice(["identity", "mlp2x_gelu"])
    given = taken if projector == "identity" else rng.choice([18, 28, 44])
    padding = rng.random() < 0.8
    factors = {
        "video_position_scale_factor": rng.choice([1.0, 1.0, 0.5, 2.0]),
        "vlm_cond_position_scale_factor": rng.choice([0.25, 0.25, 0.5, 1.0]),
    }
    inner: dict[str, Any] = {
        "patch_size": PATCH, "in_channels": CHANNELS * PATCH**2, "out_channels": CHANNELS,
        "num_layers": rng.randint(1, 3), "attention_head_dim": sum(axes),
        "num_attention_heads": rng.randint(1, 4), "joint_attention_dim": given,
        "axes_dims_rope": axes, **factors,
    }  # fmt: skip
    if rng.random() < 0.3:
        inner["timestep_scale"] = rng.choice([0.5, 2.0])
    return {
        "architectures": ["InternVLUGenerationDecoder"],
        "model_type": "internvlu_generation_decoder", "torch_dtype": "float32",
        "decoder_config": inner, "decoder_projector_type": projector,
        "input_hidden_size": taken, "output_hidden_size": given, "vlm_select_layer": layers,
        "padding_encoder_hidden_states": padding,
        "pad_to_fix_length": padding and rng.random() < 0.5,
        "max_sequence_length": rng.randint(8, 40), **factors,
        "vae_projector_type": "mlp2x_gelu", "visual_input_hidden_size": taken,
        "vae_input_hidden_size": CHANNELS * PATCH**2, "vae_downsample_factor": 8,
        "gen_image_height": 64, "gen_image_width": 64, "flow_shift": 3.0,
        "all_cfg_scale": 4.5, "part_cfg_scale": 2.0, "discrete_timestep": False,
        "weighting_scheme": "logit_normal", "logit_mean": 0.0, "logit_std": 1.0,
        "mode_scale": 1.29, "mask_weight_type": None, "qk_norm": None,
        "region_weighting": False, "sigmas_as_weight": False,
    }  # fmt: skip


def random_tensors(config: dict[str, Any], seed: int) -> dict[str, Tensor]:
    """Weights for it, by name order: norms near 1, biases not zero, so that every key matters."""
    source = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in sorted(tensor_shapes(config).items()):
        values = torch.randn(shape, generator=source)
        if len(shape) == 2:
            tensors[name] = values / math.sqrt(shape[1])
        elif name.endswith(".weight"):
            tensors[name] = 1 + 0.2 * values
        else:
            tensors[name] = 0.2 * values
    return tensors


def random_batch(config: dict[str, Any], seed: int, rows: int = 4) -> Batch:
    """Samples of unequal sizes with none, one or two condition images, each also in the span.

    Latents are large enough for the reference's limit on condition images. In about one sample
    of three the last image run is one token longer than its grid.
    """
    rng, source = random.Random(seed), torch.Generator().manual_seed(seed)
    timestep = torch.tensor([float(rng.randint(1, 999)) for _ in range(rows)])
    batch = Batch([], [], [], [], [], timestep)
    for n in range(rows):
        count = (n + seed) % 3
        least = 2 * math.ceil((count + 1) * config["video_position_scale_factor"])
        sizes = [[PATCH * (least + rng.randint(0, 4)) for _ in range(2)] for _ in range(count + 1)]
        latent, *conditions = [torch.randn(CHANNELS, *s, generator=source) for s in sizes]
        grids: list[Grid] = [(1, rng.randint(2, 5), rng.randint(2, 5)) for _ in range(count)]
        mask = [False] * rng.randint(1, 4)
        for grid in grids:
            mask += [True] * math.prod(grid) + [False] * rng.randint(1, 4)
        if count and rng.random() < 1 / 3:
            mask.insert(len(mask) - mask[::-1].index(True), True)
        mask += [False] * rng.randint(0, 6)
        batch.latents.append(latent)
        batch.conditions.append(conditions)
        batch.spans.append(torch.randn(len(mask), config["input_hidden_size"], generator=source))
        batch.image_masks.append(torch.tensor(mask))
        batch.image_grids.append(grids)
    return batch
