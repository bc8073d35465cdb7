"""Unified 3D positions and the rotation made of them (MSRoPE with float positions).

Every token of a sample has a position on three axes: frame, height and width. Latents sit on
centred grids, one frame each; the language model's tokens follow on the diagonal, but for the
visual tokens among them, which sit on a centred grid of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

Grid: TypeAlias = "tuple[int, int]"
"""Rows and columns, in tokens."""

BASE = 10_000.0


def _axis(count: int, factor: float) -> Tensor:
    """Centred coordinates of `count` rows: ``-(n - n // 2)`` to ``n // 2 - 1``.

    A factor other than 1 spreads them evenly over the range of ``count / factor`` rows.
    """
    below, above = count - count // 2, count // 2
    plain = torch.arange(-below, above, dtype=torch.float32)
    if factor == 1:
        return plain
    first, last = -int(below / factor), int(above / factor) - 1
    # In this order of operations, so that not even the last bit differs from the reference.
    return (plain + below) * (last - first) / max(1, count - 1) + first


def _block(frame: float, grid: Grid, factor: float, base: float = 0.0) -> Tensor:
    rows, columns = _axis(grid[0], factor) + base, _axis(grid[1], factor) + base
    height, width = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([torch.full_like(height, frame), height, width], dim=-1).view(-1, 3)


def positions(
    latents: Sequence[Grid], is_image: Tensor, images: Sequence[Grid], *,
    latent_factor: float = 1.0, image_factor: float = 1.0,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Positions of one sample's tokens.

    Args:
        latents: grids of the target and of each condition image, in latent tokens.
        is_image: (span,) bool, which of the language model's tokens are visual.
        images: grids of the visual tokens, one per image.
        latent_factor: ``video_position_scale_factor``.
        image_factor: ``vlm_cond_position_scale_factor``.

    Returns:
        (latent tokens, 3) and (span, 3) float32. A run of visual tokens that is no whole image of
        its grid is numbered as text, as the reference does.
    """
    blocks = [_block(n, grid, latent_factor) for n, grid in enumerate(latents)]
    latent = torch.cat(blocks)
    at = int(latent.max()) + 1
    parts, left = [], list(images)
    for run, visual in _runs(is_image.tolist()):
        grid = left.pop(0) if visual and left else None
        if grid is not None and grid[0] * grid[1] == run:
            parts.append(_block(at, grid, image_factor))
            at = int(parts[-1].max()) + 1
        else:
            parts.append(torch.arange(at, at + run, dtype=torch.float32)[:, None].expand(-1, 3))
            at += run
    return latent, torch.cat(parts) if parts else latent.new_zeros(0, 3)


def _runs(flags: Sequence[bool]) -> list[tuple[int, bool]]:
    """Lengths of stretches of equal flags."""
    found: list[tuple[int, bool]] = []
    for flag in flags:
        if found and found[-1][1] == flag:
            found[-1] = (found[-1][0] + 1, flag)
        else:
            found.append((1, flag))
    return found


def tables(position: Tensor, axes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angles.

    Args:
        position: (tokens, 3).
        axes: channels of a head that turn with each axis; their sum is the head's size.

    Returns:
        Twice (tokens, half the head's size), float32.
    """
    angles = []
    for n, size in enumerate(axes):
        even = torch.arange(0, size, 2, dtype=torch.float32, device=position.device)
        frequency = 1.0 / torch.pow(BASE, even / size)
        angles.append(torch.outer(position[:, n].float(), frequency))
    angle = torch.cat(angles, dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn neighbouring channels (0, 1), (2, 3), ... by the token's angles, in float32.

    Args:
        x: (tokens, heads, head size).
        cos: (tokens, half the head size).
        sin: likewise.
    """
    pairs, cos, sin = x.float().unflatten(-1, (-1, 2)), cos[:, None], sin[:, None]
    if torch.compiler.is_compiling():  # which fuses these, but cannot compile complex numbers
        even, odd = pairs.unbind(-1)
        turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    else:
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.complex(cos, sin))
    return turned.flatten(-2).to(x.dtype)
