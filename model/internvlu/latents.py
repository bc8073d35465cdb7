"""Between pixels and latents: the VAE, one image or a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import (
    QwenImageCausalConv3d,
    QwenImageRMS_norm,
)
from torch import Tensor

from model.internvlu.images import pad_to_largest

CHUNK = 1_048_576
"""Pixels that are decoded at once, as several small images; they take about 4 GB in bfloat16."""

WHOLE = 2_097_152
"""Pixels of the largest image that goes through in one piece; larger ones go in tiles."""

TILE, STRIDE = 1024, 768
"""Side of a tile and distance of two tiles, in pixels; they are blended where they overlap."""


def for_images(vae: Any) -> None:
    """Let the VAE, which is one of videos, be fast at single images; its numbers stay the same.

    It convolves in two dimensions: before the only frame lie zeros, so that of each kernel the last
    slice alone counts, a third of the work, and libraries are faster at it. On a CPU it takes the
    length over channels as a sum of squares, which is read in the order that memory has.
    Videos go through as before.
    """
    for module in vae.modules():
        if isinstance(module, QwenImageCausalConv3d):
            module.forward = partial(_convolve, module)
        elif isinstance(module, QwenImageRMS_norm) and module.channel_first:
            module.forward = partial(_normalise, module)


def _convolve(module: Any, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
    if cache_x is not None or x.shape[2] != 1 or module.stride[0] != 1:
        whole: Tensor = type(module).forward(module, x, cache_x)
        return whole
    left, right, top, bottom = module._padding[:4]
    flat, margin = x[:, :, 0], (top, left)
    if (left, top) != (right, bottom):
        flat, margin = F.pad(flat, (left, right, top, bottom)), (0, 0)
    out = F.conv2d(
        flat, module.weight[:, :, -1], module.bias, stride=module.stride[1:], padding=margin
    )
    return out[:, :, None]


def _normalise(module: Any, x: Tensor) -> Tensor:
    if x.device.type != "cpu":
        there: Tensor = type(module).forward(module, x)
        return there
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    length = (wide * wide).sum(1, keepdim=True).sqrt().clamp_min(1e-12)
    here: Tensor = (wide / length).to(x.dtype) * module.scale * module.gamma + module.bias
    return here


def _scale(vae: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    shape = (1, -1, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean, device=like.device).view(shape)
    std = torch.tensor(vae.config.latents_std, device=like.device).view(shape)
    return mean, std


def _tiling(vae: Any, pixels: int) -> None:
    """Tiles for a large image, none for another."""
    if pixels > WHOLE:
        vae.enable_tiling(TILE, TILE, STRIDE, STRIDE)
    else:
        vae.disable_tiling()


@torch.no_grad()
def encode(vae: Any, pixels: Sequence[Tensor], *, together: bool = False) -> list[Tensor]:
    """Latents of images: the mode of the posterior, normalised per channel.

    Args:
        vae: an `AutoencoderKLQwenImage`.
        pixels: each (3, height, width) in [-1, 1].
        together: pad them to the largest first, as the reference does: the margin then has a
            bearing on the latents near it.

    Returns:
        Each (channels, height / 8, width / 8), float32.
    """
    device, dtype = vae.device, vae.dtype
    factor = 2 ** len(vae.config.temperal_downsample)
    padded = list(pad_to_largest(pixels)) if together else list(pixels)
    found = []
    for image, own in zip(padded, pixels, strict=True):
        _tiling(vae, image.shape[1] * image.shape[2])
        whole = vae.encode(image[None, :, None].to(device, dtype)).latent_dist.mode().float()
        mean, std = _scale(vae, whole)
        rows, columns = own.shape[1] // factor, own.shape[2] // factor
        found.append(((whole - mean) / std)[0, :, 0, :rows, :columns])
    return found


@torch.no_grad()
def decode(vae: Any, latents: Sequence[Tensor]) -> list[Tensor]:
    """Pixels of latents.

    Args:
        vae: an `AutoencoderKLQwenImage`.
        latents: each (channels, rows, columns), normalised.

    Returns:
        Each (3, 8 * rows, 8 * columns) in [-1, 1], float32.
    """
    device, dtype = vae.device, vae.dtype
    factor = 2 ** len(vae.config.temperal_downsample)
    found: dict[int, Tensor] = {}
    for group in _chunks([(x.shape[1] * factor, x.shape[2] * factor) for x in latents]):
        batch = torch.stack([latents[n] for n in group])[:, :, None].to(device)
        _tiling(vae, batch.shape[3] * batch.shape[4] * factor**2)
        mean, std = _scale(vae, batch)
        images = vae.decode((batch * std + mean).to(dtype), return_dict=False)[0][:, :, 0]
        # In tiles the class does not clamp.
        found.update(zip(group, images.float().clamp(-1, 1), strict=True))
    return [found[n] for n in range(len(latents))]


def _chunks(sizes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Indices of images of one size, as many as fit a chunk, and at least one."""
    groups: list[list[int]] = []
    for n, (height, width) in enumerate(sizes):
        last = groups[-1] if groups else []
        most = max(1, CHUNK // (height * width))
        if last and sizes[last[0]] == sizes[n] and len(last) < most:
            last.append(n)
        else:
            groups.append([n])
    return groups
