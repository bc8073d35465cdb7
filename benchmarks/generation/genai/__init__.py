"""GenAI-Bench: does the picture show its prompt, by the probability of a yes (VQAScore)?

Read on in `data` (suites), `metric`, `rules` (the released printout, float32 and all).
"""

from __future__ import annotations

from benchmarks.generation.genai.data import NAME, SKILLS, SUITES, TITLES
from benchmarks.generation.genai.metric import SUGGESTION, metrics
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark
from evals.core.types import Group

_COLUMN = "vqascore.score"

VARIANTS = (
    Variant(
        name="all_strict", title="VQAScore, every prompt", label="VQAScore", profile="strict",
        terms=(Term(column=_COLUMN),),
        doc="Mean over all planned prompts, those without a skill included; a missing image "
        "counts 0.",
    ),
    Variant(
        name="all", title="VQAScore, all", label="all", terms=(
            Term(column=_COLUMN, where={"skills": "some"}),
        ),
        doc="Mean over the prompts that have a skill (1,593 of 1,600), as released.",
    ),
    *(
        Variant(
            name=skill.replace(" ", "_"), title=f"VQAScore, {skill}", label=skill,
            terms=(Term(column=_COLUMN, where={skill: "yes"}),),
            doc=f"Mean over the prompts with the skill {skill}, as released.",
        )
        for skill in SKILLS
    ),
)  # fmt: skip

POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="The released script ends with an exception at a missing image, so its numbers exist for "
    "whole runs only; of an incomplete one these are over the images there are.",
)

BENCHMARK = Benchmark(
    name=NAME,
    title="GenAI-Bench",
    task="generate",
    version="1",
    licence="Apache-2.0 (code); the card of the data set was not seen",
    citation="linzhiqiu/t2v_metrics@6ecb74f; BaiqiL/GenAI-Bench",
    suites=SUITES,
    default_suite="genai1600",
    metrics=metrics,
    headline=Headline(name="VQAScore strict v1", variant="all_strict"),
    variants=VARIANTS,
    seeds=(42,),
    groups=tuple(Group(path=(kind,), title=title) for kind, title in TITLES.items()),
    policies=(POLICY, STRICT_POLICY),
    needs=(
        f"a vision-language checkpoint as weights.vqa, e.g. {SUGGESTION}; printed numbers come "
        "from CLIP-FlanT5-XXL, whose values are another scale",
        "or values of CLIP-FlanT5-XXL (t2v-metrics 3.0), computed elsewhere, as "
        "weights.vqascore_values",
        "another wording as weights.vqascore_prompt, a text file with {prompt}",
    ),
    cost="1,600 questions, one forward each",
    defects=(
        "GENAI-1: seven prompts without a skill are in no number.",
        "GENAI-2: a skill without prompts ends the script or silences it.",
        "GENAI-3: a missing image ends the script.",
        "GENAI-4: means are float32 sums, whose sixth decimal depends on the order of additions.",
    ),
    doc="1,600 prompts of professional designers with twelve compositional skills, basic and "
    "advanced. A model is asked whether the picture shows the prompt; the score is the probability "
    "of a yes. CLIP-FlanT5's score is the geometric mean of the probabilities of Yes and of the "
    "end after it, a modern model's here that of Yes alone: never compare across models that "
    "score. The released script works in float32, so its printed sixth decimal can differ from "
    "the variants' by one; `rules` has its exact arithmetic.",
)
