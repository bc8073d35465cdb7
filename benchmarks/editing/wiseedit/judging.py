"""The metric of WiseEdit: four or five questions per result, each with a score from 1 to 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from benchmarks.common.judged import judge_metric, picture_of, rubrics, turn
from benchmarks.common.quantities import grade, percent
from benchmarks.editing.wiseedit.data import WiseEditReference
from benchmarks.editing.wiseedit.scoring import (
    CATEGORIES,
    HIGH,
    LOW,
    NAMES,
    official_reading,
    strict_reading,
    strict_score,
)
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Sample
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.rubric import ImagePolicy
from judges.script import Script, hole, with_official

_WHAT = {
    "DP": "Detail preserving: whether all else stayed as it was",
    "IF": "Instruction following",
    "VQ": "Visual quality: how sound the result is",
    "KF": "Knowledge fidelity: whether the result agrees with what is known",
    "CF": "Creative fusion: how inventive the result is",
}
QUANTITIES = (
    percent("score", "Mean of the scores that are asked in the category, in percent."),
    *(grade(n, f"{doc}, 1 to 10.", LOW, HIGH) for n, doc in _WHAT.items()),
    *(
        grade(f"{n}_official", f"{doc}, 1 to 10, as the released parser reads it.", LOW, HIGH,
              "official")
        for n, doc in _WHAT.items()
    ),
)  # fmt: skip
DROPPED = "the released script drops a sample without one of its scores (WISEEDIT-3)"


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words."""
    return rubrics("editing.wiseedit", {"ten": ("score 1, 1 to 10", strict_reading)})


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: an official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark, expected=_expected,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    """The constant for a metric, of `prompt` or of its sibling for several given pictures."""
    metric_name, _, form = name.partition("_")
    end = "" if metric_name == "VQ" else f"_{form}"
    path = prompt if form == "single" else prompt.with_name("prompt_multi.py")
    words = with_official(script, path, f"prompt_{NAMES[metric_name]}{end}", {})
    told = "".join(f"\n\n{f.label}: {hole(f.name)}" for f in script.fields if f.name != "hint")
    policy = ImagePolicy(max_side=512, quality=90)
    return replace(words, official=words.official + told, policy=policy)


def with_hint(script: Script) -> Script:
    """A script with official words and a hint after them; our own have their place for it."""
    field = next((f for f in script.fields if f.name == "hint"), None)
    if field is None or not script.official:
        return script
    return replace(script, official=f"{script.official}\n\n{field.label}: {hole('hint')}")


def _expected(sample: Sample) -> int:
    reference: WiseEditReference = sample.reference
    return len(CATEGORIES[reference.category])


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """All questions at once; hint and references are for instruction and knowledge only.

    Raises:
        ImageError: the prediction holds no image.
    """
    reference: WiseEditReference = item.sample.reference
    given = item.sample.images
    images = {f"input_{n}": p for n, p in enumerate(given, 1)} | {"edited": picture_of(item)}
    images |= {f"reference_{n}": p for n, p in enumerate(reference.pictures, 1)}
    fields = {"instruction": reference.instruction}
    if reference.hint:
        fields["hint"] = reference.hint
    turns = []
    for name in CATEGORIES[reference.category]:
        form = "multi" if len(given) > 1 and name != "VQ" else "single"
        script = scripts[f"{name}_{form}"].showing(*images)
        if reference.hint:
            script = with_hint(script)
        turns.append(turn(name, script, fields, images))
    return turns


def mark(item: Item, said: Said) -> Marks:
    """The scores, their mean in percent, and what the released parser makes of the replies."""
    reference: WiseEditReference = item.sample.reference
    wanted = CATEGORIES[reference.category]
    parts: dict[str, float | None] = dict.fromkeys(q.name for q in QUANTITIES)
    notes: dict[str, str] = {}
    for name in NAMES:
        if name not in wanted:
            notes[name] = notes[f"{name}_official"] = "not asked in this category"
    scores = {name: said[name].scores["score"] for name in wanted if said[name].status == "ok"}
    parts |= scores
    if len(scores) == len(wanted):
        parts["score"] = strict_score(scores, reference.category)
    official = _official(wanted, said, scores)
    if None in official.values():
        # 0 for any one drops the sample, in both languages where the released script has both.
        notes |= {f"{name}_official": DROPPED for name in wanted}
    else:
        parts |= {f"{name}_official": score for name, score in official.items()}
    return Marks(parts=parts, notes=notes, failure=unread(said))


def _official(
    wanted: Sequence[str], said: Said, scores: Mapping[str, float]
) -> dict[str, float | None]:
    """Scores as released; those of a panel are the panel's."""
    if not one_judge(said):
        return {name: scores.get(name) for name in wanted}
    read = {name: official_reading(raw_of(said, name))[0] for name in wanted}
    return {name: None if score is None else float(score) for name, score in read.items()}
