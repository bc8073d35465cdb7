"""The metric of KRIS-Bench: two or three questions per edit, in the words for its category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import judge_metric, picture_of, rubrics, turn
from benchmarks.common.quantities import percent, released
from benchmarks.editing.common import five_in_percent
from benchmarks.editing.kris.data import (
    FRAMES,
    MULTI,
    TEMPORAL,
    VIEWPOINT,
    KrisReference,
)
from benchmarks.editing.kris.replies import (
    Family,
    Reading,
    official_dual,
    official_knowledge,
    official_reading,
    strict_reading,
)
from benchmarks.editing.kris.scoring import KNOWLEDGE, SHORT, metrics, sample_score
from benchmarks.editing.official_prompts import with_parts
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Quantity
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.script import Script

_WHAT = {
    "consistency": "VC, whether all else stayed as it was",
    "quality": "VQ, how sound the result is",
    "instruction": "IF, whether the instruction was followed",
    "knowledge": "KP, whether the result agrees with what is known; of science and logic only",
}
QUANTITIES = (
    percent("score", "Mean of the three or four grades in percent."),
    *(percent(n, f"{doc}.") for n, doc in _WHAT.items()),
    *(
        released(f"{n}_official", f"{doc}; as released, unchecked.", unit="%")
        for n, doc in _WHAT.items()
    ),
    released("sum_official", "Sum of the released grades in percent, those that there are.",
             unit="%", auxiliary=True),
    Quantity(
        name="grades_official", range=(0, 4), direction="higher", profile="official",
        doc="How many grades the released parser read.", auxiliary=True,
    ),
    released("score_official", "Mean of the released grades in percent, those that there are.",
             unit="%"),
)  # fmt: skip
UNREAD = "the released parser read no number; the grade leaves the means"
_INSTRUCT = {"instruction": "{instruct}"}
_OFFICIAL: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "consistency": ("prompt_consist", _INSTRUCT),
    "quality": ("prompt_quality", {}),
    "instruction": ("prompt_instruction_following", _INSTRUCT),
    "viewpoint": ("prompt_view_instruction_following", _INSTRUCT),
    "knowledge": ("prompt_dual_evaluation", _INSTRUCT | {"explanation": "{explanation}"}),
    "multi_consistency": ("prompt_consist_multi", _INSTRUCT),
    "multi_instruction": ("prompt_instruction_multi", _INSTRUCT),
    "multi_quality": ("prompt_quality", {}),
    "temporal_consistency": ("prompt_consist_temporal", _INSTRUCT),
    "temporal_instruction": ("prompt_instruction_temporal", _INSTRUCT),
}
"""Script -> the constant of ``utils/prompts.py`` with its official words, and what that holds."""


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words; those about frames once for each frame that can be missing."""
    readers = {
        name: (f"named scores 1, {name}", partial(strict_reading, metrics=(name,)))
        for name in ("consistency", "quality", "instruction")
    }
    dual = ("instruction", "knowledge")
    readers["knowledge"] = ("named scores 1, both", partial(strict_reading, metrics=dual))
    return rubrics("editing.kris", readers)


def marked(script: Script, missing: int) -> Script:
    """A script about frames whose labels say which frame was made."""
    role = f"frame_{missing}"
    images = tuple(
        replace(i, label=f"{i.label} ({'made' if i.role == role else 'given'})")
        for i in script.images
    )
    return replace(script, images=images)


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark, expected=lambda _: 3,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    key, holes = _OFFICIAL[name]
    # The rubric of quality is sent as it is, with the doubled braces of its siblings.
    return with_parts(script, prompt, [key], holes, template=bool(holes))


# --- questions --------------------------------------------------------------------------------


