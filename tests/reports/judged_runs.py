"""Judged runs for the report's tests: the verdicts are made up, what becomes of them is not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.textedit import judge_metric
from evals.core.protocols import JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.store import StoredRun, plain
from evals.core.types import Item, Prediction, Sample, Score
from evals.core.verdicts import Attempt, Verdict
from judges.metric import RubricMetric
from judges.panel import combine
from metrics.ocr import OcrReader

NAMES = ("TA", "TP", "SI", "LR", "VC")
KEYS = dict(zip(NAMES, ("Q1", "Q2", "Q3", "Q4", "Q5"), strict=True))

Say = Callable[[Any, int], Sequence[Verdict]]
"""Model and place of the sample -> the verdicts of all judges and repeats."""


def metric(*, rules: bool = False) -> RubricMetric:
    """The real metric of TextEdit; the measured one differs only in name and quantities."""
    reader = OcrReader("rapidocr", {}, Path("unused"))
    spec = JudgeSpec(name="j", backend="openai", argument="m", options={"base_url": "http://x"})
    settings = ScoringSettings(judging=JudgeSettings(judges=(spec,)))
    made = judge_metric.metrics(settings, reader)[0]
    assert isinstance(made, RubricMetric)
    if not rules:
        return made
    return dataclasses.replace(
        made, name="judge_heuristic", quantities=judge_metric.STRICT, mark=judge_metric.mark_strict
    )


def verdict(
    scores: Mapping[str, int] | None, *, judge: str = "gpt-4.1", served: str = "gpt-4.1-2026",
    repeat: int = 0, why: str = "seen", raw: str | None = None, status: Any = "unparsed",
    reason: str = "no JSON object", cost: float | None = 0.01, number: int = 1,
) -> Verdict:  # fmt: skip
    """One verdict; without scores it failed, with the given status and reason."""
    said = {k: f"{why} {k}" for k in scores or {}}
    if raw is None:
        by_key = {KEYS[k]: v for k, v in (scores or {}).items()}
        raw = json.dumps({"reason": {KEYS[k]: v for k, v in said.items()}, "score": by_key})
    attempt = Attempt(
        request=f"q{repeat}", judge=f"key-{judge}", name=judge, asked=judge, served=served,
        rubric=judge_metric.rubric().hash, repeat=repeat, number=number, status="answered",
        raw=raw, cost=cost, time="2026-03-20T10:00:00+00:00",
    )  # fmt: skip
    if scores is None:
        return Verdict(judge=judge, status=status, reason=reason, attempts=(attempt,))
    return Verdict(judge=judge, status="ok", scores=scores, reasons=said, attempts=(attempt,))


def score_of(
    asked: RubricMetric, sample: Sample, prediction: Prediction, verdicts: Sequence[Verdict]
) -> Score:
    """What the metric makes of verdicts, with a request of its own for every sample."""
    own = [
        dataclasses.replace(
            v,
            attempts=tuple(
                dataclasses.replace(a, request=f"{sample.id} {prediction.hash} {a.request}")
                for a in v.attempts
            ),
        )
        for v in verdicts
    ]
    names = " + ".join(dict.fromkeys(v.judge for v in own))
    whole = own[0] if len(own) == 1 else combine(names, own, "median")
    score = asked.to_score(Item(sample=sample, prediction=prediction), whole)
    return dataclasses.replace(score, fingerprint=f"fp-{asked.name}", prediction=prediction.hash)


def changes(
    builder: ModuleType, *, mllm: bool = True, rules: bool = False, repeats: int = 1,
    judges: Sequence[str] = ("gpt-4.1",), **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """What `run.json` says of a judged run."""
    metrics = [m for m in builder.METRICS if m["name"] != "judge"]
    made = [metric(), *([metric(rules=True)] if rules else [])]
    metrics += [plain({"name": m.name, "quantities": list(m.quantities)}) for m in made]
    absences = {k: v for k, v in builder.ABSENCES.items() if k != "judge" or not mllm}
    headline = json.loads(json.dumps(builder.HEADLINE))
    headline["tracks"][2]["substitute"] = ["judge_heuristic.Avg"]
    settings = {
        "ocr": {"engine": "rapidocr"},
        "judge": {
            "model": "gpt-4.1",
            "judges": [{"name": n, "key": f"key-{n}"} for n in judges],
            "repeats": repeats,
        },
        "judging": {"judge_repeats": repeats, "judge_aggregate": "median", **more},
    }
    return {
        "metrics": metrics, "absences": absences, "headline": headline, "settings": settings,
        "fingerprints": {m["name"]: f"fp-{m['name']}" for m in metrics},
    }  # fmt: skip


def make(
    builder: ModuleType, folder: Path, say: Say | None, *, rules: Say | None = None,
    models: Sequence[int] = (0, 1, 2), samples: list[Sample] | None = None, **more: Any,
) -> list[StoredRun]:  # fmt: skip
    """Judged runs of some of the builder's models on 18 samples.

    Args:
        builder: tests/reports/builder.py.
        folder: where they go.
        say: what MLLM judges say; None for no such judge.
        rules: what rules say; None for no rules.
        models: places in the builder's models.
        samples: in place of the builder's.
        more: settings of judging, and ``repeats``.
    """
    chosen = samples or builder.make_samples(folder / "data", 1)
    order = {s.id: at for at, s in enumerate(chosen)}
    asked, measured = metric(), metric(rules=True)

    def judging(model: Any, sample: Sample, prediction: Prediction) -> list[Score]:
        found = [(asked, say), (measured, rules)]
        return [score_of(m, sample, prediction, s(model, order[sample.id])) for m, s in found if s]

    written = changes(builder, mllm=say is not None, rules=rules is not None, **more)
    return [
        builder.make_run(
            folder / "runs" / str(at), dataclasses.replace(builder.MODELS[at], statuses={}),
            chosen, judging=judging, **written,
        )
        for at in models
    ]  # fmt: skip
