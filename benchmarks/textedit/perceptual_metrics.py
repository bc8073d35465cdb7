"""The TextEdit metric on LPIPS: whole picture, outside the edit, inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from benchmarks.textedit.pictures import NotApplicable, Pictures, edit_region, load_pictures
from evals.core.errors import ImageError
from evals.core.protocols import make_score, no_score
from evals.core.types import Absence, Item, Quantity, Score, fingerprint
from metrics.fidelity import Pixels
from metrics.masks import EditRegion
from metrics.ocr import OcrReader
from metrics.perceptual import MIN_SIDE, Backbone, Lpips, load, region_mean

CODE = 1
"""Raised whenever a value of these metrics would change; part of every fingerprint."""

MAX_BATCH_PIXELS = 8_000_000
"""LPIPS takes about 250 bytes per pixel of a batch, so a batch is cut at this many."""

LPIPS = (
    Quantity(
        name="lpips_background", range=(0.0, 1.0), direction="lower", worst=1.0, label="LPIPS bg",
        doc="LPIPS outside the edit against the original; the slot is taken from the original "
        "first, so that the edit itself costs nothing. Values above 1 count as 1.",
    ),
    Quantity(
        name="lpips_whole", range=(0.0, 1.0), direction="lower", worst=1.0, label="LPIPS",
        doc="LPIPS of the whole picture against the ground truth.",
    ),
    Quantity(
        name="lpips_slot", range=(0.0, 1.0), direction="lower", worst=1.0, label="LPIPS slot",
        doc="LPIPS inside the edit against the ground truth.",
    ),
    Quantity(
        name="lpips_slot_gain", range=(-1.0, 1.0), direction="higher", worst=-1.0,
        doc="How far LPIPS in the slot went from the untouched original (0) to the ground truth "
        "(1); cut at -1.", label="LPIPS slot gain",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prepared:
    item: Item
    pictures: Pictures
    truth: Pixels
    region: EditRegion

    @property
    def kept_slot(self) -> Pixels:
        """The output with the original's slot: differs from the original in the background only.

        The network sees far, so without this an edit would reach into the background's distances.
        """
        inside = self.region.mask[..., None]
        return np.where(inside, self.pictures.original, self.pictures.output)


@dataclass(frozen=True, kw_only=True)
class PerceptualDistance:
    """LPIPS against ground truth and original, whole, outside and inside the edit.

    Attributes:
        reader: for the source text's box, where the data gives no mask.
        backbone: network and weights.
        device: torch device.
    """

    reader: OcrReader
    backbone: Backbone
    device: str = "cpu"
    name: str = "lpips"
    quantities: tuple[Quantity, ...] = field(default=LPIPS, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 8

    def fingerprint(self) -> str:
        """See `Metric`."""
        ocr = self.reader.identity() if self.reader.absence() is None else "absent"
        return fingerprint(
            {"metric": self.name, "code": CODE, "ocr": ocr, "lpips": self.backbone.identity()}
        )

    def absence(self) -> Absence | None:
        """See `Metric`; looks at files only."""
        return self.backbone.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`; pictures of one size go through the network together."""
        model = load(self.backbone, self.device)
        done: dict[int, Score] = {}
        groups: dict[tuple[int, int], list[tuple[int, _Prepared]]] = {}
        for index, item in enumerate(items):
            try:
                prepared = self._prepare(item)
            except NotApplicable as reason:
                done[index] = no_score(self, item, "not_applicable", str(reason))
            except ImageError as error:
                done[index] = no_score(self, item, "failed", f"{error.kind}: {error}")
            else:
                groups.setdefault(prepared.pictures.size, []).append((index, prepared))
        for (width, height), group in groups.items():
            for chunk in _chunks(group, max(1, MAX_BATCH_PIXELS // (width * height))):
                distances = _distances(model, [p for _, p in chunk], (height, width))
                for (index, prepared), parts in zip(chunk, distances, strict=True):
                    done[index] = self._made(prepared, parts)
        return [done[index] for index in range(len(items))]

    def _prepare(self, item: Item) -> _Prepared:
        pictures = load_pictures(item)
        if pictures.truth is None:
            raise NotApplicable("the sample has no ground truth")
        if min(pictures.size) < MIN_SIDE:
            raise NotApplicable(f"the picture is smaller than the {MIN_SIDE} px LPIPS needs")
        region = edit_region(item, pictures, self.reader)
        return _Prepared(item=item, pictures=pictures, truth=pictures.truth, region=region)

    def _made(self, prepared: _Prepared, parts: Mapping[str, float | None]) -> Score:
        notes = dict(prepared.pictures.notes)
        evidence: dict[str, Any] = {"mask": prepared.region.origin, "net": self.backbone.net}
        if prepared.region.note:
            notes["mask"] = prepared.region.note
        if self.backbone.unverified:
            evidence["weights"] = "unverified"
            notes["weights"] = "weights of a test: these values are comparable with nothing"
        clean: dict[str, float | None] = {}
        for name, value in parts.items():
            clean[name] = value
            if value is None:
                equal = "original and ground truth are equal in the slot"
                notes[name] = equal if name == "lpips_slot_gain" else "the region is empty"
            elif name != "lpips_slot_gain" and value > 1.0:
                clean[name], notes[name] = 1.0, f"{value:.3f}, counted as 1"
        return make_score(self, prepared.item, clean, notes=notes, evidence=evidence)


def _chunks(
    values: Sequence[tuple[int, _Prepared]], size: int
) -> Iterator[Sequence[tuple[int, _Prepared]]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _distances(
    model: Lpips, batch: Sequence[_Prepared], size: tuple[int, int]
) -> list[dict[str, float | None]]:
    """The quantities of `LPIPS` for pictures of one (height, width): four forwards per picture."""
    truth = model.features([p.truth for p in batch])
    original = model.features([p.pictures.original for p in batch])
    whole, near = model.compare(model.features([p.pictures.output for p in batch]), truth, size)
    _, before = model.compare(original, truth, size)
    _, outside = model.compare(model.features([p.kept_slot for p in batch]), original, size)
    results: list[dict[str, float | None]] = []
    for index, prepared in enumerate(batch):
        mask = prepared.region.mask
        slot, untouched = region_mean(near[index], mask), region_mean(before[index], mask)
        slot_gain = None
        if slot is not None and untouched is not None and untouched > 1e-3:
            slot_gain = max(-1.0, 1.0 - slot / untouched)
        results.append(
            {
                "lpips_background": region_mean(outside[index], ~mask),
                "lpips_whole": float(whole[index]),
                "lpips_slot": slot,
                "lpips_slot_gain": slot_gain,
            }
        )
    return results
