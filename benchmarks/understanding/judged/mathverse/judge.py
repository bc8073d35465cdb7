"""MathVerse's judge: it extracts the answer, and compares it with the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from benchmarks.understanding.asking import (
    JUDGED_ONCE,
    read_text,
    released,
    scripts_for,
    told,
)
from benchmarks.understanding.judged.mathverse.data import MathVerseReference
from benchmarks.understanding.judged.mathverse.scoring import (
    official_judgement,
    same_as_answer,
    strict_judgement,
)
from benchmarks.understanding.replies import share
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import Item
from judges.interview import Said, Turn, interview, raw_of, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script


def read_comparison(reply: str) -> Parsed:
    """1 or 0."""
    found = strict_judgement(reply)
    if found.reason:
        return Parsed(status="unparsed", reason=found.reason)
    return Parsed(status="ok", scores={"same": float(found.value)})


def ask(scripts: Mapping[str, Script], item: Item, said: Said) -> Sequence[Turn]:
    """The extraction, and then the comparison, where they can tell anything."""
    reference: MathVerseReference = item.sample.reference
    reply = item.prediction.text or ""
    if not reply.strip():
        return ()
    if not said:
        script = replace(scripts["extract"], read=read_text)
        return (Turn(name="extract", script=script, question=told(reply=reply)),)
    if _decided(item, said) is not None or said["extract"].status != "ok":
        return ()
    script = replace(scripts["compare"], read=read_comparison)
    question = told(
        question=reference.asked, answer=reference.answer,
        extracted=raw_of(said, "extract").strip(),
    )  # fmt: skip
    return (Turn(name="compare", script=script, question=question),)


def _decided(item: Item, said: Said) -> bool | None:
    """Whether the reply is right where no comparison is needed; None where one is.

    An empty reply and one without an answer are wrong; an answer that is the right one letter for
    letter is right. Behind a panel the first judge's extraction is compared.
    """
    if not (item.prediction.text or "").strip():
        return False
    if "extract" not in said or said["extract"].status != "ok":
        return None
    if said["extract"].scores["found"] == 0:
        return False
    right: str = item.sample.reference.answer
    return True if same_as_answer(raw_of(said, "extract"), right) else None


def mark(item: Item, said: Said) -> Marks:
    """Strict and released verdict on one reply."""
    decided = _decided(item, said)
    if decided is not None:
        return Marks(parts={"accuracy": float(decided), "official": float(decided)})
    verdict = said.get("compare")
    strict = verdict.scores["same"] if verdict is not None and verdict.status == "ok" else None
    raw = released(said, "compare")
    judged = None if raw is None else official_judgement(raw)
    official = strict if raw is None else None if judged is None else float(judged)
    notes = {"official": JUDGED_ONCE} if official is None else {}
    failure = unread(said) if strict is None else ""
    if failure:
        notes["accuracy"] = failure
    return Marks(parts={"accuracy": strict, "official": official}, notes=notes, failure=failure)


QUANTITIES = (
    share("accuracy", "The extracted answer is the right one."),
    share("official", "The same as VLMEvalKit reads the judge.", "official"),
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The judge."""
    scripts = scripts_for("mathverse", settings)
    return (
        interview(
            settings, quantities=QUANTITIES, scripts=list(scripts.values()),
            ask=partial(ask, scripts), mark=mark, expected=lambda _: 2, also={"rules": 1},
        ),
    )  # fmt: skip
