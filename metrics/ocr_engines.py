"""The embedded OCR engine and the recorded one, and what all engines share.

Heavy packages are imported where an engine loads its models, so that asking whether an engine is
absent costs a few milliseconds.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.images import sha256_file
from evals.core.types import JSON, Absence
from evals.core.writing import write_atomic
from metrics.ocr import TextItem, check_pixels

if TYPE_CHECKING:
    import numpy as np

    from metrics.ocr import Pixels

OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python",
          "opencv-contrib-python-headless")  # fmt: skip
"""Distributions that bring `cv2`; several may be installed over each other, so all are named."""

RAPIDOCR_MODELS = {
    "det": "PP-OCRv6_det_small.onnx",
    "cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "rec": "PP-OCRv6_rec_small.onnx",
}
"""Weights inside the rapidocr 3.10 wheel (Apache-2.0, PaddleOCR)."""


# --- shared by the engines --------------------------------------------------------------------


def package_versions(names: Iterable[str]) -> dict[str, JSON]:
    """Versions of those of the named distributions that are installed."""
    found: dict[str, JSON] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def missing_package(names: Iterable[str]) -> str | None:
    """The first of the named import packages that cannot be imported; imports none of them."""
    for name in names:
        spec = importlib.util.find_spec(name)
        # Uninstalling one of two OpenCV distributions leaves a folder `cv2` with no module in it.
        if spec is None or (spec.origin is None and not spec.has_location):
            return name
    return None


@functools.lru_cache(maxsize=1024)
def _hash_of(path: str, size: int, mtime_ns: int) -> str:
    del size, mtime_ns  # they are the memo's key
    return sha256_file(Path(path))


def file_hashes(files: Mapping[str, Path]) -> dict[str, JSON]:
    """SHA-256 of each file, remembered per process while its size and time stay the same."""
    hashes: dict[str, JSON] = {}
    for name, path in files.items():
        stat = path.stat()
        hashes[name] = _hash_of(str(path), stat.st_size, stat.st_mtime_ns)
    return hashes


def demand(name: str, absence: Absence | None) -> None:
    """Raise when an engine is absent.

    Raises:
        UserError: with the reason and what to do.
    """
    if absence is not None:
        raise UserError(f"The OCR engine {name!r} cannot be used: {absence}.")


def text_item(polygon: Iterable[Iterable[float]], text: str, confidence: float) -> TextItem:
    """A `TextItem` from an engine's own types (arrays, NumPy scalars).

    Raises:
        ValueError: the confidence is not a number, or the polygon has no corner.
    """
    corners = tuple((float(x), float(y)) for x, y in polygon)
    score = float(confidence)
    if not corners or math.isnan(score):
        raise ValueError(f"an OCR engine returned {len(corners)} corners with confidence {score}")
    return TextItem(corners, str(text), score)


def rapidocr_folder() -> Path | None:
    """Where the installed rapidocr keeps its weights; None when it is not installed."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models"


# --- rapidocr ---------------------------------------------------------------------------------

MAX_DETECTOR_PIXELS = 16_000_000
"""Images that rapidocr would blow up beyond this are padded to a wider shape before it sees them.
No image with an aspect ratio below 24 is."""


