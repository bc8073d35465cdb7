"""The pixel metrics of TextEdit: what happened outside the edit, inside it, and to its style.

No released metric looks at the ground truth or at any pixel outside text, so these stand beside
the official numbers, never in place of one. Background is the complement of the edit region, slot
is the region; see `metrics.masks` for where it comes from.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.textedit.clip_metrics import Aesthetic, AestheticOfficial, Clip
from benchmarks.textedit.perceptual_metrics import PerceptualDistance
from benchmarks.textedit.pictures import (
    NotApplicable,
    Pictures,
    edit_region,
    guarded,
    load_pictures,
)
from evals.core.protocols import Metric, ScoringSettings, make_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, canonical_json, fingerprint
from metrics.clip import TowerSpec
from metrics.fidelity import (
    CHANGED_LEVELS,
    PSNR_CAP,
    SSIM_RADIUS,
    Pixels,
    changed_share,
    gain,
    mean_ssim,
    psnr,
    ssim,
    ssim_map,
)
from metrics.ghosting import ghosting
from metrics.masks import EditRegion, bounding_box
from metrics.ocr import OcrReader
from metrics.perceptual import Backbone
from metrics.registration import align, aspect_error
from metrics.style import MAX_DIFFERENCE, compare_style, find_ink

CODE = 2
"""Raised whenever a value of these metrics would change; part of every fingerprint."""

INFINITE = math.inf

FIDELITY = (
    Quantity(
        name="psnr_background", range=(0.0, PSNR_CAP), direction="higher", unit="dB", worst=0.0,
        doc="PSNR outside the edit against the original; equal pictures get 100.",
        label="PSNR bg",
    ),
    Quantity(
        name="ssim_background", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="SSIM (luma) outside the edit against the original; negative means count as 0.",
        label="SSIM bg",
    ),
    Quantity(
        name="changed_background", range=(0.0, 1.0), direction="lower", worst=1.0,
        doc=f"Share of pixels outside the edit that moved by more than {CHANGED_LEVELS} of 255.",
        label="changed bg",
    ),
    Quantity(
        name="psnr_background_gt", range=(0.0, PSNR_CAP), direction="higher", unit="dB", worst=0.0,
        doc="PSNR outside the edit against the ground truth.", label="PSNR bg/GT",
    ),
    Quantity(
        name="ssim_background_gt", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="SSIM outside the edit against the ground truth.", label="SSIM bg/GT",
    ),
    Quantity(
        name="psnr_background_aligned", range=(0.0, PSNR_CAP), direction="higher", unit="dB",
        worst=0.0, label="PSNR bg aligned",
        doc="PSNR outside the edit once a shift of the whole picture is undone.",
    ),
    Quantity(
        name="psnr_slot", range=(0.0, PSNR_CAP), direction="higher", unit="dB", worst=0.0,
        doc="PSNR inside the edit against the ground truth.", label="PSNR slot",
    ),
    Quantity(
        name="ssim_slot", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="SSIM inside the edit against the ground truth.", label="SSIM slot",
    ),
    Quantity(
        name="ssim_slot_gain", range=(-1.0, 1.0), direction="higher", worst=-1.0,
        doc="How far SSIM in the slot went from the untouched original (0) to the ground truth "
        "(1); cut at -1.", label="SSIM slot gain",
    ),
    Quantity(
        name="ghosting", range=(0.0, 1.0), direction="lower", worst=1.0, label="ghost",
        doc="Opacity with which the old text shows through inside the edit, by its edges that the "
        "ground truth has not; the ground truth gets 0, the untouched original 1.",
    ),
    Quantity(
        name="ssim_whole", range=(0.0, 1.0), direction="higher", worst=0.0,
        doc="SSIM of the whole picture against the ground truth.", label="SSIM",
    ),
    Quantity(
        name="shift", range=(0.0, INFINITE), direction="lower", unit="px",
        doc="Length of the shift of the whole picture against the original; 0 when no shift "
        "explains the difference.", label="shift",
    ),
    Quantity(
        name="aspect_error", range=(0.0, INFINITE), direction="lower",
        doc="How far the output's aspect ratio is from the original's; .1 is 10 %.",
        label="aspect",
    ),
)  # fmt: skip

STYLE = (
    Quantity(
        name="colour_difference", range=(0.0, MAX_DIFFERENCE), direction="lower",
        worst=MAX_DIFFERENCE, label="text colour",
        doc="CIEDE2000 between the text colours of the output and of the ground truth.",
    ),
    Quantity(
        name="height_ratio", range=(0.0, 1.0), direction="higher", worst=0.0, label="text height",
        doc="Smaller text height over larger, output against ground truth.",
    ),
    Quantity(
        name="angle_difference", range=(0.0, 45.0), direction="lower", unit="deg", worst=45.0,
        doc="Angle between the text lines of output and ground truth.", label="text angle",
    ),
    Quantity(
        name="stroke_ratio", range=(0.0, 1.0), direction="higher", worst=0.0, label="stroke",
        doc="Smaller stroke width over larger, output against ground truth.",
    ),
    Quantity(
        name="vertical_shift", range=(0.0, 1.0), direction="lower", worst=1.0, label="text shift",
        doc="How far the text stands above or below the ground truth's, as a share of its height; "
        "more than 1 counts as 1.",
    ),
)  # fmt: skip


def _reader_identity(reader: OcrReader) -> JSON:
    """What the derived masks depend on; the word ``absent`` where the engine is."""
    return reader.identity() if reader.absence() is None else "absent"


@functools.lru_cache(maxsize=16)
def _fingerprint(name: str, reader: str) -> str:
    return fingerprint({"metric": name, "code": CODE, "ocr": json.loads(reader)})


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """PSNR, SSIM and friends, outside the edit and inside it.

    Attributes:
        reader: for the source text's box, where the data gives no mask.
    """

    reader: OcrReader
    name: str = "fidelity"
    quantities: tuple[Quantity, ...] = field(default=FIDELITY, repr=False)
    parallel: Literal["process", "driver"] = "process"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """See `Metric`."""
        return _fingerprint(self.name, canonical_json(_reader_identity(self.reader)))

    def absence(self) -> Absence | None:
        """Always None: without OCR the mask comes from the data or the ground truth."""
        return None

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`; one sample's pictures are in memory at a time."""
        return [guarded(self, item, self._one) for item in items]

    def _one(self, item: Item) -> Score:
        pictures = load_pictures(item)
        notes = dict(pictures.notes)
        evidence = pictures.evidence()
        parts: dict[str, float | None] = {q.name: None for q in self.quantities}
        parts["aspect_error"] = aspect_error(pictures.output_size, pictures.size)
        truth_map = None
        if pictures.truth is not None:
            truth_map = ssim_map(pictures.truth, pictures.output)
            parts["ssim_whole"] = _floor(mean_ssim(truth_map))
        try:
            region = edit_region(item, pictures, self.reader)
        except NotApplicable as reason:
            notes.update({n: str(reason) for n, v in parts.items() if v is None})
            return make_score(self, item, parts, notes=notes, evidence=evidence)
        evidence |= {"mask": region.origin, "mask_share": round(region.share, 4)}
        if region.note:
            notes["mask"] = region.note
        parts |= _background(pictures, region, evidence)
        if pictures.truth is not None:
            parts |= _against_truth(pictures, pictures.truth, truth_map, region)
        notes.update({n: _why(n, pictures, region) for n, v in parts.items() if v is None})
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def _floor(value: float | None) -> float | None:
    return None if value is None else max(0.0, value)


