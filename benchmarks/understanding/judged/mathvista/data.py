"""MathVista's questions: VLMEvalKit's table, or the files of the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.common.records import Record
from benchmarks.understanding.judged.mathvista.scoring import Question, question_of, read_names
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.errors import UserError
from evals.core.types import Sample

TASKS = {
    "FQA": "figure question answering",
    "GPS": "geometry problem solving",
    "MWP": "math word problem",
    "TQA": "textbook question answering",
    "VQA": "visual question answering",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class MathVistaReference:
    """What is right.

    Attributes:
        answer: the letter of the right option, or the answer.
        question: for the rules.
        asked: the question as the judge is told it.
    """

    answer: str
    question: Question
    asked: str


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by its task.

    Raises:
        UserError: a field is missing or says something unknown.
    """
    question, asked = _question(record), record.need("question")
    skills = record.values.get("skills") or []
    skills = read_names(skills) if isinstance(skills, str) else [str(s) for s in skills]
    answer = question.answer_option or question.answer
    return table.build(
        record,
        table.ask(asked),
        MathVistaReference(answer=answer, question=question, asked=asked),
        id=record.need("index"),
        group=(_task(record.get("task"), record.where),),
        strata={
            "answer": "option" if question.choices else question.answer_type,
            **dict.fromkeys(skills, "needed"),
        },
    )


def _question(record: Record) -> Question:
    try:
        question = question_of(record.values)
    except (KeyError, ValueError, SyntaxError, TypeError) as error:
        raise UserError(f"{record.where} is no question ({error}); get the file again.") from error
    kinds = {"multi_choice", "free_form"}, {"text", "integer", "float", "list"}
    if question.question_type not in kinds[0] or question.answer_type not in kinds[1]:
        raise UserError(
            f"{record.where} has a question of type {question.question_type!r} with an answer of "
            f"type {question.answer_type!r}, which MathVista does not have; get the file again."
        )
    if question.question_type != "multi_choice":
        return replace(question, choices=(), answer_option="")
    if question.answer_option not in question.options:
        letters = [k for k, text in question.options.items() if text == question.answer]
        if len(letters) != 1:
            raise UserError(f"{record.where}: its answer is none of its choices, or two of them.")
        return replace(question, answer_option=letters[0])
    return question


def _task(written: str, where: str) -> str:
    short = {title: name for name, title in TASKS.items()}.get(written.lower(), written)
    if short not in TASKS:
        raise UserError(f"{where} has the task {written!r}; known are {', '.join(TASKS.values())}.")
    return short


def convert(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of AI4Math/MathVista, which has some columns of the table within others."""
    about = row["metadata"] or {}
    told = {name: about.get(name) for name in ("task", "skills")}
    return {**row, **told, "index": row["pid"], "question": row["query"]}


TABLE = KitTable(
    benchmark="mathvista",
    suite="mini",
    title="the testmini split",
    key="MathVista_MINI",
    md5="f199b98e178e5a2a20e7048f5dcb0464",
    size=1000,
    sample=sample,
    hub=HubFiles(
        dataset="AI4Math/MathVista", files="data/testmini-*.parquet", pictures=("decoded_image",),
        convert=convert,
    ),
    terms="CC BY-SA 4.0, see the data set's card",
)  # fmt: skip
