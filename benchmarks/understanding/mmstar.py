"""MMStar: multiple choice that cannot be answered without looking, in six core abilities."""

from __future__ import annotations

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.choices import lmms
from benchmarks.understanding.choices.benchmark import (
    LMMS_DEFECT,
    UNKNOWN,
    choice_benchmark,
    choice_variants,
)
from benchmarks.understanding.choices.metric import Rule
from benchmarks.understanding.choices.questions import OTHER, ChoiceReference, choice_sample
from benchmarks.understanding.replies import percent
from benchmarks.understanding.table import KitTable
from evals.core.types import Group, PublishedRow, Sample

ABILITIES: dict[str, tuple[str, ...]] = {
    "coarse perception": ("image scene and topic", "image style & quality", "image emotion"),
    "fine-grained perception": ("object counting", "recognition", "localization"),
    "instance reasoning": (
        "single-instance reasoning", "cross-instance attribute reasoning",
        "cross-instance relation reasoning",
    ),
    "logical reasoning": (
        "code & sequence reasoning", "diagram reasoning", "common reasoning",
    ),
    "science & technology": (
        "biology & chemistry & physics", "electronics & energy & mechanical eng.",
        "geography & earth science & agriculture",
    ),
    "math": ("geometry", "numeric commonsense and calculation", "statistical reasoning"),
}  # fmt: skip
"""Core ability -> its three axes."""

GROUPS = (
    *(
        Group(path=path, title=path[-1].capitalize())
        for ability, axes in ABILITIES.items()
        for path in ((ability,), *((ability, axis) for axis in axes))
    ),
    OTHER,
)


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by core ability and axis.

    The axis is in a column that is written in two ways.
    """
    axis = record.get("l2_category") or record.get("l2-category")
    names = (record.get("category"), axis) if axis else (record.get("category"),)
    return choice_sample(record, table, GROUPS, names)


def lmms_right(reply: str, reference: ChoiceReference) -> bool:
    """lmms-eval's rule."""
    return lmms.mmstar_score(reply, reference.answer) == 1.0


LMMS = Rule(
    name="lmms", label="lmms-eval", right=lmms_right,
    doc="Right by lmms-eval's extraction of a letter from A to D.",
)  # fmt: skip

TABLE = KitTable(
    benchmark="mmstar",
    suite="full",
    title="1,500 questions",
    key="MMStar",
    md5="e1ecd2140806c1b1bbf54b43372efb9e",
    size=1_500,
    sample=sample,
)


def published() -> tuple[PublishedRow, ...]:
    """The OpenCompass columns of Ovis-U1's table."""
    return printed_rows(
        Printed(
            table="OpenCompass academic", suite="full", columns={"MMStar": ("", "=exact", 1.0)},
            differences=UNKNOWN,
        )
    )  # fmt: skip


BENCHMARK = choice_benchmark(
    TABLE,
    title="MMStar",
    citation="arXiv:2403.20330; ",
    rule=LMMS,
    variants=choice_variants(
        percent("lmms", "lmms-eval", "Mean over the 18 axes of the share answered right by "
                "lmms-eval's rule, as lmms-eval counts; its wording of the questions differs.",
                "lmms", levels=(2,)),
    ),
    groups=GROUPS,
    published=published,
    defects=(LMMS_DEFECT,),
)  # fmt: skip
