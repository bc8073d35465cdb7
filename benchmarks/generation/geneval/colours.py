"""The colour of an object, by CLIP: the nearest of ten colour words.

Source: djghosh13/geneval@af4902f, `evaluation/evaluate_images.py`, re-told from its behaviour. The
pinned open_clip 2.20 runs OpenAI's weights with QuickGELU; later ones only warn and run GELU, so
the activation is named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.generation.geneval.rules import COLOURS
from evals.core.images import load_rgb
from metrics.clip import TowerSpec, Vector, load_tower, unit
from metrics.clip_features import Features
from metrics.instances import Mask

if TYPE_CHECKING:
    from PIL.Image import Image

CODE = 1
"""Raised whenever the same object could get another colour."""

TEMPLATES = ("a photo of a {colour} {name}", "a photo of a {colour}-colored {name}",
             "a photo of a {colour} object")  # fmt: skip
"""The texts whose mean stands for a colour of a class, as the protocol has them."""

GREY = (0x99, 0x99, 0x99)
"""Paint over everything outside of the object's mask."""

BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """A detected object whose colour is wanted.

    Attributes:
        path: image file.
        name: of the class.
        box: (x0, y0, x1, y1) in px.
        mask: None where only the box is known; the background then stays.
    """

    path: Path
    name: str
    box: NDArray[np.float32]
    mask: Mask | None


@dataclass(frozen=True, kw_only=True)
class ColourNamer:
    """Names colours through one CLIP.

    Attributes:
        tower: which CLIP.
        device: torch device.
    """

    tower: TowerSpec
    device: str = "cpu"
    _texts: dict[str, NDArray[np.float64]] = field(
        default_factory=dict, repr=False, compare=False
    )  # fmt: skip

    def name(self, objects: Sequence[Object]) -> list[str]:
        """The colour of each object, one of `COLOURS`.

        Raises:
            ImageError: a file cannot be decoded.
            ValueError: a mask does not lie within its picture.
            UserError: the weights are absent or do not fit.
        """
        named = []
        for chunk, crops in _chunks(objects):
            tower = load_tower(self.tower, self.device)
            vectors = tower.encode_images([tower.prepare(crop) for crop in crops])
            named += self._nearest(vectors, chunk)
        return named

    def _nearest(self, vectors: Vector, objects: Sequence[Object]) -> list[str]:
        pairs = zip(unit(vectors), objects, strict=True)
        return [COLOURS[int(np.argmax(self._colours(o.name) @ v))] for v, o in pairs]

    def _colours(self, name: str) -> NDArray[np.float64]:
        """(10, d) one direction per colour of a class."""
        if name not in self._texts:
            texts = {c: [t.format(colour=c, name=name) for t in TEMPLATES] for c in COLOURS}
            features = Features(self.tower, self.device, BATCH)
            known = features.texts(t for group in texts.values() for t in group)
            means = [unit([known[t] for t in texts[c]]).mean(axis=0) for c in COLOURS]
            self._texts[name] = unit(means)
        return self._texts[name]


def _chunks(objects: Sequence[Object]) -> Iterator[tuple[Sequence[Object], list[Image]]]:
    for start in range(0, len(objects), BATCH):
        chunk = objects[start : start + BATCH]
        pictures: Mapping[Path, Image] = {p: load_rgb(p) for p in {o.path for o in chunk}}
        yield chunk, [cut(pictures[o.path], o) for o in chunk]


def cut(picture: Image, wanted: Object) -> Image:
    """The box of an object with everything outside of its mask painted grey, 1 px at least.

    Raises:
        ValueError: the mask does not lie within the picture.
    """
    from PIL import Image as Pillow

    if wanted.mask is not None:
        inside = Pillow.fromarray(wanted.mask.full(picture.size))
        picture = Pillow.composite(picture, Pillow.new("RGB", picture.size, GREY), inside)
    x0, y0, x1, y1 = (round(float(v)) for v in wanted.box)
    return picture.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
