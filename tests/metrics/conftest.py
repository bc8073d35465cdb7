from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_PLACE = Path(__file__).resolve().parent.parent / "tiny_weights.py"


@pytest.fixture(scope="session")
def tiny_weights() -> ModuleType:
    """Makers of random weight files for the real loaders; see tests/tiny_weights.py."""
    spec = importlib.util.spec_from_file_location("tiny_weights", _PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_clip(tiny_weights: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open_clip folder with a tiny random CLIP."""
    pytest.importorskip("open_clip")
    folder: Path = tiny_weights.tiny_clip(tmp_path_factory.mktemp("clip") / "tower")
    return folder
