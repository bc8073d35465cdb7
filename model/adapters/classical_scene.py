"""From the words of a prompt to the shapes that `classical` draws: general rules, no knowledge.

A noun phrase is a number, words of any sort and a colour, then a shape. Articles, "and", commas,
prepositions and verbs end one that has not reached a shape. Words that are not known are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from metrics.shapes_rules import Side
from model.adapters.classical_words import (
    ARTICLES,
    COLOUR_WORDS,
    NUMBERS,
    PLURALS,
    SHAPE_WORDS,
    SIDE,
    plain,
    side_of,
)

MOST = 48
"""More shapes than this are not drawn."""

GROUND = "white"
"""Colour of the ground where none is asked for."""

SOME = 2
"""How many shapes a plural without a number means."""

_TOKEN = re.compile(
    rf"(?P<side>\b(?:{SIDE})\b)"
    r"|(?P<word>(?:filled|painted) with|[^\W_]+(?:[-'][^\W_]+)*)"
    r"|(?P<stop>[.;:!?\n])|(?P<comma>,)"
)
_GROUNDS = frozenset({"background", "ground", "backdrop", "canvas", "page", "paper"})
_BREAKS = frozenset({
    "on", "in", "with", "at", "by", "for", "from", "as", "is", "are", "has", "have", "which",
    "where", "when", "who", "makes", "gives", "stands", "beside", "near", "next", "than",
})  # fmt: skip
_LEADS = frozenset({
    "in", "is", "are", "of", "the", "that", "which", "colour", "color", "coloured", "colored",
    "painted", "filled", "filled with", "painted with",
})  # fmt: skip
"""Words that may stand between a thing and its colour behind it: "a star painted in red"."""
_PRONOUNS = frozenset({"it", "them", "this", "that", "which"})


@dataclass(slots=True)
class Group:
    """Equal shapes.

    Attributes:
        shape: one of `model.adapters.classical_words.SHAPES`.
        colour: one of its `COLOURS`; empty when none was named.
        count: at least 1.
    """

    shape: str
    colour: str = ""
    count: int = 1


@dataclass(slots=True)
class Scene:
    """What a prompt asks for, as far as it is understood.

    Attributes:
        groups: in the order of the prompt, at most `MOST` shapes in all.
        links: (a, side, b): group a stands on that side of group b; by their places in `groups`.
        ground: colour of the ground.
    """

    groups: list[Group] = field(default_factory=list)
    links: list[tuple[int, Side, int]] = field(default_factory=list)
    ground: str = GROUND


@dataclass(slots=True)
class _Phrase:
    """A noun phrase that has not reached its noun."""

    count: int | None = None
    colour: str = ""
    definite: bool = False
    strange: bool = False


class _Parser:
    def __init__(self) -> None:
        self.scene = Scene()
        self.phrase = _Phrase()
        self.shared: list[_Phrase] = []  # "a red and a blue star": waits for the noun
        self.colourless: Group | Scene | None = None  # may get a colour from behind
        self.last: int | None = None
        self.side: Side | None = None
        self.sides_first: int | None = None
        self.sides_second: int | None = None

    def take(self, token: re.Match[str]) -> None:
        word = token["word"]
        if word is not None:
            self._word(word)
        elif token["side"]:
            self.shared, self.phrase, self.colourless = [], _Phrase(), None
            self.side, self.sides_first, self.sides_second = side_of(token[0]), self.last, None
        elif token["comma"]:
            self._share()
        else:
            self.shared, self.phrase, self.colourless = [], _Phrase(), None
            self.last = self.side = None

    def _word(self, word: str) -> None:
        last_part = word.rpartition("-")[2]
        if last_part in SHAPE_WORDS or last_part in PLURALS:
            self._noun(last_part)
        elif last_part in COLOUR_WORDS:
            self._colour(COLOUR_WORDS[last_part])
        elif word in _GROUNDS:
            self._ground()
        elif self.side and self.sides_first is not None and word in _PRONOUNS:
            # "a star and below it a circle": what comes is the first, not the second.
            self.sides_first, self.sides_second = None, self.sides_first
        elif self.colourless is not None and word in _LEADS:
            pass
        elif word in NUMBERS or (word.isascii() and word.isdigit()):
            self.colourless = None
            self.phrase.count = NUMBERS[word] if word in NUMBERS else int(word[:4])
        elif word in ARTICLES:
            none = self.phrase.count == 0  # "without a star"
            self.phrase = _Phrase(count=0 if none else None, definite=word == "the")
            self.colourless = None
        elif word == "and":
            self._share()
        elif word in _BREAKS:
            self.shared, self.phrase, self.colourless = [], _Phrase(), None
        else:
            self.phrase.strange = True
            self.shared, self.colourless = [], None

    def _share(self) -> None:
        if self.phrase.colour and not self.phrase.strange:
            self.shared.append(self.phrase)
        self.phrase, self.colourless = _Phrase(), None

    def _colour(self, colour: str) -> None:
        if isinstance(self.colourless, Group):
            self.colourless.colour = colour
        elif self.colourless is not None:
            self.colourless.ground = colour
        else:
            self.phrase.colour = colour
        self.colourless = None

    def _ground(self) -> None:
        self.colourless = self.scene
        if self.phrase.colour:
            self.scene.ground, self.colourless = self.phrase.colour, None
        self.shared, self.phrase = [], _Phrase()

    def _noun(self, word: str) -> None:
        shape, many = SHAPE_WORDS.get(word) or PLURALS[word], word in PLURALS
        phrases = [*self.shared, self.phrase]
        if self.shared and not self.phrase.colour:
            phrases.pop()  # "in red, the star" is one star
        for phrase in phrases:
            known = self._known(shape, phrase)
            if known is None:
                usual = SOME if many and not self.shared else 1
                known = self._add(shape, phrase, usual)
            if known is not None:
                self._link(known)
        self.shared, self.phrase = [], _Phrase()

    def _known(self, shape: str, phrase: _Phrase) -> int | None:
        """The group that "the star" means, when it was told of before."""
        if not phrase.definite:
            return None
        found = [
            at
            for at, g in enumerate(self.scene.groups)
            if g.shape == shape and phrase.colour in {"", g.colour}
        ]
        return found[0] if len(found) == 1 else None

    def _add(self, shape: str, phrase: _Phrase, usual: int) -> int | None:
        room = MOST - sum(g.count for g in self.scene.groups)
        count = min(room, usual if phrase.count is None else phrase.count)
        if count <= 0:
            return None
        self.scene.groups.append(Group(shape, phrase.colour, count))
        self.colourless = None if phrase.colour else self.scene.groups[-1]
        return len(self.scene.groups) - 1

    def _link(self, new: int) -> None:
        if self.side:
            first, second = self.sides_first, self.sides_second
            if first is None and second is None:  # "to the left of a star is a circle"
                self.sides_second = new
            else:
                link = (new, self.side, second) if second is not None else (first, self.side, new)
                if link[0] is not None and link[0] != link[2]:
                    self.scene.links.append((link[0], link[1], link[2]))
                self.side = None
        self.last = new


def parse_scene(prompt: str) -> Scene:
    """What a prompt asks for; any text is taken, and words that are not known are skipped.

    >>> scene = parse_scene("Two red circles to the left of a star, on a grey background.")
    >>> [(g.count, g.colour, g.shape) for g in scene.groups], scene.links, scene.ground
    ([(2, 'red', 'circle'), (1, '', 'star')], [(0, 'left', 1)], 'grey')
    """
    parser = _Parser()
    for token in _TOKEN.finditer(plain(prompt)):
        parser.take(token)
    return parser.scene
