"""What `run.json` holds: which run this is, and how to read it without our code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evals
from evals.config import ModelSpec, RunConfig
from evals.core.protocols import Benchmark, JudgeSettings, Metric, Model, ScoringSettings
from evals.core.provenance import provenance

if TYPE_CHECKING:
    from evals.plan import Board

ANCHOR = "anchor"


def make_manifest(config: RunConfig, board: Board, spec: ModelSpec, model: Model) -> dict[str, Any]:
    """What `run.json` holds: how the run is identified and how to read it without our code."""
    benchmark, suite = board.benchmark, board.suite
    describe = dict(model.describe())
    anchor = spec.adapter in benchmark.anchors
    return {
        "version": evals.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "identity": {
            "model": {"name": spec.name, "adapter": spec.adapter, "describe": describe},
            "benchmark": [benchmark.name, benchmark.version],
            "suite": [suite.name, suite.version],
            "samples": board.identity,
            "seed": config.seed,
        },
        "model": {
            "name": spec.name,
            "adapter": spec.adapter,
            "argument": spec.argument,
            "options": dict(spec.options),
            "describe": describe,
            "role": ANCHOR if anchor else "model",
        },
        "benchmark": {
            "name": benchmark.name, "title": benchmark.title, "version": benchmark.version,
            "licence": benchmark.licence, "citation": benchmark.citation, "task": benchmark.task,
            "area": benchmark.kind,
            "official": any(not s.synthetic for s in benchmark.suites.values()),
        },
        "suite": {
            "name": suite.name, "title": suite.title, "version": suite.version,
            "synthetic": suite.synthetic, "size": suite.size, "validation": suite.validation,
            "files": dict(suite.identity(board.source)) if suite.identity else {},
        },
        "trials": config.trials or benchmark.trials,
        "seed": config.seed,
        "seeds": list(benchmark.seeds),
        "limit": config.limit,
        **scoring_manifest(board, config.scoring),
        "policies": list(benchmark.policies),
        "groups": list(benchmark.groups),
        "headline": benchmark.headline,
        "variants": list(benchmark.variants),
        "anchors": list(benchmark.anchors),
        "published": [p for p in benchmark.published() if p.suite == suite.name],
        "differences": _differences(config, board),
        "provenance": provenance(),
        "finished": False,
    }  # fmt: skip


def _differences(config: RunConfig, board: Board) -> list[str]:
    """Reasons why this run's numbers are not the suite's."""
    found, n, size = [], len(board.samples), board.suite.size
    if config.limit is not None and n < size:
        found.append(f"limit: {n} of {size} samples, taken evenly from the groups")
    elif n != size:
        found.append(f"data: the folder holds {n} samples, the suite has {size}")
    if config.scoring.errata != "off":
        found.append(f"errata: records known to be faulty are handled by '{config.scoring.errata}'")
    return found


def scoring_manifest(board: Board, settings: ScoringSettings) -> dict[str, Any]:
    """The part of a manifest that a re-score replaces."""
    absences = {}
    for metric in board.metrics:
        absence = metric.absence()
        if absence is not None:
            absences[metric.name] = {"reason": absence.reason, "fix": absence.fix}
    if not _reads_pictures(board.benchmark, settings):
        # No engine takes part, so none is named, and none separates two runs.
        settings = replace(settings, ocr="", ocr_options={}, ocr_second="", ocr_second_options={})
    return {
        "metrics": [{"name": m.name, "quantities": list(m.quantities)} for m in board.metrics],
        "fingerprints": {m.name: m.fingerprint() for m in board.metrics},
        "absences": absences,
        "settings": {
            "ocr": _ocr_identity(settings.ocr, settings.ocr_options, settings.cache),
            "ocr_options": dict(settings.ocr_options),
            "ocr_second": _ocr_identity(
                settings.ocr_second, settings.ocr_second_options, settings.cache
            ),
            "ocr_second_options": dict(settings.ocr_second_options),
            "device": settings.device,
            "weights": dict(settings.weights),
            "errata": settings.errata,
            "data": str(board.source.root) if board.source.root else None,
            "revision": board.source.revision,
            "judge": _judge_identity(board.metrics),
            "judging": _judging(settings.judging),
        },
    }


def _judge_identity(metrics: Sequence[Metric]) -> dict[str, Any]:
    """Who judges by what; that of language models where there are both kinds. Empty without."""
    from judges.metric import JudgedMetric

    found = [m.identity() for m in metrics if isinstance(m, JudgedMetric) and m.specs]
    return found[0] if found else {}


def _judging(settings: JudgeSettings) -> dict[str, Any]:
    """What a re-score needs to judge in the same way."""
    return {
        "judges": [
            {"name": j.name, "backend": j.backend, "argument": j.argument,
             "options": dict(j.options)}
            for j in settings.judges
        ],
        "judge_repeats": settings.repeats,
        "judge_aggregate": settings.aggregate,
        "judge_prompt": str(settings.prompt) if settings.prompt else None,
        "judge_tape": str(settings.tape) if settings.tape else None,
        "prices": str(settings.prices) if settings.prices else None,
        "pool_judges": settings.pool,
    }  # fmt: skip


def _reads_pictures(benchmark: Benchmark, settings: ScoringSettings) -> bool:
    """Whether an OCR engine takes part in any metric of the benchmark."""
    from metrics.ocr import OcrReader

    found = (getattr(m, "reader", None) for m in benchmark.metrics(settings))
    return any(isinstance(r, OcrReader) for r in found)


def _ocr_identity(engine: str, options: Mapping[str, str], cache: Path) -> dict[str, Any]:
    """Engine, versions and model files; the bare name where it is absent here; empty for none."""
    from metrics.ocr import OcrReader

    if not engine:
        return {}
    reader = OcrReader(engine, options, cache)
    if reader.absence() is not None:
        return {"engine": engine}
    return {"engine": engine, **reader.identity()}
