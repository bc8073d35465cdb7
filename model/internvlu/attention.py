"""Full attention inside each sample and none across samples, without padding.

The tokens of a batch lie in one matrix, all image tokens first and all language tokens behind them.
Samples of equal length are one call. A variable-length kernel would be one call for all, but
torch's ran at 340 TFLOP/s on an H200 where the calls by length ran at 600 (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def interleaved(first: Sequence[int], second: Sequence[int], order: Sequence[int]) -> Tensor:
    """Rows of two matrices one below the other, put together sample by sample.

    Args:
        first: rows of each sample in the first matrix.
        second: rows of each sample in the second one.
        order: of the samples.
    """
    own = torch.arange(sum(first)).split(list(first))
    more = torch.arange(sum(first), sum(first) + sum(second)).split(list(second))
    return torch.cat([part for n in order for part in (own[n], more[n])])


@dataclass(frozen=True, kw_only=True)
class Packing:
    """Which tokens belong together.

    Attributes:
        gather: rows of ``[all image tokens, all language tokens]`` sample by sample, the shortest
            sample first.
        scatter: the reverse.
        lengths: tokens of each sample, in that order.
        images: how many image tokens there are in all.
    """

    gather: Tensor
    scatter: Tensor
    lengths: tuple[int, ...]
    images: int

    @classmethod
    def of(
        cls, images: Sequence[int], texts: Sequence[int], device: torch.device | str = "cpu"
    ) -> Packing:
        """For samples of so many image tokens and so many language tokens each."""
        lengths = [i + t for i, t in zip(images, texts, strict=True)]
        # Equal lengths side by side: that makes one call of them.
        order = sorted(range(len(lengths)), key=lambda n: lengths[n])
        gather = interleaved(images, texts, order).to(device)
        return cls(
            gather=gather,
            scatter=torch.argsort(gather),
            lengths=tuple(lengths[n] for n in order),
            images=sum(images),
        )


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
    out = _by_length(query, key, value, packing.lengths)
    if not one:
        out = out[packing.scatter]
    flat = out.flatten(-2)
    return flat[: packing.images], flat[packing.images :]


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
