"""Names of flat shapes by their outlines alone: corners of convex ones, notches of the others.

A convex outline is first stretched until it is as wide as it is high in every direction, so that a
rhombus has the corners of a square, and an oval is as round as a circle. Then the polygon with the
fewest corners is sought that hugs it: round corners, blurred edges and small dents do not matter,
since the polygon is made of the sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CODE = 1
"""Raised whenever the same outline could get another name."""

OTHER = "other"
NAMES = (
    "circle", "oval", "triangle", "square", "rectangle", "diamond", "pentagon", "hexagon", "cross",
    "star", OTHER,
)  # fmt: skip

_CONVEX = 0.93
"""Share of its hull that a convex outline fills; less is lost to rough edges."""
_ROUND = 0.93
"""Share of the circle around it that a circle fills; an octagon fills 0.90."""
_HUGS = 0.93
"""Share of the polygon around it that an outline with as many sides fills."""
_LONG = 1.25
"""Length by width from which on a shape is no circle and no square."""
_NOTCH = 0.05
"""Depth of a notch, as a share of the root of the hull's area."""
_BLUNT = 0.72
"""Width of a cross's arms near their ends, by that near their roots; a star's are half as wide."""
_CROSS, _STAR = 0.5, 0.6
"""Share that stays itself when turned by one tip; one arm of a cross may be longer."""
_TIPS = 0.9
"""Share of the polygon between its tips that the hull of a star fills."""
_UPRIGHT = 22.5
"""Degrees by which a square may be turned before it is a diamond."""
_EVEN = 0.72
"""Shortest by longest side of a pentagon or hexagon that is regular enough."""
_RIGHT = 0.26
"""Cosine of the most that a right angle may be off: 15 degrees."""
_MOST = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What an outline is: one of `NAMES`, and how well it fits that, in [0, 1]."""

    name: str
    fit: float


def name_outline(mask: Mask) -> Outline:
    """Name the one shape of a mask; holes do not matter.

    Args:
        mask: (height, width), True inside; about 200 pixels wide or high serve best.
    """
    import cv2

    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return Outline(name=OTHER, fit=0.0)
    contour = max(found, key=cv2.contourArea)
    hull = _rows(cv2.convexHull(contour), 2).astype(np.float64)
    area, whole = float(cv2.contourArea(contour)), _area(hull)
    if area < 16 or whole < 16:
        return Outline(name=OTHER, fit=0.0)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    if area / whole >= _CONVEX:
        return _convex(hull, filled)
    return _notched(contour, hull, filled)


# --- convex outlines --------------------------------------------------------------------------


def _convex(hull: Floats, filled: NDArray[np.uint8]) -> Outline:
    stretch, longer = _whitening(filled)
    even = hull @ stretch
    roundness = _roundness(even)
    hugging = _polygons(even)
    corners = min((k for k, p in hugging.items() if _share(even, p) >= _HUGS), default=0)
    if roundness >= _ROUND:
        return Outline(name="circle" if longer < _LONG else "oval", fit=roundness)
    if corners == 4:
        name = _quadrilateral(hugging[4] @ np.linalg.inv(stretch))
    elif corners == 3 or (corners in {5, 6} and _evenness(hugging[corners]) >= _EVEN):
        name = {3: "triangle", 5: "pentagon", 6: "hexagon"}[corners]
    else:
        name = OTHER
    return Outline(name=name, fit=_share(even, hugging[corners]) if name != OTHER else 0.0)


def _whitening(filled: NDArray[np.uint8]) -> tuple[Floats, float]:
    """(2, 2) what makes the spread of the pixels equal in all directions, and length by width."""
    points = np.argwhere(filled)[:, ::-1].astype(np.float64)
    values, axes = np.linalg.eigh(np.cov(points.T))
    low, high = np.sqrt(np.maximum(values, 1e-6))
    scale = np.sqrt(low * high)
    return axes @ np.diag([scale / low, scale / high]) @ axes.T, float(high / low)


def _roundness(hull: Floats) -> float:
    import cv2

    _, radius = cv2.minEnclosingCircle(hull.astype(np.float32))
    return float(_area(hull) / (np.pi * radius**2))


def _share(hull: Floats, polygon: Floats) -> float:
    return _area(hull) / max(_area(polygon), 1e-9)


def _evenness(polygon: Floats) -> float:
    """Shortest side by the longest one."""
    sides = np.linalg.norm(np.roll(polygon, -1, axis=0) - polygon, axis=1)
    return float(sides.min() / max(sides.max(), 1e-9))


def _polygons(hull: Floats) -> dict[int, Floats]:
    """Number of corners -> a polygon around the hull, made of its sides; up to `_MOST` corners.

    Side after side is left out, always the one whose neighbours, made longer until they meet, add
    the least.
    """
    import cv2

    rough = 0.004 * cv2.arcLength(hull.astype(np.float32), True)
    polygon = _rows(cv2.approxPolyDP(hull.astype(np.float32), rough, True), 2).astype(np.float64)
    made = {}
    while True:
        if 3 <= len(polygon) <= _MOST:
            made[len(polygon)] = polygon
        if len(polygon) <= 3:
            return made
        polygon = min((_without(polygon, at) for at in range(len(polygon))), key=_area)
        if not np.isfinite(polygon).all():
            return made


def _without(polygon: Floats, at: int) -> Floats:
    """The polygon without the side from a corner on; infinite where its neighbours diverge."""
    n = len(polygon)
    a, b, c, d = (polygon[(at + k) % n] for k in (-1, 0, 1, 2))
    along, back = b - a, c - d
    cross = along[0] * back[1] - along[1] * back[0]
    gap = d - a
    reach, other = 0.0, 0.0
    if abs(cross) > 1e-9:
        reach = (gap[0] * back[1] - gap[1] * back[0]) / cross
        other = (gap[0] * along[1] - gap[1] * along[0]) / cross
    if reach <= 1 or other <= 1:
        return np.full((n - 1, 2), np.inf)
    meeting = a + reach * along
    rest = [polygon[(at + k) % n] for k in range(2, n)]
    return np.array([meeting, *rest])


def _quadrilateral(corners: Floats) -> str:
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() <= 0:
        return OTHER
    unit = sides / lengths[:, None]
    slant = np.abs((unit * np.roll(unit, -1, axis=0)).sum(axis=1)).max()
    even = lengths.min() / lengths.max()
    if slant <= _RIGHT:
        if even < 1 / _LONG:
            return "rectangle"
        turn = np.degrees(np.arctan2(unit[:, 1], unit[:, 0]))
        off = np.abs((turn + 45) % 90 - 45).mean()
        return "square" if off <= _UPRIGHT else "diamond"
    return "diamond" if even >= 0.75 else OTHER


# --- outlines with notches --------------------------------------------------------------------


def _notched(contour: NDArray[np.int32], hull: Floats, filled: NDArray[np.uint8]) -> Outline:
    """Four arms that keep their width make a cross, four or more pointed ones a star."""
    bottoms = _notches(contour, hull)
    number = len(bottoms)
    if number < 4:
        return Outline(name=OTHER, fit=0.0)
    centre = bottoms.mean(axis=0)
    fit = _turned(filled, centre, number)
    if number == 4 and fit >= _CROSS and _bluntness(filled, centre, bottoms) >= _BLUNT:
        return Outline(name="cross", fit=fit)
    around = _polygons(hull)
    if number in around and fit >= _STAR and _share(hull, around[number]) >= _TIPS:
        return Outline(name="star", fit=fit)
    return Outline(name=OTHER, fit=0.0)


def _notches(contour: NDArray[np.int32], hull: Floats) -> Floats:
    """(n, 2) the bottoms of the deep notches."""
    import cv2

    outline = cv2.approxPolyDP(contour, 0.004 * cv2.arcLength(contour, True), True)
    try:
        defects = cv2.convexityDefects(outline, cv2.convexHull(outline, returnPoints=False))
    except cv2.error:  # an outline that crosses itself
        defects = None
    if defects is None:
        return np.zeros((0, 2))
    found = _rows(defects, 4)
    deep = found[:, 3] / 256 > _NOTCH * np.sqrt(_area(hull))
    return np.asarray(_rows(outline, 2)[found[deep, 2]], np.float64)


def _bluntness(filled: NDArray[np.uint8], centre: Floats, bottoms: Floats) -> float:
    """Width of the arms between notches near their ends, by that near their roots; 1 for bars."""
    away, turn = _polar(np.argwhere(filled)[:, ::-1] - centre)
    arm = np.searchsorted(np.sort(_polar(bottoms - centre)[1]), turn) % len(bottoms)
    ratios = []
    for at in range(len(bottoms)):
        reach = away[arm == at] / away[arm == at].max(initial=1.0)
        ends = ((reach > 0.65) & (reach <= 0.85)).sum()
        ratios.append(ends / max(1, ((reach > 0.4) & (reach <= 0.6)).sum()))
    return float(np.mean(ratios))


def _polar(points: Floats) -> tuple[Floats, Floats]:
    return np.hypot(points[:, 0], points[:, 1]), np.arctan2(points[:, 1], points[:, 0])


def _turned(filled: NDArray[np.uint8], centre: Floats, times: int) -> float:
    """How much of a shape stays itself when it is turned by one of its tips: IoU in [0, 1]."""
    import cv2

    turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), 360 / times, 1.0)
    again = cv2.warpAffine(filled, turn, filled.shape[::-1], flags=cv2.INTER_NEAREST)
    return float((filled & again).sum() / max(1, (filled | again).sum()))


def _rows(points: Any, width: int) -> NDArray[Any]:
    """Points row by row: OpenCV 4 puts an axis of length 1 in the middle, OpenCV 5 does not."""
    return np.reshape(np.asarray(points), (-1, width))


def _area(polygon: Floats) -> float:
    """Area of a polygon in square pixels; infinite where a corner is."""
    if not np.isfinite(polygon).all():
        return float("inf")
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
