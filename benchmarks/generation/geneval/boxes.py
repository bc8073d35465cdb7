"""How two boxes lie to each other: overlap and relation, as GenEval computes them.

Source: djghosh13/geneval@af4902f, `evaluation/evaluate_images.py`, re-told from its behaviour.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RELATIONS = ("left of", "right of", "above", "below")

_NEAR = 1e-3
"""Residual offset, px, below which two objects stand in no relation."""
_SIDE = 0.5
"""Share of the offset beyond which a side is named."""


def iou(a: ArrayLike, b: ArrayLike) -> float:
    """Intersection over union of two boxes in [0, 1], where the last pixel belongs to a box.

    >>> iou([0, 0, 9, 9], [0, 0, 9, 4]), iou([0, 0, 1, 1], [5, 5, 6, 6])
    (0.5, 0.0)
    """
    one, other = np.asarray(a), np.asarray(b)
    common = _area(
        np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:4], other[2:4])])
    )
    union = _area(one) + _area(other) - common
    return float(common / union) if union else 0.0


def _area(box: NDArray[Any]) -> Any:
    width, height = np.maximum(box[2:4] - box[:2] + 1, 0)
    return width * height


def relations(a: ArrayLike, b: ArrayLike, position_threshold: float = 0.1) -> list[str]:
    """How `a` stands to `b`: up to two of `RELATIONS`, in that order.

    The offset of the centres is shrunk on each axis by a share of the summed sizes, and a side is
    named when what remains is more than half of the whole offset.

    >>> relations([0, 0, 10, 10], [100, 0, 110, 10]), relations([0, 0, 9, 9], [1, 0, 10, 9])
    (['left of'], [])
    """
    boxes = np.stack([np.asarray(a)[:4], np.asarray(b)[:4]]).reshape(2, 2, 2)
    centres = boxes.mean(axis=1)
    sizes = np.abs(boxes[:, 1] - boxes[:, 0])
    offset = centres[0] - centres[1]
    room = np.maximum(np.abs(offset) - position_threshold * (sizes[0] + sizes[1]), 0)
    if (room < _NEAR).all():
        return []
    across, down = room * np.sign(offset) / np.linalg.norm(offset)
    sides = {"left of": -across, "right of": across, "above": -down, "below": down}
    return [name for name in RELATIONS if sides[name] > _SIDE]
