"""Full attention inside each sample and none across samples, without padding.

The tokens of a batch lie in one matrix, all image tokens first and all language tokens behind
them. Two ways lead to the same numbers: one call for each stretch of samples of equal length, which
every device can, and one call for all with the variable-length kernel, on CUDA in half precision.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

HAS_VARLEN = importlib.util.find_spec("torch.nn.attention.varlen") is not None


@dataclass(frozen=True, kw_only=True)
class Packing:
    """Which tokens belong together.

    Attributes:
        gather: rows of ``[all image tokens, all language tokens]`` sample by sample.
        scatter: the reverse.
        lengths: tokens of each sample.
        starts: (samples + 1,) int32, where each sample begins.
        images: how many image tokens there are in all.
    """

    gather: Tensor
    scatter: Tensor
    lengths: tuple[int, ...]
    starts: Tensor
    images: int

    @classmethod
    def of(
        cls, images: Sequence[int], texts: Sequence[int], device: torch.device | str = "cpu"
    ) -> Packing:
        """For samples of so many image tokens and so many language tokens each."""
        parts, at, behind = [], 0, sum(images)
        for image, text in zip(images, texts, strict=True):
            parts += [torch.arange(at, at + image), torch.arange(behind, behind + text)]
            at, behind = at + image, behind + text
        gather = torch.cat(parts).to(device)
        lengths = tuple(i + t for i, t in zip(images, texts, strict=True))
        starts = torch.tensor([0, *lengths], device=device).cumsum(0).int()
        return cls(
            gather=gather, scatter=torch.argsort(gather), lengths=lengths, starts=starts,
            images=sum(images),
        )  # fmt: skip


def attend(query: Tensor, key: Tensor, value: Tensor, packing: Packing) -> tuple[Tensor, Tensor]:
    """Attention of every sample to itself.

    Args:
        query: (tokens, heads, head size), image tokens first.
        key: likewise.
        value: likewise.
        packing: of these tokens.

    Returns:
        (image tokens, width) and (language tokens, width).
    """
    one = len(packing.lengths) == 1
    if not one:
        query, key, value = (x[packing.gather] for x in (query, key, value))
    if _varlen(query) and not one:
        out = _by_kernel(query, key, value, packing)
    else:
        out = _by_length(query, key, value, packing.lengths)
    if not one:
        out = out[packing.scatter]
    flat = out.flatten(-2)
    return flat[: packing.images], flat[packing.images :]


def _varlen(query: Tensor) -> bool:
    half = query.dtype in (torch.bfloat16, torch.float16)
    return HAS_VARLEN and query.is_cuda and half and not query.requires_grad


def _by_kernel(query: Tensor, key: Tensor, value: Tensor, packing: Packing) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    longest = max(packing.lengths)
    out: Tensor = varlen_attn(query, key, value, packing.starts, packing.starts, longest, longest)
    return out


def _by_length(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Tensor:
    """One call per stretch of samples of equal length."""
    out, at, n = [], 0, 0
    while n < len(lengths):
        length, count = lengths[n], 1
        while n + count < len(lengths) and lengths[n + count] == length:
            count += 1
        rows = slice(at, at + length * count)
        batch = [x[rows].unflatten(0, (count, length)).transpose(1, 2) for x in (query, key, value)]
        part = F.scaled_dot_product_attention(*batch)
        out.append(part.transpose(1, 2).flatten(0, 1))
        at, n = at + length * count, n + count
    return torch.cat(out) if len(out) > 1 else out[0]
