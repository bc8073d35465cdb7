"""ImgEdit (Basic, single turn): 737 edits of nine types, three judge grades from 1 to 5 each.

PKU-YuanGroup/ImgEdit@547185d, as run by open-compass/GenEditEvalKit@103b283. Read this file first:
suite, metric, variants, policies; then `scoring` for the arithmetic and `judging` for the question.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.editing.imgedit.data import FULL, NAME
from benchmarks.editing.imgedit.published import published
from benchmarks.editing.imgedit.scoring import TITLES
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

VARIANTS = (
    Variant(
        name="macro",
        title="mean of types",
        doc="Mean of the nine type means, each rounded to 2 decimals: GenEditEvalKit, the ImgEdit "
        "leaderboard, UniWorld and the InternVL-U paper.",
        terms=(Term(column="judge.score_official", levels=(1,), digits=2),),
        range=(1, 5),
        digits=2,
    ),
    Variant(
        name="micro",
        title="mean of edits",
        doc="Mean of all edits, whatever their type: BAGEL; lmms-eval too, with a parser of its "
        "own and failures counted 0.",
        terms=(Term(column="judge.score_official"),),
        range=(1, 5),
        digits=2,
    ),
    Variant(
        name="macro_strict",
        title="mean of types, strict",
        doc="Mean of the nine type means over all planned edits, nothing rounded.",
        terms=(Term(column="judge.score", levels=(1,)),),
        profile="strict",
        range=(1, 5),
    ),
    Variant(
        name="micro_strict",
        title="mean of edits, strict",
        doc="Mean of all planned edits, nothing rounded.",
        terms=(Term(column="judge.score"),),
        profile="strict",
        range=(1, 5),
    ),
)


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The one metric, `judge`."""
    from benchmarks.editing.imgedit.judging import metric

    return (metric(settings),)


BENCHMARK = Benchmark(
    name=NAME,
    title="ImgEdit",
    task="edit",
    version="1",
    licence="none stated by the authors, for data and code; GenEditEvalKit's copy of the code is "
    "in a repository under MIT",
    citation="ImgEdit, PKU-YuanGroup/ImgEdit@547185d",
    suites={"full": FULL},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="macro v1", variant="macro_strict", floor="copy-source"),
    variants=VARIANTS,
    seeds=(42,),
    groups=tuple(Group(path=(name,), title=title) for name, title in TITLES.items()),
    policies=(
        Policy(
            profile="official",
            model_fault="drop",
            infrastructure_fault="drop",
            doc="As the released scripts: an edit without a picture or a readable reply leaves "
            "the means.",
        ),
        STRICT_POLICY,
    ),
    anchors=("copy-source",),
    published=published,
    needs=(
        "a judge that sees two pictures; the leaderboard names gpt-4.1",
        "for official words: --judge-prompt eval_prompts/prompts.json of GenEditEvalKit",
    ),
    cost="737 judge calls per model, two pictures each",
    defects=(
        "IMGEDIT-1: the released parser does not see grades written as 4/5, 4. or in bold.",
        "IMGEDIT-2: it averages every number on a line of its own, also that of an Overall.",
        "IMGEDIT-3: it takes numbers out of range.",
        "IMGEDIT-4: a superscript digit or a stored error ends the aggregation.",
        "IMGEDIT-5: edits without a reply leave the means, so that they are not comparable.",
        "IMGEDIT-6: the rule that no grade exceeds the first is not enforced.",
    ),
    doc="Nine types of edits of photographs: add, adjust, extract, replace, remove, background, "
    "style, hybrid (several at once) and action. A judge sees source and result and gives three "
    "grades from 1 to 5 by a rubric for the type. Official numbers are what the released parser "
    "makes of the same replies; strict ones take grades by their names, and count every edit. The "
    "hard set (UGE) and the multi-turn set are not included.",
)
