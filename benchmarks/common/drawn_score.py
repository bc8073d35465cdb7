"""Scoring of drawn shapes: what a picture must show, and the metric that looks whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evals.core.errors import ImageError
from evals.core.images import load_rgb
from evals.core.protocols import make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from metrics.shapes import IDENTITY, Reading, Shape, read_shapes
from metrics.shapes_rules import CODE, Side, Wanted, clauses, told


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneReference:
    """What a picture must show, and may not show more of.

    Attributes:
        answer: it in plain words.
        wanted: the shapes.
        side: where the first stands, seen from the second; None when it does not matter.
        kind: what the prompt is about.
        spec_sha256: identity of the item.
    """

    answer: str
    wanted: tuple[Wanted, ...]
    side: Side | None
    kind: str
    spec_sha256: str


QUANTITIES = (
    Quantity(
        name="correct", range=(0, 1), direction="higher", worst=0.0,
        doc="Whether all that was asked for is there, in this number, colour and place, and "
        "nothing else.",
    ),
    Quantity(
        name="clauses", range=(0, 1), direction="higher", worst=0.0,
        doc="Share of what was asked for that is met: number of each shape, number in each "
        "colour, place, nothing else; 0 for a picture with none of the shapes.",
    ),
    Quantity(
        name="readable", range=(0, 1), direction="higher", worst=0.0,
        doc="Whether a shape of a known kind and colour could be read at all, right or wrong; "
        "photographs and shaded scenes cannot be read.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ShapesMetric:
    """Whether a picture shows the shapes that were asked for, by rules."""

    name: str = "shapes"
    quantities: tuple[Quantity, ...] = field(default=QUANTITIES, repr=False)
    # A picture takes some hundredths of a second: no worker process is worth its start.
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 16

    def fingerprint(self) -> str:
        """Identity of the scorer: versions of the rules that read and of those that judge."""
        return fingerprint({"metric": self.name, "code": [*IDENTITY, CODE]})

    def absence(self) -> Absence | None:
        """Always None: nothing but this code is needed."""
        return None

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item; samples must have a `SceneReference`."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        import numpy as np

        try:
            picture = load_rgb(item.images[0] if item.images else Path())
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        return self._judged(item, read_shapes(np.asarray(picture, np.uint8)))

    def _judged(self, item: Item, reading: Reading) -> Score:
        reference: SceneReference = item.sample.reference
        asked = clauses(reference.wanted, reference.side, reading.shapes)
        failed = [str(c) for c in asked if not c.met]
        known = any(s.certainty > 0 for s in reading.shapes)
        evidence: dict[str, JSON] = {
            "expected": reference.answer,
            "read": reading.reason or told(reading.shapes),
            "failed": list(failed),
            "shapes": [_row(s) for s in reading.shapes],
        }
        parts = {
            "correct": float(not failed),
            "clauses": 1 - len(failed) / len(asked),
            "readable": float(known),
        }
        notes = {"correct": f"counted as wrong: {reading.reason}"} if reading.reason else {}
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def _row(shape: Shape) -> dict[str, JSON]:
    return {
        "shape": f"{shape.colour} {shape.name}",
        "box": [round(v, 1) for v in shape.box],
        "certainty": round(shape.certainty, 3),
    }
