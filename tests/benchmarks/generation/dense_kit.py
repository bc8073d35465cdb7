"""What the tests of the dense-text benchmarks share: grids, a judge that looks, runs by command."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import catalog
from evals.core.protocols import DataSource
from evals.core.store import StoredRun
from evals.core.summary import summarise
from metrics.ocr import TextItem
from metrics.ocr_engines import write_recording
from tests.benchmarks.kit import command
from tests.judge_replies import Asked, Reply, completion

Colour = tuple[int, int, int]
RED, GREEN, BLUE, BLACK = (220, 20, 20), (20, 200, 20), (20, 20, 220), (0, 0, 0)
CELL = 32


def write_grid(path: Path, colours: Sequence[Colour]) -> None:
    """Four plain images in one file, row by row."""
    whole = Image.new("RGB", (2 * CELL, 2 * CELL))
    for at, colour in enumerate(colours):
        whole.paste(Image.new("RGB", (CELL, CELL), colour), (at % 2 * CELL, at // 2 * CELL))
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path, lossless=True) if path.suffix == ".webp" else whole.save(path)


def record(path: Path, lines: Mapping[Colour, Sequence[str]]) -> tuple[str, ...]:
    """Words for the command: the engine `recorded`, which reads these lines in plain images."""
    box = ((0, 0), (9, 0), (9, 9), (0, 9))
    readings = [
        (np.full((CELL, CELL, 3), colour, np.uint8), [TextItem(box, line, 0.9) for line in found])
        for colour, found in lines.items()
    ]
    write_recording(path, readings)
    return "--ocr", "recorded", "--ocr-option", f"file={path}"


def looking(reply: Callable[[str, Colour], str]) -> Callable[[Asked], Reply]:
    """A judge that gets the words it was asked in, and the colour of the picture it was shown."""

    def scenario(asked: Asked) -> Reply:
        words, colour = [], (-1, -1, -1)
        for message in asked.payload["messages"]:
            content: Any = message["content"]
            parts: list[Any] = [{"text": content}] if isinstance(content, str) else content
            for part in parts:
                words.append(part.get("text", ""))
                if "image_url" in part:
                    data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                    shown = Image.open(io.BytesIO(data)).convert("RGB")
                    pixel: Any = shown.getpixel((CELL // 2, CELL // 2))
                    colour = min((RED, GREEN, BLUE, BLACK), key=lambda c: _far(c, pixel))
        return completion(reply("\n".join(words), colour))

    return scenario


def _far(a: Colour, b: Colour) -> int:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def run(
    name: str, suite: str, outputs: Path, data: Path, out: Path, url: str, *more: str | Path
) -> StoredRun:
    """Replay a folder and judge it, by the command; returns what is stored."""
    words: list[str | Path] = [
        "run", "-m", f"m=replay:{outputs}", "-b", f"{name}/{suite}", "--data", f"{name}={data}",
        "--out", out, "--workers", "1", "--no-report", "--no-anchors", "--judge", "openai:j",
        "--judge-option", f"base_url={url}", *more,
    ]  # fmt: skip
    assert command(*words) in {0, 1}
    (place,) = out.glob("*/m")
    return StoredRun.read(place)


def numbers(run: StoredRun) -> dict[str, float | None]:
    """Variants by name."""
    cells = summarise(run).cells
    return {c[1:]: cell.mean for (c, g), cell in cells.items() if c.startswith("=") and not g}


def register(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make a benchmark known to the command, whether or not the catalog lists it yet."""
    place = f"benchmarks.generation.{name}:BENCHMARK"
    monkeypatch.setitem(catalog.BENCHMARKS, name, place)


def source(root: Path, tmp_path: Path, revision: str | None = None) -> DataSource:
    return DataSource(root=root, revision=revision, cache=tmp_path / "cache")