def names_of(reference: KrisReference) -> dict[str, str]:
    """Question -> script, in the order in which a category's script asks."""
    if reference.category == MULTI:
        return {n: f"multi_{n}" for n in ("consistency", "instruction", "quality")}
    if reference.category == TEMPORAL:
        return {
            "consistency": "temporal_consistency",
            "instruction": "temporal_instruction",
            "quality": "quality",
        }
    second = "viewpoint" if reference.category == VIEWPOINT else "instruction"
    if reference.kind in KNOWLEDGE:
        second = "knowledge"
    return {"consistency": "consistency", "instruction": second, "quality": "quality"}


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All questions at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    reference: KrisReference = item.sample.reference
    images = _images(item, reference)
    fields = {"instruction": item.sample.prompt, "explanation": reference.explanation}
    turns = []
    for question, name in names_of(reference).items():
        script = scripts[name].showing(*images)
        if reference.missing:
            script = marked(script, reference.missing)
        turns.append(turn(question, script, fields, images))
    return turns


def _images(item: Item, reference: KrisReference) -> dict[str, Path]:
    """Role -> file, of everything that a question about a sample may show."""
    edited = picture_of(item)
    given = item.sample.images
    if reference.missing:
        frames = dict(zip(reference.frames, given, strict=True)) | {reference.missing: edited}
        return {"edited": edited} | {f"frame_{n}": frames[n] for n in FRAMES}
    if reference.category == MULTI:
        return {f"input_{n}": p for n, p in enumerate(given, 1)} | {"edited": edited}
    found = {"source": given[0], "edited": edited}
    return found | ({"truth": reference.truth} if reference.truth else {})


# --- marks ------------------------------------------------------------------------------------


def mark(item: Item, said: Said) -> Marks:
    """The grades in percent, their mean, and what the released parsers make of the replies."""
    reference: KrisReference = item.sample.reference
    wanted = metrics(reference.kind)
    parts: dict[str, float | None] = dict.fromkeys(q.name for q in QUANTITIES)
    notes: dict[str, str] = {}
    if "knowledge" not in wanted:
        notes["knowledge"] = notes["knowledge_official"] = "not asked about this category"
    scores = {n: s for v in said.values() if v.status == "ok" for n, s in v.scores.items()}
    parts |= {name: five_in_percent(score) for name, score in scores.items()}
    if set(scores) == set(wanted):
        parts["score"] = sample_score(scores)
        if "knowledge" in scores and scores["instruction"] <= 2 and scores["knowledge"] > 1:
            notes["score"] = "the rubric wants knowledge 1 where instruction is at most 2 (KRIS-3)"
    official = _official(reference, said, scores)
    parts |= {f"{n}_official": official.get(n) for n in SHORT}
    parts |= _sums([v for v in official.values() if v is not None])
    for name in wanted:
        if parts[f"{name}_official"] is None:
            notes[f"{name}_official"] = UNREAD
    if parts["score_official"] is None:
        notes["score_official"] = UNREAD
    return Marks(parts=parts, notes=notes, failure=unread(said))


def _sums(values: Sequence[float]) -> dict[str, float | None]:
    """What the flat mean and the mean per sample are made of; nothing without a grade."""
    if not values:
        return dict.fromkeys(("sum_official", "grades_official", "score_official"))
    total = sum(values)
    return {
        "sum_official": total,
        "grades_official": float(len(values)),
        "score_official": total / len(values),
    }


def _official(
    reference: KrisReference, said: Said, scores: Mapping[str, float]
) -> dict[str, float | None]:
    """Metric -> grade in percent as released; those of a panel are the panel's."""
    if not one_judge(said):
        return {name: five_in_percent(score) for name, score in scores.items()}
    replies = {question: raw_of(said, question) for question in said}
    readings: dict[str, Reading]
    if reference.kind in KNOWLEDGE:
        readings = official_dual(replies["instruction"])
        readings |= {n: official_knowledge(replies[n], n) for n in ("consistency", "quality")}
    else:
        family = _FAMILIES.get(reference.category, "common")
        readings = {n: official_reading(reply, n, family) for n, reply in replies.items()}
    return {n: _bounded(r.score) for n, r in readings.items()}


_FAMILIES: Mapping[str, Family] = {MULTI: "multi_element", TEMPORAL: "temporal"}


def _bounded(score: int | None) -> float | None:
    """In percent; None for what is beyond the range of floats."""
    if score is None or abs(score) > 10**300:
        return None
    return float(five_in_percent(score))
