"""GenExam: drawing exam answers of ten school subjects, marked point by point by a judge."""

from __future__ import annotations

from benchmarks.knowledge.genexam.data import NAME, SUBJECTS, suites
from benchmarks.knowledge.genexam.numbers import VARIANTS, published
from evals.core.aggregation import STRICT_POLICY, Headline, Policy
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

OFFICIAL_POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As released: a sample without an evaluation file leaves the mean.",
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The one metric: a judge that marks the answer."""
    from benchmarks.knowledge.genexam.judging import metric

    return (metric(settings),)


BENCHMARK = Benchmark(
    name=NAME,
    title="GenExam",
    task="generate",
    area="knowledge",
    version="1",
    licence="code: MIT (OpenGVLab/GenExam); data: in the same repository, no licence of its own "
    "stated; nothing of either is part of this package",
    citation="arXiv:2509.14232; OpenGVLab/GenExam@6f324dd",
    suites=suites(),
    default_suite="full",
    metrics=metrics,
    headline=Headline(
        name="relaxed score, macro, strict profile v1", variant="relaxed_macro_counted"
    ),
    variants=VARIANTS,
    trials=1,
    seeds=(42,),
    groups=tuple(Group(path=(subject,), title=subject.replace("_", " ")) for subject in SUBJECTS),
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "an MLLM judge that takes two images (official: gpt-5-2025-08-07, low reasoning effort)",
        "optional: the official words with --judge-prompt eval_prompt.py (its constant "
        "prompt_for_eval)",
    ),
    cost="1,000 judge calls (full), 250 (mini), two images each; no GPU",
    defects=(
        "GENEXAM-1: the upstream leaderboard mixes means over subjects and over samples.",
        "GENEXAM-2: JSON behind words, or in a fence not marked as json, is not read.",
        "GENEXAM-3: global scores are not checked; one that is text ends the run.",
        "GENEXAM-4: three unusable replies end the run; a sample without a file leaves the mean.",
        "GENEXAM-5: scores are rounded before they are averaged.",
    ),
    doc="1,000 exam questions that ask for a drawing, one image each. A judge who sees a right "
    "answer marks 3 to 15 weighted scoring points and three global scores from 0 to 2. Strict "
    "score: the share of answers without any fault, which is 0 for most open models; relaxed "
    "score: .7 semantics and .1 for each global score. Numbers are points of 100. The headline is "
    "the relaxed score, mean over subjects, as in the InternVL-U report.",
)
