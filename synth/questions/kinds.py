"""The six kinds of question, and which items of each exist: a pure function of split and index.

Answers are balanced by construction, so that saying the same thing every time cannot score: of each
eight items of a kind, every letter is right twice, ``yes`` four times, and no number, no colour and
no text is the answer twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evals.core.errors import unknown
from synth.draw import Draw
from synth.questions.spec import SIZE, Bars, Form, Label, Question, Thing, letter
from synth.shapes import COLOURS, Shape, plural
from synth.typeface import Role
from synth.words import SPLITS, Split, plain

GENERATOR_VERSION = "rendered-qa/1"
"""Changes whenever a question or the look of a picture changes."""

PER_KIND = 8
"""Items of each kind in the suite: one whole round of balanced answers."""

SHAPES = ("circle", "square", "triangle", "star", "diamond", "cross")
CHOICES = 4
GRID = (5, 4)
"""Columns and rows of the places where shapes may stand."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question before it has its place in a suite; fields as in `Question`."""

    text: str
    form: Form
    answer: str
    shows: tuple[Thing, ...]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A question to be made: its split, its number, and streams of choices of its own.

    Attributes:
        attempt: how many times the question had to be drawn again.
    """

    split: Split
    kind: str
    index: int
    attempt: int = 0

    def draw(self) -> Draw:
        """The stream of choices of this item, from its start."""
        return self._stream(self.index, self.attempt)

    def turn(self, values: Sequence[T]) -> T:
        """The value whose turn it is: each once in a round of as many items, in a drawn order."""
        order = self._stream("round", len(values), self.index // len(values)).shuffled(values)
        return order[self.index % len(values)]

    def _stream(self, *parts: object) -> Draw:
        return Draw(GENERATOR_VERSION, self.split, self.kind, *parts)


def _cells(draw: Draw) -> list[tuple[int, int]]:
    """All (column, row) of the grid in a drawn order."""
    return draw.shuffled([(c, r) for r in range(GRID[1]) for c in range(GRID[0])])


def _shape(draw: Draw, name: str, colour: str, cell: tuple[int, int]) -> Shape:
    """A shape within its cell, so that no two touch."""
    wide, high = SIZE[0] // GRID[0], SIZE[1] // GRID[1]
    return Shape(
        name=name,
        colour=colour,
        x=cell[0] * wide + wide // 2 + draw.integer(-9, 9),
        y=cell[1] * high + high // 2 + draw.integer(-9, 9),
        radius=draw.integer(25, 33),
    )


def _with_answer(draft: Draft, right: str, wrong: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Choices in a drawn order with the right one where its turn is, and its letter."""
    at = draft.turn(range(CHOICES))
    choices = draft.draw().fork("choices").shuffled(wrong)
    choices.insert(at, right)
    return tuple(choices), letter(at)


# --- the kinds --------------------------------------------------------------------------------


def read(draft: Draft) -> Asked:
    """One of several texts: the largest word, or what stands beside a name."""
    return _ticket(draft.draw()) if draft.index % 2 else _poster(draft.draw(), draft.split)


