"""GenEval's verdict on one picture, as pure rules over boxes and colour words.

Source: djghosh13/geneval@af4902f, `evaluation/evaluate_images.py`, re-told from its behaviour. A
detector and a colour classifier stand outside; what they found comes in as arrays and words, so
that stored detections can be judged again without either.

Boxes are (x0, y0, x1, y1) in pixels. Arithmetic on detections is in float32, as detectors return
them: a score on the threshold is decided by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.generation.geneval.boxes import RELATIONS, iou, relations

Rows = NDArray[np.float32]
"""(n, 5) float32: box and score of n detections of one class."""

COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white",
)  # fmt: skip
TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
"""The six tasks, in the order of published tables."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the released script lets a user change, with its defaults.

    Attributes:
        threshold: detections must have a higher score.
        counting_threshold: the same for the task ``counting``.
        max_objects: most detections of one class.
        max_overlap: IoU from which on the weaker of two detections is dropped; 1 for none.
        position_threshold: share of the summed sizes within which an offset is none.
    """

    threshold: float = 0.3
    counting_threshold: float = 0.9
    max_objects: int = 16
    max_overlap: float = 1.0
    position_threshold: float = 0.1

    def score_above(self, tag: str) -> float:
        """The threshold of a task."""
        return self.counting_threshold if tag == "counting" else self.threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """Objects that must be there, or, of `Spec.exclude`, must not.

    Attributes:
        name: of the class, in GenEval's spelling.
        count: how many; of an excluded class, the number that is too many.
        colour: of all of them; empty for any.
        relation: to every object of the clause `target`; empty for none.
        target: number of an earlier clause of `Spec.include`.
    """

    name: str
    count: int
    colour: str = ""
    relation: str = ""
    target: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What a prompt asks for."""

    tag: str
    include: tuple[Clause, ...]
    exclude: tuple[Clause, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A detection that was kept.

    Attributes:
        index: its number among the detections of its class, as they came in.
        row: (5,) float32: box and score.
    """

    index: int
    row: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a picture shows what was asked for, and everything that is wrong with it."""

    correct: bool
    reasons: tuple[str, ...]


ColourOf = Callable[[str, Sequence[Found]], Sequence[str]]
"""Names the colour of each of some detections of a class."""


def read_spec(metadata: Mapping[str, Any]) -> Spec:
    """A record of the official metadata file as a `Spec`.

    Raises:
        ValueError: it is not one; the message says what is wrong.
    """
    tag, include = metadata.get("tag"), metadata.get("include")
    if not isinstance(tag, str) or not isinstance(include, list):
        raise ValueError("'tag' must be a text and 'include' a list")
    clauses = tuple(_clause(c, number) for number, c in enumerate(include))
    return Spec(
        tag=tag,
        include=clauses,
        exclude=tuple(_clause(c, 0) for c in metadata.get("exclude") or []),
    )


def _clause(given: Mapping[str, Any], number: int) -> Clause:
    try:
        name, count = given["class"], given["count"]
        relation, target = given.get("position") or ("", 0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"a clause is {given!r}, without class, count or position") from error
    whole = isinstance(count, int) and not isinstance(count, bool)
    if not isinstance(name, str) or not whole or count < 0:
        raise ValueError(f"class {name!r} or count {count!r} of a clause is none")
    if relation and (relation not in RELATIONS or target not in range(number)):
        raise ValueError(f"position {[relation, target]!r} names no relation to an earlier clause")
    colour = given.get("color") or ""
    return Clause(name=name, count=count, colour=colour, relation=relation, target=target)


# --- verdict ----------------------------------------------------------------------------------


def keep(rows: Rows, above: float, options: Options) -> list[Found]:
    """The detections of one class that count, best first.

    Higher scores than `above`, at most `max_objects` of them, then without overlaps. Of equal
    scores the later detection goes first.

    Args:
        rows: (n, 5) float32, in any order.
        above: the threshold of the task.
        options: of the protocol.
    """
    values = np.asarray(rows, np.float32).reshape(-1, 5)
    limit = np.float32(options.max_overlap)
    best = np.argsort(values[:, 4], kind="stable")[::-1]
    left = best[values[best, 4] > np.float32(above)][: options.max_objects].tolist()
    kept = []
    while left:
        first, *rest = left
        kept.append(first)
        left = [
            other
            for other in rest
            if limit == 1 or np.float32(iou(values[first], values[other])) < limit
        ]
    return [Found(index=index, row=values[index]) for index in kept]


def kept_of(detections: Mapping[str, Rows], tag: str, options: Options) -> dict[str, list[Found]]:
    """`keep` for each class; classes of which nothing is kept are left out."""
    above = options.score_above(tag)
    kept = {name: keep(rows, above, options) for name, rows in detections.items()}
    return {name: found for name, found in kept.items() if found}


def judge(
    spec: Spec, kept: Mapping[str, Sequence[Found]], colour_of: ColourOf, options: Options
) -> Verdict:
    """Whether everything that was asked for is there, and nothing that must not be.

    Only the `count` most confident objects of a clause are looked at, for colour and position too.

    Args:
        spec: what was asked for.
        kept: class -> detections that count, best first.
        colour_of: asked for the objects of clauses that want a colour, and for no others.
        options: of the protocol.
    """
    reasons: list[str] = []
    groups: list[Sequence[Found] | None] = []
    for clause in spec.include:
        found = kept.get(clause.name, [])[: clause.count]
        reason = _lacking(clause, found, groups, colour_of, options)
        groups.append(None if reason else found)
        if reason:
            reasons.append(reason)
    for clause in spec.exclude:
        seen = len(kept.get(clause.name, []))
        if seen >= clause.count:
            reasons.append(f"expected {clause.name}<{clause.count}, found {seen}")
    return Verdict(correct=not reasons, reasons=tuple(reasons))


def _lacking(
    clause: Clause,
    found: Sequence[Found],
    groups: Sequence[Sequence[Found] | None],
    colour_of: ColourOf,
    options: Options,
) -> str:
    """Why a clause is not met, in the words of the released script; empty when it is."""
    if len(found) < clause.count:
        return f"expected {clause.name}>={clause.count}, found {len(found)}"
    if clause.colour:
        seen = list(colour_of(clause.name, found))
        right = seen.count(clause.colour)
        if right < clause.count:
            others = ", ".join(f"{seen.count(c)} {c}" for c in COLOURS if c in seen)
            return (
                f"expected {clause.colour} {clause.name}>={clause.count}, "
                f"found {right} {clause.colour}; and {others}"
            )
    if not clause.relation:
        return ""
    targets = groups[clause.target]
    if targets is None:
        return f"no target for {clause.name} to be {clause.relation}"
    for one in found:
        for target in targets:
            sides = relations(one.row, target.row, options.position_threshold)
            if clause.relation not in sides:
                # The released script joins a set, in an order that changes from run to run.
                return (
                    f"expected {clause.name} {clause.relation} target, "
                    f"found {' and '.join(sides)} target"
                )
    return ""
