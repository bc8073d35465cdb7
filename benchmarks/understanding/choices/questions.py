"""Multiple-choice questions: what is right, and a sample of every record."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.common.records import Record
from benchmarks.understanding.prompts import LETTERS
from benchmarks.understanding.table import KitTable
from evals.core.errors import UserError
from evals.core.types import Group, Sample

OTHER = Group(path=("other",), title="Other categories")
"""Where a question goes whose category is not in the taxonomy; its own name is a stratum."""

_EMPTY_FOR_PANDAS = frozenset({
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
})  # fmt: skip
"""Texts that pandas reads as an empty cell, and VLMEvalKit therefore as an absent option."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceReference:
    """What is right, and what else scoring needs to know of a question.

    Attributes:
        answer: the letter; of an open question, a right text.
        question: what was asked, without its options.
        options: their texts, A first; empty for an open question.
        answers: all right texts of an open question; empty otherwise.
        written: the answer of an open question as the table has it.
    """

    answer: str
    question: str
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    written: str = ""

    @property
    def open(self) -> bool:
        """Whether it is to be answered with a text of one's own."""
        return not self.options

    def seen_by_pandas(self) -> dict[str, str]:
        """Letter -> text as VLMEvalKit reads them: an option called ``None`` is none."""
        named = zip(LETTERS, self.options, strict=False)
        return {c: text for c, text in named if text and text not in _EMPTY_FOR_PANDAS}


def reference_of(record: Record) -> ChoiceReference:
    """What is right in a record.

    Raises:
        UserError: it has no question or no answer, or the answer is none of the options.
    """
    question, written = record.get("question"), record.get("answer").strip()
    if not question or not written:
        lacking = "answer" if question else "question"
        raise UserError(
            f"{record.where} has no {lacking}; a split without answers cannot be scored."
        )
    texts = [record.get(c) for c in LETTERS]
    options = tuple(texts[: max((n for n, t in enumerate(texts, 1) if t), default=0)])
    if not options:
        answers = tuple(right_texts(written))
        return ChoiceReference(
            answer=answers[0], question=question, answers=answers, written=written
        )
    if written not in LETTERS[: len(options)] or len(written) != 1:
        raise UserError(
            f"{record.where} has the answer {written!r}, which is none of its {len(options)} "
            "options; get the table again."
        )
    return ChoiceReference(answer=written, question=question, options=options)


def right_texts(written: str) -> list[str]:
    """The right texts of an open question: one, or several written as a list.

    >>> right_texts("['24/7', '3.429']"), right_texts("[0, 1]")
    (['24/7', '3.429'], ['[0, 1]'])
    """
    if written.startswith("["):
        try:
            found = ast.literal_eval(written)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [written]
        texts = found if isinstance(found, list) else []
        if texts and all(isinstance(one, str) and one.strip() for one in texts):
            return texts
    return [written]


def choice_sample(
    record: Record, table: KitTable, groups: Sequence[Group] = (), names: Sequence[str] = ()
) -> Sample:
    """The sample of a record.

    Args:
        record: with ``question``, ``answer``, a column per option, and perhaps ``hint`` and
            ``category``.
        table: that it is from.
        groups: the taxonomy; empty for none.
        names: of the question in the taxonomy, from the top.

    Raises:
        UserError: as `reference_of`.
    """
    reference, category = reference_of(record), record.get("category")
    # Several pictures count as one; rotations of a question share theirs.
    shown = {"cluster": "+".join(path.stem for path in record.images)} if record.images else {}
    return table.build(
        record,
        table.ask(reference.question, reference.options, record.get("hint")),
        reference,
        group=place(groups, names) if groups else (),
        strata={"category": category} if category else {},
        **shown,
    )


def lettered(options: Iterable[Any]) -> Mapping[str, str]:
    """Options by letter, A first, as the columns of a table."""
    return {c: str(text) for c, text in zip(LETTERS, options, strict=False)}


def place(groups: Sequence[Group], names: Sequence[str]) -> tuple[str, ...]:
    """The path in a taxonomy that has these names, or `OTHER`; signs and case do not count.

    >>> place([Group(path=("ocr",), title="Reading")], ["O-C-R"]), place([], ["x"])
    (('ocr',), ('other',))
    """
    return _paths(tuple(groups)).get(tuple(map(plain, names)), OTHER.path)


@cache
def _paths(groups: tuple[Group, ...]) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {tuple(map(plain, g.path)): g.path for g in groups}


def plain(name: str) -> str:
    """A name without signs and capitals: ``O-C-R`` is ``ocr``."""
    return "".join(c for c in name.casefold() if c.isalnum())
