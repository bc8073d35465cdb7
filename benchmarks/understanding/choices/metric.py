"""Whether a multiple-choice question is answered right: strictly, and as released scripts say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks.understanding.choices.questions import ChoiceReference
from benchmarks.understanding.choices.vlmevalkit import (
    NO_ANSWER,
    OTHER_ANSWERS,
    Inferred,
    can_infer,
)
from benchmarks.understanding.replies import WRITTEN_NUMBER, Marked, ReplyMetric, share
from metrics.answers import Form, Reading, folded, read_answer, same_answer

TOLERANCE = 0.005
"""Largest difference of a number in the answer to an open question, as a share of the right one."""

# --- the official reading ---------------------------------------------------------------------


def official_choices(reference: ChoiceReference) -> tuple[dict[str, str], str]:
    """Options and right letter as VLMEvalKit has them; an open question is a choice of two."""
    if reference.open:
        return {"A": reference.written, "B": OTHER_ANSWERS}, "A"
    return reference.seen_by_pandas(), reference.answer


def official_letter(reply: str, reference: ChoiceReference) -> Inferred:
    """What VLMEvalKit's rules read of a reply."""
    return can_infer(reply, official_choices(reference)[0])


def exact(reply: str, reference: ChoiceReference) -> bool:
    """Whether VLMEvalKit calls a reply right without asking a judge."""
    letter = official_letter(reply, reference) or NO_ANSWER
    return letter == official_choices(reference)[1]


# --- the strict reading -----------------------------------------------------------------------


def strict_reading(reply: str, reference: ChoiceReference) -> tuple[Reading, bool]:
    """The one answer in a reply, and whether it is right.

    An open question is answered right by a number that is the right one (see `TOLERANCE`), or by a
    text that says a right one in whole words.
    """
    if not reference.open:
        found = read_answer(reply, "choice", reference.options)
        return found, not found.reason and found.value == reference.answer
    tried: list[Reading] = []
    for form, right in _RIGHT.items():
        answers = [a for a in reference.answers if _is_number(a) == (form == "number")]
        if answers:
            reading = read_answer(reply, form)
            if not reading.reason and any(right(reading.value, a) for a in answers):
                return reading, True
            tried.append(reading)
    return next((r for r in tried if not r.reason), tried[0]), False


def _equals(said: str, answer: str) -> bool:
    return same_answer(answer, said, "number", TOLERANCE)


def _says(said: str, answer: str) -> bool:
    wanted = " ".join(re.findall(r"\w+", answer.casefold()))
    if not wanted:
        return said.strip() == answer.strip()
    words = " ".join(re.findall(r"\w+", said.casefold()))
    return folded(said) == folded(answer) or f" {wanted} " in f" {words} "


_RIGHT: dict[Form, Callable[[str, str], bool]] = {"number": _equals, "text": _says}


def _is_number(text: str) -> bool:
    return WRITTEN_NUMBER.fullmatch(text.strip()) is not None


# --- the metric -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a released script decides whether a reply is right.

    Attributes:
        name: of its quantity.
        label: column heading.
        doc: whose rule it is, one sentence.
        right: (reply, reference) -> whether it is right; never raises.
    """

    name: str
    label: str
    doc: str
    right: Callable[[str, ChoiceReference], bool] = field(repr=False)


EXACT = Rule(
    name="exact", label="VLMEvalKit",
    doc="Right by VLMEvalKit's rules; a reply that they cannot read is wrong.", right=exact,
)  # fmt: skip


def choice_metric(rules: Sequence[Rule] = (EXACT,)) -> ReplyMetric:
    """Accuracy by a strict reading and by those of released scripts; VLMEvalKit's comes first."""
    quantities = (
        share("accuracy", "Share of questions answered right; a reply without one readable answer "
              "is wrong."),
        share("parsed", "Share of replies from which one answer could be read, right or wrong."),
        *(share(r.name, r.doc, "official", r.label) for r in rules),
        share("exact_parsed", "Share of replies that VLMEvalKit reads without a judge.",
              "official"),
    )  # fmt: skip
    return ReplyMetric(
        version=f"choice 1: {', '.join(r.name for r in rules)}", quantities=quantities,
        mark=partial(_marks, tuple(rules)),
    )  # fmt: skip


def _marks(rules: Sequence[Rule], reference: ChoiceReference, reply: str) -> Marked:
    found, right = strict_reading(reply, reference)
    letter = official_letter(reply, reference)
    parts = {
        "accuracy": float(right),
        "parsed": float(not found.reason),
        **{r.name: float(r.right(reply, reference)) for r in rules},
        "exact_parsed": float(bool(letter)),
    }
    notes = {"accuracy": f"counted as wrong: {found.reason}"} if found.reason else {}
    if not letter:
        notes["exact"] = "counted as wrong: VLMEvalKit's rules read no answer"
    return Marked(parts=parts, read=found.value, notes=notes, evidence={"VLMEvalKit": letter or ""})
