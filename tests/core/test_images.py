"""Opening images that strangers made: every kind of bad file is a named error or a note."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from evals.core.errors import ImageError
from evals.core.images import (
    MAX_PIXELS,
    SUFFIXES,
    inspect_image,
    load_rgb,
    open_image,
    sha256_file,
)

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise() -> Image.Image:
    return Image.fromarray(NOISE)


def oriented(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def frames(kind: str, **options: Any) -> bytes:
    pictures = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    return encoded(pictures[0], kind, save_all=True, append_images=pictures[1:], **options)


def grey_png(bits: int, rows: NDArray[Any]) -> bytes:
    """A greyscale PNG of any size without holding its pixels: rows repeat."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    height, width = rows.shape
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(b"\0" + row.tobytes()) for row in rows) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def kind_of(source: bytes | Path) -> str:
    """The kind of error, the same for all three ways in."""
    kinds = set()
    for way in (open_image, inspect_image, load_rgb, lambda s: load_rgb(s, as_official=True)):
        with pytest.raises(ImageError) as error:
            way(source)
        kinds.add(error.value.kind)
    (kind,) = kinds
    return kind


def first(image: Image.Image) -> tuple[int, ...]:
    assert image.mode == "RGB"
    return tuple(int(v) for v in np.asarray(image)[0, 0])


# --- files that are no image ------------------------------------------------------------------


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "gone.png") == "not_found"
    assert kind_of(tmp_path) == "not_found"
    with pytest.raises(ImageError, match=r"gone\.png does not exist or is not a file"):
        open_image(tmp_path / "gone.png")


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    assert kind_of(path) == kind_of(b"") == "empty_file"
    with pytest.raises(ImageError, match=r"empty\.png has 0 bytes"):
        open_image(path)


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"<html><body>502 Bad Gateway</body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        b"%PDF-1.4\n",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        bytes(1000),
    ],
)
def test_no_image(content: bytes, tmp_path: Path) -> None:
    assert kind_of(content) == "not_an_image"
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"image\.png is not an image in a format that is read"):
        open_image(path)


@pytest.mark.parametrize("kind", ["EPS", "ICO", "ICNS", "TGA"])
def test_formats_that_need_a_program_or_a_choice_are_refused(kind: str) -> None:
    assert kind_of(encoded(Image.new("RGB", (32, 32)), kind)) == "not_an_image"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated(kind: str, share: float, tmp_path: Path) -> None:
    whole = encoded(noise(), kind)
    path = tmp_path / "cut.png"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert kind_of(path) in {"truncated", "not_an_image"}
    if kind in {"PNG", "JPEG", "GIF"}:
        assert kind_of(path) == "truncated"
        with pytest.raises(ImageError, match=r"cut\.png is damaged or cut short"):
            open_image(path)


def test_flipped_bytes_never_escape_as_another_error() -> None:
    """Byte errors as a broken disk or a bad upload makes them; the seed is fixed."""
    seeds = [
        encoded(noise(), "PNG", exif=oriented(6)),
        encoded(noise(), "JPEG", exif=oriented(6)),
        encoded(noise(), "WEBP", lossless=True),
        encoded(noise(), "TIFF"),
        encoded(noise(), "BMP"),
        frames("GIF"),
        frames("WEBP"),
        frames("PNG"),
    ]
    random_ = random.Random(3)
    outcomes = set()
    for _ in range(1500):
        data = bytearray(random_.choice(seeds))
        for _ in range(random_.choice([1, 2, 5])):
            data[random_.randrange(min(len(data), random_.choice([60, 300, 10**6])))] = (
                random_.randrange(256)
            )
        if random_.random() < 0.3:
            data = data[: random_.randrange(1, len(data))]
        for way in (inspect_image, load_rgb):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    way(bytes(data))
                outcomes.add("ok")
            except ImageError as error:
                outcomes.add(error.kind)
    assert {"ok", "truncated", "not_an_image"} <= outcomes


# --- size -------------------------------------------------------------------------------------


