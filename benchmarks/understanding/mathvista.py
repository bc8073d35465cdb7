"""MathVista: mathematical questions about figures, photographs and charts; the testmini split.

A reply that plain rules can read is checked as it stands; out of any other a judge extracts the
answer first. Data, rules and judge: `benchmarks.understanding.judged.mathvista`.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.understanding.judged.mathvista.data import TABLE, TASKS
from benchmarks.understanding.replies import KIT_POLICY, OWN_WRAPPER, UNNAMED_JUDGE, percent
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group, PublishedRow

VARIANTS = (
    percent("strict", "accuracy", "Share of all planned questions answered right, in percent.",
            "judge.accuracy", profile="strict"),
    percent("official", "accuracy, VLMEvalKit", "As VLMEvalKit prints it; used by the OpenCompass "
            "tables.", "judge.official"),
    percent("nearest", "accuracy, lmms-eval", "As lmms-eval prints it, after the script of "
            "MathVista's authors: the option nearest to what was extracted counts.",
            "judge.nearest"),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The judge, and rules that need none."""
    # A judge's machinery is not needed to list a benchmark or to plan a run of it.
    from benchmarks.understanding.judged.mathvista import judge

    return judge.metrics(settings)


def published() -> tuple[PublishedRow, ...]:
    """Rows of BAGEL's README and of OpenCompass's tables."""
    return printed_rows(
        Printed(
            table="MathVista", suite="mini", columns={"score": ("", "=nearest", 1.0)},
            judge="gpt-4o-2024-11-20",
            differences=(
                "judge[judge, =nearest]: gpt-4o-2024-11-20 extracts the answers, in other words "
                "than ours",
                "protocol: BAGEL's own script; that it compares like lmms-eval is inferred from "
                "the judge they share",
                OWN_WRAPPER,
            ),
        ),
        Printed(
            table="OpenCompass academic", suite="mini",
            columns={"MathVista": ("", "=official", 1.0)}, judge=UNNAMED_JUDGE,
            differences=(
                "judge[judge, =official]: gpt-4o-mini is VLMEvalKit's present default; which one "
                "extracted here is not printed",
                OWN_WRAPPER,
            ),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="MathVista",
    task="understand",
    version="1",
    licence="data: CC BY-SA 4.0 (card of AI4Math/MathVista); code of the rules: VLMEvalKit "
    "Apache-2.0, lmms-eval MIT",
    citation="arXiv:2310.02255; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe",
    suites=TABLE.suites(),
    default_suite="mini",
    metrics=metrics,
    headline=Headline(name="accuracy v1", variant="strict"),
    variants=VARIANTS,
    groups=tuple(Group(path=(name,), title=title) for name, title in TASKS.items()),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "a language model as judge (VLMEvalKit's default is gpt-4o-mini); it sees texts only",
        "no judge for the metric 'rules', a lower bound",
        "optional: a prompt file, JSON with the key 'extract', holding {question} and {reply}",
    ),
    cost="at most 1,000 judge calls of text per model, one for each reply that rules cannot read",
    defects=(
        "MATHVISTA-1: VLMEvalKit never finds a list answer right, and always the answer None.",
        "MATHVISTA-2: VLMEvalKit takes an integer only in the writing of one.",
        "MATHVISTA-3: VLMEvalKit compares floats in all digits.",
        "MATHVISTA-4: VLMEvalKit asks the judge about a right 0.",
        "MATHVISTA-5: lmms-eval takes the nearest option for an answer, whatever was said.",
        "MATHVISTA-6: lmms-eval finds no float right when the precision is written as 1.0.",
    ),
    doc="1,000 questions (options, integers, decimal fractions, lists) about figures, charts, "
    "photographs and text books; five tasks, seven skills. The prompt is the question of the "
    "record with its hint. A judge extracts the answer where plain rules do not find it.",
)
