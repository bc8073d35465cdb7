"""KRIS-Bench: 1,267 edits that need knowledge, in 20 categories of seven types.

mercurystraw/Kris_Bench, as carried by open-compass/GenEditEvalKit@103b283, summed up by
ByteDance-Seed/Bagel@056b5fd. Read this file first: suite, metric, variants, policies; then
`scoring` for the arithmetic, `replies` for the parsers and `judging` for the questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.quantities import in_percent
from benchmarks.editing.kris.data import FULL, NAME
from benchmarks.editing.kris.published import published
from benchmarks.editing.kris.scoring import METAS, SHORT, SIZES, TYPES
from benchmarks.editing.kris.scoring import metrics as metrics_of
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group


def weights() -> dict[str, float]:
    """Type -> its share of all single grades when every sample has all of its grades."""
    grades = {kind: size * len(metrics_of(kind)) for kind, size in SIZES.items()}
    return {kind: n / sum(grades.values()) for kind, n in grades.items()}


VARIANTS = (
    in_percent(
        "flat", "mean of grades", "Mean of all single grades in percent, so that an edit with a "
        "grade for knowledge weighs 4 against 3 (KRIS-5): BAGEL and GenEditEvalKit, also for each "
        "type.", Term(column="judge.sum_official", over="judge.grades_official"),
    ),
    in_percent(
        "samples", "mean of edits",
        "Mean over edits of the mean of their grades in percent: lmms-eval.",
        Term(column="judge.score_official"),
    ),
    *(
        in_percent(
            short, f"{name}, as released", f"Mean of the released grade for {name} in percent.",
            Term(column=f"judge.{name}_official"),
        )
        for name, short in SHORT.items()
    ),
    in_percent(
        "flat_strict", "mean of grades, strict", "The mean of all single grades of all planned "
        "edits: type means, weighted by the number of grades that each type has.",
        Term(column="judge.score", levels=(2,), weights=weights()), profile="strict",
    ),
    in_percent(
        "samples_strict", "mean of edits, strict",
        "Mean over all planned edits of the mean of their grades.", Term(column="judge.score"),
        profile="strict",
    ),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The one metric, `judge`."""
    from benchmarks.editing.kris.judging import metric

    return (metric(settings),)


def _groups() -> tuple[Group, ...]:
    found = []
    for meta, kinds in METAS.items():
        found.append(Group(path=(meta,), title=meta))
        for kind in kinds:
            found.append(Group(path=(meta, kind), title=kind))
            found += [
                Group(path=(meta, kind, c), title=c.replace("_", " ").replace("-", " "))
                for c in TYPES[kind]
            ]
    return tuple(found)


BENCHMARK = Benchmark(
    name=NAME,
    title="KRIS-Bench",
    task="edit",
    version="1",
    licence="Apache-2.0 (licence file of the authors' repository, in GenEditEvalKit's copy)",
    citation="KRIS-Bench, mercurystraw/Kris_Bench in open-compass/GenEditEvalKit@103b283",
    suites={"full": FULL},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="flat v1", variant="flat_strict", floor="copy-source"),
    variants=VARIANTS,
    seeds=(42,),
    groups=_groups(),
    policies=(
        Policy(
            profile="official",
            model_fault="drop",
            infrastructure_fault="drop",
            doc="As the released scripts: an edit without a picture, and a grade that could not be "
            "read, leave the means.",
        ),
        STRICT_POLICY,
    ),
    anchors=("copy-source",),
    published=published,
    needs=(
        "a judge that sees up to five pictures; gpt-4o in the released tables",
        "a model that takes up to four pictures, for two of the categories",
        "for official words: --judge-prompt utils/prompts.py of KRIS-Bench",
    ),
    cost="3,801 judge calls per model, one to five pictures each",
    defects=(
        "KRIS-1: without JSON the first lone digit of a reply counts; the released rubric itself "
        "asks for a form that is no JSON.",
        "KRIS-2: grades are not checked: 0, 9 and -1 pass, true is 1, 4.9 is 4.",
        "KRIS-3: the cap on knowledge where the instruction was not followed is not enforced.",
        "KRIS-5: edits with a grade for knowledge weigh more than others.",
        "KRIS-6: edits without a picture leave the means, in some scripts they count 1.",
        "KRIS-7: the rubric for anomalies is never used.",
    ),
    doc="Edits whose result must be known and not only drawn: factual (attributes, space, time), "
    "conceptual (social and natural science) and procedural (logic, instructions in parts). A "
    "judge grades consistency, quality, instruction following and, for science and logic, "
    "agreement with an explanation, from 1 to 5, shown in percent. Two categories give the model "
    "several pictures: parts to be put together, and three of four frames.",
)
