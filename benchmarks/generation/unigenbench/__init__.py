"""UniGenBench: 27 kinds of test points per prompt, in English and Chinese, asked of a judge."""

from __future__ import annotations

from benchmarks.generation.unigenbench.columns import VARIANTS
from benchmarks.generation.unigenbench.data import NAME, suites
from benchmarks.generation.unigenbench.taxonomy import THEMES
from evals.core.aggregation import STRICT_POLICY, Headline, Policy
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

OFFICIAL_POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As released, except that a missing image, which ends the released run before it begins, "
    "leaves both counts here.",
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The one metric: a judge that goes through the test points."""
    from benchmarks.generation.unigenbench.judging import metric

    return (metric(settings),)


BENCHMARK = Benchmark(
    name=NAME,
    title="UniGenBench",
    task="generate",
    version="1",
    licence="data and code: CC BY 4.0 by their licence file (the hub's card says MIT); nothing of "
    "either is part of this package",
    citation="CodeGoat24/UniGenBench@49d0bce",
    suites=suites(),
    default_suite="en",
    metrics=metrics,
    headline=Headline(name="Overall, strict v1", variant="overall_strict"),
    variants=VARIANTS,
    trials=4,
    seeds=(3449, 3450, 3451, 3452),
    groups=tuple(Group(path=(theme,), title=theme) for theme in THEMES.values()),
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    needs=(
        "an MLLM judge (official: gemini-2.5-pro, or the authors' fine-tuned Qwen VL)",
        "optional: the official words with --judge-prompt FILE, a text file with {prompt}, "
        "{testpoint}, {explanation} and {test_explanation} in it",
    ),
    cost="2,400 judge calls per suite; no GPU",
    defects=(
        "UNIGEN-1: a reply with True or None in it passes the parser and is lost by the count.",
        'UNIGEN-2: "1" and 0.5 count as not met, and stay in the denominator.',
        "UNIGEN-3: a bare mark ends the released run with a TypeError (upstream).",
        "UNIGEN-4: replies in JSON's spelling, fenced, or with an apostrophe cannot be read; after "
        "11 tries their image leaves both counts.",
        "UNIGEN-5: no overall is computed; the leaderboard's is the mean of ten dimensions.",
        'UNIGEN-6: English primary dimensions keep a trailing blank ("Attribute ").',
        "UNIGEN-7: of several score tags the first counts, also when the judge corrects itself.",
    ),
    doc="600 prompts with 1 to 5 test points each (1,813 of 27 kinds in 10 primary dimensions), "
    "four images per prompt. A judge gives each point 0 or 1 in one call per image. A dimension "
    "is the share of its points met, over all images; Overall is the mean of the ten. Numbers are "
    "points of 100. GenEditEvalKit makes the Chinese images and never scores them.",
)
