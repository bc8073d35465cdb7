"""PaddleOCR as an engine: on rapidocr's ONNX weights, or on model folders that the user brings.

Both generations are served: 2.x, which the TextEdit kit pins, and 3.x.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.types import JSON, Absence, fingerprint
from evals.core.writing import disk_error, write_atomic
from metrics.ocr import TextItem, check_pixels
from metrics.ocr_engines import (
    OPENCV,
    RAPIDOCR_MODELS,
    demand,
    file_hashes,
    missing_package,
    package_versions,
    rapidocr_folder,
)
from metrics.ocr_paddle_formats import (
    KIT_SETTINGS,
    ONNX_CONFIGS,
    ONNX_NAMES,
    arguments_2x,
    arguments_3x,
    is_onnx,
    items_of_2x,
    items_of_3x,
    lacking_file,
    model_name,
    yaml_text,
)

if TYPE_CHECKING:
    from metrics.ocr import Pixels

PACKAGES = ("paddleocr", "paddlex", "paddlepaddle", "paddlepaddle-gpu", "onnxruntime", *OPENCV)


def _bgr(rgb: Pixels) -> Pixels:
    """PaddleOCR takes arrays as BGR, in both generations."""
    import numpy as np

    check_pixels(rgb)
    return np.ascontiguousarray(rgb[..., ::-1])


def _import_paddleocr(cache: Path) -> Any:
    """The class ``PaddleOCR``, with its network probe off and its cache beside ours."""
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
    os.environ.setdefault("PADDLE_PDX_CACHE_HOME", str(cache / "paddlex"))
    from paddleocr import PaddleOCR

    # Both generations print every step of theirs.
    for logger in ("paddlex", "paddleocr", "ppocr"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    return PaddleOCR


def _version(package: str) -> tuple[int, ...]:
    """Leading numbers of an installed version; empty when it is not installed."""
    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(int(n) for n in re.findall(r"\d+", found.split("rc")[0])[:3])


# --- PaddleOCR 3.x on rapidocr's weights ------------------------------------------------------


class PaddleOnnxEngine:
    """PaddleOCR 3.7 on ONNX Runtime with the weights of the rapidocr wheel; needs no network.

    The same weights as ``rapidocr`` behind another pipeline: other resizing and normalisation,
    other detector thresholds, no orientation classifier. A second opinion, not an official one.
    """

    name = "paddleocr-onnx"
    OPTIONS: tuple[str, ...] = ()

    def __init__(self, options: Mapping[str, str], cache: Path) -> None:
        del options
        self._cache = cache
        self._reader: Any = None
        self._loading = threading.Lock()

    def _weights(self) -> dict[str, Path]:
        folder = rapidocr_folder() or Path()
        return {kind: folder / RAPIDOCR_MODELS[kind] for kind in ONNX_NAMES}

    def absence(self) -> Absence | None:
        """None when PaddleOCR 3.7, ONNX Runtime and rapidocr's weights are there."""
        fix = "pip install 'umm-evals[paddle]'"
        if name := missing_package(("paddleocr", "paddlex", "onnxruntime", "cv2")):
            return Absence(reason=f"the package {name!r} is not installed or broken", fix=fix)
        if _version("paddleocr") < (3, 7):
            found = importlib.metadata.version("paddleocr")
            return Absence(reason=f"paddleocr {found} is too old, 3.7 is needed", fix=fix)
        if not _version("opencv-contrib-python"):
            return Absence(
                reason="PaddleX refuses to start without the distribution opencv-contrib-python",
                fix="pip install opencv-contrib-python==4.10.0.84",
            )
        for path in self._weights().values():
            if not path.is_file():
                return Absence(
                    reason=f"the model file {path.name} of rapidocr is missing",
                    fix="pip install --force-reinstall 'rapidocr>=3.10,<4'",
                )
        return None

    def identity(self) -> Mapping[str, JSON]:
        """Engine, package versions, hashes of the weights and of the generated settings."""
        demand(self.name, self.absence())
        return {
            "engine": self.name,
            "packages": package_versions((*PACKAGES, "rapidocr")),
            "models": file_hashes(self._weights()),
            "settings": fingerprint(ONNX_CONFIGS),
        }

    def _load(self) -> Any:
        with self._loading:
            if self._reader is None:
                demand(self.name, self.absence())
                folders = {
                    kind: model_folder(kind, weights, self._cache)
                    for kind, weights in self._weights().items()
                }
                self._reader = _import_paddleocr(self._cache)(
                    engine="onnxruntime",
                    engine_config={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
                    **arguments_3x(folders, ONNX_NAMES, {}),
                )
        return self._reader

    def read(self, rgb: Pixels) -> list[TextItem]:
        """The text in an RGB array; see `metrics.ocr.OcrEngine.read`."""
        bgr = _bgr(rgb)
        return items_of_3x(self._load().predict(bgr))


def model_folder(kind: str, weights: Path, cache: Path) -> Path:
    """A folder as PaddleOCR 3.x wants it: ``inference.onnx`` (a link) and ``inference.yml``.

    Generated once per weights and settings below `cache`.

    Raises:
        UserError: the cache cannot be written.
    """
    identity = fingerprint([file_hashes({kind: weights}), ONNX_CONFIGS[kind]])
    folder = cache / "paddleocr-onnx" / f"{ONNX_NAMES[kind]}-{identity}"
    model, description = folder / "inference.onnx", folder / "inference.yml"
    if not description.exists():
        config = json.loads(json.dumps(ONNX_CONFIGS[kind]))
        if kind == "rec":
            config["PostProcess"]["character_dict"] = characters(weights)
        write_atomic(description, yaml_text(config).encode("utf-8"))
    if not model.exists():  # also a link whose target is gone
        part = model.with_name(f".inference.{os.getpid()}.onnx")
        try:
            part.unlink(missing_ok=True)
            try:
                part.symlink_to(weights)
            except OSError:  # a file system without links
                shutil.copyfile(weights, part)
            os.replace(part, model)
        except OSError as error:
            raise disk_error(error, model) from error
    return folder


def characters(weights: Path) -> list[str]:
    """The recogniser's characters, in order, from the metadata of its ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(weights), options, providers=["CPUExecutionProvider"]
    )
    text: str = session.get_modelmeta().custom_metadata_map["character"]
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")


# --- PaddleOCR with the user's model folders --------------------------------------------------


class PaddleOfficialEngine:
    """PaddleOCR on model folders that the user brings; nothing is ever downloaded.

    With the models of the TextEdit kit (en_PP-OCRv3_det, en_PP-OCRv4_rec and
    ch_ppocr_mobile_v2.0_cls) under PaddleOCR 2.10 its rows may stand beside published ones.

    Options: ``det``, ``rec``, ``cls``: model folders; ``lang``: ``en`` unless given.
    """

    name = "paddleocr-official"
    OPTIONS = ("det", "rec", "cls", "lang")

    def __init__(self, options: Mapping[str, str], cache: Path) -> None:
        self._folders = {
            kind: Path(options[kind]).expanduser()
            for kind in ("det", "rec", "cls")
            if options.get(kind)
        }
        self._language = options.get("lang") or "en"
        self._cache = cache
        self._reader: Any = None
        self._loading = threading.Lock()

    def absence(self) -> Absence | None:
        """None when PaddleOCR is installed and every folder holds a model it can load."""
        if name := missing_package(("paddleocr",)):
            return Absence(
                reason=f"the package {name!r} is not installed",
                fix="pip install paddleocr==2.10.0 'paddlepaddle>=3.0,<3.3' (as the TextEdit kit; "
                "in an environment of its own) or pip install 'umm-evals[paddle]'",
            )
        generation = _version("paddleocr")[0]
        # 2.x downloads an orientation classifier when none is given, even if it is not used.
        needed = ("det", "rec", "cls") if generation == 2 else ("det", "rec")
        fix = "give " + " ".join(f"--ocr-option {kind}=FOLDER" for kind in needed)
        if lacking := [kind for kind in needed if kind not in self._folders]:
            return Absence(reason=f"no model folder is given for {', '.join(lacking)}", fix=fix)
        for kind, folder in self._folders.items():
            if lack := lacking_file(folder, generation):
                return Absence(reason=f"the option {kind}={folder} holds no {lack}", fix=fix)
        uses_onnx = generation == 3 and is_onnx(self._folders)
        if not uses_onnx and missing_package(("paddle",)):
            return Absence(
                reason="these model folders need the package 'paddlepaddle'",
                fix="pip install 'paddlepaddle>=3.0,<3.3'",
            )
        return None

    def identity(self) -> Mapping[str, JSON]:
        """Engine, package versions, language, and the hash of every file of the model folders."""
        demand(self.name, self.absence())
        files = {
            f"{kind}/{path.name}": path
            for kind, folder in sorted(self._folders.items())
            for path in sorted(folder.iterdir())
            if path.is_file() and path.name.startswith("inference.")
        }
        generation = _version("paddleocr")[0]
        settings: dict[str, JSON] = {} if generation == 2 else KIT_SETTINGS
        return {
            "engine": self.name,
            "packages": package_versions(PACKAGES),
            "language": self._language,
            "models": file_hashes(files),
            "settings": settings,
        }

    def _load(self) -> Any:
        with self._loading:
            if self._reader is None:
                demand(self.name, self.absence())
                paddleocr = _import_paddleocr(self._cache)
                if _version("paddleocr")[0] == 2:
                    self._reader = paddleocr(**arguments_2x(self._folders, self._language))
                else:
                    names = {kind: model_name(folder) for kind, folder in self._folders.items()}
                    self._reader = paddleocr(
                        **backend_3x(self._folders),
                        **arguments_3x(self._folders, names, KIT_SETTINGS),
                    )
        return self._reader

    def read(self, rgb: Pixels) -> list[TextItem]:
        """The text in an RGB array; see `metrics.ocr.OcrEngine.read`."""
        bgr, reader = _bgr(rgb), self._load()
        if _version("paddleocr")[0] == 2:
            return items_of_2x(reader.ocr(bgr, cls=True))
        return items_of_3x(reader.predict(bgr))


def backend_3x(folders: Mapping[str, Path]) -> dict[str, Any]:
    """The inference engine of PaddleOCR 3.x that suits the files in the folders, one thread."""
    if is_onnx(folders):
        threads = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
        return {"engine": "onnxruntime", "engine_config": threads}
    # oneDNN of paddlepaddle 3.3 raises NotImplementedError on these models.
    return {"cpu_threads": 1, "enable_mkldnn": _version("paddlepaddle") < (3, 3)}
