"""What a judge is sent: files as they are, and anew only where it could not see them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from evals.core.errors import ImageError
from evals.core.images import MAX_PIXELS, load_rgb
from judges.images import Encoded, encode, fits, shown, upright_size
from judges.request import Request, Shown
from judges.rubric import ImagePolicy, Rubric, load_rubric

POLICY = ImagePolicy()
WIDTH, HEIGHT = 48, 32
RED, GREEN, BLUE, GREY = (220, 30, 30), (20, 200, 40), (30, 40, 210), (128, 128, 128)
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def picture(size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """Four quarters: red and green above, blue and grey below."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = GREY
    return Image.fromarray(pixels)


def corners(image: Image.Image) -> list[Any]:
    """Colours in the middle of the quarters, row by row."""
    w, h = image.size
    return [
        image.getpixel((x, y)) for y in (h // 4, h - h // 4 - 1) for x in (w // 4, w - w // 4 - 1)
    ]


def near(image: Image.Image, wanted: list[tuple[int, int, int]], most: int = 12) -> bool:
    differences = np.abs(np.array(corners(image), int) - np.array(wanted, int))
    return int(differences.max()) <= most


def opened(sent: Encoded) -> Image.Image:
    """What was sent, decoded; its type and size must be those that were declared."""
    image = Image.open(io.BytesIO(sent.data))
    assert Image.MIME[image.format or ""] == sent.mime
    assert image.size == sent.size
    assert image.mode == "RGB"
    assert not image.getexif()
    image.load()
    return image


def exif(turn: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = turn
    return made


def transparent_palette() -> Image.Image:
    image = picture().quantize(8)
    image.info["transparency"] = image.getpixel((0, 0))
    return image


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """``save(image, "a.png", format="JPEG", ...)`` -> path."""

    def write(image: Image.Image, name: str, **options: Any) -> Path:
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return write


# --- byte for byte ------------------------------------------------------------------------------

PLAIN: dict[str, tuple[Image.Image, str, dict[str, Any], str]] = {
    "png": (picture(), "a.png", {}, "image/png"),
    "png grey": (picture().convert("L"), "a.png", {}, "image/png"),
    "png palette": (picture().quantize(8), "a.png", {}, "image/png"),
    "png upright by exif": (picture(), "a.png", {"exif": exif(1)}, "image/png"),
    "jpeg": (picture(), "a.jpg", {"quality": 60}, "image/jpeg"),
    "jpeg grey": (picture().convert("L"), "a.jpeg", {}, "image/jpeg"),
    "jpeg progressive": (picture(), "a.jpg", {"progressive": True}, "image/jpeg"),
    "jpeg upright by exif": (picture(), "a.jpg", {"exif": exif(1)}, "image/jpeg"),
    "jpeg odd exif": (picture(), "a.jpg", {"exif": exif(77)}, "image/jpeg"),
    "webp": (picture(), "a.webp", {"lossless": True}, "image/webp"),
    "jpeg named png": (picture(), "a.png", {"format": "JPEG"}, "image/jpeg"),
    "png named jpg": (picture(), "a.jpg", {"format": "PNG"}, "image/png"),
    "webp without a name": (picture(), "a", {"format": "WEBP"}, "image/webp"),
}


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN)
def test_a_plain_file_goes_out_as_it_is(
    save: Callable[..., Path], case: tuple[Image.Image, str, dict[str, Any], str]
) -> None:
    image, name, options, mime = case
    path = save(image, name, **options)
    for fit in (None, (WIDTH, HEIGHT)):
        sent = encode(path, POLICY, fit)
        assert sent == Encoded(mime, path.read_bytes(), (WIDTH, HEIGHT))
    assert encode(path, ImagePolicy(max_side=WIDTH)).data == path.read_bytes()
    assert upright_size(path) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_only_the_header_of_a_plain_file_is_read(save: Callable[..., Path], name: str) -> None:
    path = save(picture((400, 300)), name)
    whole = path.read_bytes()
    cut = whole[: len(whole) * 3 // 4]
    path.write_bytes(cut)
    with pytest.raises(ImageError, match="damaged or cut short"):
        load_rgb(path)
    assert encode(path, POLICY).data == cut
    assert upright_size(path) == (400, 300)
    with pytest.raises(ImageError):  # what has to be written anew must be whole
        encode(path, ImagePolicy(max_side=100))


# --- written anew -------------------------------------------------------------------------------

ALL = [RED, GREEN, BLUE, GREY]
TURNED = [BLUE, RED, GREY, GREEN]
WHITE = (255, 255, 255)


@pytest.mark.parametrize("turn", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_rotated_picture_is_turned_upright(
    save: Callable[..., Path], kind: str, turn: int
) -> None:
    options: dict[str, Any] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    path = save(picture(), f"a.{kind.lower()}", exif=exif(turn), **options)
    size = (HEIGHT, WIDTH) if turn >= 5 else (WIDTH, HEIGHT)
    sent = encode(path, POLICY)
    assert (sent.mime, sent.size) == ("image/jpeg" if kind == "JPEG" else "image/png", size)
    assert upright_size(path) == size
    wanted = {2: [GREEN, RED, GREY, BLUE], 3: [GREY, BLUE, GREEN, RED], 4: [BLUE, GREY, RED, GREEN],
              5: [RED, BLUE, GREEN, GREY], 6: TURNED, 7: [GREY, GREEN, BLUE, RED],
              8: [GREEN, GREY, RED, BLUE]}[turn]  # fmt: skip
    assert near(opened(sent), wanted)


def test_a_png_that_is_rotated_by_xmp(save: Callable[..., Path]) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP)
    path = save(picture(), "a.png", pnginfo=info)
    assert upright_size(path) == load_rgb(path).size
    assert near(opened(encode(path, POLICY)), TURNED)


def alpha(mode: str) -> Image.Image:
    """Transparent in the left half of the picture."""
    image = picture().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, WIDTH // 2, HEIGHT))
    return image.convert(mode)


def grey(image: Image.Image) -> list[tuple[int, int, int]]:
    return [(v, v, v) for v in corners(image.convert("L"))]


ANEW: dict[str, tuple[Image.Image, str, dict[str, Any], str, list[tuple[int, int, int]]]] = {
    "png with alpha": (alpha("RGBA"), "a.png", {}, "image/png", [WHITE, GREEN, WHITE, GREY]),
    "webp with alpha": (
        alpha("RGBA"), "a.webp", {"lossless": True}, "image/png", [WHITE, GREEN, WHITE, GREY],
    ),
    "grey with alpha": (
        alpha("LA"), "a.png", {}, "image/png",
        [WHITE, grey(picture())[1], WHITE, grey(picture())[3]],
    ),
    "one transparent colour": (
        picture(), "a.png", {"transparency": RED}, "image/png", [WHITE, GREEN, BLUE, GREY],
    ),
    "transparent palette": (
        transparent_palette(), "a.png", {}, "image/png", [WHITE, GREEN, BLUE, GREY],
    ),
    "cmyk": (picture().convert("CMYK"), "a.jpg", {"quality": 95}, "image/jpeg", ALL),
    "bits": (
        picture().convert("L").point(lambda v: 255 * (v > 100)).convert("1"), "a.png", {},
        "image/png", [(0, 0, 0), WHITE, (0, 0, 0), WHITE],
    ),
    "gif": (picture(), "a.gif", {}, "image/png", ALL),
    "gif named png": (picture(), "a.png", {"format": "GIF"}, "image/png", ALL),
    "bmp": (picture(), "a.bmp", {}, "image/png", ALL),
    "tiff": (picture(), "a.tif", {}, "image/png", ALL),
    "animated webp": (
        picture(), "a.webp",
        {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))], "lossless": True},
        "image/png", ALL,
    ),
    "animated png": (
        picture(), "a.png",
        {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))]},
        "image/png", ALL,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ANEW.values(), ids=ANEW)
