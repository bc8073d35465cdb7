"""Is the new text in the style of the ground truth's? Colour, size, angle, stroke, place: counted.

No model: the text's ink is separated from its ground by two-means on CIELAB, and measured. Which
font it is cannot be told this way and is left out rather than guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.fidelity import Pixels, Region, inner
from metrics.masks import bounding_box

Colours = NDArray[np.float64]

MIN_CONTRAST = 8.0
"""Ink and ground must differ by this much (CIEDE2000) to count as text at all."""

MIN_INK = 8
"""Fewer ink pixels than this are no text."""

MAX_DIFFERENCE = 100.0
"""CIEDE2000 of black and white; larger differences are reported as this."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ink:
    """The text in a region, separated from its ground.

    Attributes:
        mask: (height, width) bool of the region's bounding box.
        colour: of the ink, CIELAB (D65).
        ground: colour of the ground, CIELAB.
        stroke: half the stroke's width, px: median distance of an ink pixel to the ground.
        angle: of the reading direction against horizontal, degrees in (-45, 45], counted
            clockwise (y points down).
    """

    mask: Region
    colour: tuple[float, float, float]
    ground: tuple[float, float, float]
    stroke: float
    angle: float

    def extent(self, angle: float) -> tuple[float, float]:
        """Upper and lower end across the reading direction `angle` (degrees), px.

        The outer 1 % of the ink on both sides is left out, so that specks do not count.
        """
        rows, columns = np.nonzero(self.mask)
        radians = math.radians(angle)
        across = rows * math.cos(radians) - columns * math.sin(radians)
        low, high = np.percentile(across, [1.0, 99.0])
        return float(low), float(high)

    def height(self, angle: float) -> float:
        """Length of the `extent`, px; at least 1."""
        low, high = self.extent(angle)
        return high - low + 1.0

    def centre(self, angle: float) -> float:
        """Middle of the `extent`, px in the coordinates of the mask."""
        return sum(self.extent(angle)) / 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StyleDifference:
    """How far the ink of an edit is from the ink of the ground truth.

    Attributes:
        colour: CIEDE2000 between the two inks, [0, 100], 0 is best.
        height_ratio: smaller text height / larger, (0, 1], 1 is best.
        angle: between the two reading directions, degrees in [0, 45], 0 is best.
        stroke_ratio: smaller stroke width / larger, (0, 1], 1 is best.
        vertical_shift: between the middles of the two texts, across the reading direction, as a
            share of the ground truth's text height, [0, 1], 0 is best.
    """

    colour: float
    height_ratio: float
    angle: float
    stroke_ratio: float
    vertical_shift: float


def find_ink(pixels: Pixels, region: Region) -> Ink | None:
    """The text's ink in a region: the one of two colour clusters that its rim has less of.

    Args:
        pixels: (height, width, 3) uint8.
        region: (height, width) bool: where the text is, with some ground around it.

    Returns:
        None when the region holds nothing that stands out from its ground.
    """
    from skimage.color import rgb2lab

    box = bounding_box(region)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    inside = region[y0:y1, x0:x1]
    lab: Colours = rgb2lab(pixels[y0:y1, x0:x1])
    centres = two_means(lab[inside])
    if centres is None or colour_difference(centres[0], centres[1]) < MIN_CONTRAST:
        return None
    second = np.linalg.norm(lab - centres[1], axis=2) < np.linalg.norm(lab - centres[0], axis=2)
    rim = inside & ~inner(inside, max(1, min(inside.shape) // 12))
    ink_is_second = float(second[rim].mean()) < 0.5
    mask: Region = (second if ink_is_second else ~second) & inside
    if int(mask.sum()) < MIN_INK:
        return None
    ink, ground = (1, 0) if ink_is_second else (0, 1)
    return Ink(
        mask=mask,
        colour=_triple(centres[ink]),
        ground=_triple(centres[ground]),
        stroke=_half_stroke(mask),
        angle=_reading_angle(mask),
    )


def compare_style(edit: Ink, truth: Ink) -> StyleDifference:
    """Compare two inks of one region, across the ground truth's reading direction.

    The middle of the text stands for its baseline: a baseline that a word of round or hanging
    letters hides would have to be guessed. One letter with a tail moves the middle by a tenth.

    Raises:
        ValueError: the inks are of regions of different sizes, so their places differ.

    >>> from dataclasses import replace
    >>> bar = np.zeros((60, 90), bool)
    >>> bar[20:40, 10:80] = True
    >>> black, white = (0.0, 0.0, 0.0), (100.0, 0.0, 0.0)
    >>> truth = Ink(mask=bar, colour=black, ground=white, stroke=5.0, angle=0.0)
    >>> edit = replace(truth, mask=np.roll(bar, 5, axis=0))
    >>> compare_style(edit, truth).vertical_shift  # 5 px of 20
    0.25
    """
    if edit.mask.shape != truth.mask.shape:
        raise ValueError(f"inks of two regions: {edit.mask.shape} and {truth.mask.shape}")
    high = [edit.height(truth.angle), truth.height(truth.angle)]
    away = abs(edit.centre(truth.angle) - truth.centre(truth.angle)) / high[1]
    turn = abs(edit.angle - truth.angle)
    return StyleDifference(
        colour=min(MAX_DIFFERENCE, colour_difference(edit.colour, truth.colour)),
        height_ratio=min(high) / max(high),
        angle=min(turn, 90.0 - turn),
        stroke_ratio=min(edit.stroke, truth.stroke) / max(edit.stroke, truth.stroke),
        vertical_shift=min(1.0, away),
    )


def colour_difference(
    one: Colours | tuple[float, ...], other: Colours | tuple[float, ...]
) -> float:
    """CIEDE2000 of two CIELAB colours.

    Source: Sharma, Wu, Dalal 2005; `skimage.color.deltaE_ciede2000`. The value is the first pair
    of their test data.

    >>> round(colour_difference((50, 2.6772, -79.7751), (50, 0, -82.7485)), 4)
    2.0425
    """
    from skimage.color import deltaE_ciede2000

    return float(deltaE_ciede2000(np.asarray(one, np.float64), np.asarray(other, np.float64)))


def two_means(colours: Colours, rounds: int = 12) -> Colours | None:
    """Two-means of (n, 3) colours, started by a cut at the mean along the principal axis.

    The start makes it deterministic; nothing is drawn at random.

    Returns:
        (2, 3) centres; None where there are not two different colours.
    """
    if len(colours) < 2:
        return None
    sample = colours[:: max(1, len(colours) // 50_000)]
    centred = sample - sample.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    second = centred @ vectors[:, -1] > 0
    centres = np.zeros((2, 3))
    for _ in range(rounds):
        if second.all() or not second.any():
            return None
        centres = np.stack([sample[~second].mean(axis=0), sample[second].mean(axis=0)])
        distances = [((sample - c) ** 2).sum(axis=1) for c in centres]
        again = distances[1] < distances[0]
        if (again == second).all():
            break
        second = again
    return centres


def _triple(colour: Colours) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])


def _half_stroke(mask: Region) -> float:
    """Median distance of an ink pixel to the nearest ground pixel, px; at least .5."""
    import cv2

    framed = np.pad(mask.astype(np.uint8), 1)
    distances = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return max(0.5, float(np.median(distances[framed > 0])))


def _reading_angle(mask: Region) -> float:
    """Angle of the smallest rectangle around the ink, folded into (-45, 45]."""
    import cv2

    points = np.argwhere(mask)[:, ::-1].astype(np.float32)
    angle = float(cv2.minAreaRect(points)[2])
    folded = angle % 90.0
    return folded - 90.0 if folded > 45.0 else folded
