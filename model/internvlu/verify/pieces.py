"""Positions, the solver and the VAE: pieces that need no language model."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from model.internvlu.config import DecoderConfig
from model.internvlu.latents import decode, encode
from model.internvlu.rope import positions, tables
from model.internvlu.sampler import COMPAT_SHIFT, make_scheduler
from model.internvlu.verify.checks import DECODED, LATENTS, ROTATION, SIGMA, STEP, Checks, Row
from model.internvlu.verify.recorded import Fixture, Tensors

RELEASED_FACTORS = (1.0, 0.25)
"""``video_position_scale_factor`` and ``vlm_cond_position_scale_factor`` of the release."""


def rotations(fixture: Fixture, checks: Checks) -> None:
    """Positions of tokens, and the rotations made of them, for each recorded layout."""
    data, config = fixture.tensors("msrope.safetensors"), fixture.pipe.parts.config.decoder
    layouts = fixture.json("msrope.json")
    for name in sorted({*layouts, *data.prefixes("position_ids")}):
        with checks.row("msrope", name, "positions") as row:
            recorded = data[f"{name}.position_ids"]
            trials = [
                _positions(layouts[name], data[f"{name}.token_is_image"], *factors)
                for factors in _factors(layouts[name], config)
            ]
            ours = min(trials, key=lambda x: int((x != recorded).sum()))
            row.equal(ours, recorded, f"{name}.position_ids")
        found = data.matching(rf"{re.escape(name)}\.axes_(\d+(?:_\d+)*)\.(?:cos|sin)")
        if not found:
            continue
        with checks.row("msrope", name, "tables", ROTATION) as row:
            recorded = data[f"{name}.position_ids"]
            for axes in dict.fromkeys(match[1] for match in found.values()):
                turned = tables(recorded, [int(size) for size in axes.split("_")])
                for kind, table in zip(("cos", "sin"), turned, strict=True):
                    key = f"{name}.axes_{axes}.{kind}"
                    row.near(table, data[key], key)


def _factors(layout: dict[str, Any], config: DecoderConfig) -> list[tuple[float, float]]:
    """How much grids of latents and of visual tokens are spread.

    A layout of the padded path does not say; it has the factors of the checkpoint, or those that
    the other layouts mostly have.
    """
    own = config.video_position_scale_factor, config.vlm_cond_position_scale_factor
    if "video_scale" in layout or "vlm_scale" in layout:
        return [(layout["video_scale"], layout["vlm_scale"])]
    return [own, RELEASED_FACTORS]


def _positions(
    layout: dict[str, Any], is_image: Tensor, latent_factor: float, image_factor: float
) -> Tensor:
    """(tokens, 3), latents first.

    A grid of several frames is that many images of one frame each.
    """
    frames = [(rows, columns) for n, rows, columns in layout["latent_grids"] for _ in range(n)]
    latents = sum(rows * columns for rows, columns in frames)
    both = positions(
        frames, is_image[latents:], [(rows, columns) for _, rows, columns in layout["vlm_grids"]],
        latent_factor=latent_factor, image_factor=image_factor,
    )  # fmt: skip
    return torch.cat(both)


def solver(fixture: Fixture, checks: Checks) -> None:
    """Noise levels for some numbers of steps, and steps from recorded velocities."""
    data = fixture.tensors("scheduler.safetensors")
    config = fixture.pipe.parts.config.scheduler
    for run in data.prefixes("timesteps", "sigmas", r"[vx]\d+"):
        steps = int(run.removeprefix("n"))
        with checks.row("scheduler", run, "timesteps") as row:
            ours = make_scheduler(config, steps, COMPAT_SHIFT)
            row.equal(ours.timesteps, data[f"{run}.timesteps"], f"{run}.timesteps")
        with checks.row("scheduler", run, "sigmas", SIGMA) as row:
            ours = make_scheduler(config, steps, COMPAT_SHIFT)
            row.near(ours.sigmas, data[f"{run}.sigmas"], f"{run}.sigmas")
        if data.matching(rf"{run}\.[vx]\d+"):
            with checks.row("scheduler", run, "trajectory", STEP) as row:
                _trajectory(row, data, run, make_scheduler(config, steps, COMPAT_SHIFT))


def _trajectory(row: Row, data: Tensors, run: str, scheduler: Any) -> None:
    """Each step from the recorded latents before it; the solver remembers the steps before."""
    for n, timestep in enumerate(scheduler.timesteps):
        velocity, latents = data[f"{run}.v{n}"], data[f"{run}.x{n}"]
        ours = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
        row.near(ours, data[f"{run}.x{n + 1}"], f"{run}.x{n + 1}")


def vae(fixture: Fixture, checks: Checks) -> None:
    """Latents of pixels and pixels of latents."""
    data, model = fixture.tensors("vae.safetensors"), fixture.pipe.parts.vae
    with checks.row("vae", "", "latents of pixels", LATENTS) as row:
        ours = torch.stack(encode(model, list(data["pixels"])))
        row.near(ours, data["latents_from_pixels"], "latents_from_pixels")
    with checks.row("vae", "", "pixels of latents", DECODED) as row:
        ours = torch.stack(decode(model, list(data["latents"])))
        row.near(ours, data["pixels_from_latents"], "pixels_from_latents")
