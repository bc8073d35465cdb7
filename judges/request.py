"""One question to a judge: a rubric, the sample's texts and images, and which repeat it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from evals.core.types import JSON, Item, fingerprint
from evals.core.verdicts import Verdict
from judges.parsing import Parsed
from judges.rubric import FieldSlot, ImagePolicy, ImageSlot

HERE = "here"
"""Endpoint of judges that measure: nobody is asked."""


class Asking(Protocol):
    """What a judge is asked: a `judges.rubric.Rubric` or a `judges.script.Script`."""

    @property
    def name(self) -> str:
        """E.g. ``imgedit.style``."""
        ...

    @property
    def hash(self) -> str:
        """16 hex digits over everything that can change a verdict."""
        ...

    @property
    def prompt(self) -> str:
        """What people are told of the wording."""
        ...

    @property
    def official(self) -> str:
        """An official prompt in place of our own wording; its text stands before the images."""
        ...

    @property
    def images(self) -> tuple[ImageSlot, ...]:
        """What is shown, in order."""
        ...

    @property
    def fields(self) -> tuple[FieldSlot, ...]:
        """What is told, in order."""
        ...

    @property
    def policy(self) -> ImagePolicy:
        """How images are sent."""
        ...

    @property
    def swap(self) -> tuple[str, ...]:
        """Roles of two candidates that are compared; empty when it is not pairwise."""
        ...

    @property
    def low(self) -> float:
        """Lowest score."""
        ...

    @property
    def high(self) -> float:
        """Highest score."""
        ...

    def schema(self) -> dict[str, JSON] | None:
        """JSON schema of the reply; None when nothing is imposed."""
        ...

    def text(self, fields: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
        """System text, user text, and one label per image."""
        ...

    def parse(self, reply: str) -> Parsed:
        """What a reply says."""
        ...

    def named(self, by_key: Mapping[str, Any]) -> dict[str, Any]:
        """A mapping by key as one by the names of the dimensions."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """An image file to be shown, known by the hash of its bytes."""

    path: Path
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a judge is asked; holds paths, never pixels.

    Attributes:
        rubric: the words and the scale.
        fields: name -> text of the sample, for every field of a rubric.
        images: role -> file, for every image of the rubric.
        repeat: 0, 1, ... for independent repeats.
        item: the sample and prediction behind it, for a judge that measures by itself; not part of
            the question's identity.
    """

    rubric: Asking
    fields: Mapping[str, str]
    images: Mapping[str, Shown]
    repeat: int = 0
    item: Item | None = field(default=None, compare=False)

    @cached_property
    def hash(self) -> str:
        """Identity of the question: equal questions are never paid for twice."""
        return fingerprint(
            [
                self.rubric.hash,
                {f.name: self.fields[f.name] for f in self.rubric.fields if f.name in self.fields},
                [self.images[i.role].sha256 for i in self.rubric.images],
                self.repeat,
            ]
        )

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The images in the rubric's order."""
        return tuple(self.images[i.role] for i in self.rubric.images)


class Judge(Protocol):
    """Whoever can be asked. Tape, limits and panel wrap a judge and offer the same method."""

    name: str

    async def ask(self, request: Request) -> Verdict:
        """The verdict on one question; a judge that fails says so in the status.

        Raises:
            Halt: nothing more can be asked (wrong key, budget reached); what is stored stays.
            UserError: the request itself makes no sense.
        """
        ...


class Unjudgeable(Exception):
    """A sample that cannot be judged for any model; the message says why."""
