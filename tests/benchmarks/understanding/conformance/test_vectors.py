"""Recorded vectors of all benchmarks of understanding, and that a wrong rule would be noticed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from benchmarks.catalog import CONFORMANCE
from benchmarks.understanding.choices import vlmevalkit
from benchmarks.understanding.conformance.choices import MMBENCH, MMSTAR
from evals.conformance import run_conformance

HERE = "benchmarks.understanding.conformance."
TABLE = {name: place for name, place in CONFORMANCE.items() if place.startswith(HERE)}


def test_all_vector_files_have_their_functions() -> None:
    assert len(TABLE) == 17
    for place in TABLE.values():
        module, _, name = place.partition(":")
        assert getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("name", TABLE)
def test_recorded_functions_agree(conformance_dir: Path, name: str) -> None:
    file = conformance_dir / f"{name}.json"
    if not file.exists():
        pytest.skip(f"no vectors of {name} in {conformance_dir}")
    reports = run_conformance([file], TABLE)
    assert reports
    for report in reports:
        assert report.covered, report
        assert not report.mismatches, report.examples
        assert not report.declared


def test_a_wrong_rule_is_noticed(conformance_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = conformance_dir / "mcq.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    monkeypatch.setattr(vlmevalkit, "can_infer_text", lambda answer, choices: False)
    wrong = {r.function.rpartition(":")[2] for r in run_conformance([path], TABLE) if r.mismatches}
    assert wrong == {"can_infer", "hit", "report_acc"}


def test_where_the_released_code_of_lmms_eval_ends() -> None:
    five = dict(zip("ABCDE", ("cat", "dog", "cow", "pig", "ape"), strict=True))
    infer, average = MMBENCH["lmms_eval.can_infer"], MMSTAR["lmms_eval.aggregate"]
    assert infer({"answer": "(E)", "choices": five}) == "E"
    with pytest.raises(AssertionError):
        infer({"answer": "an ape", "choices": five})
    with pytest.raises(ZeroDivisionError):
        average({"results": []})
