"""Reading the text in an image with a language model: one question, whose reply is the text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from evals.core.errors import ImageError
from evals.core.types import Item
from evals.core.verdicts import Verdict
from judges.interview import Turn
from judges.metric import Question
from judges.parsing import Parsed
from judges.script import Script, load_scripts

NAME = "read"


def read_any(reply: str) -> Parsed:
    """Whatever the reply is, it is the text; the score only says that there is one."""
    return Parsed(status="ok", scores={"read": 1.0})


READER = ("text 1", read_any)
"""Name with version, and function, as `judges.script.load_scripts` wants them."""


@cache
def script() -> Script:
    """Our own words."""
    place = files("benchmarks.generation.longtext").joinpath("rubrics.toml")
    return load_scripts(place.read_text(encoding="utf-8"), {"text": READER})["read"]


def turn(item: Item, asked: Script) -> Turn:
    """The question about an item.

    Raises:
        ImageError: the prediction holds no image.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    return Turn(
        name=NAME, script=asked, question=Question(fields={}, images={"image": item.images[0]})
    )


def texts(verdict: Verdict) -> Sequence[str]:
    """What each judge read, as it was written."""
    return [single.last.raw for single in verdict.singles if single.last is not None]
