"""Flat shapes in a picture, read by rules: which, in what colour, where.

Made for pictures of a few filled shapes on a plain ground, and for nothing else. It is not put off
by scale, a turn of some degrees, soft edges, JPEG, thin outlines, light shadows and noise. Shapes
that touch are one shape of no known kind, and a photograph has no plain ground: both are told, not
guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics import shapes_colours, shapes_outlines
from metrics.shapes_colours import Floats, name_colour, oklab
from metrics.shapes_outlines import Mask, name_outline

Pixels = NDArray[np.uint8]

CODE = 1
"""Raised whenever the same picture could be read otherwise."""

IDENTITY = (CODE, shapes_colours.CODE, shapes_outlines.CODE)
"""Of all rules that read."""

MIXED = "mixed"
"""Colour of a shape that has several."""

_SIDE = 512
"""Longest side at which a picture is read, in pixels; all others below are at this size."""
_RIM = 0.03
"""Width of the border whose colour is the ground's, as a share of the shorter side."""
_PLAIN = 0.5
"""Least share of the border that has the ground's colour."""
_APART = 0.07
"""Distance in OKLab from which on a pixel is not ground."""
_SAME = 0.15
"""Distance in OKLab within which pixels of one shape have one colour."""
_SPECK = 0.0006
"""Share of the picture below which something is a speck, and no shape."""
_HOLLOW = 0.1
"""Share of a shape that may be holes before it is hollow."""
_MANY = 48
"""More parts than this are no drawing of flat shapes."""
_OUTLINE = 220
"""Longest side at which an outline is named, in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One shape that was read.

    Attributes:
        name: one of `metrics.shapes_outlines.NAMES`; ``hollow circle`` and so on for a mere line.
        colour: a colour word, ``mixed`` or ``unknown``.
        box: left, top, right and bottom, in pixels of the picture.
        centre: x and y of its centre of mass, in pixels of the picture.
        area: in square pixels of the picture.
        certainty: of name and colour, in [0, 1]: how well it fits, and how far the next colour is.
    """

    name: str
    colour: str
    box: tuple[float, float, float, float]
    centre: tuple[float, float]
    area: float
    certainty: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was read of a picture.

    Attributes:
        shapes: from the largest to the smallest.
        reason: why the picture cannot be read; empty when it can.
    """

    shapes: tuple[Shape, ...] = ()
    reason: str = ""


def read_shapes(pixels: Pixels) -> Reading:
    """The shapes of a picture, whatever the picture is: nothing that can be seen raises.

    Args:
        pixels: (height, width, 3) uint8 sRGB.

    Raises:
        ValueError: it is no such array.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be (height, width, 3) uint8, not {pixels.shape}")
    if min(pixels.shape[:2]) < 16:
        return Reading(reason=f"it is {pixels.shape[1]}x{pixels.shape[0]} pixels small")
    small, scale = _at_side(pixels)
    lab = oklab(small)
    ground, share = _ground(lab)
    if share < _PLAIN:
        return Reading(reason=f"it has no plain ground: only {share:.0%} of its border is alike")
    away = np.linalg.norm(lab - ground, axis=2)
    parts = list(_parts(away > _APART))
    if len(parts) > _MANY:
        return Reading(reason=f"it has {len(parts)} parts, which is no drawing of flat shapes")
    found = [s for part in parts for s in _shapes(part, lab, away, scale)]
    return Reading(shapes=tuple(sorted(found, key=lambda s: (-s.area, s.box))))


def _at_side(pixels: Pixels) -> tuple[Pixels, float]:
    """The picture at the size at which it is read, without noise; and its own size by that."""
    import cv2

    high, wide = pixels.shape[:2]
    scale = max(high, wide) / _SIDE
    size = (max(8, round(wide / scale)), max(8, round(high / scale)))
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    small = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=way)
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(small), 5), np.uint8), scale


