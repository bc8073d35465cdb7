"""GEdit-Bench: 606 edits in eleven groups, each in English and Chinese; VIEScore from 0 to 10.

stepfun-ai/Step1X-Edit@570eba6. Read this file first: suites, metric, variants, policies; then
`scoring` for the arithmetic, `replies` for the parsers and `judging` for the questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.editing.gedit.data import NAME, SUITES
from benchmarks.editing.gedit.published import published
from benchmarks.editing.gedit.scoring import TITLES
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import Group

_NAMES = {"SC": "semantics", "PQ": "quality", "O": "overall"}


def _variants() -> tuple[Variant, ...]:
    found = []
    for part, what in _NAMES.items():
        column = f"judge.{part}_official"
        found += [
            Variant(
                name=f"G_{part}", title=f"{what}, mean of groups", range=(0, 10),
                doc=f"Mean of the eleven group means of {part}: Step1X-Edit and BAGEL. Without an "
                "edit in one of the groups the released number is NaN (GEDIT-6).",
                terms=(Term(column=column, levels=(1,)),),
            ),
            Variant(
                name=f"G_{part}_intersection", title=f"{what}, intersection set", range=(0, 10),
                doc=f"Mean of the group means of {part} over the edits that all models of the "
                "released table answered.",
                terms=(Term(column=column, levels=(1,), where={"intersection": "yes"}),),
            ),
            Variant(
                name=f"G_{part}_strict", title=f"{what}, mean of groups, strict", range=(0, 10),
                doc=f"Mean of the eleven group means of {part} over all planned edits.",
                terms=(Term(column=f"judge.{part}", levels=(1,)),), profile="strict",
            ),
            Variant(
                name=f"samples_{part}", title=f"{what}, mean of edits", range=(0, 10),
                doc=f"Mean of {part} over all planned edits, whatever their group, faults of the "
                "model counted 0: lmms-eval's formula.",
                terms=(Term(column=f"judge.{part}"),), profile="strict",
            ),
        ]  # fmt: skip
    return tuple(found)


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The one metric, `judge`."""
    from benchmarks.editing.gedit.judging import metric

    return (metric(settings),)


BENCHMARK = Benchmark(
    name=NAME,
    title="GEdit-Bench",
    task="edit",
    version="1",
    licence="data MIT (hub card), code Apache-2.0 (stepfun-ai/Step1X-Edit)",
    citation="Step1X-Edit, stepfun-ai/Step1X-Edit@570eba6",
    suites=SUITES,
    default_suite="en",
    metrics=metrics,
    headline=Headline(name="G_O v1", variant="G_O_strict", floor="copy-source"),
    variants=_variants(),
    seeds=(42,),
    groups=tuple(Group(path=(name,), title=name.replace("_", " ")) for name in TITLES),
    policies=(
        Policy(
            profile="official",
            model_fault="drop",
            infrastructure_fault="drop",
            doc="As the released script: an edit without a picture is skipped. A reply that it "
            "cannot read becomes a random number there, and has none here.",
        ),
        STRICT_POLICY,
    ),
    anchors=("copy-source",),
    published=published,
    needs=(
        "a judge that sees two pictures; gpt-4.1 in the released tables",
        "for official words: --judge-prompt viescore/vie_prompts.py of Step1X-Edit or BAGEL",
        "pyarrow, to unpack the data set once",
    ),
    cost="1,212 judge calls per model and language, one or two pictures each",
    defects=(
        "GEDIT-1: a reply that cannot be read twice becomes a random number from 0 to 10.",
        "GEDIT-2: a reply in braces that cannot be parsed is asked for again without end.",
        "GEDIT-3: one number, three or none pass for two.",
        "GEDIT-4: numbers out of range pass.",
        "GEDIT-6: a group without an edit makes the average NaN.",
        "GEDIT-7: edits without a picture are skipped.",
    ),
    doc="Edits that users asked for, in eleven groups. A judge grades each twice: source and "
    "result for success and restraint, the result alone for naturalness and artefacts. SC and PQ "
    "are the smaller of two grades, O is the root of their product, and G_SC, G_PQ and G_O are "
    "means of group means (G_O is not the root of G_SC times G_PQ). The result is brought to the "
    "size of the source before it is judged, as released. The model is given the picture that the "
    "judge sees (`input_image`).",
)
