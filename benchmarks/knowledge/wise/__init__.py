"""WISE: prompts that need world knowledge; the legacy protocol of three scores, and Verified."""

from __future__ import annotations

from benchmarks.knowledge.wise import numbers
from benchmarks.knowledge.wise.data import LEGACY_SUITE, VERIFIED_SUITE
from benchmarks.knowledge.wise.editions import TITLES
from evals.core.aggregation import STRICT_POLICY, Headline, Policy
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

OFFICIAL_POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As released, except that a missing prompt, for which the released script prints no table "
    "at all, leaves its category's mean here.",
)
GROUPS = tuple(Group(path=(title,), title=title) for title in TITLES.values())
LICENCE = (
    "data and code: none stated (PKU-YuanGroup/WISE has no licence file); nothing of either is "
    "part of this package"
)
OFFICIAL_WORDS = (
    "optional: the official words with --judge-prompt FILE, a text file with {prompt} and "
    "{explanation} in it"
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The one metric of the legacy protocol: a judge that gives three scores."""
    from benchmarks.knowledge.wise.judging import metric

    return (metric(settings, "legacy"),)


def metrics_verified(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The one metric of WISE Verified: a judge that gives one score."""
    from benchmarks.knowledge.wise.judging import metric

    return (metric(settings, "verified"),)


BENCHMARK = Benchmark(
    name="wise",
    title="WISE (legacy)",
    task="generate",
    area="knowledge",
    version="1",
    licence=LICENCE,
    citation="arXiv:2503.07265; PKU-YuanGroup/WISE@eb51174",
    suites={"full": LEGACY_SUITE},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="WiScore, weighted, strict v1", variant="weighted_strict"),
    variants=numbers.LEGACY_VARIANTS,
    trials=1,
    seeds=(42,),
    groups=GROUPS,
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    published=numbers.published_legacy,
    needs=("an MLLM judge (official: gpt-4o-2024-05-13, temperature 0)", OFFICIAL_WORDS),
    cost="1,000 judge calls; no GPU",
    defects=(
        "WISE-1: one digit is read whatever follows it, and its range is not checked.",
        'WISE-2: "**Consistency:** 2", a full-width colon and "(0-2):" are not read.',
        "WISE-3: a score that is not found counts 0 (GenEditEvalKit), or drops the sample.",
        "WISE-4: true counts as 1, and scores above 2 are averaged.",
        "WISE-5: a prompt without usable scores leaves the mean; one that is there twice counts "
        "twice; one that is absent ends the table.",
        "WISE-7: BAGEL averages the six categories without weights and calls it Overall.",
    ),
    doc="1,000 prompts in six categories that name what they want only by what one must know, one "
    "image each. A judge who is told the explanation scores consistency, realism and aesthetic "
    "quality from 0 to 2; WiScore weighs them .7, .2 and .1. Overall weighs the categories by "
    "their size. Numbers are shares from 0 to 1. Not comparable with WISE Verified.",
)

VERIFIED_BENCHMARK = Benchmark(
    name="wise-verified",
    title="WISE Verified",
    task="generate",
    area="knowledge",
    version="1",
    licence=LICENCE,
    citation="arXiv:2503.07265; PKU-YuanGroup/WISE@eb51174",
    suites={"full": VERIFIED_SUITE},
    default_suite="full",
    metrics=metrics_verified,
    headline=Headline(name="Overall, weighted, strict v1", variant="weighted_strict"),
    variants=numbers.VERIFIED_VARIANTS,
    trials=1,
    groups=GROUPS,
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    published=numbers.published_verified,
    needs=(
        "an MLLM judge (official: Qwen3.5-35B-A3B served by vLLM, temperature 0, thinking off)",
        OFFICIAL_WORDS,
    ),
    cost="1,000 judge calls; no GPU with an API",
    defects=(
        'WISE-6: "Score: 0.5" is read as 0, and of two different scores the first counts.',
        "WISE-5: a prompt without a usable score leaves the mean; an absent one ends the table.",
    ),
    doc="The revised WISE: about 200 prompts changed, other id ranges, one score of 0 or 1 per "
    "image. Overall is .4 Cultural and .12 for each of the other five categories. Numbers are "
    "shares from 0 to 1. Not comparable with the legacy protocol.",
)
