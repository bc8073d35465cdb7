"""Is the whole picture moved? Phase correlation, and the fidelity that is left once it is undone.

A picture moved by three pixels loses tens of dB although nothing was repainted; that is another
fault than a repainted one, so it is reported as a shift and as fidelity after alignment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metrics.fidelity import PSNR_CAP, Pixels, Region, check_pair, luma, psnr

MIN_SIDE = 16
"""Below this a correlation peak means nothing, px."""

MIN_GAIN_DB = 0.5
"""A shift is believed when undoing it raises the PSNR by this much. Interpolation smooths noise,
which alone can raise it by a little."""

REFINEMENTS = 2
"""Steps of least squares after the correlation."""

MIN_RESPONSE = 0.1
"""Peaks lower than this are chance: moved photographs, noise and JPEG included, gave .87 and more,
moved flat drawings with the edit left out .26 and more, unlike photographs .08 and less."""


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


def phase_shift(
    reference: Pixels, picture: Pixels, region: Region | None = None
) -> tuple[float, float, float]:
    """Sub-pixel shift of `picture` against `reference`, by phase correlation under a Hann window.

    Args:
        reference: (height, width, 3) uint8.
        picture: same shape.
        region: (height, width) bool: where to look. Two different words in one place correlate
            best at some offset of their letters, so the edit must be left out.

    Returns:
        (dx, dy, response); dx > 0 when the picture lies to the right of the reference.

    Source: Kuglin and Hines 1975; `cv2.phaseCorrelate`.
    """
    import cv2

    check_pair(reference, picture, region)
    height, width = reference.shape[:2]
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    if region is not None:
        # A hard edge would be a feature that never moves: fade out over about 1 % of the picture.
        fade = max(1.0, 0.01 * math.hypot(width, height))
        inside = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8))
        window *= cv2.GaussianBlur(inside.astype(np.float32), (0, 0), fade)
    total = float(window.sum())
    if total <= 0.0:
        return 0.0, 0.0, 0.0
    # Without its weighted mean, the window itself leaves no trace.
    faded = [
        (grey - float((grey * window).sum()) / total) * window
        for grey in (luma(reference), luma(picture))
    ]
    (dx, dy), response = cv2.phaseCorrelate(*faded)
    if not all(map(math.isfinite, (dx, dy, response))):
        return 0.0, 0.0, 0.0
    return float(dx), float(dy), float(response)


def move(picture: Pixels, dx: float, dy: float, *, snap: bool = True) -> tuple[Pixels, Region]:
    """The picture moved by (dx, dy) px, and where its new pixels come from inside it.

    Whole-pixel moves copy; others interpolate (cubic). With `snap`, a move within .05 px of a
    whole one is made a whole one.
    """
    import cv2

    height, width = picture.shape[:2]
    near = 0.05 if snap else 1e-6
    whole = abs(dx - round(dx)) < near and abs(dy - round(dy)) < near
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


def _refined(
    reference: Pixels, picture: Pixels, region: Region | None, start: tuple[float, float]
) -> tuple[float, float]:
    """A shift that least squares on the luma's gradient agree with (Lucas and Kanade 1981).

    The correlation peak is right to about a third of a pixel, this to a few hundredths. It gives
    the start back where it wanders off: then the difference is not a shift.
    """
    import cv2

    def soft(pixels: Pixels) -> NDArray[np.float32]:
        blurred: NDArray[np.float32] = cv2.GaussianBlur(luma(pixels), (0, 0), 1.0)
        return blurred

    dx, dy = start
    goal = soft(reference)
    for _ in range(REFINEMENTS):
        back, covered = move(picture, -dx, -dy, snap=False)
        here = covered if region is None else covered & region
        current = soft(back)
        slope_y, slope_x = (g[here] for g in np.gradient(current))
        left = (current - goal)[here]
        matrix = np.array(
            [[slope_x @ slope_x, slope_x @ slope_y], [slope_x @ slope_y, slope_y @ slope_y]],
            np.float64,
        )
        if np.linalg.cond(matrix) > 1e6:  # flat, or edges in one direction only
            return start
        # current(p) = goal(p - d), so goal - current = -gradient * d.
        step = np.linalg.solve(matrix, np.array([slope_x @ left, slope_y @ left], np.float64))
        dx, dy = dx - float(step[0]), dy - float(step[1])
        if math.hypot(dx - start[0], dy - start[1]) > 2.0:
            return start
    return dx, dy


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
        shifts are found exactly, others to a few hundredths of a pixel.

    >>> rng = np.random.default_rng(0)
    >>> a = rng.integers(0, 256, (64, 64, 3), np.uint8)
    >>> found = align(a, np.roll(a, (0, 3), (0, 1)))
    >>> round(found.dx), round(found.dy), found.psnr_aligned
    (3, 0, 100.0)
    """
    raw = psnr(reference, picture, region)
    if raw is None or min(reference.shape[:2]) < MIN_SIDE:
        return None
    unmoved = Alignment(dx=0.0, dy=0.0, response=1.0, psnr_raw=raw, psnr_aligned=raw)
    if raw >= PSNR_CAP:
        return unmoved
    dx, dy, response = phase_shift(reference, picture, region)
    unmoved = replace(unmoved, response=response)
    if response < MIN_RESPONSE or math.hypot(dx, dy) < 0.05:
        return unmoved
    dx, dy = _refined(reference, picture, region, (dx, dy))
    best = unmoved
    for x, y in {(float(round(dx)), float(round(dy))), (dx, dy)}:
        back, covered = move(picture, -x, -y)
        common = covered if region is None else covered & region
        before, after = psnr(reference, picture, common), psnr(reference, back, common)
        if before is None or after is None or after < before + MIN_GAIN_DB:
            continue
        if after > best.psnr_aligned:
            best = replace(best, dx=x, dy=y, psnr_aligned=after)
    return best


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
