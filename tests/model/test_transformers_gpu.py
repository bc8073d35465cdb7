"""The same on an accelerator: batches, draws from CPU noise, and memory that really runs out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("torchvision")
pytest.importorskip("accelerate")

import torch

from evals.core.images import load_rgb
from tests.tiny_janus import tiny_janus
from tests.tiny_vlm import tiny_vlm
from tests.vlm_kit import answers, asks, no_network, one_by_one, opened, pictures

__all__ = ["no_network"]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator"),
]


@pytest.mark.parametrize("draws", [False, True])
def test_a_batch_answers_as_single_calls_do(tmp_path: Path, draws: bool) -> None:
    images = pictures(tmp_path)
    samples = [asks("hi"), asks("what is there to see?", images[0]), asks("all", *images)]
    it = opened(tiny_vlm(tmp_path / "vlm"), device="auto", dtype="float32", do_sample=draws)
    alone = one_by_one(it, samples)
    assert it.model.device.type == "cuda"
    assert answers(it, samples) == alone


@pytest.mark.parametrize("where", [{"device": "auto"}, {"device_map": "auto", "device": "auto"}])
def test_bfloat16_is_the_default(tmp_path: Path, where: dict[str, str]) -> None:
    it = opened(tiny_vlm(tmp_path / "vlm"), **where)
    assert answers(it, [asks("hi", *pictures(tmp_path))])[0].status == "ok"
    assert it.model.dtype == torch.bfloat16


def test_an_image_is_that_of_the_cpu(tmp_path: Path) -> None:
    folder = tiny_janus(tmp_path / "janus")
    prompts = [asks(p, task="generate") for p in ("a red dog", "cats on a roof", "SALE")]
    here = opened(folder, device="cpu").generate(prompts, range(3))
    there = opened(folder, device="auto", dtype="float32").generate(prompts, range(3))
    for one, other in zip(here, there, strict=True):
        shades = [np.asarray(load_rgb(o.images[0])).astype(int) for o in (one, other)]
        assert np.abs(shades[0] - shades[1]).max() <= 2


def test_memory_that_runs_out(tmp_path: Path) -> None:
    folder = tiny_vlm(tmp_path / "vlm")
    options = {"device": "auto", "dtype": "float32", "attn_implementation": "eager"}
    samples = [asks(f"{n} " + "word " * 600) for n in range(8)]
    it = opened(folder, **options, max_new_tokens=2)
    alone = one_by_one(it, samples)
    huge = asks("word " * 5000)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((1 << 30) / total)
    try:
        found = answers(it, [*samples, huge])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert found[:8] == alone
    assert (found[8].fault.kind, found[8].fault.origin) == ("out_of_memory", "infrastructure")
