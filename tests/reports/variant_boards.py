"""Runs of a benchmark whose headline is a variant in points, for the report's tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from evals.core.aggregation import Headline, Term, Variant
from evals.core.store import StoredRun
from tests.variant_runs import MISSING, memory_run

GROUPS = [("Perception", c) for c in ("count", "color") for _ in range(30)] + [
    ("Cognition", "sums") for _ in range(30)
]
POINTS = Term(column="answer.correct", under=("Perception",), levels=(2,), total=True, scale=100)
UNITS = Term(
    column="answer.correct", under=("Perception",), levels=(2,), total=True, scale=100, key="image"
)
VARIANTS = (
    Variant(
        name="points", title="Perception", doc="Sum over categories of both accuracies",
        terms=(POINTS, UNITS), combine="sum", range=(0, 2000), unit="points",
    ),
    Variant(
        name="macro", title="Mean of categories", doc="Mean over categories.", profile="strict",
        terms=(Term(column="answer.correct", levels=(2, 1), scale=100),), range=(0, 100), unit="%",
        label="Macro",
    ),
    Variant(name="micro", title="Mean of samples", doc="Plain share.",
            terms=(Term(column="answer.correct"),)),
    Variant(name="judged", title="With a judge", doc="Rules and judge.",
            terms=(Term(column="answer.correct"), Term(column="judge.score"))),
)  # fmt: skip
HEADLINE = Headline(name="Toy points", variant="points")


def printed_row(model: str, points: float, **more: Any) -> dict[str, Any]:
    """A published row with two of the variants."""
    values = {"": {"=points": points, "=macro": points / 4}, "Perception": {"=macro": 61.25}}
    return {"model": model, "suite": "full", "values": values, "source": "arXiv:0", "params": "",
            "corrected": False, "judge": "", "differences": ["seed: unknown"], "note": "",
            **more}  # fmt: skip


PUBLISHED = [printed_row(f"other {k}", 200.5 + k) for k in range(5)] + [printed_row("Good", 150.0)]


def make_runs(**more: Any) -> list[StoredRun]:
    """Three models without a judge; the last of them missed two samples."""
    n = len(GROUPS)
    rng = np.random.default_rng(0)
    hard = rng.uniform(size=n)
    made = []
    for name, skill in (("good", 0.9), ("bad", 0.4), ("faulty", 0.6)):
        right = (hard < skill).astype(float).tolist()
        made.append(
            memory_run(
                GROUPS, {"answer.correct": right, "judge.score": right}, variants=VARIANTS,
                headline=HEADLINE, model=name, absent=["judge"],
                keys=[{"image": str(i // 2)} for i in range(n)],
                clusters=[f"i{i // 2}" for i in range(n)],
                strata=[{"answer": "yes" if i % 2 else "no"} for i in range(n)],
                faults={3: MISSING, 4: MISSING} if name == "faulty" else {},
                manifest={"published": PUBLISHED, **more},
            )
        )  # fmt: skip
    return made
