"""Weights for the VAE that are written down instead of trained: a Walsh-Hadamard transform.

A block of 8 x 8 pixels becomes a few of its 192 coefficients and comes back. A tiny checkpoint with
such a VAE paints what its decoder meant, so that training can be seen to work; with random weights
it paints noise whatever the latents are.

The class is diffusers' `AutoencoderKLQwenImage` as it is, which asks for some care:

* Its RMS norms are made a constant factor by one channel that holds a constant far above all
  others.
* SiLU is linear near 0, so that signals that are to stay as they are go through it very small.
* Halving is a convolution of stride 2, which can compute sums and differences of 2 x 2 pixels.
* Doubling repeats pixels before a convolution. No convolution after that can tell the first pixel
  of a pair from the second, to and from which a difference must be added and subtracted. Where the
  neighbours of a pair differ from it, two residual blocks can tell (see `_write_gate`).

Only a pair that equals both its neighbours stays without its difference, as in a pattern that
repeats every 8 pixels exactly. It needs float32: gates weigh numbers of very different size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Band: TypeAlias = "tuple[int, int, int]"
"""Component (luma, orange, green) and number of the vertical and the horizontal wave.

At level n a wave has n binary digits, the first of which says whether neighbouring pixels differ.
"""

LEVELS = 3
LEAST, MOST = 3, 48
"""Numbers of latent channels that can be."""

_STEP = 8
"""Widths are multiples of this."""

_COLOURS = ((0.25, 0.5, 0.25), (0.5, 0.0, -0.5), (-0.25, 0.5, -0.25))
"""Rows: luma, orange (red minus blue) and green of red, green and blue; each in [-1, 1]."""

_BACK = ((1.0, 1.0, -1.0), (1.0, 0.0, 1.0), (1.0, -1.0, -1.0))
"""The reverse."""

_CONSTANT = 2.0**14
"""In the last channel everywhere; squares of all others together stay far below its square."""

_SMALL = 2.0**-12
"""Factor of signals that SiLU must not bend: it then halves them to within a part in 10,000."""

_SHARP = 2.0**11
"""Factor of differences of neighbours, of which SiLU shall leave the positive part."""

_OPEN = 2.0**13
"""Factor of a difference of neighbours that lets a band through SiLU or stops it: 10 is enough."""

_FAR = 2.0**28
"""As `_CONSTANT`, where there are such products."""

_SURE = -30.0
"""Log variance of the posterior: it has none."""

_RES_BLOCKS = 1
"""One less than the decoder's blocks between two doublings: a gate along rows, one down columns."""

_FEATURES = 8
"""Differences of neighbours behind the bands."""


# --- bands --------------------------------------------------------------------------------------

_TABLE = (
    (0, 0, 0, 0.55), (1, 0, 0, 0.222), (0, 1, 0, 0.103), (2, 0, 0, 0.085), (0, 0, 1, 0.0836),
    (0, 3, 0, 0.0711), (0, 0, 3, 0.0613), (0, 2, 0, 0.0565), (0, 0, 2, 0.0476),
    (0, 1, 1, 0.0429), (1, 1, 0, 0.0484), (0, 7, 0, 0.0377), (0, 5, 0, 0.037),
    (0, 6, 0, 0.0368), (0, 0, 6, 0.0358), (0, 0, 5, 0.0331), (0, 0, 7, 0.0331),
    (0, 1, 3, 0.0329), (1, 0, 1, 0.0377), (0, 3, 1, 0.0297), (0, 4, 0, 0.0276),
    (0, 1, 2, 0.0267), (0, 2, 1, 0.0245), (0, 3, 3, 0.0237), (0, 0, 4, 0.0232),
    (0, 1, 6, 0.0208), (0, 2, 3, 0.0205), (0, 1, 7, 0.0202), (0, 3, 2, 0.02), (1, 3, 0, 0.0241),
    (1, 2, 0, 0.0229), (2, 1, 0, 0.0181), (0, 6, 1, 0.0174), (0, 1, 5, 0.017),
    (0, 7, 1, 0.0169), (0, 2, 2, 0.0166), (0, 3, 6, 0.016), (1, 1, 1, 0.0194),
    (1, 0, 3, 0.0194), (0, 6, 3, 0.0151), (1, 0, 2, 0.0185), (2, 0, 1, 0.0149),
    (0, 5, 1, 0.0148), (0, 3, 7, 0.0142), (0, 7, 3, 0.014), (0, 2, 6, 0.0134),
    (0, 2, 7, 0.0125), (0, 6, 2, 0.0124),
)  # fmt: skip
"""Bands and standard deviations of their coefficients, by how much of a picture they hold.

Measured on the pictures that `synth.textedit` trains on, brought to an area of about 55,000 pixels.
"""

