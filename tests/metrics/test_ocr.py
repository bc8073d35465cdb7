"""The OCR contract: views, the cached reader, engines by name, agreement."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from evals.core.errors import ImageError, UserError
from evals.core.types import JSON, Absence
from metrics import ocr
from metrics.ocr import ENGINES, OcrReader, OcrView, TextItem, agreement, make_engine
from metrics.ocr_engines import RecordedEngine, write_recording

Pixels = NDArray[np.uint8]
SQUARE = ((1.0, 2.0), (9.0, 2.0), (9.0, 6.5), (1.0, 6.5))


class CountingEngine:
    """Reads the image's size and its top-left pixel, and remembers what it was given."""

    name = "counting"
    OPTIONS = ("tag",)
    seen: ClassVar[list[Pixels]] = []

    def __init__(self, options: Mapping[str, str], cache: Path) -> None:
        self.tag = options.get("tag", "")

    def identity(self) -> Mapping[str, JSON]:
        return {"engine": self.name, "tag": self.tag}

    def absence(self) -> Absence | None:
        return None

    def read(self, rgb: Pixels) -> list[TextItem]:
        CountingEngine.seen.append(rgb)
        pixel = ",".join(str(v) for v in rgb[0, 0])
        return [TextItem(SQUARE, f"{rgb.shape[1]}x{rgb.shape[0]} {pixel} “é”", 0.1)]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Pixels]]:
    monkeypatch.setattr(ocr, "ENGINES", {**ENGINES, "counting": f"{__name__}:CountingEngine"})
    CountingEngine.seen = []
    for memo in (ocr._shared_engine, ocr._shared_identity, ocr._file_facts):
        memo.cache_clear()
    yield CountingEngine.seen
    for memo in (ocr._shared_engine, ocr._shared_identity):
        memo.cache_clear()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (20, 10), (10, 20, 30)).save(path)
    return path


def cache_files(cache: Path) -> list[Path]:
    return sorted(p for p in (cache / "ocr").rglob("*.json") if p.name != "engine.json")


# --- values -----------------------------------------------------------------------------------


def test_box_is_the_bounding_box_of_a_rotated_polygon() -> None:
    item = TextItem(((5, 0), (10, 5), (5, 10), (0, 5)), "x", 1.0)
    assert item.box == (0, 0, 10, 10)


def test_unknown_engine_and_unknown_option_name_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no OCR engine 'rapidorc'.*'rapidocr'"):
        make_engine("rapidorc")
    with pytest.raises(UserError, match="option of the OCR engine 'paddleocr-official' 'dett'"):
        make_engine("paddleocr-official", {"dett": "/nowhere"})


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_making_an_engine_loads_nothing(name: str) -> None:
    engine = make_engine(name)
    assert engine.name == name
    assert isinstance(engine.absence(), Absence | None)


