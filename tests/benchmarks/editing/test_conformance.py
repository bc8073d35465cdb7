"""The editing benchmarks against vectors recorded from the released scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.conformance import run_conformance

TABLE = {
    name: f"benchmarks.editing.{name}.conformance"
    for name in ("imgedit", "gedit", "rise", "kris", "wiseedit")
}


@pytest.mark.parametrize("name", TABLE)
def test_every_recorded_function_is_reproduced(name: str, conformance_dir: Path) -> None:
    path = conformance_dir / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no vectors of {name} in {conformance_dir}")
    reports = run_conformance([path], table=TABLE)
    assert reports
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []
