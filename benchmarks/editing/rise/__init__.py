"""RISEBench: 360 edits that need temporal, causal, spatial or logical reasoning.

PhoenixZ810/RISEBench, before (open-compass/GenEditEvalKit@103b283) and after (5f22651) the fix of
2026-04-23. Read this file first: suite, metric, variants, policies; then `scoring` and `table` for
the arithmetic and `judging` for the questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.quantities import in_percent
from benchmarks.editing.rise.data import FULL, NAME
from benchmarks.editing.rise.published import published
from benchmarks.editing.rise.scoring import SUBTASKS, TITLES
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group, Profile


def _mean(name: str, column: str, title: str, doc: str, profile: Profile = "official") -> Variant:
    """The mean of a column over all samples, in percent."""
    return in_percent(name, title, doc, Term(column=f"judge.{column}"), profile=profile)


VARIANTS = (
    _mean(
        "accuracy", "accuracy_official", "accuracy, until 2026-04-23",
        "Share of samples with full marks on consistency, reasoning and plausibility; where "
        "consistency is not asked, never (RISE-2). GenEditEvalKit, BAGEL and the InternVL-U paper.",
    ),
    _mean(
        "accuracy_2026_04", "accuracy_2026_04", "accuracy, since 2026-04-23",
        "Share of samples with full marks on all that was asked: the repository's present table.",
    ),
    _mean(
        "score", "score_official", "score, as released",
        "Mean score in percent. Consistency is left out of every sample but the logical ones, as "
        "one record of the data says that it is not asked (RISE-1).",
    ),
    _mean(
        "accuracy_strict", "accuracy", "accuracy, strict",
        "Share of all planned samples with full marks on all that was asked.", "strict",
    ),
    _mean(
        "score_strict", "score", "score, strict",
        "Mean score of all planned samples in percent; consistency counts wherever it was asked.",
        "strict",
    ),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The one metric, `judge`."""
    from benchmarks.editing.rise.judging import metric

    return (metric(settings),)


BENCHMARK = Benchmark(
    name=NAME,
    title="RISEBench",
    task="edit",
    version="1",
    licence="none stated by the authors, for data and code; GenEditEvalKit's copy of the code is "
    "in a repository under MIT",
    citation="RISEBench, PhoenixZ810/RISEBench@5f22651",
    suites={"full": FULL},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="accuracy v1", variant="accuracy_strict", floor="copy-source"),
    variants=VARIANTS,
    seeds=(42,),
    groups=tuple(
        group
        for name, subtasks in SUBTASKS.items()
        for group in (
            Group(path=(name,), title=TITLES[name]),
            *(Group(path=(name, s), title=s) for s in subtasks),
        )
    ),
    policies=(
        Policy(
            profile="official",
            model_fault="drop",
            infrastructure_fault="drop",
            doc="The released script ends on the first picture that is absent; here such samples "
            "leave its means. An unreadable reply leaves the means of scores, and counts as not "
            "complete.",
        ),
        STRICT_POLICY,
    ),
    anchors=("copy-source",),
    published=published,
    needs=(
        "a judge that sees two pictures; gpt-4.1-2025-04-14 in the released tables",
        "for official words: --judge-prompt utils.py of RISEBench",
    ),
    cost="up to 995 judge calls per model (three per sample, two of logical ones), one or two "
    "pictures each",
    defects=(
        "RISE-1: one flag in the data takes consistency out of every score but the logical ones.",
        "RISE-2: until 2026-04-23 a sample without a question about consistency was never "
        "complete.",
        "RISE-3: a score above a numbered line is read as two, which ends the run.",
        "RISE-4: an unreadable reply leaves the score means; an API failure is never asked again.",
        "RISE-5: a missing picture ends the run.",
        "RISE-7: where a picture shows the right answer, consistency is judged against it and not "
        "against the source.",
    ),
    doc="A picture and an instruction whose right answer must be thought out. A judge grades "
    "consistency, reasoning and plausibility from 1 to 5 (logical samples: the first two, 0 or 1) "
    "against a reference in words or as a picture. A sample is complete with full marks, and "
    "accuracy is the share of complete ones. All numbers are in percent.",
)
