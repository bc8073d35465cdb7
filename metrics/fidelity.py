"""How close two pictures are, pixel by pixel, over a region: PSNR, SSIM, share of changed pixels.

Pure functions on 8-bit RGB arrays of shape (height, width, 3), with an optional boolean region of
shape (height, width). Each returns None where the region holds nothing that could be measured,
never a number made up for it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Region = NDArray[np.bool_]
SsimMap = NDArray[np.float64]

PSNR_CAP = 100.0
"""PSNR of equal regions is infinite; anything above this is reported as this, in dB."""

CHANGED_LEVELS = 25
"""A pixel counts as changed when one of its channels moved by more than this, of 255."""

SSIM_SIGMA = 1.5
SSIM_RADIUS = 5
"""Wang et al. 2004 use an 11x11 Gaussian window with standard deviation 1.5."""


def check_pair(one: Pixels, other: Pixels, region: Region | None = None) -> None:
    """Refuse what cannot be compared.

    Raises:
        ValueError: not two (height, width, 3) uint8 arrays of one shape, or a region of another
            size or type.
    """
    for array in (one, other):
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
            raise ValueError(
                f"pixels must be (height, width, 3) uint8, not {array.shape} {array.dtype}"
            )
    if one.shape != other.shape:
        raise ValueError(f"pictures differ in size: {one.shape[:2]} and {other.shape[:2]}")
    if region is not None and (region.shape != one.shape[:2] or region.dtype != np.bool_):
        raise ValueError(f"region must be {one.shape[:2]} bool, not {region.shape} {region.dtype}")


def psnr(one: Pixels, other: Pixels, region: Region | None = None) -> float | None:
    """Peak signal-to-noise ratio over a region, all three channels together.

    ``10 log10(255**2 / MSE)``, with the mean over pixels and channels.

    Args:
        one: (height, width, 3) uint8.
        other: same shape.
        region: (height, width) bool, True where pixels count; everything by default.

    Returns:
        dB in [0, 100], higher is better; values above 100, and equal regions, give 100. None for
        an empty region.

    >>> a = np.zeros((4, 4, 3), np.uint8)
    >>> psnr(a, a), psnr(a, a + 255)
    (100.0, 0.0)
    >>> round(psnr(a, a + 16), 2)  # 20 log10(255 / 16)
    24.05
    """
    check_pair(one, other, region)
    squares = _squared_errors(one, other)
    if region is None:
        count, total = squares.size, int(squares.sum())
    else:
        count = int(np.count_nonzero(region))
        total = int(squares.sum(where=region))
    if count == 0:
        return None
    if total == 0:
        return PSNR_CAP
    return min(PSNR_CAP, 10.0 * math.log10(255.0**2 * 3 * count / total))


def _squared_errors(one: Pixels, other: Pixels) -> NDArray[np.int64]:
    """Squared error per pixel, summed over the channels: (height, width), at most 3 * 255**2."""
    difference = one.astype(np.int32) - other
    squares: NDArray[np.int64] = np.einsum("ijk,ijk->ij", difference, difference).astype(np.int64)
    return squares


def changed_share(one: Pixels, other: Pixels, region: Region | None = None) -> float | None:
    """Share of a region's pixels of which some channel differs by more than 25 of 255.

    Returns:
        A share in [0, 1], lower is better where nothing should change; None for an empty region.

    >>> a = np.zeros((2, 2, 3), np.uint8)
    >>> b = a.copy()
    >>> b[0, 0, 2], b[0, 1, 2] = 26, 25
    >>> changed_share(a, b)
    0.25
    """
    check_pair(one, other, region)
    moved = (np.maximum(one, other) - np.minimum(one, other) > CHANGED_LEVELS).any(axis=2)
    if region is None:
        return float(moved.mean())
    count = int(np.count_nonzero(region))
    return int(np.count_nonzero(moved & region)) / count if count else None


def luma(pixels: Pixels) -> NDArray[np.float32]:
    """ITU-R BT.601 luma in [0, 255], (height, width) float32."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    grey: NDArray[np.float32] = pixels.astype(np.float32) @ weights
    return grey


