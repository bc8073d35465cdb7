"""Is the whole picture moved? Phase correlation, and the fidelity that is left once it is undone.

A picture moved by three pixels loses tens of dB although nothing was repainted; that is another
fault than a repainted one, so it is reported as a shift and as fidelity after alignment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metrics.fidelity import Pixels, Region, check_pair, luma, psnr

MIN_SIDE = 16
"""Below this a correlation peak means nothing, px."""

MIN_GAIN_DB = 0.5
"""A shift is believed when undoing it raises the PSNR by this much. Interpolation smooths noise,
which alone can raise it by a little."""

MIN_RESPONSE = 0.1
"""Peaks lower than this are chance: moved photographs, noise and JPEG included, gave .87 and more,
pairs of unlike photographs .08 and less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """A shift, and the PSNR with and without it.

    Attributes:
        dx: how far the picture lies to the right of the reference, px; 0 when no shift explains
            the difference.
        dy: how far it lies below the reference, px.
        response: height of the correlation peak, about 1 for equal pictures, near 0 for unlike.
        psnr_raw: PSNR over the region as it is, dB.
        psnr_aligned: after undoing the shift, over the part of the region that both pictures
            cover; `psnr_raw` when no shift was believed.
    """

    dx: float
    dy: float
    response: float
    psnr_raw: float
    psnr_aligned: float

    @property
    def distance(self) -> float:
        """Length of the shift, px."""
        return math.hypot(self.dx, self.dy)


def phase_shift(reference: Pixels, picture: Pixels) -> tuple[float, float, float]:
    """Sub-pixel shift of `picture` against `reference`, by phase correlation under a Hann window.

    Returns:
        (dx, dy, response); dx > 0 when the picture lies to the right of the reference.

    Source: Kuglin and Hines 1975; `cv2.phaseCorrelate`.
    """
    import cv2

    check_pair(reference, picture)
    height, width = reference.shape[:2]
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    # A flat picture has no phase: take the mean out, so that it has no spectrum either.
    first, second = luma(reference), luma(picture)
    (dx, dy), response = cv2.phaseCorrelate(first - first.mean(), second - second.mean(), window)
    if not all(map(math.isfinite, (dx, dy, response))):
        return 0.0, 0.0, 0.0
    return float(dx), float(dy), float(response)


def move(picture: Pixels, dx: float, dy: float) -> tuple[Pixels, Region]:
    """The picture moved by (dx, dy) px, and where its new pixels come from inside it.

    Whole-pixel moves copy; others interpolate (cubic).
    """
    import cv2

    height, width = picture.shape[:2]
    whole = abs(dx - round(dx)) < 0.05 and abs(dy - round(dy)) < 0.05
    if whole:
        dx, dy = float(round(dx)), float(round(dy))
    matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    moved = cv2.warpAffine(
        picture,
        matrix,
        (width, height),
        flags=cv2.INTER_NEAREST if whole else cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    # A cubic kernel reaches two pixels, so that many at the border are not the picture's own.
    reach = 0 if whole else 2
    rows, columns = np.arange(height) - dy, np.arange(width) - dx
    inside_rows = (rows >= reach) & (rows <= height - 1 - reach)
    inside_columns = (columns >= reach) & (columns <= width - 1 - reach)
    return np.asarray(moved, np.uint8), np.logical_and.outer(inside_rows, inside_columns)


def align(reference: Pixels, picture: Pixels, region: Region | None = None) -> Alignment | None:
    """Undo a shift of the whole picture, where a shift is what is wrong with it.

    Args:
        reference: (height, width, 3) uint8.
        picture: same shape.
        region: (height, width) bool: where PSNR is measured, e.g. outside the edit.

    Returns:
        None for an empty region or a picture too small to register. A shift with a low peak, or
        one of which undoing does not raise the PSNR by `MIN_GAIN_DB` where both pictures have
        pixels, is reported as none at all: two unlike pictures have a peak somewhere, too. Whole
        shifts are found exactly, others to about .2 px.

    >>> rng = np.random.default_rng(0)
    >>> a = rng.integers(0, 256, (64, 64, 3), np.uint8)
    >>> found = align(a, np.roll(a, (0, 3), (0, 1)))
    >>> round(found.dx), round(found.dy), found.psnr_aligned
    (3, 0, 100.0)
    """
    raw = psnr(reference, picture, region)
    if raw is None or min(reference.shape[:2]) < MIN_SIDE:
        return None
    dx, dy, response = phase_shift(reference, picture)
    if response >= MIN_RESPONSE and math.hypot(dx, dy) >= 0.05:
        back, covered = move(picture, -dx, -dy)
        common = covered if region is None else covered & region
        before, after = psnr(reference, picture, common), psnr(reference, back, common)
        if before is not None and after is not None and after >= before + MIN_GAIN_DB:
            return Alignment(
                dx=dx, dy=dy, response=response, psnr_raw=raw, psnr_aligned=max(raw, after)
            )
    return Alignment(dx=0.0, dy=0.0, response=response, psnr_raw=raw, psnr_aligned=raw)


def aspect_error(size: tuple[int, int], reference: tuple[int, int]) -> float:
    """How far the shape of a picture is from the reference's, whatever its size.

    Args:
        size: (width, height) as the model wrote it.
        reference: (width, height) of the original.

    Returns:
        0 for the same aspect ratio, .1 for one that is 10 % wider or narrower; unbounded.

    >>> aspect_error((512, 512), (1024, 1024)), aspect_error((200, 100), (100, 100))
    (0.0, 1.0)
    >>> aspect_error((100, 200), (100, 100))
    1.0
    """
    ratio = (size[0] * reference[1]) / (size[1] * reference[0])
    return max(ratio, 1.0 / ratio) - 1.0
