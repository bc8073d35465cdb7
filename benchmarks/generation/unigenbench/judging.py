"""The metric of UniGenBench: all test points of a prompt in one call to a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from typing import Any

from benchmarks.generation.unigenbench.columns import (
    LACKS,
    lacking,
    official_parts,
    quantities,
    strict_parts,
)
from benchmarks.generation.unigenbench.data import UniGenReference
from benchmarks.generation.unigenbench.scoring import (
    official_marks,
    official_reading,
    strict_reading,
)
from benchmarks.generation.unigenbench.taxonomy import BY_NAME
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from evals.core.verdicts import Verdict
from judges.interview import InterviewMetric, Said, Turn, interview, one_judge, raw_of, unread
from judges.metric import Marks, Question
from judges.parsing import Parsed
from judges.rubric import FieldSlot
from judges.script import Script, load_scripts, with_official

TURN = "points"
READS = "score tag 1"
HOLES: Mapping[str, str] = {
    "prompt": "{prompt}",
    "names": "{testpoint}",
    "kinds": "{explanation}",
    "descriptions": "{test_explanation}",
}
"""Field -> what stands for it in the official words, which the user passes as a text file."""


def read_marks(reply: str, points: tuple[str, ...]) -> Parsed:
    """One mark per test point: ``p1`` and so on, 1 when it is met."""
    reading = strict_reading(reply, points)
    if reading.reason:
        return Parsed(status="unparsed", reason=reading.reason)
    return Parsed(status="ok", scores={f"p{n}": float(m) for n, m in enumerate(reading.marks, 1)})


@cache
def script() -> Script:
    """Our own words, with a reader for one test point."""
    text = files("benchmarks.generation.unigenbench").joinpath("rubrics.toml").read_text("utf-8")
    readers = {"marks": (READS, partial(read_marks, points=("Style",)))}
    return load_scripts(text, readers)["checklist"]


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    asked, prompt = script(), settings.judging.prompt
    if prompt is not None:
        slots = tuple(FieldSlot(name=name, label=name) for name in HOLES)
        asked = replace(with_official(asked, prompt, "prompt", HOLES), fields=slots)
    return interview(
        settings, quantities=quantities(), scripts=[asked], ask=partial(ask, script=asked),
        mark=mark,
    )  # fmt: skip


def fields_of(prompt: str, reference: UniGenReference) -> dict[str, str]:
    """What the judge is told, in our own form and in the released one."""
    rows = list(zip(reference.points, reference.descriptions, strict=True))
    numbered = enumerate(rows, 1)
    return {
        "prompt": prompt,
        "points": "\n".join(f"{n}. {p} ({BY_NAME[p].asks}): {d}" for n, (p, d) in numbered),
        "names": str(list(reference.points)),
        "kinds": "\n".join(f"{p}: {BY_NAME[p].asks}" for p in reference.points),
        "descriptions": "\n".join(f"{p}: {d}" for p, d in rows),
    }


def ask(item: Item, said: Said, *, script: Script) -> Sequence[Turn]:
    """All test points at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    reference: UniGenReference = item.sample.reference
    points = reference.points
    own = replace(
        script,
        read=partial(read_marks, points=points),
        reads=f"{script.reads}, {'; '.join(points)}",
    )
    given = fields_of(item.sample.prompt, reference)
    fields = {slot.name: given[slot.name] for slot in own.fields}
    question = Question(fields=fields, images={"image": item.images[0]})
    return [Turn(name=TURN, script=own, question=question)]


def mark(item: Item, said: Said) -> Marks:
    """What the reply amounts to, strictly and as released."""
    reference: UniGenReference = item.sample.reference
    failure = unread(said)
    marks = () if failure else marks_of(said[TURN], len(reference.points))
    if not failure and not marks:
        failure = "the judges do not agree on a test point"
    strict = strict_parts(reference, marks or None)
    notes = lacking(strict, failure or LACKS)
    kept, reason = _official(reference, said, marks)
    official = official_parts(reference, kept)
    notes |= lacking(official, LACKS)
    if reason:
        notes["kept_official"] = f"the released count drops the image: {reason}"
    return Marks(parts=strict | official, notes=notes, failure=failure)


def marks_of(verdict: Verdict, points: int) -> tuple[int, ...]:
    """1 or 0 per test point; empty when judges are evenly divided on one."""
    scores = [verdict.scores[f"p{n}"] for n in range(1, points + 1)]
    return () if 0.5 in scores else tuple(int(s > 0.5) for s in scores)


def _official(
    reference: UniGenReference, said: Said, marks: Sequence[int]
) -> tuple[Sequence[Any] | None, str]:
    """What the released count makes of the raw reply; of a panel, what it says together."""
    if not one_judge(said):
        return (marks or None), "" if marks else "no marks"
    reading = official_reading(raw_of(said, TURN), len(reference.points))
    if reading.reason:
        return None, reading.reason
    kept = official_marks(reading.score, reading.analysis)
    return kept, "" if kept is not None else "it holds what JSON and Python spell differently"
