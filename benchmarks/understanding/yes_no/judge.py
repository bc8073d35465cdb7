"""A judge that reads yes-or-no replies which rules cannot read.

VLMEvalKit asks gpt-4o-mini about replies that its rule cannot read, unless told otherwise. Only
these cost a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

from benchmarks.understanding.asking import rubric, told, words_of
from benchmarks.understanding.replies import ASKED, share
from benchmarks.understanding.yes_no.metric import YesNoReference
from benchmarks.understanding.yes_no.reading import Said, strict_said, vlmeval_said
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from judges import interview
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script, with_official

HOLES = {"question": "{question}", "reply": "{prediction}"}
"""What stands for the fields in the user's file of the official prompt."""

QUANTITIES = (
    share("accuracy", "Right, strictly read; a judge reads what rules cannot."),
    share("vlmevalkit", "Right by VLMEvalKit's rule, or by its judge where that reads nothing.",
          "official", "VLMEvalKit"),
    ASKED,
)  # fmt: skip


def read_word(reply: str) -> Parsed:
    """The one word that a judge answers with.

    >>> read_word("**Yes**.").scores, read_word("unknown").scores
    ({'yes': 1.0, 'no': 0.0}, {'yes': 0.0, 'no': 0.0})
    """
    word = words_of(reply).lower()
    if word not in {"yes", "no", "unknown"}:
        return Parsed(status="unparsed", reason="the reply is not Yes, No or Unknown")
    return Parsed(status="ok", scores={name: float(name == word) for name in ("yes", "no")})


@cache
def _own() -> Script:
    return rubric("yes_no", {"word": ("yes or no 1", read_word)})["meaning"]


def _ask(script: Script, item: Item, said: interview.Said) -> tuple[interview.Turn, ...]:
    reference: YesNoReference = item.sample.reference
    reply = item.prediction.text or ""
    if said or not reply.strip() or (strict_said(reply) and vlmeval_said(reply)):
        return ()
    question = told(question=reference.question, reply=reply)
    return (interview.Turn(name="meaning", script=script, question=question),)


def _mark(item: Item, said: interview.Said) -> Marks:
    reference: YesNoReference = item.sample.reference
    reply = item.prediction.text or ""
    gold = reference.gold
    strict, official = strict_said(reply), vlmeval_said(reply)
    judged = _meaning(said)
    notes: dict[str, str] = {}
    if said and not official:
        # The released script reads its judge by the rule by which it reads a model.
        one = interview.one_judge(said)
        official = vlmeval_said(interview.raw_of(said, "meaning")) if one else judged or ""
        if not official:
            notes["vlmevalkit"] = (
                "counted as wrong: the judge reads neither; the released script asks up to four "
                "more times at a rising temperature"
            )
    parts: dict[str, float | None] = {
        "vlmevalkit": float(official == gold),
        "asked": float(bool(said)),
        "accuracy": float((strict or judged or "") == gold),
    }
    failure = ""
    if not strict and said and judged is None:
        parts["accuracy"] = None
        failure = notes["accuracy"] = interview.unread(said)
    return Marks(parts=parts, notes=notes, failure=failure)


def _meaning(said: interview.Said) -> Said | None:
    """What a judge, or most of a panel, reads; None when its reply cannot be read."""
    verdict = said.get("meaning")
    if verdict is None or verdict.status != "ok":
        return None
    scores: Mapping[str, float] = verdict.scores
    return "yes" if scores["yes"] > 0.5 else "no" if scores["no"] > 0.5 else ""


def yes_no_judge(settings: ScoringSettings) -> interview.InterviewMetric:
    """The metric ``judge``; absent when no judge is named.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    script = _own()
    if settings.judging.prompt is not None:
        script = with_official(script, settings.judging.prompt, "", HOLES)
    return interview.interview(
        settings, quantities=QUANTITIES, scripts=(script,), ask=partial(_ask, script), mark=_mark
    )
