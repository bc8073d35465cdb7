"""The metric of GenExam: all scoring points and the global scores in one call to a judge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from benchmarks.common.judged import (
    decided,
    judge_metric,
    numbered,
    parsed,
    picture_of,
    rubrics,
    turn,
)
from benchmarks.knowledge.genexam.data import GenExamReference
from benchmarks.knowledge.genexam.replies import GLOBALS, Unusable, official_reply, strict_reading
from benchmarks.knowledge.genexam.scoring import (
    SampleScores,
    official_scores,
    strict_scores,
    weight_met,
)
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Profile, Quantity
from evals.core.verdicts import Verdict
from judges.interview import InterviewMetric, Said, Turn, one_judge, raw_of, unread
from judges.metric import Marks
from judges.parsing import Parsed
from judges.rubric import FieldSlot
from judges.script import Script, with_official

TURN = "exam"
READS = "exam json 1"
HOLES: Mapping[str, str] = {"prompt": "{prompt}", "listed": "{scoring_points}"}
"""Field -> what stands for it in the official words."""
OFFICIAL = ("strict_official", "relaxed_official", "semantic_official")


def _quantity(
    name: str, doc: str, high: float = 1.0, profile: Profile = "strict", label: str = ""
) -> Quantity:
    low = 0.0 if profile == "strict" else -math.inf
    return Quantity(
        name=name, range=(low, high if profile == "strict" else math.inf), direction="higher",
        doc=doc, profile=profile, worst=0.0 if profile == "strict" else None, label=label or name,
    )  # fmt: skip


QUANTITIES = (
    _quantity("relaxed", ".7 semantics + .1 each for spelling, readability and logic."),
    _quantity("strict", "1 when every scoring point is met and all global scores are best."),
    _quantity("semantic", "Weight of the scoring points that are met.", label="semantics"),
    _quantity("spelling", "Texts and notation, 0 to 2.", 2.0),
    _quantity("readability", "Clarity and readability, 0 to 2.", 2.0),
    _quantity("logical_consistency", "Logical consistency, 0 to 2.", 2.0, label="logic"),
    _quantity("strict_official", "Strict score as released.", profile="official", label="strict"),
    _quantity(
        "relaxed_official", "Relaxed score as released: rounded to 3 decimals, global scores not "
        "checked.", profile="official", label="relaxed",
    ),
    _quantity(
        "semantic_official", "Semantics as released: rounded to 4 decimals.", profile="official",
        label="semantics",
    ),
)  # fmt: skip


def read_exam(reply: str, points: int) -> Parsed:
    """``a1`` and so on per scoring point, and the three global scores by column."""
    reading = strict_reading(reply, points)
    scores = {name: float(score) for name, score in reading.globals.items()}
    return parsed(reading.reason, numbered("a", reading.answers) | scores)


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words, with a reader for one scoring point."""
    return rubrics("knowledge.genexam", {"exam": (READS, partial(read_exam, points=1))})


def metric(settings: ScoringSettings) -> InterviewMetric:
    """The metric `judge`.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    return judge_metric(
        settings, quantities=QUANTITIES, scripts=scripts(), reword=_official_words, ask=ask,
        mark=mark,
    )  # fmt: skip


def _official_words(name: str, script: Script, prompt: Path) -> Script:
    """The official file is a template for ``str.format``, which halves braces.

    Pictures keep the size that the released script brings them to.
    """
    asked = with_official(script, prompt, "prompt_for_eval", HOLES)
    words = asked.official.replace("{{", "{").replace("}}", "}")
    slots = tuple(FieldSlot(name=name, label=name) for name in HOLES)
    return replace(asked, official=words, fields=slots, policy=script.policy)


def ask(item: Item, said: Said, *, scripts: Mapping[str, Script]) -> Sequence[Turn]:
    """Everything at once.

    Raises:
        ImageError: the prediction holds no image.
    """
    script = scripts["exam"]
    reference: GenExamReference = item.sample.reference
    count = len(reference.questions)
    own = replace(script, read=partial(read_exam, points=count), reads=f"{script.reads}, n={count}")
    fields = {
        "prompt": item.sample.prompt,
        "points": "\n".join(f"{n}. {q}" for n, q in enumerate(reference.questions, 1)),
        "listed": str(list(reference.questions)),
    }
    images = {"answer": picture_of(item), "truth": item.sample.reference_images[0]}
    return [turn(TURN, own, fields, images)]


def mark(item: Item, said: Said) -> Marks:
    """What the reply amounts to, strictly and as released."""
    reference: GenExamReference = item.sample.reference
    failure = unread(said)
    strict = None if failure else _strict(reference, said[TURN])
    if not failure and strict is None:
        failure = "the judges do not agree on a scoring point"
    official, reason = _official(reference, said, strict)
    columns: dict[str, float | None] = {
        "relaxed": strict.relaxed_score if strict else None,
        "strict": strict.strict_score if strict else None,
        "semantic": strict.semantic_correctness if strict else None,
        "spelling": strict.spelling if strict else None,
        "readability": strict.readability if strict else None,
        "logical_consistency": strict.logical_consistency if strict else None,
    }
    notes = {} if strict else dict.fromkeys(columns, failure)
    if official is None:
        parts = columns | dict.fromkeys(OFFICIAL)
        notes |= dict.fromkeys(OFFICIAL, reason)
    else:
        parts = columns | {
            "strict_official": official.strict_score,
            "relaxed_official": official.relaxed_score,
            "semantic_official": official.semantic_correctness,
        }
    return Marks(parts=parts, notes=notes, failure=failure)


def _strict(reference: GenExamReference, verdict: Verdict) -> SampleScores | None:
    """None when judges are evenly divided on a scoring point."""
    answers = decided(verdict, "a", len(reference.questions))
    if not answers:
        return None
    scores = {column: verdict.scores[column] for column in GLOBALS}
    return strict_scores(list(map(int, answers)), reference.weights, scores)


def _official(
    reference: GenExamReference, said: Said, strict: SampleScores | None
) -> tuple[SampleScores | None, str]:
    """The released arithmetic over the raw reply; of a panel, what it says together."""
    if not one_judge(said):
        return strict, "" if strict else "the judges do not agree"
    try:
        value = official_reply(raw_of(said, TURN), len(reference.questions))
        answers = [entry["answer"] for entry in value["answers"]]
        spelling, readability, logic = (
            value["global_evaluation"][name]["score"] for name in GLOBALS.values()
        )
        met = weight_met(answers, reference.weights)
        scores = official_scores(answers, met, spelling, readability, logic)
        if not math.isfinite(scores.relaxed_score):
            return None, "a global score is not finite"
    except Unusable as error:
        return None, f"the released script would ask again, 3 times in all: {error}"
    except (TypeError, LookupError, OverflowError, ValueError) as error:
        return None, f"the reply ends the released run: {error}"
    return scores, ""
