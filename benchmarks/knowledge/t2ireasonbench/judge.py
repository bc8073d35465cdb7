"""T2I-ReasonBench's judge: a description of the image, and then its questions, stage by stage.

The released scripts ask in one conversation with a branch per stage; here every call stands alone,
and the description is handed on as a text. Behind a panel the first judge's is handed on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

from benchmarks.common.judged import (
    Readers,
    by_name,
    judge_metric,
    numbered,
    parsed,
    picture_of,
    rubrics,
    turn,
)
from benchmarks.knowledge.t2ireasonbench.data import (
    NAME,
    QUESTIONS,
    UPSTREAM,
    Check,
    ReasonReference,
)
from benchmarks.knowledge.t2ireasonbench.scoring import (
    DIMENSIONS,
    official_reasoning,
    official_sample,
)
from benchmarks.knowledge.t2ireasonbench.strict import strict_reply, strict_sample
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import Item, Profile, Quantity, Sample
from judges.interview import Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script


class QuestionsAbsent(Exception):
    """The data folder holds the prompts only: nothing can be scored, by any model."""


def read_description(reply: str) -> Parsed:
    """Any text that is not empty."""
    reason = "" if reply.strip() else "the description is empty"
    return parsed(reason, {"described": 1.0})


def read_scores(questions: int, reply: str) -> Parsed:
    """One score for each of so many questions."""
    found = strict_reply(reply, questions)
    return parsed(found.reason, numbered("q", found.scores))


@cache
def own_scripts() -> Mapping[str, Script]:
    """Our own words, from rubrics.toml."""
    readers: Readers = {
        "text": ("text 1", read_description),
        "per sample": ("list of 1, 0.5, 0, version 1", partial(read_scores, 0)),
    }
    return rubrics("knowledge.t2ireasonbench", readers)


# --- asking -----------------------------------------------------------------------------------


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """The description first, and with it all stages at once.

    Raises:
        QuestionsAbsent: the question files are not in the data folder.
        ImageError: the prediction holds no image.
    """
    reference: ReasonReference = item.sample.reference
    if not reference.stages:
        raise QuestionsAbsent(
            f"the data folder holds no {QUESTIONS}/evaluation_{reference.dimension}.json, by which "
            f"images are scored; get it from {UPSTREAM} and plan the run again"
        )
    image = {"image": picture_of(item)}
    if not said:
        return (turn("describe", scripts["describe"], {}, image),)
    if len(said) > 1 or said["describe"].status != "ok":
        return ()
    turns = []
    stages = DIMENSIONS[reference.dimension].stages
    for name, checks in zip(stages, reference.stages, strict=True):
        fields = {
            "description": raw_of(said, "describe").strip(), "questions": listed(checks),
        }  # fmt: skip
        script = replace(scripts["questions"], read=partial(read_scores, len(checks)))
        turns.append(turn(name, script, fields, image))
    return turns


def listed(checks: Sequence[Check]) -> str:
    """The questions of a stage as the judge is told them.

    >>> print(listed([Check(question="Is it red?", criterion="1: yes; 0: no")]))
    1. Is it red?
       Criterion: 1: yes; 0: no
    """
    return "\n".join(
        f"{n}. {c.question}\n   Criterion: {c.criterion or 'none is given'}"
        for n, c in enumerate(checks, 1)
    )


# --- marking ----------------------------------------------------------------------------------


def mark(item: Item, said: Said) -> Marks:
    """Strict and released numbers of one image."""
    reference: ReasonReference = item.sample.reference
    dimension = DIMENSIONS[reference.dimension]
    parts: dict[str, float | None] = dict.fromkeys(q.name for q in QUANTITIES)
    notes: dict[str, str] = {}
    failure = unread(said)
    if not failure:
        scores = [
            [said[stage].scores[f"q{n}"] for n in range(1, len(checks) + 1)]
            for stage, checks in zip(dimension.stages, reference.stages, strict=True)
        ]
        strict = strict_sample(dimension, scores)
        parts |= {"reasoning": strict.reasoning, "quality": strict.quality}
    else:
        notes |= dict.fromkeys(("reasoning", "quality"), failure)
    released = {"reasoning_official": parts["reasoning"], "quality_official": parts["quality"]}
    if one_judge(said) and all(stage in said for stage in dimension.stages):
        found = official_sample(dimension, [raw_of(said, s) for s in dimension.stages])
        released = dict.fromkeys(released)
        if found.error:
            notes |= dict.fromkeys(released, f"the released script ends here with {found.error}")
        elif not all(map(math.isfinite, found.averages)):
            notes |= dict.fromkeys(released, "the judge's scores are no finite numbers")
        else:
            released["reasoning_official"] = official_reasoning(dimension, found.averages[:-1])
            released["quality_official"] = found.averages[-1]
    elif failure:
        notes |= dict.fromkeys(released, failure)
    return Marks(parts=parts | released, notes=notes, failure=failure)


def calls(sample: Sample) -> int:
    """The description, and one per stage."""
    return 1 + len(DIMENSIONS[sample.reference.dimension].stages)


def _quantity(name: str, doc: str, profile: Profile = "strict") -> Quantity:
    high = 1.0 if profile == "strict" else math.inf
    return Quantity(
        name=name, range=(0.0 if profile == "strict" else -math.inf, high), direction="higher",
        doc=doc, profile=profile, worst=0.0, label=name.removesuffix("_official"),
    )  # fmt: skip


QUANTITIES = (
    _quantity("reasoning", "Mean score of the questions about what had to be worked out; of "
              "entities and science .7 of it and .3 of the other details."),
    _quantity("quality", "Mean score of the questions about the quality of the picture."),
    _quantity("reasoning_official", "As released: any number of scores of any size.", "official"),
    _quantity("quality_official", "As released: any number of scores of any size.", "official"),
)  # fmt: skip


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The judge."""
    return (
        judge_metric(
            settings, quantities=QUANTITIES, scripts=own_scripts(), reword=by_name, ask=ask,
            mark=mark, expected=calls, also={"rules": 1, "benchmark": NAME},
        ),
    )  # fmt: skip
