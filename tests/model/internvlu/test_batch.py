"""A sample does not depend on what else is in the call."""

from __future__ import annotations

from typing import Any

import pytest

from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import SMALL, levels, noise, same

PROMPTS = (
    "a red panda",
    "a sign that says OPEN on a wall, in the rain, seen from the other side of the road",
    "What is this?",
)
SEEDS = (7, 0, 2**40)


def test_generate(pipe: InternVLUPipeline) -> None:
    together = pipe.generate(PROMPTS, seeds=SEEDS, **SMALL)
    alone = [pipe.generate([p], seeds=[s], **SMALL)[0] for p, s in zip(PROMPTS, SEEDS, strict=True)]
    assert same(together, alone)
    assert [p.seed for p in together] == list(SEEDS)
    assert levels(together[0], together[1]) > 20
    backwards = pipe.generate(PROMPTS[::-1], seeds=SEEDS[::-1], **SMALL)
    assert same(backwards[::-1], together)


def test_one_seed_counts_up(pipe: InternVLUPipeline) -> None:
    counted = pipe.generate(PROMPTS[:2], seeds=41, **SMALL)
    assert [p.seed for p in counted] == [41, 42]
    assert same(counted, pipe.generate(PROMPTS[:2], seeds=[41, 42], **SMALL), within=0)
    one, other = pipe.generate(["a cat", "a cat"], seeds=[1, 2], **SMALL)
    assert levels(one, other) > 20
    one, other = pipe.generate(["a cat", "a cat"], seeds=[3, 3], **SMALL)
    assert levels(one, other) <= 1


def test_edit_of_unequal_images_to_unequal_sizes(pipe: InternVLUPipeline) -> None:
    images = [[noise(100, 70)], [noise(60, 90, 1)], [noise(200, 64, 2)]]
    together = pipe.edit(PROMPTS, images, seeds=SEEDS, steps=2)
    assert len({p.image.size for p in together}) == 3
    for n, one in enumerate(together):
        (alone,) = pipe.edit([PROMPTS[n]], [images[n]], seeds=[SEEDS[n]], steps=2)
        assert levels(one, alone) in (0, 1)
        assert one.generated == pipe.source_size(images[n][0])
    sizes = [(96, 64), (70, 200), (64, 64)]
    together = pipe.edit(PROMPTS, images, sizes=sizes, seeds=SEEDS, steps=2)
    assert [p.image.size for p in together] == [(w, h) for h, w in sizes]
    assert [p.generated for p in together] == [(96, 64), (64, 192), (64, 64)]
    for n, one in enumerate(together):
        (alone,) = pipe.edit([PROMPTS[n]], [images[n]], sizes=[sizes[n]], seeds=[SEEDS[n]], steps=2)
        assert levels(one, alone) in (0, 1)


@pytest.mark.parametrize("think", [False, True])
def test_none_to_three_images_in_one_call(pipe: InternVLUPipeline, think: bool) -> None:
    """An image from text, an edit, a combination: each as if it were alone."""
    prompts = [*PROMPTS, "put them together"]
    images = [[noise(60 + 20 * k, 80, n + k) for k in range(n)] for n in (1, 0, 3, 2)]
    sizes = [(64, 80), (48, 64), (128, 128), (96, 112)]
    options: dict[str, Any] = {
        "steps": 2, "think": think, "sampling": Sampling(max_new_tokens=24),
    }  # fmt: skip
    together = pipe.make(prompts, images, sizes, seeds=[1, 2, 3, 4], **options)
    for n, one in enumerate(together):
        (alone,) = pipe.make([prompts[n]], [images[n]], [sizes[n]], seeds=[n + 1], **options)
        assert levels(one, alone) in (0, 1)
        assert one.reasoning == alone.reasoning
        assert (one.reasoning is not None) == think


def test_think_with_reasoning_of_unequal_lengths(pipe: InternVLUPipeline) -> None:
    options: dict[str, Any] = {**SMALL, "think": True, "sampling": Sampling(max_new_tokens=60)}
    together = pipe.generate(PROMPTS, seeds=SEEDS, **options)
    thoughts = [p.reasoning for p in together]
    assert all(thoughts)
    assert len({len(t.ids) for t in thoughts if t}) > 1
    for n, one in enumerate(together):
        (alone,) = pipe.generate([PROMPTS[n]], seeds=[SEEDS[n]], **options)
        assert levels(one, alone) in (0, 1)
        assert one.reasoning == alone.reasoning


QUESTIONS: tuple[tuple[str, list[Any]], ...] = (
    ("a", []),
    ("what is the colour of the second of them, and is it larger than the first?",
     [noise(90, 30), noise(20, 20, 1)]),
    ("count", [noise(64, 64, 2)]),
    ("another question of some length, without any image at all", []),
    ("what is the colour of the second of them, and is it larger than the last?",
     [noise(90, 30), noise(20, 20, 1)]),
)  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        Sampling(max_new_tokens=30),
        Sampling(max_new_tokens=8, num_beams=3),
        Sampling(max_new_tokens=20, do_sample=True, temperature=0.8, top_p=0.9),
        Sampling(max_new_tokens=12, min_new_tokens=12),
    ],
    ids=["greedy", "beams", "drawn", "least"],
)
def test_answers(pipe: InternVLUPipeline, how: Sampling) -> None:
    prompts, images = [q for q, _ in QUESTIONS], [i for _, i in QUESTIONS]
    seeds = [5, 6, 7, 8, 9]
    together = pipe.answer(prompts, images, sampling=how, seeds=seeds)
    alone = [
        pipe.answer([p], [i], sampling=how, seeds=[s])[0]
        for p, i, s in zip(prompts, images, seeds, strict=True)
    ]
    assert together == alone
    backwards = pipe.answer(prompts[::-1], images[::-1], sampling=how, seeds=seeds[::-1])
    assert backwards[::-1] == together
    assert len({a.ids for a in together}) > 1


def test_drawing_depends_on_the_seed_alone(pipe: InternVLUPipeline) -> None:
    how = Sampling(max_new_tokens=16, do_sample=True)
    one, two, again = pipe.answer(["a cat"] * 3, sampling=how, seeds=[1, 2, 1])
    assert one == again
    assert one.ids != two.ids
    assert pipe.answer(["a cat"], sampling=how, seeds=1) == [one]
    options: dict[str, Any] = {**SMALL, "think": True, "sampling": how}
    first, second, third = pipe.generate(["a cat"] * 3, seeds=[1, 2, 1], **options)
    assert first.reasoning == third.reasoning
    assert first.reasoning != second.reasoning
    assert levels(first, third) <= 1


def test_drawing_follows_temperature_and_mass(pipe: InternVLUPipeline) -> None:
    greedy = pipe.answer(["a cat"], sampling=Sampling(max_new_tokens=16))
    for how in (
        Sampling(max_new_tokens=16, do_sample=True, temperature=1e-4),
        Sampling(max_new_tokens=16, do_sample=True, top_p=1e-6),
    ):
        assert pipe.answer(["a cat"], sampling=how, seeds=3) == greedy
    hot = Sampling(max_new_tokens=16, do_sample=True, temperature=50.0)
    found = pipe.answer(["a cat"] * 4, sampling=hot)
    assert len({a.ids for a in found}) == 4


def test_no_samples(pipe: InternVLUPipeline) -> None:
    assert pipe.generate([]) == pipe.edit([], []) == pipe.make([], None, []) == []
    assert pipe.answer([]) == pipe.answer([], []) == []
