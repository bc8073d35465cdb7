"""Opening images that strangers made: every oddity is a note or a named error, never a surprise.

Pillow is imported inside the functions, so that the floor stays light.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.core.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 64_000_000
"""Images above this many pixels are refused: one would take 200 MB as RGB, and a batch of them a
machine. The largest image of the benchmarks we know has 12 million."""

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "GIF": ".gif",
            "BMP": ".bmp", "TIFF": ".tif"}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInfo:
    """What the header and a full decode say of an image file."""

    format: str
    suffix: str
    width: int
    height: int
    notes: tuple[str, ...]


def _name(source: Path | bytes) -> str:
    return source.name if isinstance(source, Path) else "the image"


def open_image(source: Path | bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open and fully decode an image by its content, whatever its name says.

    Args:
        source: a file, or its bytes.
        max_pixels: refuse anything larger, before decoding it.

    Returns:
        The decoded first frame, in its own mode and without EXIF rotation applied.

    Raises:
        ImageError: with kind ``not_found``, ``empty_file``, ``not_an_image``, ``truncated`` or
            ``too_large``.
    """
    from PIL import Image, UnidentifiedImageError

    name = _name(source)
    if isinstance(source, Path):
        if not source.is_file():
            raise ImageError("not_found", f"{source} does not exist or is not a file.")
        empty = source.stat().st_size == 0
    else:
        empty = not source
    if empty:
        raise ImageError("empty_file", f"{name} has 0 bytes; write it again.")
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on; our own limit decides, just below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(source if isinstance(source, Path) else io.BytesIO(source))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ImageError("not_an_image", f"{name} is not an image Pillow can read.") from error
    except Image.DecompressionBombError as error:
        raise ImageError("too_large", f"{name} is too large: {error}") from error
    width, height = image.size
    if width * height > max_pixels:
        image.close()
        raise ImageError(
            "too_large",
            f"{name} has {width}x{height} pixels, more than the limit of {max_pixels:,}; "
            "scale it down.",
        )
    try:
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ImageError("truncated", f"{name} is damaged or cut short ({error}).") from error
    return image


def inspect_image(source: Path | bytes, *, max_pixels: int = MAX_PIXELS) -> ImageInfo:
    """Format, size and oddities of an image file, after decoding all of it.

    Raises:
        ImageError: as `open_image`.
    """
    image = open_image(source, max_pixels=max_pixels)
    notes = []
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        notes.append("alpha")
    if image.mode == "CMYK":
        notes.append("cmyk")
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("high_bit_depth")
    if image.getexif().get(0x0112, 1) not in {0, 1}:
        notes.append("exif_rotated")
    if getattr(image, "n_frames", 1) > 1:
        notes.append("animated")
    kind = image.format or "PNG"
    suffix = SUFFIXES.get(kind, "." + kind.lower())
    if isinstance(source, Path):
        given = source.suffix.lower().replace(".jpeg", ".jpg")
        if given != suffix:
            notes.append(f"named_{given.lstrip('.') or 'without_suffix'}")
    width, height = image.size
    return ImageInfo(format=kind, suffix=suffix, width=width, height=height, notes=tuple(notes))


def load_rgb(
    source: Path | bytes, *, as_official: bool = False, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Decode an image to 8-bit RGB.

    By default a person's view: EXIF rotation applied, transparency laid on white, 16-bit values
    scaled to 8 bits. With `as_official` what ``Image.open(path).convert("RGB")`` gives, as the
    released scripts do: no rotation, alpha dropped, 16-bit values clipped by Pillow.

    Raises:
        ImageError: as `open_image`.
    """
    from PIL import Image, ImageOps

    image = open_image(source, max_pixels=max_pixels)
    if as_official:
        return image.convert("RGB")
    rotated = ImageOps.exif_transpose(image)
    image = rotated if rotated is not None else image
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    if image.mode.startswith("I"):
        values = values / 257.0 if values.max(initial=0) > 255 else values
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
