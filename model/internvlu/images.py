"""Images to tensors and back, exactly as the reference does it, without torchvision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu.config import ProcessorConfig, VlmConfig

MAX_ASPECT = 200


@dataclass(frozen=True, kw_only=True)
class ResizeRule:
    """Sizes that a condition image may have.

    Attributes:
        factor: both sides are multiples of this, in pixels.
        least: least area in pixels.
        most: largest area in pixels.
        side: longest side in pixels.
    """

    factor: int = 16
    least: int = 262_144
    most: int = 1_048_576
    side: int = 1024

    @classmethod
    def of(cls, config: ProcessorConfig) -> ResizeRule:
        """The rule of a checkpoint, whose file counts area in patches of the VAE."""
        patch = config.generation("vae_downsample_factor", 8)
        merge = int(1 / config.generation("gen_down_sample_ratio", 0.5))
        return cls(
            factor=patch * merge,
            least=config.generation("min_dynamic_patch", 4096) * patch**2,
            most=config.generation("max_dynamic_patch", 16384) * patch**2,
            side=config.generation("max_length", 1024),
        )


def smart_resize(height: int, width: int, rule: ResizeRule) -> tuple[int, int]:
    """Height and width in pixels that an image is resized to, its aspect ratio nearly kept.

    Raises:
        UserError: a side is shorter than the factor, or the aspect ratio is over 200.
    """
    check_source(height, width, rule)
    factor = rule.factor
    if max(height, width) > rule.side:
        scale = rule.side / max(height, width)
        height, width = int(height * scale), int(width * scale)
    rows, columns = (round(x / factor) * factor for x in (height, width))
    if rows * columns > rule.most:
        by = math.sqrt(height * width / rule.most)
        rows, columns = (math.floor(x / by / factor) * factor for x in (height, width))
    elif rows * columns < rule.least:
        by = math.sqrt(rule.least / (height * width))
        rows, columns = (math.ceil(x * by / factor) * factor for x in (height, width))
    if max(rows, columns) > rule.side:
        scale = rule.side / max(rows, columns)
        rows, columns = (math.floor(x * scale / factor) * factor for x in (rows, columns))
    return rows, columns


def check_source(height: int, width: int, rule: ResizeRule) -> None:
    """Refuse an input image that cannot be resized.

    Raises:
        UserError: a side is shorter than the factor, or the aspect ratio is over 200.
    """
    if min(height, width) < rule.factor:
        raise UserError(
            f"The input image has {width} x {height} pixels and both sides must have "
            f"{rule.factor} or more; enlarge it."
        )
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise UserError(
            f"The input image has {width} x {height} pixels, an aspect ratio over {MAX_ASPECT}; "
            "crop it."
        )


def _array(image: Image.Image) -> Tensor:
    """(3, height, width) uint8."""
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def understanding_pixels(image: Image.Image, processor: ProcessorConfig, vlm: VlmConfig) -> Tensor:
    """An image as the vision encoder sees it: (3, side, side) float32, normalised.

    The aspect ratio is not kept and nothing is tiled, as in the reference, whatever the
    configuration says about dynamic sizes. Torch's antialiased bicubic on uint8 is what torchvision
    uses; that of Pillow differs by up to three grey levels.
    """
    size = processor.understanding("size", {"height": vlm.image_size, "width": vlm.image_size})
    resized = F.interpolate(
        _array(image)[None], (size["height"], size["width"]), mode="bicubic", antialias=True
    )[0]
    mean = torch.tensor(processor.understanding("image_mean", [0.485, 0.456, 0.406])) * 255
    std = torch.tensor(processor.understanding("image_std", [0.229, 0.224, 0.225])) * 255
    return (resized.float() - mean[:, None, None]) / std[:, None, None]


def condition_pixels(image: Image.Image, processor: ProcessorConfig) -> Tensor:
    """A condition image for the VAE: (3, height, width) float32 in [-1, 1], of its own size.

    Raises:
        UserError: see `smart_resize`.
    """
    height, width = smart_resize(image.height, image.width, ResizeRule.of(processor))
    return latent_pixels(
        image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), processor
    )


def latent_pixels(image: Image.Image, processor: ProcessorConfig) -> Tensor:
    """An image for the VAE as it is: (3, height, width) float32 in [-1, 1]."""
    mean = torch.tensor(processor.generation("image_mean", [0.5, 0.5, 0.5]))
    std = torch.tensor(processor.generation("image_std", [0.5, 0.5, 0.5]))
    return (_array(image).float() / 255 - mean[:, None, None]) / std[:, None, None]


def pad_to_largest(pixels: Sequence[Tensor]) -> Tensor:
    """(images, 3, height, width): zeros below and to the right, as the reference pads a batch."""
    rows, columns = (max(x.shape[n] for x in pixels) for n in (1, 2))
    return torch.stack([F.pad(x, (0, columns - x.shape[2], 0, rows - x.shape[1])) for x in pixels])


def to_image(pixels: Tensor, size: tuple[int, int]) -> Image.Image:
    """A decoded tensor as an image of the size asked for.

    Args:
        pixels: (3, height, width) in [-1, 1].
        size: height and width in pixels.
    """
    scaled = ((127.5 * pixels.float() + 128) / 255).clamp(0, 1) * 255
    array = scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    # Without effect where the size is the one it has.
    return Image.fromarray(array).resize((size[1], size[0]), Image.Resampling.LANCZOS)
