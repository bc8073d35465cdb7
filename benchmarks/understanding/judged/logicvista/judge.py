"""LogicVista's judge: it names the options that a reply chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from benchmarks.understanding.asking import (
    JUDGED_ONCE,
    by_rules,
    released,
    scripts_for,
    told,
)
from benchmarks.understanding.judged.logicvista.data import LogicVistaReference
from benchmarks.understanding.judged.logicvista.scoring import (
    official_hit,
    official_letters,
    strict_choice,
    strict_hit,
)
from benchmarks.understanding.replies import share
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import Item
from judges.interview import Said, Turn, interview, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script
from metrics.answers import read_answer


def read_labels(answer: str, reply: str) -> Parsed:
    """Whether the labels that a judge names are those of the answer."""
    chosen = strict_choice(reply)
    if chosen.reason:
        return Parsed(status="unparsed", reason=chosen.reason)
    return Parsed(
        status="ok",
        scores={"right": float(strict_hit(chosen, answer))},
        reasons={"right": ", ".join(chosen.labels) or "none of the options"},
    )


def ask(script: Script, item: Item, said: Said) -> Sequence[Turn]:
    """One question; none about an empty reply, which is wrong."""
    reply = item.prediction.text or ""
    if said or not reply.strip():
        return ()
    own = replace(script, read=partial(read_labels, item.sample.reference.answer))
    question = told(question=item.sample.reference.question, reply=reply)
    return (Turn(name="choose", script=own, question=question),)


def mark(item: Item, said: Said) -> Marks:
    """Strict and released verdict on one reply."""
    if not said:
        return Marks(parts={"accuracy": 0.0, "official": 0.0})
    verdict, raw = said["choose"], released(said, "choose")
    strict = verdict.scores["right"] if verdict.status == "ok" else None
    official = strict
    if raw is not None:
        letters = official_letters(raw)
        answer = item.sample.reference.answer
        official = None if letters is None else float(official_hit(letters, answer))
    notes = {"official": JUDGED_ONCE} if official is None else {}
    failure = unread(said)
    if failure:
        notes["accuracy"] = failure
    return Marks(parts={"accuracy": strict, "official": official}, notes=notes, failure=failure)


def check(reference: LogicVistaReference, reply: str) -> tuple[bool, str]:
    """Whether a reply is right as far as it can be read without a judge."""
    chosen = strict_choice(reply)
    if chosen.reason:
        one = read_answer(reply, "choice", ("",) * 8)
        if one.reason:
            return False, one.reason
        chosen = strict_choice(one.value)
    return strict_hit(chosen, reference.answer), ""


QUANTITIES = (
    share("accuracy", "All options of the answer are chosen, and no other."),
    share("official", "The same as VLMEvalKit reads the judge.", "official"),
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The judge, and rules that need none."""
    script = scripts_for("logicvista", settings)["choose"]
    judge = interview(
        settings, quantities=QUANTITIES, scripts=[script], ask=partial(ask, script), mark=mark,
        also={"rules": 1},
    )  # fmt: skip
    return (judge, by_rules("logicvista 1", check))
