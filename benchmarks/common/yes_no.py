"""Questions that are answered with yes or no: how the reply is read, and what a panel says."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.common.judged import picture_of, turn
from evals.core.types import Item
from evals.core.verdicts import Verdict
from judges.interview import Turn
from judges.parsing import Parsed
from judges.script import Script
from metrics.answers import read_answer


def read_yes_no(reply: str) -> Parsed:
    """Yes is 1 and no is 0; anything else is unparsed.

    >>> read_yes_no("Yes.").scores, read_yes_no("perhaps").status
    ({'yes': 1.0}, 'unparsed')
    """
    found = read_answer(reply, "yes_no")
    if found.reason:
        return Parsed(status="unparsed", reason=f"the reply is not yes or no: {found.reason}")
    return Parsed(status="ok", scores={"yes": float(found.value == "yes")})


READER = ("yes or no 1", read_yes_no)
"""Name with version, and function, as `judges.script.load_scripts` wants them."""


def turns(item: Item, script: Script, questions: Iterable[tuple[int, str]]) -> list[Turn]:
    """A question of each (id, text) about the picture of an item, called ``q`` and its id.

    Raises:
        ImageError: the prediction holds no image.
    """
    shown = {"image": picture_of(item)}
    return [turn(f"q{id_}", script, {"question": text}, shown) for id_, text in questions]


def says(verdict: Verdict) -> str | None:
    """``yes`` or ``no``; of a panel what more than half of it says; None when it says neither."""
    yes = verdict.scores.get("yes")
    if yes is None or yes == 0.5:
        return None
    return "yes" if yes > 0.5 else "no"


def bare(reply: str) -> str:
    """A reply in the vocabulary of the official VQA model: lower case, without stop and spaces.

    >>> bare(" Yes.")
    'yes'
    """
    return reply.strip().rstrip(".!").rstrip().lower()
