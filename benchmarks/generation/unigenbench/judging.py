"""The metric of UniGenBench: all test points of a prompt in one call to a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.common.judged import (
    decided,
    judge_metric,
    numbered,
    parsed,
    picture_of,
    rubrics,
    turn,
)
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
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from evals.core.verdicts import Verdict
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.rubric import FieldSlot
from judges.script import Script, with_official

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
    return parsed(reading.reason, numbered("p", reading.marks))


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words, with a reader for one test point."""
    readers = {"marks": (READS, partial(read_marks, points=("Style",)))}
    return rubrics("generation.unigenbench", readers)


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=quantities(), scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    slots = tuple(FieldSlot(name=name, label=name) for name in HOLES)
    return replace(with_official(script, prompt, "prompt", HOLES), fields=slots)


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


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All test points at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    script = scripts["checklist"]
    reference: UniGenReference = item.sample.reference
    points = reference.points
    own = replace(
        script,
        read=partial(read_marks, points=points),
        reads=f"{script.reads}, {'; '.join(points)}",
    )
    fields = fields_of(item.sample.prompt, reference)
    return [turn(TURN, own, fields, {"image": picture_of(item)})]


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
    return tuple(map(int, decided(verdict, "p", points)))


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
