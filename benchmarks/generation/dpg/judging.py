"""The metric of DPG-Bench: its yes/no questions, one by one, asked of a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial

from benchmarks.common.judged import by_name, judge_metric, rubrics
from benchmarks.common.yes_no import READER, bare, says, turns
from benchmarks.generation.dpg.columns import (
    LAST,
    count_parts,
    no_counts,
    quantities,
    unknown_categories,
)
from benchmarks.generation.dpg.data import DpgReference
from benchmarks.generation.dpg.scoring import ImageScore, official_image, strict_image
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Sample
from judges.interview import (
    InterviewMetric,
    Said,
    Turn,
    one_judge,
    raw_of,
    unread,
)
from judges.metric import Marks
from judges.request import Unjudgeable
from judges.script import Script

NO_QUESTIONS = "there are no questions about this prompt: dpg_bench.csv is not in the data folder"


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words."""
    return rubrics("generation.dpg", {"yes_no": READER})


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=quantities(), scripts=scripts(), reword=by_name, ask=ask,
        mark=partial(mark, exact=settings.judging.prompt is not None), expected=number_of_questions,
    )  # fmt: skip


def number_of_questions(sample: Sample) -> int:
    """How many calls an image of a prompt takes."""
    reference: DpgReference = sample.reference
    return len(reference.questions)


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All questions at once.

    Raises:
        Unjudgeable: there are none.
        ImageError: the prediction holds no image.
    """
    reference: DpgReference = item.sample.reference
    if not reference.questions:
        raise Unjudgeable(NO_QUESTIONS)
    return turns(item, scripts["question"], [(q.id, q.text) for q in reference.questions])


def mark(item: Item, said: Said, *, exact: bool) -> Marks:
    """What the replies amount to.

    Args:
        item: that was asked about.
        said: verdict on every question.
        exact: compare raw replies as the released script does; else, with words and judges that
            are not its own, their capitals and full stops are overlooked (DPG-3).
    """
    reference: DpgReference = item.sample.reference
    strict = strict_image(reference.questions, {q.id: says(said[f"q{q.id}"])
                                                for q in reference.questions})  # fmt: skip
    official = _official(reference, said, exact)
    parts: dict[str, float | None] = {"score": strict.score, "score_official": official.score}
    notes: dict[str, str] = {}
    if strict.score is None:
        parts |= no_counts("")
        notes["score"] = strict.reason
    else:
        parts |= count_parts(reference.questions, strict.said, "")
    if official.score is None:
        notes["score_official"] = f"the released script drops this prompt: {official.reason}"
    last = item.prediction.trial == LAST
    if last and official.score is not None:
        parts |= count_parts(reference.official, official.said, "_official")
    else:
        none = no_counts("_official")
        why = notes.get("score_official") or f"released categories are of image {LAST + 1} only"
        parts |= none
        notes |= dict.fromkeys(none, why)
    if odd := unknown_categories(reference.questions):
        notes["categories"] = f"without columns of their own: {', '.join(odd)}"
    failure = unread(said)
    if strict.score is None and not failure:
        failure = f"the judges do not agree: {strict.reason}"
    return Marks(parts=parts, notes=notes, failure=failure)


def _official(reference: DpgReference, said: Said, exact: bool) -> ImageScore:
    """The released arithmetic over the raw replies; over what a panel says where there is one."""
    replies: dict[int, str] = {}
    for question in reference.official:
        name = f"q{question.id}"
        raw = raw_of(said, name) if one_judge(said) else says(said[name]) or ""
        replies[question.id] = raw if exact else bare(raw)
    return official_image(reference.official, replies)
