"""The benchmarks of this folder and the quiz model in their catalogs, whatever these hold."""

from __future__ import annotations

import pytest

from benchmarks import catalog
from model import catalog as models
from tests.benchmarks.understanding.kit import KEYS


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        place = f"benchmarks.understanding.{name}:BENCHMARK"
        monkeypatch.setitem(catalog.BENCHMARKS, name, place)
    monkeypatch.setitem(models.ADAPTERS, "quiz", "tests.benchmarks.understanding.kit:make")
