"""How images are prepared for reading, and where the ground truth says that the edit is."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from benchmarks.textedit.official import Box
from evals.core.errors import ImageError
from evals.core.images import exif_orientation, load_rgb, open_image
from evals.core.types import Item
from metrics.ocr import OcrView


@dataclass(frozen=True, slots=True)
class _Picture:
    """What decides how a picture has to be read.

    Attributes:
        size: (width, height) as stored.
        upright: (width, height) as seen.
        alpha: it has transparency.
        odd: the official decoding gives other pixels than a person sees, even without alpha.
    """

    size: tuple[int, int]
    upright: tuple[int, int]
    alpha: bool
    odd: bool


@functools.lru_cache(maxsize=4096)
def _picture(path: str, size: int, mtime_ns: int) -> _Picture:
    del size, mtime_ns  # they are the memo's key
    image = open_image(Path(path))
    turn = exif_orientation(image)
    stored = image.size
    return _Picture(
        size=stored,
        upright=(stored[1], stored[0]) if turn in {5, 6, 7, 8} else stored,
        alpha=image.has_transparency_data,
        odd=turn != 1 or image.mode.startswith("I") or image.mode == "F",
    )


def _look(path: Path) -> _Picture:
    try:
        stat = path.stat()
    except OSError as error:
        raise ImageError("not_found", f"{path} cannot be opened ({error}).") from error
    return _picture(str(path), stat.st_size, stat.st_mtime_ns)


def official_views(original: Path, output: Path, *, swap_rb: bool) -> tuple[OcrView, OcrView]:
    """How the released script prepares original and output.

    The original goes to the engine as a file: transparency on white, no rotation. The output is
    decoded by Pillow: transparency dropped, no rotation, then brought to the original's size.
    Plain images get the default view, which has the same pixels and shares its cached reading.

    Raises:
        ImageError: one of them cannot be decoded.
    """
    first, second = _look(original), _look(output)
    return (
        OcrView(as_official=first.odd and not first.alpha),
        OcrView(
            size=None if second.size == first.size else first.size,
            swap_rb=swap_rb,
            as_official=second.odd or second.alpha,
        ),
    )


def strict_views(original: Path, output: Path) -> tuple[OcrView, OcrView]:
    """Both as a person sees them, the output brought to the original's size.

    Raises:
        ImageError: one of them cannot be decoded.
    """
    first, second = _look(original), _look(output)
    same = second.upright == first.upright
    return OcrView(), OcrView(size=None if same else first.upright)


def changed_boxes(item: Item) -> list[Box]:
    """Boxes around what the ground truth changes; empty without one, or when it changed too much.

    Raises:
        ImageError: a picture cannot be decoded.
    """
    if not item.sample.reference_images:
        return []
    import numpy as np
    from PIL import Image
    from scipy.ndimage import find_objects, label

    from metrics.masks import MAX_DIFFERENCE_SHARE, difference

    original = load_rgb(item.sample.images[0])
    truth = load_rgb(item.sample.reference_images[0])
    if truth.size != original.size:
        truth = truth.resize(original.size, Image.Resampling.LANCZOS)
    differs = difference(np.asarray(original, np.uint8), np.asarray(truth, np.uint8))
    if differs.mean() > MAX_DIFFERENCE_SHARE:
        return []
    parts = find_objects(label(differs)[0])
    return [(float(x.start), float(y.start), float(x.stop), float(y.stop)) for y, x in parts]
