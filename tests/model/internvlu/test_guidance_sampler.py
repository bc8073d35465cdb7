"""Guidance and the solver: identities, the long way, and nothing kept from call to call."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from model.internvlu.config import DecoderConfig
from model.internvlu.decoder import Condition, GenerationDecoder, Span
from model.internvlu.guidance import PLAIN, REASONING, Scales, guide
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.sampler import Branches, Step, draw_noise, make_scheduler, sample
from tests.performance import naive_decoder, naive_sampling
from tests.performance.random_decoder import random_config, random_tensors

SOLVER: dict[str, Any] = {
    "algorithm_type": "dpmsolver++", "prediction_type": "flow_prediction", "flow_shift": 3.0,
    "use_flow_sigmas": True, "solver_order": 2, "solver_type": "midpoint",
    "final_sigmas_type": "zero", "lower_order_final": True, "num_train_timesteps": 1000,
}  # fmt: skip


@pytest.fixture
def three() -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    full, partial, blank = (2 * torch.randn(4, 3, 5, generator=source) for _ in range(3))
    return full, partial, blank


# --- guidance -------------------------------------------------------------------------------


@pytest.mark.parametrize("timestep", [0, 136, 929, 930])
def test_scales_of_one_follow_everything(
    three: tuple[Tensor, Tensor, Tensor], timestep: int
) -> None:
    full, partial, blank = three
    ones = Scales(guidance_scale=1, image_guidance_scale=1)
    assert torch.allclose(guide(full, partial, blank, timestep, ones), full, atol=1e-6)
    assert torch.allclose(guide(full, None, blank, timestep, ones), full, atol=1e-6)


@pytest.mark.parametrize("timestep", [0, 930, 931, 999])
def test_scales_of_zero_and_which_is_which(
    three: tuple[Tensor, Tensor, Tensor], timestep: int
) -> None:
    full, partial, blank = three
    none = Scales(guidance_scale=0, image_guidance_scale=0)
    assert torch.equal(guide(full, partial, blank, timestep, none), blank)
    images = Scales(guidance_scale=0, image_guidance_scale=3)
    assert torch.equal(
        guide(full, partial, blank, timestep, images),
        guide(full + 9, partial, blank, timestep, images),
    )
    text = Scales(guidance_scale=3, image_guidance_scale=0)
    moved = guide(full, partial, blank, timestep, text) - blank
    assert float(moved.abs().max()) > 0.1
    if timestep <= 930:
        assert torch.allclose(moved, 3 * (full - partial), atol=1e-5)


@pytest.mark.parametrize("timestep", [1, 930, 931, 999, 1000])
@pytest.mark.parametrize("scales", [PLAIN, REASONING, Scales(guidance_scale=-1)])
def test_guidance_is_the_written_rule(
    three: tuple[Tensor, Tensor, Tensor], timestep: int, scales: Scales
) -> None:
    names = {"all_scale": scales.guidance_scale, "part_scale": scales.image_guidance_scale}
    theirs = naive_decoder.guide(*three, timestep, **names)
    assert torch.allclose(guide(*three, timestep, scales), theirs, atol=1e-5)
    full, _, blank = three
    without = naive_decoder.guide(full, blank, blank, timestep, **names)
    assert torch.allclose(guide(full, None, blank, timestep, scales), without, atol=1e-5)


def test_only_long_differences_are_shortened() -> None:
    blank = torch.zeros(2, 1, 3)
    full = torch.tensor([[[0.3, 3.0, 0.6]], [[0.4, 4.0, 0.8]]])
    one = Scales(guidance_scale=1)
    found = guide(full, None, blank, 931, one).norm(dim=0)[0]
    assert found.tolist() == pytest.approx([0.5, 5**0.6, 1.0])
    assert torch.equal(guide(full, None, blank, 930, one), full)


def test_defaults_are_the_released_ones() -> None:
    assert (PLAIN.guidance_scale, PLAIN.image_guidance_scale) == (4.5, 2.0)
    assert (REASONING.guidance_scale, REASONING.image_guidance_scale) == (3.5, 1.5)


def test_half_precision_is_guided_in_float32(three: tuple[Tensor, Tensor, Tensor]) -> None:
    halves = [v.bfloat16() for v in three]
    found = guide(*halves, 999, PLAIN)  # type: ignore[arg-type]
    assert found.dtype == torch.float32
    assert torch.equal(found, guide(*(v.float() for v in halves), 999, PLAIN))  # type: ignore[arg-type]


# --- noise levels ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 20, 50, 499, 500, 501, 999, 1000, 1001])
def test_noise_levels(steps: int) -> None:
    timesteps, sigmas = naive_sampling.schedule(steps)
    ours = make_scheduler(SOLVER, steps)
    assert len(ours.timesteps) == steps
    difference = (ours.timesteps - torch.tensor(timesteps)).abs()
    assert int(difference.max()) <= 1  # where 1000 sigma is a whole number but for the last bit
    assert float((difference > 0).float().mean()) <= 0.01
    assert torch.allclose(ours.sigmas, torch.tensor(sigmas), atol=1e-6)


def test_the_twenty_timesteps_of_the_release() -> None:
    assert make_scheduler(SOLVER, 20).timesteps.tolist() == [
        999, 982, 963, 944, 922, 899, 874, 847, 817, 785, 749, 710, 666, 617, 562, 499, 428, 345,
        249, 136,
    ]  # fmt: skip


@pytest.mark.parametrize("steps", [1, 2, 5, 14, 15, 20, 501, 1000])
def test_the_solver_is_the_written_one(steps: int) -> None:
    """Also where two timesteps are equal, from 501 steps on."""
    _, sigmas = naive_sampling.schedule(steps)
    solver, source = make_scheduler(SOLVER, steps), torch.Generator().manual_seed(steps)
    mine = theirs = torch.randn(3, 8, generator=source)
    clean: list[Tensor] = []
    for n, timestep in enumerate(solver.timesteps):
        velocity = torch.randn(3, 8, generator=source)
        clean.append(theirs - sigmas[n] * velocity)
        theirs = naive_sampling.advance(theirs, clean, sigmas, n)
        mine = solver.step(velocity, timestep, mine, return_dict=False)[0]
    assert bool(mine.isfinite().all())
    assert float((mine - theirs).abs().max()) < 2e-3 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("shift", [0.5, 1.0, 7.0])
def test_the_shift_of_the_call_wins(shift: float) -> None:
    _, sigmas = naive_sampling.schedule(10, shift)
    assert torch.allclose(make_scheduler(SOLVER, 10, shift).sigmas, torch.tensor(sigmas), atol=1e-6)
    _, sigmas = naive_sampling.schedule(10, 5.0)
    ours = make_scheduler({**SOLVER, "flow_shift": 5.0}, 10)
    assert torch.allclose(ours.sigmas, torch.tensor(sigmas), atol=1e-6)


# --- sampling -------------------------------------------------------------------------------


class Case:
    """A random decoder with three samples: one with a condition, and three sizes."""

    def __init__(self, seed: int = 0) -> None:
        self.raw = random_config(seed)
        self.tensors = random_tensors(self.raw, seed)
        self.decoder = GenerationDecoder(DecoderConfig.read(self.raw, "random"))
        self.decoder.load_state_dict(self.tensors)
        self.decoder.requires_grad_(False)
        source = torch.Generator().manual_seed(seed + 1)

        def span(length: int) -> Span:
            states = torch.randn(length, self.raw["input_hidden_size"], generator=source)
            return Span(states=states, is_image=torch.zeros(length, dtype=torch.bool))

        self.noise = [torch.randn(16, *s, generator=source) for s in ((4, 6), (8, 8), (4, 6))]
        seen = torch.randn(16, 6, 4, generator=source)
        blank = span(4)
        self.branches = [
            Branches(full=Condition(span=span(5)), partial=None, blank=Condition(span=blank)),
            Branches(
                full=Condition(span=span(7), latents=(seen,)),
                partial=Condition(span=span(6), latents=(seen,)),
                blank=Condition(span=blank),
            ),
            Branches(full=Condition(span=span(3)), partial=None, blank=Condition(span=blank)),
        ]

    def run(self, steps: int = 4, scales: Scales = PLAIN, **options: Any) -> list[Tensor]:
        return sample(
            self.decoder, make_scheduler(SOLVER, steps), self.noise, self.branches, scales,
            **options,
        )  # fmt: skip

    def slowly(self, steps: int, scales: Scales) -> list[Tensor]:
        """With three branches each, the naive decoder and the solver written out."""
        rows = [
            [b.full for b in self.branches],
            [b.partial or b.blank for b in self.branches],
            [b.blank for b in self.branches],
        ]
        flat = [c for some in rows for c in some]
        return naive_sampling.sample(
            naive_decoder.NaiveDecoder(self.raw, self.tensors), self.noise,
            [list(c.latents) for c in flat], [c.span.states for c in flat],
            [c.span.is_image for c in flat], [[] for _ in flat], steps=steps,
            all_scale=scales.guidance_scale, part_scale=scales.image_guidance_scale,
        )  # fmt: skip


def worst(one: list[Tensor], other: list[Tensor]) -> float:
    assert [x.shape for x in one] == [x.shape for x in other]
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scales", [PLAIN, REASONING])
def test_sampling_is_the_written_one(seed: int, scales: Scales) -> None:
    """The partial branch of an image from text is left out here and computed there."""
    case = Case(seed)
    assert worst(case.run(4, scales), case.slowly(4, scales)) < 1e-4


def test_one_step_and_many() -> None:
    case = Case()
    for steps in (1, 30):
        assert worst(case.run(steps), case.slowly(steps, PLAIN)) < 2e-4


def test_a_partial_branch_that_equals_the_blank_one_changes_nothing() -> None:
    case = Case(1)
    short = case.run()
    case.branches = [
        Branches(full=b.full, partial=b.partial or b.blank, blank=b.blank) for b in case.branches
    ]
    assert worst(case.run(), short) < 1e-5


def test_nothing_is_kept_from_call_to_call() -> None:
    case = Case(2)
    first = case.run()
    assert worst(case.run(7), first) > 1e-3
    assert worst(case.run(), first) == 0
    assert [x.dtype for x in first] == [torch.float32] * 3


def test_a_sample_does_not_depend_on_its_batch() -> None:
    case = Case(3)
    together = case.run()
    noise, branches = case.noise, case.branches
    for n in range(3):
        case.noise, case.branches = [noise[n]], [branches[n]]
        assert worst(case.run(), [together[n]]) < 1e-5
    case.noise, case.branches = noise[::-1], branches[::-1]
    assert worst(case.run()[::-1], together) < 1e-5


def test_every_step_is_told() -> None:
    case, told = Case(), list[Step]()
    final = case.run(5, on_step=told.append)
    assert [s.index for s in told] == [0, 1, 2, 3, 4]
    assert {s.total for s in told} == {5}
    assert [s.timestep for s in told] == make_scheduler(SOLVER, 5).timesteps.tolist()
    for step in told:
        assert [len(v) for v in step.branches] == [2, 3, 2]
        for n, found in enumerate(step.branches):
            middle = found[1] if len(found) == 3 else None
            wanted = guide(found[0], middle, found[-1], step.timestep, PLAIN)
            assert torch.equal(step.guided[n], wanted)
    assert worst(list(told[-1].latents), final) == 0
    # What was told does not change under the caller's hands.
    kept = [[x.clone() for x in s.latents] for s in told]
    case.run(5)
    for step, before in zip(told, kept, strict=True):
        assert worst(list(step.latents), before) == 0


def test_an_error_of_the_listener_stops_the_call() -> None:
    def stop(_: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Case().run(on_step=stop)


def test_the_time_of_the_reference_is_rounded_to_its_weights() -> None:
    """999 becomes 1000 in bfloat16; the default does not round."""
    case, seen = Case(), list[list[float]]()
    forward = case.decoder.embed_time

    def watching(timestep: Tensor) -> Tensor:
        seen.append(timestep.tolist())
        return forward(timestep)

    case.decoder.embed_time = watching  # type: ignore[method-assign]
    case.run(20)
    exact = [times[0] for times in seen]
    seen.clear()
    case.run(20, time_dtype=torch.bfloat16)
    rounded = [times[0] for times in seen]
    assert exact[:3] == [999, 982, 963]
    assert rounded[:3] == [1000, 984, 964]


def test_noise_is_of_the_sample_or_of_the_call() -> None:
    shapes = [(16, 4, 6), (16, 8, 8), (16, 4, 6)]
    own = draw_noise(shapes, [5, 6, 5])
    assert torch.equal(own[0], own[2])
    assert torch.equal(own[1], draw_noise(shapes[1:2], [6])[0])
    stream = draw_noise([shapes[0]] * 2, 5)
    assert torch.equal(stream[0], own[0])
    assert not torch.equal(stream[1], stream[0])
    wanted = torch.randn((2, 16, 4, 6), generator=torch.Generator().manual_seed(5))
    assert torch.equal(torch.stack(stream), wanted)


def test_the_pipelines_scheduler_is_that_of_its_file(pipe: InternVLUPipeline) -> None:
    """Values in the file that we do not name are the library's to read."""
    config = {**pipe.parts.config.scheduler, "solver_type": "heun"}
    heun, midpoint = make_scheduler(config, 4), make_scheduler(pipe.parts.config.scheduler, 4)
    assert (heun.config.solver_type, midpoint.config.solver_type) == ("heun", "midpoint")
    assert "solver_type" in config
    assert pipe.parts.config.scheduler["solver_type"] == "midpoint"
