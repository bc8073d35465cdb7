"""DPG-Bench in pure functions: one image, and the benchmark's numbers.

A prompt has yes/no questions. A question may depend on others ("is the cat black?" on "is there a
cat?") and counts only when they were answered yes. An image scores the share of its questions that
count; a prompt has four images; the benchmark's score is the mean over prompts, in percent.
Categories come in two levels: L1 ``entity``, L2 ``entity - whole``.

`official_*` is the released arithmetic (TencentQQGYLab/ELLA@3c228f1 as carried by
open-compass/GenEditEvalKit@103b283), `strict_*` what it means to compute; docs/errata.md, DPG-*,
lists where they part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from benchmarks.generation.dpg.questions import Level, Question, dangling
from metrics.answers import read_answer

Tally: TypeAlias = "Mapping[str, tuple[int, int]]"
"""Category -> questions answered yes, questions asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageScore:
    """One image.

    Attributes:
        score: share of the questions that count, in [0, 1], higher is better; None with a reason.
        said: question id -> whether the answer is yes, before dependencies.
        counted: question id -> whether it counts, after dependencies.
        reason: why there is no score; empty when there is one.
    """

    score: float | None = None
    said: Mapping[int, bool] = field(default_factory=dict)
    counted: Mapping[int, bool] = field(default_factory=dict)
    reason: str = ""


Prompt: TypeAlias = "tuple[Sequence[Question], Sequence[ImageScore]]"
"""The questions of a prompt and its images in order."""


# --- one image --------------------------------------------------------------------------------


def official_yes(reply: str) -> bool:
    """Whether the released script takes a reply for yes: only the bare lower-case word is."""
    return reply == "yes"


def official_image(questions: Sequence[Question], replies: Mapping[int, str]) -> ImageScore:
    """One image, as released.

    Questions are walked in file order and each is dropped when one of its parents does not count
    by then. A drop therefore travels on to children that come later, not to earlier ones (DPG-5).
    A parent that is no question of the item ends the item (DPG-1), unless one before it already
    settled the matter.

    Args:
        questions: of the prompt, in file order.
        replies: question id -> what the VQA model said.
    """
    silent = [q.id for q in questions if q.id not in replies]
    if silent or not questions:
        return ImageScore(reason=f"no reply to question {silent[0]}" if silent else "no questions")
    said = {q.id: official_yes(replies[q.id]) for q in questions}
    counted = dict(said)
    for question in questions:
        for parent in question.parents:
            if parent not in counted:
                return ImageScore(said=said, reason=dangling(question, parent))
            if not counted[parent]:
                counted[question.id] = False
                break
    return ImageScore(score=sum(counted.values()) / len(counted), said=said, counted=counted)


def strict_image(questions: Sequence[Question], replies: Mapping[int, str | None]) -> ImageScore:
    """One image: a question counts when it and everything it depends on were answered yes.

    The order of the rows does not matter, a parent that does not exist asks for nothing, and a
    reply that is neither yes nor no makes the image unscored instead of wrong.

    Args:
        questions: of the prompt.
        replies: question id -> what the judge said; None or absent where it said nothing.
    """
    if not questions:
        return ImageScore(reason="no questions")
    said: dict[int, bool] = {}
    for question in questions:
        found = read_answer(replies.get(question.id), "yes_no")
        if found.reason:
            return ImageScore(reason=f"the reply to question {question.id}: {found.reason}")
        said[question.id] = found.value == "yes"
    counted = {q.id: all(said[i] for i in _needed(q.id, questions)) for q in questions}
    return ImageScore(score=sum(counted.values()) / len(counted), said=said, counted=counted)


def _needed(start: int, questions: Sequence[Question]) -> set[int]:
    """A question and all it depends on, directly or not; circles are no harm."""
    parents = {q.id: q.parents for q in questions}
    found, open_ = set[int](), [start]
    while open_:
        here = open_.pop()
        if here in parents and here not in found:
            found.add(here)
            open_.extend(parents[here])
    return found


# --- the benchmark ----------------------------------------------------------------------------


def prompt_score(images: Sequence[ImageScore]) -> float | None:
    """Mean over the images of a prompt, in [0, 1]; None when one has no score, or there is none."""
    scores = [i.score for i in images if i.score is not None]
    return sum(scores) / len(scores) if images and len(scores) == len(images) else None


def overall(prompts: Iterable[Prompt]) -> float | None:
    """DPG-Bench score: mean over prompts in percent, [0, 100]; None when none has a score."""
    scores = [s for s in (prompt_score(images) for _, images in prompts) if s is not None]
    return 100 * sum(scores) / len(scores) if scores else None


def image_tally(questions: Sequence[Question], yes: Mapping[int, bool], level: Level) -> Tally:
    """Category -> questions answered yes and questions asked, of one image.

    Args:
        questions: of the prompt.
        yes: `ImageScore.said` or `ImageScore.counted`.
        level: of the categories.
    """
    found: dict[str, tuple[int, int]] = {}
    for question in questions:
        name = question.category_at(level)
        hits, asked = found.get(name, (0, 0))
        found[name] = (hits + yes[question.id], asked + 1)
    return found


def official_categories(prompts: Iterable[Prompt], level: Level) -> dict[str, float]:
    """Category -> percent yes, as released: the last image of each prompt, raw answers (DPG-2)."""
    return _percent(prompts, level, lambda images: images[-1:], lambda image: image.said)


def strict_categories(prompts: Iterable[Prompt], level: Level) -> dict[str, float]:
    """Category -> percent yes over all images; raw answers, as the published columns mean it."""
    return _percent(prompts, level, lambda images: images, lambda image: image.said)


def gated_categories(prompts: Iterable[Prompt], level: Level) -> dict[str, float]:
    """Category -> percent that counts over all images, dependencies applied as in the score."""
    return _percent(prompts, level, lambda images: images, lambda image: image.counted)


def _percent(
    prompts: Iterable[Prompt],
    level: Level,
    chosen: Callable[[Sequence[ImageScore]], Sequence[ImageScore]],
    answers: Callable[[ImageScore], Mapping[int, bool]],
) -> dict[str, float]:
    """Category -> percent of yes in the pooled answers of the chosen images."""
    hits: dict[str, int] = defaultdict(int)
    asked: dict[str, int] = defaultdict(int)
    for questions, images in prompts:
        for image in chosen(images):
            if image.score is None:
                continue
            for name, (yes, count) in image_tally(questions, answers(image), level).items():
                hits[name] += yes
                asked[name] += count
    return {name: 100 * hits[name] / asked[name] for name in sorted(asked)}
