"""DPG-Bench: dense prompts, scored by yes/no questions in a dependency graph.

1,065 prompts of 67 words on average, four images each (TencentQQGYLab/ELLA@3c228f1, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.generation.dpg.columns import L1, variants
from benchmarks.generation.dpg.data import FULL, NAME
from evals.core.aggregation import STRICT_POLICY, Headline, Policy
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import PublishedRow

JUDGE = "mplug_visual-question-answering_coco_large_en"


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The one metric: the questions, asked of a judge.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    from benchmarks.generation.dpg.judging import metric

    return (metric(settings),)


def published() -> tuple[PublishedRow, ...]:
    """Printed scores and L1 categories."""
    columns = {name.capitalize(): ("", f"={name}", 1.0) for name in L1}
    return printed_rows(
        Printed(
            table="DPG-Bench",
            suite="full",
            columns={"Overall": ("", "=score", 1.0), **columns},
            judge=JUDGE,
            differences=(
                f"judge: the questions were answered by {JUDGE}, not by a language model; there "
                "is no known conversion",
                f"errata[{', '.join(f'={n}' for n in L1)}]: released category scores mix up "
                "categories when several processes score (DPG-7), which the kit always does",
            ),
        )
    )


OFFICIAL = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released script: prompts without a picture, or with one that cannot be read, leave "
    "the mean.",
)

BENCHMARK = Benchmark(
    name=NAME,
    title="DPG-Bench",
    task="generate",
    version="1",
    licence="prompts and questions Apache-2.0 (ELLA); the released code has no licence of its own "
    "in GenEditEvalKit",
    citation="ELLA; github.com/TencentQQGYLab/ELLA at 3c228f1, carried by "
    "github.com/open-compass/GenEditEvalKit at 103b283",
    suites={"full": FULL},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="DPG-Bench score, every prompt counts, v1", variant="score_strict"),
    variants=variants(),
    trials=4,
    seeds=(42, 43, 44, 45),
    policies=(OFFICIAL, STRICT_POLICY),
    published=published,
    needs=(
        f"a judge that sees images; published rows used {JUDGE} (modelscope)",
        "dpg_bench.csv in the data folder, for the questions",
        "for the official words: --judge-prompt with a text file that holds {question}",
    ),
    cost="one judge call per question and image; four images per prompt",
    defects=(
        "DPG-1: the first data row is skipped, and its prompt can fall out of the mean.",
        "DPG-2: category scores are of the last image only, before dependencies.",
        "DPG-3: only the bare lower-case word yes counts.",
        "DPG-4: rows of a prompt that are not together replace each other.",
        "DPG-5: a no reaches children that stand later in the file only.",
        "DPG-6: a table whose dependencies are all single numbers crashes the loader.",
        "DPG-7: several processes mix up the categories.",
    ),
    doc="Does the image show what a long prompt says? Each prompt has yes/no questions, some of "
    "which depend on others and count only when those were answered yes. An image scores the share "
    "of its questions that count; the score is the mean over four images and all prompts, in "
    "percent. Published numbers come from mPLUG-large; with another judge a score is a "
    "DPG-Bench score of that judge.",
)
