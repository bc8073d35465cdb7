"""MathVista's judge: it extracts the answer out of a reply that plain rules cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from benchmarks.understanding.asking import (
    by_rules,
    is_nothing,
    released,
    scripts_for,
    told,
)
from benchmarks.understanding.judged.mathvista import lmms
from benchmarks.understanding.judged.mathvista.data import MathVistaReference
from benchmarks.understanding.judged.mathvista.scoring import (
    Question,
    official_asks,
    official_hit,
    official_prefetch,
)
from benchmarks.understanding.judged.mathvista.strict import strict_hit, strict_reading
from benchmarks.understanding.replies import share
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import Item
from judges.interview import Said, Turn, interview, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script


def read_extraction(question: Question, reply: str) -> Parsed:
    """What a judge extracted, and whether it is right; ``none`` is an answer that is wrong."""
    if is_nothing(reply) and reply.strip():
        return Parsed(status="ok", scores={"found": 0, "right": 0}, reasons={"right": "no answer"})
    reading = strict_reading(question, reply)
    if reading.reason:
        return Parsed(status="unparsed", reason=f"the extracted answer cannot be read: "
                      f"{reading.reason}")  # fmt: skip
    right = float(strict_hit(question, reading))
    return Parsed(
        status="ok", scores={"found": 1, "right": right}, reasons={"right": reading.value[:200]}
    )


def ask(script: Script, item: Item, said: Said) -> Sequence[Turn]:
    """The extraction, unless both rules can read the reply as it stands."""
    reference: MathVistaReference = item.sample.reference
    question, reply = reference.question, item.prediction.text or ""
    easy = not official_asks(official_prefetch(question, reply))
    if said or not reply.strip() or (easy and not strict_reading(question, reply).reason):
        return ()
    own = replace(script, read=partial(read_extraction, question))
    return (Turn(name="extract", script=own, question=told(question=reference.asked, reply=reply)),)


def mark(item: Item, said: Said) -> Marks:
    """Strict, released, and lmms-eval's verdict on one reply."""
    question, reply = item.sample.reference.question, item.prediction.text or ""
    verdict = said.get("extract")
    raw = released(said, "extract")
    reading = strict_reading(question, reply)
    right: float | None = None
    if not reading.reason:
        right = float(strict_hit(question, reading))
    elif verdict is None:  # an empty reply: nobody is asked
        right = 0.0
    elif verdict.status == "ok":
        right = verdict.scores["right"]
    found = official_prefetch(question, reply)
    prefetched = not official_asks(found)
    if prefetched:
        official: float | None = float(official_hit(question, str(found)))
    else:
        official = right if raw is None else float(official_hit(question, raw))
    quick = lmms.quick_extraction(question, reply)
    nearest: float | None = right
    if quick is not None or raw is not None:
        extracted = lmms.normalised(question, quick if quick is not None else raw or "")
        nearest = float(lmms.equal(extracted, question.answer))
    parts = {
        "accuracy": right, "official": official, "nearest": nearest,
        "prefetched": float(prefetched),
    }  # fmt: skip
    failure = unread(said) if right is None else ""
    return Marks(parts=parts, notes={n: failure for n, v in parts.items() if v is None},
                 failure=failure)  # fmt: skip


def check(reference: MathVistaReference, reply: str) -> tuple[bool, str]:
    """Whether a reply is right as far as it can be read without a judge."""
    reading = strict_reading(reference.question, reply)
    return strict_hit(reference.question, reading), reading.reason


QUANTITIES = (
    share("accuracy", "The answer is right; read by rules, or extracted by the judge."),
    share("official", "Right by VLMEvalKit's rules.", "official"),
    share("nearest", "Right by lmms-eval's rules, by which the nearest option is the answer.",
          "official"),
    share("prefetched", "Replies that VLMEvalKit reads without a judge.", "official"),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The judge, and rules that need none."""
    script = scripts_for("mathvista", settings)["extract"]
    judge = interview(
        settings, quantities=QUANTITIES, scripts=[script], ask=partial(ask, script), mark=mark,
        also={"rules": 1},
    )  # fmt: skip
    return (judge, by_rules("mathvista 1", check))
