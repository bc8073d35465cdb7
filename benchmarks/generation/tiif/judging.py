"""The metric of TIIF-Bench: all questions about an image in one call to a judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files

from benchmarks.generation.tiif.data import TiifReference
from benchmarks.generation.tiif.scoring import (
    Tally,
    official_reading,
    official_tally,
    strict_reading,
    strict_tally,
)
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Quantity
from evals.core.verdicts import Verdict
from judges.interview import InterviewMetric, Said, Turn, interview, one_judge, raw_of, unread
from judges.metric import Marks, Question
from judges.parsing import Parsed
from judges.script import Script, load_scripts, with_official

TURN = "questions"
READS = "yes/no lines 1"

QUANTITIES = (
    Quantity(
        name="accuracy", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="Share of the questions about the image that are answered as expected.",
    ),
    Quantity(
        name="credit", range=(0.0, math.inf), direction="higher", worst=0.0, auxiliary=True,
        doc="Expected answers over the usual number of questions of a prompt of its dimension: its "
        "mean over a dimension is the share of all questions answered as expected, prompts "
        "without an image included.",
    ),
    Quantity(
        name="right_official", range=(0.0, math.inf), direction="higher", profile="official",
        label="right", auxiliary=True, doc="Expected answers, read as the released script does.",
    ),
    Quantity(
        name="asked_official", range=(0.0, math.inf), direction="higher", profile="official",
        label="asked", auxiliary=True, doc="Questions that the released script counts; 0 where it "
        "would ask the judge again, without end.",
    ),
)  # fmt: skip


def read_lines(reply: str, questions: int) -> Parsed:
    """One answer per question: ``q1`` and so on, 1 for yes and 0 for no."""
    reading = strict_reading(reply, questions)
    if reading.reason:
        return Parsed(status="unparsed", reason=reading.reason)
    scores = {f"q{n}": float(a == "yes") for n, a in enumerate(reading.answers, 1)}
    return Parsed(status="ok", scores=scores)


@cache
def script() -> Script:
    """Our own words, with a reader for one question."""
    text = files("benchmarks.generation.tiif").joinpath("rubrics.toml").read_text("utf-8")
    return load_scripts(text, {"lines": (READS, partial(read_lines, questions=1))})["checklist"]


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    asked, prompt = script(), settings.judging.prompt
    if prompt is not None:
        key = "raw_prompt" if prompt.suffix == ".py" else ""
        asked = with_official(asked, prompt, key, {"questions": "##YNQuestions##"})
    return interview(
        settings, quantities=QUANTITIES, scripts=[asked], ask=partial(ask, script=asked), mark=mark
    )


def ask(item: Item, said: Said, *, script: Script) -> Sequence[Turn]:
    """All questions at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    reference: TiifReference = item.sample.reference
    count = len(reference.questions)
    own = replace(
        script, read=partial(read_lines, questions=count), reads=f"{script.reads}, n={count}"
    )
    fields = {"questions": "\n".join(reference.questions)}
    question = Question(fields=fields, images={"image": item.images[0]})
    return [Turn(name=TURN, script=own, question=question)]


def mark(item: Item, said: Said) -> Marks:
    """What the reply amounts to, strictly and as released."""
    reference: TiifReference = item.sample.reference
    failure = unread(said)
    answers = () if failure else answers_of(said[TURN], len(reference.questions))
    if not failure and not answers:
        failure = "the judges do not agree on a question"
    notes: dict[str, str] = {}
    parts: dict[str, float | None] = {"accuracy": None, "credit": None}
    if answers:
        tally = strict_tally(reference.answers, answers)
        parts = {"accuracy": tally.right / tally.asked, "credit": tally.right / reference.usual}
    else:
        notes |= dict.fromkeys(parts, failure)
    official, reason = _official(reference, said, answers)
    if reason:
        notes["asked_official"] = f"the released script would ask again: {reason}"
    parts |= {"right_official": official.right, "asked_official": official.asked}
    return Marks(parts=parts, notes=notes, failure=failure)


def answers_of(verdict: Verdict, questions: int) -> tuple[str, ...]:
    """Yes or no per question; empty when judges are evenly divided on one."""
    scores = [verdict.scores[f"q{n}"] for n in range(1, questions + 1)]
    return () if 0.5 in scores else tuple("yes" if s > 0.5 else "no" for s in scores)


def _official(reference: TiifReference, said: Said, answers: Sequence[str]) -> tuple[Tally, str]:
    """What the released script counts of the raw reply; of a panel, what it says together."""
    if not one_judge(said):
        return official_tally(reference.answers, answers), ""
    reading = official_reading(raw_of(said, TURN), len(reference.questions))
    return official_tally(reference.answers, reading.answers), reading.reason