def ssim_map(one: Pixels, other: Pixels) -> SsimMap | None:
    """Structural similarity at every pixel, as in Wang et al. 2004.

    On luma (as the paper does, and four times faster than on three channels; colour is what PSNR
    and `changed_share` see), Gaussian window 11x11 with sigma 1.5, K1 = .01, K2 = .03, population
    covariance. Equal to scikit-image's `structural_similarity` with `gaussian_weights=True`,
    `sigma=1.5` and `use_sample_covariance=False`, in a third of its time.

    Returns:
        (height, width) float64 in [-1, 1]; None where a side is shorter than the window's 11 px.
        Values nearer than 5 px to the picture's edge come from a mirrored border; `ssim` leaves
        them out, as the reference implementation does.

    Source: Z. Wang et al., Image quality assessment: from error visibility to structural
    similarity, IEEE TIP 13(4), 2004.
    """
    import cv2

    check_pair(one, other)
    if min(one.shape[:2]) < 2 * SSIM_RADIUS + 1:
        return None
    window = (2 * SSIM_RADIUS + 1, 2 * SSIM_RADIUS + 1)

    def local(values: SsimMap) -> SsimMap:
        blurred: SsimMap = cv2.GaussianBlur(
            values, window, SSIM_SIGMA, borderType=cv2.BORDER_REFLECT
        )
        return blurred

    x, y = luma(one).astype(np.float64), luma(other).astype(np.float64)
    mean_x, mean_y = local(x), local(y)
    squares, product = mean_x**2 + mean_y**2, mean_x * mean_y
    # Only the sum of the two variances is needed, so one blur does for both.
    variances, covariance = local(x * x + y * y) - squares, local(x * y) - product
    c1, c2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
    values: SsimMap = (2 * product + c1) * (2 * covariance + c2)
    values /= (squares + c1) * (variances + c2)
    return values


def inner(region: Region, radius: int = SSIM_RADIUS) -> Region:
    """The pixels of a region whose window of ``2 radius + 1`` px lies wholly inside it.

    Pixels outside the picture count as outside the region. This is what keeps a change on one
    side of the region's border from moving the SSIM of the other side.

    >>> int(inner(np.ones((12, 11), bool)).sum())
    2
    """
    import cv2

    size = 2 * radius + 1
    kept = cv2.erode(
        region.astype(np.uint8),
        np.ones((size, size), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(kept, dtype=np.bool_)


def mean_ssim(values: SsimMap | None, region: Region | None = None) -> float | None:
    """Mean of an SSIM map over the pixels whose window lies wholly in the region.

    Returns:
        A value in [-1, 1], higher is better, 1 for equal regions; None where no window fits into
        the region.
    """
    if values is None:
        return None
    whole = np.ones(values.shape, np.bool_) if region is None else region
    kept = inner(whole)
    count = int(np.count_nonzero(kept))
    return float(values.sum(where=kept)) / count if count else None


def ssim(one: Pixels, other: Pixels, region: Region | None = None) -> float | None:
    """`mean_ssim` of the `ssim_map` of two pictures.

    >>> rng = np.random.default_rng(0)
    >>> a = rng.integers(0, 256, (32, 32, 3), np.uint8)
    >>> ssim(a, a), ssim(a, 255 - a) < 0
    (1.0, True)
    """
    check_pair(one, other, region)
    return mean_ssim(ssim_map(one, other), region)


def gain(value: float | None, before: float | None) -> float | None:
    """How much of the way from the unedited picture to the ground truth an edit went.

    Args:
        value: similarity of the edit to the ground truth, 1 for equal.
        before: similarity of the unedited picture to the ground truth.

    Returns:
        ``(value - before) / (1 - before)``: 1 as good as the ground truth, 0 as good as doing
        nothing, cut at -1. None where a similarity is missing or the unedited picture is within
        .01 of the ground truth already.

    >>> gain(0.9, 0.5), gain(0.5, 0.5), gain(0.0, 0.9), gain(1.0, 0.995)
    (0.8, 0.0, -1.0, None)
    """
    if value is None or before is None or 1.0 - before < 0.01:
        return None
    return max(-1.0, (value - before) / (1.0 - before))
