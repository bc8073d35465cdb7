"""What a question is: words, the exact answer, and what its picture shows; no pixel in sight."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from evals.core.types import canonical_json
from synth.shapes import Shape
from synth.typeface import Role
from synth.words import Split

Form = Literal["choice", "yes_no", "number", "text"]
"""`choice`: a letter from A on. `yes_no`: one of the two. `number`: digits. `text`: a few words."""

SIZE = (480, 360)
"""Width and height of every picture, in pixels."""

_ASKED: dict[Form, str] = {
    "choice": "Answer with the letter of the right choice.",
    "yes_no": "Answer yes or no.",
    "number": "Answer with a number.",
    "text": "Answer with the text only.",
}


@dataclass(frozen=True, kw_only=True)
class Label:
    """One line of text around a point."""

    text: str
    x: int
    y: int
    size: int
    font: Role = "bold"


@dataclass(frozen=True, kw_only=True)
class Bars:
    """A bar chart whose scale runs from 0 to 100."""

    labels: tuple[str, ...]
    values: tuple[int, ...]


Thing: TypeAlias = Shape | Label | Bars


@dataclass(frozen=True, kw_only=True)
class Question:
    """Everything that decides one item.

    Attributes:
        version: of the generator.
        split: ``bench``, ``val`` or ``train``; they share no word and no font family.
        kind: one of `synth.questions.kinds.KINDS`.
        index: number of the item within its split and kind, from 0.
        text: the question, without choices and without how to answer.
        form: what kind of answer is asked for.
        choices: what the letters stand for, A first; empty for other forms.
        answer: the letter, ``yes`` or ``no``, the digits, or the text.
        ground: shade of the picture's ground, a number that the painter reads.
        shows: what the picture shows.
    """

    version: str
    split: Split
    kind: str
    index: int
    text: str
    form: Form
    answer: str
    choices: tuple[str, ...] = ()
    ground: int = 0
    shows: tuple[Thing, ...]

    @property
    def id(self) -> str:
        """Name within the split, e.g. ``count-3``."""
        return f"{self.kind}-{self.index}"

    @property
    def prompt(self) -> str:
        """What a model is asked, line by line."""
        lines = [f"{letter(at)}. {choice}" for at, choice in enumerate(self.choices)]
        return "\n".join([self.text, *lines, _ASKED[self.form]])

    @cached_property
    def sha256(self) -> str:
        """Identity of the item: of all fields, never of pixels."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()


def letter(at: int) -> str:
    """Letter of the choice at a place.

    >>> letter(0), letter(3)
    ('A', 'D')
    """
    return chr(ord("A") + at)
