"""The model on an accelerator: the same images as on the CPU, with each option that concerns it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.internvlu.pipeline import InternVLUPipeline, Picture
from model.internvlu.tiny import write_tiny

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny") / "checkpoint")


def pictures(folder: Path, **options: object) -> list[Picture]:
    pipe = InternVLUPipeline.from_pretrained(folder, **options)  # type: ignore[arg-type]
    # Not Image.effect_noise: it draws anew at every call, and the devices would see two pictures.
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 255, (80, 100, 3), dtype=np.uint8)
    source = Image.fromarray(draw.integers(0, 255, (120, 90, 3), dtype=np.uint8))
    images = [[Image.fromarray(noise)], [source.resize((160, 150)), Image.fromarray(noise)]]
    prompts = ["make it blue", "put the first one into the second"]
    return [
        *pipe.generate(["a red panda", "a sign that says OPEN"], steps=4, think=True),
        *pipe.edit(prompts, [[i.convert("RGB") for i in some] for some in images], steps=4),
    ]


def worst(a: list[Picture], b: list[Picture]) -> int:
    pairs = zip(a, b, strict=True)
    return max(
        int(np.abs(np.asarray(x.image).astype(int) - np.asarray(y.image)).max()) for x, y in pairs
    )


@pytest.fixture(scope="module")
def on_cpu(folder: Path) -> list[Picture]:
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return pictures(folder, device="cpu", dtype="float32")


@pytest.mark.parametrize("options", [{}, {"offload": True}, {"device_map": {"vae": "cpu"}}])
def test_float32_on_the_device_equals_the_cpu(
    folder: Path, on_cpu: list[Picture], options: dict[str, object]
) -> None:
    made = pictures(folder, device="cuda", dtype="float32", **options)
    assert [p.reasoning.ids for p in made if p.reasoning] == [
        p.reasoning.ids for p in on_cpu if p.reasoning
    ]
    assert worst(made, on_cpu) <= 1


def test_offload_leaves_nothing_on_the_device(folder: Path) -> None:
    pipe = InternVLUPipeline.from_pretrained(folder, device="cuda", offload=True)
    pipe.generate(["a red panda"], steps=2)
    parts = pipe.parts
    for module in (parts.vlm, parts.decoder, parts.vae):
        assert {p.device.type for p in module.parameters()} == {"cpu"}


def test_compiled_equals_eager(folder: Path, on_cpu: list[Picture]) -> None:
    made = pictures(folder, device="cuda", dtype="float32", compile=True)
    assert worst(made, on_cpu) <= 1
