"""Images of a Janus: a tiny random checkpoint, the library's own model and processor."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("torchvision")
pytest.importorskip("accelerate")

import torch

from evals.core.errors import UserError
from evals.core.types import Output
from model.adapters.transformers_vlm import TransformersVlm
from tests.tiny_janus import tiny_janus
from tests.vlm_kit import asks, edited, no_network, opened, pictures

__all__ = ["no_network"]
PROMPTS = [
    asks("a red dog on a green meadow", task="generate"),
    asks("cats", task="generate"),
    asks("a sign that says SALE", task="generate"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_janus(tmp_path_factory.mktemp("vlm") / "janus")


@pytest.fixture(scope="module")
def janus(folder: Path) -> TransformersVlm:
    return opened(folder)


def pixels(output: Output) -> np.ndarray:
    (image,) = output.images
    assert isinstance(image, bytes)
    return np.asarray(Image.open(io.BytesIO(image)))


def test_it_does_two_tasks(janus, folder) -> None:
    assert janus.tasks == {"understand", "generate"}
    options = janus.describe()["options"]
    assert (options["guidance_scale"], options["image_temperature"]) == (5.0, 1.0)
    assert janus.edit(PROMPTS, [0, 1, 2])[0].status == "unsupported"


def test_images_depend_on_prompt_and_seed(janus) -> None:
    first = janus.generate(PROMPTS, [0, 1, 2])
    for output in first:
        assert output.status == "ok"
        assert pixels(output).shape == (8, 8, 3)
        assert output.usage["output_tokens"] == 16
        assert output.usage["input_tokens"] > 20
    assert len({o.images for o in first}) == 3
    assert janus.generate(PROMPTS, [0, 1, 2]) == first
    other = janus.generate(PROMPTS, [3, 4, 5])
    assert all(a.images != b.images for a, b in zip(first, other, strict=True))
    same_seed = janus.generate(PROMPTS, [0, 0, 0])
    assert len({o.images for o in same_seed}) == 3


def test_an_image_does_not_depend_on_its_batch(janus, folder) -> None:
    alone = [janus.generate([s], [n])[0] for n, s in enumerate(PROMPTS)]
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    assert opened(folder, batch_size=3).generate(PROMPTS, range(3)) == alone
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("scale", [5.0, 2.0])
def test_guidance_and_pixels_are_those_of_the_library(folder, scale) -> None:
    from transformers import AutoProcessor, JanusForConditionalGeneration

    model = JanusForConditionalGeneration.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    it = opened(folder, image_temperature=0, guidance_scale=scale)
    for sample, found in zip(PROMPTS, it.generate(PROMPTS, range(3)), strict=True):
        turn = {"role": "user", "content": [{"type": "text", "text": sample.prompt}]}
        text = processor.apply_chat_template([turn], add_generation_prompt=True)
        inputs = processor(text=text, generation_mode="image", return_tensors="pt")
        tokens = model.generate(
            **inputs, generation_mode="image", do_sample=False, guidance_scale=scale
        )
        decoded = model.decode_image_tokens(tokens)[0].detach().numpy()
        assert decoded.min() < -0.1 < 0.1 < decoded.max()
        wanted = ((decoded + 1) / 2 * 255).clip(0, 255)
        assert np.abs(pixels(found) - wanted).max() <= 1
        assert found.usage["input_tokens"] == inputs["input_ids"].shape[1]


def test_without_guidance_the_empty_prompt_does_not_count(folder, monkeypatch) -> None:
    plain = opened(folder, image_temperature=0, guidance_scale=1)
    guided = opened(folder, image_temperature=0)
    wanted = plain.generate(PROMPTS[:1], [0])
    assert wanted != guided.generate(PROMPTS[:1], [0])
    real = plain.model.model.generation_head.forward

    def spoiled(hidden: Any) -> Any:
        scores = real(hidden).clone()
        scores[1:] = torch.randn(scores[1:].shape, generator=torch.Generator().manual_seed(0))
        return scores

    monkeypatch.setattr(plain.model.model.generation_head, "forward", spoiled)
    assert plain.generate(PROMPTS[:1], [0]) == wanted


def test_the_system_prompt_is_for_answers_alone(janus, folder) -> None:
    told = opened(folder, system="You are brief.")
    assert told.generate(PROMPTS[:1], [0]) == janus.generate(PROMPTS[:1], [0])
    ask = [asks("hi")]
    assert (
        told.answer(ask, [0])[0].usage["input_tokens"]
        > janus.answer(ask, [0])[0].usage["input_tokens"]
    )


def test_what_it_cannot_make(janus, folder, tmp_path) -> None:
    picture = pictures(tmp_path)[0]
    odd = [
        PROMPTS[0],
        asks("", task="generate"),
        asks("like this", picture, task="generate"),
        asks("as <image_placeholder>", task="generate"),
    ]
    found = janus.generate(odd, range(4))
    assert [o.status for o in found] == ["ok", "error", "unsupported", "unsupported"]
    kinds = [o.fault.kind for o in found[1:]]
    assert kinds == ["empty_prompt", "unsupported_input", "input_refused"]
    assert found[0] == janus.generate(odd[:1], [0])[0]


def test_no_room_for_the_tokens_of_an_image(folder, tmp_path) -> None:
    small = shutil.copytree(folder, tmp_path / "small")
    edited(small / "config.json", lambda c: c["text_config"].update(max_position_embeddings=60))
    found = opened(small, batch_size=2).generate(PROMPTS[:2], [0, 1])
    assert [o.status for o in found] == ["unsupported", "ok"]
    assert "room for 16 new tokens" in found[0].fault.message


def test_memory_that_runs_out(folder, monkeypatch) -> None:
    it = opened(folder, batch_size=3)
    wanted = it.generate(PROMPTS, range(3))
    real = it.model.decode_image_tokens

    def small(tokens: Any) -> Any:
        if len(tokens) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return real(tokens)

    monkeypatch.setattr(it.model, "decode_image_tokens", small)
    assert it.generate(PROMPTS, range(3)) == wanted


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"guidance_scale": 0.5}, "from 1"),
        ({"image_temperature": -1.0}, "from 0"),
        ({"guidance": 5.0}, "Did you mean 'guidance_scale'"),
    ],
)
def test_options_that_make_no_sense(folder, options, words) -> None:
    with pytest.raises(UserError, match=words):
        opened(folder, **options)
