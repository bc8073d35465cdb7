"""The metric of RISEBench: up to three questions per answer, in the words for its category."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import judge_metric, picture_of, rubrics, turn
from benchmarks.common.quantities import grade, percent, released
from benchmarks.editing.common import five_in_percent
from benchmarks.editing.official_prompts import with_parts
from benchmarks.editing.rise.data import RiseReference
from benchmarks.editing.rise.scoring import (
    CAUSAL,
    LOGICAL,
    SPATIAL,
    Points,
    Question,
    official_complete,
    official_points,
    official_reading,
    official_score,
    questions,
    strict_reading,
    strict_score,
)
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Sample
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.rubric import ImagePolicy
from judges.script import Script

NAMES: Mapping[Question, str] = {"C": "consistency", "R": "reasoning", "V": "plausibility"}
_DOCS = {
    "accuracy": "100 when every question about the answer has full marks, else 0.",
    "score": "Weighted mean of consistency, reasoning and plausibility, halved when the reasoning "
    "is all wrong, in percent.",
    "reasoning": "Whether the answer is the right one, in percent.",
    "consistency": "Whether all else stays as it was, in percent; not asked of every sample.",
    "plausibility": "How real and well made the answer is, in percent; not asked of logical ones.",
}
QUANTITIES = (
    *(percent(n, doc) for n, doc in _DOCS.items()),
    grade("accuracy_official", f"{_DOCS['accuracy']} As released, unchecked.", 0.0, 100.0,
          "official", unit="%"),
    *(
        released(f"{n}_official", f"{doc} As released, unchecked.", low=-25.0, unit="%")
        for n, doc in _DOCS.items()
        if n != "accuracy"
    ),
    grade(
        "accuracy_2026_04", "100 when every question that was asked has full marks: the released "
        "rule since 2026-04-23; before, a sample without a question about consistency never had "
        "them.", 0.0, 100.0, "official", unit="%",
    ),
)  # fmt: skip
ENDED = "the released run ends on these replies (RISE-3)"
UNREAD = "the released script could not read a reply; the sample leaves this mean (RISE-4)"

_INSTRUCT, _REFERENCE = {"instruction": "{instruct}"}, {"reference": "{reference}"}
_OFFICIAL: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "consistency": ("prompt_consist", _INSTRUCT),
    "reasoning": ("prompt_reasoning", _INSTRUCT | _REFERENCE),
    "reasoning_source": ("prompt_reasoning_w_input", _INSTRUCT | _REFERENCE),
    "plausibility": ("prompt_generation", {}),
    "spatial_consistency": ("prompt_spatial_cons", _INSTRUCT),
    "spatial_reasoning": ("prompt_spatial_ref", _INSTRUCT | _REFERENCE),
    "spatial_reasoning_source": ("prompt_spatial_ref_w_input", _INSTRUCT | _REFERENCE),
    "spatial_reasoning_image": ("prompt_spatial_ref_img", _INSTRUCT),
    "spatial_plausibility": ("prompt_spatial_qual", {}),
    "logical_consistency": ("prompt_logical_cons", _INSTRUCT),
    "logical_consistency_text": ("prompt_logical_cons_ans", _INSTRUCT | _REFERENCE),
    "logical_text": ("prompt_logical_txt", _REFERENCE),
    "logical_image": ("prompt_logical_img", _INSTRUCT),
    "logical_image_alone": ("prompt_logical_img_wo_q", {}),
}
"""Script -> the constant of ``utils.py`` with its official words, and what that holds."""


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words."""
    readers = {
        "five": ("final score 1, 1 to 5", partial(strict_reading, category=CAUSAL)),
        "two": ("final score 1, 0 or 1", partial(strict_reading, category=LOGICAL)),
    }
    return rubrics("editing.rise", readers)


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark, expected=_expected,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    key, holes = _OFFICIAL[name]
    policy = ImagePolicy(max_side=768)
    return with_parts(script, prompt, [key], holes, template=True, policy=policy)


def _expected(sample: Sample) -> int:
    return len(_questions(sample.reference))


def _questions(reference: RiseReference) -> tuple[Question, ...]:
    return questions(reference.category, reference.free)


