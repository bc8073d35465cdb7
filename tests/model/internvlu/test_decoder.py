"""The decoder against an oracle written the long way, over many small configurations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from model.internvlu import rope
from model.internvlu.config import DecoderConfig
from model.internvlu.decoder import Condition, GenerationDecoder, Span
from tests.performance.naive_decoder import NaiveDecoder, positions, tensor_shapes
from tests.performance.random_decoder import Batch, random_batch, random_config, random_tensors

NEAR = 2e-5
SEEDS = range(20)


def decoder(config: dict[str, Any], tensors: dict[str, Tensor]) -> GenerationDecoder:
    ours = GenerationDecoder(DecoderConfig.read(config, "random"))
    ours.load_state_dict(tensors, strict=True)
    return ours


def conditions(batch: Batch) -> list[Condition]:
    return [
        Condition(
            span=Span(states=states, is_image=mask, images=tuple(g[1:] for g in grids)),
            latents=tuple(latents),
        )
        for states, mask, grids, latents in zip(
            batch.spans, batch.image_masks, batch.image_grids, batch.conditions, strict=True
        )
    ]


def velocities(ours: GenerationDecoder, batch: Batch) -> list[Tensor]:
    prepared = ours.prepare([x.shape[1:] for x in batch.latents], conditions(batch))
    return ours(batch.latents, batch.timestep, prepared)


def part(batch: Batch, *rows: int) -> Batch:
    return Batch(
        *([field[n] for n in rows] for field in batch[:5]), batch.timestep[torch.tensor(rows)]
    )


def worst(ours: list[Tensor], theirs: list[Tensor]) -> float:
    assert [x.shape for x in ours] == [x.shape for x in theirs]
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_velocities(seed: int) -> None:
    """Ragged targets, none to two conditions, a time of its own for each sample."""
    config = random_config(seed)
    tensors, batch = random_tensors(config, seed), random_batch(config, seed)
    with torch.no_grad():
        ours = velocities(decoder(config, tensors), batch)
    assert worst(ours, NaiveDecoder(config, tensors).velocity(*batch)) < NEAR


def test_the_configurations_cover_what_they_should() -> None:
    configs = [random_config(seed) for seed in SEEDS]
    inner = [c["decoder_config"] for c in configs]
    assert {c["video_position_scale_factor"] for c in configs} >= {0.5, 1.0, 2.0}
    assert {c["vlm_cond_position_scale_factor"] for c in configs} >= {0.25, 0.5, 1.0}
    assert {c.get("timestep_scale", 1) for c in inner} >= {0.5, 1, 2.0}
    assert {c["decoder_projector_type"] for c in configs} == {"identity", "mlp2x_gelu"}
    cut = [
        seed for seed, c in zip(SEEDS, configs, strict=True)
        if c["pad_to_fix_length"]
        and max(map(len, random_batch(c, seed).spans)) > c["max_sequence_length"]
    ]  # fmt: skip
    assert cut


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients(seed: int) -> None:
    config = random_config(seed)
    tensors, batch = random_tensors(config, seed), random_batch(config, seed)
    ours = decoder(config, tensors)
    weights = {k: v.clone().requires_grad_() for k, v in tensors.items()}
    source = torch.Generator().manual_seed(seed)
    wanted = [torch.randn(x.shape, generator=source) for x in batch.latents]
    for found in (velocities(ours, batch), NaiveDecoder(config, weights).velocity(*batch)):
        loss = sum((v - w).square().mean() for v, w in zip(found, wanted, strict=True))
        loss.backward()  # type: ignore[union-attr]
    theirs = {k: v.grad if v.grad is not None else torch.zeros_like(v) for k, v in weights.items()}
    mine = {
        k: v.grad if v.grad is not None else torch.zeros_like(v) for k, v in ours.named_parameters()
    }
    scale = max(float(g.abs().max()) for g in theirs.values())
    assert mine.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert float((mine[name] - gradient).abs().max()) < 1e-4 * scale, name


@pytest.mark.parametrize("seed", [0, 3, 7])
def test_gradients_of_the_inputs(seed: int) -> None:
    """A trainer of the language model too needs those of the spans."""
    config = random_config(seed)
    tensors, batch = random_tensors(config, seed), random_batch(config, seed)
    found = []
    for run in (lambda b: velocities(decoder(config, tensors), b),
                lambda b: NaiveDecoder(config, tensors).velocity(*b)):  # fmt: skip
        spans = [s.clone().requires_grad_() for s in batch.spans]
        latents = [x.clone().requires_grad_() for x in batch.latents]
        torch.cat([v.flatten() for v in run(batch._replace(spans=spans, latents=latents))]).square(
        ).mean().backward()  # fmt: skip
        found.append([x.grad for x in (*spans, *latents)])
    scale = max(float(g.abs().max()) for g in found[1])
    assert worst(found[0], found[1]) < 1e-4 * scale


@pytest.mark.parametrize("seed", [1, 5, 11])
def test_a_sample_does_not_depend_on_its_batch(seed: int) -> None:
    config = random_config(seed)
    ours, batch = decoder(config, random_tensors(config, seed)), random_batch(config, seed)
    order = (2, 0, 3, 1)
    with torch.no_grad():
        together = velocities(ours, batch)
        alone = [velocities(ours, part(batch, n))[0] for n in range(4)]
        moved = velocities(ours, part(batch, *order))
    assert worst(together, alone) < NEAR
    assert worst(moved, [together[n] for n in order]) < NEAR


def test_equal_times_and_equal_lengths_take_a_shorter_way_to_the_same_end() -> None:
    """One row of the time for all, and one call of attention for a stretch of samples."""
    config = random_config(4)
    ours, batch = decoder(config, random_tensors(config, 4)), random_batch(config, 4)
    one = part(batch, 1)
    three = Batch(*(3 * field for field in one[:5]), one.timestep.expand(3).clone())
    with torch.no_grad():
        same = velocities(ours, three)
        other = velocities(ours, three._replace(timestep=one.timestep + torch.tensor([0.0, 9, 0])))
        alone = velocities(ours, one)
    assert worst(same, 3 * alone) < NEAR
    assert worst([other[0], other[2]], 2 * alone) < NEAR
    assert worst([other[1]], alone) > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_names_and_shapes(seed: int) -> None:
    config = random_config(seed)
    state = GenerationDecoder(DecoderConfig.read(config, "random")).state_dict()
    assert {k: tuple(v.shape) for k, v in state.items()} == tensor_shapes(config)


def test_every_condition_counts() -> None:
    """Each of two condition images, their order, the grid inside the span, the span itself."""
    config = random_config(2)
    seed = next(s for s in range(99) if len(random_batch(config, s, rows=1).conditions[0]) == 2)
    ours, batch = decoder(config, random_tensors(config, 2)), random_batch(config, seed, rows=1)
    first, second = batch.conditions[0]
    moved = {
        "first": batch._replace(conditions=[[first + 1, second]]),
        "second": batch._replace(conditions=[[first, second + 1]]),
        "order": batch._replace(conditions=[[second, first]]),
        "none": batch._replace(conditions=[[]]),
        "one": batch._replace(conditions=[[first]]),
        "span": batch._replace(spans=[batch.spans[0] + 1]),
        "grids": batch._replace(image_grids=[[]]),
        "mask": batch._replace(image_masks=[torch.zeros_like(batch.image_masks[0])]),
    }
    with torch.no_grad():
        plain = velocities(ours, batch)
        for name, other in moved.items():
            assert worst(velocities(ours, other), plain) > 1e-4, name


def test_the_padding_token_has_no_effect() -> None:
    seed = next(s for s in range(99) if random_config(s)["padding_encoder_hidden_states"])
    config = random_config(seed)
    tensors, batch = random_tensors(config, seed), random_batch(config, seed)
    with torch.no_grad():
        plain = velocities(decoder(config, tensors), batch)
        tensors["encoder_padding_token"] = torch.full_like(tensors["encoder_padding_token"], 99.0)
        assert worst(velocities(decoder(config, tensors), batch), plain) == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near(dtype: torch.dtype) -> None:
    for seed in (0, 6):
        config = random_config(seed)
        ours, batch = decoder(config, random_tensors(config, seed)), random_batch(config, seed)
        with torch.no_grad():
            exact = velocities(ours, batch)
            rough = velocities(ours.to(dtype), batch)
        assert {x.dtype for x in rough} == {dtype}
        scale = float(torch.cat([x.flatten() for x in exact]).abs().mean())
        error = torch.cat([(a - b.float()).flatten() for a, b in zip(exact, rough, strict=True)])
        assert float(error.abs().mean()) < (0.05 if dtype == torch.bfloat16 else 0.01) * scale


@pytest.mark.parametrize("factor", [0.25, 0.3, 0.5, 1.0, 2.0, 3.0])
def test_positions_of_any_factor(factor: float) -> None:
    for grids, runs in (
        ([(2, 3)], [(False, 3)]),
        ([(5, 4), (7, 2)], [(False, 2), (True, 6), (False, 1)]),
        ([(2, 2)], [(True, 4), (False, 2), (True, 5)]),
        ([(32, 18), (16, 16), (3, 9)], [(False, 1), (True, 256), (True, 6), (False, 9)]),
        ([(4, 4)], []),
    ):
        mask = [flag for flag, count in runs for _ in range(count)]
        images = [(2, 3), (16, 16)] if len(grids) < 3 else [(16, 16), (2, 3)]
        latent, span = rope.positions(
            grids, torch.tensor(mask, dtype=torch.bool), images,
            latent_factor=factor, image_factor=1 / factor,
        )  # fmt: skip
        theirs = positions(
            [(1, *g) for g in grids], mask, [(1, *g) for g in images], factor, 1 / factor
        )
        assert torch.allclose(torch.cat([latent, span]), theirs, atol=1e-5)
        if factor in {0.25, 1.0}:
            assert torch.equal(torch.cat([latent, span]), theirs)


@pytest.mark.parametrize("factor", [0.25, 1.0, 2.0])
def test_a_single_row_has_a_position(factor: float) -> None:
    """The rule divides by the length of the range, which is 0 here."""
    latent, span = rope.positions(
        [(1, 1), (1, 3)], torch.tensor([True, False]), [(1, 1)],
        latent_factor=factor, image_factor=factor,
    )  # fmt: skip
    assert bool(torch.cat([latent, span]).isfinite().all())
    assert span[1, 0] > latent.max()
