"""Scenes told by facts: what to draw must be known or worked out first.

Only facts that are undisputed everywhere are used, and each decides one number, colour, shape or
place. Balanced by construction: of the eight items of a kind every shape is asked for once, every
colour once (after mixing paints: six of them), and every number from one to eight once.
"""

from __future__ import annotations

from synth.draw import Draw
from synth.scenes.layout import arranged
from synth.scenes.spec import SHAPES, Asked, Draft, Kinds, Side, Spec, Wanted, drawn
from synth.shapes import COLOURS, an, plural

FACTS_VERSION = "rendered-facts/1"
"""Changes whenever a prompt or the look of a drawing changes."""

_COUNTS: dict[int, tuple[str, ...]] = {
    1: ("a unicorn has horns", "the Earth has moons"),
    2: ("a bicycle has wheels", "a human being has eyes"),
    3: ("a tricycle has wheels", "a triangle has corners"),
    4: ("a horse has legs", "a violin has strings"),
    5: ("the Olympic symbol has rings", "a human hand has fingers, thumb included"),
    6: ("a cube has faces", "an insect has legs"),
    7: ("a week has days",),
    8: ("a spider has legs", "an octopus has arms"),
}
_HUES: dict[str, tuple[str, ...]] = {
    "red": ("a ripe strawberry", "the traffic light that means stop"),
    "orange": ("a pumpkin", "the peel of a ripe tangerine"),
    "yellow": ("a ripe banana", "a ripe lemon"),
    "green": ("fresh grass", "a leaf of spinach"),
    "blue": ("a cloudless sky at noon", "a cornflower"),
    "purple": ("an amethyst", "lavender in bloom"),
    "brown": ("milk chocolate", "a ripe chestnut"),
    "black": ("a lump of coal", "a raven"),
}
_FORMS: dict[str, tuple[str, ...]] = {
    "circle": ("the shape whose edge is everywhere equally far from its centre",
               "the shape of the full moon"),
    "square": ("the shape with four equal sides and four right angles",
               "the shape of the fields of a chessboard"),
    "triangle": ("the regular shape with three sides",
                 "the shape of each side of the Great Pyramid of Giza"),
    "star": ("the shape that the flag of the United States shows fifty times",
             "the shape that is counted to grade hotels, with five points"),
    "diamond": ("the shape that is the sign of a suit of playing cards, beside clubs, hearts and "
                "spades",),
    "cross": ("the shape in the middle of the flag of Switzerland", "the shape of a plus sign"),
    "pentagon": ("the regular shape with five sides and five corners",
                 "the shape of the building near Washington that houses the US Department of "
                 "Defense"),
    "hexagon": ("the regular shape with six sides and six corners",
                "the shape of a cell of a honeycomb"),
}  # fmt: skip
_MAP: dict[str, Side] = {"north": "above", "south": "below", "west": "left", "east": "right"}
_CLOCK: dict[str, Side] = {"12": "above", "6": "below", "9": "left", "3": "right"}
_MIXTURES = (("blue", "yellow", "green"), ("red", "yellow", "orange"), ("red", "blue", "purple"))
"""Two paints and what they give."""


def _asked(draft: Draft, phrase: str, *wanted: Wanted) -> Asked:
    return Asked(phrase=phrase, wanted=wanted, shows=arranged(draft.draw().fork("layout"), wanted))


def _counted(draft: Draft, number: int, phrase: str) -> Asked:
    """As many equal shapes as the phrase says, which has a hole for them."""
    name, colour = draft.turn("shapes", SHAPES), draft.turn("colours", COLOURS)
    wanted = Wanted(name=name, colour=colour, count=number)
    return _asked(draft, phrase.format(f"{colour} {plural(name)}"), wanted)


def number(draft: Draft) -> Asked:
    """As many shapes as something has parts."""
    many = draft.turn("numbers", tuple(_COUNTS))
    return _counted(draft, many, "as many {} as " + draft.draw().pick(_COUNTS[many]))


