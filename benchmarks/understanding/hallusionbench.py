"""HallusionBench: the same questions about pictures and about edited ones.

Rules: `benchmarks.understanding.yes_no.reading`; how they add up: `...yes_no.hallusion_sums`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.replies import (
    KIT_POLICY,
    OWN_WRAPPER,
    Marked,
    ReplyMetric,
    percent,
    share,
)
from benchmarks.understanding.table import HubFiles, KitTable
from benchmarks.understanding.yes_no.hallusion_sums import rule_is_right
from benchmarks.understanding.yes_no.metric import (
    COST,
    NEEDS,
    QUANTITIES,
    YesNoReference,
    marks,
    reference_of,
    with_judge,
)
from evals.core.aggregation import STRICT_POLICY, Headline, Variant
from evals.core.errors import UserError
from evals.core.protocols import Benchmark
from evals.core.types import Group, Profile, PublishedRow, Sample

CATEGORIES = {"VD": "visual dependent", "VS": "visual supplement"}
FIELDS = ("category", "subcategory", "visual_input", "set_id", "figure_id", "question_id")


# --- data -------------------------------------------------------------------------------------


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its category; its index is ``VD_chart_1_0_2_3``, see `FIELDS`.

    Raises:
        UserError: the index is another, or something is missing.
    """
    name = record.need("index")
    place = name.split("_")
    if len(place) != len(FIELDS) or place[0] not in CATEGORIES:
        raise UserError(
            f"{record.where}: {name!r} is not category, subcategory, visual input, set, figure and "
            "question; get the file again."
        )
    category, subcategory, _, part, figure, number = place
    unit = f"{category}_{subcategory}_{part}"
    reference = reference_of(record)
    return table.build(
        record, table.ask(reference.question), reference, group=(category,),
        cluster=record.picture.stem,
        strata={"subcategory": f"{category} {subcategory}", "answer": reference.answer},
        keys={"figure": f"{unit}_{figure}", "question": f"{unit}_{number}"},
    )  # fmt: skip


def convert(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of lmms-lab-encoder/HallusionBench."""
    index = "_".join(str(row[name]) for name in FIELDS)
    return {"index": index, "question": row["question"], "answer": row["gt_answer"]}


TABLE = KitTable(
    benchmark="hallusionbench",
    suite="image",
    title="the questions that come with a picture",
    key="HallusionBench",
    md5="0c23ac0dc9ef46832d7a24504f2a0c7c",
    size=951,
    sample=sample,
    hub=HubFiles(
        dataset="lmms-lab-encoder/HallusionBench", files="data/image-*.parquet", convert=convert
    ),
)


# --- numbers ----------------------------------------------------------------------------------

RULE = share("yes_anywhere", "Right by lmms-eval's rule: 'yes' anywhere is yes, all else no.",
             "official", "lmms-eval's rule")  # fmt: skip


def _marks(reference: YesNoReference, reply: str) -> Marked:
    made = marks(reference, reply)
    right = rule_is_right(reply, "1" if reference.gold == "yes" else "0")
    return Marked(parts={**made.parts, RULE.name: float(right)}, read=made.read, notes=made.notes)


ANSWER = ReplyMetric(version="yes or no 1, anywhere 1", quantities=(*QUANTITIES, RULE), mark=_marks)


def _four(end: str, column: str, whose: str, profile: Profile = "official") -> tuple[Variant, ...]:
    rows = (("aAcc", "", "questions"), ("fAcc", "figure", "figures whose questions are all right"),
            ("qAcc", "question", "questions right about all of their figures"))  # fmt: skip
    three = tuple(
        percent(f"{name}{end}", f"{name}, {whose}", f"Share of {what}; {whose}.", column,
                profile=profile, key=key)
        for name, key, what in rows
    )  # fmt: skip
    mean = Variant(
        name=f"mean{end}", title=f"mean of the three, {whose}", profile=profile,
        doc=f"Mean of aAcc, fAcc and qAcc, as papers quote it; {whose}.", range=(0.0, 100.0),
        of=tuple(v.name for v in three), unit="%",
    )  # fmt: skip
    return (mean, *three)


VARIANTS = (
    *_four("_strict", "accuracy", "read strictly, every question counts", "strict"),
    *_four("", "vlmevalkit", "as VLMEvalKit without a judge"),
    *_four("_judged", "judge.vlmevalkit", "as VLMEvalKit with a judge for unread replies"),
    *_four("_lmms", "yes_anywhere", "by lmms-eval's rule"),
)


def published() -> tuple[PublishedRow, ...]:
    """Rows of the OpenCompass tables."""
    return printed_rows(
        Printed(
            table="OpenCompass academic", suite="image",
            columns={"HallusionBench": ("", "=mean", 1.0)},
            differences=(
                "protocol: VLMEvalKit's default asks a judge about replies that it cannot read; "
                "whether it was asked, and which, is not printed",
                OWN_WRAPPER,
            ),
        ),
    )  # fmt: skip


BENCHMARK = Benchmark(
    name=TABLE.benchmark,
    title="HallusionBench",
    task="understand",
    version="1",
    licence="data: BSD-3-Clause (repository of its authors; not checked); code of the rules: "
    "VLMEvalKit Apache-2.0, lmms-eval MIT",
    citation="arXiv:2310.14566; open-compass/VLMEvalKit@e8e78f05, "
    "EvolvingLMMs-Lab/lmms-eval@75571cfe",
    suites=TABLE.suites(),
    default_suite="image",
    metrics=partial(with_judge, ANSWER),
    headline=Headline(name="mean of aAcc, fAcc, qAcc, strict v1", variant="mean_strict"),
    variants=VARIANTS,
    groups=tuple(Group(path=(name,), title=title) for name, title in CATEGORIES.items()),
    policies=(KIT_POLICY, STRICT_POLICY),
    published=published,
    needs=NEEDS,
    cost=COST,
    defects=(
        "HALLUSION-1: VLMEvalKit prints three accuracies, and papers quote their mean.",
        "HALLUSION-2: lmms-eval's rule takes every reply without 'yes' for no, silence too.",
        "HALLUSION-3: in lmms-eval's judged path, which is not repeated here, an unclear reply is "
        "right where no picture is shown, and such questions leave fAcc.",
    ),
    doc="951 yes-or-no questions about pictures and edited versions of them. aAcc is over "
    "questions, fAcc over figures whose questions are all right, qAcc over questions that are "
    "right about all of their figures; the headline is their mean.",
)  # fmt: skip
