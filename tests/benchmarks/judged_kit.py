"""What tests of judged generation benchmarks share: pictures, scripted judges, and whole runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import benchmarks.catalog
from evals.core.protocols import Benchmark, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.store import StoredRun
from evals.core.types import Sample, Score
from tests.benchmarks.kit import command, item, picture


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
        items.append(item(sample, picture(folder / "answers" / f"{number}.png", number)))
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
    command(*words)  # 1 for a run that is not complete
    return StoredRun.read(folder / "runs" / suite.replace("/", "-") / outputs.name)
