"""The quantities of the heuristic judge that are counted in pixels, outside the edit and inside it.

Pure functions over decoded pictures, put together from the metrics of this project. What is new
here is the ground between the letters: its noise, edges and tone against the ground truth's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.textedit.pictures import Pictures
from metrics.fidelity import (
    SSIM_RADIUS,
    Pixels,
    Region,
    SsimMap,
    changed_share,
    inner,
    luma,
    mean_ssim,
    psnr,
    ssim,
    ssim_map,
)
from metrics.ghosting import ghosting
from metrics.masks import EditRegion, bounding_box
from metrics.registration import align, aspect_error, move
from metrics.style import Ink, compare_style, find_ink

NEAR = 3
"""Pixels around ink that belong to neither ink nor ground."""
MIN_GROUND = 50
"""Fewer pixels of ground than this say nothing about it."""
UNTOUCHED_SLOT = -0.5
"""A slot with no more `progress` than this is the original's."""

OUTSIDE = ("psnr_outside", "ssim_outside", "changed_outside", "sharpness_outside", "shift",
           "aspect_error")  # fmt: skip
SLOT = ("progress", "remains", "slot_noise", "slot_edges", "slot_tone", "slot_sharpness")
STYLE = ("new_text", "colour", "height_ratio", "stroke_ratio", "angle", "vertical_shift")


class Sheet:
    """A `Measured` while it is being filled."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.absent: dict[str, str] = {}
        self.said: dict[str, str] = {}

    def put(self, why: str = "", /, **values: float | None) -> None:
        """Note quantities; `why` is the reason of those that are None."""
        for name, value in values.items():
            if value is None:
                self.absent[name] = why
            else:
                self.values[name] = float(value)

    def skip(self, names: Sequence[str], why: str) -> None:
        """Note why quantities are absent."""
        self.absent.update(dict.fromkeys(names, why))


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """The pictures once a shift of the whole output is undone.

    Attributes:
        output: (height, width, 3) uint8, moved back.
        slot: (height, width) bool: where the edit may be, as far as the output covers it.
        outside: the rest, as far as the output covers it.
        same: SSIM with the original; None for tiny pictures.
        moved: (dx, dy) px that were undone.
    """

    original: Pixels
    truth: Pixels | None
    output: Pixels
    slot: Region
    outside: Region
    same: SsimMap | None
    moved: tuple[float, float]


def find_place(pictures: Pictures, region: EditRegion) -> Place:
    """The pictures and where to look at what."""
    original, output = pictures.original, pictures.output
    found = align(original, output, region.background)
    covered = np.ones(region.mask.shape, np.bool_)
    dx, dy = (found.dx, found.dy) if found is not None else (0.0, 0.0)
    if dx or dy:
        output, covered = move(output, -dx, -dy)
    return Place(
        original=original,
        truth=pictures.truth,
        output=output,
        slot=region.mask & covered,
        outside=region.background & covered,
        same=ssim_map(original, output),
        moved=(dx, dy),
    )


# --- outside the edit --------------------------------------------------------------------------


def measure_outside(sheet: Sheet, pictures: Pictures, place: Place, where: Region) -> None:
    """What happened to the background."""
    if not where.any():
        sheet.skip(OUTSIDE, "nothing of the picture is outside the edit")
        return
    original, output = place.original, place.output
    core = inner(where, 2)
    sharpness = None
    if core.any():
        before, after = (float(_slopes(p)[core].mean()) for p in (original, output))
        sharpness = _share(before, after, 0.3)
    sheet.put(
        "the background is smaller than what this looks at",
        psnr_outside=psnr(original, output, where),
        ssim_outside=mean_ssim(place.same, where),
        changed_outside=changed_share(original, output, where),
        sharpness_outside=sharpness,
        shift=float(np.hypot(*place.moved) / np.hypot(*where.shape)),
        aspect_error=aspect_error(pictures.output_size, pictures.size),
    )


def _share(one: float, other: float, floor: float) -> float:
    """Smaller over larger, in (0, 1]; with `floor` added to both, 0 and nearly 0 are alike."""
    low, high = sorted((one + floor, other + floor))
    return low / high


def _slopes(pixels: Pixels) -> NDArray[np.float32]:
    """Length of the luma's gradient, levels per px."""
    import cv2

    grey = luma(pixels)
    x, y = (cv2.Sobel(grey, cv2.CV_32F, 1 - n, n, scale=1 / 8) for n in (0, 1))
    return np.asarray(np.hypot(x, y), np.float32)


def _speckle(pixels: Pixels) -> NDArray[np.float32]:
    """Absolute response to a kernel that is blind to slopes, scaled to unit noise gain, levels.

    Source: J. Immerkaer, Fast noise variance estimation, CVIU 64(2), 1996.
    """
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    return np.asarray(np.abs(cv2.filter2D(luma(pixels), cv2.CV_32F, kernel)), np.float32)


# --- the slot ---------------------------------------------------------------------------------


