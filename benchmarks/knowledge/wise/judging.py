"""The metrics of WISE: three scores per image (legacy), or one (Verified), from one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.resources import files

from benchmarks.knowledge.wise.data import WiseReference
from benchmarks.knowledge.wise.editions import DIMENSIONS, wiscore
from benchmarks.knowledge.wise.replies import (
    Reading,
    official_scores,
    official_verified,
    strict_scores,
    strict_verified,
)
from evals.core.errors import ImageError
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Quantity
from judges.interview import InterviewMetric, Said, Turn, interview, one_judge, raw_of, unread
from judges.metric import Marks, Question
from judges.parsing import Parsed
from judges.script import Script, load_scripts, with_official

TURN = "scores"
HIGHEST = wiscore(9, 9, 9)
"""Of the released parser, which takes any digit."""
_DOC = {
    "consistency": "The image shows what prompt and explanation ask for, 0 to 2.",
    "realism": "The image is physically believable, 0 to 2.",
    "aesthetic_quality": "The image is a good picture, 0 to 2.",
}

LEGACY_QUANTITIES = (
    Quantity(
        name="wiscore", range=(0.0, 1.0), direction="higher", worst=0.0, label="WiScore",
        doc="(.7 consistency + .2 realism + .1 aesthetic quality) / 2.",
    ),
    *(
        Quantity(name=n, range=(0.0, 2.0), direction="higher", worst=0.0, doc=_DOC[n])
        for n in DIMENSIONS
    ),
    Quantity(
        name="wiscore_official", range=(0.0, HIGHEST), direction="higher", profile="official",
        label="WiScore",
        doc="The same of the digits that the released parser finds; one that it does not find is 0 "
        "(GenEditEvalKit).",
    ),
)  # fmt: skip
VERIFIED_QUANTITIES = (
    Quantity(
        name="score", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="1 when the image passes.",
    ),
    Quantity(
        name="score_official", range=(0.0, 1.0), direction="higher", profile="official",
        label="score", doc="The same as the released parser reads it.",
    ),
)  # fmt: skip


def _read(reply: str, reading: Callable[[str], Reading]) -> Parsed:
    found = reading(reply)
    if found.reason:
        return Parsed(status="unparsed", reason=found.reason)
    return Parsed(status="ok", scores={name: float(v) for name, v in found.scores.items()})


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words: ``legacy`` and ``verified``."""
    text = files("benchmarks.knowledge.wise").joinpath("rubrics.toml").read_text("utf-8")
    readers = {
        "three": ("three lines 1", partial(_read, reading=strict_scores)),
        "one": ("one line 1", partial(_read, reading=strict_verified)),
    }
    return load_scripts(text, readers)


def metric(settings: ScoringSettings, edition: str) -> InterviewMetric:
    """The metric `judge` of an edition, ``legacy`` or ``verified``.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    asked, prompt = scripts()[edition], settings.judging.prompt
    if prompt is not None:
        holes = {"prompt": "{prompt}", "explanation": "{explanation}"}
        asked = with_official(asked, prompt, "prompt", holes)
    legacy = edition == "legacy"
    return interview(
        settings,
        quantities=LEGACY_QUANTITIES if legacy else VERIFIED_QUANTITIES,
        scripts=[asked],
        ask=partial(ask, script=asked),
        mark=mark_legacy if legacy else mark_verified,
    )


def ask(item: Item, said: Said, *, script: Script) -> Sequence[Turn]:
    """Everything at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    reference: WiseReference = item.sample.reference
    fields = {"prompt": item.sample.prompt, "explanation": reference.explanation}
    question = Question(fields=fields, images={"image": item.images[0]})
    return [Turn(name=TURN, script=script, question=question)]


def mark_legacy(item: Item, said: Said) -> Marks:
    """WiScore, strictly and as GenEditEvalKit counts it."""
    failure = unread(said)
    parts: dict[str, float | None] = dict.fromkeys(("wiscore", *DIMENSIONS))
    notes = dict.fromkeys(parts, failure) if failure else {}
    if not failure:
        scores = said[TURN].scores
        parts = {"wiscore": _wiscore(scores), **{n: scores[n] for n in DIMENSIONS}}
    if one_judge(said):
        found = official_scores(raw_of(said, TURN))
        if lost := [n for n in DIMENSIONS if n not in found]:
            notes["wiscore_official"] = f"not found, so 0 as released: {', '.join(lost)} (WISE-3)"
        parts["wiscore_official"] = _wiscore(found)
    else:
        parts["wiscore_official"] = parts["wiscore"]
    return Marks(parts=parts, notes=notes, failure=failure)


def _wiscore(scores: Mapping[str, float]) -> float:
    return wiscore(*(scores.get(n, 0.0) for n in DIMENSIONS))


def mark_verified(item: Item, said: Said) -> Marks:
    """The score, strictly and as the released parser reads it."""
    failure = unread(said)
    score = None if failure else said[TURN].scores["score"]
    notes = {"score": failure} if failure else {}
    official = score
    if one_judge(said):
        official = official_verified(raw_of(said, TURN)).get("score")
        if official is None:
            notes["score_official"] = "the released parser finds no score, and drops the sample"
    return Marks(parts={"score": score, "score_official": official}, notes=notes, failure=failure)
