"""Edits of one to three images against the naive decoder: the released code does only one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from model.internvlu.conditioning import close, spans
from model.internvlu.decoder import Span
from model.internvlu.guidance import PLAIN, REASONING
from model.internvlu.images import condition_pixels, to_image
from model.internvlu.latents import decode, encode
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.sampler import Step, draw_noise
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import levels, noise, recordings
from tests.performance import naive_sampling
from tests.performance.naive_decoder import NaiveDecoder

IMAGES = (noise(100, 70), noise(60, 90, 1), noise(140, 96, 2))


def worst(one: Any, other: Any) -> float:
    pairs = list(zip(one, other, strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("think", [False, True])
def test_an_edit_is_the_one_computed_the_long_way(
    pipe: InternVLUPipeline, count: int, think: bool
) -> None:
    images, size, steps = IMAGES[:count], (128, 160), 3
    told: list[Step] = []
    (made,) = pipe.edit(
        ["put them together"], [list(images)], height=size[0], width=size[1], steps=steps,
        seeds=[9], think=think, sampling=Sampling(max_new_tokens=12), on_step=told.append,
    )  # fmt: skip

    said = [made.reasoning.ids] if made.reasoning else [None]
    flat = close(pipe.requests(["put them together"], [images]), said, pipe.parts.vlm.tokens)
    found = spans(pipe.parts.vlm, flat, pipe.parts.config.decoder.vlm_select_layer)
    seen = encode(
        pipe.parts.vae, [condition_pixels(i, pipe.parts.config.processor) for i in images]
    )
    assert len({x.shape for x in seen}) == count
    naive = NaiveDecoder(pipe.parts.config.decoder.raw, pipe.parts.decoder.state_dict())
    (start,) = draw_noise([(16, size[0] // 8, size[1] // 8)], [9])
    conditions: list[list[Tensor]] = [seen, seen, []]
    rest: tuple[Any, ...] = (
        conditions, [s.states for s in found], [s.is_image for s in found],
        [_grids(s) for s in found],
    )  # fmt: skip
    time = torch.full((3,), float(told[0].timestep))
    branches = naive.velocity([start] * 3, *rest, time)
    assert worst(told[0].branches[0], branches) < 2e-5
    scales = REASONING if think else PLAIN
    latents = naive_sampling.sample(
        naive, [start], *rest, steps=steps, all_scale=scales.guidance_scale,
        part_scale=scales.image_guidance_scale,
    )  # fmt: skip
    assert worst(told[-1].latents, latents) < 2e-4
    image = to_image(decode(pipe.parts.vae, latents)[0], size)
    assert levels(made, type(made)(image=image, seed=9, generated=size)) <= 1


def _grids(span: Span) -> list[tuple[int, int, int]]:
    return [(1, *grid) for grid in span.images]


def test_positions_of_two_images_are_the_recorded_ones() -> None:
    """The one thing about several images that was recorded."""
    import json

    from safetensors.torch import load_file

    from model.internvlu.rope import positions

    expected = recordings() / "expected"
    layout = json.loads((expected / "msrope.json").read_text("utf-8"))["two_vlm_images"]
    mask = [kind == "i" for kind, count in layout["text"] for _ in range(count)]
    both = positions(
        [tuple(g[1:]) for g in layout["latent_grids"]], torch.tensor(mask),
        [tuple(g[1:]) for g in layout["vlm_grids"]], latent_factor=layout["video_scale"],
        image_factor=layout["vlm_scale"],
    )  # fmt: skip
    wanted = load_file(expected / "msrope.safetensors")["two_vlm_images.position_ids"]
    assert torch.equal(torch.cat(both), wanted)


def test_each_image_counts_and_their_order(pipe: InternVLUPipeline) -> None:
    def made(*images: Any) -> Any:
        return pipe.edit(["mix"], [list(images)], height=128, width=128, steps=2)[0]

    a, b, c = IMAGES
    plain = made(a, b)
    assert levels(made(a, b), plain) <= 1
    for other in (made(b, a), made(a), made(a, c), made(a, b, c)):
        assert levels(other, plain) > 1


def test_places_of_the_images_are_where_the_prompt_has_them(pipe: InternVLUPipeline) -> None:
    tokens = pipe.parts.vlm.tokens
    (asked,) = pipe.requests(["put <image> into <image>"], [IMAGES[:2]])
    full = list(asked[0].ids)
    first, second = (n for n, i in enumerate(full) if i == tokens.start)
    between = pipe.parts.tokenizer.decode(full[first:second], skip_special_tokens=True)
    assert between.strip() == "into"
    each = pipe.parts.config.vlm.tokens_per_image
    for begin in (first, second):
        assert full[begin + 1 : begin + 1 + each] == [tokens.context] * each
    # Without the text, the images come first.
    partial = pipe.parts.tokenizer.decode(asked[1].ids, skip_special_tokens=True)
    assert "Generate an image based on reference images." in partial
