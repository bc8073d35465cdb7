"""What people say about a text in a picture: wishes, captions, questions, and the way to an edit.

A model that sees one template learns it as a format. The benchmark has one of its own, which is
therefore not among these. Everything that is said is read from the scene, so it is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from synth.draw import Draw
from synth.scene import Box, Scene
from synth.textedit import Spec
from synth.textedit.spec import normal

EDITS = (
    "Change {s} to {t}.",
    "Make {s} read {t}.",
    "Swap {s} for {t}.",
    "Where it says {s}, write {t} instead.",
    "It should say {t}, not {s}.",
    "Edit the picture so that {s} becomes {t}.",
    "Turn {s} into {t}, keeping the lettering as it is.",
    "Rewrite {s} as {t} in the same style.",
    "Please replace {s} by {t}.",
    "Can you change {s} into {t}?",
    "I want {t} where {s} is now.",
    "{s} is wrong here; it has to be {t}.",
    "Put {t} in place of {s}.",
    "Take out {s} and write {t} in the same spot.",
    "Update the text: {s} is now {t}.",
    "Correct {s} to {t} and leave everything else alone.",
    "The text {s} should be {t}.",
    "Substitute {t} for {s}.",
    "Erase {s}. In its place, in the same lettering, write {t}.",
    "Keep the picture, but let {s} say {t}.",
    "Only one thing changes: {s} becomes {t}.",
    "Could {s} be changed so that it reads {t}?",
    "{s} -> {t}",
    "New wording for {s}: {t}",
    "Find {s} and overwrite it with {t}.",
    "Replace {s} {place} with {t}.",
    "The text {place} says {s}. Make it say {t}.",
    "Go to {s} {place} and change it to {t}.",
)
"""`{s}` and `{t}` come in quotes, `{place}` only where the text stands once."""

CAPTIONS = (
    "{c}",
    "{c}",
    "Generate an image: {c}",
    "Create a picture. {c}",
    "Draw this: {c}",
    "{c} Write all of the quoted text exactly as it is.",
    "I need an image of the following. {c}",
    "Please make this picture for me: {c}",
    "Paint it for me. {c}",
    "An image with these texts in it: {c}",
    "Make an image that fits this description: {c}",
    "Show me this: {c} Every word must be readable.",
)

_QUOTES = ("'{}'", '"{}"', "“{}”", "‘{}’", "«{}»", "'{}'", '"{}"')


def place(box: Box, size: tuple[int, int]) -> str:
    """Where a text stands, by thirds of the picture.

    Args:
        box: the text.
        size: width and height of the picture in pixels.
    """
    x, y = _middle(box)
    row = ("top", "", "bottom")[min(int(3 * y / size[1]), 2)]
    column = ("left", "", "right")[min(int(3 * x / size[0]), 2)]
    if not row:
        return f"on the {column}" if column else "in the middle"
    return f"at the {row} {column}".rstrip()


def instruction(spec: Spec, scene: Scene, draw: Draw) -> str:
    """A wish for the edit of a scene."""
    where = _edited(spec, scene)
    fitting = [e for e in EDITS if len(where) == 1 or "{place}" not in e]
    quote = draw.pick(_QUOTES)
    if (spec.source + spec.target).isalpha() and draw.chance(0.15):
        quote = "{}"
    return draw.pick(fitting).format(
        s=quote.format(spec.source), t=quote.format(spec.target), place=place(where[0], scene.size)
    )


def caption(text: str, draw: Draw) -> str:
    """A wish for a picture that a caption describes."""
    return draw.pick(CAPTIONS).format(c=text)


def reasoning(spec: Spec, scene: Scene, draw: Draw) -> str:
    """Where the text stands, what becomes of it, and what stays: two to four sentences."""
    s, t = f"'{spec.source}'", f"'{spec.target}'"
    boxes = _edited(spec, scene)
    places = [f"{place(b, scene.size)} ({_percent(b, scene.size)})" for b in boxes]
    if len(places) == 1:
        first = draw.pick((
            "The text {s} stands {p}.", "I find {s} {p}.", "{s} is written {p}.",
            "First, where is it? {s} stands {p}.",
        )).format(s=s, p=places[0])  # fmt: skip
    else:
        first = f"{s} stands {len(places)} times: {' and '.join(places)}."
    kept = draw.pick((
        "The lettering, its size and its colour stay the same.",
        "Letters, size and colour stay as they are.",
        "It is set in the same lettering, size and colour.",
    ))  # fmt: skip
    return " ".join((first, _change(spec, s, t, draw), kept, _rest(spec, scene, draw)))


def _change(spec: Spec, s: str, t: str, draw: Draw) -> str:
    if spec.source.casefold() == spec.target.casefold():
        return f"{t} has the same letters as {s}; only their case changes."
    before, after = len(spec.source), len(spec.target)
    become = draw.pick(("It becomes {t}", "In its place comes {t}", "It has to read {t}"))
    if before == after:
        many = "one character" if after == 1 else f"{after} characters"
        return f"{become.format(t=t)}, which has {many} as well."
    return f"{become.format(t=t)}, which is {'longer' if after > before else 'shorter'}: " + (
        f"{after} characters and not {before}."
    )


def _rest(spec: Spec, scene: Scene, draw: Draw) -> str:
    others = [f"'{b.string}'" for b in scene.boxes() if b.role not in spec.edited]
    if not others:
        return "There is no other text, and the rest of the picture stays."
    if len(others) > 4:
        others = [*draw.shuffled(others)[:3], f"{len(others) - 3} other texts"]
    named = others[0] if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]}"
    kept = draw.pick(("Everything else stays: {}.", "{} must not change.", "I leave {} alone."))
    return kept.format(named)


def question(spec: Spec, scene: Scene, edited: bool, draw: Draw) -> tuple[str, str]:
    """A question about the texts of a picture, and its answer.

    Args:
        spec: of the picture.
        scene: of the picture.
        edited: whether the picture shows the text after the edit.
        draw: chooses kind and words.
    """
    boxes = scene.boxes(spec.answer if edited else None)
    alone = [b for b in boxes if sum(normal(b.string) == normal(o.string) for o in boxes) == 1]
    if len(boxes) == 1:
        return draw.pick(_READ), boxes[0].string
    if draw.chance(0.2):
        return _present(spec, edited, boxes, draw)
    for kind in draw.shuffled(_KINDS):
        found = kind(boxes, alone, scene.size, draw)
        if found:
            return found
    return _present(spec, edited, boxes, draw)


_READ = (
    "What does the text in the picture say?",
    "Which text can be read here?",
    "Copy the text from this picture.",
    "Read the writing in the image.",
)

_SIDES = {
    "top": (1, 1), "bottom": (1, -1), "left": (0, 1), "right": (0, -1),
}  # fmt: skip
"""Side of the picture -> axis of the coordinate, and 1 where it is small there."""

Found = tuple[str, str] | None
Kind = Callable[[list[Box], list[Box], tuple[int, int], Draw], Found]


def _outermost(boxes: list[Box], alone: list[Box], size: tuple[int, int], draw: Draw) -> Found:
    """Which text is nearest to a side; none where two are about as near."""
    for side in draw.shuffled(tuple(_SIDES)):
        axis, sign = _SIDES[side]

        def edge(box: Box, axis: int = axis, sign: int = sign) -> float:
            return min(sign * p[axis] for p in box.polygon)

        def middle(box: Box, axis: int = axis, sign: int = sign) -> float:
            return sign * _middle(box)[axis]

        best = _clear(boxes, [edge, middle], 0.03 * size[axis])
        if best in alone:
            return draw.pick((
                "Which text is nearest to the {} of the picture?",
                "Looking from the {}, which text comes first?",
                "Write down the text that is closest to the {} edge.",
            )).format(side), best.string  # fmt: skip
    return None


def _clear(
    boxes: list[Box], measures: Sequence[Callable[[Box], float]], margin: float
) -> Box | None:
    """The box that is least by every measure, each by a margin."""
    winners = set()
    for measure in measures:
        ordered = sorted(boxes, key=measure)
        if measure(ordered[1]) - measure(ordered[0]) < margin:
            return None
        winners.add(ordered[0])
    return winners.pop() if len(winners) == 1 else None


def _compared(boxes: list[Box], alone: list[Box], size: tuple[int, int], draw: Draw) -> Found:
    """Which of two texts is higher, or further to the left."""
    if len(alone) < 2:
        return None
    axis, words = draw.pick(((1, "higher up"), (0, "further to the left")))
    first, second = draw.shuffled(alone)[:2]
    gap = _middle(first)[axis] - _middle(second)[axis]
    if abs(gap) < 0.1 * size[axis]:
        return None
    asked = draw.pick((
        "Which of the two stands {w}, '{a}' or '{b}'?",
        "'{a}' and '{b}' are both in the picture. Which is {w}?",
        "Is '{a}' or '{b}' {w}?",
    ))  # fmt: skip
    return asked.format(w=words, a=first.string, b=second.string), (
        first if gap < 0 else second
    ).string


def _containing(boxes: list[Box], alone: list[Box], size: tuple[int, int], draw: Draw) -> Found:
    """The whole line that a word is from."""
    for box in draw.shuffled(alone):
        words = [w for w in box.string.split() if len(normal(w)) > 2]
        if len(words) > 1:
            word = draw.pick(words)
            if sum(normal(word) in normal(b.string) for b in boxes) == 1:
                return draw.pick((
                    "What is the whole line that has '{}' in it?",
                    "Copy the full text around '{}'.",
                    "Which line of text contains '{}'?",
                )).format(word), box.string  # fmt: skip
    return None


def _largest(boxes: list[Box], alone: list[Box], size: tuple[int, int], draw: Draw) -> Found:
    """Which text is written largest; none where another is nearly as large."""

    def letters(box: Box) -> float:
        a, b, c, d = box.polygon
        return -math.log(max(1.0, (math.dist(a, d) + math.dist(b, c)) / 2))

    best = _clear(boxes, [letters], math.log(1.4))
    if best not in alone or best is None:
        return None
    return draw.pick((
        "Which text is written in the largest letters?",
        "What do the biggest letters say?",
        "Read only the largest text.",
    )), best.string  # fmt: skip


_KINDS: tuple[Kind, ...] = (_outermost, _compared, _containing, _largest)


def _present(spec: Spec, edited: bool, boxes: list[Box], draw: Draw) -> tuple[str, str]:
    """Whether a text is there; the other one of the edit is not, not even as part of a text."""
    there, absent = (spec.target, spec.source) if edited else (spec.source, spec.target)
    yes = draw.chance(0.5) or any(normal(absent) in normal(b.string) for b in boxes)
    return draw.pick((
        "Does the text '{}' appear in the picture? Answer yes or no.",
        "Is '{}' written anywhere here? Answer yes or no.",
        "Can '{}' be read in this image? Answer yes or no.",
    )).format(there if yes else absent), "Yes" if yes else "No"  # fmt: skip


def _edited(spec: Spec, scene: Scene) -> list[Box]:
    return [b for b in scene.boxes() if b.role in spec.edited]


def _middle(box: Box) -> tuple[float, float]:
    return sum(p[0] for p in box.polygon) / 4, sum(p[1] for p in box.polygon) / 4


def _percent(box: Box, size: tuple[int, int]) -> str:
    x, y = _middle(box)
    return f"{x / size[0]:.0%} from the left, {y / size[1]:.0%} from the top"


__all__ = [
    "CAPTIONS", "EDITS", "caption", "instruction", "place", "question", "reasoning",
]  # fmt: skip
