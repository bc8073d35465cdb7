"""What is minimised, as pure functions; no weights are needed to test them.

Flow matching as the released scheduler has it (``flow_prediction`` of diffusers): between an image
x and noise e lies ``x_s = (1 - s) x + s e``, and the velocity to be predicted is ``e - x``. The
paper's equation 3 runs the other way; trained that way, sampling with the released scheduler would
run from the image. Source of the timestep densities: SD3, arXiv 2403.03206, in diffusers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.training_utils import (
    compute_density_for_timestep_sampling,
    compute_loss_weighting_for_sd3,
)
from torch import Tensor

from model.finetune.config import Loss
from model.finetune.seeds import noise_source

TIMESTEPS = 1000.0
"""The network is told the noise level times this."""

_LEAST = 1e-5


@dataclass(frozen=True, kw_only=True)
class Noised:
    """One sample of flow matching.

    Attributes:
        level: of the noise, in (0, 1].
        noisy: (channels, rows, columns), what the network sees.
        velocity: likewise, what it shall say.
        weight: of the squared error.
    """

    level: float
    noisy: Tensor
    velocity: Tensor
    weight: float


def shifted(level: Tensor, shift: float) -> Tensor:
    """Noise levels moved towards noise: ``shift s / (1 + (shift - 1) s)``.

    >>> shifted(torch.tensor([0.0, 0.5, 1.0]), 3.0).tolist()
    [0.0, 0.75, 1.0]
    """
    return shift * level / (1 + (shift - 1) * level)


def draw_level(loss: Loss, shift: float, seed: int, number: int) -> float:
    """Noise level of a sample; a function of seed and number.

    Args:
        loss: the density.
        shift: towards noise.
        seed: of the run.
        number: of the sample.
    """
    drawn = compute_density_for_timestep_sampling(
        loss.density, 1, loss.logit_mean, loss.logit_std, loss.mode_scale,
        generator=noise_source(seed, "level", number),
    )  # fmt: skip
    # At 0 there is no noise left to tell from the image, and `sigma_sqrt` divides by it.
    return float(shifted(drawn, shift).clamp(_LEAST, 1))


def noised(latents: Tensor, loss: Loss, shift: float, seed: int, number: int) -> Noised:
    """A sample at its noise level, with its own noise.

    Args:
        latents: (channels, rows, columns) of the image, normalised.
        loss: density and weighting.
        shift: towards noise.
        seed: of the run.
        number: of the sample.
    """
    level = draw_level(loss, shift, seed, number)
    noise = torch.randn(latents.shape, generator=noise_source(seed, "noise", number))
    noise = noise.to(latents.device)
    weight = compute_loss_weighting_for_sd3(loss.weighting, torch.tensor(level))
    return Noised(
        level=level, noisy=(1 - level) * latents + level * noise, velocity=noise - latents,
        weight=float(weight),
    )  # fmt: skip


def flow_error(predicted: Tensor, wanted: Tensor, weight: float) -> Tensor:
    """Sum of the squared errors of a velocity, weighted; a scalar in float32."""
    return weight * F.mse_loss(predicted.float(), wanted.float(), reduction="sum")


def next_token_error(logits: Tensor, ids: Tensor) -> Tensor:
    """Sum of the cross-entropies of tokens; a scalar in float32.

    Args:
        logits: (tokens, vocabulary), each at the place before its token.
        ids: (tokens,).
    """
    return F.cross_entropy(logits.float(), ids, reduction="sum")


def weighted(
    sums: Mapping[str, Tensor], counts: Mapping[str, int], loss: Loss, devices: int = 1
) -> Tensor:
    """The loss of a micro-batch as its share of the whole update.

    Each kind is a mean over the whole update, of all devices: over learnt tokens and over latent
    values. Were it a mean of means, the weights would mean something else in every batch.

    Args:
        sums: ``next_token`` and ``flow`` of this micro-batch.
        counts: learnt tokens and latent values of the update, on all devices together.
        loss: the weights.
        devices: over which gradients will be averaged, which is undone here.
    """
    parts = [
        weight * devices / counts[kind] * sums[kind]
        for kind, weight in (("next_token", loss.next_token), ("flow", loss.flow))
        if weight and counts.get(kind) and kind in sums
    ]
    # Where nothing is to be learnt (every condition of a reasoning dropped), nothing still has a
    # gradient: the other devices wait for it.
    return torch.stack(parts or [0 * value for value in sums.values()]).sum()


def by_level(levels: Sequence[float], errors: Sequence[float], bins: int = 10) -> dict[int, float]:
    """Mean error in equal ranges of the noise level; ranges without a sample are left out.

    >>> by_level([0.05, 0.08, 1.0], [1.0, 3.0, 5.0])
    {0: 2.0, 9: 5.0}
    """
    found: dict[int, list[float]] = {}
    for level, error in zip(levels, errors, strict=True):
        found.setdefault(min(int(level * bins), bins - 1), []).append(error)
    return {n: sum(some) / len(some) for n, some in sorted(found.items())}
