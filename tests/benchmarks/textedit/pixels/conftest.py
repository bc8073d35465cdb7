"""Items on disk made of the drawn scene in tests/edit_scene.py, and tiny random weights."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.textedit import pixel_metrics
from benchmarks.textedit.reference import TextEditReference
from evals.core.protocols import ScoringSettings
from evals.core.types import ImageRef, Item, Prediction, Sample
from metrics.ocr import OcrReader

TESTS = Path(__file__).resolve().parents[3]


def _module(name: str) -> ModuleType:
    """A helper module of tests/, which is no package, importable by its name from then on."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


scene = _module("edit_scene")
ORIGINAL, TRUTH, SLOT = scene.ORIGINAL, scene.TRUTH, scene.SLOT


@pytest.fixture
def nobody(tmp_path: Path) -> OcrReader:
    """A reader whose engine is absent."""
    return OcrReader("recorded", {"file": str(tmp_path / "none.json")}, tmp_path / "ocr")


MakeItem = Callable[..., Item]


@pytest.fixture
def make_item(tmp_path: Path) -> MakeItem:
    """``make_item(output, mask="slot"|None, truth=..., original=...)`` -> an item on disk."""
    count = iter(range(1000))

    def save(array: np.ndarray) -> Path:
        path = tmp_path / f"image-{next(count)}.png"
        Image.fromarray(array).save(path)
        return path

    def build(
        output: np.ndarray | Path,
        *,
        original: np.ndarray = ORIGINAL,
        truth: np.ndarray | None = TRUTH,
        mask: str | None = "slot",
        notes: tuple[str, ...] = (),
        name: str = "s",
        **fields: Any,
    ) -> Item:
        slot = np.zeros(original.shape[:2], np.uint8)
        slot[SLOT[1] : SLOT[3], SLOT[0] : SLOT[2]] = 255
        path = output if isinstance(output, Path) else save(output)
        known = {
            "record_id": 1, "sub_class": "2.2", "source_text": "SALE", "target_text": "OPEN",
            "caption": "A sign that says OPEN.", "mask": save(slot) if mask else None, **fields,
        }  # fmt: skip
        sample = Sample(
            id=name, benchmark="textedit", suite="t", task="edit", prompt="",
            images=(save(original),),
            reference_images=() if truth is None else (save(truth),),
            reference=TextEditReference(**known),
        )  # fmt: skip
        digest = hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()
        image = ImageRef(sha256=digest, suffix=".png", width=1, height=1, notes=notes)
        prediction = Prediction(sample=name, trial=0, seed=0, status="ok", images=(image,))
        return Item(sample=sample, prediction=prediction, images=(path,))

    return build


@pytest.fixture(scope="session")
def tiny_weights() -> ModuleType:
    """Makers of random weight files; see tests/tiny_weights.py."""
    return _module("tiny_weights")


@pytest.fixture(scope="session")
def tower_folder(tiny_weights: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("open_clip")
    made: Path = tiny_weights.tiny_clip(tmp_path_factory.mktemp("clip") / "tower")
    return made


@pytest.fixture
def board(tower_folder: Path, nobody: OcrReader, tmp_path: Path) -> dict[str, Any]:
    settings = ScoringSettings(weights={"clip": str(tower_folder)}, cache=tmp_path / "cache")
    return {m.name: m for m in pixel_metrics.metrics(settings, nobody)}
