"""GenEval: are the objects, counts, colours and positions of a prompt in the picture?

Read on in `data` (suites), `rules` (the verdict), `metric`, `summary` (the released printout).
"""

from __future__ import annotations

from benchmarks.common.published import Printed, printed_rows
from benchmarks.generation.geneval.data import NAME, SUITES, TITLES
from benchmarks.generation.geneval.metric import metrics
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark
from evals.core.types import Group, PublishedRow

_TASKS = (Term(column="objects.correct", levels=(1,)),)

VARIANTS = (
    Variant(
        name="overall_strict", title="GenEval overall, strict", label="Overall", terms=_TASKS,
        profile="strict",
        doc="Unweighted mean of the six tasks over every planned image; a missing one is wrong.",
    ),
    Variant(
        name="overall", title="GenEval overall", label="Overall (official)", terms=_TASKS,
        doc="Unweighted mean of the tasks that have images, over the images there are: the last "
        "line of the released script, and the Overall of every published table. A prompt with "
        "fewer images counts like one with all of them.",
    ),
    Variant(
        name="images", title="GenEval, share of right images", label="Images",
        terms=(Term(column="objects.correct"),),
        doc="Share of the images there are that are right, whatever their task: the released "
        "script's '% correct images'.",
    ),
)  # fmt: skip

POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released script: an image without a result does not exist.",
)

_HEADINGS = {
    "Single Object": "single_object",
    "Two Object": "two_object",
    "Counting": "counting",
    "Colors": "colors",
    "Position": "position",
    "Color Attribution": "color_attr",
    "Overall": "",
}


def published() -> tuple[PublishedRow, ...]:
    """Rows of the InternVL-U report and of other papers and model cards."""
    table = Printed(
        table="GenEval",
        suite="full",
        columns={heading: (group, "=overall", 1.0) for heading, group in _HEADINGS.items()},
        differences=(
            "detector: printed numbers come from mmdet's Mask2Former Swin-S; a run here has the "
            "detector that its scores name, unless that script's results were imported",
            "prompts: whether the plain or rewritten prompts were used is not printed, except "
            "where the model's name says it",
            "seeds: four images per prompt, whose seeds are not printed",
        ),
    )
    return printed_rows(table)


BENCHMARK = Benchmark(
    name=NAME,
    title="GenEval",
    task="generate",
    version="1",
    licence="MIT (code and prompts)",
    citation="arXiv:2310.11513; djghosh13/geneval@af4902f",
    suites=SUITES,
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="GenEval overall strict v1", variant="overall_strict"),
    variants=VARIANTS,
    trials=4,
    seeds=(42, 43, 44, 45),
    groups=tuple(Group(path=(tag,), title=title) for tag, title in TITLES.items()),
    policies=(POLICY, STRICT_POLICY),
    published=published,
    needs=(
        "a detector: facebook/mask2former-swin-small-coco-instance in the hub's cache, or another "
        "Mask2Former of COCO's instances as weights.detector",
        "for the two tasks about colours: OpenAI's CLIP ViT-L/14 (weights.clip)",
        "or, for numbers that may stand beside published ones, the results.jsonl of the released "
        "script as weights.geneval_results",
        "or detections of any stack as weights.geneval_detections (JSON, one record per image)",
    ),
    cost="no judge; 2,212 images through a Swin-S detector, minutes on a GPU",
    defects=(
        "GENEVAL-1: an image without a result does not exist; a task without any leaves the mean.",
        "GENEVAL-2: results of an earlier run with more ranks are merged in.",
        "GENEVAL-3: the order of two relations in a reason changes from run to run.",
        "GENEVAL-4: a wrong or absent detector configuration gives all zeros.",
    ),
    doc="553 prompts in six tasks, four images each: one object, two objects, counting, colours, "
    "positions, colours of two objects. A detector finds the 80 classes of COCO, CLIP names "
    "colours, and rules give a verdict per image; the rules are exact, the detector is what "
    "numbers depend on. The threshold is .3, and .9 for counting, tuned on mmdet's weights: with "
    "another detector expect shifts of a few points, counting most of all. The suite `long` has "
    "the rewritten prompts of BAGEL's script. '% correct prompts' of the released printout needs "
    "all images of a prompt at once and is in `summary` only.",
)
