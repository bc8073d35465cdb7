"""Answers of `classical` to questions about a picture: it measures, or says that it cannot tell.

A question is taken apart by the rules below, which know the forms of questions and the words of
`classical_words`. Each measures shapes (`metrics.shapes`), texts (`metrics.ocr`) or bars
(`classical_bars`). A question of another form, a word that is not known, a photograph, or two
measures that contradict each other give no answer: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from metrics.answers import folded
from metrics.shapes import Shape, read_shapes
from model.adapters.classical_bars import Measured, bar_value
from model.adapters.classical_texts import beside, calculation, extreme_word, whole_text
from model.adapters.classical_words import (
    COLOUR_WORDS,
    NUMBERS,
    SIDE,
    Kind,
    kind_of,
    plain,
    side_of,
)

if TYPE_CHECKING:
    from metrics.ocr import TextItem
    from metrics.shapes import Pixels

UNABLE = "Unable to tell."
"""What it says where it has no answer: no letter, number, yes or no can be read in it."""

_MARGIN = 0.1
"""Least distance of two shapes along an axis, as a share of both sizes along it together."""

Answer = str | Measured | None
"""Words, a measured number, or None where the picture does not tell."""


@dataclass
class Picture:
    """A picture that is looked at only as far as a question needs it.

    Attributes:
        pixels: (height, width, 3) uint8 sRGB.
        read: reads its texts.
    """

    pixels: Pixels
    read: Callable[[], Sequence[TextItem]]

    @cached_property
    def texts(self) -> list[TextItem]:
        """Its texts, read once."""
        return [t for t in self.read() if len(t.polygon) >= 3 and folded(t.text)]

    @cached_property
    def shapes(self) -> tuple[Shape, ...] | None:
        """Its shapes; None when it is no drawing of flat shapes that are all known."""
        reading = read_shapes(self.pixels)
        known = all(
            s.name != "other" and s.colour not in {"mixed", "unknown"} for s in reading.shapes
        )
        return None if reading.reason or not known else reading.shapes

    def find(self, kind: Kind) -> list[Shape] | None:
        """The shapes of a kind; None when they cannot be told."""
        if self.shapes is None:
            return None
        return [
            s
            for s in self.shapes
            if kind.shape in {"", s.name.removeprefix("hollow ")} and kind.colour in {"", s.colour}
        ]


Rule = Callable[[Picture], Answer]
"""Measures one thing in a picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question that was understood.

    Attributes:
        rule: what is to be measured.
        choices: what the letters stand for, A first; empty without choices.
    """

    rule: Rule
    choices: tuple[str, ...] = ()

    def answer(self, picture: Picture) -> str | None:
        """The letter, words or digits; None when the picture does not tell."""
        found = self.rule(picture)
        if found is None:
            return None
        if not self.choices:
            return found if isinstance(found, str) else found.words
        fitting = [
            at
            for at, choice in enumerate(self.choices)
            if (folded(choice) == folded(found) if isinstance(found, str) else found.is_(choice))
        ]
        return chr(ord("A") + fitting[0]) if len(fitting) == 1 else None


# --- what can be measured ---------------------------------------------------------------------


def _count(kind: Kind, picture: Picture) -> Answer:
    found = picture.find(kind)
    return None if found is None else str(len(found))


def _colour(kind: Kind, picture: Picture) -> Answer:
    colours = {s.colour for s in picture.find(kind) or ()}
    return colours.pop() if len(colours) == 1 else None


def _shape(kind: Kind, picture: Picture) -> Answer:
    names = {s.name for s in picture.find(kind) or ()}
    return names.pop() if len(names) == 1 else None


def _is_coloured(kind: Kind, colour: str, picture: Picture) -> Answer:
    seen = _colour(kind, picture)
    return None if seen is None else _yes(seen == colour)


def _is_there(kind: Kind, number: int | None, picture: Picture) -> Answer:
    found = picture.find(kind)
    if found is None:
        return None
    return _yes(bool(found) if number is None else len(found) == number)


def _stands(first: Kind, words: str, second: Kind, picture: Picture) -> Answer:
    """Whether all of one kind stand on a side of all of the other."""
    side = side_of(words)
    axis, sign = (0 if side in {"left", "right"} else 1), (-1 if side in {"left", "above"} else 1)
    told = set()
    for a in picture.find(first) or ():
        for b in picture.find(second) or ():
            room = _MARGIN * sum(s.box[axis + 2] - s.box[axis] for s in (a, b))
            away = sign * (a.centre[axis] - b.centre[axis])
            told.add(None if abs(away) <= room else away > 0)
    found = told.pop() if len(told) == 1 else None
    return None if found is None else _yes(found)


def _yes(true: bool) -> str:
    return "yes" if true else "no"


# --- the forms of questions -------------------------------------------------------------------

_COLOURS = "|".join(COLOUR_WORDS)
_DIGITS = "|".join((*NUMBERS, r"\d{1,3}"))


def _counted(match: re.Match[str]) -> Rule | None:
    kind = kind_of(match["what"])
    return partial(_count, kind) if kind else None


def _coloured(match: re.Match[str]) -> Rule | None:
    kind = kind_of(match["what"])
    return partial(_colour, kind) if kind and not kind.colour else None


def _placed(match: re.Match[str]) -> Rule | None:
    first, second = kind_of(match["what"]), kind_of(match["other"])
    return partial(_stands, first, match["side"], second) if first and second else None


def _there(match: re.Match[str]) -> Rule | None:
    kind, said = kind_of(match["what"]), match["number"]
    number = None if said is None else NUMBERS[said] if said in NUMBERS else int(said)
    return partial(_is_there, kind, number) if kind else None


def _painted(match: re.Match[str]) -> Rule | None:
    kind = kind_of(match["what"])
    ok = kind is not None and not kind.colour
    return partial(_is_coloured, kind, COLOUR_WORDS[match["colour"]]) if kind and ok else None


_FORMS: tuple[tuple[str, Callable[[re.Match[str]], Rule | None]], ...] = (
    (r"how many (?P<what>.+?)(?: (?:are|is|can|do|does|were)\b.*)?", _counted),
    (r"(?:what|which) colou?r (?:is|are|has|have|does) (?P<what>.+?)(?: have)?", _coloured),
    (r"what is the colou?r of (?P<what>.+)", _coloured),
    (rf"(?:is|are) (?P<what>.+?) (?P<side>{SIDE}) (?P<other>.+)", _placed),
    (rf"(?:is|are) there (?:exactly )?(?:(?P<number>{_DIGITS}) )?(?P<what>.+)", _there),
    (rf"(?:is|are) (?P<what>.+?) (?P<colour>{_COLOURS})", _painted),
    (rf"(?:what|which) shape (?:is|has the colou?r) (?P<colour>{_COLOURS})",
     lambda m: partial(_shape, Kind(colour=COLOUR_WORDS[m["colour"]]))),
    (r"(?:what|which) (?:word|text|line|name)\b.*\b(?P<size>largest|biggest|smallest)\b.*",
     lambda m: lambda p: extreme_word(p.texts, smallest=m["size"] == "smallest")),
    (rf"(?:what|which)(?: \w+)? (?:is|stands)(?: written| printed| shown)? "
     rf"(?P<side>beside|next to|{SIDE}) (?P<name>.+)",
     lambda m: lambda p: beside(p.texts, m["name"], m["side"])),
    (r".*\b(?:calculation|sum|equation|difference|product)\b.*",
     lambda _: lambda p: calculation(p.texts)),
    (r"(?:what is )?(?:the )?(?:value|height) (?:of|for) (?:the )?(?:bar )?(?P<name>.+)",
     lambda m: lambda p: bar_value(p.pixels, p.texts, m["name"])),
    (r"what (?:(?:is|words? (?:is|are)|text is) (?:written|printed)|(?:is|are) the "
     r"(?:text|words?|letters)|does (?:the|this) (?:picture|image|sign|text|label) (?:say|read))",
     lambda _: lambda p: whole_text(p.texts)),
)  # fmt: skip
_RULES = tuple((re.compile(form), make) for form, make in _FORMS)

_HERE = r"(?:shown |seen )?(?:in|on|of) (?:the|this) (?:picture|image|drawing|figure|photo)"
_FRAME = re.compile(rf"^{_HERE},? | {_HERE}$")
_CHOICE = re.compile(r"\s*\(?([A-Z])[.):]\s*(\S.*)")


def parse_question(prompt: str) -> Question | None:
    """What is to be measured; None when the question is of no known form.

    Choices are lines ``A. ...`` from A on. The first sentence that is a question of a known form
    counts; what it says besides, such as how to answer, does not matter.
    """
    choices: list[str] = []
    lines = []
    for line in prompt.splitlines():
        match = _CHOICE.fullmatch(line)
        if match and match[1] == chr(ord("A") + len(choices)):
            choices.append(match[2].strip())
        else:
            lines.append(line)
    for sentence in re.split(r"[?\n]|[.!](?:\s|$)", plain("\n".join(lines))):
        words = _FRAME.sub("", sentence.strip(" .:"))
        for form, make in _RULES:
            if (match := form.fullmatch(words)) and (rule := make(match)):
                return Question(rule=rule, choices=tuple(choices))
    return None
