"""LogicVista's questions: VLMEvalKit's table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.common.records import Record
from benchmarks.understanding.judged.logicvista.scoring import SKILLS, skills_of
from benchmarks.understanding.table import KitTable
from evals.core.errors import UserError
from evals.core.types import Sample

SEVERAL = "several skills"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogicVistaReference:
    """What is right.

    Attributes:
        answer: labels of the options, with a comma and a blank between them.
        question: as the judge is told it.
    """

    answer: str
    question: str


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its skill.

    Raises:
        UserError: a field is missing, or no known skill is named.
    """
    skills = skills_of(record.need("skill"))
    if not skills:
        raise UserError(
            f"{record.where} has the skills {record.get('skill')!r}; known are {', '.join(SKILLS)}."
        )
    question = record.need("question")
    return table.build(
        record,
        table.ask(question),
        LogicVistaReference(answer=record.need("answer"), question=question),
        group=(skills[0] if len(skills) == 1 else SEVERAL,),
        strata=dict.fromkeys(skills, "needed"),
    )


TABLE = KitTable(
    benchmark="logicvista",
    suite="full",
    title="the whole official set",
    key="LogicVista",
    md5="41c5d33adf33765c399e0e6ae588c061",
    size=448,
    sample=sample,
)
