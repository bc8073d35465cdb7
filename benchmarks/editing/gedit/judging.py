"""The metric of GEdit-Bench: two questions per edit, two numbers each, as VIEScore has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import judge_metric, picture_of, rubrics
from benchmarks.common.quantities import grade, released
from benchmarks.editing.common import released_end
from benchmarks.editing.gedit.replies import (
    HIGH,
    LOW,
    QUALITY,
    SEMANTICS,
    official_reading,
    strict_reading,
)
from benchmarks.editing.gedit.scoring import official_sample, strict_score
from benchmarks.editing.official_prompts import with_parts
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks, Question
from judges.script import Script

PARTS = ("O", "SC", "PQ")
_DOCS = {
    "O": "Overall: the root of SC times PQ, from 0 to 10.",
    "SC": "Semantics: the smaller of success of the edit and restraint, from 0 to 10.",
    "PQ": "Quality: the smaller of naturalness and freedom from artefacts, from 0 to 10.",
}
QUANTITIES = (
    *(grade(n, _DOCS[n], LOW, HIGH) for n in PARTS),
    *(
        released(f"{n}_official", f"{_DOCS[n]} As the released parser reads it, unchecked.")
        for n in PARTS
    ),
)
GUESSED = "the released script asks again, and then takes a random number (GEDIT-1)"
_OFFICIAL: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "semantics": (
        (
            "_context_no_delimit",
            "_prompts_0shot_two_image_edit_rule",
            "_prompts_0shot_tie_rule_SC",
        ),
        {"instruction": "<instruction>"},
    ),
    "quality": (("_context_no_delimit", "_prompts_0shot_rule_PQ"), {}),
}
"""Question -> constants of ``vie_prompts.py`` that make its official words, and what they hold."""


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words, by question."""
    readers = {
        "semantics": ("two numbers 1, semantics", partial(strict_reading, keys=SEMANTICS)),
        "quality": ("two numbers 1, quality", partial(strict_reading, keys=QUALITY)),
    }
    return rubrics("editing.gedit", readers)


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark, expected=lambda _: 2,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    return with_parts(script, prompt, *_OFFICIAL[name])


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """Both questions at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    # The source is handed to the second question too: the result is brought to its size.
    images = {"source": item.sample.images[0], "edited": picture_of(item)}
    fields = {"semantics": {"instruction": item.sample.prompt}, "quality": {}}
    return [
        Turn(name=name, script=script, question=Question(fields=fields[name], images=images))
        for name, script in scripts.items()
    ]


def mark(item: Item, said: Said) -> Marks:
    """SC, PQ and O, and what the released script makes of the replies."""
    parts: dict[str, float | None] = dict.fromkeys(q.name for q in QUANTITIES)
    notes: dict[str, str] = {}
    if all(v.status == "ok" for v in said.values()):
        score = strict_score(said["semantics"].scores, said["quality"].scores)
        parts |= {"O": score.O, "SC": score.SC, "PQ": score.PQ}
    values, note = _official(said, [parts[n] for n in ("SC", "PQ", "O")])
    official = dict(zip(("SC_official", "PQ_official", "O_official"), values, strict=True))
    if note:
        notes |= dict.fromkeys(official, note)
    return Marks(parts=parts | official, notes=notes, failure=unread(said))


def _official(said: Said, strict: list[float | None]) -> tuple[list[float | None], str]:
    """SC, PQ and O as released; those of a panel are the panel's."""
    if not one_judge(said):
        return strict, "the panel has no score" if None in strict else ""
    replies = (official_reading(raw_of(said, name)) for name in ("semantics", "quality"))
    sample = official_sample(*replies)
    if sample.outcome == "ok":
        return [float(v) for v in sample.value], ""
    return [None] * 3, released_end(sample) if sample.outcome == "crash" else GUESSED
