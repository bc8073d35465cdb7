"""MM-Vet: open questions that take several capabilities at once, graded from 0 to 1 by a judge.

Data, rules and judge: `benchmarks.understanding.judged.mmvet`.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.understanding.judged.mmvet.data import COMBINATIONS, TABLE
from benchmarks.understanding.replies import KIT_POLICY, OWN_WRAPPER, UNNAMED_JUDGE, percent
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group, PublishedRow

VARIANTS = (
    percent("strict", "mean grade", "Mean grade over all planned questions, in percent.",
            "judge.grade", profile="strict"),
    percent("official", "mean grade, VLMEvalKit", "Overall as VLMEvalKit and the benchmark's own "
            "server print it.", "judge.official"),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The judge."""
    # A judge's machinery is not needed to list a benchmark or to plan a run of it.
    from benchmarks.understanding.judged.mmvet import judge

    return judge.metrics(settings)


def published() -> tuple[PublishedRow, ...]:
    """Rows of BAGEL's README, of Janus-Pro's report, and of OpenCompass's tables."""
    where = "judge[judge, =official]: {}; which snapshot is not printed"
    return printed_rows(
        Printed(
            table="MM-Vet", suite="full", columns={"score": ("", "=official", 1.0)},
            judge=UNNAMED_JUDGE, source="Bagel",
            differences=(where.format("graded by the benchmark's own server"), OWN_WRAPPER),
        ),
        Printed(
            table="MM-Vet", suite="full", columns={"score": ("", "=official", 1.0)},
            judge=UNNAMED_JUDGE, lacking="Bagel",
            differences=(where.format("the report does not say who graded"), OWN_WRAPPER),
        ),
        Printed(
            table="OpenCompass academic", suite="full", columns={"MMVet": ("", "=official", 1.0)},
            judge=UNNAMED_JUDGE,
            differences=(where.format("gpt-4-turbo is VLMEvalKit's default"), OWN_WRAPPER),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="MM-Vet",
    task="understand",
    version="1",
    licence="data: none stated in our sources; code of the rules: VLMEvalKit Apache-2.0",
    citation="arXiv:2308.02490; open-compass/VLMEvalKit@e8e78f05",
    suites=TABLE.suites(),
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="mean grade v1", variant="strict"),
    variants=VARIANTS,
    groups=tuple(Group(path=(c,), title=c.replace(" ", " + ")) for c in COMBINATIONS),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "a language model as judge (VLMEvalKit's default is gpt-4-turbo); it sees texts only",
        "optional: a prompt file, JSON with the key 'grade', holding {question}, {answer} and "
        "{reply}",
    ),
    cost="218 judge calls of text per model",
    defects=(
        "MMVET-1: VLMEvalKit counts a sample with a single capability twice in that capability.",
        "MMVET-2: VLMEvalKit takes nan for a grade, which makes every mean nan.",
        "MMVET-3: VLMEvalKit grades 0 when the judge gives no number from 0 to 1 in five tries.",
    ),
    doc="218 open questions about pictures that take recognition, reading, knowledge, generation "
    "of text, spatial awareness and mathematics in sixteen combinations. The prompt is the "
    "question of the record. A judge grades the reply against the right answer.",
)
