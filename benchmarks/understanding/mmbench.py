"""MMBench, the English development split: every question asked with its options in rotation."""

from __future__ import annotations

from dataclasses import replace

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
from benchmarks.understanding.choices.vlmevalkit import ROTATION
from benchmarks.understanding.replies import percent
from benchmarks.understanding.table import KitTable
from evals.core.errors import UserError
from evals.core.types import Group, PublishedRow, Sample

ABILITIES: dict[str, tuple[str, ...]] = {
    "coarse_perception": (
        "image_emotion", "image_quality", "image_scene", "image_style", "image_topic",
    ),
    "finegrained_perception (instance-level)": (
        "attribute_recognition", "celebrity_recognition", "object_localization", "ocr",
    ),
    "finegrained_perception (cross-instance)": (
        "action_recognition", "attribute_comparison", "spatial_relationship",
    ),
    "attribute_reasoning": (
        "function_reasoning", "identity_reasoning", "physical_property_reasoning",
    ),
    "relation_reasoning": ("nature_relation", "physical_relation", "social_relation"),
    "logic_reasoning": ("future_prediction", "structuralized_imagetext_understanding"),
}  # fmt: skip
"""Group (``l2-category``) -> its abilities (``category``)."""

GROUPS = (
    *(
        Group(path=path, title=path[-1].replace("_", " ").capitalize())
        for group, abilities in ABILITIES.items()
        for path in ((group,), *((group, ability) for ability in abilities))
    ),
    OTHER,
)

KEY = "question"
"""Name of `Sample.keys`: the rotations of one question share it."""


def sample(record: Record, table: KitTable) -> Sample:
    """One rotation of a question, with the identity of the question, placed by its ability.

    Raises:
        UserError: its index is no whole number.
    """
    names = (record.get("l2-category") or record.get("L2-category"), record.get("category"))
    made = choice_sample(record, table, GROUPS, names)
    index = made.id.strip()
    if not index.isdecimal():
        raise UserError(f"{record.where} has the index {index!r}, no whole number; get it again.")
    rotation, question = divmod(int(index), ROTATION)
    return replace(
        made, keys={KEY: str(question)}, strata={**made.strata, "rotation": str(rotation)}
    )


def lmms_right(reply: str, reference: ChoiceReference) -> bool:
    """lmms-eval's rule without a judge, for one rotation."""
    texts = (*reference.options, *("nan",) * 4)[:4]
    choices = {c: text or "nan" for c, text in zip(lmms.FOUR, texts, strict=True)}
    said = reply.strip()
    letter = lmms.can_infer(said, choices) or lmms.extract_mcq_answer(said, sorted(choices))
    return letter == reference.answer


LMMS = Rule(
    name="lmms", label="lmms-eval", right=lmms_right,
    doc="Right by lmms-eval's rules, then by its extraction of a letter; of one rotation.",
)  # fmt: skip

TABLE = KitTable(
    benchmark="mmbench",
    suite="dev-en",
    title="the English development split, 4,329 rows: every rotation of every question",
    key="MMBench_DEV_EN",
    folder="benchmarks/MMBench",
    md5="b6caf1133a01c6bb705cf753bb527ed8",
    size=4_329,
    sample=sample,
)


def published() -> tuple[PublishedRow, ...]:
    """All printed tables with an MMBench column."""
    split = (
        "data: printed for another split or not told; the answers of the test splits are known to "
        "the MMBench server alone, and here it is the English development split"
    )
    return printed_rows(
        Printed(
            table="MMBench", suite="dev-en", columns={"score": ("", "=exact", 1.0)},
            differences=(split, *UNKNOWN),
        ),
        Printed(
            table="OpenCompass academic", suite="dev-en", columns={"MMBench": ("", "=exact", 1.0)},
            differences=(split, *UNKNOWN),
        ),
    )  # fmt: skip


BENCHMARK = choice_benchmark(
    TABLE,
    title="MMBench (dev, English)",
    citation="arXiv:2307.06281; ",
    rule=LMMS,
    variants=choice_variants(
        percent("lmms", "lmms-eval, static", "Share of questions right in every rotation by "
                "lmms-eval's rules without a judge; its wording of the questions differs.",
                "lmms", key=KEY),
        percent("vanilla", "VLMEvalKit, not circular", "Share of rows answered right by "
                "VLMEvalKit's rules, each rotation for itself: never lower than the circular "
                "number.", "exact"),
        of="questions (right in every rotation)",
        key=KEY,
    ),
    groups=GROUPS,
    published=published,
    defects=(
        LMMS_DEFECT,
        "MMBENCH-1: rotations that are absent from the predictions do not count against a question "
        "(VLMEvalKit, lmms-eval); strictly every planned rotation counts.",
        "MMBENCH-2: lmms-eval stores absent options as the text nan, which then occurs in words "
        "such as banana and makes the reply ambiguous.",
        "MMBENCH-3: lmms-eval knows the letter E where there are four options.",
    ),
    doc="A question is right when it is right with its options in every rotation.",
)  # fmt: skip