_MEANS: Mapping[Band, float] = {(0, 0, 0): 0.23, (1, 0, 0): 0.035}
"""Likewise; those of the others are near 0."""


def bands(channels: int) -> tuple[Band, ...]:
    """What each latent channel holds.

    Args:
        channels: from 3, the mean colours alone, to `MOST`.
    """
    if not LEAST <= channels <= MOST:
        raise ValueError(f"latent channels are {channels}; they must be from {LEAST} to {MOST}")
    colours = [(n, 0, 0) for n in range(3)]
    others = [row[:3] for row in _TABLE if row[:3] not in colours]
    return (*colours, *others)[:channels]


def configuration(channels: int) -> dict[str, Any]:
    """Keys of ``vae/config.json`` for latents of so many channels.

    The means and deviations make the latents of pictures about 0 and 1.
    """
    kept = bands(channels)
    deviations = {row[:3]: row[3] for row in _TABLE}
    return {
        "base_dim": _STEP,
        "dim_mult": [math.ceil(width / _STEP) for width in _widths(kept)],
        "num_res_blocks": _RES_BLOCKS,
        "latents_mean": [_MEANS.get(band, 0.0) for band in kept],
        "latents_std": [deviations[band] for band in kept],
    }


def _parent(band: Band) -> Band:
    component, rows, columns = band
    return component, rows // 2, columns // 2


def _children(band: Band) -> list[Band]:
    """Mean, horizontal, vertical and diagonal difference, in which a band is divided."""
    component, rows, columns = band
    return [(component, 2 * rows + v, 2 * columns + h) for v in (0, 1) for h in (0, 1)]


def _levels(kept: Iterable[Band]) -> list[list[Band]]:
    """Bands that are carried at each level, pixels first.

    With a difference goes what it is added to, although it may be 0 throughout.
    """
    current, found = set(kept), []
    for _ in range(LEVELS):
        parents = {_parent(band) for band in current}
        for parent in parents:
            mean, _, vertical, diagonal = _children(parent)
            current |= {mean} | ({vertical} if diagonal in current else set())
        found.append(sorted(current))
        current = parents
    return [sorted(current), *reversed(found)]


def _widths(kept: Sequence[Band]) -> list[int]:
    """Least channels of each level in encoder and decoder.

    In a doubling the decoder halves its channels; behind it there are the bands, differences of
    neighbours and the constant. Gates take two channels for each band.
    """
    levels = _levels(kept)
    found = []
    for n in range(LEVELS + 1):
        coarse = levels[min(n + 1, LEVELS)]
        widths = [len(levels[n]) + 1, len(coarse) + 1]
        if n < LEVELS:
            gated = sum(columns % 2 for _, _, columns in coarse)
            widths += [len(coarse) + _FEATURES + 1, 2 * gated + 1]
        if n > 0:
            widths.append(2 * (len(levels[n]) + _FEATURES + 1))
        found.append(max(widths))
    return found


# --- weights ------------------------------------------------------------------------------------


