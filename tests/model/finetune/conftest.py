from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState

from tests.model.finetune import kit


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small random checkpoint in the official layout."""
    return kit.small_checkpoint(tmp_path_factory.mktemp("finetune"))


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten rows of two shapes, good for every task."""
    folder = tmp_path_factory.mktemp("rows")
    sizes = [(64, 64)] * 7 + [(128, 64)] * 3
    return kit.write_rows(folder / "rows.parquet", [kit.row(n, s) for n, s in enumerate(sizes)])


@pytest.fixture(autouse=True)
def _fresh_accelerator() -> Iterator[None]:
    """accelerate keeps one state for a process; a test must not see that of another."""
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)
