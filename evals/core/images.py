"""Opening images that strangers made: every oddity is a note or a named error, never a surprise.

Pillow is imported inside the functions, so that the floor stays light.
"""

from __future__ import annotations

import functools
import hashlib
import io
import struct
import warnings
import zlib
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
            "BMP": ".bmp", "TIFF": ".tif", "PPM": ".ppm", "JPEG2000": ".jp2",
            "AVIF": ".avif"}  # fmt: skip
"""The formats that are read, where Pillow has them, and their suffixes. Nothing else is: Pillow
starts Ghostscript for an EPS file, and an icon file holds several pictures to choose from."""

DECODE_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError,
    OverflowError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises for damaged files; found by feeding it some."""


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
    from PIL import Image

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
            # Pillow warns from 89 megapixels on, and of damaged EXIF; our own rules decide, below.
            warnings.simplefilter("ignore")
            stream = source if isinstance(source, Path) else io.BytesIO(source)
            image = Image.open(stream, formats=_formats())
    except Image.DecompressionBombError as error:
        raise ImageError("too_large", f"{name} is too large: {error}") from error
    except PermissionError as error:
        raise ImageError("not_found", f"{name} may not be read; mend its permissions.") from error
    except DECODE_ERRORS as error:
        raise ImageError(
            "not_an_image", f"{name} is not an image in a format that is read ({_known()})."
        ) from error
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
    except DECODE_ERRORS as error:
        image.close()
        raise ImageError("truncated", f"{name} is damaged or cut short ({error}).") from error
    return image


@functools.cache
def _formats() -> tuple[str, ...]:
    """The formats that are read, as far as this Pillow has them."""
    from PIL import Image

    Image.init()
    return tuple(f for f in SUFFIXES if f in Image.OPEN)


def _known() -> str:
    return ", ".join(f for f in _formats() if f != "MPO")


def exif_orientation(image: Image.Image) -> int:
    """The EXIF orientation of an opened image, 1 to 8; 1 where it is absent or nonsense."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = image.getexif().get(0x0112, 1)
    except DECODE_ERRORS:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def inspect_image(source: Path | bytes, *, max_pixels: int = MAX_PIXELS) -> ImageInfo:
    """Format, size and oddities of an image file, after decoding all of it.

    Raises:
        ImageError: as `open_image`.
    """
    if isinstance(source, Path) and source.is_file():
        # An adapter looks before it hands a file over, and the run folder looks when it takes it:
        # one decode serves both.
        at = source.stat()
        return _inspect_file(str(source), at.st_size, at.st_mtime_ns, max_pixels)
    return _inspect(source, max_pixels)


@functools.lru_cache(maxsize=256)
def _inspect_file(path: str, size: int, mtime_ns: int, max_pixels: int) -> ImageInfo:
    return _inspect(Path(path), max_pixels)


def _inspect(source: Path | bytes, max_pixels: int) -> ImageInfo:
    image = open_image(source, max_pixels=max_pixels)
    notes = []
    if image.has_transparency_data:
        notes.append("alpha")
    if image.mode == "CMYK":
        notes.append("cmyk")
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("high_bit_depth")
    if exif_orientation(image) != 1:
        notes.append("exif_rotated")
    try:
        if getattr(image, "n_frames", 1) > 1:
            notes.append("animated")
    except DECODE_ERRORS:
        # Only the first frame is used, and that one was decoded.
        notes.append("damaged_frames")
    kind = image.format or "PNG"
    suffix = SUFFIXES[kind]
    if isinstance(source, Path):
        given = source.suffix.lower()
        given = {".jpeg": ".jpg", ".tiff": ".tif"}.get(given, given)
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
    from PIL import Image

    image = open_image(source, max_pixels=max_pixels)
    if as_official:
        with warnings.catch_warnings():
            # Pillow advises to keep the transparency of a palette; the scripts drop it.
            warnings.simplefilter("ignore")
            return image.convert("RGB")
    turn = exif_orientation(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    if turn != 1:
        # Not ImageOps.exif_transpose: it writes the EXIF anew, and damaged EXIF makes it fail.
        image = image.transpose(Image.Transpose[_TURNS[turn]])
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


_TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
          6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}  # fmt: skip


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Grey values of more than 8 bits as 8 bits.

    16-bit values are divided by 257, however dark the picture. 32-bit integers do not say their
    range, so they are taken as 8-bit where none exceeds 255 and as 16-bit otherwise.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    # Older versions of Pillow open a 16-bit PNG in mode "I".
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if sixteen or (image.mode == "I" and values.max(initial=0) > 255):
        values = values / 257.0
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
