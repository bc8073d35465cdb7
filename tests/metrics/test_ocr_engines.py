"""The embedded engine on rendered text, and what engines share."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from evals.core.errors import UserError
from metrics import ocr_engines
from metrics.ocr import OcrReader, OcrView, TextItem, make_engine
from metrics.ocr_engines import (
    MAX_DETECTOR_PIXELS,
    RapidOcrEngine,
    detector_pixels,
    file_hashes,
    items_of_rapidocr,
    missing_package,
    package_versions,
    padded_shape,
    pixel_sha256,
    text_item,
)

Pixels = NDArray[np.uint8]


def rendered(*lines: tuple[str, tuple[int, int]], ink: str = "black") -> Image.Image:
    """White 640 x 320 px with each text at its place, in Pillow's own font at 36 px."""
    image = Image.new("RGB", (640, 320), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(36)
    for text, place in lines:
        draw.text(place, text, font=font, fill=ink)
    return image


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> RapidOcrEngine:
    engine = RapidOcrEngine({}, tmp_path_factory.mktemp("cache"))
    if absence := engine.absence():
        pytest.skip(f"rapidocr is absent: {absence}")
    return engine


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.uint8)


# --- rapidocr on rendered text ----------------------------------------------------------------


def test_reads_text_where_it_was_drawn(engine: RapidOcrEngine) -> None:
    items = engine.read(pixels(rendered(("Morning Coffee", (40, 40)), ("Sale 2024", (300, 200)))))
    assert [i.text for i in items] == ["Morning Coffee", "Sale 2024"]
    assert all(0.9 < i.confidence <= 1.0 for i in items)
    x0, y0, x1, y1 = items[1].box
    assert 285 < x0 < 310
    assert 190 < y0 < 215
    assert 440 < x1 < 500
    assert 225 < y1 < 250
    assert all(len(i.polygon) == 4 for i in items)


