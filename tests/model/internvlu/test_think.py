"""Reasoning before an image: none, too much, and with tokens that are not words."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from evals.core.errors import UserError
from model.internvlu.conditioning import close, spans
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.sampler import Step
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import SMALL, levels, noise, same, scripted

FEW = Sampling(max_new_tokens=8)


def tokens(pipe: InternVLUPipeline, *names: str) -> list[int]:
    return pipe.parts.tokenizer.convert_tokens_to_ids(list(names))  # type: ignore[no-any-return]


def test_an_empty_reasoning_is_none_with_the_scales_of_reasoning(pipe: InternVLUPipeline) -> None:
    """The released code fails here."""
    from model.internvlu.guidance import REASONING

    with scripted(pipe, []):
        thought = pipe.generate(["a cat"], think=True, **SMALL)
        edited = pipe.edit(["make it blue"], [[noise(64, 80)]], think=True, **SMALL)
    for picture in (*thought, *edited):
        assert picture.reasoning is not None
        assert (picture.reasoning.ids, picture.reasoning.text) == ((), "")
        assert picture.reasoning.complete
    assert same(thought, pipe.generate(["a cat"], scales=REASONING, **SMALL))
    plain = pipe.edit(["make it blue"], [[noise(64, 80)]], scales=REASONING, **SMALL)
    assert same(edited, plain)


def test_the_reasoning_conditions_the_full_branch_alone(pipe: InternVLUPipeline) -> None:
    words = pipe.parts.tokenizer("a green house")["input_ids"]
    told: list[Step] = []
    with scripted(pipe, words):
        pipe.edit(
            ["b"], [[noise(64, 64)]], think=True, sampling=FEW, on_step=told.append, **SMALL
        )  # fmt: skip
    plain: list[Step] = []
    pipe.edit(["b"], [[noise(64, 64)]], on_step=plain.append, **SMALL)
    moved = [
        float((a - b).abs().max())
        for a, b in zip(told[0].branches[0], plain[0].branches[0], strict=True)
    ]
    assert moved[0] > 1e-3
    assert max(moved[1:]) < 1e-5

    asked = pipe.requests(["b"], [(noise(64, 64),)])
    with_words, without = (
        spans(pipe.parts.vlm, close(asked, [said], pipe.parts.vlm.tokens), (-1, -2))
        for said in (words, None)
    )
    assert len(with_words[0].states) == len(without[0].states) + len(words)
    assert torch.allclose(
        with_words[0].states[: len(without[0].states) - 1], without[0].states[:-1], atol=1e-5
    )


def test_a_reasoning_that_runs_into_the_limit_is_kept_whole(pipe: InternVLUPipeline) -> None:
    words = pipe.parts.tokenizer("one two three four five six seven eight nine")["input_ids"]
    with scripted(pipe, words):
        (cut,) = pipe.generate(["a"], think=True, sampling=FEW, **SMALL)
        (whole,) = pipe.generate(
            ["a"], think=True, sampling=Sampling(max_new_tokens=len(words) + 1), **SMALL
        )
    assert cut.reasoning is not None
    assert whole.reasoning is not None
    assert cut.reasoning.ids == tuple(words[:8])
    assert not cut.reasoning.complete
    assert whole.reasoning.ids == tuple(words)
    assert whole.reasoning.complete
    assert whole.reasoning.text == "one two three four five six seven eight nine"
    assert levels(cut, whole) > 1


def test_an_image_token_ends_the_reasoning(pipe: InternVLUPipeline) -> None:
    image = pipe.parts.vlm.tokens.start
    words = pipe.parts.tokenizer("a b")["input_ids"]
    with scripted(pipe, [*words, image, *words]):
        (one,) = pipe.generate(["a"], think=True, sampling=FEW, **SMALL)
        (answer,) = pipe.answer(["a"], sampling=FEW)
    with scripted(pipe, words):
        (other,) = pipe.generate(["a"], think=True, sampling=FEW, **SMALL)
    assert one.reasoning == other.reasoning
    assert answer.ids == tuple(words)
    assert answer.complete
    assert levels(one, other) <= 1


ODD = ("<IMG_CONTEXT>", "</img>", "<box>", "</ref>", "<|im_start|>", "<img_uncond>")


@pytest.mark.parametrize("name", ODD)
def test_special_tokens_in_the_reasoning(pipe: InternVLUPipeline, name: str) -> None:
    """They are the model's words: no place of an image, no beginning of a turn."""
    said = [*tokens(pipe, name) * 4, *pipe.parts.tokenizer("a b")["input_ids"]]
    with scripted(pipe, said):
        (made,) = pipe.generate(["a"], think=True, sampling=FEW, **SMALL)
        (edited,) = pipe.edit(["a"], [[noise(64, 90)]], think=True, sampling=FEW, **SMALL)
    for picture in (made, edited):
        assert picture.reasoning is not None
        assert picture.reasoning.ids == tuple(said)
        assert picture.reasoning.text.endswith("a b")
    asked = pipe.requests(["a"], [(noise(64, 90),)])
    flat = close(asked, [said], pipe.parts.vlm.tokens)
    plain = close(asked, [None], pipe.parts.vlm.tokens)
    found, without = (spans(pipe.parts.vlm, rows, (-1,)) for rows in (flat, plain))
    each = pipe.parts.config.vlm.tokens_per_image
    assert [int(s.is_image.sum()) for s in found] == [each, each, 0]
    assert len(found[0].states) == len(without[0].states) + len(said)


def test_an_odd_reasoning_leaves_its_neighbours_alone(pipe: InternVLUPipeline) -> None:
    """In the reference one row with a visual token of its own takes the batch down."""
    context = pipe.parts.vlm.tokens.context
    words = pipe.parts.tokenizer("a b")["input_ids"]
    prompts, images = ["a", "b"], [[noise(64, 64)], [noise(64, 64, 1)]]
    options: dict[str, Any] = {**SMALL, "think": True, "sampling": FEW}
    with scripted(pipe, [context, *words, context], words):
        together = pipe.edit(prompts, images, **options)
    kept = [p.reasoning for p in together]
    assert {r.ids for r in kept if r} == {(context, *words, context), tuple(words)}
    for n, one in enumerate(together):
        assert one.reasoning is not None
        with scripted(pipe, one.reasoning.ids):
            (alone,) = pipe.edit([prompts[n]], [images[n]], seeds=[n], **options)
        assert levels(one, alone) in (0, 1)


def test_reasoning_that_could_not_be_read_is_refused_at_once(pipe: InternVLUPipeline) -> None:
    """With the longest reasoning allowed and the image token behind it, the context is full."""
    (asked,) = pipe.requests(["a"], [()])
    context = pipe.limits.context
    assert context is not None
    room = context - len(asked[0].ids)

    def written(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is to be written")

    before = type(pipe.parts.vlm).write
    try:
        type(pipe.parts.vlm).write = written  # type: ignore[method-assign]
        for most in (room, room + 1, 10**6):
            with pytest.raises(UserError, match="is over the model's 4096"):
                pipe.generate(["a"], think=True, sampling=Sampling(max_new_tokens=most), **SMALL)
        with pytest.raises(AssertionError, match="nothing is to be written"):
            pipe.generate(["a"], think=True, sampling=Sampling(max_new_tokens=room - 1), **SMALL)
    finally:
        type(pipe.parts.vlm).write = before  # type: ignore[method-assign]
