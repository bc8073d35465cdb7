"""MathVista: whether a reply, or what a judge took out of it, is the right answer.

This repeats open-compass/VLMEvalKit@e8e78f05: a reply is first checked by rules, and only when they
read nothing out of it does a judge extract the answer, which is checked the same way. The same two
steps without the defects listed in docs/errata.md (MATHVISTA) are in `strict`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from benchmarks.understanding.choices.vlmevalkit import can_infer

QuestionType = Literal["multi_choice", "free_form"]
AnswerType = Literal["text", "integer", "float", "list"]
Value: TypeAlias = "str | int | float"

TRIES = 5
"""How often the judge is asked before a sample counts as wrong; at temperature 0, 0.5, 1, ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What the check of an answer needs to know.

    Attributes:
        question_type: with choices or without.
        answer_type: of the answer; choices are texts.
        answer: the right one, as text.
        choices: texts of the options, A first; empty without options.
        answer_option: letter of the right option; empty without options.
        precision: decimals of a float answer.
    """

    question_type: QuestionType
    answer_type: AnswerType
    answer: str
    choices: tuple[str, ...] = ()
    answer_option: str = ""
    precision: int = 2

    @property
    def options(self) -> dict[str, str]:
        """Letter -> text of an option."""
        return {chr(ord("A") + at): text for at, text in enumerate(self.choices)}


def official_prefetch(question: Question, reply: str) -> Value | None:
    """What stands for the answer when the reply is readable by rules; None: ask the judge.

    With choices any option that can be read, right or wrong; without, only a right answer.

    >>> whole = Question(question_type="free_form", answer_type="integer", answer="14")
    >>> official_prefetch(whole, " 14 "), official_prefetch(whole, "It is 14.")
    (14, None)
    """
    if question.question_type == "multi_choice":
        return can_infer(reply, question.options) or None
    found, right = _official_pair(question, reply)
    return found if found == right else None


def official_asks(prefetched: Value | None) -> bool:
    """Whether the judge is asked after `official_prefetch`: a right 0 counts as nothing."""
    return not prefetched


def official_hit(question: Question, result: str) -> bool:
    """Whether a result is right.

    Args:
        question: what was asked.
        result: what the judge extracted, or what `official_prefetch` found, as text.
    """
    if question.question_type == "multi_choice":
        return can_infer(result, question.options) == question.answer_option
    found, right = _official_pair(question, result)
    return found == right


def _official_pair(question: Question, text: str) -> tuple[Value | None, Value]:
    """What is compared: the value of a text, and the right one.

    When the text is no number there is none. Other types than numbers are not looked at: ``None``
    as text stands for every reply.
    """
    if question.answer_type not in {"integer", "float"}:
        return "None", question.answer
    convert = int if question.answer_type == "integer" else float
    try:
        found = convert(text)
    except ValueError:
        return None, question.answer
    try:
        return found, convert(question.answer)
    except ValueError:
        return found, question.answer


def read_names(written: str) -> list[str]:
    """Names in a field that is a Python list, or else one name.

    >>> read_names("['algebraic reasoning']"), read_names("numeric commonsense")
    (['algebraic reasoning'], ['numeric commonsense'])
    """
    try:
        names = ast.literal_eval(written)
    except (SyntaxError, ValueError):
        return [written]
    return [str(n) for n in names] if isinstance(names, list | tuple) else [written]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A checked sample.

    Attributes:
        task: e.g. ``FQA``.
        skills: all that it needs.
        prefetched: whether no judge was asked.
        hit: whether it is right.
    """

    task: str
    skills: Sequence[str]
    prefetched: bool
    hit: bool


def official_table(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Accuracy in percent over all samples, per skill and per task, in order of appearance."""
    total: Counter[str] = Counter()
    prefetched: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for row in rows:
        for name in ("Overall", *row.skills, row.task):
            total[name] += 1
            prefetched[name] += row.prefetched
            hits[name] += row.hit
    return [
        {
            "Task&Skill": name, "tot": n, "prefetch": prefetched[name], "hit": hits[name],
            "prefetch_rate": prefetched[name] / n * 100, "acc": hits[name] / n * 100,
        }
        for name, n in total.items()
    ]  # fmt: skip


def question_of(record: Mapping[str, Any]) -> Question:
    """The question of a record of the official table, whose choices are written as a list.

    Raises:
        KeyError: a column is missing.
    """
    written = record.get("choices") or "[]"
    choices = ast.literal_eval(written) if isinstance(written, str) else written
    return Question(
        question_type=record["question_type"],
        answer_type=record["answer_type"],
        answer=str(record["answer"]),
        choices=tuple(map(str, choices)),
        answer_option=str(record.get("answer_option") or ""),
        precision=int(float(record.get("precision") or 0)),
    )