def test_one_pixel() -> None:
    data = encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")
    info = inspect_image(data)
    assert (info.width, info.height, info.notes) == (1, 1, ())
    assert first(load_rgb(data)) == (1, 2, 3)


def test_hundred_megapixels_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = np.zeros((1, 10_000), np.uint8)
    data = grey_png(8, np.broadcast_to(row, (10_000, 10_000)))
    assert len(data) < 1_000_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind_of(data) == "too_large"
    with pytest.raises(ImageError, match=r"10000x10000 pixels, more than the limit of 64,000,000"):
        open_image(data)


def test_header_that_claims_a_giant_is_refused() -> None:
    data = bytearray(encoded(noise(), "PNG"))
    data[16:24] = struct.pack(">II", 2_000_000_000, 2_000_000_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    assert kind_of(bytes(data)) == "too_large"


def test_the_limit_itself_is_allowed() -> None:
    data = encoded(noise(), "PNG")
    assert load_rgb(data, max_pixels=1200).size == (40, 30)
    with pytest.raises(ImageError):
        load_rgb(data, max_pixels=1199)
    assert MAX_PIXELS == 64_000_000


# --- names and formats ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "notes"),
    [
        ("PNG", "a.png", ()),
        ("JPEG", "a.jpeg", ()),
        ("JPEG", "a.JPG", ()),
        ("TIFF", "a.tiff", ()),
        ("PNG", "a.jpg", ("named_jpg",)),
        ("WEBP", "12.0.png", ("named_png",)),
        ("JPEG", "a", ("named_without_suffix",)),
    ],
)
def test_the_content_decides_and_the_name_is_noted(
    kind: str, name: str, notes: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(noise(), kind))
    info = inspect_image(path)
    assert (info.format, info.suffix, info.notes) == (kind, SUFFIXES[kind], notes)
    assert (info.width, info.height) == (40, 30)


def test_bytes_have_no_name_to_note() -> None:
    assert inspect_image(encoded(noise(), "WEBP")).notes == ()


# --- colour -----------------------------------------------------------------------------------


def test_cmyk() -> None:
    data = encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=95)
    assert inspect_image(data).notes == ("cmyk",)
    for official in (False, True):
        assert first(load_rgb(data, as_official=official)) == pytest.approx((0, 255, 255), abs=3)


@pytest.mark.parametrize(
    ("value", "person", "official"),
    [(0, 0, 0), (200, 1, 200), (257, 1, 255), (32896, 128, 255), (65535, 255, 255)],
)
def test_sixteen_bit_grey_is_scaled_whatever_its_brightest_value(
    value: int, person: int, official: int
) -> None:
    data = grey_png(16, np.full((4, 4), value, dtype=">u2"))
    assert inspect_image(data).notes == ("high_bit_depth",)
    assert first(load_rgb(data)) == (person,) * 3
    assert first(load_rgb(data, as_official=True)) == (official,) * 3


def test_32_bit_integers_and_floats() -> None:
    def tiff(values: NDArray[Any]) -> bytes:
        return encoded(Image.fromarray(values), "TIFF")

    assert first(load_rgb(tiff(np.full((4, 4), 200, np.int32)))) == (200,) * 3
    assert first(load_rgb(tiff(np.full((4, 4), 65535, np.int32)))) == (255,) * 3
    assert first(load_rgb(tiff(np.full((4, 4), 99.6, np.float32)))) == (100,) * 3
    assert first(load_rgb(tiff(np.full((4, 4), 1e9, np.float32)))) == (255,) * 3
    assert inspect_image(tiff(np.zeros((4, 4), np.float32))).notes == ("high_bit_depth",)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_plain_modes(mode: str) -> None:
    data = encoded(Image.new("RGB", (4, 4), "white").convert(mode), "PNG")
    assert inspect_image(data).notes == ()
    assert first(load_rgb(data)) == first(load_rgb(data, as_official=True)) == (255, 255, 255)