def test_importing_the_contract_loads_no_heavy_package() -> None:
    code = (
        "import sys, metrics.ocr as o, metrics.ocr_paddle, pathlib\n"
        "for n in o.ENGINES: o.make_engine(n, cache=pathlib.Path('x')).absence()\n"
        "heavy = {'torch', 'cv2', 'onnxruntime', 'rapidocr', 'paddleocr', 'paddlex', 'pandas', "
        "'PIL', 'rapidfuzz'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(ocr.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


# --- the cache --------------------------------------------------------------------------------


def test_second_reading_comes_from_the_cache(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")
    first = reader.read(picture)
    again = OcrReader("counting", {}, tmp_path / "cache").read(picture)
    assert len(counting) == 1
    assert first == again == [TextItem(SQUARE, "20x10 10,20,30 “é”", 0.1)]
    (entry,) = cache_files(tmp_path / "cache")
    assert entry.parent.name == entry.stem[:2]
    assert entry.parent.parent.name == reader.fingerprint()
    about = json.loads((entry.parent.parent / "engine.json").read_text())
    assert about == {"engine": "counting", "tag": ""}


def test_equal_bytes_share_a_reading_and_changed_bytes_do_not(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")
    reader.read(picture)
    copy = tmp_path / "another name.jpg"
    copy.write_bytes(picture.read_bytes())
    reader.read(copy)
    assert len(counting) == 1
    Image.new("RGB", (21, 10), (10, 20, 30)).save(picture)
    assert reader.read(picture)[0].text.startswith("21x10")
    assert len(counting) == 2


def test_engines_of_another_identity_do_not_share_readings(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    one = OcrReader("counting", {}, tmp_path / "cache")
    two = OcrReader("counting", {"tag": "other weights"}, tmp_path / "cache")
    assert one.fingerprint() != two.fingerprint()
    one.read(picture)
    two.read(picture)
    assert len(counting) == 2


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"schema": 1}',
        lambda good: good[: len(good) // 2],
        lambda good: good.replace(b"20x10", b"20x11"),
        lambda good: good.replace(b'"schema":1', b'"schema":99'),
        lambda good: good.replace(b'"swap_rb":false', b'"swap_rb":true'),
    ],
)
def test_damaged_cache_entry_is_read_again_and_mended(
    counting: list[Pixels], picture: Path, tmp_path: Path, damage: bytes | Callable[[bytes], bytes]
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")
    want = reader.read(picture)
    (entry,) = cache_files(tmp_path / "cache")
    good = entry.read_bytes()
    bad = damage(good) if callable(damage) else damage
    assert bad != good
    entry.write_bytes(bad)
    assert reader.read(picture) == want
    assert len(counting) == 2
    assert entry.read_bytes() == good
    assert reader.read(picture) == want
    assert len(counting) == 2


def test_nothing_found_is_cached_too(
    picture: Path, tmp_path: Path, counting: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Pixels] = []

    def nothing(self: CountingEngine, rgb: Pixels) -> list[TextItem]:
        calls.append(rgb)
        return []

    monkeypatch.setattr(CountingEngine, "read", nothing)
    reader = OcrReader("counting", {}, tmp_path / "cache")
    assert reader.read(picture) == []
    assert reader.read(picture) == []
    assert len(calls) == 1


def test_engine_failure_is_neither_hidden_nor_cached(
    picture: Path, tmp_path: Path, counting: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: CountingEngine, rgb: Pixels) -> list[TextItem]:
        raise RuntimeError("the session died")

    monkeypatch.setattr(CountingEngine, "read", broken)
    reader = OcrReader("counting", {}, tmp_path / "cache")
    with pytest.raises(RuntimeError, match="the session died"):
        reader.read(picture)
    assert cache_files(tmp_path / "cache") == []


def test_unwritable_cache_is_a_user_error(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="Cannot write"):
        OcrReader("counting", {}, tmp_path / "cache").read(picture)


# --- views ------------------------------------------------------------------------------------


def test_views_reach_the_engine_and_have_entries_of_their_own(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")
    views = [
        OcrView(),
        OcrView(swap_rb=True),
        OcrView(size=(5, 7)),
        OcrView(size=(7, 5)),
        OcrView(as_official=True),
    ]
    texts = [reader.read(picture, v)[0].text for v in views]
    assert [t.split(" “")[0] for t in texts] == [
        "20x10 10,20,30", "20x10 30,20,10", "5x7 10,20,30", "7x5 10,20,30", "20x10 10,20,30",
    ]  # fmt: skip
    assert len(counting) == len(views) == len(cache_files(tmp_path / "cache"))
    assert all(a.flags["C_CONTIGUOUS"] and a.dtype == np.uint8 for a in counting)


def test_resizing_is_lanczos_and_exact(counting: list[Pixels], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(noise).save(path)
    OcrReader("counting", {}, tmp_path / "cache").read(path, OcrView(size=(17, 23)))
    want = np.asarray(Image.fromarray(noise).resize((17, 23), Image.Resampling.LANCZOS))
    assert np.array_equal(counting[0], want)


FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}


@pytest.mark.parametrize("kind", sorted(FORMATS))
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("as_official", [False, True])
def test_asking_for_the_own_size_is_no_view_of_its_own(
    counting: list[Pixels], tmp_path: Path, kind: str, orientation: int, as_official: bool
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned{FORMATS[kind]}"
    Image.new("RGB", (20, 10), (1, 2, 3)).save(path, format=kind, exif=exif)
    reader = OcrReader("counting", {}, tmp_path / "cache")
    reader.read(path, OcrView(as_official=as_official))
    height, width = counting[0].shape[:2]
    if kind != "TIFF":
        assert (width == 10) == (orientation >= 5 and not as_official)
    reader.read(path, OcrView(size=(width, height), as_official=as_official))
    assert len(counting) == 1
    reader.read(path, OcrView(size=(height, width), as_official=as_official))
    assert len(counting) == 2


def test_header_of_a_plain_png_is_enough(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counting: list[Pixels]
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")
    reader.read(picture)
    ocr._file_facts.cache_clear()

    def decoded(*_: object) -> None:
        raise AssertionError("a cached reading decoded the image")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decoded)
    assert reader.read(picture, OcrView(size=(20, 10)))[0].text.startswith("20x10")


def test_images_are_decoded_as_people_or_as_the_released_script_see_them(
    counting: list[Pixels], tmp_path: Path
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")

    def first(image: Image.Image, name: str, view: OcrView | None = None) -> list[int]:
        image.save(tmp_path / name)
        reader.read(tmp_path / name, view or OcrView())
        return [int(v) for v in counting[-1][0, 0]]

    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert first(clear, "alpha.png") == [255, 255, 255]
    assert first(clear, "alpha.png", OcrView(as_official=True)) == [255, 0, 0]
    deep = Image.fromarray(np.full((4, 4), 32896, dtype=np.uint16))
    assert first(deep, "deep.png") == [128, 128, 128]
    ink = Image.new("CMYK", (4, 4), (0, 0, 0, 0))
    assert first(ink, "ink.jpg") == pytest.approx([255, 255, 255], abs=2)
    grey = Image.new("L", (4, 4), 77)
    assert first(grey, "grey.png") == [77, 77, 77]


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "empty_file"), (b"not an image", "not_an_image"), (None, "not_found")],
)
def test_unusable_file_is_an_image_error(
    counting: list[Pixels], tmp_path: Path, content: bytes | None, kind: str
) -> None:
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError) as error:
        OcrReader("counting", {}, tmp_path / "cache").read(path, OcrView(size=(5, 5)))
    assert error.value.kind == kind
    assert not counting


def test_folder_and_truncated_file_are_image_errors(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    reader = OcrReader("counting", {}, tmp_path / "cache")
    with pytest.raises(ImageError) as error:
        reader.read(tmp_path)
    assert error.value.kind == "not_found"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(picture)
    picture.write_bytes(picture.read_bytes()[:-3000])
    with pytest.raises(ImageError) as error:
        reader.read(picture)
    assert error.value.kind == "truncated"


# --- pickling, processes, quirk ---------------------------------------------------------------


def test_reader_pickles_small_and_without_its_engine(
    counting: list[Pixels], picture: Path, tmp_path: Path
) -> None:
    reader = OcrReader("counting", {"tag": "t"}, tmp_path / "cache")
    reader.read(picture)
    data = pickle.dumps(reader)
    assert len(data) < 1000
    twin = pickle.loads(data)
    assert twin == reader
    assert hash(twin) == hash(reader)
    assert twin.fingerprint() == reader.fingerprint()
    assert twin.read(picture) == reader.read(picture)
    assert len(counting) == 1


def test_readers_of_one_configuration_share_an_engine_but_not_across_processes(
    counting: list[Pixels], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = OcrReader("counting", {}, tmp_path)
    assert one.engine is OcrReader("counting", {}, tmp_path).engine
    assert one.engine is not OcrReader("counting", {"tag": "x"}, tmp_path).engine
    before = one.engine
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert one.engine is not before


def test_only_the_official_engine_repeats_the_channel_swap(tmp_path: Path) -> None:
    swaps = {n: OcrReader(n, {}, tmp_path).engine_quirk_swap_rb for n in ENGINES}
    assert swaps == {n: n == "paddleocr-official" for n in ENGINES}


# --- recorded ---------------------------------------------------------------------------------


def test_recorded_engine_through_the_reader(picture: Path, tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    items = [TextItem(SQUARE, "Größe 日本", 0.5)]
    write_recording(file, [(np.asarray(Image.open(picture)), items)])
    reader = OcrReader("recorded", {"file": str(file)}, tmp_path / "cache")
    assert reader.absence() is None
    assert reader.read(picture) == items
    assert reader.identity()["models"] == {"file": hashlib.sha256(file.read_bytes()).hexdigest()}
    with pytest.raises(UserError, match="has no reading for the pixels"):
        reader.read(picture, OcrView(swap_rb=True))


def test_recorded_engine_says_what_is_absent(tmp_path: Path) -> None:
    assert "no recording was named" in str(RecordedEngine({}, tmp_path).absence())
    reader = OcrReader("recorded", {"file": str(tmp_path / "gone.json")}, tmp_path)
    assert "gone.json" in str(reader.absence())
    with pytest.raises(UserError, match=r"'recorded' cannot be used.*give --ocr-option file="):
        reader.fingerprint()


# --- agreement --------------------------------------------------------------------------------


def reading(*texts: str) -> list[TextItem]:
    return [TextItem(SQUARE, t, 1.0) for t in texts]


def test_agreement_ignores_case_spacing_punctuation_and_the_split_into_items() -> None:
    assert agreement({"a": reading("Open now!"), "b": reading("OPEN", "Ｎｏｗ")}) == 1.0


def test_agreement_is_the_worst_pair() -> None:
    three = {"a": reading("abcd"), "b": reading("abcd"), "c": reading("abxy")}
    assert agreement(three) == 0.5


def test_agreement_of_nothing() -> None:
    assert agreement({"a": [], "b": []}) == 1.0
    assert agreement({"a": [], "b": reading("text")}) == 0.0
    assert agreement({"a": [], "b": reading("...")}) == 1.0
    with pytest.raises(ValueError, match="two readings"):
        agreement({"a": reading("text")})


@given(st.lists(st.text(max_size=8), min_size=2, max_size=4))
def test_agreement_is_bounded_and_symmetric(texts: list[str]) -> None:
    forward = agreement({str(i): reading(t) for i, t in enumerate(texts)})
    backward = agreement({str(i): reading(t) for i, t in enumerate(reversed(texts))})
    assert 0.0 <= forward <= 1.0
    assert forward == backward