def measure_slot(sheet: Sheet, place: Place, truth: Pixels) -> None:
    """The place of the edit against the ground truth's: what shows, how clean, in which style."""
    import cv2

    box = bounding_box(place.slot)
    assert box is not None  # the caller has looked
    crop = np.s_[
        max(0, box[1] - SSIM_RADIUS) : box[3] + SSIM_RADIUS,
        max(0, box[0] - SSIM_RADIUS) : box[2] + SSIM_RADIUS,
    ]
    slot = place.slot[crop]
    before, wanted, given = place.original[crop], truth[crop], place.output[crop]
    like = [ssim(a, b, slot) for a, b in ((wanted, given), (before, given), (before, wanted))]
    sheet.put("original and ground truth are alike in the slot", progress=_progress(*like))
    # Smoothed, so that noise does not count as ink.
    inks = [find_ink(cv2.GaussianBlur(p, (0, 0), 1.0), slot) for p in (given, wanted)]
    if _untouched(sheet):
        sheet.skip(("remains",), "the slot is as it was")
    else:
        sheet.put(
            "no edge of the old text stands clear of the new one",
            remains=ghosting(given, before, wanted, _ground(slot, inks, 1)),
        )
    _cleanliness(sheet, given, wanted, _ground(slot, inks, NEAR))
    _noise(sheet, given, wanted, _ground(slot, inks[1:], NEAR))
    crisp = [_crispness(p, slot) for p in (given, wanted)]
    sheet.put(
        "no text stands out in the slot",
        slot_sharpness=min(1.0, crisp[0] / crisp[1]) if inks[0] is not None else None,
    )
    _style(sheet, inks[0], inks[1])


def _progress(
    to_truth: float | None, to_original: float | None, base: float | None
) -> float | None:
    """1 for a slot like the ground truth's, -1 for an untouched one, near 0 for neither."""
    if to_truth is None or to_original is None or base is None or 1.0 - base < 0.01:
        return None
    return max(-1.0, min(1.0, (to_truth - to_original) / (1.0 - base)))


def _untouched(sheet: Sheet) -> bool:
    """Whether the slot is the original's; what stands in it is then no remainder of anything."""
    return sheet.values.get("progress", 0.0) <= UNTOUCHED_SLOT


def _ground(slot: Region, inks: Sequence[Ink | None], reach: int) -> Region:
    """The slot without the inks and `reach` px around them."""
    import cv2

    box = bounding_box(slot)
    free = slot.copy()
    if box is None:
        return free
    size = 2 * reach + 1
    for ink in inks:
        if ink is not None:
            taken = np.zeros(slot.shape, np.uint8)
            taken[box[1] : box[3], box[0] : box[2]] = ink.mask
            free &= cv2.dilate(taken, np.ones((size, size), np.uint8)) == 0
    return free


def _crispness(pixels: Pixels, slot: Region) -> float:
    """Fine detail per strength of edges, which does not depend on how much is written."""
    fine, edges = float(_speckle(pixels)[slot].mean()), float(_slopes(pixels)[slot].mean())
    return (fine + 0.1) / (edges + 0.5)


def _cleanliness(sheet: Sheet, given: Pixels, wanted: Pixels, ground: Region) -> None:
    """Edges and tone of the ground between the letters."""
    if int(np.count_nonzero(ground)) < MIN_GROUND:
        sheet.skip(("slot_edges", "slot_tone"), "too little ground stands clear of the letters")
        return
    edges = [float(_slopes(p)[ground].mean()) for p in (given, wanted)]
    tones = given[ground].mean(axis=0) - wanted[ground].mean(axis=0)
    sheet.put(
        slot_edges=1.0 / _share(edges[0], edges[1], 1.0), slot_tone=float(np.abs(tones).max())
    )


def _noise(sheet: Sheet, given: Pixels, wanted: Pixels, ground: Region) -> None:
    """Noise of the ground around the ground truth's letters; the median passes over strokes."""
    if int(np.count_nonzero(ground)) < MIN_GROUND:
        sheet.skip(("slot_noise",), "too little ground stands clear of the letters")
        return
    noise = [float(np.median(_speckle(p)[ground])) / 0.6745 for p in (given, wanted)]
    sheet.put(slot_noise=max(0.0, noise[0] - noise[1]))


def _style(sheet: Sheet, ink: Ink | None, truth: Ink | None) -> None:
    """Look of the new text against the ground truth's."""
    untouched = _untouched(sheet)
    if truth is None:
        sheet.skip(STYLE, "no text stands out in the ground truth's slot")
    elif ink is None or untouched:
        sheet.put(new_text=0.0)
        why = "the slot is as it was" if untouched else "no text stands out in the slot"
        sheet.said["new_text"] = why
        sheet.skip(STYLE[1:], why)
    else:
        found = compare_style(ink, truth)
        sheet.put(
            new_text=1.0,
            colour=found.colour,
            height_ratio=found.height_ratio,
            stroke_ratio=found.stroke_ratio,
            angle=found.angle,
            vertical_shift=found.vertical_shift,
        )
