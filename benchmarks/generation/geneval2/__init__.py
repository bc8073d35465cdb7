"""GenEval 2: how likely a vision-language model finds each atom of a prompt in the picture.

Read on in `data` (suite), `rules` (from probabilities to numbers), `metric`.
"""

from __future__ import annotations

from benchmarks.common.quantities import in_percent
from benchmarks.generation.geneval2.data import NAME, SUITES
from benchmarks.generation.geneval2.metric import OFFICIAL_MODEL, metrics
from benchmarks.generation.geneval2.rules import LEVELS, SKILLS
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark
from evals.core.types import Group, Profile


def _points(
    name: str, title: str, column: str, doc: str, profile: Profile = "official", over: str = ""
) -> Variant:
    term = Term(column=f"soft_tifa.{column}", over=over and f"soft_tifa.{over}", scale=100)
    return in_percent(name, title, doc, term, profile=profile, label=title)


VARIANTS = (
    _points(
        "gm_strict", "Soft-TIFA GM, strict", "gm_strict", "Mean over all planned prompts of the "
        "geometric mean over atoms; a missing image counts 0.", "strict",
    ),
    _points(
        "am_strict", "Soft-TIFA AM, strict", "am_strict", "Mean over all planned prompts of the "
        "mean over atoms; a missing image counts 0.", "strict",
    ),
    _points(
        "gm", "Soft-TIFA GM", "gm", "Mean over prompts of the geometric mean over atoms, as "
        "released: the headline of the kit's printout. Within a group: GM per number of atoms.",
    ),
    _points("am", "Soft-TIFA AM", "am", "Mean over prompts of the mean over atoms, as released."),
    _points(
        "tifa", "TIFA", "tifa", "Mean over prompts of the share of atoms whose likeliest first "
        "token is the answer, as released.",
    ),
    *(
        _points(
            skill, f"Soft-TIFA AM of {skill}", f"{skill}_sum", f"Mean over all atoms of the skill "
            f"{skill}, pooled over prompts: the released analysis.", over=f"{skill}_atoms",
        )
        for skill in SKILLS
    ),
)  # fmt: skip

POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="The released script ends with an exception at the first missing image, so its numbers "
    "exist for whole runs only; of an incomplete one these are over the images there are.",
)

BENCHMARK = Benchmark(
    name=NAME,
    title="GenEval 2",
    task="generate",
    version="1",
    licence="CC BY-NC 4.0 (code and prompts); this scorer was written from its description",
    citation="facebookresearch/GenEval2@a6e82d2",
    suites=SUITES,
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="Soft-TIFA GM strict v1", variant="gm_strict"),
    variants=VARIANTS,
    seeds=(42,),
    groups=tuple(Group(path=(str(n),), title=f"{n} atoms") for n in LEVELS),
    policies=(POLICY, STRICT_POLICY),
    needs=(
        f"a vision-language checkpoint as weights.vqa; the protocol's is {OFFICIAL_MODEL}",
        "the protocol's wording as weights.soft_tifa_prompt, a text file with {question}; ours "
        "asks the same in other words",
        "or probabilities computed elsewhere as weights.soft_tifa_values",
    ),
    cost="6,012 questions, one forward each, of an 8B model: one GPU of 24 GB",
    defects=(
        "GENEVAL2-1: one missing image ends the run.",
        "GENEVAL2-2: a token that begins several spellings counts once per spelling.",
        "GENEVAL2-3: a bare space that begins every number is credited to each.",
        "GENEVAL2-4: the analysis divides by zero where a skill or level is absent.",
    ),
    doc="800 prompts of 3 to 10 atoms, 100 each: objects, attributes, counts, positions, verbs. "
    "Each atom is a question; its score is the probability that the model's reply begins with the "
    "answer, summed over spellings. AM is the mean over a prompt's atoms, GM their geometric mean, "
    "0 as soon as one atom is. Imported probabilities from an API are cut at its top_logprobs, "
    "which makes some of them 0 and GM with them.",
)
