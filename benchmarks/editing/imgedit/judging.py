"""The metric of ImgEdit: one question per edit, in the words for its type, three grades back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import judge_metric, picture_of, rubrics, turn
from benchmarks.common.quantities import grade, released
from benchmarks.editing.common import REPLY_DROPPED, released_end
from benchmarks.editing.imgedit.data import ImgEditReference
from benchmarks.editing.imgedit.scoring import (
    DIMENSIONS,
    HIGH,
    LOW,
    broken_cap,
    official_reading,
    strict_reading,
    strict_score,
)
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.script import Script, with_official

GRADES = ("q1", "q2", "q3")
QUANTITIES = (
    grade("score", "Mean of the three grades, from 1 to 5.", LOW, HIGH),
    *(
        grade(name, f"{which} grade of the edit's type: {what}.", LOW, HIGH)
        for name, which, what in (
            ("q1", "First", "whether the instruction was followed"),
            ("q2", "Second", "how natural it looks, or what was kept"),
            ("q3", "Third", "whether space, light and details hold"),
        )
    ),
    released(
        "score_official", "Mean of all numbers that the released parser sees, rounded to 2 "
        "decimals; it checks neither their names nor their range.", low=0.0,
    ),
)  # fmt: skip


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words, by edit type."""
    readers = {
        edit_type: (f"named grades 1, {edit_type}", partial(strict_reading, edit_type=edit_type))
        for edit_type in DIMENSIONS
    }
    return rubrics("editing.imgedit", readers)


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark,
    )  # fmt: skip


def _official_words(edit_type: str, script: Script, prompt: Path) -> Script:
    return with_official(script, prompt, edit_type, {"instruction": "<edit_prompt>"})


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """The one question.

    Raises:
        ImageError: the prediction holds no image.
    """
    reference: ImgEditReference = item.sample.reference
    fields = {"instruction": item.sample.prompt}
    images = {"source": item.sample.images[0], "edited": picture_of(item)}
    return [turn("grades", scripts[reference.edit_type], fields, images)]


def mark(item: Item, said: Said) -> Marks:
    """Three grades, their mean, and what the released parser makes of the reply."""
    reference: ImgEditReference = item.sample.reference
    scores = said["grades"].scores
    parts: dict[str, float | None] = dict.fromkeys(("score", *GRADES))
    notes: dict[str, str] = {}
    if said["grades"].status == "ok":
        names = DIMENSIONS[reference.edit_type]
        parts |= {grade: scores[name] for grade, name in zip(GRADES, names, strict=True)}
        parts["score"] = strict_score(scores)
        if odd := broken_cap(scores, reference.edit_type):
            notes["score"] = odd
    value, note = _official(said, parts["score"])
    parts["score_official"] = value
    if note:
        notes["score_official"] = note
    return Marks(parts=parts, notes=notes, failure=unread(said))


def _official(said: Said, score: float | None) -> tuple[float | None, str]:
    """The released mean; that of a panel is the panel's, rounded in the same way."""
    if not one_judge(said):
        return (None, "the panel has no score") if score is None else (round(score, 2), "")
    reading = official_reading(raw_of(said, "grades"))
    if reading.outcome == "ok":
        return float(reading.value), ""
    return None, released_end(reading) if reading.outcome == "crash" else REPLY_DROPPED
