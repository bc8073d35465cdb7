"""What the tests of GenEval, GenEval 2, GenAI-Bench and HPSv2 share."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks import catalog
from evals.core.protocols import Benchmark, DataSource
from evals.core.store import StoredRun
from evals.core.types import Sample
from tests.benchmarks.kit import command


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