def test_is_given_its_channels_in_the_right_order(
    engine: RapidOcrEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_to_rapidocr = []
    real = engine._load()

    def spy(array: Pixels) -> object:
        given_to_rapidocr.append(array)
        return real(array)

    monkeypatch.setattr(engine, "_reader", spy)
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    engine.read(red)
    assert given_to_rapidocr[0][0, 0].tolist() == [0, 0, 255]
    assert given_to_rapidocr[0].flags["C_CONTIGUOUS"]


def test_reads_the_same_as_rapidocr_by_itself(engine: RapidOcrEngine, tmp_path: Path) -> None:
    from rapidocr import RapidOCR

    image = rendered(("Library", (50, 60)), ("closed on Monday", (80, 180)), ink="darkred")
    path = tmp_path / "image.png"
    image.save(path)
    own = RapidOCR(params={"Global.log_level": "critical"})(str(path))
    assert engine.read(pixels(image)) == items_of_rapidocr(own)


@pytest.mark.parametrize(
    "shape", [(1, 1), (31, 33), (320, 640), pytest.param((900, 5), marks=pytest.mark.slow)]
)
def test_blank_and_tiny_images_hold_no_text(engine: RapidOcrEngine, shape: tuple[int, int]) -> None:
    assert engine.read(np.full((*shape, 3), 255, np.uint8)) == []


def test_strips_are_padded_at_the_right_and_below(
    engine: RapidOcrEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_to_rapidocr = []

    def spy(array: Pixels) -> object:
        given_to_rapidocr.append(array)
        return SimpleNamespace(boxes=None, txts=None)

    monkeypatch.setattr(engine, "_reader", spy)
    for shape in ((2400, 60, 3), (2, 900, 3)):
        strip = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        engine.read(strip)
        padded = given_to_rapidocr[-1][..., ::-1]
        height, width = shape[:2]
        assert padded.shape[:2] == padded_shape(height, width) != (height, width)
        # Coordinates stay what they are, and what is added is the image's own edge.
        assert np.array_equal(padded[:height, :width], strip)
        assert np.array_equal(padded[height - 1, width - 1], padded[-1, -1])


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(engine: RapidOcrEngine, bad: Pixels) -> None:
    with pytest.raises(ValueError, match=r"shape \(height, width, 3\) and type uint8, not"):
        engine.read(bad)


def test_is_quiet_and_single_threaded(
    engine: RapidOcrEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.read(np.full((64, 64, 3), 255, np.uint8))
    fresh = RapidOcrEngine({}, Path())
    fresh.read(pixels(rendered(("quiet", (40, 40)))))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level == logging.CRITICAL
    for part in (fresh._reader.text_det, fresh._reader.text_cls, fresh._reader.text_rec):
        options = part.session.session.get_session_options()
        assert options.intra_op_num_threads == 1
        assert options.inter_op_num_threads == 1


def test_never_asks_the_network(engine: RapidOcrEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the engine opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    fresh = RapidOcrEngine({}, Path())
    assert fresh.read(pixels(rendered(("offline", (40, 40)))))[0].text == "offline"


def test_through_the_reader_with_a_view(engine: RapidOcrEngine, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    rendered(("Harbour", (60, 80))).save(path)
    reader = OcrReader("rapidocr", {}, tmp_path / "cache")
    (full,) = reader.read(path)
    (half,) = reader.read(path, OcrView(size=(320, 160)))
    assert full.text == half.text == "Harbour"
    assert half.box == pytest.approx([v / 2 for v in full.box], abs=6)
    assert reader.read(path) == [full]


def test_identity_names_versions_and_weights(engine: RapidOcrEngine) -> None:
    identity = engine.identity()
    assert identity["engine"] == "rapidocr"
    packages, models = identity["packages"], identity["models"]
    assert isinstance(packages, dict)
    assert isinstance(models, dict)
    assert {"rapidocr", "onnxruntime"} <= set(packages)
    assert any(name.startswith("opencv") for name in packages)
    assert set(models) == {"det", "cls", "rec"}
    assert all(isinstance(h, str) and len(h) == 64 for h in models.values())


# --- absence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "fix"),
    [("rapidocr", "rapidocr>=3.10"), ("onnxruntime", "onnxruntime"), ("cv2", "opencv-python")],
)
def test_missing_package_is_named_with_its_mend(
    package: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ocr_engines,
        "missing_package",
        lambda names: next((n for n in names if n == package), None),
    )
    absence = make_engine("rapidocr").absence()
    assert absence is not None
    assert package in absence.reason
    assert absence.fix.startswith("pip install")
    assert fix in absence.fix


def test_missing_weights_are_an_absence_and_no_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr_engines, "rapidocr_folder", lambda: tmp_path)
    engine = make_engine("rapidocr")
    assert "PP-OCRv6_det_small.onnx of rapidocr is missing" in str(engine.absence())
    with pytest.raises(UserError, match="'rapidocr' cannot be used"):
        engine.read(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="'rapidocr' cannot be used"):
        engine.identity()


def test_a_left_over_namespace_folder_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_over_package").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert missing_package(("json", "left_over_package")) == "left_over_package"
    assert missing_package(("json", "no_such_package_at_all")) == "no_such_package_at_all"
    assert missing_package(("json", "numpy")) is None


# --- pure parts -------------------------------------------------------------------------------


def test_no_text_in_any_of_rapidocrs_result_classes() -> None:
    found_nothing = SimpleNamespace(boxes=None, txts=None, scores=None)
    boxes_only = SimpleNamespace(boxes=np.zeros((1, 4, 2)), scores=[0.9])
    assert items_of_rapidocr(found_nothing) == []
    assert items_of_rapidocr(boxes_only) == []


def test_numpy_types_become_plain_ones() -> None:
    result = SimpleNamespace(
        boxes=np.array([[[1, 2], [3, 2], [3, 4], [1, 4]]], dtype=np.float32),
        txts=("a",),
        scores=(np.float32(0.5),),
    )
    (item,) = items_of_rapidocr(result)
    assert item == TextItem(((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0)), "a", 0.5)
    assert type(item.polygon[0][0]) is float
    assert type(item.confidence) is float


def test_nonsense_of_an_engine_is_not_passed_on() -> None:
    with pytest.raises(ValueError, match="confidence nan"):
        text_item([(0, 0)], "a", float("nan"))
    with pytest.raises(ValueError, match="0 corners"):
        text_item([], "a", 1.0)


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_padding_bounds_the_detector_and_touches_strips_only(height: int, width: int) -> None:
    new_height, new_width = padded_shape(height, width)
    assert new_height >= height
    assert new_width >= width
    pixels = detector_pixels(new_height, new_width)
    assert pixels is not None
    assert pixels <= MAX_DETECTOR_PIXELS
    if max(height, width) < 24 * min(height, width):
        assert (new_height, new_width) == (height, width)


def test_detector_size_is_what_rapidocr_makes_of_it(
    engine: RapidOcrEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = engine._load()._load_det_model()
    shapes = []

    class Spy:
        def __call__(self, array: NDArray[np.float32]) -> object:
            shapes.append(array.shape)
            return np.zeros((1, 1, *array.shape[2:]), np.float32)

    monkeypatch.setattr(detector, "session", Spy())
    sizes = [(1, 1), (29, 31), (100, 801), (320, 640), (30, 200), (700, 60), (2100, 300)]
    for height, width in sizes:
        engine.read(np.full((height, width, 3), 255, np.uint8))
    assert [s[2] * s[3] for s in shapes] == [detector_pixels(h, w) for h, w in sizes]


def test_versions_of_absent_packages_are_left_out() -> None:
    assert set(package_versions(("numpy", "no-such-distribution"))) == {"numpy"}


def test_file_hashes_follow_the_content(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    before = file_hashes({"det": file})
    file.write_bytes(b"three")
    assert file_hashes({"det": file}) != before


def test_pixel_hash_sees_shape_and_content() -> None:
    flat = np.zeros((2, 8, 3), np.uint8)
    assert pixel_sha256(flat) != pixel_sha256(flat.reshape(8, 2, 3))
    other = flat.copy()
    other[0, 0, 0] = 1
    assert pixel_sha256(flat) != pixel_sha256(other)
    assert pixel_sha256(flat) == pixel_sha256(flat[:, ::1])
