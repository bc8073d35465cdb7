"""LogicVista: puzzles in pictures, with one option or several to be chosen.

A judge names the options that a reply chooses; they are compared by rules. Data, rules
and judge: `benchmarks.understanding.judged.logicvista`.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.understanding.judged.logicvista.data import SEVERAL, TABLE
from benchmarks.understanding.judged.logicvista.scoring import SKILLS
from benchmarks.understanding.replies import KIT_POLICY, OWN_WRAPPER, UNNAMED_JUDGE, percent
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group, PublishedRow

VARIANTS = (
    percent("strict", "accuracy", "Share of all planned questions answered right, in percent.",
            "judge.accuracy", profile="strict"),
    percent("official", "accuracy, VLMEvalKit", "Overall as VLMEvalKit prints it.",
            "judge.official"),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The judge, and rules that need none."""
    # A judge's machinery is not needed to list a benchmark or to plan a run of it.
    from benchmarks.understanding.judged.logicvista import judge

    return judge.metrics(settings)


def published() -> tuple[PublishedRow, ...]:
    """Rows of the InternVL-U report."""
    return printed_rows(
        Printed(
            table="LogicVista", suite="full", columns={"score": ("", "=official", 1.0)},
            judge=UNNAMED_JUDGE,
            differences=(
                "judge[judge, =official]: gpt-4o-mini is VLMEvalKit's default; which judge was "
                "asked is not printed",
                OWN_WRAPPER,
            ),
        )
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="LogicVista",
    task="understand",
    version="1",
    licence="data: none stated in our sources; code of the rules: VLMEvalKit Apache-2.0",
    citation="arXiv:2407.04973; open-compass/VLMEvalKit@e8e78f05",
    suites=TABLE.suites(),
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="accuracy v1", variant="strict"),
    variants=VARIANTS,
    groups=tuple(Group(path=(s,), title=s) for s in (*SKILLS, SEVERAL)),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "a language model as judge (VLMEvalKit's default is gpt-4o-mini); it sees texts only",
        "no judge for the metric 'rules', a lower bound; VLMEvalKit gives no number without one",
        "optional: a prompt file, JSON with the key 'choose', holding {question} and {reply}",
    ),
    cost="448 judge calls of text per model",
    defects=(
        "LOGICVISTA-1: VLMEvalKit takes capitals without a blank only; 'B, D' is counted as wrong "
        "after five tries.",
        "LOGICVISTA-2: VLMEvalKit never finds an answer in digits right, nor a repeated letter.",
        "LOGICVISTA-3: VLMEvalKit prints NaN for a skill without samples.",
    ),
    doc="448 puzzles about pictures: inductive, deductive, numerical, spatial and mechanical "
    "reasoning; some have more than one right option. The prompt is the question of the record. A "
    "judge names the options that the reply chooses.",
)
