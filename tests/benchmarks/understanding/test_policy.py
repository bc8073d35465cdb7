"""What becomes of questions without a reply: one official policy for all benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding.replies import KIT_POLICY
from evals.core.aggregation import STRICT_POLICY
from evals.core.summary import summarise
from tests.benchmarks.understanding.kit import KEYS, benchmark, numbers, run

TIMEOUT = {"status": "timeout", "kind": "timeout", "origin": "infrastructure"}
MISSING = {"status": "missing", "kind": "missing_file", "origin": "model"}


@pytest.mark.parametrize("name", KEYS)
def test_there_is_one_policy_of_the_kit(name: str) -> None:
    assert benchmark(name).policies == (KIT_POLICY, STRICT_POLICY)


def test_a_failure_is_wrong_and_an_absent_question_leaves_the_mean(tmp_path: Path) -> None:
    rows = [{"question": "Who?", "answer": "Doe"}] * 4
    stored = run("docvqa", rows, ["Doe", None, MISSING, TIMEOUT], tmp_path)
    assert numbers(stored)["overall"] == pytest.approx(100 / 3)
    cells = summarise(stored, resamples=100).cells
    # Strictly the missing one is wrong, and the timeout leaves the run open.
    assert cells["=strict", ()].mean == pytest.approx(100 / 3)
    assert not cells["=strict", ()].complete
    assert cells["=overall", ()].complete


def test_options_and_yes_or_no_count_in_the_same_way(tmp_path: Path) -> None:
    options = dict(zip("ABCD", "wxyz", strict=True))
    replies: list[Any] = ["B", "B", TIMEOUT, MISSING]
    rows: list[dict[str, Any]] = [{"question": "?", "answer": "B", **options}] * 4
    assert numbers(run("realworldqa", rows, replies, tmp_path / "c"))["exact"] == pytest.approx(
        200 / 3
    )
    rows = [{"question": "?", "answer": a, "category": "random"} for a in ("Yes", "No", "Yes")]
    stored = run("pope", rows, ["Yes", TIMEOUT, MISSING], tmp_path / "p")
    cells = summarise(stored, resamples=100).cells
    assert cells["answer.vlmevalkit", ()].mean == 0.5, "a failure is wrong"
    # A ratio has no part for it, and says so.
    assert cells["=f1", ()].mean == 100
    assert any("counts it as 'no'" in reason for reason in cells["counts.hits_all", ()].reasons)