def fill(vae: nn.Module, channels: int) -> None:
    """Give a VAE of `configuration` its weights.

    Args:
        vae: an `AutoencoderKLQwenImage`; may be on the meta device.
        channels: of the latents.
    """
    state = {key: torch.zeros(tensor.shape) for key, tensor in vae.state_dict().items()}
    for key, tensor in state.items():
        if key.endswith(".gamma"):
            tensor.fill_(1.0)
    kept = bands(channels)
    _write_encoder(state, kept, _levels(kept))
    _write_decoder(state, kept, _levels(kept))
    vae.load_state_dict(state, assign=True)


class _Layer:
    """A convolution of a state dict, to be written one number at a time.

    Args:
        state: all weights.
        name: of the convolution.
        constant: whether its last channel is the constant.
    """

    def __init__(self, state: Mapping[str, Tensor], name: str, *, constant: bool = True) -> None:
        weight = state[f"{name}.weight"]
        # A single picture is the last frame that the kernel sees.
        self.weight = weight[:, :, -1] if weight.ndim == 5 else weight
        self.bias = state[f"{name}.bias"]
        self.middle = self.weight.shape[-1] // 2
        if constant:
            self.bias[-1] = _CONSTANT

    def add(self, to: int, source: int, value: float, down: int = 0, right: int = 0) -> None:
        """Add to the weight of one channel for another, so many pixels from the middle."""
        self.weight[to, source, self.middle + down, self.middle + right] += value


def _linear(
    state: Mapping[str, Tensor], name: str, factor: float = _SMALL, constant: float = _CONSTANT
) -> float:
    """Make a norm a constant factor; returns what undoes it and a SiLU behind it.

    The SiLU is taken for the half of its input that it is near 0.
    """
    gamma = state[f"{name}.gamma"]
    gamma.fill_(factor * constant / math.sqrt(gamma.numel()))
    return 2 / factor


def _pass(state: Mapping[str, Tensor], block: str, count: int) -> None:
    """Let a residual block hand on its first channels and the constant."""
    if f"{block}.conv_shortcut.weight" in state:
        shortcut = _Layer(state, f"{block}.conv_shortcut")
        for n in range(count):
            shortcut.add(n, n, 1)


def _write_encoder(
    state: Mapping[str, Tensor], kept: Sequence[Band], levels: Sequence[Sequence[Band]]
) -> None:
    colours = _Layer(state, "encoder.conv_in")
    for n, row in enumerate(_COLOURS):
        for source, value in enumerate(row):
            colours.add(n, source, value)
    place = 0
    for n in range(LEVELS + 1):
        for _ in range(_RES_BLOCKS):
            _pass(state, f"encoder.down_blocks.{place}", len(levels[n]))
            place += 1
        if n == LEVELS:
            break
        halving = _Layer(state, f"encoder.down_blocks.{place}.resample.1")
        place += 1
        for to, band in enumerate(levels[n + 1]):
            source = levels[n].index(_parent(band))
            for down in (0, 1):
                for right in (0, 1):
                    sign = (-1) ** (down * (band[1] % 2) + right * (band[2] % 2))
                    # Rows and columns are added on the far side only: the first tap is the pixel.
                    halving.add(to, source, sign / 4, down - 1, right - 1)
    undo = _linear(state, "encoder.norm_out")
    out = _Layer(state, "encoder.conv_out", constant=False)
    quantised = _Layer(state, "quant_conv", constant=False)
    for n, band in enumerate(kept):
        out.add(n, levels[-1].index(band), undo)
        quantised.add(n, n, 1)
    quantised.bias[len(kept) :] = _SURE


