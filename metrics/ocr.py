"""Reading the text in images: what a reading is, which engines there are, and the cached reader.

Engines are named, because numbers from different engines must never be mixed: every score keeps
the engine's identity (package versions and the SHA-256 of each model file). The engines live in
`metrics.ocr_engines` and `metrics.ocr_paddle` and are imported only when one is made.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import itertools
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evals.core.errors import ImageError, unknown
from evals.core.images import DECODE_ERRORS, exif_orientation, load_rgb
from evals.core.protocols import default_cache
from evals.core.types import JSON, Absence, canonical_json, fingerprint
from evals.core.writing import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

ENGINES: Mapping[str, str] = {
    "rapidocr": "metrics.ocr_engines:RapidOcrEngine",
    "paddleocr-onnx": "metrics.ocr_paddle:PaddleOnnxEngine",
    "paddleocr-official": "metrics.ocr_paddle:PaddleOfficialEngine",
    "recorded": "metrics.ocr_engines:RecordedEngine",
}
"""Name -> ``module:class``; the only list of the engines."""

CACHE_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class TextItem:
    """One piece of text that an engine found, usually a line or a part of one.

    Attributes:
        polygon: corner points (x, y) in pixels of the image that was read, clockwise from the
            text's own top left.
        text: as recognised, unchanged.
        confidence: of the recogniser, in [0, 1]; not calibrated, and not comparable between
            engines.
    """

    polygon: tuple[tuple[float, float], ...]
    text: str
    confidence: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The polygon's bounding box (x0, y0, x1, y1)."""
        xs, ys = [p[0] for p in self.polygon], [p[1] for p in self.polygon]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, kw_only=True, slots=True)
class OcrView:
    """How an image is prepared before it is read.

    Attributes:
        size: (width, height) to resize to first, with LANCZOS and without keeping the aspect
            ratio, as the released TextEdit script does; None leaves the image's own size.
        swap_rb: exchange the red and the blue channel. The released TextEdit script hands an RGB
            array to an engine that expects BGR; this repeats it where parity is wanted.
        as_official: how `evals.core.images.load_rgb` decodes.
    """

    size: tuple[int, int] | None = None
    swap_rb: bool = False
    as_official: bool = False


class OcrEngine(Protocol):
    """What reads text. Made by `make_engine`; loads its models at the first `read`."""

    name: str

    def identity(self) -> Mapping[str, JSON]:
        """Engine name, package versions and the SHA-256 of every model file.

        Raises:
            UserError: the engine is absent, see `absence`.
        """
        ...

    def absence(self) -> Absence | None:
        """None when the engine can read here; looks at files only and downloads nothing."""
        ...

    def read(self, rgb: Pixels) -> list[TextItem]:
        """The text in an image, in the engine's own order; empty when it finds none.

        Args:
            rgb: (height, width, 3), uint8, in the order red, green, blue.

        Raises:
            ValueError: the array has another shape or type.
            UserError: the engine is absent.
        """
        ...


def make_engine(
    name: str, options: Mapping[str, str] | None = None, *, cache: Path | None = None
) -> OcrEngine:
    """The engine called `name`; nothing is loaded or checked before it is asked to read.

    Args:
        name: one of `ENGINES`.
        options: of that engine, see docs/ocr.md.
        cache: folder for files that an engine generates; the user's cache folder by default.

    Raises:
        UserError: no such engine, or an option it does not have.
    """
    if name not in ENGINES:
        raise unknown("OCR engine", name, ENGINES)
    module, _, attribute = ENGINES[name].partition(":")
    given = dict(options or {})
    engine_class = getattr(importlib.import_module(module), attribute)
    known: tuple[str, ...] = engine_class.OPTIONS
    for option in given:
        if option not in known:
            raise unknown(f"option of the OCR engine {name!r}", option, known)
    engine: OcrEngine = engine_class(given, cache or default_cache())
    return engine


