"""The words that `classical` knows: numbers, colours, flat shapes and sides, and nothing else.

Both its drawing and its reading look words up here. There is no knowledge of the world in it: a
lemon has no colour here, and a spider no legs.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from metrics.shapes_rules import Side
from synth.scene import RGB
from synth.shapes import PAINTS, plural

COLOURS: dict[str, RGB] = {
    **PAINTS, "white": (255, 255, 255), "grey": (128, 128, 128), "pink": (255, 175, 195),
    "magenta": (233, 30, 155), "cyan": (0, 206, 209), "teal": (0, 121, 107),
    "beige": (225, 200, 160),
}  # fmt: skip
"""Name -> how it is painted."""

SHAPES = (
    "circle", "oval", "triangle", "square", "rectangle", "diamond", "pentagon", "hexagon", "cross",
    "star",
)  # fmt: skip
"""What it draws and reads: the named outlines of `metrics.shapes_outlines`."""

_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
)  # fmt: skip
NUMBERS = {word: value for value, word in enumerate(_NUMBERS)} | {
    "no": 0, "without": 0, "single": 1, "pair": 2, "couple": 2, "both": 2, "dozen": 12,
}  # fmt: skip
COLOUR_WORDS = {name: name for name in COLOURS} | {"gray": "grey", "violet": "purple"}
_SAME = {"disc": "circle", "disk": "circle", "ellipse": "oval", "rhombus": "diamond"}
SHAPE_WORDS = {word: word for word in SHAPES} | _SAME
PLURALS = {plural(word): name for word, name in SHAPE_WORDS.items()}
ARTICLES = frozenset({"a", "an", "the", "this", "that", "these", "those", "any"})

SIDE = (
    r"(?:(?:to|on|at) the )?(?:left|right)(?:(?:[- ]hand)? side)? (?:of|from)"
    r"|on top of|atop|above|over|below|under(?:neath)?|beneath"
)
"""A regular expression of the words for where one thing stands, seen from another."""


def side_of(words: str) -> Side:
    """The side that words matching `SIDE` name.

    >>> side_of("to the left of"), side_of("underneath")
    ('left', 'below')
    """
    if "left" in words:
        return "left"
    if "right" in words:
        return "right"
    return "above" if words in {"on top of", "atop", "above", "over"} else "below"


def plain(text: str) -> str:
    """Text in small letters, compatibility forms folded, with single spaces; lines stay lines."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return "\n".join(" ".join(line.split()) for line in folded.splitlines())


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """Shapes that words name; an empty field means any."""

    shape: str = ""
    colour: str = ""


def kind_of(words: str) -> Kind | None:
    """What a noun phrase names; None when a word of it is not known: nothing is skipped.

    >>> kind_of("the red stars")
    Kind(shape='star', colour='red')
    >>> kind_of("the red sports cars") is None
    True
    """
    named = [w for w in words.split() if w not in ARTICLES]
    colour = COLOUR_WORDS.get(named[0], "") if named else ""
    rest = named[1:] if colour else named
    if len(rest) != 1:
        return None
    if re.fullmatch(r"(?:shape|object|thing|figure)s?", rest[0]):
        return Kind(colour=colour)
    shape = SHAPE_WORDS.get(rest[0]) or PLURALS.get(rest[0])
    return Kind(shape=shape, colour=colour) if shape else None
