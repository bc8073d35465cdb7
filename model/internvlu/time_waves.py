"""What the decoder hears of the time: waves of many frequencies, before its own weights.

Source: InternVL-U's release, whose sinusoids are those of diffusers' `Timesteps` (cosines first).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

ROUNDED_UP = (12, 106)
"""Frequencies that are one last bit above the exact ones in the recordings of the released code."""


def time_waves(timestep: Tensor, count: int = 128, period: float = 10_000.0) -> Tensor:
    """Cosines and sines of the time, the same on every machine.

    Angles reach a million, where float32 steps by 0.06. One last bit of an exponential, which
    differs between processors and devices, would be another time and move velocities by 0.01; so
    they are computed in float64 on the CPU, and rounded as where the recordings were made.

    Args:
        timestep: (samples,), 0 to 1000, on the CPU.
        count: of the frequencies.
        period: of the slowest one, in thousandths of a timestep.

    Returns:
        (samples, 2 * count), float32.
    """
    exponents = -math.log(period) * torch.arange(count, dtype=torch.float32) / count
    frequencies = exponents.double().exp().float()
    up = torch.tensor([n for n in ROUNDED_UP if n < count])
    frequencies[up] = torch.nextafter(frequencies[up], torch.tensor(math.inf))
    angles = 1000 * (timestep[:, None].float() * frequencies[None])
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
