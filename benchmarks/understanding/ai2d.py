"""AI2D: multiple choice about diagrams of school science."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.choices import lmms
from benchmarks.understanding.choices.benchmark import UNKNOWN, choice_benchmark, choice_variants
from benchmarks.understanding.choices.metric import Rule
from benchmarks.understanding.choices.questions import (
    OTHER,
    ChoiceReference,
    choice_sample,
    lettered,
)
from benchmarks.understanding.replies import percent
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.types import Group, PublishedRow, Sample

GROUPS = (
    *(
        Group(path=(name,), title=title)
        for name, title in {
            "atomStructure": "Atoms", "eclipses": "Eclipses", "faceParts": "Parts of a face",
            "foodChainsWebs": "Food chains and webs", "lifeCycles": "Life cycles",
            "moonPhaseEquinox": "Moon phases, equinox", "partsOfA": "Parts of a thing",
            "partsOfTheEarth": "Parts of the earth",
            "photosynthesisRespiration": "Photosynthesis, respiration",
            "rockCycle": "Cycle of rocks", "rockStrata": "Rock strata",
            "solarSystem": "Solar system", "typesOf": "Types of things", "volcano": "Volcanoes",
            "waterCNPCycle": "Cycles of water, C, N, P",
        }.items()
    ),
    OTHER,
)  # fmt: skip

_SIGNS = str.maketrans("", "", string.punctuation)


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by the kind of its diagram."""
    return choice_sample(record, table, GROUPS, (record.get("category"),))


def lmms_right(reply: str, reference: ChoiceReference) -> bool:
    """lmms-eval's rule: what its filter leaves is the letter, without signs and in either case."""
    said = lmms.ai2d_filter(reply).lower().translate(_SIGNS)
    return said == reference.answer.lower()


LMMS = Rule(
    name="lmms", label="lmms-eval", right=lmms_right,
    doc="Right by lmms-eval's rule: 'X.' at the start, else the whole reply without its signs.",
)  # fmt: skip


def convert(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of lmms-lab-encoder/ai2d, whose answer is the number of an option, from 0."""
    options = lettered(row["options"])
    return {
        "question": row["question"], "answer": list(options)[int(row["answer"])], **options,
    }  # fmt: skip


TABLE = KitTable(
    benchmark="ai2d",
    suite="test",
    title="the test split, 3,088 questions",
    key="AI2D_TEST",
    md5="0f593e0d1c7df9a3d69bf1f947e71975",
    size=3_088,
    sample=sample,
    hub=HubFiles(dataset="lmms-lab-encoder/ai2d", files="data/test-*.parquet", convert=convert),
)


def published() -> tuple[PublishedRow, ...]:
    """The OpenCompass columns of Ovis-U1's table."""
    return printed_rows(
        Printed(
            table="OpenCompass academic", suite="test", columns={"AI2D": ("", "=exact", 1.0)},
            differences=UNKNOWN,
        )
    )  # fmt: skip


BENCHMARK = choice_benchmark(
    TABLE,
    title="AI2D",
    citation="arXiv:1603.07396; ",
    rule=LMMS,
    variants=choice_variants(
        percent("lmms", "lmms-eval", "Share of questions answered right by lmms-eval's rule; its "
                "wording of the questions differs.", "lmms"),
    ),
    groups=GROUPS,
    published=published,
    defects=(
        "AI2D-1: lmms-eval reads a letter only when the reply begins with it and a dot; 'The "
        "answer is B' is wrong.",
    ),
)  # fmt: skip
