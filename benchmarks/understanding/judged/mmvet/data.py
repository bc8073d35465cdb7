"""MM-Vet's questions: VLMEvalKit's table, or the files of the hub."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.common.records import Record
from benchmarks.understanding.judged.mmvet.scoring import CAPABILITIES, capabilities_of
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.errors import UserError
from evals.core.types import Sample

COMBINATIONS = (
    "rec", "ocr", "rec know", "rec know gen", "rec spat", "ocr math", "ocr spat", "ocr spat math",
    "rec ocr", "rec ocr spat", "rec ocr know gen", "rec ocr gen spat", "ocr know spat",
    "rec know spat", "ocr gen spat", "rec ocr spat math",
)  # fmt: skip
"""The sixteen that occur."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MMVetReference:
    """What is right.

    Attributes:
        answer: parts joined by ``<AND>``, alternatives by ``<OR>``.
        question: as the judge is told it.
    """

    answer: str
    question: str


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its combination of capabilities.

    Raises:
        UserError: a field is missing, or its capabilities are not known.
    """
    written = record.need("category")
    needed = [c for c in CAPABILITIES if c in capabilities_of(written)]
    combination = " ".join(needed)
    if len(needed) != len(capabilities_of(written)) or combination not in COMBINATIONS:
        raise UserError(
            f"{record.where} asks for the capabilities {written!r}, which is none of the sixteen "
            "combinations of MM-Vet; get the file again."
        )
    question = record.need("question")
    return table.build(
        record,
        table.ask(question),
        MMVetReference(answer=record.need("answer"), question=question),
        id=record.need("index"),
        group=(combination,),
        strata=dict.fromkeys(needed, "needed"),
    )


TABLE = KitTable(
    benchmark="mmvet",
    suite="full",
    title="the whole official set",
    key="MMVet",
    md5="748aa6d4aa9d4de798306a63718455e3",
    size=218,
    sample=sample,
    hub=HubFiles(
        dataset="lmms-lab-encoder/MMVet", files="data/test-*.parquet",
        columns={"category": "capability", "index": "question_id"},
    ),
)  # fmt: skip
