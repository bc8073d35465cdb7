"""PaddleOCR: arguments and results of both generations, absence, and a real run of 3.x.

The result shapes of 2.10 were recorded from a real run of PaddleOCR 2.10.0 with paddlepaddle 3.0.0
in an environment of its own; those of 3.x from 3.7.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from evals.core.errors import UserError
from evals.core.types import Absence
from metrics import ocr_paddle
from metrics.ocr import TextItem, make_engine
from metrics.ocr_paddle import PaddleOfficialEngine, backend_3x, characters, model_folder
from metrics.ocr_paddle_formats import (
    KIT_SETTINGS,
    ONNX_NAMES,
    arguments_2x,
    arguments_3x,
    items_of_2x,
    items_of_3x,
    lacking_file,
    model_name,
    yaml_text,
)

FOLDERS = {"det": Path("/m/det"), "rec": Path("/m/rec"), "cls": Path("/m/cls")}

RESULT_2X = [
    [
        [[[53.0, 69.0], [339.0, 69.0], [339.0, 100.0], [53.0, 100.0]],
         ("HelloWorld42", 0.9962067604064941)],
        [[[82.0, 305.0], [380.0, 309.0], [380.0, 347.0], [82.0, 343.0]],
         ("Grand Opening", 0.9893375039100647)],
    ]
]  # fmt: skip

RESULT_3X: list[Mapping[str, Any]] = [
    {
        "rec_texts": ["Hello World 42", " ", "Grand Opening"],
        "rec_scores": [0.9993386268615723, 0.0, 0.983405351638794],
        "rec_polys": [
            np.array([[47, 60], [342, 62], [342, 103], [47, 101]], dtype=np.int16),
            np.array([[0, 0], [5, 0], [5, 5], [0, 5]], dtype=np.int16),
            np.array([[78, 300], [384, 303], [384, 348], [78, 345]], dtype=np.int16),
        ],
        "dt_polys": [np.zeros((4, 2), dtype=np.int16)] * 4,
    }
]


def set_versions(monkeypatch: pytest.MonkeyPatch, **versions: tuple[int, ...]) -> None:
    real = ocr_paddle._version
    monkeypatch.setattr(
        ocr_paddle, "_version", lambda n: versions.get(n.replace("-", "_"), real(n))
    )


def have_packages(monkeypatch: pytest.MonkeyPatch, *absent: str) -> None:
    monkeypatch.setattr(
        ocr_paddle, "missing_package", lambda names: next((n for n in names if n in absent), None)
    )


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"weights of " + name.encode())
    return folder


# --- arguments --------------------------------------------------------------------------------


def test_2x_is_called_as_the_kit_calls_it() -> None:
    assert arguments_2x(FOLDERS, "en") == {
        "use_angle_cls": True,
        "lang": "en",
        "show_log": False,
        "use_gpu": False,
        "det_model_dir": "/m/det",
        "rec_model_dir": "/m/rec",
        "cls_model_dir": "/m/cls",
    }


def test_2x_without_a_classifier_would_download_one_and_is_refused() -> None:
    with pytest.raises(KeyError):
        arguments_2x({k: FOLDERS[k] for k in ("det", "rec")}, "en")


def test_3x_arguments_with_and_without_a_classifier() -> None:
    names = {"det": "D", "rec": "R", "cls": "C"}
    full = arguments_3x(FOLDERS, names, KIT_SETTINGS)
    assert full["text_detection_model_name"] == "D"
    assert full["text_detection_model_dir"] == "/m/det"
    assert full["text_recognition_model_name"] == "R"
    assert full["text_recognition_model_dir"] == "/m/rec"
    assert full["textline_orientation_model_name"] == "C"
    assert full["textline_orientation_model_dir"] == "/m/cls"
    assert full["use_textline_orientation"] is True
    assert full["use_doc_unwarping"] is full["use_doc_orientation_classify"] is False
    assert (full["text_det_limit_side_len"], full["text_det_limit_type"]) == (960, "max")
    assert full["text_rec_score_thresh"] == 0.5
    bare = arguments_3x({k: FOLDERS[k] for k in ("det", "rec")}, names, {})
    assert bare["use_textline_orientation"] is False
    assert "textline_orientation_model_dir" not in bare
    assert "text_det_limit_type" not in bare


@pytest.mark.slow
def test_installed_paddleocr_knows_every_3x_argument() -> None:
    pytest.importorskip("paddlex", reason="PaddleOCR 3.x is not installed")
    if ocr_paddle._version("paddleocr") < (3, 7):
        pytest.skip("PaddleOCR 3.7 is not installed")
    import inspect

    from paddleocr import PaddleOCR

    known = set(inspect.signature(PaddleOCR.__init__).parameters) | {
        "device", "engine", "engine_config", "cpu_threads", "enable_mkldnn",
    }  # fmt: skip
    names = dict.fromkeys(FOLDERS, "x")
    assert set(arguments_3x(FOLDERS, names, KIT_SETTINGS)) <= known
    assert set(backend_3x(FOLDERS)) <= known


def test_3x_backend_follows_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = {"det": fill(tmp_path / "d", "inference.onnx"), "rec": fill(tmp_path / "r", "x")}
    set_versions(monkeypatch, paddlepaddle=(3, 2, 2))
    assert backend_3x(onnx) == {"cpu_threads": 1, "enable_mkldnn": True}
    set_versions(monkeypatch, paddlepaddle=(3, 3, 1))
    assert backend_3x(onnx) == {"cpu_threads": 1, "enable_mkldnn": False}
    fill(tmp_path / "r", "inference.onnx")
    assert backend_3x(onnx)["engine"] == "onnxruntime"
    assert backend_3x(onnx)["engine_config"]["intra_op_num_threads"] == 1


# --- results ----------------------------------------------------------------------------------


def test_result_of_2x() -> None:
    items = items_of_2x(RESULT_2X)
    assert [i.text for i in items] == ["HelloWorld42", "Grand Opening"]
    assert items[0].polygon == ((53.0, 69.0), (339.0, 69.0), (339.0, 100.0), (53.0, 100.0))
    assert items[1].confidence == 0.9893375039100647


@pytest.mark.parametrize("nothing", [None, [], [None], [[]]])
def test_result_of_2x_without_text(nothing: object) -> None:
    assert items_of_2x(nothing) == []


def test_result_of_3x_leaves_out_empty_text() -> None:
    items = items_of_3x(RESULT_3X)
    assert [i.text for i in items] == ["Hello World 42", "Grand Opening"]
    assert items[0].polygon == ((47.0, 60.0), (342.0, 62.0), (342.0, 103.0), (47.0, 101.0))
    assert items_of_3x([{"rec_texts": [], "rec_scores": [], "rec_polys": []}]) == []


def test_results_of_another_shape_are_errors() -> None:
    with pytest.raises(ValueError, match="2 pages"):
        items_of_2x([*RESULT_2X, None])
    with pytest.raises(ValueError, match="0 results"):
        items_of_3x([])
    with pytest.raises(ValueError, match="shorter"):
        items_of_3x([{**RESULT_3X[0], "rec_texts": ["one"]}])


# --- folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generation", "files", "lack"),
    [
        (2, (), "inference.pdmodel"),
        (2, ("inference.pdmodel",), "inference.pdiparams"),
        (2, ("inference.pdmodel", "inference.pdiparams"), None),
        (2, ("inference.onnx", "inference.yml"), "inference.pdmodel"),
        (3, (), "inference.yml"),
        (3, ("inference.pdmodel", "inference.pdiparams"), "inference.yml"),
        (3, ("inference.yml",), "inference.pdiparams"),
        (3, ("inference.yml", "inference.pdiparams"), None),
        (3, ("inference.onnx",), "inference.yml"),
        (3, ("inference.onnx", "inference.yml"), None),
    ],
)
def test_what_a_folder_lacks(
    tmp_path: Path, generation: int, files: tuple[str, ...], lack: str | None
) -> None:
    assert lacking_file(fill(tmp_path / "m", *files), generation) == lack


def test_model_name_is_read_from_the_description(tmp_path: Path) -> None:
    folder = tmp_path / "en_PP-OCRv4_mobile_rec_infer"
    folder.mkdir()
    description = folder / "inference.yml"
    description.write_text("Global:\n  model_name: PP-OCRv6_small_det\nPreProcess: null\n")
    assert model_name(folder) == "PP-OCRv6_small_det"
    description.write_text(yaml_text({"Global": {"model_name": "PP-OCRv3_mobile_det"}}))
    assert model_name(folder) == "PP-OCRv3_mobile_det"
    description.write_text("PreProcess: null\n")
    assert model_name(folder) == "en_PP-OCRv4_mobile_rec"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)))
def test_written_description_is_read_back_by_yaml(texts: list[str]) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with PaddleX")
    config: dict[str, Any] = {
        "PostProcess": {"character_dict": ["\\ud83d\\ude00", "😀", "\x85\u2028", *texts]}
    }
    assert yaml.safe_load(yaml_text(config)) == config


def test_model_folder_is_made_once_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"onnx")
    asked: list[Path] = []

    def read_characters(path: Path) -> list[str]:
        asked.append(path)
        return ["a", "😀"]

    monkeypatch.setattr(ocr_paddle, "characters", read_characters)
    folder = model_folder("rec", weights, tmp_path / "cache")
    assert folder.name.startswith("PP-OCRv6_small_rec-")
    assert (folder / "inference.onnx").read_bytes() == b"onnx"
    assert r'"character_dict": ["a", "\U0001f600"]' in (folder / "inference.yml").read_text()
    (folder / "inference.onnx").unlink()
    (folder / "inference.onnx").symlink_to(tmp_path / "gone.onnx")
    assert model_folder("rec", weights, tmp_path / "cache") == folder
    assert (folder / "inference.onnx").read_bytes() == b"onnx"
    assert len(asked) == 1
    assert sorted(p.name for p in folder.iterdir()) == ["inference.onnx", "inference.yml"]
    weights.write_bytes(b"other weights")
    assert model_folder("rec", weights, tmp_path / "cache") != folder


def test_model_folder_without_links_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"onnx")

    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refused)
    folder = model_folder("det", weights, tmp_path / "cache")
    assert not (folder / "inference.onnx").is_symlink()
    assert (folder / "inference.onnx").read_bytes() == b"onnx"


def test_characters_of_the_embedded_recogniser() -> None:
    weights = ocr_paddle.PaddleOnnxEngine({}, Path())._weights()["rec"]
    if not weights.is_file():
        pytest.skip("rapidocr is not installed")
    found = characters(weights)
    # The network has 18,710 classes: these, the blank and the space that PaddleOCR adds.
    assert len(found) == 18708
    assert {"A", "z", "0", "日"} <= set(found)


# --- absence ----------------------------------------------------------------------------------


def absence_of(name: str, options: Mapping[str, str], cache: Path) -> Absence:
    absence = make_engine(name, options, cache=cache).absence()
    assert absence is not None
    return absence


def test_official_without_folders_names_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_packages(monkeypatch)
    set_versions(monkeypatch, paddleocr=(3, 7, 0))
    absence = absence_of("paddleocr-official", {}, tmp_path)
    assert absence.reason == "no model folder is given for det, rec"
    assert absence.fix == "give --ocr-option det=FOLDER --ocr-option rec=FOLDER"
    set_versions(monkeypatch, paddleocr=(2, 10, 0))
    absence = absence_of("paddleocr-official", {"det": "/a", "rec": "/b"}, tmp_path)
    assert absence.reason == "no model folder is given for cls"
    assert absence.fix.endswith(" --ocr-option rec=FOLDER --ocr-option cls=FOLDER")


def test_official_with_a_wrong_folder_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_packages(monkeypatch)
    set_versions(monkeypatch, paddleocr=(2, 10, 0))
    good = str(fill(tmp_path / "good", "inference.pdmodel", "inference.pdiparams"))
    options = {"det": good, "rec": str(tmp_path / "typo"), "cls": good}
    absence = absence_of("paddleocr-official", options, tmp_path)
    assert absence.reason == f"the option rec={tmp_path / 'typo'} holds no inference.pdmodel"
    engine = make_engine("paddleocr-official", {**options, "rec": good}, cache=tmp_path)
    assert engine.absence() is None


def test_official_without_packages_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_packages(monkeypatch, "paddleocr")
    assert "paddleocr==2.10.0" in absence_of("paddleocr-official", {}, tmp_path).fix
    have_packages(monkeypatch, "paddle")
    set_versions(monkeypatch, paddleocr=(3, 7, 0))
    folder = fill(tmp_path / "m", "inference.yml", "inference.pdiparams")
    options = {"det": str(folder), "rec": str(folder)}
    assert "'paddlepaddle>=3.0,<3.3'" in absence_of("paddleocr-official", options, tmp_path).fix
    fill(folder, "inference.onnx")
    assert make_engine("paddleocr-official", options, cache=tmp_path).absence() is None


def test_absent_official_engine_constructs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def constructed(cache: Path) -> None:
        raise AssertionError("PaddleOCR was imported although its models are absent")

    monkeypatch.setattr(ocr_paddle, "_import_paddleocr", constructed)
    engine = make_engine("paddleocr-official", cache=tmp_path)
    with pytest.raises(UserError, match="'paddleocr-official' cannot be used"):
        engine.read(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("absent", "versions", "reason"),
    [
        (("paddlex",), {}, "the package 'paddlex' is not installed"),
        ((), {"paddleocr": (2, 10, 0)}, "too old, 3.7 is needed"),
        ((), {"paddleocr": (3, 7, 0), "opencv_contrib_python": ()}, "opencv-contrib-python"),
    ],
)
def test_onnx_engine_says_what_is_absent(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    absent: tuple[str, ...],
    versions: dict[str, tuple[int, ...]],
    reason: str,
) -> None:
    have_packages(monkeypatch, *absent)
    set_versions(monkeypatch, **versions)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.10.0")
    absence = absence_of("paddleocr-onnx", {}, tmp_path)
    assert reason in absence.reason
    assert absence.fix.startswith("pip install")


def test_onnx_engine_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have_packages(monkeypatch)
    set_versions(monkeypatch, paddleocr=(3, 7, 0), opencv_contrib_python=(4, 10, 0))
    monkeypatch.setattr(ocr_paddle, "rapidocr_folder", lambda: tmp_path)
    assert "PP-OCRv6_det_small.onnx" in absence_of("paddleocr-onnx", {}, tmp_path).reason


# --- the official engine around a PaddleOCR of either generation -------------------------------


class FakePaddleOCR:
    """Takes what the real class takes, and answers with a recorded result."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.arrays: list[Any] = []

    def ocr(self, array: Any, cls: bool) -> Any:
        assert cls is True
        self.arrays.append(array)
        return RESULT_2X

    def predict(self, array: Any) -> Any:
        self.arrays.append(array)
        return RESULT_3X


