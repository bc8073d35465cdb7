"""From noise to latents: the solver of diffusers over a batch of any sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

from model.internvlu.decoder import Condition, GenerationDecoder
from model.internvlu.guidance import Scales, guide
from model.internvlu.replayed import Replayed
from model.torch_tools import cpu_generator

COMPAT_SHIFT = 3.0
"""The reference's constant, which overrides the scheduler's file and the decoder's."""


@dataclass(frozen=True, kw_only=True)
class Branches:
    """One sample's conditions of guidance.

    Attributes:
        full: everything.
        partial: the condition images without the text; None where that is the same as `blank`.
        blank: nothing.
    """

    full: Condition
    partial: Condition | None
    blank: Condition

    def all(self) -> list[Condition]:
        """Those that the decoder must be asked for."""
        return [c for c in (self.full, self.partial, self.blank) if c is not None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step that was just made, for progress and for tests.

    Attributes:
        index: from 0.
        total: how many there will be.
        timestep: 0 to 1000.
        branches: of each sample, the velocities in the order of `Branches.all`.
        guided: of each sample, the velocity that was followed.
        latents: of each sample, after the step.
    """

    index: int
    total: int
    timestep: int
    branches: Sequence[Sequence[Tensor]]
    guided: Sequence[Tensor]
    latents: Sequence[Tensor]


def make_scheduler(config: Mapping[str, Any], steps: int, shift: float | None = None) -> Any:
    """The solver with its timesteps set.

    Args:
        config: ``scheduler_config.json``.
        steps: how many.
        shift: of the noise levels towards noise; that of the file when None.
    """
    changed = {} if shift is None else {"flow_shift": shift}
    scheduler = DPMSolverMultistepScheduler.from_config(dict(config), **changed)
    scheduler.set_timesteps(steps)
    # Above 500 steps two of them have one timestep, by which the class could not tell its place.
    scheduler.set_begin_index(0)
    return scheduler


def draw_noise(shapes: Sequence[tuple[int, ...]], seeds: Sequence[int] | int) -> list[Tensor]:
    """What sampling begins with, float32, the same on every device.

    Args:
        shapes: of each sample's latents.
        seeds: of each sample, which then depends on nothing else; or one number for one stream
            that all samples, of one shape, are drawn from in turn.
    """
    if isinstance(seeds, int):
        return list(torch.randn((len(shapes), *shapes[0]), generator=cpu_generator(seeds)))
    return [
        torch.randn(shape, generator=cpu_generator(seed))
        for shape, seed in zip(shapes, seeds, strict=True)
    ]


@torch.no_grad()
def sample(
    decoder: GenerationDecoder,
    scheduler: Any,
    noise: Sequence[Tensor],
    branches: Sequence[Branches],
    scales: Scales,
    *,
    time_dtype: torch.dtype = torch.float32,
    on_step: Callable[[Step], None] | None = None,
) -> list[Tensor]:
    """Latents of a batch, which may be of different sizes.

    Args:
        decoder: the network.
        scheduler: from `make_scheduler`, for this call alone.
        noise: of each sample, (channels, rows, columns), float32.
        branches: of each sample.
        scales: of guidance.
        time_dtype: the network sees the timestep in this dtype. The reference uses that of its
            weights, and 999 becomes 1000 in bfloat16.
        on_step: told after each step.

    Returns:
        As `noise`, float32.
    """
    device = decoder.device
    shapes = [x.shape for x in noise]
    sizes = [x.numel() for x in noise]
    counts = [len(b.all()) for b in branches]
    prepared = decoder.prepare(
        [s[1:] for s, n in zip(shapes, counts, strict=True) for _ in range(n)],
        [c for b in branches for c in b.all()],
    )
    network = Replayed(decoder, prepared)
    # One vector for all: the solver works element by element and need not know of sizes.
    flat = torch.cat([x.flatten() for x in noise]).to(device, torch.float32)
    total = len(scheduler.timesteps)
    for index, timestep in enumerate(scheduler.timesteps.tolist()):
        latents = [x.view(s) for x, s in zip(flat.split(sizes), shapes, strict=True)]
        rows = [x for x, n in zip(latents, counts, strict=True) for _ in range(n)]
        time = torch.full((len(rows),), timestep, dtype=time_dtype)
        velocities = _grouped(network(rows, decoder.embed_time(time.float())), counts)
        guided = [
            guide(v[0], v[1] if len(v) == 3 else None, v[-1], timestep, scales) for v in velocities
        ]
        flow = torch.cat([v.flatten() for v in guided])
        flat = scheduler.step(flow, scheduler.timesteps[index], flat, return_dict=False)[0]
        if on_step is not None:
            after = [x.view(s) for x, s in zip(flat.split(sizes), shapes, strict=True)]
            on_step(Step(index=index, total=total, timestep=int(timestep), branches=velocities,
                         guided=guided, latents=after))  # fmt: skip
    return [x.view(s) for x, s in zip(flat.split(sizes), shapes, strict=True)]


def _grouped(flat: Sequence[Tensor], counts: Sequence[int]) -> list[list[Tensor]]:
    parts, at = [], 0
    for count in counts:
        parts.append(list(flat[at : at + count]))
        at += count
    return parts
