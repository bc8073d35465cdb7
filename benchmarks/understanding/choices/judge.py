"""A judge that matches replies with options, where rules cannot read them.

VLMEvalKit asks gpt-4o-mini unless told otherwise. Only replies without a readable answer cost a
call, so that a model which keeps to the form costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

from benchmarks.understanding.asking import rubric, told, words_of
from benchmarks.understanding.choices.metric import (
    official_choices,
    official_letter,
    strict_reading,
)
from benchmarks.understanding.choices.questions import ChoiceReference
from benchmarks.understanding.choices.vlmevalkit import NO_ANSWER, OTHER_ANSWERS, can_infer
from benchmarks.understanding.prompts import LETTERS, option_lines
from benchmarks.understanding.replies import ASKED, share
from evals.core.protocols import ScoringSettings
from evals.core.types import Item
from judges.interview import (
    InterviewMetric,
    Said,
    Turn,
    interview,
    one_judge,
    raw_of,
    unread,
)
from judges.metric import Marks
from judges.parsing import Parsed
from judges.script import Script, with_official

HOLES = {"question": "{question}", "options": "{options}", "reply": "{prediction}"}
"""What stands for the fields in the user's file of the official prompt."""

DRAWN = "the judge's reply names no option, where the released script draws one at random"

QUANTITIES = (
    share("accuracy", "Share of questions answered right, strictly read; a judge reads what rules "
          "cannot."),
    share("exact", "Right by VLMEvalKit's rules, or by its judge where these read nothing.",
          "official", "VLMEvalKit"),
    ASKED,
)  # fmt: skip


def read_letter(reply: str, letters: str) -> Parsed:
    """The one letter that a judge answers with, as 1 for it and 0 for the others.

    >>> read_letter("**B**.", "ABZ").scores
    {'A': 0.0, 'B': 1.0, 'Z': 0.0}
    """
    said = words_of(reply).upper()
    if len(said) != 1 or said not in letters:
        reason = f"the reply is not one of the letters {', '.join(letters)}"
        return Parsed(status="unparsed", reason=reason)
    return Parsed(status="ok", scores={c: float(c == said) for c in letters})


def _script(base: Script, options: Sequence[str]) -> Script:
    letters = "".join(c for c, text in zip(LETTERS, options, strict=False) if text) + NO_ANSWER
    read = partial(read_letter, letters=letters)
    return replace(base, read=read, reads=f"letter 1, {letters}")


@cache
def _own() -> Script:
    reader = partial(read_letter, letters=NO_ANSWER)
    return rubric("choices", {"letter": ("letter 1", reader)})["option"]


def _shown(reference: ChoiceReference) -> tuple[str, ...]:
    """The options that the judge chooses from."""
    return (reference.written, OTHER_ANSWERS) if reference.open else reference.options


def _ask(base: Script, item: Item, said: Said) -> tuple[Turn, ...]:
    reference: ChoiceReference = item.sample.reference
    reply = item.prediction.text or ""
    found, right = strict_reading(reply, reference)
    # What an open question's reply says need not be said in the words of the answer.
    clear = right if reference.open else not found.reason
    if said or not reply.strip() or (clear and official_letter(reply, reference)):
        return ()
    options = _shown(reference)
    question = told(
        question=reference.question, options="\n".join(option_lines(options)), reply=reply
    )
    return (Turn(name="option", script=_script(base, options), question=question),)


def _mark(item: Item, said: Said) -> Marks:
    reference: ChoiceReference = item.sample.reference
    reply = item.prediction.text or ""
    choices, right = official_choices(reference)
    found, strict = strict_reading(reply, reference)
    letter = official_letter(reply, reference)
    parts: dict[str, float | None] = {"asked": float(bool(said))}
    notes: dict[str, str] = {}
    judged = _letter(said)
    if strict or (found.value and not reference.open and not found.reason) or not said:
        parts["accuracy"] = float(strict)
    else:
        parts["accuracy"] = None if judged is None else float(judged == right)
    if said and not letter:
        # The released script reads its judge by the rules by which it reads a model.
        letter = can_infer(raw_of(said, "option"), choices) if one_judge(said) else judged or False
        if not letter:
            notes["exact"] = DRAWN
    drawn = "exact" in notes
    parts["exact"] = None if drawn else float((letter or NO_ANSWER) == right)
    failure = unread(said) if parts["accuracy"] is None else ""
    if failure:
        notes["accuracy"] = failure
    return Marks(parts=parts, notes=notes, failure=failure)


def _letter(said: Said) -> str | None:
    """The letter that a judge, or most of a panel, names; `NO_ANSWER` without a majority."""
    verdict = said.get("option")
    if verdict is None or verdict.status != "ok":
        return None
    scores: Mapping[str, float] = verdict.scores
    return next((c for c, share in scores.items() if share > 0.5), NO_ANSWER)


def choice_judge(settings: ScoringSettings) -> InterviewMetric:
    """The metric ``judge``; absent when no judge is named.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    base = _own()
    if settings.judging.prompt is not None:
        base = with_official(base, settings.judging.prompt, "", HOLES)
    return interview(
        settings, quantities=QUANTITIES, scripts=(base,), ask=partial(_ask, base), mark=_mark
    )
