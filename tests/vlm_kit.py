"""What tests of adapters that run vision-language models share: samples, images, no network."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

from evals.core.types import Output, Sample, Task
from model.adapters.transformers_vlm import TransformersVlm, make

SIZES = ((120, 90), (80, 200), (64, 64))


def pictures(folder: Path) -> list[Path]:
    """Three files of noise, of three sizes."""
    paths = []
    for n, (width, height) in enumerate(SIZES):
        pixels = np.random.default_rng(n).integers(0, 255, (height, width, 3)).astype(np.uint8)
        path = folder / f"picture-{n}.png"
        Image.fromarray(pixels).save(path)
        paths.append(path)
    return paths


def asks(prompt: str, *images: Path, task: Task = "understand") -> Sample:
    """A sample named by its prompt."""
    return Sample(
        id=prompt[:20] or "empty", benchmark="b", suite="s", task=task, prompt=prompt, images=images
    )


def opened(folder: Path | str, **options: Any) -> TransformersVlm:
    """The adapter, on the CPU, with short answers."""
    return make(str(folder), {"device": "cpu", "max_new_tokens": 10, **options})


def answers(it: TransformersVlm, samples: Sequence[Sample], seed: int = 0) -> list[Output]:
    """All of them together, with seeds that differ."""
    return it.answer(samples, range(seed, seed + len(samples)))


def one_by_one(it: TransformersVlm, samples: Sequence[Sample], seed: int = 0) -> list[Output]:
    """The same, one call each."""
    return [it.answer([s], [n])[0] for n, s in enumerate(samples, seed)]


def edited(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file in place."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing connects to anything."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
