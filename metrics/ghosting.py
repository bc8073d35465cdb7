"""What is left of the old text at the places where the new one covers nothing: ghosting.

A faint ghost costs next to nothing in PSNR and SSIM, and OCR does not read it. But it has the old
text's edges, at the old text's places, so that is what is looked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.fidelity import Pixels, Region, check_pair
from metrics.masks import bounding_box

Gradient = NDArray[np.float32]

SIGMA = 1.0
"""Smoothing before the gradient, px: what is finer is noise, or a picture resampled."""

REACH = 1
"""An edge of the ground truth this near, px, takes a pixel out: there the new text may stand."""

DOMINANCE = 2.0
"""The old edge must be this many times as strong as the strongest of the ground truth by it."""

MIN_GRADIENT = 4.0
"""Weaker edges are texture and encoding noise; levels of 255 per px, L2 over the channels."""

MIN_EDGES = 16
"""Fewer pixels of old edges than this are too few to tell a ghost by."""


def ghosting(output: Pixels, original: Pixels, truth: Pixels, region: Region) -> float | None:
    """How strong the old text still is inside the slot.

    Over the edges that the original has and the ground truth has not (outside the new text's ink,
    therefore), the gradient of ``output - truth`` is projected on that of ``original - truth``:
    ``sum(<d_output, d_original>) / sum(|d_original|**2)``. That is the least-squares estimate of
    the opacity with which the old text shines through. Noise, another ground and other new text
    have edges that do not agree with the old ones, and hardly count. Old text that was moved by
    more than a stroke is not seen, nor is what the new text covers.

    Args:
        output: (height, width, 3) uint8, the edited picture.
        original: same shape, with the old text.
        truth: same shape, with the new text.
        region: (height, width) bool, the slot; nothing outside it matters.

    Returns:
        A value in [0, 1], lower is better: 0 for the ground truth, 1 for the untouched original,
        .07 for a ghost of 7 % opacity. None where no edge of the old text stands clear of the
        ground truth's, or the slot is empty.

    >>> ground = np.full((40, 60, 3), 200, np.uint8)
    >>> old, new = ground.copy(), ground.copy()
    >>> old[10:30, 8:16], new[10:30, 40:48] = 20, 20
    >>> ghost = new.copy()
    >>> ghost[10:30, 8:16] = 182  # a tenth of the old text
    >>> slot = np.ones((40, 60), bool)
    >>> [round(ghosting(p, old, new, slot), 3) for p in (new, ghost, old)]
    [0.0, 0.1, 1.0]
    """
    check_pair(output, original, region)
    check_pair(truth, original)
    box = bounding_box(region)
    if box is None:
        return None
    crop = np.s_[box[1] : box[3], box[0] : box[2]]
    inside = region[crop]
    wanted = truth[crop].astype(np.float32)
    old = _gradient(np.where(inside[..., None], original[crop] - wanted, np.float32(0)))
    edges = inside & _vanished(old, _gradient(wanted))
    if int(np.count_nonzero(edges)) < MIN_EDGES:
        return None
    left = _gradient(np.where(inside[..., None], output[crop] - wanted, np.float32(0)))
    there = old[:, edges].astype(np.float64)
    share = float((left[:, edges] * there).sum() / (there * there).sum())
    return min(1.0, max(0.0, share))


def _gradient(values: NDArray[np.float32]) -> Gradient:
    """Gradient of the smoothed values, per px: (2, height, width, channels)."""
    import cv2

    smooth = cv2.GaussianBlur(values, (0, 0), SIGMA, borderType=cv2.BORDER_REPLICATE)
    both = [
        cv2.Scharr(smooth, cv2.CV_32F, dx, dy, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        for dx, dy in ((1, 0), (0, 1))
    ]
    return np.stack(both)


def _vanished(old: Gradient, truth: Gradient) -> Region:
    """Where the difference to the ground truth has an edge and the ground truth none around it.

    `old` is of the difference, so the original's own gradient is the sum of both.
    """
    import cv2

    size = 2 * REACH + 1
    strength = np.sqrt((truth**2).sum(axis=(0, 3)))
    around = cv2.dilate(strength, np.ones((size, size), np.uint8))
    whole = np.sqrt(((old + truth) ** 2).sum(axis=(0, 3)))
    return np.asarray((whole > MIN_GRADIENT) & (whole > DOMINANCE * around), np.bool_)
