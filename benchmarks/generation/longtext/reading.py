"""Reading the text in an image with a language model: one question, whose reply is the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from benchmarks.common.judged import picture_of, rubrics, turn
from evals.core.types import Item
from evals.core.verdicts import Verdict
from judges.interview import Turn
from judges.parsing import Parsed
from judges.script import Script

NAME = "read"


def read_any(reply: str) -> Parsed:
    """Whatever the reply is, it is the text; the score only says that there is one."""
    return Parsed(status="ok", scores={"read": 1.0})


READER = ("text 1", read_any)
"""Name with version, and function, as `judges.script.load_scripts` wants them."""


@cache
def scripts() -> Mapping[str, Script]:
    """Our own words."""
    return rubrics("generation.longtext", {"text": READER})


def question(item: Item, asked: Script) -> Turn:
    """The question about an item.

    Raises:
        ImageError: the prediction holds no image.
    """
    return turn(NAME, asked, {}, {"image": picture_of(item)})


def texts(verdict: Verdict) -> Sequence[str]:
    """What each judge read, as it was written."""
    return [single.last.raw for single in verdict.singles if single.last is not None]
