"""Where an edit was allowed to happen: from the data, or derived from what is known of it.

A mask that is too small charges a right answer for its own edit; the area outside the ink of the
old and the new text changes in every valid answer. So a derived mask is padded, and every score
that uses one says where it came from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from metrics.fidelity import Pixels, Region, check_pair

Origin = Literal["data", "difference+ocr", "difference", "ocr"]
Polygon = Sequence[tuple[float, float]]

NOISE_LEVEL = 12.0
"""A pixel differs when its mean absolute RGB difference, after a 1 px Gaussian, is above this."""

MAX_DIFFERENCE_SHARE = 0.40
"""A ground truth that differs over more of the picture than this was re-encoded or re-rendered,
and its difference says nothing about the edit."""

PADDING = 0.015
"""Padding of a derived mask, as a share of the picture's diagonal."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EditRegion:
    """Where an edit may change a picture.

    Attributes:
        mask: (height, width) bool, True inside.
        origin: ``data``: given by the data set, exact. ``difference``: where the ground truth
            differs from the original. ``ocr``: the box of the source text.
    """

    mask: Region
    origin: Origin

    @property
    def share(self) -> float:
        """Share of the picture inside, in [0, 1]."""
        return float(self.mask.mean())

    @property
    def background(self) -> Region:
        """The complement."""
        return ~self.mask

    @property
    def note(self) -> str:
        """One sentence for a score's notes; empty for a mask that the data gave."""
        return {
            "data": "",
            "difference+ocr": "mask derived from the ground truth's difference and the source box",
            "difference": "mask derived from the ground truth's difference alone",
            "ocr": "mask is the source text's box alone",
        }[self.origin]


def read_mask(path: Path, size: tuple[int, int]) -> Region:
    """A mask file: inside where the grey value is 128 or more.

    Args:
        path: an image of one channel, or one that converts to it.
        size: (width, height) that it must have.

    Raises:
        ImageError: it cannot be read.
        ValueError: it has another size, so it belongs to another picture.
    """
    from evals.core.images import open_image

    image = open_image(path).convert("L")
    if image.size != size:
        raise ValueError(f"mask {path.name} is {image.size}, the original is {size}")
    return np.asarray(image, np.uint8) >= 128


def difference(original: Pixels, truth: Pixels) -> Region:
    """Where the ground truth differs from the original, cleaned but not padded.

    Mean absolute RGB difference after a 1 px Gaussian above 12 of 255, opened by 3x3 (drops
    encoding specks), closed by 9x9 (joins the strokes of a word).

    >>> a = np.full((40, 40, 3), 90, np.uint8)
    >>> b = a.copy()
    >>> b[10:20, 10:30] = 200
    >>> int(difference(a, b).sum()) in range(200, 300)
    True
    """
    import cv2

    check_pair(original, truth)
    blurred = [cv2.GaussianBlur(p, (0, 0), 1.0).astype(np.int16) for p in (original, truth)]
    differs = (np.abs(blurred[0] - blurred[1]).mean(axis=2) > NOISE_LEVEL).astype(np.uint8)
    opened = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return np.asarray(closed, np.bool_)


def fill(polygon: Polygon, size: tuple[int, int]) -> Region:
    """The pixels of a polygon, in a picture of (width, height)."""
    import cv2

    canvas = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(canvas, [np.rint(np.array(polygon, np.float64)).astype(np.int32)], 1)
    return canvas.astype(np.bool_)


def pad(mask: Region, share: float = PADDING) -> Region:
    """The mask grown by a disc whose radius is a share of the picture's diagonal."""
    import cv2

    if not mask.any():
        return mask
    radius = max(1.0, share * math.hypot(*mask.shape))
    # The same as dilation by a disc, and much faster for a large one.
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= radius, np.bool_)


def derive(differs: Region, source: Polygon | None) -> EditRegion | None:
    """The edit region of a sample whose data gives none.

    Args:
        differs: from `difference`.
        source: outline of the source text in the original, as OCR found it; None if it was not.

    Returns:
        The padded union of both; the source's outline alone when the difference covers more than
        40 % of the picture or nothing at all; None when nothing usable is left.
    """
    height, width = differs.shape
    usable = bool(differs.any()) and float(differs.mean()) <= MAX_DIFFERENCE_SHARE
    if source is None:
        return EditRegion(mask=pad(differs), origin="difference") if usable else None
    box = fill(source, (width, height))
    if not usable:
        return EditRegion(mask=pad(box), origin="ocr") if box.any() else None
    return EditRegion(mask=pad(differs | box), origin="difference+ocr")


def bounding_box(mask: Region) -> tuple[int, int, int, int] | None:
    """(x0, y0, x1, y1) of a mask, the last two exclusive; None when it is empty.

    >>> m = np.zeros((5, 6), bool)
    >>> m[1:3, 2:5] = True
    >>> bounding_box(m)
    (2, 1, 5, 3)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
