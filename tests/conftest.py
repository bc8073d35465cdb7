"""What every test may use: a private cache, the official data where it exists, and one thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Two cores: a math library that opens a pool per process makes everything slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


def _shared(variable: str, default: str) -> Path | None:
    given = os.environ.get(variable)
    place = Path(given) if given else ROOT.parent / "shared" / default
    return place if place.is_dir() else None


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests never read or fill the user's cache."""
    before = os.environ.get("UMM_EVALS_CACHE")
    os.environ["UMM_EVALS_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["UMM_EVALS_CACHE"]
    else:
        os.environ["UMM_EVALS_CACHE"] = before


@pytest.fixture(scope="session")
def official_data() -> Path:
    """Folder with the official prompts; the test is skipped where it is absent."""
    place = _shared("UMM_EVALS_DATA", "datasets")
    if place is None:
        pytest.skip("official data not found: set UMM_EVALS_DATA to its folder")
    return place


@pytest.fixture(scope="session")
def conformance_dir() -> Path:
    """Folder with recorded vectors; the test is skipped where it is absent."""
    place = _shared("UMM_EVALS_CONFORMANCE", "conformance")
    if place is None:
        pytest.skip("conformance vectors not found: set UMM_EVALS_CONFORMANCE to their folder")
    return place


@pytest.fixture(scope="session")
def model_fixtures() -> Path:
    """Folder with recordings of the released InternVL-U code; skipped where it is absent."""
    place = _shared("UMM_EVALS_MODEL_FIXTURES", "fixtures/model")
    if place is None:
        pytest.skip("model fixtures not found: set UMM_EVALS_MODEL_FIXTURES to their folder")
    return place