def _background(
    pictures: Pictures, region: EditRegion, evidence: dict[str, JSON]
) -> dict[str, float | None]:
    """The quantities that compare the background with the original's."""
    original, output, outside = pictures.original, pictures.output, region.background
    moved = align(original, output, outside)
    if moved is not None:
        evidence |= {
            "dx": round(moved.dx, 3),
            "dy": round(moved.dy, 3),
            "registration_response": round(moved.response, 3),
        }
    raw = moved.psnr_raw if moved is not None else psnr(original, output, outside)
    return {
        "psnr_background": raw,
        "ssim_background": _floor(mean_ssim(ssim_map(original, output), outside)),
        "changed_background": changed_share(original, output, outside),
        "psnr_background_aligned": moved.psnr_aligned if moved is not None else None,
        "shift": moved.distance if moved is not None else None,
    }


def _against_truth(
    pictures: Pictures, truth: Pixels, truth_map: np.ndarray | None, region: EditRegion
) -> dict[str, float | None]:
    """The quantities that compare background and slot with the ground truth's."""
    slot = mean_ssim(truth_map, region.mask)
    return {
        "psnr_background_gt": psnr(truth, pictures.output, region.background),
        "ssim_background_gt": _floor(mean_ssim(truth_map, region.background)),
        "psnr_slot": psnr(truth, pictures.output, region.mask),
        "ssim_slot": _floor(slot),
        "ssim_slot_gain": gain(slot, _untouched_slot(pictures.original, truth, region)),
        "ghosting": ghosting(pictures.output, pictures.original, truth, region.mask),
    }


