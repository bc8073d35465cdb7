"""Images for a judge: encoded when they are sent, as they are wherever that is possible.

A file goes out byte for byte, under its true type, unless a judge could not see it as a person
does: a side is too long, it has to be brought to another image's size, it is rotated by EXIF,
transparent, of an odd mode or of a type that endpoints do not take. Then it is written anew: as
JPEG when it was one, else as PNG.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.core.errors import ImageError
from evals.core.images import DECODE_ERRORS, MAX_PIXELS, exif_orientation, load_rgb, open_image
from judges.request import Request
from judges.rubric import ImagePolicy

if TYPE_CHECKING:
    from PIL import Image

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats that endpoints take, by Pillow's name."""
_ROTATIONS = (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type")
"""Where a PNG can say that it is rotated."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image as it is sent.

    Attributes:
        mime: its true type.
        data: the file's bytes.
        size: (width, height) in pixels.
    """

    mime: str
    data: bytes
    size: tuple[int, int]


def encode(path: Path, policy: ImagePolicy, fit: tuple[int, int] | None = None) -> Encoded:
    """One image as the policy has it.

    Args:
        path: of the file.
        policy: see `ImagePolicy`.
        fit: (width, height) to bring it to first, or None.

    Raises:
        ImageError: it cannot be decoded.
    """
    data = _read(path)
    kind, size, plain = _look(path.name, data)
    if plain and _limited(fit or size, policy.max_side) == size:
        return Encoded(TYPES[kind], data, size)
    image = shown(path, policy, fit)
    stream = io.BytesIO()
    if kind in {"JPEG", "MPO"}:
        image.save(stream, "JPEG", quality=policy.quality, subsampling=0)
        return Encoded("image/jpeg", stream.getvalue(), image.size)
    image.save(stream, "PNG", compress_level=1)
    return Encoded("image/png", stream.getvalue(), image.size)


def shown(path: Path, policy: ImagePolicy, fit: tuple[int, int] | None = None) -> Image.Image:
    """The pixels that a judge sees, for one that runs here.

    Raises:
        ImageError: it cannot be decoded.
    """
    from PIL import Image

    image = load_rgb(path)
    wanted = _limited(fit or image.size, policy.max_side)
    return image if image.size == wanted else image.resize(wanted, Image.Resampling.LANCZOS)


def upright_size(path: Path) -> tuple[int, int]:
    """(width, height) as a person sees the image.

    Raises:
        ImageError: it cannot be decoded.
    """
    return _look(path.name, _read(path))[1]


def sent_sizes(paths: Iterable[Path], policy: ImagePolicy) -> tuple[tuple[int, int], ...]:
    """(width, height) at which images are sent, by their headers; unreadable ones are left out.

    For estimates only: whoever sends an image finds out what is wrong with it.
    """
    found = []
    for path in paths:
        with contextlib.suppress(ImageError):
            found.append(_limited(upright_size(path), policy.max_side))
    return tuple(found)


def encode_all(request: Request) -> list[Encoded]:
    """The images of a request as they are sent, in order.

    Raises:
        ImageError: one of them cannot be decoded.
    """
    policy = request.rubric.policy
    return [
        encode(s.path, policy, fit) for s, fit in zip(request.shown, fits(request), strict=True)
    ]


def fits(request: Request) -> tuple[tuple[int, int] | None, ...]:
    """The size that each image of a request is brought to first; None for its own.

    Raises:
        ImageError: an image that another one is fitted to cannot be decoded.
    """
    return tuple(
        upright_size(request.images[slot.fit].path) if slot.fit else None
        for slot in request.rubric.images
    )


def _limited(size: tuple[int, int], side: int) -> tuple[int, int]:
    longest = max(size)
    if longest <= side:
        return size
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError("not_found", f"{path} cannot be read ({error.strerror}).") from error


def _look(name: str, data: bytes) -> tuple[str, tuple[int, int], bool]:
    """Format, size as seen, and whether the file can be sent as it is.

    Only the header is read where that is enough: decoding three pictures for every verdict would
    cost more than all the rest.

    Raises:
        ImageError: it cannot be decoded.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=tuple(TYPES))
    except (*DECODE_ERRORS, Image.DecompressionBombError):
        image = open_image(data)  # of another format, or the error that names the fault
    kind, size = image.format or "", image.size
    if size[0] * size[1] > MAX_PIXELS:
        raise ImageError("too_large", f"{name} has {size[0]}x{size[1]} pixels; scale it down.")
    # Pillow decodes a whole PNG to find its EXIF, so first see whether it has any.
    may_turn = kind != "PNG" or any(w in data for w in _ROTATIONS)
    turn = exif_orientation(image) if may_turn else 1
    plain = (
        kind in TYPES
        and turn == 1
        and image.mode in {"RGB", "L", "P"}
        and not image.has_transparency_data
        and getattr(image, "n_frames", 1) == 1
    )
    return kind, size if turn < 5 else (size[1], size[0]), plain