def test_what_not_every_endpoint_can_see_is_written_anew(
    save: Callable[..., Path],
    case: tuple[Image.Image, str, dict[str, Any], str, list[tuple[int, int, int]]],
) -> None:
    image, name, options, mime, wanted = case
    path = save(image, name, **options)
    sent = encode(path, POLICY)
    assert sent.data != path.read_bytes()
    assert (sent.mime, sent.size) == (mime, (WIDTH, HEIGHT))
    assert near(opened(sent), wanted)
    assert upright_size(path) == (WIDTH, HEIGHT)


def test_sixteen_bits_are_scaled_to_eight(save: Callable[..., Path]) -> None:
    steps = np.linspace(0, 255, WIDTH * HEIGHT).round().astype(np.uint16).reshape(HEIGHT, WIDTH)
    path = save(Image.fromarray(steps * 257), "a.png")
    sent = encode(path, POLICY)
    assert sent.mime == "image/png"
    assert np.array_equal(np.asarray(opened(sent))[..., 1], steps)


def test_a_photograph_of_a_phone_stays_a_jpeg(save: Callable[..., Path]) -> None:
    path = save(picture(), "a.jpg", format="MPO", save_all=True, append_images=[picture()])
    sent = encode(path, POLICY)
    assert near(opened(sent), ALL)
    assert sent.mime == "image/jpeg"


def test_what_is_sent_is_what_a_judge_that_runs_here_sees(save: Callable[..., Path]) -> None:
    path = save(alpha("RGBA"), "a.png")
    for fit in (None, (20, 30)):
        for policy in (POLICY, ImagePolicy(max_side=16)):
            seen = np.asarray(shown(path, policy, fit))
            assert np.array_equal(np.asarray(opened(encode(path, policy, fit))), seen)


