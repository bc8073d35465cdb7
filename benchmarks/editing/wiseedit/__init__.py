"""WiseEdit: 1,220 edits of imagination, awareness, interpretation and all three, in two languages.

beepkh/WiseEdit@58cadba, as carried by open-compass/GenEditEvalKit@103b283. Read this file first:
suite, metric, policies; then `scoring` for the arithmetic, `variants` for the printed numbers and
`judging` for the questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.editing.wiseedit.data import FULL, NAME, SUBSETS
from benchmarks.editing.wiseedit.scoring import CATEGORIES, COMPLEX, category
from benchmarks.editing.wiseedit.variants import variants
from evals.core.aggregation import STRICT_POLICY, Headline, Policy
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The one metric, `judge`."""
    from benchmarks.editing.wiseedit.judging import metric

    return (metric(settings),)


def _groups() -> tuple[Group, ...]:
    found = [
        Group(path=(kind,), title="Complex" if kind == COMPLEX else kind) for kind in CATEGORIES
    ]
    for subset in SUBSETS:
        number = subset.rpartition("_")[2]
        title = f"{number} given picture{'' if number == '1' else 's'}"
        found.append(Group(path=(category(subset), subset), title=title))
    return tuple(found)


BENCHMARK = Benchmark(
    name=NAME,
    title="WiseEdit",
    task="edit",
    version="1",
    licence="data Apache-2.0 (hub card); none stated for the code",
    citation="WiseEdit, beepkh/WiseEdit@58cadba",
    suites={"full": FULL},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="basic v1", variant="basic_strict", floor="copy-source"),
    variants=variants(),
    seeds=(42,),
    groups=_groups(),
    policies=(
        Policy(
            profile="official",
            model_fault="drop",
            infrastructure_fault="drop",
            doc="As the released script: a result that is absent, or lacks one of its scores, "
            "leaves the means. There it takes the other language of its case with it, here not.",
        ),
        STRICT_POLICY,
    ),
    anchors=("copy-source",),
    needs=(
        "a judge that sees up to nine pictures; gpt-4o in the released script",
        "a model that takes up to five pictures, for all but three of the subsets",
        "for official words: --judge-prompt Evaluation/prompt_single.py of WiseEdit, with "
        "prompt_multi.py beside it",
    ),
    cost="four judge calls per result, five for complex ones: about 10,000 per model",
    defects=(
        "WISEEDIT-1: without JSON the first number from 1 to 10 in a reply counts.",
        "WISEEDIT-2: 7.9 is 7, true is 1.",
        "WISEEDIT-3: a result without one of its scores, also an absent one, is dropped in both "
        "languages.",
        "WISEEDIT-4: a subset without a file of scores counts 1 everywhere.",
        "WISEEDIT-5: a score that is no whole number counts 1.",
        "WISEEDIT-6: GenEditEvalKit scores only the three subsets with one given picture.",
    ),
    doc="Edits that need imagination (a new idea), awareness (finding what is meant), "
    "interpretation (understanding what is shown) or all of it, from one to five given pictures, "
    "each with an English and a Chinese instruction. A judge, told the English one, gives scores "
    "from 1 to 10 for detail, instruction, quality, knowledge and creativity, those that apply; "
    "numbers are in percent. No printed results of it were found.",
)
