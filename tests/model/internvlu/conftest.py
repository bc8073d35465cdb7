"""The tiny checkpoint that the tests of the bundled model share."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import write_tiny


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint; copy it before you change it."""
    return write_tiny(tmp_path_factory.mktemp("internvlu") / "checkpoint")


@pytest.fixture(scope="session")
def pipe(checkpoint: Path) -> InternVLUPipeline:
    """It on the CPU, in float32; leave it as it is."""
    return InternVLUPipeline.from_pretrained(checkpoint, device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def compat(checkpoint: Path) -> InternVLUPipeline:
    """The same with the defects of the released code."""
    return InternVLUPipeline.from_pretrained(
        checkpoint, device="cpu", dtype="float32", reference_compat=True
    )