def detector_pixels(height: int, width: int) -> int | None:
    """How many pixels rapidocr 3.10 hands to its detector; None when it fails to resize.

    It scales the longer side down to 2000, the shorter up to 30, letterboxes what is wider than
    8:1, and scales the shorter side up to 736, each time to multiples of 32.
    """

    def scaled(ratio: float) -> tuple[int, int]:
        return round(int(height * ratio) / 32) * 32, round(int(width * ratio) / 32) * 32

    if max(height, width) > 2000:
        height, width = scaled(2000 / max(height, width))
    if min(height, width) == 0:
        return None
    if min(height, width) < 30:
        height, width = scaled(30 / min(height, width))
    if height <= 30 or width > 8 * height:
        height += 2 * int(abs(2 * max(width // 8, 30) - height) / 2)
    if min(height, width) < 736:
        height, width = scaled(736 / min(height, width))
    return height * width


def padded_shape(height: int, width: int) -> tuple[int, int]:
    """The (height, width) to pad an image to, so that rapidocr reads it in reasonable memory.

    All but slender strips keep their shape, so their reading is the engine's own.
    """
    pixels = detector_pixels(height, width)
    if pixels is not None and pixels <= MAX_DETECTOR_PIXELS:
        return height, width
    enough = math.ceil(max(height, width) / 8)
    return max(height, enough), max(width, enough)


class RapidOcrEngine:
    """PP-OCRv6-small on ONNX Runtime, with the weights of the rapidocr wheel; needs no network.

    One thread: images are read in parallel by processes, which is faster than threads within an
    image and does not fight for cores.
    """

    name = "rapidocr"
    OPTIONS: tuple[str, ...] = ()

    def __init__(self, options: Mapping[str, str], cache: Path) -> None:
        del options, cache
        self._reader: Any = None
        self._loading = threading.Lock()

    def _files(self) -> dict[str, Path]:
        folder = rapidocr_folder() or Path()
        return {kind: folder / name for kind, name in RAPIDOCR_MODELS.items()}

    def absence(self) -> Absence | None:
        """None when rapidocr, ONNX Runtime, OpenCV and the three weight files are there."""
        fix = "pip install --force-reinstall 'rapidocr>=3.10,<4' onnxruntime"
        if name := missing_package(("rapidocr", "onnxruntime")):
            return Absence(reason=f"the package {name!r} is not installed", fix=fix)
        if missing_package(("cv2",)):
            return Absence(
                reason="OpenCV (the package 'cv2') is not installed or broken",
                fix="pip install --force-reinstall opencv-python-headless",
            )
        for path in self._files().values():
            if not path.is_file():
                return Absence(reason=f"the model file {path.name} of rapidocr is missing", fix=fix)
        return None

    def identity(self) -> Mapping[str, JSON]:
        """Engine, versions of rapidocr, ONNX Runtime and OpenCV, and hashes of the weights."""
        demand(self.name, self.absence())
        return {
            "engine": self.name,
            "packages": package_versions(("rapidocr", "onnxruntime", *OPENCV)),
            "models": file_hashes(self._files()),
        }

    def _load(self) -> Any:
        with self._loading:
            if self._reader is None:
                demand(self.name, self.absence())
                from rapidocr import RapidOCR

                threads = "EngineConfig.onnxruntime"
                # With explicit model paths rapidocr never comes to its download code.
                self._reader = RapidOCR(
                    params={
                        "Global.log_level": "critical",
                        f"{threads}.intra_op_num_threads": 1,
                        f"{threads}.inter_op_num_threads": 1,
                        **{
                            f"{kind.capitalize()}.model_path": str(path)
                            for kind, path in self._files().items()
                        },
                    }
                )
        return self._reader

    def read(self, rgb: Pixels) -> list[TextItem]:
        """The text in an RGB array; see `metrics.ocr.OcrEngine.read`."""
        import numpy as np

        check_pixels(rgb)
        height, width = rgb.shape[:2]
        new_height, new_width = padded_shape(height, width)
        if (new_height, new_width) != (height, width):
            border = ((0, new_height - height), (0, new_width - width), (0, 0))
            rgb = np.pad(rgb, border, mode="edge")
        # rapidocr takes arrays as BGR.
        return items_of_rapidocr(self._load()(np.ascontiguousarray(rgb[..., ::-1])))


def items_of_rapidocr(result: Any) -> list[TextItem]:
    """The items of rapidocr's result; no text at all gives None fields or another result class."""
    if getattr(result, "txts", None) is None or getattr(result, "boxes", None) is None:
        return []
    rows = zip(result.boxes, result.txts, result.scores, strict=True)
    return [text_item(box, text, score) for box, text, score in rows]


# --- recorded ---------------------------------------------------------------------------------


def pixel_sha256(rgb: Pixels) -> str:
    """SHA-256 of an image's pixels and shape, under which a recording keeps its reading."""
    head = f"{rgb.shape[0]}x{rgb.shape[1]}x{rgb.shape[2]}:".encode()
    return hashlib.sha256(head + rgb.tobytes()).hexdigest()


def write_recording(file: Path, readings: Iterable[tuple[np.ndarray, Sequence[TextItem]]]) -> None:
    """Write a file for the engine ``recorded``: the reading of each RGB array."""
    rows = {
        pixel_sha256(rgb): [[list(map(list, i.polygon)), i.text, i.confidence] for i in items]
        for rgb, items in readings
    }
    write_atomic(file, json.dumps(rows, ensure_ascii=False, sort_keys=True).encode("utf-8"))


class RecordedEngine:
    """Readings from a JSON file, for tests: {SHA-256 of the pixels: [[polygon, text, conf], ..]}.

    An image that was not recorded is an error, never an empty reading.
    """

    name = "recorded"
    OPTIONS = ("file",)

    def __init__(self, options: Mapping[str, str], cache: Path) -> None:
        del cache
        self._given = options.get("file", "")
        self._rows: dict[str, Any] | None = None

    def absence(self) -> Absence | None:
        """None when the recording is there."""
        if self._given and os.path.isfile(self._given):
            return None
        what = f"there is no file {self._given}" if self._given else "no recording was named"
        return Absence(reason=what, fix="give --ocr-option file=RECORDING.json")

    def identity(self) -> Mapping[str, JSON]:
        """Engine and the hash of the recording."""
        demand(self.name, self.absence())
        return {"engine": self.name, "models": file_hashes({"file": Path(self._given)})}

    def read(self, rgb: Pixels) -> list[TextItem]:
        """The recorded reading of exactly these pixels."""
        check_pixels(rgb)
        if self._rows is None:
            demand(self.name, self.absence())
            self._rows = dict(json.loads(Path(self._given).read_bytes()))
        key = pixel_sha256(rgb)
        if key not in self._rows:
            raise UserError(
                f"{self._given} has no reading for the pixels {key[:16]}...; record the image with "
                "metrics.ocr_engines.write_recording."
            )
        return [text_item(*row) for row in self._rows[key]]
