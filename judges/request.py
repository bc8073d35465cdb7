"""One question to a judge: a rubric, the sample's texts and images, and which repeat it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from evals.core.types import Item, fingerprint
from evals.core.verdicts import Verdict
from judges.rubric import Rubric

HERE = "here"
"""Endpoint of judges that measure: nobody is asked."""


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
        fields: name -> text of the sample, for every field of the rubric.
        images: role -> file, for every image of the rubric.
        repeat: 0, 1, ... for independent repeats.
        item: the sample and prediction behind it, for a judge that measures by itself; not part of
            the question's identity.
    """

    rubric: Rubric
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
                {f.name: self.fields[f.name] for f in self.rubric.fields},
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
