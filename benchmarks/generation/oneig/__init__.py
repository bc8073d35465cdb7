"""OneIG-Bench, English and Chinese: alignment, text, reasoning, style and diversity.

1,120 English and 1,320 Chinese prompts, four images each (OneIG-Bench/OneIG-Benchmark@41b4983,
data CC BY-NC 4.0).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.generation.oneig.columns import DIVERSITY, REASONING, STYLE, variants
from benchmarks.generation.oneig.data import GROUPS, NAME, SUITES
from benchmarks.generation.oneig.scoring import DIMENSIONS
from evals.core.aggregation import OFFICIAL_POLICY, STRICT_POLICY, Headline
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import PublishedRow, Sample

JUDGE = "Qwen2.5-VL-7B-Instruct"


def without_answer(sample: Sample) -> str:
    """Why a prompt has no reasoning score; empty when it has one."""
    return "" if sample.strata["dimension"] == "reasoning" else "not a reasoning prompt"


def without_style(sample: Sample) -> str:
    """Why a prompt has no style score; empty when it has one."""
    return "" if sample.strata["styled"] == "yes" else "the prompt asks for no style"


def without_diversity(sample: Sample) -> str:
    """Why a prompt has no diversity score; empty when it has one."""
    culture = sample.strata["dimension"] == "alignment of Chinese culture"
    return "the released run script leaves multilingualism out" if culture else ""


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """A judge for alignment and text, and values from elsewhere for the other three.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    from benchmarks.generation.oneig.judging import metric
    from metrics.imported_value import imported_value

    return (
        metric(settings),
        imported_value(
            settings, "oneig_reasoning_values", REASONING,
            model="LLM2CLIP (L/14-336 with Llama 8B)", concerns=without_answer,
        ),
        imported_value(
            settings, "oneig_style_values", STYLE,
            model="the CSD and OneIG-StyleEncoder encoders with the benchmark's references",
            concerns=without_style,
        ),
        imported_value(
            settings, "oneig_diversity_values", DIVERSITY, model="DreamSim",
            concerns=without_diversity, per_prompt=True,
        ),
    )  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """Printed dimensions and Overall of both languages."""
    columns = {d.capitalize(): ("", f"={d}", 1.0) for d in DIMENSIONS}
    columns["Overall"] = ("", "=overall", 1.0)
    return printed_rows(
        *(
            Printed(
                table=f"OneIG-{suite.upper()}",
                suite=suite,
                columns=columns,
                judge=JUDGE,
                differences=(
                    f"judge[=alignment, =text, =overall]: {JUDGE} with the released prompts and "
                    "128 or 256 tokens for a text",
                    "images: the released scripts cut a lossy WEBP grid and save its cells as JPEG",
                    "classes: tables do not say whether multilingualism prompts are in alignment "
                    "and diversity",
                )[: 3 if suite == "zh" else 2],
            )
            for suite in SUITES
        )
    )


BENCHMARK = Benchmark(
    name=NAME,
    title="OneIG-Bench",
    task="generate",
    version="1",
    licence="data CC BY-NC 4.0 (hub card); code: none stated",
    citation="OneIG-Bench; github.com/OneIG-Bench/OneIG-Benchmark at 41b4983",
    suites=SUITES,
    default_suite="en",
    metrics=metrics,
    headline=Headline(name="Overall, every image counts, v1", variant="overall_strict"),
    variants=variants(),
    trials=4,
    seeds=(42, 43, 44, 45),
    groups=GROUPS,
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        f"a judge that sees images, for alignment and text; the released scripts use {JUDGE}",
        "a clone of OneIG-Benchmark in the data folder, for questions, texts and answers",
        "values of LLM2CLIP, the style encoders and DreamSim "
        "(weights.oneig_reasoning_values, weights.oneig_style_values, "
        "weights.oneig_diversity_values); without them there is no Overall",
        "for the official words: --judge-prompt with a JSON file whose key alignment holds "
        "{question} and whose key text is the reading prompt",
    ),
    cost="one judge call per question (about 11,200 in English) and image, and one per text image",
    defects=(
        "ONEIG-1: a prompt whose images are all black is read as the prompt before it.",
        "ONEIG-2: a reply that says there is no text counts as text.",
        "ONEIG-3: texts are compared with a written-out list, escapes included.",
        "ONEIG-4: black images are dropped, white ones are not.",
        "ONEIG-5: only the exact word Yes counts.",
    ),
    doc="Five sides of image generation: do images show what was asked (questions with parents), "
    "is text right, is the answer to a question shown, is the style met, and do four images of one "
    "prompt differ? Overall is the mean of the five and is not printed unless all five are there.",
)