def check_pixels(rgb: Pixels) -> None:
    """Refuse anything but a non-empty (height, width, 3) uint8 array.

    Raises:
        ValueError: with the shape and type that were given.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype.name != "uint8" or 0 in rgb.shape:
        raise ValueError(
            f"an OCR engine reads RGB arrays of shape (height, width, 3) and type uint8, not "
            f"{rgb.shape} {rgb.dtype}; convert the image with evals.core.images.load_rgb"
        )


# --- the cached reader ------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _shared_engine(name: str, options: str, cache: str, process: int) -> OcrEngine:
    """One engine per configuration and process: models are loaded once, whoever asks.

    The process is part of the key because a forked child must not use its parent's sessions.
    """
    return make_engine(name, json.loads(options), cache=Path(cache))


@functools.lru_cache(maxsize=8)
def _shared_identity(name: str, options: str, cache: str, process: int) -> str:
    return canonical_json(dict(_shared_engine(name, options, cache, process).identity()))


@dataclass(frozen=True, slots=True)
class _FileFacts:
    """What the cache key needs of a file; sizes are (width, height), None when not an image."""

    sha256: str
    official_size: tuple[int, int] | None
    upright_size: tuple[int, int] | None


@functools.lru_cache(maxsize=65536)
def _file_facts(path: str, size: int, mtime_ns: int) -> _FileFacts:
    """Hash and header of a file; remembered per process while size and time stay the same."""
    del size, mtime_ns  # they are the memo's key
    data = Path(path).read_bytes()
    official, upright = _header_sizes(data)
    return _FileFacts(hashlib.sha256(data).hexdigest(), official, upright)


def _header_sizes(
    data: bytes,
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Sizes without and with EXIF rotation, from the header alone where that is possible.

    An unreadable file gives (None, None); decoding it will raise the error that names the fault.
    """
    import io
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                size = image.size
                # Pillow decodes a whole PNG to find its EXIF, so first see whether it has any.
                # It rotates TIFF while decoding and reports the rotated size already.
                may_turn = image.format != "TIFF" and (
                    image.format != "PNG" or any(w in data for w in (b"eXIf", b"exif", b"xmp"))
                )
                turned = may_turn and exif_orientation(image) >= 5
    except (*DECODE_ERRORS, Image.DecompressionBombError):
        return None, None
    return size, (size[1], size[0]) if turned else size


@dataclass(frozen=True)
class OcrReader:
    """Reads image files through a disk cache; pickles to a few words and holds no engine.

    Not thread-safe: run readers in processes. Engines are shared per process between readers of
    the same configuration.

    Attributes:
        engine_name: one of `ENGINES`.
        options: of the engine.
        cache: folder; readings lie in ``ocr/<engine fingerprint>/<ab>/<key>.json`` below it,
            where the key is made of the image file's SHA-256 and the view.
    """

    engine_name: str = "rapidocr"
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    cache: Path = field(default_factory=default_cache)

    def _key(self) -> tuple[str, str, str, int]:
        options = canonical_json(dict(self.options))
        return self.engine_name, options, str(self.cache), os.getpid()

    @property
    def engine(self) -> OcrEngine:
        """The engine of this process, made when first asked for.

        Raises:
            UserError: no such engine, or an option it does not have.
        """
        return _shared_engine(*self._key())

    def identity(self) -> dict[str, JSON]:
        """`OcrEngine.identity`, computed once per process (it hashes the model files).

        Raises:
            UserError: the engine is absent.
        """
        identity: dict[str, JSON] = json.loads(_shared_identity(*self._key()))
        return identity

    def fingerprint(self) -> str:
        """16 hex digits that stand for the engine's identity.

        Raises:
            UserError: the engine is absent.
        """
        return fingerprint(self.identity())

    def absence(self) -> Absence | None:
        """None when the engine can read here; cheap, downloads nothing."""
        return self.engine.absence()

    @property
    def engine_quirk_swap_rb(self) -> bool:
        """Whether parity with published rows needs the edited image read with R and B swapped.

        True for `paddleocr-official` only: rows of the other engines are not comparable with
        published ones anyway, so they do not repeat the fault.
        """
        return self.engine_name == "paddleocr-official"

    def read(self, path: Path, view: OcrView = OcrView()) -> list[TextItem]:
        """The text in an image file, from the cache when it was read before.

        Args:
            path: image file.
            view: how to prepare the image; polygons are in pixels of the prepared image.

        Raises:
            ImageError: the file is missing or cannot be decoded.
            UserError: the engine is absent, or the cache cannot be written.
        """
        try:
            stat = path.stat()
            facts = _file_facts(str(path), stat.st_size, stat.st_mtime_ns)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ImageError("not_found", f"{path} does not exist or is not a file.") from error
        own = facts.official_size if view.as_official else facts.upright_size
        if view.size == own:
            view = OcrView(swap_rb=view.swap_rb, as_official=view.as_official)
        asked: dict[str, JSON] = {
            "file": facts.sha256,
            "size": list(view.size) if view.size else None,
            "swap_rb": view.swap_rb,
            "as_official": view.as_official,
        }
        place = self._cache_file(asked)
        items = _read_cached(place, asked)
        if items is None:
            items = self.engine.read(_pixels(path, view))
            self._write_cached(place, asked, items)
        return items

    def _cache_file(self, asked: Mapping[str, JSON]) -> Path:
        key = hashlib.sha256(canonical_json(asked).encode()).hexdigest()[:32]
        return self.cache / "ocr" / self.fingerprint() / key[:2] / f"{key}.json"

    def _write_cached(
        self, place: Path, asked: Mapping[str, JSON], items: Sequence[TextItem]
    ) -> None:
        about = place.parent.parent / "engine.json"
        if not about.exists():
            write_atomic(about, json.dumps(self.identity(), indent=1).encode())
        rows = [[list(map(list, i.polygon)), i.text, i.confidence] for i in items]
        entry = {"schema": CACHE_SCHEMA, "asked": asked, "items": rows, "check": fingerprint(rows)}
        write_atomic(place, canonical_json(entry).encode("utf-8"))


