"""Flow sampling of InternVL-U written the long way: three full branches on every step.

DPM-Solver++ of second order, midpoint form, last step of first order, on flow sigmas; in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.performance.naive_decoder import Grid, NaiveDecoder, Tensor

SHIFT = 3.0
TRAIN_STEPS = 1000


def schedule(steps: int, shift: float = SHIFT) -> tuple[list[int], list[float]]:
    """Timesteps that the network sees (`steps` of them) and sigmas of the solver (one more)."""
    sigmas = []
    for n in range(steps, 0, -1):
        plain = n / steps * (1 - 1 / TRAIN_STEPS)
        sigmas.append(shift * plain / (1 + (shift - 1) * plain))
    return [int(TRAIN_STEPS * sigma) for sigma in sigmas], [*sigmas, 0.0]


def advance(x: Tensor, clean: Sequence[Tensor], sigmas: Sequence[float], n: int) -> Tensor:
    """From step n to n + 1.

    Args:
        x: at step n.
        clean: predictions of the clean latent at steps 0 ... n.
        sigmas: of all steps.
        n: which step.
    """
    if sigmas[n + 1] == 0:
        return clean[n]
    alpha, decay = 1 - sigmas[n + 1], sigmas[n + 1] / sigmas[n]
    width = _log_ratio(sigmas[n + 1]) - _log_ratio(sigmas[n])
    weight = alpha * (1 - math.exp(-width))
    if n == 0:
        return decay * x + weight * clean[0]
    ratio = (_log_ratio(sigmas[n]) - _log_ratio(sigmas[n - 1])) / width
    slope = (clean[n] - clean[n - 1]) / ratio
    return decay * x + weight * clean[n] + 0.5 * weight * slope


def _log_ratio(sigma: float) -> float:
    return math.log((1 - sigma) / sigma)


def sample(
    decoder: NaiveDecoder,
    noise: Sequence[Tensor],
    conditions: Sequence[Sequence[Tensor]],
    spans: Sequence[Tensor],
    image_masks: Sequence[Tensor],
    image_grids: Sequence[Sequence[Grid]],
    *,
    steps: int,
    all_scale: float,
    part_scale: float,
    shift: float = SHIFT,
) -> list[Tensor]:
    """Latents (16, h, w) of B targets from their noise; rows as in `NaiveDecoder.guided`."""
    timesteps, sigmas = schedule(steps, shift)
    latents = [one.float() for one in noise]
    history: list[list[Tensor]] = [[] for _ in latents]
    for n, timestep in enumerate(timesteps):
        velocities = decoder.guided(
            latents, conditions, spans, image_masks, image_grids, timestep,
            all_scale=all_scale, part_scale=part_scale,
        )  # fmt: skip
        for one, clean, velocity in zip(latents, history, velocities, strict=True):
            clean.append(one - sigmas[n] * velocity)
        latents = [
            advance(one, clean, sigmas, n) for one, clean in zip(latents, history, strict=True)
        ]
    return latents
