"""The metrics of WISE: three scores per image (legacy), or one (Verified), from one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import judge_metric, parsed, picture_of, rubrics, turn
from benchmarks.common.quantities import grade, share
from benchmarks.knowledge.wise.data import WiseReference
from benchmarks.knowledge.wise.editions import DIMENSIONS, wiscore
from benchmarks.knowledge.wise.replies import (
    Reading,
    official_scores,
    official_verified,
    strict_scores,
    strict_verified,
)
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script, with_official

TURN = "scores"
HIGHEST = wiscore(9, 9, 9)
"""Of the released parser, which takes any digit."""
_DOC = {
    "consistency": "The image shows what prompt and explanation ask for, 0 to 2.",
    "realism": "The image is physically believable, 0 to 2.",
    "aesthetic_quality": "The image is a good picture, 0 to 2.",
}

LEGACY_QUANTITIES = (
    share("wiscore", "(.7 consistency + .2 realism + .1 aesthetic quality) / 2.", label="WiScore"),
    *(grade(n, _DOC[n], 0.0, 2.0) for n in DIMENSIONS),
    grade(
        "wiscore_official", "The same of the digits that the released parser finds; one that it "
        "does not find is 0 (GenEditEvalKit).", 0.0, HIGHEST, "official", label="WiScore",
    ),
)  # fmt: skip
VERIFIED_QUANTITIES = (
    share("score", "1 when the image passes."),
    share("score_official", "The same as the released parser reads it.", "official", "score"),
)


def _read(reply: str, reading: Callable[[str], Reading]) -> Parsed:
    found = reading(reply)
    return parsed(found.reason, {name: float(v) for name, v in found.scores.items()})


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words: ``legacy`` and ``verified``."""
    readers = {
        "three": ("three lines 1", partial(_read, reading=strict_scores)),
        "one": ("one line 1", partial(_read, reading=strict_verified)),
    }
    return rubrics("knowledge.wise", readers)


def metric(settings: ScoringSettings, edition: str) -> InterviewMetric:
    """The metric `judge` of an edition, ``legacy`` or ``verified``.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    legacy = edition == "legacy"
    return judge_metric(
        settings, quantities=LEGACY_QUANTITIES if legacy else VERIFIED_QUANTITIES,
        scripts={edition: scripts()[edition]}, reword=_official_words, ask=ask,
        mark=mark_legacy if legacy else mark_verified,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    holes = {"prompt": "{prompt}", "explanation": "{explanation}"}
    return with_official(script, prompt, "prompt", holes)


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """Everything at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    (script,) = scripts.values()
    reference: WiseReference = item.sample.reference
    fields = {"prompt": item.sample.prompt, "explanation": reference.explanation}
    return [turn(TURN, script, fields, {"image": picture_of(item)})]


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
