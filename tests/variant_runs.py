"""Runs in memory with a few numbers each, for tests and benchmarks of variants."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.aggregation import OFFICIAL_POLICY, PAPER_POLICY, STRICT_POLICY, Headline, Variant
from evals.core.store import StoredRun, plain
from evals.core.types import Fault, Prediction, Quantity, Score

MISSING = Fault(kind="missing_file", message="No output.", origin="model")
TIMEOUT = Fault(kind="timeout", message="The endpoint did not answer.", origin="infrastructure")
ABSENT = {"reason": "no judge endpoint is configured", "fix": "umm-evals score RUN --judge URL"}

Groups = Sequence[tuple[str, ...]]


def memory_run(
    groups: Groups,
    columns: Mapping[str, Sequence[float | None]],
    *,
    variants: Sequence[Variant] = (),
    headline: Headline | None = None,
    model: str = "m",
    clusters: Sequence[str] | None = None,
    strata: Sequence[Mapping[str, str]] | None = None,
    keys: Sequence[Mapping[str, str]] | None = None,
    faults: Mapping[int, Fault] | None = None,
    unpredicted: Sequence[int] = (),
    unscored: Mapping[str, Sequence[int]] | None = None,
    absent: Sequence[str] = (),
    ranges: Mapping[str, tuple[float, float]] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> StoredRun:
    """A stored run as the reader would give it.

    Args:
        groups: path of each sample.
        columns: ``metric.quantity`` -> one value per sample; None is a part that does not apply.
        clusters: of each sample; None for one each.
        strata: of each sample.
        keys: of each sample.
        faults: sample -> fault of its prediction.
        unpredicted: samples without a prediction.
        unscored: metric -> samples without a score.
        absent: metrics that are unavailable here.
        ranges: of columns; 0 to 1 unless told.
        manifest: entries that replace those of run.json.
    """
    samples = [
        {
            "id": f"s{i}", "group": list(group), "prompt": "", "task": "generate",
            "cluster": clusters[i] if clusters else "",
            "strata": dict(strata[i]) if strata else {},
            "keys": dict(keys[i]) if keys else {},
        }
        for i, group in enumerate(groups)
    ]  # fmt: skip
    faults = faults or {}
    predictions = {
        (f"s{i}", 0): Prediction(
            sample=f"s{i}", trial=0, seed=0, fault=faults.get(i),
            status="ok" if i not in faults else "timeout" if faults[i] is TIMEOUT else "missing",
        )
        for i in range(len(groups))
        if i not in unpredicted
    }  # fmt: skip
    metrics: dict[str, list[str]] = {}
    for name in columns:
        metrics.setdefault(name.rpartition(".")[0], []).append(name)
    scores = {}
    for metric, names in metrics.items():
        for i in range(len(groups)):
            skip = i in faults or i in unpredicted or i in (unscored or {}).get(metric, ())
            if not skip and metric not in absent:
                scores[f"s{i}", 0, metric] = _score(f"s{i}", metric, names, columns, i)
    made = plain(
        _manifest(model, metrics, ranges or {}, variants, headline or Headline(name="none"))
    )
    made["suite"]["size"] = len(groups)
    made["absences"] = dict.fromkeys(absent, ABSENT)
    return StoredRun(
        folder=Path("/nowhere") / model,
        manifest={**made, **(manifest or {})},
        samples=tuple(samples),
        predictions=predictions,
        scores=scores,
    )


def _score(
    sample: str, metric: str, names: Sequence[str], columns: Mapping[str, Sequence[float | None]],
    at: int,
) -> Score:  # fmt: skip
    parts = {n.rpartition(".")[2]: columns[n][at] for n in names}
    value = columns[names[0]][at]
    return Score(
        sample=sample, trial=0, metric=metric, value=value, parts=parts,
        status="not_applicable" if value is None else "ok",
        notes={k: "does not apply" for k, v in parts.items() if v is None},
    )  # fmt: skip


def _manifest(
    model: str,
    metrics: Mapping[str, Sequence[str]],
    ranges: Mapping[str, tuple[float, float]],
    variants: Sequence[Variant],
    headline: Headline,
) -> dict[str, Any]:
    def quantity(name: str) -> Quantity:
        low, high = ranges.get(name, (0.0, 1.0))
        return Quantity(
            name=name.rpartition(".")[2], range=(low, high), direction="higher", worst=low,
            doc=f"What {name} measures.", profile="official",
        )  # fmt: skip

    return {
        "version": "0", "created": "2026-01-02T03:04:05Z",
        "model": {"name": model, "adapter": "fake", "role": "model"},
        "benchmark": {"name": "toy", "title": "Toy", "version": "1", "task": "generate",
                      "licence": "MIT", "citation": "arXiv:0"},
        "suite": {"name": "full", "title": "Toy full", "version": "1", "synthetic": False},
        "trials": 1,
        "fingerprints": dict.fromkeys(metrics, "f"),
        "metrics": [{"name": m, "quantities": [dataclasses.asdict(quantity(n)) for n in names]}
                    for m, names in metrics.items()],
        "policies": [OFFICIAL_POLICY, STRICT_POLICY, PAPER_POLICY],
        "groups": [], "variants": list(variants), "headline": headline, "anchors": [],
        "published": [], "differences": [], "settings": {}, "provenance": {}, "finished": True,
    }  # fmt: skip
