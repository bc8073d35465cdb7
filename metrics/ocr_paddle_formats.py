"""What the two generations of PaddleOCR take and return, as pure functions.

2.x (which the TextEdit kit pins) and 3.x cannot be installed side by side, so nothing here imports
either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.types import JSON
from metrics.ocr import TextItem
from metrics.ocr_engines import text_item

ONNX_NAMES = {"det": "PP-OCRv6_small_det", "rec": "PP-OCRv6_small_rec"}
"""PaddleOCR's names of the two models; the weights are those of the rapidocr wheel."""

_DECODE: JSON = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
ONNX_CONFIGS: dict[str, dict[str, JSON]] = {
    "det": {
        "Global": {"model_name": ONNX_NAMES["det"]},
        "PreProcess": {
            "transform_ops": [
                _DECODE,
                {"DetResizeForTest": {"resize_long": 960}},
                {
                    "NormalizeImage": {
                        "mean": [0.485, 0.456, 0.406],
                        "order": "hwc",
                        "scale": 1.0 / 255.0,
                        "std": [0.229, 0.224, 0.225],
                    }
                },
                {"ToCHWImage": None},
            ]
        },
        "PostProcess": {
            "name": "DBPostProcess",
            "thresh": 0.3,
            "box_thresh": 0.6,
            "max_candidates": 1000,
            "unclip_ratio": 1.5,
        },
    },
    "rec": {
        "Global": {"model_name": ONNX_NAMES["rec"]},
        "PreProcess": {"transform_ops": [_DECODE, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
        "PostProcess": {"name": "CTCLabelDecode"},
    },
}
"""What PaddleOCR needs beside the weights, as in configs/{det,rec}/PP-OCRv6 of
PaddlePaddle/PaddleOCR; the recogniser's character list is added from its ONNX metadata."""

KIT_SETTINGS: dict[str, JSON] = {
    "text_det_limit_side_len": 960,
    "text_det_limit_type": "max",
    "text_det_thresh": 0.3,
    "text_det_box_thresh": 0.6,
    "text_det_unclip_ratio": 1.5,
    "text_rec_score_thresh": 0.5,
}
"""Defaults of PaddleOCR 2.10 (tools/infer/utility.py) by their names in 3.x, whose own differ."""


def arguments_2x(folders: Mapping[str, Path], language: str) -> dict[str, Any]:
    """Keyword arguments of ``PaddleOCR`` 2.x: the TextEdit kit's call, with local folders.

    Args:
        folders: ``det``, ``rec`` and ``cls``. Without ``cls`` 2.x would download one.
        language: chooses the character dictionary inside the package, ``"en"`` in the kit.

    Raises:
        KeyError: one of the three folders is missing.
    """
    return {
        "use_angle_cls": True,
        "lang": language,
        "show_log": False,
        "use_gpu": False,
        **{f"{kind}_model_dir": str(folders[kind]) for kind in ("det", "rec", "cls")},
    }


def arguments_3x(
    folders: Mapping[str, Path], names: Mapping[str, str], settings: Mapping[str, JSON]
) -> dict[str, Any]:
    """Keyword arguments of ``PaddleOCR`` 3.x, without the choice of the inference engine.

    Args:
        folders: ``det`` and ``rec``, and ``cls`` where text lines may be upside down.
        names: PaddleOCR's name of the model in each folder.
        settings: further arguments, e.g. `KIT_SETTINGS`.

    Raises:
        KeyError: a folder or a name is missing.
    """
    models = {"text_detection": "det", "text_recognition": "rec"}
    if "cls" in folders:
        models["textline_orientation"] = "cls"
    arguments: dict[str, Any] = {
        "device": "cpu",
        "use_doc_orientation_classify": False,
        "use_doc_unwarping": False,
        "use_textline_orientation": "cls" in folders,
        **settings,
    }
    for part, kind in models.items():
        arguments[f"{part}_model_name"] = names[kind]
        arguments[f"{part}_model_dir"] = str(folders[kind])
    return arguments


def items_of_2x(result: Any) -> list[TextItem]:
    """Items of ``PaddleOCR.ocr(array, cls=True)`` in 2.x for one image.

    The result is a list with one entry per page: None when nothing was found, else
    ``[[four corners, (text, confidence)], ...]``.

    Raises:
        ValueError: another number of pages than one.
    """
    if not result:
        return []
    if len(result) != 1:
        raise ValueError(f"PaddleOCR returned {len(result)} pages for one image")
    return [text_item(polygon, text, score) for polygon, (text, score) in result[0] or ()]


def items_of_3x(result: Sequence[Mapping[str, Any]]) -> list[TextItem]:
    """Items of ``PaddleOCR.predict(array)`` in 3.x for one image.

    The result is a list with one mapping per image; ``rec_polys``, ``rec_texts`` and
    ``rec_scores`` are of equal length, also after the score threshold.

    Raises:
        ValueError: another number of images than one, or lists of unequal length.
    """
    if len(result) != 1:
        raise ValueError(f"PaddleOCR returned {len(result)} results for one image")
    page = result[0]
    rows = zip(page["rec_polys"], page["rec_texts"], page["rec_scores"], strict=True)
    # PaddleOCR 3.x keeps detected boxes in which nothing was recognised; 2.x and rapidocr do not.
    return [text_item(p, text, score) for p, text, score in rows if text.strip()]


def yaml_text(config: Mapping[str, JSON]) -> str:
    """A mapping as YAML: JSON is YAML, but for characters beyond the basic plane."""
    text = json.dumps(config)

    def joined(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        high, low = int(match[1], 16), int(match[2], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"

    return re.sub(r"\\\\|\\u(d[89ab]\w\w)\\u(d[c-f]\w\w)", joined, text)


def lacking_file(folder: Path, generation: int) -> str | None:
    """The first file that a model folder lacks for this generation of PaddleOCR, or None."""
    if generation == 2:
        wanted = ["inference.pdmodel", "inference.pdiparams"]
    elif (folder / "inference.onnx").is_file():
        wanted = ["inference.yml"]
    else:
        wanted = ["inference.yml", "inference.pdiparams"]
    return next((name for name in wanted if not (folder / name).is_file()), None)


def is_onnx(folders: Mapping[str, Path]) -> bool:
    """Whether every folder holds an ONNX model."""
    return all((f / "inference.onnx").is_file() for f in folders.values())


def model_name(folder: Path) -> str:
    """PaddleOCR's name of the model in a 3.x folder: ``Global.model_name`` of its description.

    Falls back to the folder's own name, as PaddleX 3.x demands a name that it knows.
    """
    text = (folder / "inference.yml").read_text(encoding="utf-8")
    found = re.search(r"""["']?model_name["']?\s*:\s*["']?([\w.-]+)""", text)
    return found[1] if found else folder.name.removesuffix("_infer")
