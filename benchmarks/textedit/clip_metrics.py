"""The TextEdit metrics on CLIP: its scores, and the aesthetic score.

They are separate metrics, because a user may want or lack one of them, but `clip` and `aes` ask
the same `metrics.clip_features.Features`, so a picture goes through the tower once for both. The
official aesthetic score needs another activation, hence a forward of its own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.textedit.official import clip_scores
from benchmarks.textedit.pictures import (
    NotApplicable,
    guarded,
    output_path,
    reference,
    slot_box,
)
from evals.core.errors import ImageError
from evals.core.protocols import make_score
from evals.core.types import Absence, Item, Quantity, Score, fingerprint
from metrics.aesthetic import aesthetic_score, head_sha256
from metrics.clip import TowerSpec, Vector, cosine, directional
from metrics.clip_features import Crop, Features, Picture
from metrics.fidelity import gain
from metrics.ocr import OcrReader

CODE = 2
"""Raised whenever a value of these metrics would change; part of every fingerprint."""

CLIP = (
    Quantity(
        name="CLIP", range=(0.0, 2.5), direction="higher", worst=0.0, profile="official",
        doc="CLIPScore of the output and the ground truth's caption, 2.5 max(cos, 0).",
        no_zero="the released script scores a black image here, which is not reproduced",
    ),
    Quantity(
        name="clip_image", range=(-1.0, 1.0), direction="higher", worst=0.0, label="CLIP-I",
        doc="Cosine of the image features of output and ground truth.",
    ),
    Quantity(
        name="clip_image_slot", range=(-1.0, 1.0), direction="higher", worst=0.0,
        doc="Cosine of the image features of the edit alone, cut out of output and ground truth.",
        label="CLIP-I slot",
    ),
    Quantity(
        name="clip_image_slot_gain", range=(-1.0, 1.0), direction="higher", worst=-1.0,
        doc="How far that went from the untouched original (0) to the ground truth (1); cut at -1.",
        label="CLIP-I slot gain",
    ),
    Quantity(
        name="clip_directional", range=(-1.0, 1.0), direction="higher", worst=-1.0,
        doc="Cosine of the way from the original to the output and to the ground truth; 0 for no "
        "edit at all.", label="CLIP dir",
    ),
    Quantity(
        name="clip_text_gain", range=(-2.0, 2.0), direction="higher", label="CLIP text gain",
        doc="Cosine with 'A picture with the text \"target\"' minus the same for the source.",
    ),
)  # fmt: skip

AES = (
    Quantity(
        name="aes", range=(-math.inf, math.inf), direction="higher", label="AES QuickGELU",
        doc="Aesthetic score of the output, with the activation CLIP was trained with.",
    ),
    Quantity(
        name="aes_gain", range=(-math.inf, math.inf), direction="higher", label="AES gain",
        doc="Aesthetic score of the output minus that of the original.",
    ),
)  # fmt: skip

AES_OFFICIAL = (
    Quantity(
        name="AES", range=(-math.inf, math.inf), direction="higher", profile="official",
        doc="Aesthetic score as the released script computes it: CLIP with GELU, although its "
        "weights were trained with QuickGELU.",
    ),
)  # fmt: skip


ODD_VIEWS = frozenset({"alpha", "exif_rotated", "high_bit_depth"})
"""Notes of files that the released script decodes otherwise than a person sees them."""


def _official_view(item: Item) -> Picture:
    """The output as the released script decodes it: another feature only where it differs."""
    notes = item.prediction.images[0].notes if item.prediction.images else ()
    return Picture(output_path(item), as_official=bool(ODD_VIEWS & set(notes)))


def _vector(found: Mapping[Picture, Vector | ImageError], picture: Picture) -> Vector:
    vector = found[picture]
    if isinstance(vector, ImageError):
        raise vector
    return vector


def _inputs(item: Item) -> list[Picture]:
    """Every picture that the CLIP metrics of an item look at."""
    files = (*item.images[:1], *item.sample.images[:1], *item.sample.reference_images[:1])
    official = [_official_view(item)] if item.images else []
    return [*official, *(Picture(path) for path in files)]


def _slot(item: Item, reader: OcrReader) -> Crop | str:
    """Where the slot is, or why there is none to compare."""
    if not item.sample.reference_images:
        return "the sample has no original or no ground truth"
    try:
        box, frame = slot_box(item, reader)
    except NotApplicable as reason:
        return str(reason)
    except ImageError as error:
        return f"{error.kind}: {error}"
    return Crop(box, frame)


def _cut(item: Item, slot: Crop | str) -> list[Picture]:
    """The slot of output, original and ground truth, as far as there are any."""
    if isinstance(slot, str):
        return []
    files = (*item.images[:1], *item.sample.images[:1], *item.sample.reference_images[:1])
    return [Picture(path, crop=slot) for path in files]


def _in_slot(
    item: Item, slot: Crop | str, images: Mapping[Picture, Vector | ImageError]
) -> tuple[dict[str, float | None], dict[str, str]]:
    """The quantities of the slot, and why one of them has no value."""
    names = ("clip_image_slot", "clip_image_slot_gain")
    if isinstance(slot, str):
        return dict.fromkeys(names), dict.fromkeys(names, slot)
    output, original, truth = (_vector(images, picture) for picture in _cut(item, slot))
    value = cosine(output, truth)
    gained = gain(value, cosine(original, truth))
    alike = "CLIP sees no difference from original to ground truth in the slot"
    notes = {} if gained is not None else {names[1]: alike}
    return {names[0]: value, names[1]: gained}, notes


def text_prompt(text: str) -> str:
    """What CLIP is asked about a text in a picture.

    >>> text_prompt("SALE")
    'A picture with the text "SALE"'
    """
    return f'A picture with the text "{text}"'


@dataclass(frozen=True, kw_only=True)
class Clip:
    """CLIPScore as released, and what CLIP can say with the ground truth's help.

    Attributes:
        tower: which CLIP; its weights and model name are in the fingerprint.
        reader: for the source text's box, where the data gives no mask.
        device: torch device.
    """

    tower: TowerSpec
    reader: OcrReader
    device: str = "cpu"
    name: str = "clip"
    quantities: tuple[Quantity, ...] = field(default=CLIP, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 16

    def fingerprint(self) -> str:
        """See `Metric`."""
        ocr = self.reader.identity() if self.reader.absence() is None else "absent"
        return fingerprint(
            {"metric": self.name, "code": CODE, "ocr": ocr, "tower": self.tower.identity()}
        )

    def absence(self) -> Absence | None:
        """See `Metric`; looks at files only."""
        return self.tower.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        features = Features(self.tower, self.device, self.batch_size)
        slots = [_slot(item, self.reader) for item in items]
        pairs = list(zip(items, slots, strict=True))
        images = features.images(p for i, slot in pairs for p in (*_inputs(i), *_cut(i, slot)))
        texts = features.texts(text for item in items for text in _texts(item))
        return [
            guarded(self, i, functools.partial(self._one, slot=slot, images=images, texts=texts))
            for i, slot in pairs
        ]

    def _one(
        self,
        item: Item,
        slot: Crop | str,
        images: Mapping[Picture, Vector | ImageError],
        texts: Mapping[str, Vector],
    ) -> Score:
        known = reference(item)
        output = _vector(images, Picture(output_path(item)))
        parts: dict[str, float | None] = {q.name: None for q in self.quantities}
        notes: dict[str, str] = {}
        if known.caption:
            official = _vector(images, _official_view(item))
            caption = texts[known.caption]
            parts["CLIP"] = min(2.5, float(clip_scores(official[None], caption[None])[0]))
        else:
            notes["CLIP"] = "the sample has no caption"
        target, source = (
            texts[text_prompt(known.target_text)],
            texts[text_prompt(known.source_text)],
        )
        parts["clip_text_gain"] = cosine(output, target) - cosine(output, source)
        if item.sample.reference_images and item.sample.images:
            truth = _vector(images, Picture(item.sample.reference_images[0]))
            original = _vector(images, Picture(item.sample.images[0]))
            parts["clip_image"] = cosine(output, truth)
            parts["clip_directional"] = directional(output, original, truth)
            if parts["clip_directional"] is None:
                notes["clip_directional"] = "CLIP sees no difference from original to ground truth"
        else:
            missing = "the sample has no original or no ground truth"
            notes |= {"clip_image": missing, "clip_directional": missing}
        in_slot, why = _in_slot(item, slot, images)
        return make_score(self, item, parts | in_slot, notes=notes | why)


def _texts(item: Item) -> list[str]:
    try:
        known = reference(item)
    except NotApplicable:
        return []  # the item's own score says so
    caption = [known.caption] if known.caption else []
    return [*caption, text_prompt(known.target_text), text_prompt(known.source_text)]


@dataclass(frozen=True, kw_only=True)
class Aesthetic:
    """The aesthetic score with the right activation; shares every forward with `Clip`."""

    tower: TowerSpec
    device: str = "cpu"
    name: str = "aes"
    quantities: tuple[Quantity, ...] = field(default=AES, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 16

    def fingerprint(self) -> str:
        """See `Metric`."""
        return _aesthetic_fingerprint(self.name, self.tower)

    def absence(self) -> Absence | None:
        """See `Metric`; looks at files only."""
        return self.tower.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        pictures = [Picture(p) for i in items for p in (*i.images[:1], *i.sample.images[:1])]
        images = Features(self.tower, self.device, self.batch_size).images(pictures)

        def one(item: Item) -> Score:
            value = aesthetic_score(_vector(images, Picture(output_path(item))))
            parts: dict[str, float | None] = {"aes": value, "aes_gain": None}
            notes = {}
            if item.sample.images:
                before = aesthetic_score(_vector(images, Picture(item.sample.images[0])))
                parts["aes_gain"] = value - before
            else:
                notes["aes_gain"] = "the sample has no original image"
            return make_score(self, item, parts, notes=notes)

        return [guarded(self, item, one) for item in items]


@dataclass(frozen=True, kw_only=True)
class AestheticOfficial:
    """The aesthetic score as released: GELU, the output only, decoded as the script does."""

    tower: TowerSpec
    device: str = "cpu"
    name: str = "aes_official"
    quantities: tuple[Quantity, ...] = field(default=AES_OFFICIAL, repr=False)
    parallel: Literal["process", "driver"] = "driver"
    batch_size: int = 16

    def fingerprint(self) -> str:
        """See `Metric`."""
        return _aesthetic_fingerprint(self.name, self.tower)

    def absence(self) -> Absence | None:
        """See `Metric`; looks at files only."""
        return self.tower.absence()

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`."""
        features = Features(self.tower, self.device, self.batch_size)
        images = features.images(_official_view(i) for i in items if i.images)

        def one(item: Item) -> Score:
            output_path(item)
            feature = _vector(images, _official_view(item))
            return make_score(self, item, {"AES": aesthetic_score(feature)})

        return [guarded(self, item, one) for item in items]


def _aesthetic_fingerprint(name: str, tower: TowerSpec) -> str:
    return fingerprint(
        {"metric": name, "code": CODE, "tower": tower.identity(), "head": head_sha256()}
    )
