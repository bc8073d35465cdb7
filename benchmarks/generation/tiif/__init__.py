"""TIIF-Bench: does an image follow a short, and a long, instruction; asked of a judge."""

from __future__ import annotations

from benchmarks.generation.tiif.data import NAME, suites
from benchmarks.generation.tiif.numbers import VARIANTS, published
from benchmarks.generation.tiif.taxonomy import PATHS
from evals.core.aggregation import STRICT_POLICY, Headline, Policy
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

OFFICIAL_POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As released: images that are missing are skipped, and leave both counts.",
)

GROUPS = tuple(
    Group(path=path, title=path[-1])
    for path in dict.fromkeys(p[:depth] for p in PATHS.values() for depth in (1, 2, 3))
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """A judge that answers the questions, and words by OCR for the text dimension."""
    from benchmarks.generation.tiif import judging, words_metric

    return (judging.metric(settings), words_metric.metric(settings))


BENCHMARK = Benchmark(
    name=NAME,
    title="TIIF-Bench",
    task="generate",
    version="1",
    licence="data and code: none stated (A113N-W3I/TIIF-Bench); nothing of either is part of this "
    "package",
    citation="arXiv:2506.02161; A113N-W3I/TIIF-Bench@3aae750",
    suites=suites(),
    default_suite="testmini",
    metrics=metrics,
    headline=Headline(name="Overall, short and long, strict v1", variant="overall_strict"),
    variants=VARIANTS,
    trials=1,
    seeds=(42,),
    groups=GROUPS,
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "an MLLM judge (upstream gpt-4o, GenEditEvalKit gpt-5)",
        "optional: the official words with --judge-prompt eval_with_vlm.py (its constant "
        "raw_prompt), or a text file with ##YNQuestions## in it",
        "an OCR engine for GNED and recall of the text dimension (official: PaddleOCR)",
    ),
    cost="554 judge calls (testmini), 5,076 (test), OCR of the text dimension's images; no GPU",
    defects=(
        "TIIF-1: a reply whose answers do not add up is asked for again without end.",
        'TIIF-2: "1. yes", "- yes" and "**Yes**" are not read as answers.',
        'TIIF-3: "yes/no" counts as a yes.',
        "TIIF-4: missing images, unreadable files and short lists leave the denominator.",
        "TIIF-5: accuracies are rounded to 4 decimals before they are averaged.",
        "TIIF-6: one record without text makes GNED and recall of its file 0.",
        "TIIF-7: GNED and recall split recognised lines into words, but not the expected ones.",
        "TIIF-8: the judge is asked with one of three wordings, drawn at random.",
        "TIIF-9: means are over the dimensions and groups that happen to be there.",
        "TIIF-10: three rows of upstream's comparison questions (full set) are out of order; "
        "GenEditEvalKit has them right.",
    ),
    doc="Prompts of 39 dimensions (attributes, relations, reasoning, their pairs, style, text, "
    "designers' prompts), each short and long, one image each. A judge answers the yes/no "
    "questions of a prompt in one call. Accuracy is pooled over the questions of a dimension, "
    "dimensions are averaged to nine groups, groups to Overall, short and long apart. The "
    "prompt bootstrap of Overall on testmini has a standard deviation of about 1.6 points.",
)