# --- sizes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "side", "fit", "wanted"),
    [
        ((400, 300), 100, None, (100, 75)),
        ((300, 400), 100, None, (75, 100)),
        ((400, 300), 400, None, None),
        ((400, 300), 399, None, (399, 299)),
        ((2000, 2), 100, None, (100, 1)),
        ((40, 30), 100, (60, 20), (60, 20)),
        ((40, 30), 100, (40, 30), None),
        ((40, 30), 100, (40, 31), (40, 31)),
        ((40, 30), 100, (400, 100), (100, 25)),
        ((400, 300), 100, (40, 30), (40, 30)),
        ((100, 25), 100, (400, 100), None),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_size_that_is_sent(
    save: Callable[..., Path], size: tuple[int, int], side: int, fit: tuple[int, int] | None,
    wanted: tuple[int, int] | None, suffix: str,
) -> None:  # fmt: skip
    path = save(picture(size), f"a.{suffix}")
    sent = encode(path, ImagePolicy(max_side=side), fit)
    if wanted is None:
        assert sent.data == path.read_bytes()
        assert sent.size == size
        return
    assert (sent.mime, sent.size) == ({"png": "image/png", "jpg": "image/jpeg"}[suffix], wanted)
    image = opened(sent)
    assert shown(path, ImagePolicy(max_side=side), fit).size == wanted
    if min(wanted) > 10:
        assert near(image, ALL)


def test_quality_is_that_of_the_policy(save: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (200, 200, 3), np.uint8))
    path = save(noise, "a.jpg", quality=95)
    sizes = [len(encode(path, ImagePolicy(max_side=100, quality=q)).data) for q in (20, 60, 95)]
    assert sizes == sorted(set(sizes))


def test_a_rotated_picture_is_fitted_upright(save: Callable[..., Path]) -> None:
    path = save(picture(), "a.jpg", exif=exif(6), quality=95)
    sent = encode(path, POLICY, (64, 96))
    assert sent.size == (64, 96)
    assert near(opened(sent), TURNED)
    assert encode(path, ImagePolicy(max_side=24)).size == (16, 24)


@pytest.fixture
def rubric() -> Rubric:
    return load_rubric(
        'name = "r"\nversion = "1"\nscale = [1, 1]\nsystem = "s"\ntask = "t"\nfields = []\n'
        'images = [{role = "original", label = "a"}, '
        '{role = "edited", label = "b", fit = "original"}]\n'
        '[[dimensions]]\nkey = "A"\nname = "A"\ntitle = "T"\nask = "Q"\n'
        "[normalise]\n1 = 0.0\n[weights]\nA = 1.0\n"
    )


def test_an_image_is_brought_to_the_upright_size_of_another(
    save: Callable[..., Path], rubric: Rubric
) -> None:
    original = save(picture(), "o.jpg", exif=exif(6))
    edited = save(picture((10, 10)), "e.png")
    images = {
        "original": Shown(path=original, sha256="00"), "edited": Shown(path=edited, sha256="11"),
    }  # fmt: skip
    request = Request(rubric=rubric, fields={}, images=images)
    assert fits(request) == (None, (HEIGHT, WIDTH))
    plain = replace(rubric, images=tuple(replace(i, fit="") for i in rubric.images))
    assert fits(replace(request, rubric=plain)) == (None, None)
    gone = {**images, "original": Shown(path=original.with_name("gone.png"), sha256="00")}
    with pytest.raises(ImageError):
        fits(replace(request, images=gone))


# --- files that are none ------------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A PNG that says its size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        size, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
        return size + kind + data + check

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


BROKEN = {
    "empty": (b"", "empty_file"),
    "text": (b"<html>404</html>", "not_an_image"),
    "zeros": (bytes(5000), "not_an_image"),
    "a jpeg's first bytes": (b"\xff\xd8\xff\xe0", "not_an_image"),
    "a png's first bytes": (b"\x89PNG\r\n\x1a\n", "not_an_image"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
    "too many pixels": (png_header(MAX_PIXELS // 1000 + 1, 1000), "too_large"),
    "a bomb": (png_header(60_000, 60_000), "too_large"),
}


@pytest.mark.parametrize(("data", "kind"), BROKEN.values(), ids=BROKEN)
def test_garbage_is_a_named_error(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for look in (lambda: encode(path, POLICY), lambda: upright_size(path)):
        with pytest.raises(ImageError) as told:
            look()
        assert told.value.kind == kind


def test_a_header_of_the_largest_size_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_header(MAX_PIXELS // 1000, 1000))
    assert upright_size(path) == (MAX_PIXELS // 1000, 1000)


@pytest.mark.parametrize("name", ["gone.png", "."])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    for look in (lambda: encode(tmp_path / name, POLICY), lambda: upright_size(tmp_path / name)):
        with pytest.raises(ImageError) as told:
            look()
        assert told.value.kind == "not_found"