def _untouched_slot(original: Pixels, truth: Pixels, region: EditRegion) -> float | None:
    """SSIM of the original's slot against the ground truth's, computed on a crop around it."""
    box = bounding_box(region.mask)
    if box is None:
        return None
    x0, y0 = max(0, box[0] - SSIM_RADIUS), max(0, box[1] - SSIM_RADIUS)
    crop = np.s_[y0 : box[3] + SSIM_RADIUS, x0 : box[2] + SSIM_RADIUS]
    return ssim(original[crop], truth[crop], region.mask[crop])


def _why(name: str, pictures: Pictures, region: EditRegion) -> str:
    """Why a quantity has no value although there is a region."""
    if pictures.truth is None and name not in {"psnr_background", "ssim_background"}:
        return "the sample has no ground truth"
    if name == "ssim_slot_gain":
        return "original and ground truth are equal in the slot, or it is smaller than the window"
    inside = "slot" in name or name == "ghosting"
    if (region.share == 0.0) if inside else (region.share == 1.0):
        return f"the {'slot' if inside else 'background'} is empty"
    if name == "ghosting":
        return "no edge of the old text stands clear of the ground truth's"
    return "the region or the picture is smaller than what this looks at"


@dataclass(frozen=True, kw_only=True)
class Style:
    """Colour, size, angle, stroke and place of the new text against the ground truth's.

    Blind to what the text says, on purpose: a copy of the original can have the right style.
    """

    reader: OcrReader
    name: str = "style"
    quantities: tuple[Quantity, ...] = field(default=STYLE, repr=False)
    parallel: Literal["process", "driver"] = "process"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """See `Metric`."""
        return _fingerprint(self.name, canonical_json(_reader_identity(self.reader)))

    def absence(self) -> Absence | None:
        """Always None, as for `Fidelity`."""
        return None

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        return [guarded(self, item, self._one) for item in items]

    def _one(self, item: Item) -> Score:
        pictures = load_pictures(item)
        if pictures.truth is None:
            raise NotApplicable("the sample has no ground truth")
        region = edit_region(item, pictures, self.reader)
        truth = find_ink(pictures.truth, region.mask)
        if truth is None:
            raise NotApplicable("no text stands out in the ground truth's slot")
        notes = dict(pictures.notes)
        if region.note:
            notes["mask"] = region.note
        evidence: dict[str, JSON] = {"mask": region.origin, "truth_colour": list(truth.colour)}
        output = find_ink(pictures.output, region.mask)
        if output is None:
            # The model left no text: that is its fault and not a reason to skip the sample.
            notes["colour_difference"] = "no text stands out in the output's slot: worst values"
            worst = {q.name: q.worst for q in self.quantities}
            return make_score(self, item, worst, notes=notes, evidence=evidence)
        found = compare_style(output, truth)
        parts: Mapping[str, float | None] = {
            "colour_difference": found.colour,
            "height_ratio": found.height_ratio,
            "angle_difference": found.angle,
            "stroke_ratio": found.stroke_ratio,
            "vertical_shift": found.vertical_shift,
        }
        evidence["output_colour"] = list(output.colour)
        return make_score(self, item, parts, notes=notes, evidence=evidence)


def metrics(settings: ScoringSettings, reader: OcrReader) -> tuple[Metric, ...]:
    """The pixel metrics for the user's settings; loads nothing.

    `settings.weights` may give ``clip`` (a checkpoint file or an open_clip folder) and
    ``lpips_alex`` (torchvision's AlexNet file).
    """
    given = {name: Path(path).expanduser() for name, path in settings.weights.items()}
    clip = TowerSpec(weights=given.get("clip"), cache=settings.cache)
    as_released = TowerSpec(
        model="ViT-L-14", quick_gelu=False, weights=given.get("clip"), cache=settings.cache
    )
    backbone = Backbone(path=given.get("lpips_alex"), cache=settings.cache)
    return (
        Fidelity(reader=reader),
        Style(reader=reader),
        PerceptualDistance(reader=reader, backbone=backbone, device=settings.device),
        Clip(tower=clip, reader=reader, device=settings.device),
        Aesthetic(tower=clip, device=settings.device),
        AestheticOfficial(tower=as_released, device=settings.device),
    )
