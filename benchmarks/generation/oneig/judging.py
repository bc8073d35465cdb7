"""The judged metric of OneIG-Bench: questions about alignment, and reading texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from benchmarks.common import yes_no
from benchmarks.common.judged import judge_metric, rubrics
from benchmarks.generation.longtext import reading
from benchmarks.generation.oneig.columns import (
    ALIGNMENT,
    OFFICIAL,
    QUANTITIES,
    TEXT,
    official_text,
    strict_text,
)
from benchmarks.generation.oneig.data import OneigReference
from benchmarks.generation.oneig.scoring import official_alignment, strict_alignment
from benchmarks.generation.oneig.text import official_cleaned, official_pieces, strict_pieces
from evals.core.errors import ImageError
from evals.core.images import load_rgb
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
from judges.script import Script, with_official

LACKING = "it is scored by {}, which the data folder does not hold: clone OneIG-Benchmark into it"
BLACK = "the released script drops a wholly black image (ONEIG-4)"


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words: `alignment` and `read`."""
    readers = {"yes_no": yes_no.READER, "text": reading.READER}
    return rubrics("generation.oneig", readers)


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=partial(mark, exact=settings.judging.prompt is not None), expected=number_of_calls,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    key = {"alignment": "alignment", "read": "text"}[name]
    return with_official(script, prompt, key, {f.name: f"{{{f.name}}}" for f in script.fields})


def number_of_calls(sample: Sample) -> int:
    """How many calls an image of a prompt takes."""
    known: OneigReference = sample.reference
    return len(known.questions or ()) + (known.text_content is not None)


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All questions about alignment at once, or the reading.

    Raises:
        Unjudgeable: the image is scored by something else, or the folder lacks what it takes.
        ImageError: the prediction holds no image.
    """
    known: OneigReference = item.sample.reference
    if known.folder == "reasoning":
        raise Unjudgeable("no judge is asked about reasoning prompts")
    if known.folder == "text":
        if known.text_content is None:
            raise Unjudgeable(LACKING.format("its text"))
        return [reading.question(item, scripts["read"])]
    if not known.questions:
        raise Unjudgeable(LACKING.format("questions"))
    return yes_no.turns(item, scripts["alignment"], known.questions.items())


def mark(item: Item, said: Said, *, exact: bool) -> Marks:
    """What the replies amount to.

    Args:
        item: that was asked about.
        said: the verdicts.
        exact: compare raw replies as the released script does; else their capitals and full stops
            are overlooked (ONEIG-5).
    """
    known: OneigReference = item.sample.reference
    made = _text(known, said) if known.folder == "text" else _alignment(known, said, exact)
    others = ALIGNMENT if known.folder == "text" else TEXT
    why = "not asked of text prompts" if known.folder == "text" else "asked of text prompts only"
    parts = {**made.parts, **dict.fromkeys(others, None)}
    notes = {**made.notes, **dict.fromkeys(others, why)}
    if item.images and _is_black(item.images[0]):
        gone = [name for name in OFFICIAL if parts[name] is not None]
        parts |= dict.fromkeys(gone, None)
        notes |= dict.fromkeys(gone, BLACK)
    return Marks(parts=parts, notes=notes, failure=made.failure)


def _text(known: OneigReference, said: Said) -> Marks:
    content = known.text_content or ""
    replies = reading.texts(said[reading.NAME])
    official = [official_pieces(content, official_cleaned(reply)) for reply in replies]
    strict = [strict_pieces(content, reply) for reply in replies]
    parts = {**official_text(official, known.language), **strict_text(strict, known.language)}
    return Marks(parts=parts, failure=unread(said))


def _alignment(known: OneigReference, said: Said, exact: bool) -> Marks:
    ids, parents = tuple(known.questions or ()), known.dependencies or {}
    strict = strict_alignment({i: yes_no.says(said[f"q{i}"]) for i in ids}, parents)
    replies: dict[int, str] = {}
    for id_ in ids:
        verdict = said[f"q{id_}"]
        raw = raw_of(said, f"q{id_}") if one_judge(said) else yes_no.says(verdict) or ""
        replies[id_] = raw if exact and one_judge(said) else yes_no.bare(raw).capitalize()
    official = official_alignment(replies, parents)
    parts = {"alignment": strict.score, "alignment_official": official.score}
    notes = {"alignment": strict.reason} if strict.reason else {}
    failure = unread(said)
    if strict.score is None and not failure:
        failure = f"the judges do not agree: {strict.reason}"
    return Marks(parts=parts, notes=notes, failure=failure)


def _is_black(path: Path) -> bool:
    """Whether every pixel of an image is black."""
    try:
        extrema = load_rgb(path, as_official=True).getextrema()
    except ImageError:
        return False
    return extrema == ((0, 0), (0, 0), (0, 0))
