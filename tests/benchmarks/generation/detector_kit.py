"""What the tests of GenEval, GenEval 2, GenAI-Bench and HPSv2 share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import catalog
from evals.cli import main
from evals.core.images import sha256_file
from evals.core.protocols import Benchmark, DataSource
from evals.core.store import StoredRun
from evals.core.types import ImageRef, Item, Prediction, Sample


def listed(monkeypatch: pytest.MonkeyPatch, name: str, benchmark: Benchmark, size: int) -> None:
    """The benchmark in the catalog, over made-up data of any size and hash."""
    monkeypatch.setitem(catalog.BENCHMARKS, name, f"benchmarks.generation.{name}:BENCHMARK")
    for suite in benchmark.suites.values():
        made = suite.load.__self__  # type: ignore[attr-defined]
        files = dataclasses.replace(made.files, known={})
        monkeypatch.setitem(made.__dict__, "files", files)
        monkeypatch.setitem(made.__dict__, "size", size)


def samples(benchmark: Benchmark, suite: str, root: Path, revision: str = "") -> list[Sample]:
    """The samples of a folder."""
    source = DataSource(root=root, revision=revision or None, cache=root.parent / "cache")
    return benchmark.suites[suite].load(source)


def item(sample: Sample, path: Path, trial: int = 0) -> Item:
    """A sample with an image as its output."""
    with Image.open(path) as image:
        width, height = image.size
    ref = ImageRef(sha256=sha256_file(path), suffix=path.suffix, width=width, height=height)
    prediction = Prediction(sample=sample.id, trial=trial, seed=0, status="ok", images=(ref,))
    return Item(sample=sample, prediction=prediction, images=(path,))


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    """A JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def command(*words: str | Path) -> int:
    """Exit status of the command."""
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in words])
    return int(stop.value.code or 0)


def replayed(name: str, data: Path, outputs: Path, out: Path, *more: str | Path) -> StoredRun:
    """The run of a folder of existing images."""
    benchmark = name.partition("/")[0]
    words = (
        "run", "-m", f"replay:{outputs}", "-b", name, "--data", f"{benchmark}={data}", "--out", out,
        "--no-anchors", *more,
    )  # fmt: skip
    assert command(*words) in (0, 1)
    found = [p.parent for p in out.rglob("run.json")]
    assert len(found) == 1, found
    return StoredRun.read(found[0])
