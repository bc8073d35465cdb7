"""Scenes told outright, in the six skills of GenEval: nothing but following the prompt is needed.

Balanced by construction: of the eight items of a kind every shape is (the first) once, and so is
every colour where colours are asked for.
"""

from __future__ import annotations

from synth.scenes.layout import arranged
from synth.scenes.spec import SHAPES, SIDES, Asked, Draft, Kinds, Side, Spec, Wanted, drawn
from synth.shapes import COLOURS

SCENES_VERSION = "rendered-scenes/1"
"""Changes whenever a prompt or the look of a drawing changes."""

_PLACES: dict[Side, str] = {
    "left": "to the left of", "right": "to the right of", "above": "above", "below": "below",
}  # fmt: skip


def _asked(draft: Draft, *wanted: Wanted, side: Side | None = None) -> Asked:
    joined = f" {_PLACES[side]} " if side else " and "
    return Asked(
        phrase=joined.join(w.words for w in wanted), wanted=wanted, side=side,
        shows=arranged(draft.draw().fork("layout"), wanted, side),
    )  # fmt: skip


def _two(draft: Draft) -> tuple[str, str]:
    """Names of two different shapes."""
    first = draft.turn("shapes", SHAPES)
    return first, draft.draw().pick([s for s in SHAPES if s != first])


def _coloured(draft: Draft) -> tuple[Wanted, Wanted]:
    """Two different shapes in two different colours."""
    (first, second), colour = _two(draft), draft.turn("colours", COLOURS)
    other = draft.draw().fork("colour").pick([c for c in COLOURS if c != colour])
    return Wanted(name=first, colour=colour), Wanted(name=second, colour=other)


def single(draft: Draft) -> Asked:
    """One shape of any colour."""
    return _asked(draft, Wanted(name=draft.turn("shapes", SHAPES)))


def two(draft: Draft) -> Asked:
    """Two shapes of any colours."""
    first, second = _two(draft)
    return _asked(draft, Wanted(name=first), Wanted(name=second))


def count(draft: Draft) -> Asked:
    """Two to six equal shapes."""
    number = draft.turn("numbers", range(2, 7))
    name, colour = draft.turn("shapes", SHAPES), draft.turn("colours", COLOURS)
    return _asked(draft, Wanted(name=name, colour=colour, count=number))


def colour(draft: Draft) -> Asked:
    """One shape in a colour."""
    name, fill = draft.turn("shapes", SHAPES), draft.turn("colours", COLOURS)
    return _asked(draft, Wanted(name=name, colour=fill))


def position(draft: Draft) -> Asked:
    """Where one shape stands, seen from another."""
    return _asked(draft, *_coloured(draft), side=draft.turn("sides", SIDES))


def attribution(draft: Draft) -> Asked:
    """Two shapes, each in a colour of its own."""
    return _asked(draft, *_coloured(draft))


SCENE_KINDS: Kinds = {
    "single": ("One shape", single),
    "two": ("Two shapes", two),
    "count": ("Counting", count),
    "colour": ("Colour", colour),
    "position": ("Position", position),
    "attribution": ("Colour attribution", attribution),
}


def scenes(edition: int = 0) -> list[Spec]:
    """All scenes, kind by kind.

    Args:
        edition: 0 is the benchmark; others are drawn alike and are other items.

    Raises:
        ValueError: the edition is negative.
    """
    return drawn(SCENES_VERSION, SCENE_KINDS, edition, loose=("single",))
