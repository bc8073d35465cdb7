"""The builder of fake runs as a fixture."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_PLACE = Path(__file__).resolve().parent.parent / "fake_runs.py"


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """`make_run(folder, model="m", n=20, seed=0, ...) -> Path`; see tests/fake_runs.py."""
    spec = importlib.util.spec_from_file_location("fake_runs", _PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("fake_runs", module)
    spec.loader.exec_module(module)
    build: Callable[..., Path] = module.make_run
    return build
