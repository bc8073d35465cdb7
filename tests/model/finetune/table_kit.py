"""Small tables of training rows, and parts of a mixture over them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.finetune.config import Data, Entry, Resolution
from model.finetune.refuse import Guard
from model.finetune.sources import Source, open_source

IMAGE_NAMES = ("source_image", "edited_image")


def picture(height: int = 80, width: int = 96, grey: int = 100) -> bytes:
    """A PNG file of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (grey, grey, grey)).save(stream, "PNG")
    return stream.getvalue()


def noise(side: int, seed: int, format: str = "BMP") -> bytes:
    """An image file that no compression makes smaller."""
    values = np.random.Generator(np.random.Philox(seed)).integers(0, 256, (side, side, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format)
    return stream.getvalue()


def edit_row(number: int, **changes: Any) -> dict[str, Any]:
    """A row that may be learnt."""
    grey = number % 256
    row = {
        "id": f"row{number}", "edit_instruction": f"Make it number {number}.",
        "source_image": picture(grey=grey), "edited_image": picture(grey=255 - grey),
    }  # fmt: skip
    return {k: v for k, v in {**row, **changes}.items() if v is not ...}


def parquet(path: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    pq.write_table(pa.table(columns), path, **options)
    return path


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Rows with images as files beside the table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for n, row in enumerate(rows):
        line = dict(row)
        for name in IMAGE_NAMES:
            if isinstance(line.get(name), bytes):
                (path.parent / "images").mkdir(exist_ok=True)
                (path.parent / "images" / f"{n}-{name}.png").write_bytes(line[name])
                line[name] = f"images/{n}-{name}.png"
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def opened(
    path: Path, task: str = "edit", *, cache: Path | None = None, guard: Guard | None = None,
    min_side: int = 64, resolution: Resolution | None = None, **entry: Any,
) -> Source:  # fmt: skip
    folder = path.parent if path.suffix else path
    return open_source(
        Entry(path=str(path), task=task, **entry), Data(min_side=min_side), guard or Guard(),
        cache or folder.parent / f"{folder.name}-cache", resolution or Resolution(),
    )  # fmt: skip


@dataclass(kw_only=True)
class Drawn:
    """A source as the plan sees it, with no file."""

    name: str
    task: str = "edit"
    weight: float = 1.0
    sizes: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    kept: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def drawn(name: str, rows: int, **others: Any) -> Drawn:
    """A source of squares, wide and high images in turn."""
    shapes = np.array([(600, 600), (500, 800), (800, 500), (1100, 1100)], np.int32)
    sizes = shapes[np.arange(rows) % len(shapes)]
    return Drawn(name=name, sizes=sizes, kept=np.arange(rows), **others)


def written(kind: str, folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "rows") -> Path:
    """Rows as a file of either kind."""
    return (parquet if kind == "parquet" else jsonl)(folder / f"{name}.{kind}", rows)


kinds = pytest.mark.parametrize("kind", ["parquet", "jsonl"])

ROWS = [edit_row(n) for n in range(6)]
SIZED = {
    "source_image_height": 80, "source_image_width": 96, "edited_image_height": 700,
    "edited_image_width": 900,
}  # fmt: skip
"""Sizes that a table says, whatever its images are."""
