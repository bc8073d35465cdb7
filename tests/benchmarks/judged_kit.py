"""What tests of judged generation benchmarks share: pictures, scripted judges, and whole runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchmarks.catalog
from evals.cli import main
from evals.core.images import sha256_file
from evals.core.protocols import Benchmark, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.store import StoredRun
from evals.core.types import ImageRef, Item, Prediction, Sample, Score


def picture(path: Path, seed: int = 0) -> Path:
    """A small coloured picture, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = np.random.default_rng(seed).integers(0, 255, 3)
    Image.new("RGB", (32, 24), tuple(int(c) for c in colour)).save(path)
    return path


def settings(cache: Path, replies: Mapping[str, object], prompt: Path | None = None,
             judges: int = 1) -> ScoringSettings:  # fmt: skip
    """Scoring by a judge that says what it is told, by sample id or ``*``."""
    cache.mkdir(parents=True, exist_ok=True)
    script = cache / "replies.json"
    script.write_text(json.dumps(dict(replies)), encoding="utf-8")
    spec = [JudgeSpec(name=f"j{n}", backend="scripted", argument=str(script))
            for n in range(judges)]  # fmt: skip
    return ScoringSettings(cache=cache, judging=JudgeSettings(judges=tuple(spec), prompt=prompt))


def judge(
    benchmark: Benchmark, samples: Sequence[Sample], replies: Mapping[str, object], folder: Path
) -> dict[str, Score]:
    """Scores of the metric `judge` by sample, each for a picture of its own."""
    items = []
    for number, sample in enumerate(samples):
        path = picture(folder / "answers" / f"{number}.png", number)
        ref = ImageRef(sha256=sha256_file(path), suffix=".png", width=32, height=24)
        made = Prediction(sample=sample.id, trial=0, seed=0, status="ok", images=(ref,))
        items.append(Item(sample=sample, prediction=made, images=(path,)))
    metric = benchmark.metrics(settings(folder / "cache", replies))[0]
    return {s.sample: s for s in metric.score(items)}


def run_cli(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *,
    place: str,
    suite: str,
    data: Path,
    outputs: Path,
    replies: Mapping[str, object],
    more: Sequence[str] = (),
) -> StoredRun:
    """A whole run by the command line: existing images, a scripted judge.

    Args:
        place: ``module:OBJECT`` of the benchmark, as the catalog names it.
        suite: ``name/suite``.
        data: folder of its data.
        outputs: the model's folder.
        replies: sample id -> reply of the judge.
        more: further words.
    """
    name = suite.partition("/")[0]
    monkeypatch.setenv("UMM_EVALS_CACHE", str(folder / "cache"))
    monkeypatch.setitem(benchmarks.catalog.BENCHMARKS, name, place)
    script = folder / "replies.json"
    script.write_text(json.dumps(dict(replies)), encoding="utf-8")
    words = [
        "run", "-m", f"replay:{outputs}", "-b", suite, "--data", f"{name}={data}",
        "--out", str(folder / "runs"), "--workers", "1", "--no-anchors", "--no-report",
        "--metric", "judge", "--judge", f"scripted:{script}", *more,
    ]  # fmt: skip
    with contextlib.suppress(SystemExit):  # 1 for a run that is not complete
        main(words)
    return StoredRun.read(folder / "runs" / suite.replace("/", "-") / outputs.name)


def check_published(benchmark: Benchmark) -> None:
    """Printed rows are there, and name columns, groups and suites that exist."""
    rows = benchmark.published()
    assert {"InternVL-U", "BAGEL"} & {r.model for r in rows}
    made = benchmark.metrics(ScoringSettings())
    columns = {f"{m.name}.{q.name}" for m in made for q in m.quantities}
    columns |= {v.column for v in benchmark.variants}
    groups = {"/".join(g.path) for g in benchmark.groups} | {""}
    for row in rows:
        assert row.suite in benchmark.suites
        for group, values in row.values.items():
            assert group in groups, group
            assert set(values) <= columns