def _write_decoder(
    state: Mapping[str, Tensor], kept: Sequence[Band], levels: Sequence[Sequence[Band]]
) -> None:
    given = _Layer(state, "post_quant_conv", constant=False)
    first = _Layer(state, "decoder.conv_in")
    for n, band in enumerate(kept):
        given.add(n, n, 1)
        first.add(levels[-1].index(band), n, 1)
    where = {band: n for n, band in enumerate(levels[-1])}
    blocks = [f"decoder.up_blocks.0.resnets.{n}" for n in range(_RES_BLOCKS + 1)]
    for block in blocks:
        _pass(state, block, len(where))
    for n in range(LEVELS):
        coarse = levels[LEVELS - n]
        _write_doubling(state, f"decoder.up_blocks.{n}.upsamplers.0.resample.1", where, coarse)
        blocks = [f"decoder.up_blocks.{n + 1}.resnets.{k}" for k in range(_RES_BLOCKS + 1)]
        for axis, block in enumerate(blocks):
            _pass(state, block, len(coarse) + _FEATURES)
            _write_gate(state, block, coarse, axis)
        where = {_parent(band): k for k, band in enumerate(coarse) if _is_mean(band)}
    undo = _linear(state, "decoder.norm_out")
    out = _Layer(state, "decoder.conv_out", constant=False)
    for to, row in enumerate(_BACK):
        for component, value in enumerate(row):
            out.add(to, where[component, 0, 0], undo * value)


def _is_mean(band: Band) -> bool:
    return band[1] % 2 == 0 and band[2] % 2 == 0


def _write_doubling(
    state: Mapping[str, Tensor], name: str, where: Mapping[Band, int], coarse: Sequence[Band]
) -> None:
    """Bands of pixels side by side as they are, with all differences taken off the means.

    Behind the bands come four differences and their negatives: of a mixture of all bands here and
    its left, right, upper and lower neighbour. Two of them are 0 at every pixel, for two neighbours
    are a repetition of it.

    Args:
        state: all weights.
        name: of the convolution behind the repetition.
        where: band -> channel before it.
        coarse: bands behind it, in the order of their channels.
    """
    layer = _Layer(state, name)
    for to, (component, rows, columns) in enumerate(coarse):
        for down in range(2 - max(rows % 2, columns % 2)):
            for right in range(2 - columns % 2):
                source = where.get((component, rows + down, columns + right))
                if source is not None:
                    layer.add(to, source, (-1) ** (down + right))
    to = len(coarse)
    for down, right in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        for sign in (1, -1):
            for k, channel in enumerate(where.values()):
                # Any weights do by which different pixels hardly ever give one sum.
                value = sign * (1 + (0.618034 * k) % 1)
                layer.add(to, channel, value)
                layer.add(to, channel, -value, down, right)
            to += 1


def _write_gate(state: Mapping[str, Tensor], block: str, coarse: Sequence[Band], axis: int) -> None:
    """Add differences at the first pixel of a pair, twice: they were taken off once at both.

    The first pixel differs from its neighbour before it, the second from that behind it. What is
    added up from a difference of neighbours and its negative behind a SiLU is its size; the size
    of the one less that of the other, times `_OPEN`, lets the bands through a second SiLU or stops
    them.

    Args:
        state: all weights.
        block: a residual block.
        coarse: bands, in the order of their channels; differences of neighbours follow.
        axis: 0 for bands that differ along a row, 1 down a column.
    """
    undo = _linear(state, f"{block}.norm1")
    gamma = state[f"{block}.norm1.gamma"]
    gamma[len(coarse) : len(coarse) + _FEATURES] *= _SHARP / _SMALL
    _linear(state, f"{block}.norm2", 1.0, _FAR)
    inner, outer = _Layer(state, f"{block}.conv1"), _Layer(state, f"{block}.conv2", constant=False)
    inner.bias[-1] = _FAR
    unit, first = 0, len(coarse) + axis * _FEATURES // 2
    for source, (component, rows, columns) in enumerate(coarse):
        if axis == 0 and columns % 2:
            targets = {(component, rows, columns - 1): 1.0}
            if rows % 2:
                targets[component, rows - 1, columns - 1] = -1.0
        elif axis == 1 and rows % 2 and columns % 2 == 0:
            targets = {(component, rows - 1, columns): 1.0}
        else:
            continue
        for sign in (1, -1):
            inner.add(unit, source, sign * undo)
            for n, side in enumerate((1, 1, -1, -1)):
                inner.add(unit, first + n, side * _OPEN / _SHARP)
            for band, value in targets.items():
                outer.add(coarse.index(band), unit, sign * value)
            unit += 1
