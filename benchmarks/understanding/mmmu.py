"""MMMU: questions of college exams in 30 subjects, with up to seven pictures each."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.common.published import Printed, printed_rows
from benchmarks.common.records import Record
from benchmarks.understanding.choices import mmmu_authors as authors
from benchmarks.understanding.choices.benchmark import UNKNOWN, choice_benchmark, choice_variants
from benchmarks.understanding.choices.metric import Rule
from benchmarks.understanding.choices.questions import (
    OTHER,
    ChoiceReference,
    choice_sample,
    lettered,
    plain,
)
from benchmarks.understanding.replies import percent
from benchmarks.understanding.table import HubFiles, KitTable
from evals.core.types import Group, PublishedRow, Sample

GROUPS = (
    *(
        Group(path=path, title=path[-1].replace("_", " "))
        for domain, subjects in authors.DOMAINS.items()
        for path in ((domain,), *((domain, subject) for subject in subjects))
    ),
    OTHER,
)

_PLACES = {
    plain(subject): (domain, subject)
    for domain, subjects in authors.DOMAINS.items()
    for subject in subjects
}


def sample(record: Record, table: KitTable) -> Sample:
    """A question, placed by domain and subject; its kind and number of pictures are strata."""
    named = (record.get("category"), authors.subject_of(record.get("id")))
    names = next((_PLACES[plain(name)] for name in named if plain(name) in _PLACES), ())
    made = choice_sample(record, table, GROUPS, names)
    kind = "open" if made.reference.open else "multiple choice"
    return replace(made, strata={**made.strata, "kind": kind, "pictures": str(len(made.images))})


def authors_right(reply: str, reference: ChoiceReference) -> bool:
    """The rule of MMMU's authors, as BAGEL carries it; wrong where it draws at random."""
    if reference.open:
        return authors.is_open_right(list(reference.answers), authors.read_open(reply))
    return authors.read_choice(reply, reference.options) == reference.answer


AUTHORS = Rule(
    name="authors", label="MMMU authors", right=authors_right,
    doc="Right by the rules of MMMU's authors (BAGEL); wrong where these draw a letter at random.",
)  # fmt: skip


def convert(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of lmms-lab-encoder/MMMU, whose options are a list written as text."""
    options = ast.literal_eval(row["options"]) if row["question_type"] != "open" else []
    return {
        "index": row["id"], "id": row["id"], "question": row["question"], "answer": row["answer"],
        "category": authors.subject_of(row["id"]), **lettered(options),
    }  # fmt: skip


def _split(suite: str, title: str, name: str, size: int) -> KitTable:
    return KitTable(
        benchmark="mmmu", suite=suite, title=title, key="MMMU_DEV_VAL",
        md5="585e8ad75e73f75dcad265dfd0417d64", size=size, only={"split": name}, sample=sample,
        hub=HubFiles(
            dataset="lmms-lab-encoder/MMMU", files=f"data/{name}-*.parquet", convert=convert,
            pictures=tuple(f"image_{n}" for n in range(1, 8)),
        ),
    )  # fmt: skip


VAL = _split("val", "the validation split, 900 questions", "validation", 900)
DEV = _split("dev", "the development split, 150 questions", "dev", 150)


def published() -> tuple[PublishedRow, ...]:
    """All printed tables with an MMMU column."""
    columns = {"score": ("", "=exact", 1.0)}
    cot = (
        "judge: BAGEL's own evaluation has open answers judged by GPT-4o",
        "prompt: BAGEL's own evaluation asks for reasoning first, worth about two points",
    )
    return printed_rows(
        *(
            Printed(
                table="MMMU", suite="val", columns=columns, source=source, differences=differences
            )
            for source, differences in (
                ("arXiv:2603.09877", UNKNOWN), ("ByteDance-Seed/Bagel", cot),
                ("Lumina-DiMOO", UNKNOWN), ("deepseek-ai/Janus", UNKNOWN),
            )
        ),
        Printed(
            table="OpenCompass academic", suite="val", columns={"MMMU": ("", "=exact", 1.0)},
            differences=UNKNOWN,
        ),
    )  # fmt: skip


BENCHMARK = choice_benchmark(
    VAL,
    DEV,
    title="MMMU",
    citation="arXiv:2311.16502; ByteDance-Seed/Bagel@056b5fd; ",
    rule=AUTHORS,
    variants=choice_variants(
        percent("authors", "MMMU authors", "Share of questions answered right by the rules of "
                "MMMU's authors, as BAGEL counts; a letter that these draw at random is wrong "
                "here.", "authors"),
    ),
    groups=GROUPS,
    published=published,
    defects=(
        "MMMU-1: VLMEvalKit makes an open question a choice between its answer, as option A, and "
        "'Other Answers': the reply A is right.",
        "MMMU-2: where an open question has several right answers VLMEvalKit looks for the text of "
        "the whole list.",
        "MMMU-3: a reply without a readable letter gets one at random (MMMU's authors, BAGEL, "
        "lmms-eval); here it is wrong.",
        "MMMU-4: lmms-eval hands on a text where a list is meant, so that even the right answer to "
        "an open question is wrong; that number is not made here.",
        "MMMU-5: parts of a number count as numbers (MMMU's authors): 1,234 holds 234, and 1.5e3 "
        "holds 3.",
    ),
    doc="An open question (about one in twenty) is right strictly when the reply gives one right "
    "number, within half a percent, or says a right text in whole words. VLMEvalKit's default "
    "wording puts the pictures at their marks in the text; in the suites that use it here they "
    "stand before the text.",
)  # fmt: skip
