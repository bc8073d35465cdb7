"""The two errors and their sum, against numbers that were worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st

from model.finetune.config import Loss
from model.finetune.loss import (
    by_level,
    draw_level,
    flow_error,
    next_token_error,
    noised,
    shifted,
    weighted,
)

PLAIN = Loss()


def test_next_token_error_of_three_tokens_by_hand() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0], [0.0, 0.0, math.log(6)]])
    # Uniform over three; 1/2 of a half; 6 of 8.
    wanted = math.log(3) + math.log(4) + math.log(8 / 6)
    found = next_token_error(logits, torch.tensor([1, 2, 2]))
    assert float(found) == pytest.approx(wanted, abs=1e-6)


def test_a_perfect_velocity_has_no_error_and_the_reverse_has_four_times_its_square() -> None:
    sample = noised(torch.randn(2, 3, 4), PLAIN, 3.0, seed=0, number=5)
    assert float(flow_error(sample.velocity, sample.velocity, 1.0)) == 0
    square = float((sample.velocity**2).sum())
    found = float(flow_error(-sample.velocity, sample.velocity, 1.0))
    assert found == pytest.approx(4 * square, rel=1e-5)


def test_noise_minus_image_leads_the_released_solver_from_noise_to_the_image() -> None:
    """Sign, noise levels and timesteps, against the solver itself."""
    image = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(2))
    solver = DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    solver.set_timesteps(20)
    first = float(solver.sigmas[0])
    at = (1 - first) * image + first * noise
    for timestep, level in zip(solver.timesteps, solver.sigmas, strict=False):
        assert torch.allclose(at, (1 - level) * image + level * noise, atol=1e-5)
        assert abs(float(timestep) - 1000 * float(level)) < 1
        at = solver.step(noise - image, timestep, at, return_dict=False)[0]
    assert float((at - image).abs().max()) < 1e-4


def test_a_sample_is_the_line_between_image_and_noise() -> None:
    latents = torch.randn(2, 4, 4)
    sample = noised(latents, PLAIN, 3.0, seed=9, number=1)
    noise = sample.velocity + latents
    between = (1 - sample.level) * latents + sample.level * noise
    assert torch.allclose(sample.noisy, between, atol=1e-6)
    again = noised(latents, PLAIN, 3.0, seed=9, number=1)
    assert torch.equal(sample.noisy, again.noisy)
    assert not torch.equal(sample.noisy, noised(latents, PLAIN, 3.0, seed=9, number=2).noisy)
    assert not torch.equal(sample.noisy, noised(latents, PLAIN, 3.0, seed=8, number=1).noisy)


@given(st.floats(0, 1), st.floats(0.1, 10))
def test_shift_keeps_the_ends_and_the_order(level: float, shift: float) -> None:
    here, further = (float(shifted(torch.tensor(x), shift)) for x in (level, min(1.0, level + 0.1)))
    assert 0 <= here <= further <= 1 + 1e-6
    assert (here >= level - 1e-6) == (shift >= 1 or level in {0.0, 1.0} or here >= level - 1e-6)


def test_densities_are_those_that_their_names_promise() -> None:
    """Over 4,000 draws: medians and spreads of logit-normal with shift, and of uniform."""
    levels = np.array([draw_level(PLAIN, 1.0, 0, n) for n in range(4000)])
    logits = np.log(levels / (1 - levels))
    assert abs(logits.mean()) < 0.06
    assert abs(logits.std() - 1) < 0.04
    moved = np.array([draw_level(PLAIN, 3.0, 0, n) for n in range(4000)])
    assert np.allclose(moved, 3 * levels / (1 + 2 * levels), atol=1e-5)
    uniform = np.array([draw_level(Loss(density="uniform"), 1.0, 0, n) for n in range(4000)])
    assert abs(np.quantile(uniform, 0.25) - 0.25) < 0.03
    assert abs(uniform.mean() - 0.5) < 0.02


def test_weights_of_levels_are_those_of_sd3() -> None:
    latents = torch.zeros(1, 2, 2)
    for name, rule in (
        ("none", lambda s: 1.0),
        ("sigma_sqrt", lambda s: s**-2),
        ("cosmap", lambda s: 2 / (math.pi * (1 - 2 * s + 2 * s * s))),
    ):
        sample = noised(latents, Loss(weighting=name), 3.0, seed=0, number=3)
        assert sample.weight == pytest.approx(rule(sample.level), rel=1e-5)


def split(parts: list[dict[str, Any]], loss: Loss, devices: int) -> float:
    """Loss of an update whose micro-batches are spread over devices, as it is averaged there."""
    counts = {k: sum(p["counts"][k] for p in parts) for k in ("next_token", "flow")}
    return sum(float(weighted(p["sums"], counts, loss, devices)) for p in parts) / devices


def test_the_loss_does_not_depend_on_how_an_update_is_cut() -> None:
    """A micro-batch of few tokens must not weigh as much as one of many."""
    loss = Loss(next_token=1.0, flow=20.0)
    parts = [
        {"sums": {"next_token": torch.tensor(6.0), "flow": torch.tensor(10.0)},
         "counts": {"next_token": 3, "flow": 100}},
        {"sums": {"flow": torch.tensor(50.0)}, "counts": {"next_token": 0, "flow": 300}},
        {"sums": {"next_token": torch.tensor(1.0)}, "counts": {"next_token": 7, "flow": 0}},
    ]  # fmt: skip
    wanted = 7 / 10 + 20 * 60 / 400
    assert split(parts, loss, 1) == pytest.approx(wanted)
    assert split(parts, loss, 3) == pytest.approx(wanted)


def test_a_kind_of_weight_0_is_not_part_of_the_loss() -> None:
    sums = {"next_token": torch.tensor(5.0, requires_grad=True), "flow": torch.tensor(2.0)}
    counts = {"next_token": 5, "flow": 1}
    assert float(weighted(sums, counts, Loss(next_token=0, flow=1))) == 2
    empty = weighted({"next_token": sums["next_token"]}, counts, Loss(next_token=0, flow=1))
    assert empty.item() == 0
    empty.backward()


def test_levels_fall_into_ten_ranges() -> None:
    assert by_level([0.0, 0.0999, 0.1, 0.95, 1.0], [1, 3, 5, 7, 9]) == {0: 2, 1: 5, 9: 8}
    assert by_level([], []) == {}
