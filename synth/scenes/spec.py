"""What an item is: words, what a picture must show for them, and a drawing that does."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, TypeVar

from evals.core.types import canonical_json
from synth.draw import Draw
from synth.shapes import Shape, an, plural

Side = Literal["left", "right", "above", "below"]
"""Where the first of two shapes stands, seen from the second."""

SIDES: tuple[Side, ...] = ("left", "right", "above", "below")
SHAPES = ("circle", "square", "triangle", "star", "diamond", "cross", "pentagon", "hexagon")
SIZE = (512, 512)
"""Width and height of every drawing, in pixels."""

PER_KIND = 8
"""Items of each kind in a suite: one whole round of shapes and of colours."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
_FRAME = (
    "A flat drawing on a plain white background, each shape filled with one colour and nothing "
    "else drawn: "
)
_ATTEMPTS = 200

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Shapes of one kind that must be there, in exactly this number.

    Attributes:
        name: one of `SHAPES`.
        colour: one of `synth.shapes.COLOURS`; empty when any will do.
        count: how many, at least 1.
    """

    name: str
    colour: str = ""
    count: int = 1

    @property
    def words(self) -> str:
        """What is wanted, for people.

        >>> Wanted(name="star", colour="orange").words, Wanted(name="cross", count=3).words
        ('an orange star', 'three crosses')
        """
        name = self.name if self.count == 1 else plural(self.name)
        called = f"{self.colour} {name}".strip()
        return an(called) if self.count == 1 else f"{NUMBERS[self.count]} {called}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An item before it has its place in a suite; fields as in `Spec`."""

    phrase: str
    wanted: tuple[Wanted, ...]
    shows: tuple[Shape, ...]
    side: Side | None = None


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything that decides one item.

    Attributes:
        version: of the generator, which names the suite as well.
        edition: 0 is the benchmark; others are drawn alike and are other items.
        kind: one of the suite's kinds.
        index: number of the item within its kind, from 0.
        phrase: what is asked for, without the words that all prompts share.
        wanted: all that a picture may show.
        side: where the first of two wanted shapes stands; None when it does not matter.
        shows: a drawing of it.
    """

    version: str
    edition: int
    kind: str
    index: int
    phrase: str
    wanted: tuple[Wanted, ...]
    side: Side | None
    shows: tuple[Shape, ...]

    @property
    def id(self) -> str:
        """Name within the suite, e.g. ``count-3``."""
        return f"{self.kind}-{self.index}"

    @property
    def prompt(self) -> str:
        """What a model is asked."""
        return f"{_FRAME}{self.phrase}."

    @property
    def answer(self) -> str:
        """What a right picture shows, in plain words."""
        places = {"left": "to the left of", "right": "to the right of"}
        joined = places.get(self.side, self.side) if self.side else "and"
        return f" {joined} ".join(w.words for w in self.wanted)

    @cached_property
    def sha256(self) -> str:
        """Identity of the item: of all fields, never of pixels."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()

    def allows(self, other: Spec) -> bool:
        """Whether one picture could be right for this item and for the other one."""
        if self.side and other.side and self.side != other.side:
            return False
        if {w.name: w.count for w in self.wanted} != {w.name: w.count for w in other.wanted}:
            return False
        colours = {w.name: w.colour for w in other.wanted}
        pairs = [(w.colour, colours[w.name]) for w in self.wanted]
        return all(a == b or not (a and b) for a, b in pairs)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An item to be made: its place in a suite, and streams of choices of its own.

    Attributes:
        attempt: how many times the items of this kind had to be drawn again.
    """

    version: str
    edition: int
    kind: str
    index: int
    attempt: int

    def draw(self) -> Draw:
        """The stream of choices of this item, from its start."""
        return self._stream("item", self.index)

    def turn(self, what: str, values: Sequence[T]) -> T:
        """The value whose turn it is: each once in a round of as many items, in a drawn order."""
        order = self._stream(what, self.index // len(values)).shuffled(values)
        return order[self.index % len(values)]

    def _stream(self, *parts: object) -> Draw:
        return Draw(self.version, self.edition, self.kind, self.attempt, *parts)


Kinds = Mapping[str, tuple[str, Callable[[Draft], Asked]]]
"""Kind -> its title, and what makes an item of it."""


def drawn(version: str, kinds: Kinds, edition: int, loose: Sequence[str] = ()) -> list[Spec]:
    """All items of a suite, kind by kind.

    The items of a kind are drawn again until no picture could be right for one of them and for
    another item of the suite, so that one and the same picture for every prompt cannot score.

    Args:
        version: of the generator.
        kinds: of the suite.
        edition: see `Spec`.
        loose: kinds that ask for so little that they share pictures with others.

    Raises:
        ValueError: the edition is negative.
    """
    if edition < 0:
        raise ValueError(f"edition is {edition}; it must be at least 0")
    made: list[Spec] = []
    for kind, (_, make) in kinds.items():
        for attempt in range(_ATTEMPTS):
            drafts = [
                Draft(version=version, edition=edition, kind=kind, index=i, attempt=attempt)
                for i in range(PER_KIND)
            ]
            new = [_placed(d, make(d)) for d in drafts]
            others = [s for s in made if s.kind not in loose]
            if not any(s.allows(o) for at, s in enumerate(new) for o in (*others, *new[:at])):
                made += new
                break
        else:
            raise RuntimeError(f"{kind} {edition}: no new items in {_ATTEMPTS} attempts")
    return made


def _placed(draft: Draft, asked: Asked) -> Spec:
    shown = Counter(s.name for s in asked.shows)
    assert shown == {w.name: w.count for w in asked.wanted}, asked.phrase
    return Spec(
        version=draft.version, edition=draft.edition, kind=draft.kind, index=draft.index,
        phrase=asked.phrase, wanted=asked.wanted, side=asked.side, shows=asked.shows,
    )  # fmt: skip
