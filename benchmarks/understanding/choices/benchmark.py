"""What the multiple-choice benchmarks have in common: numbers, metrics, and what must be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.understanding.choices.metric import EXACT, Rule, choice_metric
from benchmarks.understanding.replies import KIT_POLICY, percent
from benchmarks.understanding.table import KitTable
from evals.core.aggregation import STRICT_POLICY, Headline, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group, PublishedRow

UNKNOWN = (
    "judge: whether replies that rules cannot read were shown to a judge (VLMEvalKit's default, "
    "gpt-4o-mini) or counted as wrong is not told",
    "prompt: the wording differs between harnesses and models, and which was used is not told",
)
"""What printed tables do not tell, as `PublishedRow.differences`."""

NEEDS = (
    "for =judged and =judged_strict a text model as judge (VLMEvalKit: gpt-4o-mini); the other "
    "numbers need none",
    "for the official judge prompt a text file of VLMEvalKit's wording with {question}, {options} "
    "and {prediction} (--judge-prompt)",
)
DEFECTS = (
    "MCQ-1: VLMEvalKit reads the letter after 'answer is' without looking whether it is a word's "
    "first one: 'the answer is decrease' is D.",
    "MCQ-2: whether VLMEvalKit takes a lone A for an article depends on the logging switch "
    "VERBOSE; here it never does, as without the switch.",
    "MCQ-3: when a judge's replies cannot be read VLMEvalKit draws a letter at random; here the "
    "sample fails and is asked again.",
    "MCQ-4: options called None, NA, nan or null are dropped by VLMEvalKit, because pandas reads "
    "them as empty cells; the question is asked with them here.",
)
"""Of VLMEvalKit, and so of all multiple-choice benchmarks."""

LMMS_DEFECT = (
    "MCQ-5: lmms-eval takes any option letter behind 'the answer is', within words too and the "
    "last one first: 'The answer is C. Because ...' is B."
)
DOC = (
    "Multiple choice, one letter asked for. A reply is read three ways: strictly (one clear answer "
    "or none), as VLMEvalKit does with its rules alone (=exact) or with a judge for what these "
    "cannot read (=judged), and as lmms-eval does. All are in points of 100, over all questions "
    "alike unless the variant says otherwise."
)


def choice_benchmark(
    *tables: KitTable,
    title: str,
    citation: str,
    rule: Rule,
    variants: tuple[Variant, ...],
    groups: tuple[Group, ...] = (),
    published: Callable[[], tuple[PublishedRow, ...]] = tuple,
    defects: tuple[str, ...] = (),
    doc: str = "",
) -> Benchmark:
    """A multiple-choice benchmark.

    Args:
        tables: its suites; the first one is the default.
        title: see `Benchmark`.
        citation: of the paper; which table of VLMEvalKit's is added.
        rule: beside VLMEvalKit's.
        variants: of `choice_variants`.
        groups: see `Benchmark`.
        published: see `Benchmark`.
        defects: beside VLMEvalKit's.
        doc: beside what holds for all.
    """
    first = tables[0]
    return Benchmark(
        name=first.benchmark,
        title=title,
        task="understand",
        version="1",
        licence="data: see its authors, none was seen; scoring rules re-implemented from "
        "VLMEvalKit (Apache-2.0) and lmms-eval (MIT)",
        citation=f"{citation}open-compass/VLMEvalKit@e8e78f05 ({first.key})",
        suites={name: suite for table in tables for name, suite in table.suites().items()},
        default_suite=first.suite,
        metrics=partial(_metrics, (EXACT, rule)),
        headline=Headline(name="strict accuracy v1", variant="strict", ceiling="ground-truth"),
        variants=variants,
        groups=groups,
        policies=(KIT_POLICY, STRICT_POLICY),
        anchors=("ground-truth",),
        published=published,
        needs=(f"VLMEvalKit's table {first.key}.tsv", *NEEDS),
        cost="no GPU; at most one short text call of a judge per question, and none for replies "
        "that rules can read",
        defects=(*DEFECTS, *defects),
        doc=f"{DOC} {doc}".strip(),
    )


def _metrics(rules: tuple[Rule, ...], settings: ScoringSettings) -> Sequence[Metric]:
    # Asking a judge takes asyncio and more, which a list of benchmarks does not need.
    from benchmarks.understanding.choices.judge import choice_judge

    return choice_metric(rules), choice_judge(settings)


def choice_variants(*own: Variant, of: str = "questions", key: str = "") -> tuple[Variant, ...]:
    """Strict and VLMEvalKit's variants, each with and without a judge, and then a benchmark's own.

    Args:
        own: of the benchmark.
        of: what is counted, in plural.
        key: see `Term.key`.
    """
    every = f"Share of {of} answered right"
    return (
        percent("strict", "strict", f"{every}, strictly read; all planned {of} count, a model's "
                "fault as wrong.", "accuracy", profile="strict", key=key),
        percent("judged_strict", "strict, with a judge", f"{every}, strictly read; a judge reads "
                "what rules cannot.", "judge.accuracy", profile="strict", key=key),
        percent("exact", "VLMEvalKit, rules alone", f"{every} by VLMEvalKit's exact matching: a "
                "reply that its rules cannot read is wrong.", "exact", key=key),
        percent("judged", "VLMEvalKit, with a judge", f"{every} by VLMEvalKit's rules, or by its "
                "judge where these read nothing.", "judge.exact", key=key),
        *own,
    )  # fmt: skip
