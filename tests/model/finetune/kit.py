"""A very small checkpoint, a few rows and runs of seconds, for the tests of training."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from model.finetune.config import Config
from model.finetune.reading import build
from model.finetune.trainer import Outcome, finetune
from model.internvlu.tiny import write_tiny

SMALL: Mapping[str, Any] = {
    "vit_layers": 1, "vit_width": 16, "vit_heads": 2, "vit_mlp": 16, "vit_image": 28,
    "llm_layers": 2, "llm_width": 24, "llm_heads": 2, "llm_kv_heads": 1, "llm_head": 12,
    "llm_mlp": 24, "decoder_layers": 2, "decoder_heads": 2, "vae_base": 4, "image_height": 64,
    "image_width": 64, "least": 1_024, "most": 16_384,
}  # fmt: skip
"""Sizes of a checkpoint of which an update takes some hundredths of a second."""


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def picture(seed: int, size: tuple[int, int] = (64, 64), word: str = "CAT") -> Image.Image:
    """A picture of width x height with a word on it; no two seeds give the same."""
    tone = hashlib.sha256(str(seed).encode()).digest()
    image = Image.new("RGB", size, (tone[0], tone[1], tone[2]))
    draw = ImageDraw.Draw(image)
    draw.rectangle((4, 4, size[0] // 2, size[1] // 2), fill=(tone[3], tone[4], tone[5]))
    draw.text((6, size[1] // 3), word, fill=(255 - tone[0], 255 - tone[1], 255 - tone[2]))
    return image


def row(number: int, size: tuple[int, int] = (64, 64), **changed: Any) -> dict[str, Any]:
    """A row that every task could learn from."""
    found = {
        "id": f"row-{number}",
        "edit_task": "text",
        "edit_instruction": f"Replace the text 'CAT' with 'DOG', please, number {number}.",
        "source_image": png(picture(number, size)),
        "edited_image": png(picture(number, size, "DOG")),
        "source_image_width": size[0],
        "source_image_height": size[1],
        "edited_image_width": size[0],
        "edited_image_height": size[1],
        "answer": f"It says CAT and the number is {number}.",
        "reasoning": f"The word CAT stands on the left of picture {number}.",
        "split": "train",
    }
    return {**found, **changed}


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(r) for r in rows]), path)
    return path


@cache
def small_checkpoint(folder: Path) -> Path:
    return write_tiny(folder / "small", **SMALL)


def make_config(
    checkpoint: Path, out: Path, mixture: Sequence[Mapping[str, Any]], **changed: Any
) -> Config:
    """A configuration of a run of seconds; a section that is given is laid over its values."""
    tree: dict[str, Any] = {
        "checkpoint": str(checkpoint), "out": str(out), "seed": 3, "steps": 4, "batch": 4,
        "micro_batch": 2, "trainable": ["generation_decoder.*"],
        "data": {"mixture": [dict(m) for m in mixture], "workers": 0, "min_side": 16},
        "resolution": {"min": 96, "max": 96, "step": 16, "multiple": 16},
        "optimizer": {"lr": 1e-3}, "log": {"every": 1, "trackers": []}, "save": {"every": 0},
    }  # fmt: skip
    for key, value in changed.items():
        tree[key] = {**tree[key], **value} if isinstance(tree.get(key), dict) else value
    config: Config = build(tree)
    return config


def train(config: Config, **how: Any) -> Outcome:
    """A run in this process, which says nothing."""
    return finetune(config, **{"say": lambda _: None, **how})


def launched(processes: int, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A module under a launcher: that of accelerate alone, torch's with gloo.

    On CPUs accelerate's starts one process, or several through MPI; what runs is the same.
    """
    one = ["accelerate.commands.launch", "--cpu", "--num_processes", "1", "--num_machines", "1",
           "--mixed_precision", "no", "--dynamo_backend", "no"]  # fmt: skip
    more = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.run(
        [sys.executable, "-m", *(one if processes == 1 else more), "-m", module, *words],
        cwd=Path(__file__).resolve().parents[3], capture_output=True, text=True, check=False,
        timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
                          "ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
