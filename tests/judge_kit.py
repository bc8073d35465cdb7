"""What tests of the judge client share: items over drawn pictures, and a metric that asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.textedit import BENCHMARK
from evals.core.budget import Budget
from evals.core.images import sha256_file
from evals.core.protocols import DataSource, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.types import ImageRef, Item, Prediction, Score
from judges.metric import RubricMetric
from tests.performance.folders import Folder


def items_of(folder: Folder, limit: int | None = None) -> list[Item]:
    """The samples of a drawn folder with the outputs of its model."""
    items = []
    for sample in BENCHMARK.suites["full"].load(DataSource(root=folder.root))[:limit]:
        path = folder.outputs / str(sample.output_path)
        ref = ImageRef(sha256=sha256_file(path), suffix=path.suffix, width=160, height=96)
        prediction = Prediction(sample=sample.id, trial=0, seed=0, status="ok", images=(ref,))
        items.append(Item(sample=sample, prediction=prediction, images=(path,)))
    return items


def metric_for(
    url: str, cache: Path, *, judges: tuple[JudgeSpec, ...] = (), limit: float | None = None,
    settings: dict[str, Any] | None = None, **options: Any,
) -> RubricMetric:  # fmt: skip
    """The metric `judge` of TextEdit, asking a server."""
    quick: dict[str, Any] = {"base_url": url, "concurrency": 4, "timeout": 20, **options}
    spec = JudgeSpec(name="j", backend="openai", argument="test-model", options=quick)
    chosen = JudgeSettings(judges=judges or (spec,), budget=Budget(limit), **(settings or {}))
    made = BENCHMARK.metrics(ScoringSettings(cache=cache, judging=chosen))
    metric = next(m for m in made if m.name == "judge")
    assert isinstance(metric, RubricMetric)
    return metric


def stream(metric: RubricMetric, items: list[Item], *, retry: bool = False) -> dict[str, Score]:
    """All scores by sample; none twice."""
    scores = [s for part in metric.stream(items, retry=retry) for s in part]
    found = {s.sample: s for s in scores}
    assert len(found) == len(scores)
    return found
