"""Sweeps in memory: many suites of all areas by many models, for the overview's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.core.aggregation import Headline, Term, Variant
from evals.core.store import StoredRun
from evals.core.types import UNSUPPORTED_TASK, Direction, Fault, Task
from tests.variant_runs import MISSING, memory_run

TASKS: Mapping[str, Task] = {
    "understanding": "understand", "generation": "generate", "knowledge": "generate",
    "editing": "edit",
}  # fmt: skip
CANNOT = Fault(kind=UNSUPPORTED_TASK, message="It does not do this.", origin="model")


@dataclass(frozen=True, kw_only=True)
class FakeSuite:
    """A made-up suite whose headline is a mean, in its own unit."""

    title: str
    area: str
    name: str = "full"
    high: float = 1.0
    low: float = 0.0
    unit: str = ""
    direction: Direction = "higher"
    synthetic: bool = False
    size: int = 40
    printed: Mapping[str, float] | None = None

    @property
    def benchmark(self) -> str:
        """Its name."""
        return self.title.lower().replace(" ", "-")

    def variants(self) -> tuple[Variant, ...]:
        """The headline, and the official number that tables print."""
        span = self.high - self.low
        term = Term(column="answer.right", levels=(1,), scale=span, offset=self.low)
        other = Term(column="answer.right_official", levels=(1,), scale=span, offset=self.low)
        common: dict[str, Any] = {
            "range": (self.low, self.high), "unit": self.unit, "direction": self.direction
        }  # fmt: skip
        return (
            Variant(name="overall_strict", title="Overall, strict", doc="Mean of the groups.",
                    terms=(term,), profile="strict", **common),
            Variant(name="overall", title="Overall", doc="Mean of the groups, as released.",
                    terms=(other,), **common),
        )  # fmt: skip


SUITES = (
    FakeSuite(title="MME", area="understanding", high=2000.0, unit="points",
              printed={"BAGEL": 1687.0, "InternVL-U": 1607.5, "Janus": 1444.0}),
    FakeSuite(title="MMMU", area="understanding", name="val", high=100.0, unit="%",
              printed={"BAGEL": 55.3, "InternVL-U": 54.7}),
    FakeSuite(title="ChartQA", area="understanding", name="test", high=100.0, unit="%"),
    FakeSuite(title="GenEval", area="generation", printed={"BAGEL": 0.82, "InternVL-U": 0.85}),
    FakeSuite(title="DPG-Bench", area="generation", high=100.0, unit="%",
              printed={"InternVL-U": 85.18}),
    FakeSuite(title="LongText-Bench", area="generation", name="en"),
    FakeSuite(title="WISE", area="knowledge", printed={"BAGEL": 0.52}),
    FakeSuite(title="T2I-ReasonBench", area="knowledge", high=100.0, unit="%"),
    FakeSuite(title="ImgEdit", area="editing", low=1.0, high=5.0,
              printed={"BAGEL": 3.2, "InternVL-U": 3.67}),
    FakeSuite(title="GEdit-Bench", area="editing", name="en", high=10.0),
    FakeSuite(title="RISEBench", area="editing", high=100.0, unit="%"),
    FakeSuite(title="Drift", area="editing", direction="lower"),
)  # fmt: skip
SKILLS = {
    "internvl-u": 0.78, "bagel": 0.70, "janus-pro-7b": 0.55, "qwen-image": 0.83,
    "flux-kontext": 0.74, "omnigen2": 0.60, "show-o2": 0.42, "emu3": 0.38,
}  # fmt: skip


def published(suite: FakeSuite) -> list[dict[str, Any]]:
    """Printed rows of a suite, by the official variant."""
    return [
        {"model": model, "suite": suite.name, "values": {"": {"=overall": value}},
         "source": "arXiv:2603.00001 table 3", "params": "", "corrected": False,
         "judge": "gpt-4o", "differences": ["seed: not known", "errata[other.x]: elsewhere"],
         "note": ""}
        for model, value in (suite.printed or {}).items()
    ]  # fmt: skip


def run_of(
    suite: FakeSuite, model: str, skill: float, *, role: str = "model", supported: bool = True,
    faults: Mapping[int, Fault] | None = None, **more: Any,
) -> StoredRun:  # fmt: skip
    """One run: the harder a sample, the fewer models have it right; 1 where right.

    Args:
        suite: that it is of.
        model: its name.
        skill: share of samples that it has right, about.
        role: ``model`` or ``anchor``.
        supported: whether the model does the suite's task.
        faults: sample -> fault of its prediction.
        more: arguments of `memory_run`.
    """
    n = suite.size
    hard = np.random.default_rng(sum(map(ord, suite.title))).uniform(size=n)
    own = np.random.default_rng(sum(map(ord, suite.title + model))).uniform(-0.18, 0.18, size=n)
    share = 1.0 - skill if suite.direction == "lower" else skill
    right = [float(h + o < share) for h, o in zip(hard, own, strict=True)]
    if skill in {0.0, 1.0}:
        right = [share] * n
    head = Headline(name="overall v1", variant="overall_strict", floor="copy-source",
                    ceiling="ground-truth")  # fmt: skip
    run = memory_run(
        [(f"g{i % 3}",) for i in range(n)],
        {"answer.right": right, "answer.right_official": right},
        variants=suite.variants(), headline=head, model=model,
        faults=dict.fromkeys(range(n), CANNOT) if not supported else faults, **more,
    )  # fmt: skip
    run.manifest.update(
        model={"name": model, "adapter": "fake", "role": role},
        benchmark={"name": suite.benchmark, "title": suite.title, "version": "1",
                   "task": TASKS[suite.area], "area": suite.area, "licence": "MIT",
                   "citation": "arXiv:0", "official": not suite.synthetic},
        suite={"name": suite.name, "title": suite.title, "version": "1", "size": n,
               "synthetic": suite.synthetic},
        anchors=["copy-source", "ground-truth"], published=published(suite),
    )  # fmt: skip
    return run


def make_sweep(
    suites: Sequence[FakeSuite] = SUITES, skills: Mapping[str, float] = SKILLS
) -> list[StoredRun]:
    """Every model on every suite, with anchors where there is editing.

    Models whose place in `skills` is 2 of 4 do no editing; the last of all was not run on the last
    suite, and missed two samples of the first.
    """
    made = []
    names = list(skills)
    for suite in suites:
        for at, (model, skill) in enumerate(skills.items()):
            last = model == names[-1] and len(names) > 1
            if last and suite is suites[-1]:
                continue
            able = suite.area != "editing" or at % 4 != 2
            faults = {0: MISSING, 1: MISSING} if last and suite is suites[0] else None
            made.append(run_of(suite, model, skill, supported=able, faults=faults))
        if suite.area == "editing":
            made.append(run_of(suite, "ground-truth", 1.0, role="anchor"))
            made.append(run_of(suite, "copy-source", 0.0, role="anchor"))
    return made