@pytest.mark.parametrize(
    ("version", "files", "read"),
    [
        ((2, 10, 0), ("inference.pdmodel", "inference.pdiparams"), lambda: items_of_2x(RESULT_2X)),
        ((3, 7, 0), ("inference.yml", "inference.onnx"), lambda: items_of_3x(RESULT_3X)),
    ],
)
def test_official_engine_speaks_both_generations(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, ...],
    files: tuple[str, ...],
    read: Callable[[], list[TextItem]],
) -> None:
    have_packages(monkeypatch)
    set_versions(monkeypatch, paddleocr=version)
    monkeypatch.setattr(ocr_paddle, "_import_paddleocr", lambda cache: FakePaddleOCR)
    options = {k: str(fill(tmp_path / f"{k}_infer", *files)) for k in ("det", "rec", "cls")}
    engine = make_engine("paddleocr-official", options, cache=tmp_path)
    assert isinstance(engine, PaddleOfficialEngine)
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert engine.read(red) == read()
    assert engine._reader.arrays[0][0, 0].tolist() == [0, 0, 255]
    folder = "det_model_dir" if version[0] == 2 else "text_detection_model_dir"
    assert engine._reader.arguments[folder] == options["det"]


def test_official_identity_covers_every_model_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_packages(monkeypatch)
    set_versions(monkeypatch, paddleocr=(2, 10, 0))
    options = {
        k: str(fill(tmp_path / k, "inference.pdmodel", "inference.pdiparams", "README.md"))
        for k in ("det", "rec", "cls")
    }
    before = dict(make_engine("paddleocr-official", options, cache=tmp_path).identity())
    models = before["models"]
    assert isinstance(models, dict)
    assert sorted(models) == [
        f"{kind}/inference.{part}" for kind in ("cls", "det", "rec")
        for part in ("pdiparams", "pdmodel")
    ]  # fmt: skip
    (tmp_path / "rec" / "inference.pdiparams").write_bytes(b"fine-tuned")
    changed = make_engine("paddleocr-official", options, cache=tmp_path).identity()
    assert changed["models"] != models
    assert before["language"] == "en"
    other = make_engine("paddleocr-official", {**options, "lang": "ch"}, cache=tmp_path)
    assert other.identity()["language"] == "ch"


