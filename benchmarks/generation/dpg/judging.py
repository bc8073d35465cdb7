"""The metric of DPG-Bench: its yes/no questions, one by one, asked of a judge."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from importlib.resources import files

from benchmarks.generation.dpg.asking import READER, bare, says
from benchmarks.generation.dpg.columns import (
    LAST,
    count_parts,
    no_counts,
    quantities,
    unknown_categories,
)
from benchmarks.generation.dpg.data import DpgReference
from benchmarks.generation.dpg.scoring import ImageScore, official_image, strict_image
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Sample
from judges.interview import (
    InterviewMetric,
    Said,
    Turn,
    interview,
    one_judge,
    raw_of,
    unread,
)
from judges.metric import Marks, Question
from judges.request import Unjudgeable
from judges.script import Script, load_scripts, with_official

NO_QUESTIONS = "there are no questions about this prompt: dpg_bench.csv is not in the data folder"


@cache
def script() -> Script:
    """Our own words."""
    text = files("benchmarks.generation.dpg").joinpath("rubrics.toml").read_text(encoding="utf-8")
    return load_scripts(text, {"yes_no": READER})["question"]


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    asked, prompt = script(), settings.judging.prompt
    if prompt is not None:
        asked = with_official(asked, prompt, "question", {"question": "{question}"})
    return interview(
        settings,
        quantities=quantities(),
        scripts=[asked],
        ask=partial(ask, script=asked),
        mark=partial(mark, exact=bool(asked.official)),
        expected=number_of_questions,
    )


def number_of_questions(sample: Sample) -> int:
    """How many calls an image of a prompt takes."""
    reference: DpgReference = sample.reference
    return len(reference.questions)


def ask(item: Item, said: Said, *, script: Script) -> Sequence[Turn]:
    """All questions at once.

    Raises:
        Unjudgeable: there are none.
        ImageError: the prediction holds no image.
    """
    reference: DpgReference = item.sample.reference
    if not reference.questions:
        raise Unjudgeable(NO_QUESTIONS)
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    return [
        Turn(
            name=f"q{question.id}",
            script=script,
            question=Question(fields={"question": question.text}, images={"image": item.images[0]}),
        )
        for question in reference.questions
    ]


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
