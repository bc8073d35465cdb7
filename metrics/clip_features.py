"""CLIP features of image files and texts, each computed once and kept.

Everything that looks at a picture through CLIP (CLIP score, aesthetic score, similarity to the
ground truth) asks `Features` for the same vectors. They are kept in memory and on disk under the
hash of the image file and of the weights, so a second metric pays nothing and a second model pays
for its own outputs only.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.core.errors import ImageError
from evals.core.images import load_rgb, sha256_file
from evals.core.types import fingerprint
from evals.core.writing import write_atomic
from metrics.clip import TowerSpec, Vector, load_tower

if TYPE_CHECKING:
    from PIL.Image import Image

MEAN_COLOUR = (123, 117, 104)
"""Mean RGB of the pictures CLIP was trained on; its preprocessing subtracts it."""


class FeatureStore:
    """Vectors by key, in memory up to a limit and on disk without one.

    Args:
        folder: where they lie, as ``<ab>/<key>.npy``.
        in_memory: how many to hold; 16,384 vectors of ViT-L/14 are 50 MB.
    """

    def __init__(self, folder: Path, in_memory: int = 16_384) -> None:
        self.folder = folder
        self._limit = in_memory
        self._held: OrderedDict[str, Vector] = OrderedDict()

    def get(self, key: str) -> Vector | None:
        """The vector under a key; None when there is none, or its file is damaged."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        try:
            vector = np.load(self._place(key), allow_pickle=False)
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, OSError):
            return None  # damaged: it is computed and written anew
        if vector.dtype != np.float32 or vector.ndim != 1 or not np.isfinite(vector).all():
            return None
        self._hold(key, vector)
        return self._held[key]

    def put(self, key: str, vector: Vector) -> None:
        """Keep a (d,) float32 vector.

        Raises:
            UserError: the disk is full or read-only.
        """
        buffer = io.BytesIO()
        np.save(buffer, vector, allow_pickle=False)
        write_atomic(self._place(key), buffer.getvalue())
        self._hold(key, vector)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"

    def _hold(self, key: str, vector: Vector) -> None:
        self._held[key] = vector
        while len(self._held) > self._limit:
            self._held.popitem(last=False)


@functools.lru_cache(maxsize=4)
def _store(folder: str, process: int) -> FeatureStore:
    del process  # a forked child fills its own memory
    return FeatureStore(Path(folder))


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture.

    Attributes:
        box: (x0, y0, x1, y1) in px, the last two exclusive.
        frame: (width, height) of the picture that the box was found in; of a picture of another
            size the corresponding part is taken.
    """

    box: tuple[int, int, int, int]
    frame: tuple[int, int]

    def cut(self, image: Image) -> Image:
        """The part, in the middle of a grey square, at least 1 px wide and high.

        CLIP sees the central square of a picture, and a line of text is anything but square: cut
        as it is it would lose both ends. The grey is CLIP's mean colour, which is 0 to the tower.
        """
        from PIL import Image as Pillow

        scale = [own / known for own, known in zip(image.size, self.frame, strict=True)] * 2
        x0, y0, x1, y1 = (round(v * s) for v, s in zip(self.box, scale, strict=True))
        x0, y0 = min(x0, image.size[0] - 1), min(y0, image.size[1] - 1)
        part = image.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
        side = max(part.size)
        square = Pillow.new("RGB", (side, side), MEAN_COLOUR)
        square.paste(part, ((side - part.size[0]) // 2, (side - part.size[1]) // 2))
        return square


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file, and what of it is looked at.

    Attributes:
        path: the file.
        as_official: how it is decoded, see `evals.core.images.load_rgb`.
        crop: a part of it; None for all of it.
    """

    path: Path
    as_official: bool = False
    crop: Crop | None = None

    def load(self) -> Image:
        """Decode it.

        Raises:
            ImageError: as `evals.core.images.load_rgb`.
        """
        image = load_rgb(self.path, as_official=self.as_official)
        return image if self.crop is None else self.crop.cut(image)


class Features:
    """Image and text features of one CLIP through the store; loads the model when it must.

    Args:
        spec: which CLIP.
        device: torch device.
        batch_size: pictures per forward; no more than that many are decoded at once.
    """

    def __init__(self, spec: TowerSpec, device: str = "cpu", batch_size: int = 16) -> None:
        self.spec = spec
        self.device = device
        self.batch_size = batch_size
        identity = spec.identity()
        self._store = _store(str(spec.cache / "clip" / fingerprint(identity)), os.getpid())

    def images(self, pictures: Iterable[Picture]) -> dict[Picture, Vector | ImageError]:
        """The feature of each picture, or the error of a file that cannot be decoded.

        Returns:
            (d,) float32 vectors, not normalised.

        Raises:
            UserError: the weights are absent or do not fit.
        """
        found: dict[Picture, Vector | ImageError] = {}
        missing: dict[str, list[Picture]] = {}
        for picture in dict.fromkeys(pictures):
            try:
                key = _image_key(picture)
            except FileNotFoundError:
                found[picture] = ImageError("not_found", f"{picture.path} does not exist.")
                continue
            known = self._store.get(key)
            if known is None:
                missing.setdefault(key, []).append(picture)
            else:
                found[picture] = known
        keys = list(missing)
        for start in range(0, len(keys), self.batch_size):
            self._encode(keys[start : start + self.batch_size], missing, found)
        return found

    def _encode(
        self,
        keys: Sequence[str],
        missing: dict[str, list[Picture]],
        found: dict[Picture, Vector | ImageError],
    ) -> None:
        tower = load_tower(self.spec, self.device)
        prepared: dict[str, Any] = {}
        for key in keys:
            first = missing[key][0]
            try:
                image = first.load()
            except ImageError as error:
                found.update(dict.fromkeys(missing[key], error))
                continue
            prepared[key] = tower.prepare(image)
        if not prepared:
            return
        for key, vector in zip(prepared, tower.encode_images(list(prepared.values())), strict=True):
            self._store.put(key, vector)
            found.update(dict.fromkeys(missing[key], vector))

    def texts(self, texts: Iterable[str]) -> dict[str, Vector]:
        """The feature of each text: (d,) float32 vectors, not normalised.

        Raises:
            UserError: the weights are absent or do not fit.
        """
        wanted = {t: hashlib.sha256(b"text:" + t.encode()).hexdigest() for t in texts}
        known = {text: self._store.get(key) for text, key in wanted.items()}
        missing = [text for text, vector in known.items() if vector is None]
        for start in range(0, len(missing), self.batch_size):
            batch = missing[start : start + self.batch_size]
            vectors = load_tower(self.spec, self.device).encode_texts(batch)
            for text, vector in zip(batch, vectors, strict=True):
                self._store.put(wanted[text], vector)
                known[text] = vector
        return {text: vector for text, vector in known.items() if vector is not None}


def _image_key(picture: Picture) -> str:
    stat = picture.path.stat()
    digest = _hash(str(picture.path), stat.st_size, stat.st_mtime_ns)
    view = "official" if picture.as_official else "person"
    named: list[object] = ["image", digest, view]
    if picture.crop is not None:
        named += ["letterboxed", picture.crop.box, picture.crop.frame]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


@functools.lru_cache(maxsize=65_536)
def _hash(path: str, size: int, mtime_ns: int) -> str:
    del size, mtime_ns  # part of the key
    return sha256_file(Path(path))
