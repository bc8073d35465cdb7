"""What tests of benchmarks share: pictures, items, files, and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evals.cli import main
from evals.core.images import sha256_file
from evals.core.protocols import Benchmark, ScoringSettings
from evals.core.types import ImageRef, Item, Prediction, Sample
from evals.core.variants import check_variants

SIZE = (32, 24)


def draw(
    path: Path, colour: str | tuple[int, ...] = "red", size: tuple[int, int] = SIZE
) -> Path:  # fmt: skip
    """A plain picture, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def picture(path: Path, seed: int = 0) -> Path:
    """A plain picture in a colour of its own."""
    colour = np.random.default_rng(seed).integers(0, 255, 3)
    return draw(path, tuple(int(c) for c in colour))


def noise(path: Path, seed: int) -> Path:
    """A picture of coloured squares, another one for every seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(pixels).resize((64, 64)).save(path)
    return path


def item(sample: Sample, path: Path, trial: int = 0) -> Item:
    """A sample with a picture as its output."""
    with Image.open(path) as image:
        width, height = image.size
    ref = ImageRef(sha256=sha256_file(path), suffix=path.suffix, width=width, height=height)
    prediction = Prediction(sample=sample.id, trial=trial, seed=0, status="ok", images=(ref,))
    return Item(sample=sample, prediction=prediction, images=(path,))


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    """A JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def command(*words: str | Path) -> int:
    """Exit status of the command."""
    try:
        main([str(w) for w in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def check_declared(benchmark: Benchmark) -> None:
    """Printed rows and variants name columns, groups and suites that there are."""
    made = benchmark.metrics(ScoringSettings())
    columns = {f"{m.name}.{q.name}" for m in made for q in m.quantities}
    columns |= {v.column for v in benchmark.variants}
    groups = {"/".join(g.path) for g in benchmark.groups} | {""}
    rows = benchmark.published()
    assert {"InternVL-U", "BAGEL"} <= {r.model for r in rows}
    for row in rows:
        assert row.suite in benchmark.suites
        assert set(row.values) <= groups
        assert {column for values in row.values.values() for column in values} <= columns
    check_variants(benchmark.variants, benchmark.headline, columns, benchmark.groups)
