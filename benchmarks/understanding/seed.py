"""SEED-Bench, its image part: multiple choice in nine dimensions of understanding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.choices import lmms
from benchmarks.understanding.choices.benchmark import UNKNOWN, choice_benchmark, choice_variants
from benchmarks.understanding.choices.metric import Rule
from benchmarks.understanding.choices.questions import OTHER, ChoiceReference, choice_sample
from benchmarks.understanding.replies import percent
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.types import Group, PublishedRow, Sample

GROUPS = (
    *(
        Group(path=(name,), title=name)
        for name in (
            "Scene Understanding", "Instance Identity", "Instance Attributes",
            "Instance Location", "Instances Counting", "Spatial Relation",
            "Instance Interaction", "Visual Reasoning", "Text Understanding",
        )
    ),
    OTHER,
)  # fmt: skip


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its dimension."""
    return choice_sample(record, table, GROUPS, (record.get("category"),))


def first_character(reply: str, reference: ChoiceReference) -> bool:
    """lmms-eval's rule: the first character of the reply is the letter, in either case."""
    return lmms.seed_letter(reply).lower() == reference.answer.lower()


LMMS = Rule(
    name="lmms", label="lmms-eval", right=first_character,
    doc="Right by lmms-eval's rule: the first character of the reply, whatever it belongs to.",
)  # fmt: skip


def convert(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of lmms-lab-encoder/SEED-Bench; dimensions have numbers there, from 1."""
    options = {c: str(row[f"choice_{c.lower()}"]) for c in lmms.FOUR}
    kind = row.get("question_type_id")
    dimension = GROUPS[int(kind) - 1].title if kind is not None and 0 < int(kind) < 10 else ""
    return {
        "index": str(row["question_id"]), "question": row["question"], "answer": row["answer"],
        "category": dimension, **options,
    }  # fmt: skip


TABLE = KitTable(
    benchmark="seed",
    suite="image",
    title="the image part, 14,232 questions",
    key="SEEDBench_IMG",
    folder="benchmarks/SEEDBench",
    md5="68017231464752261a2526d6ca3a10c0",
    size=14_232,
    sample=sample,
    hub=HubFiles(
        dataset="lmms-lab-encoder/SEED-Bench", files="data/test-*.parquet",
        only={"data_type": "image"}, convert=convert,
    ),
)  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """All printed tables with a SEED column."""
    columns = {"score": ("", "=exact", 1.0)}
    part = "data: whether the image part alone or images and videos are meant is not told"
    likely = "data: which table of VLMEvalKit was used is not told; the image part is likely"
    return printed_rows(
        Printed(
            table="SEED", suite="image", columns=columns, source="arXiv:2603.09877",
            differences=(*UNKNOWN, likely),
        ),
        Printed(
            table="SEED", suite="image", columns=columns, lacking="arXiv:2603.09877",
            differences=(*UNKNOWN, part),
        ),
    )  # fmt: skip


BENCHMARK = choice_benchmark(
    TABLE,
    title="SEED-Bench (image)",
    citation="arXiv:2307.16125; ",
    rule=LMMS,
    variants=choice_variants(
        percent("lmms", "lmms-eval", "Share of questions whose reply begins with the right letter, "
                "as lmms-eval counts; its own wording of the questions differs.", "lmms"),
    ),
    groups=GROUPS,
    published=published,
    defects=(
        "SEED-1: lmms-eval takes the first character of a reply for its answer: 'Because' is B, "
        "and '(B)' is wrong.",
    ),
)  # fmt: skip