def _pixels(path: Path, view: OcrView) -> Pixels:
    """The prepared image as a contiguous (height, width, 3) uint8 array."""
    import numpy as np
    from PIL import Image

    image = load_rgb(path, as_official=view.as_official)
    if view.size is not None and image.size != view.size:
        image = image.resize(view.size, Image.Resampling.LANCZOS)
    rgb = np.asarray(image, dtype=np.uint8)
    return np.ascontiguousarray(rgb[..., ::-1] if view.swap_rb else rgb)


def _read_cached(place: Path, asked: Mapping[str, JSON]) -> list[TextItem] | None:
    """A cached reading, or None when there is none or its content does not check out."""
    try:
        entry: Any = json.loads(place.read_bytes())
        if entry["schema"] != CACHE_SCHEMA or entry["asked"] != asked:
            return None
        rows = entry["items"]
        if entry["check"] != fingerprint(rows):
            return None
        return [
            TextItem(tuple((float(x), float(y)) for x, y in polygon), str(text), float(confidence))
            for polygon, text, confidence in rows
        ]
    except (OSError, ValueError, KeyError, TypeError):
        # Absent, cut short, edited by hand or of another version: the image is read again. A
        # cache that cannot be used at all shows itself when the reading is written.
        return None


# --- agreement between engines ----------------------------------------------------------------


def _folded(items: Sequence[TextItem]) -> str:
    text = unicodedata.normalize("NFKC", "".join(i.text for i in items)).lower()
    return "".join(c for c in text if c.isalnum())


def agreement(readings: Mapping[str, Sequence[TextItem]]) -> float:
    """How far engines agree on an image: the smallest similarity of any two of them.

    Each engine's texts are joined in its own order and folded (NFKC, lower case, letters and
    digits only); the similarity is 1 - Levenshtein distance / length of the longer text. Engines
    that both find nothing agree.

    Args:
        readings: engine name -> its reading of the same image; at least two.

    Returns:
        A value in [0, 1]. Low values mark samples that a person should look at.

    Raises:
        ValueError: fewer than two readings.

    >>> a = TextItem(((0, 0), (9, 0), (9, 9), (0, 9)), "Sale 50%", 1.0)
    >>> b = TextItem(((0, 0), (9, 0), (9, 9), (0, 9)), "SALE 60", 1.0)
    >>> round(agreement({"one": [a], "two": [b]}), 3)
    0.833
    """
    from rapidfuzz.distance import Levenshtein

    if len(readings) < 2:
        raise ValueError(f"agreement needs two readings or more, not {len(readings)}")
    texts = [_folded(items) for items in readings.values()]
    return min(Levenshtein.normalized_similarity(a, b) for a, b in itertools.combinations(texts, 2))
