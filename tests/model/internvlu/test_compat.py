"""Each defect of the released code: repeated with `reference_compat`, and mended without.

The numbers of the reference itself are compared by `umm-evals model verify`; here is what differs,
and how.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evals.core.errors import UserError
from model.internvlu.conditioning import close
from model.internvlu.images import understanding_pixels
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.sampler import Step
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import SMALL, changed, copied, levels, noise, same, scripted

FEW = Sampling(max_new_tokens=8)
Pair = tuple[InternVLUPipeline, InternVLUPipeline]


@pytest.fixture
def both(pipe: InternVLUPipeline, compat: InternVLUPipeline) -> Pair:
    return pipe, compat


def words(pipe: InternVLUPipeline, text: str) -> list[int]:
    return pipe.parts.tokenizer(text)["input_ids"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("count", "lost"), [(4, 1), (9, 2)])
def test_reasoning_loses_its_last_tokens(both: Pair, count: int, lost: int) -> None:
    """One where it ended by itself, two where it ran into the limit."""
    said = words(both[0], "one two three four five six seven eight nine ten")[:count]
    found = []
    for pipe in both:
        with scripted(pipe, said):
            (made,) = pipe.generate(["a"], think=True, sampling=FEW, **SMALL)
        assert made.reasoning is not None
        found.append(made.reasoning.ids)
    kept = tuple(said[:8])
    assert found == [kept, kept[:-lost]]


@pytest.mark.parametrize("count", [0, 1])
def test_a_short_reasoning_loses_all_of_it(compat: InternVLUPipeline, count: int) -> None:
    """The reference fails on none; here it is none."""
    with scripted(compat, words(compat, "one")[:count]):
        (made,) = compat.generate(["a"], think=True, sampling=FEW, **SMALL)
    assert made.reasoning is not None
    assert made.reasoning.ids == ()


def test_reasoning_attends_to_the_padding_of_its_batch(both: Pair) -> None:
    """So that a short prompt, or one beside a longer one, is conditioned on padding."""
    said = words(both[0], "one two three")
    short, long = "a", "a much longer prompt about a red panda on a wooden bench, in the rain"
    shared: dict[str, Any] = {"think": True, "sampling": FEW, **SMALL}
    for pipe, equal in zip(both, (True, False), strict=True):
        with scripted(pipe, said):
            together = pipe.generate([short, long], seeds=[1, 2], **shared)
            alone = pipe.generate([short], seeds=[1], **shared)
        assert (levels(together[0], alone[0]) <= 1) == equal
    tokens = both[0].parts.vlm.tokens
    for pipe in both:
        asked = pipe.requests([short], [()])
        full, _, blank = close(asked, [said], tokens, compat=pipe.compat)
        padding = [i for i in full.ids if i == tokens.pad]
        lack = len(asked[0][2].ids) - len(asked[0][0].ids)
        assert lack > 0
        assert len(padding) == (lack if pipe.compat else 0)
        assert len(blank.ids) == len(asked[0][2].ids) + 1


def test_the_shift_is_three_whatever_the_files_say(checkpoint: Path, tmp_path: Path) -> None:
    folder = copied(checkpoint, tmp_path / "copy")
    changed(folder / "scheduler" / "scheduler_config.json", flow_shift=7.0)
    changed(folder / "generation_decoder" / "config.json", flow_shift=5.0)
    seen = {}
    for mended in (True, False):
        pipe = InternVLUPipeline.from_pretrained(
            folder, device="cpu", dtype="float32", reference_compat=not mended
        )
        told: list[Step] = []
        pipe.generate(["a"], on_step=told.append, **SMALL)
        seen[mended] = [s.timestep for s in told]
        told.clear()
        pipe.generate(["a"], on_step=told.append, shift=1.0, **SMALL)
        assert [s.timestep for s in told] == [999, 499]
    assert seen[False] == [999, 749]
    assert seen[True] == [999, 874]


def test_one_stream_of_noise_for_a_batch(both: Pair) -> None:
    """Unless each sample is given a seed."""
    for pipe in both:
        first, second = pipe.generate(["a", "b"], seeds=4, **SMALL)
        alone = pipe.generate(["a"], seeds=4, **SMALL)
        assert levels(first, alone[0]) <= 1
        assert (levels(second, pipe.generate(["b"], seeds=5, **SMALL)[0]) <= 1) != pipe.compat
        numpy = pipe.generate(["a", "b"], seeds=np.int64(4), **SMALL)
        assert same(numpy, [first, second])
        own = pipe.generate(["a", "b"], seeds=[4, 5], **SMALL)
        assert levels(own[1], pipe.generate(["b"], seeds=[5], **SMALL)[0]) <= 1


def test_condition_images_of_a_batch_are_padded(both: Pair) -> None:
    prompts, images = ["a", "b"], [[noise(96, 96)], [noise(64, 150, 1)]]
    for pipe in both:
        together = pipe.edit(prompts, images, seeds=[1, 2], **SMALL)
        alone = [
            pipe.edit([p], [i], seeds=[s], **SMALL)[0]
            for p, i, s in zip(prompts, images, (1, 2), strict=True)
        ]
        assert same(together, alone) != pipe.compat


def test_all_of_a_batch_are_edits_when_one_is(both: Pair) -> None:
    for pipe in both:
        mixed = pipe.requests(["a", "b"], [(), (noise(64, 64),)])
        (plain,) = pipe.requests(["a"], [()])
        assert (mixed[0][0].ids == plain[0].ids) != pipe.compat
        assert (mixed[0][2].ids == mixed[1][2].ids) == pipe.compat


def test_pixels_are_rounded_to_half_precision(both: Pair) -> None:
    image = noise(64, 64)
    for pipe in both:
        config = pipe.parts.config
        exact = understanding_pixels(image, config.processor, config.vlm)
        given = pipe.requests(["a"], [(image,)])[0][0].pixels[0]
        assert torch.equal(given, exact) != pipe.compat
        assert torch.equal(given.bfloat16(), exact.bfloat16())


def test_times_are_rounded_in_half_precision(checkpoint: Path) -> None:
    seen = {}
    for mended in (True, False):
        pipe = InternVLUPipeline.from_pretrained(
            checkpoint, device="cpu", dtype="bfloat16", reference_compat=not mended
        )
        times: list[float] = []
        embed = pipe.parts.decoder.embed_time

        def watching(timestep: Any, _embed: Any = embed, _to: list[float] = times) -> Any:
            _to.append(float(timestep[0]))
            return _embed(timestep)

        pipe.parts.decoder.embed_time = watching  # type: ignore[method-assign]
        pipe.generate(["a"], height=64, width=64, steps=20)
        seen[mended] = times[:3]
    assert seen == {True: [999, 982, 963], False: [1000, 984, 964]}


def test_a_slot_without_an_image_becomes_a_visual_token(both: Pair) -> None:
    for pipe in both:
        ids = pipe.requests(["an <image> of it"], [()])[0][0].ids
        assert ids.count(pipe.parts.vlm.tokens.context) == (1 if pipe.compat else 0)
        assert len(pipe.generate(["an <image> of it"], **SMALL)) == 1
        # Beside a prompt with an image it takes none of its tokens.
        shared: dict[str, Any] = {"sampling": FEW}
        together = pipe.answer(["an <image>", "b"], [[], [noise(64, 64)]], **shared)
        assert together[1:] == pipe.answer(["b"], [[noise(64, 64)]], **shared)


def test_an_edit_has_the_size_of_the_configuration(both: Pair) -> None:
    for pipe in both:
        (made,) = pipe.edit(["a"], [[noise(160, 70)]], steps=1)
        wanted = pipe.default_size if pipe.compat else pipe.source_size(noise(160, 70))
        assert made.image.size == wanted[::-1]
        (made,) = pipe.edit(["a"], [[noise(160, 70)]], height=64, steps=1)
        assert made.image.size == (pipe.default_size[1], 64)


def test_one_size_for_all_of_a_call(both: Pair) -> None:
    images, sizes = [[noise(64, 64)]] * 2, [(64, 64), (96, 64)]
    pipe, compat = both
    assert [p.image.size for p in pipe.edit(["a", "b"], images, sizes=sizes, steps=1)] == [
        (64, 64), (64, 96),
    ]  # fmt: skip
    with pytest.raises(UserError, match="all images of a call have one size"):
        compat.edit(["a", "b"], images, sizes=sizes, steps=1)


def test_nobody_looks_at_the_context(both: Pair) -> None:
    pipe, compat = both
    long = "x " * 2500
    assert compat.answer([long], sampling=Sampling(max_new_tokens=1))[0].prompt_tokens > 4096
    with pytest.raises(UserError, match="over the model's 4096"):
        pipe.answer([long], sampling=Sampling(max_new_tokens=1))


def test_what_does_not_differ(both: Pair) -> None:
    """Without images and reasoning, in float32, with the shift of the file: the same numbers."""
    made = [pipe.generate(["a red panda"], seeds=3, **SMALL)[0] for pipe in both]
    assert levels(*made) <= 1
    asked = [pipe.requests(["a red panda"], [()])[0] for pipe in both]
    assert asked[0] == asked[1]
    assert np.asarray(made[0].image).std() > 5


def test_two_pipelines_may_share_their_parts(both: Pair) -> None:
    """What one of them repeats, the other one does not."""
    pipe, compat = both
    parts = pipe.parts
    box = parts.vlm.tokens.special[1]
    mended, repeating = InternVLUPipeline(parts), InternVLUPipeline(parts, reference_compat=True)
    how = Sampling(max_new_tokens=40)

    def after_a_box(one: InternVLUPipeline) -> tuple[int, ...]:
        head = one.parts.vlm.language_model.lm_head.weight
        before = head[box].clone()
        head[box] *= 3
        try:
            return one.answer(["a cat"], sampling=how)[0].ids
        finally:
            head[box] = before

    own = [after_a_box(one) for one in (pipe, compat)]
    shared = [after_a_box(one) for one in (mended, repeating, mended)]
    assert own[0] != own[1]
    assert shared == [own[0], own[1], own[0]]
