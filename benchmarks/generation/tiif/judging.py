"""The metric of TIIF-Bench: all questions about an image in one call to a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import (
    decided,
    judge_metric,
    numbered,
    parsed,
    picture_of,
    rubrics,
    turn,
)
from benchmarks.common.quantities import count, share
from benchmarks.generation.tiif.data import TiifReference
from benchmarks.generation.tiif.scoring import (
    Tally,
    official_reading,
    official_tally,
    strict_reading,
    strict_tally,
)
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from evals.core.verdicts import Verdict
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script, with_official

TURN = "questions"
READS = "yes/no lines 1"

QUANTITIES = (
    share("accuracy", "Share of the questions about the image that are answered as expected."),
    count(
        "credit", "Expected answers over the usual number of questions of a prompt of its "
        "dimension: its mean over a dimension is the share of all questions answered as expected, "
        "prompts without an image included.", "strict", worst=0.0,
    ),
    count("right_official", "Expected answers, read as the released script does.", label="right"),
    count("asked_official", "Questions that the released script counts; 0 where it would ask the "
          "judge again, without end.", label="asked"),
)  # fmt: skip


def read_lines(reply: str, questions: int) -> Parsed:
    """One answer per question: ``q1`` and so on, 1 for yes and 0 for no."""
    reading = strict_reading(reply, questions)
    return parsed(reading.reason, numbered("q", (a == "yes" for a in reading.answers)))


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words, with a reader for one question."""
    return rubrics("generation.tiif", {"lines": (READS, partial(read_lines, questions=1))})


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    key = "raw_prompt" if prompt.suffix == ".py" else ""
    return with_official(script, prompt, key, {"questions": "##YNQuestions##"})


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All questions at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    script = scripts["checklist"]
    reference: TiifReference = item.sample.reference
    n = len(reference.questions)
    own = replace(script, read=partial(read_lines, questions=n), reads=f"{script.reads}, n={n}")
    fields = {"questions": "\n".join(reference.questions)}
    return [turn(TURN, own, fields, {"image": picture_of(item)})]


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
    return tuple("yes" if yes else "no" for yes in decided(verdict, "q", questions))


def _official(reference: TiifReference, said: Said, answers: Sequence[str]) -> tuple[Tally, str]:
    """What the released script counts of the raw reply; of a panel, what it says together."""
    if not one_judge(said):
        return official_tally(reference.answers, answers), ""
    reading = official_reading(raw_of(said, TURN), len(reference.questions))
    return official_tally(reference.answers, reading.answers), reading.reason
