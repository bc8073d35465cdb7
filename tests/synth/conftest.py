"""The whole benchmark split, rendered once for all tests here."""

from __future__ import annotations

import pytest

from synth.textedit import write_suite
from tests.synth.rendered import Suite, read


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return read(write_suite(tmp_path_factory.mktemp("synth") / "suite"))