def _poster(draw: Draw, split: Split) -> Asked:
    words: list[str] = []
    while len(words) < 3:
        word = plain(draw, split, 4, 8).upper()
        if word not in words:
            words.append(word)
    fonts: list[Role] = draw.shuffled(["bold", "serif-bold", "display"])
    sizes = draw.shuffled([56, 34, 34])
    rows = [75, 180, 285]
    shows = [
        Label(text=w, x=SIZE[0] // 2 + draw.integer(-40, 40), y=y, size=s, font=f)
        for w, s, f, y in zip(words, sizes, fonts, rows, strict=True)
    ]
    return Asked(
        text="Which word is written in the largest letters?",
        form="text",
        answer=words[sizes.index(56)],
        shows=tuple(shows),
    )


_LETTERS = "ABCDEFHKLMNPRTUVXY"
_DIGITS = "23456789"
"""Letters and digits that nobody takes for one another."""


def _ticket(draw: Draw) -> Asked:
    names = draw.shuffled(["GATE", "SEAT", "ROW", "COACH", "CODE"])[:3]
    values: list[str] = []
    while len(values) < len(names):
        head = "".join(draw.pick(_LETTERS) for _ in range(draw.integer(1, 2)))
        value = head + "".join(draw.pick(_DIGITS) for _ in range(draw.integer(2, 3)))
        if value not in values:
            values.append(value)
    asked = draw.integer(0, len(names) - 1)
    shows = []
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        y = 85 + at * 95
        shows.append(Label(text=name, x=140, y=y, size=34, font="condensed"))
        shows.append(Label(text=value, x=330, y=y, size=42, font="mono"))
    return Asked(
        text=f"What is written beside {names[asked]}?",
        form="text",
        answer=values[asked],
        shows=tuple(shows),
    )


def count(draft: Draft) -> Asked:
    """How many shapes of one colour, among others that share its shape or its colour."""
    draw, number = draft.draw(), draft.turn(range(2, 10))
    name, other = draw.shuffled(SHAPES)[:2]
    colour, second = draw.shuffled(COLOURS)[:2]
    wanted = [(name, colour)] * number
    decoys = [(name, second), (other, colour), (other, second)]
    extra = decoys + [draw.pick(decoys) for _ in range(draw.integer(1, 6))]
    shows = [
        _shape(draw, n, c, cell)
        for (n, c), cell in zip([*wanted, *extra], _cells(draw), strict=False)
    ]
    return Asked(
        text=f"How many {colour} {plural(name)} are in the picture?",
        form="number",
        answer=str(number),
        shows=tuple(shows),
    )


def colour(draft: Draft) -> Asked:
    """The colour of one shape; the wrong choices are the colours of the others."""
    draw, right = draft.draw(), draft.turn(COLOURS)
    names = draw.shuffled(SHAPES)[:CHOICES]
    others = draw.shuffled([c for c in COLOURS if c != right])[: CHOICES - 1]
    shows = [
        _shape(draw, n, c, cell)
        for n, c, cell in zip(names, [right, *others], _cells(draw), strict=False)
    ]
    choices, answer = _with_answer(draft, right, others)
    return Asked(
        text=f"What colour is the {names[0]}?", form="choice", answer=answer, choices=choices,
        shows=tuple(draw.shuffled(shows)),
    )  # fmt: skip


_RELATIONS = ("to the left of", "to the right of", "above", "below")


def position(draft: Draft) -> Asked:
    """Whether one shape stands in a direction from another, with a clear distance."""
    draw = draft.draw()
    relation, true = draft.turn([(r, t) for r in _RELATIONS for t in (True, False)])
    axis = 0 if "left" in relation or "right" in relation else 1
    cells = _cells(draw)
    first = cells[0]
    second = next(c for c in cells if abs(c[axis] - first[axis]) >= 2)
    # The one that is nearer to the left or upper edge comes first where the sentence is true.
    near, far = sorted((first, second), key=lambda c: c[axis])
    if (relation in {"to the left of", "above"}) != true:
        near, far = far, near
    rest = [c for c in cells if c not in {near, far}]
    names, colours = draw.shuffled(SHAPES), draw.shuffled(COLOURS)
    shows = [
        _shape(draw, n, c, cell)
        for n, c, cell in zip(names[:5], colours, [near, far, *rest], strict=False)
    ]
    return Asked(
        text=f"Is the {names[0]} {relation} the {names[1]}?", form="yes_no",
        answer="yes" if true else "no", shows=tuple(draw.shuffled(shows)),
    )  # fmt: skip


def chart(draft: Draft) -> Asked:
    """The value of one bar; two of the wrong choices are values of other bars."""
    draw, right = draft.draw(), draft.turn(range(20, 100, 10))
    labels: list[str] = []
    while len(labels) < 4:
        word = plain(draw, draft.split, 3, 6).capitalize()
        if word not in labels:
            labels.append(word)
    others = draw.shuffled([v for v in range(10, 101, 10) if v != right])
    asked = draw.integer(0, 3)
    values = others[:3]
    values.insert(asked, right)
    wrong = [str(v) for v in (*others[:2], others[3])]
    choices, answer = _with_answer(draft, str(right), wrong)
    return Asked(
        text=f"What is the value of {labels[asked]}?", form="choice", answer=answer,
        choices=choices, shows=(Bars(labels=tuple(labels), values=tuple(values)),),
    )  # fmt: skip


def arithmetic(draft: Draft) -> Asked:
    """A calculation that is written in the picture and nowhere else."""
    draw = draft.draw()
    sign = ("+", "−", "×")[draft.index % 3]
    if sign == "×":
        a, b = draw.integer(3, 9), draw.integer(4, 12)
        result = a * b
    else:
        a, b = draw.integer(25, 79), draw.integer(11, 24)
        result = a + b if sign == "+" else a - b
    middle = SIZE[0] // 2
    shows = (
        Label(text=f"{a} {sign} {b} = ?", x=middle, y=draw.integer(140, 220), size=64,
              font=draw.pick(_SUM_FONTS)),
    )  # fmt: skip
    return Asked(
        text="What is the result of the calculation in the picture?", form="number",
        answer=str(result), shows=shows,
    )  # fmt: skip


_SUM_FONTS: tuple[Role, ...] = ("bold", "mono", "serif-bold")

KINDS: dict[str, tuple[str, Callable[[Draft], Asked]]] = {
    "read": ("Reading text", read),
    "count": ("Counting shapes", count),
    "colour": ("Colour of a shape", colour),
    "position": ("Where a shape stands", position),
    "chart": ("Value of a bar", chart),
    "arithmetic": ("A written calculation", arithmetic),
}
"""Kind -> its title, and what makes a question of it."""


def questions(split: Split = "bench", per_kind: int = PER_KIND) -> list[Question]:
    """All items of a split, kind by kind; the first ones do not depend on how many follow.

    Args:
        split: ``bench``, ``val`` or ``train``; they share no word and no font family.
        per_kind: items of each kind.

    Raises:
        UserError: the split does not exist.
        ValueError: `per_kind` is below 1.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if per_kind < 1:
        raise ValueError(f"per_kind is {per_kind}; it must be at least 1")
    return [q for kind in KINDS for q in _round(split, kind, per_kind)]


def _round(split: Split, kind: str, per_kind: int) -> list[Question]:
    """Items of one kind; one whose free answer was given in the last round is drawn again."""
    made: list[Question] = []
    for index in range(per_kind):
        recent = {q.answer for q in made[index - index % PER_KIND :]}
        for attempt in range(100):
            draft = Draft(split=split, kind=kind, index=index, attempt=attempt)
            asked = KINDS[kind][1](draft)
            if asked.form not in {"text", "number"} or asked.answer not in recent:
                break
        else:
            raise RuntimeError(f"{kind} {split} {index}: no new answer in 100 attempts")
        made.append(
            Question(
                version=GENERATOR_VERSION, split=split, kind=kind, index=index, text=asked.text,
                form=asked.form, answer=asked.answer, choices=asked.choices,
                ground=draft.draw().fork("ground").integer(0, 3), shows=asked.shows,
            )
        )  # fmt: skip
    return made