# --- PaddleOCR 3.x for real -------------------------------------------------------------------


@pytest.mark.slow
def test_paddleocr_onnx_reads_as_rapidocr_does(tmp_path: Path) -> None:
    engine = make_engine("paddleocr-onnx", cache=tmp_path)
    if absence := engine.absence():
        pytest.skip(f"paddleocr-onnx is absent: {absence}")
    image = Image.new("RGB", (640, 320), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(36)
    draw.text((40, 40), "Morning Coffee", font=font, fill="black")
    draw.text((300, 200), "Sale 2024", font=font, fill="darkred")
    rgb = np.asarray(image, dtype=np.uint8)
    ours = engine.read(rgb)
    other = make_engine("rapidocr", cache=tmp_path).read(rgb)
    assert [i.text for i in ours] == [i.text for i in other] == ["Morning Coffee", "Sale 2024"]
    for a, b in zip(ours, other, strict=True):
        assert a.box == pytest.approx(b.box, abs=8)
    for shape in ((1, 1), (20, 3000), (3000, 20), (200, 300)):
        assert engine.read(np.full((*shape, 3), 255, np.uint8)) == []
    identity = engine.identity()
    assert identity["engine"] == "paddleocr-onnx"
    assert set(ONNX_NAMES) == set(json.loads(json.dumps(identity["models"])))

    # The user's folders through the official engine: the same files, found by their names.
    folders = {k: str(next((tmp_path / "paddleocr-onnx").glob(f"{n}-*"))) for k, n in
               ONNX_NAMES.items()}  # fmt: skip
    official = make_engine("paddleocr-official", folders, cache=tmp_path)
    assert official.absence() is None
    assert [i.text for i in official.read(rgb)] == ["Morning Coffee", "Sale 2024"]
