"""MathVerse: geometry and functions, each problem with more or less of it told by the figure.

A judge extracts the answer, and unless that is the right one letter for letter, another call says
whether it is. Data, rules and judge: `benchmarks.understanding.judged.mathverse`.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.understanding.judged.mathverse.data import TABLES, groups
from benchmarks.understanding.replies import KIT_POLICY, OWN_WRAPPER, UNNAMED_JUDGE, percent
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import PublishedRow

VARIANTS = (
    percent("strict", "accuracy", "Share of all planned questions of the suite answered right, in "
            "percent.", "judge.accuracy", profile="strict"),
    percent("official", "accuracy, VLMEvalKit", "The Overall of a version as VLMEvalKit prints it; "
            "over all versions it prints none.", "judge.official"),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The judge."""
    # A judge's machinery is not needed to list a benchmark or to plan a run of it.
    from benchmarks.understanding.judged.mathverse import judge

    return judge.metrics(settings)


def published() -> tuple[PublishedRow, ...]:
    """Rows of the InternVL-U report."""
    return printed_rows(
        Printed(
            table="MathVerse", suite="vision_only", columns={"score": ("", "=official", 1.0)},
            judge=UNNAMED_JUDGE,
            differences=(
                "judge[judge, =official]: gpt-4o-mini is VLMEvalKit's default; which judge was "
                "asked is not printed",
                "data: that the numbers are for the version Vision Only is inferred from the habit "
                "of InternVL's reports; this one does not name the data set's key",
                OWN_WRAPPER,
            ),
        )
    )  # fmt: skip


BENCHMARK = Benchmark(
    name="mathverse",
    title="MathVerse",
    task="understand",
    version="1",
    licence="data: none stated in our sources (cards of CaraJ/MathVerse-lmmseval, AI4Math/"
    "MathVerse); code of the rules: VLMEvalKit Apache-2.0",
    citation="arXiv:2403.14624; open-compass/VLMEvalKit@e8e78f05",
    suites={name: suite for table in TABLES for name, suite in table.suites().items()},
    default_suite="vision_only",
    metrics=metrics,
    headline=Headline(name="accuracy v1", variant="strict"),
    variants=VARIANTS,
    groups=groups(),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "a language model as judge (VLMEvalKit's default is gpt-4o-mini); it sees texts only",
        "optional: a prompt file, JSON with the keys 'extract', holding {reply}, and 'compare', "
        "holding {question}, {answer} and {extracted}",
    ),
    cost="at most 2 judge calls of text per question: 1,576 per model for one version",
    defects=(
        "MATHVERSE-1: VLMEvalKit prints no number over all versions.",
        "MATHVERSE-2: VLMEvalKit counts a sample as wrong when the judge does not reply with a "
        "bare 0 or 1 in five tries.",
        "MATHVERSE-3: VLMEvalKit's table ends at an apostrophe in a record's metadata.",
    ),
    doc="788 problems of plane geometry, solid geometry and functions, in five versions that move "
    "their content from the text into the figure. 'please directly answer the question and' is "
    "shortened to 'please', as InternVL's wrapper does, so that models reason first; the suites "
    "that end in -vlmevalkit ask as recorded. A judge extracts the answer and compares it with the "
    "right one.",
)