def script_of(reference: RiseReference, question: Question) -> str:
    """Which script asks a question about a sample."""
    category, pictured = reference.category, reference.picture is not None
    if category == LOGICAL:
        if question == "C":
            return "logical_consistency" if pictured else "logical_consistency_text"
        image = "logical_image_alone" if reference.alone else "logical_image"
        return image if pictured else "logical_text"
    end = "_source" if reference.with_source else ""
    if category == SPATIAL and pictured:
        end = "_image"
    name = NAMES[question] + (end if question == "R" else "")
    return f"spatial_{name}" if category == SPATIAL else name


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All questions at once.

    As released, the picture of a right answer stands in the place of the source, also in the
    question about consistency (RISE-7).

    Raises:
        ImageError: the prediction holds no image.
    """
    reference: RiseReference = item.sample.reference
    images = {
        "source": reference.picture or item.sample.images[0],
        "edited": picture_of(item),
    }
    fields = {"instruction": item.sample.prompt, "reference": reference.text}
    return [
        turn(NAMES[question], scripts[script_of(reference, question)], fields, images)
        for question in _questions(reference)
    ]


def mark(item: Item, said: Said) -> Marks:
    """Numbers of the three questions, score and completion, as released and strict."""
    reference: RiseReference = item.sample.reference
    asked = _questions(reference)
    parts: dict[str, float | None] = dict.fromkeys(q.name for q in QUANTITIES)
    notes: dict[str, str] = {}
    for question, name in NAMES.items():
        if question not in asked:
            notes[name] = notes[f"{name}_official"] = "not asked about this sample"
    answers = {q: said[NAMES[q]].scores["score"] for q in asked if said[NAMES[q]].status == "ok"}
    if len(answers) == len(asked):
        score = strict_score(answers, reference.category, reference.free)
        parts |= {"accuracy": 100 * score.complete, "score": score.percent}
        parts |= {NAMES[q]: _percent(a, reference.category) for q, a in answers.items()}
    points = _points(asked, said, answers, reference.category)
    if points is None:
        names = [n for n in parts if n.endswith(("_official", "_2026_04"))]
        return Marks(parts=parts, notes=notes | dict.fromkeys(names, ENDED), failure=unread(said))
    parts |= official_parts(points, reference)
    for name in ("score", "reasoning", "consistency", "plausibility"):
        if parts[f"{name}_official"] is None:
            notes.setdefault(f"{name}_official", UNREAD)
    return Marks(parts=parts, notes=notes, failure=unread(said))


def _percent(answer: float, category: str) -> float:
    return 100 * answer if category == LOGICAL else five_in_percent(answer)


def official_parts(points: Points, reference: RiseReference) -> dict[str, float | None]:
    """Official quantities of one sample; a score that lacks a point is None."""
    category, free = reference.category, reference.free
    done = official_complete(points, category)
    done_now = official_complete(points, category, free=free)
    score = five_in_percent(official_score(points, category, reference.light))
    parts = {"reasoning": points.R, "consistency": points.C, "plausibility": points.V}
    return {
        "accuracy_official": 100.0 * done,
        "accuracy_2026_04": 100.0 * done_now,
        "score_official": None if math.isnan(score) else score,
        **{f"{n}_official": None if p is None else five_in_percent(p) for n, p in parts.items()},
    }


def _points(
    asked: Sequence[Question], said: Said, answers: Mapping[Question, float], category: str
) -> Points | None:
    """What the released script makes of the replies; None where its run ends.

    Of a panel, and only there, the strict scores are taken.
    """
    if not one_judge(said):
        if len(answers) < len(asked):
            return Points()
        scaled = {q: 4 * a + 1 if category == LOGICAL else a for q, a in answers.items()}
        return Points(C=scaled.get("C"), R=scaled["R"], V=scaled.get("V"))
    numbers: dict[Question, list[int]] = {}
    for question in asked:
        reading = official_reading(raw_of(said, NAMES[question]))
        if reading.outcome == "crash":
            return None
        numbers[question] = reading.value or []
    if any(n > 10**6 for read in numbers.values() for n in read):
        return None  # beyond the range of floats at the latest
    return official_points(numbers.get("C"), numbers["R"], numbers.get("V"))