def arithmetic(draft: Draft) -> Asked:
    """As many shapes as a calculation gives."""
    many = draft.turn("numbers", tuple(_COUNTS))
    told = _sum(draft.draw(), draft.turn("signs", "÷−+×"), many)
    return _counted(draft, many, "as many {} as " + told + " gives")


def _sum(draw: Draw, sign: str, result: int) -> str:
    """A calculation with that result; a difference where there is none with that sign."""
    factors = [a for a in range(2, result) if result % a == 0]
    if sign == "÷":
        by = draw.integer(2, 4)
        return f"{result * by} ÷ {by}"
    if sign == "+" and result > 2:
        first = draw.pick([a for a in range(1, result) if 2 * a != result])
        return f"{first} + {result - first}"
    if sign == "×" and factors:
        first = draw.pick(factors)
        return f"{first} × {result // first}"
    taken = draw.integer(9, 15)
    return f"{result + taken} − {taken}"


def hue(draft: Draft) -> Asked:
    """One shape in the colour that something has."""
    name, colour = draft.turn("shapes", SHAPES), draft.turn("colours", COLOURS)
    fact = draft.draw().pick(_HUES[colour])
    return _asked(draft, f"one {name} in the colour of {fact}", Wanted(name=name, colour=colour))


def form(draft: Draft) -> Asked:
    """One shape that is told by what it is, or where it is seen."""
    name, colour = draft.turn("shapes", SHAPES), draft.turn("colours", COLOURS)
    fact = draft.draw().pick(_FORMS[name])
    return _asked(draft, f"in {colour}, {fact}, drawn once", Wanted(name=name, colour=colour))


def direction(draft: Draft) -> Asked:
    """Where one shape stands from another, by a map or a clock."""
    where = draft.turn("places", (*_MAP, *_CLOCK))
    name, colour = draft.turn("shapes", SHAPES), draft.turn("colours", COLOURS)
    draw = draft.draw()
    first = Wanted(name=name, colour=colour)
    second = Wanted(
        name=draw.pick([s for s in SHAPES if s != name]),
        colour=draw.pick([c for c in COLOURS if c != colour]),
    )
    if where in _MAP:
        phrase = f"as on a map whose top is north: {first.words} {where} of {second.words}"
    else:
        phrase = (
            f"as on a clock face that is not drawn itself: {first.words} where the {where} "
            f"stands, and {second.words} in the middle"
        )
    side = _MAP.get(where) or _CLOCK[where]
    shows = arranged(draw.fork("layout"), (first, second), side, centred=where in _CLOCK)
    return Asked(phrase=phrase, wanted=(first, second), side=side, shows=shows)


def mixing(draft: Draft) -> Asked:
    """One shape in the colour that two paints give, or that one must be given."""
    told: list[tuple[str, str]] = []
    for a, b, made in _MIXTURES:
        told.append((made, f"that {a} and {b} paint give when they are mixed"))
        told += [
            (y, f"of the primary paint that makes {made} when it is mixed with {x}")
            for x, y in ((a, b), (b, a))
        ]
    colour, fact = draft.turn("mixtures", told)
    name = draft.turn("shapes", SHAPES)
    return _asked(draft, f"{an(name)} in the colour {fact}", Wanted(name=name, colour=colour))


FACT_KINDS: Kinds = {
    "number": ("How many there are of something", number),
    "arithmetic": ("A calculation", arithmetic),
    "colour": ("Colour of something", hue),
    "shape": ("Shape of something", form),
    "direction": ("Maps and clocks", direction),
    "mixing": ("Mixing paints", mixing),
}


def facts(edition: int = 0) -> list[Spec]:
    """All items, kind by kind.

    Args:
        edition: 0 is the benchmark; others are drawn alike and are other items.

    Raises:
        ValueError: the edition is negative.
    """
    return drawn(FACTS_VERSION, FACT_KINDS, edition)