# --- transparency -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "person"), [(0, (255, 255, 255)), (255, (200, 0, 0)), (128, (227, 127, 127))]
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_lies_on_white_and_the_released_way_drops_it(
    kind: str, alpha: int, person: tuple[int, ...]
) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = encoded(Image.new("RGBA", (4, 4), (200, 0, 0, alpha)), kind, **options)
    # A WEBP file without any transparent pixel is stored without alpha.
    if not (kind == "WEBP" and alpha == 255):
        assert inspect_image(data).notes == ("alpha",)
    assert first(load_rgb(data)) == pytest.approx(person, abs=1)
    assert first(load_rgb(data, as_official=True)) == (200, 0, 0)


def test_transparent_palette_entry() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    data = encoded(image, "PNG", transparency=1)
    assert inspect_image(data).notes == ("alpha",)
    assert first(load_rgb(data)) == (255, 255, 255)
    assert first(load_rgb(data, as_official=True)) == (10, 20, 30)


@pytest.mark.parametrize(("mode", "key"), [("L", 77), ("RGB", (1, 2, 3))])
def test_transparent_colour_key(mode: str, key: Any) -> None:
    data = encoded(Image.new(mode, (4, 4), key), "PNG", transparency=key)
    assert inspect_image(data).notes == ("alpha",)
    assert first(load_rgb(data)) == (255, 255, 255)
    assert first(load_rgb(data, as_official=True)) == (key if mode == "RGB" else (77,) * 3)


def test_grey_with_alpha() -> None:
    data = encoded(Image.new("LA", (4, 4), (50, 0)), "PNG")
    assert inspect_image(data).notes == ("alpha",)
    assert first(load_rgb(data)) == (255, 255, 255)


# --- EXIF -------------------------------------------------------------------------------------

# EXIF 2.32, table 6: which corner of what is seen holds the first stored pixel.
SEEN: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("value", sorted(SEEN))
def test_exif_rotation_is_applied_for_people_only(kind: str, value: int) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(noise(), kind, exif=oriented(value), **options)
    info = inspect_image(data)
    assert (info.width, info.height) == (40, 30)
    assert info.notes == (() if value == 1 else ("exif_rotated",))
    assert np.array_equal(np.asarray(load_rgb(data)), SEEN[value](NOISE))
    assert np.array_equal(np.asarray(load_rgb(data, as_official=True)), NOISE)


def test_exif_rotation_of_jpeg_and_of_16_bit() -> None:
    data = encoded(noise(), "JPEG", exif=oriented(6))
    assert load_rgb(data).size == (30, 40)
    assert load_rgb(data, as_official=True).size == (40, 30)
    deep = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40))
    assert load_rgb(encoded(deep, "PNG", exif=oriented(8))).size == (30, 40)


@pytest.mark.parametrize("value", [0, 9, 99, 65535])
def test_orientation_outside_its_range_is_ignored(value: int) -> None:
    data = encoded(noise(), "PNG", exif=oriented(value))
    assert inspect_image(data).notes == ()
    assert load_rgb(data).size == (40, 30)


@pytest.mark.parametrize(
    "junk",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\2\0\0\0\1A\0\0\0\0\0\0\0",
        b"x" * 100,
    ],
)
def test_junk_in_exif_harms_nothing(junk: bytes) -> None:
    data = encoded(noise(), "JPEG", exif=junk)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inspect_image(data).notes == ()
        assert load_rgb(data).size == (40, 30)


# --- animation --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_used(kind: str) -> None:
    data = frames(kind, **({"lossless": True} if kind == "WEBP" else {}))
    info = inspect_image(data)
    assert info.notes == ("animated",)
    assert (info.width, info.height) == (8, 6)
    assert first(load_rgb(data)) == (255, 0, 0)


def test_animation_with_damaged_later_frames_is_noted() -> None:
    data = frames("GIF")
    start = data.index(b"\x2c", data.index(b"\x2c") + 1)
    cut = data[: start + 5]
    assert first(load_rgb(cut)) == (255, 0, 0)
    assert inspect_image(cut).notes == ("damaged_frames",)


# --- hashing ----------------------------------------------------------------------------------


def test_sha256_of_a_file_longer_than_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "long"
    data = bytes(range(256)) * 9000
    path.write_bytes(data)
    assert sha256_file(path) == hashlib.sha256(data).hexdigest()