def _ground(lab: Floats) -> tuple[Floats, float]:
    """Colour of the ground at every pixel, and the share of the border that has it.

    It is the most frequent colour of the border, and may change evenly across the picture.
    """
    high, wide = lab.shape[:2]
    rim = max(2, round(_RIM * min(high, wide)))
    edge = np.ones((high, wide), np.bool_)
    edge[rim:-rim, rim:-rim] = False
    edge[np.add.outer(np.arange(high), np.arange(wide)) % 3 > 0] = False  # a third is enough
    border = lab[edge]
    y, x = np.nonzero(edge)
    at = np.column_stack([np.ones(len(x)), x, y])
    # One number for each cell of a grid over the colours, whose axes lie within -1 and 1.
    cells = (np.round(border / 0.04) + 32).astype(np.int64) @ [4096, 64, 1]
    values, counts = np.unique(cells, return_counts=True)
    plane = np.zeros((3, 3))
    plane[0] = np.median(border[cells == values[np.argmax(counts)]], axis=0)
    for _ in range(3):
        near = np.linalg.norm(border - at @ plane, axis=1) <= _APART
        if near.sum() >= 16:
            plane = np.linalg.lstsq(at[near], border[near], rcond=None)[0]
    share = np.linalg.norm(border - at @ plane, axis=1) <= _APART
    across, down = np.arange(wide)[None, :, None], np.arange(high)[:, None, None]
    return plane[0] + across * plane[1] + down * plane[2], float(share.mean())


def _parts(mask: Mask) -> Iterator[Mask]:
    """Connected parts that are no specks."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), None, None, 4)
    for at in range(1, count):
        if stats[at, cv2.CC_STAT_AREA] >= _SPECK * mask.size:
            yield labels == at


def _shapes(part: Mask, lab: Floats, away: Floats, scale: float) -> Iterator[Shape]:
    """The shapes of a part: all that is nearer to its inner colour than to the ground."""
    level = float(np.median(away[_deep(part, 0.6)])) / 2
    for piece in _parts(part & (away > level)):
        yield _shape(piece, lab, away, level, scale)


def _shape(piece: Mask, lab: Floats, away: Floats, level: float, scale: float) -> Shape:
    core = np.median(lab[_deep(piece, 0.6)], axis=0)
    alike = np.linalg.norm(lab[_deep(piece, 0.4)] - core, axis=1) <= _SAME
    colour, clear = name_colour(core) if alike.mean() >= 0.75 else (MIXED, 0.0)
    outline = name_outline(_large(piece, away, level))
    hollow = 1 - piece.sum() / _filled(piece).sum() > _HOLLOW
    y, x = np.nonzero(piece)
    return Shape(
        name=f"hollow {outline.name}" if hollow else outline.name,
        colour=colour,
        box=(x.min() * scale, y.min() * scale, (x.max() + 1) * scale, (y.max() + 1) * scale),
        centre=(float(x.mean() + 0.5) * scale, float(y.mean() + 0.5) * scale),
        area=float(len(x)) * scale**2,
        certainty=min(outline.fit, clear),
    )


def _deep(mask: Mask, share: float) -> Mask:
    """Pixels at least that share of the greatest depth inside."""
    import cv2

    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(mask & (depth >= share * depth.max()), np.bool_)


def _filled(mask: Mask) -> Mask:
    """The mask without its holes."""
    import cv2

    edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    return np.asarray(cv2.drawContours(filled, edges, -1, 1, cv2.FILLED) > 0, np.bool_)


def _large(piece: Mask, away: Floats, level: float) -> Mask:
    """The outline of a piece, cut out and at the size at which it is named."""
    import cv2

    around = cv2.dilate(piece.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    soft = np.pad(np.where(around, away, 0.0), 6).astype(np.float32)
    y, x = np.nonzero(np.pad(piece, 6))
    cut = soft[y.min() - 6 : y.max() + 7, x.min() - 6 : x.max() + 7]
    times = _OUTLINE / max(cut.shape)
    size = (max(1, round(cut.shape[1] * times)), max(1, round(cut.shape[0] * times)))
    way = cv2.INTER_AREA if times < 1 else cv2.INTER_CUBIC
    return np.asarray(np.pad(cv2.resize(cut, size, interpolation=way) > level, 2), np.bool_)
