"""Weights of an untrained decoder from which copying the condition image is quickly learnt.

A decoder of random weights has to find by chance which latents of the condition image belong to a
place, through heads that look everywhere at once; on a CPU that takes longer than anybody waits.
Here nothing is known of images, and what it paints is noise, but it is laid out so that short
training gets somewhere:

* Heads look by position from the start, half of them at the condition image and half at the target;
  what they hand on is random.
* Matrices are orthogonal, so that no direction is learnt a hundred times slower than another.
* The last matrix is the reverse of the first: the velocity begins as a multiple of its input, which
  holds the noise that is asked for.
* A constant in directions that latents do not use keeps the size of a token, which norms would take
  out, and with it the brightness of the image.
* Time and language begin with little say.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from model.internvlu.decoder import Block, GenerationDecoder, Transformer
from model.internvlu.rope import BASE

SHARPNESS = 3.0
"""Gain of queries and keys: a head then hears its place some hundred times louder than the next."""

CONSTANT = 2.0
"""Size of the constant in a token, whose latents have size 1. With 5 training was slower."""

QUIET = 0.1
"""Factor of what shall begin small."""


@torch.no_grad()
def fill(decoder: GenerationDecoder, generator: torch.Generator) -> None:
    """Write the weights.

    Args:
        decoder: with weights of its own already.
        generator: of the random numbers.
    """
    net = decoder.decoder
    for module in net.modules():
        if isinstance(module, nn.Linear):
            module.weight.copy_(_orthogonal(module.weight.shape, generator))
            module.bias.zero_()
        elif isinstance(module, nn.RMSNorm) and module.weight is not None:
            module.weight.fill_(1.0)
    _write_ends(net, generator)
    for block in net.transformer_blocks:
        assert isinstance(block, Block)
        _write_block(block, net.config.axes_dims_rope)


def _orthogonal(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Orthonormal rows or columns, whichever are fewer."""
    rows, columns = shape
    tall = torch.randn(max(shape), min(shape), generator=generator)
    basis, triangle = torch.linalg.qr(tall)
    basis = basis * triangle.diagonal().sign()
    return basis if rows >= columns else basis.T


def _write_ends(net: Transformer, generator: torch.Generator) -> None:
    inward = net.img_in.weight
    width, channels = inward.shape
    net.proj_out.weight.copy_(inward.T)
    unused = torch.randn(width, generator=generator)
    unused -= inward @ (inward.T @ unused)
    inward.mul_(math.sqrt(width / channels))
    net.img_in.bias.copy_(CONSTANT * math.sqrt(width) * unused / unused.norm())
    net.norm_out.linear.weight.mul_(QUIET)


def _write_block(block: Block, axes: tuple[int, ...]) -> None:
    for modulation in (block.img_mod, block.txt_mod):
        linear = modulation[1]
        assert isinstance(linear, nn.Linear)
        linear.weight.mul_(QUIET)
        # In its six parts the third and the last are gates.
        gates = linear.bias.view(6, -1)
        gates[2], gates[5] = 1.0, 1.0
    for mlp in (block.img_mlp, block.txt_mlp):
        mlp.net[2].weight.mul_(QUIET)
    attention = block.attn
    head, heads = attention.head, attention.heads
    for norm in (attention.norm_q, attention.norm_k, attention.norm_added_q,
                 attention.norm_added_k):  # fmt: skip
        norm.weight.fill_(SHARPNESS)
    attention.to_k.weight.mul_(QUIET)
    attention.to_k.bias.copy_(_place(axes, 0.0).repeat(heads))
    attention.to_q.weight.mul_(QUIET)
    query = torch.zeros(heads, 2, head)  # with each query comes a gate
    for n in range(heads):
        query[n, 0] = _place(axes, float(n % 2))
    attention.to_q.bias.copy_(query.flatten())


def _place(axes: tuple[int, ...], frames: float) -> Tensor:
    """A query or key that a token's position alone turns; the query looks so many frames ahead.

    Only the two fastest rotations of each axis count: the first tells a place from the next, the
    second from one that is six away.
    """
    parts = []
    for axis, size in enumerate(axes):
        pairs = torch.zeros(size // 2, 2)
        for n in range(min(2, size // 2)):
            angle = frames * BASE ** (-2 * n / size) if axis == 0 else 0.0
            pairs[n] = torch.tensor([math.cos(angle), math.sin(angle)])
        parts.append(pairs.flatten())
    return torch.cat(parts)
