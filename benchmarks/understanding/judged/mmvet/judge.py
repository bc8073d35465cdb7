"""MM-Vet's judge: it grades a reply from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from benchmarks.understanding.asking import (
    JUDGED_ONCE,
    released,
    scripts_for,
    told,
)
from benchmarks.understanding.judged.mmvet.scoring import official_grade, strict_grade
from benchmarks.understanding.replies import share
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import Item
from judges.interview import Said, Turn, interview, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script


def read_grade(reply: str) -> Parsed:
    """One number from 0 to 1."""
    found = strict_grade(reply)
    if found.value is None:
        return Parsed(status="unparsed", reason=found.reason)
    return Parsed(status="ok", scores={"grade": found.value})


def ask(script: Script, item: Item, said: Said) -> Sequence[Turn]:
    """One question; none about an empty reply, which is worth nothing."""
    reply = item.prediction.text or ""
    if said or not reply.strip():
        return ()
    # As released: the marks stand between blanks.
    answer = item.sample.reference.answer
    spaced = answer.replace("<AND>", " <AND> ").replace("<OR>", " <OR> ")
    question = told(question=item.sample.reference.question, answer=spaced, reply=reply)
    return (Turn(name="grade", script=replace(script, read=read_grade), question=question),)


def mark(item: Item, said: Said) -> Marks:
    """Strict and released grade of one reply."""
    if not said:
        return Marks(parts={"grade": 0.0, "official": 0.0})
    verdict, raw = said["grade"], released(said, "grade")
    strict = verdict.scores["grade"] if verdict.status == "ok" else None
    official, notes = strict, {}
    if raw is not None:
        grade = official_grade(raw)
        usable = grade.outcome == "ok" and grade.value is not None and grade.value == grade.value
        official = grade.value if usable else None
        if grade.outcome == "ok" and not usable:
            notes["official"] = "the judge says nan, which makes every released mean nan"
    if official is None:
        notes.setdefault("official", JUDGED_ONCE)
    failure = unread(said)
    if failure:
        notes["grade"] = failure
    return Marks(parts={"grade": strict, "official": official}, notes=notes, failure=failure)


QUANTITIES = (
    share("grade", "How much of the right answer the reply holds."),
    share("official", "The same as VLMEvalKit reads the judge.", "official"),
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The judge."""
    script = scripts_for("mmvet", settings)["grade"]
    return (
        interview(
            settings, quantities=QUANTITIES, scripts=[script], ask=partial(ask, script), mark=mark,
            also={"rules": 1},
        ),
    )  # fmt: skip
