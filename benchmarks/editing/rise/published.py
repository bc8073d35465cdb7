"""RISEBench's printed tables, as rows that a run can be set beside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from benchmarks.common.published import Printed, printed_rows
from benchmarks.editing.rise.scoring import TITLES
from evals.core.types import PublishedRow

_JUDGE = "gpt-4.1-2025-04-14"
_RUBRIC = "rubric: judged by the released prompts, not by this package's words"


def _columns(accuracy: str, end: str, points: str) -> Mapping[str, tuple[str, str, float]]:
    """Printed heading -> column, for one way of counting what is complete."""
    groups = {f"{t}{end}": (name, f"judge.{accuracy}", 1.0) for name, t in TITLES.items()}
    whole = {"accuracy_official": "=accuracy", "accuracy_2026_04": "=accuracy_2026_04"}[accuracy]
    return {
        **groups,
        f"Overall{end}": ("", whole, 1.0),
        f"Instruction Reasoning{points}": ("", "judge.reasoning_official", 1.0),
        f"Appearance Consistency{points}": ("", "judge.consistency_official", 1.0),
        f"Visual Plausibility{points}": ("", "judge.plausibility_official", 1.0),
    }


@cache
def published() -> tuple[PublishedRow, ...]:
    """The tables of InternVL-U, BAGEL, and of the repository before and after its fix."""
    judge = f"judge: {_JUDGE}"
    return printed_rows(
        Printed(
            table="RISEBench", suite="full", source="arXiv:2603.09877", judge=_JUDGE,
            columns=_columns("accuracy_official", "", ""),
            differences=(f"{judge}, as far as the kit that was used says", _RUBRIC),
        ),
        Printed(
            table="RISEBench", suite="full", source="ByteDance-Seed/Bagel", judge=_JUDGE,
            columns={"Overall": ("", "=accuracy", 1.0)}, differences=(judge, _RUBRIC),
        ),
        Printed(
            table="RISEBench", suite="full", source="PhoenixZ810/RISEBench README.md @5f22651",
            judge=_JUDGE, columns=_columns("accuracy_2026_04", " accuracy %", " (0-100)"),
            differences=(judge, _RUBRIC),
        ),
        Printed(
            table="RISEBench", suite="full", source="copied in open-compass/GenEditEvalKit",
            judge=_JUDGE, columns=_columns("accuracy_official", " accuracy %", " (0-100)"),
            differences=(judge, _RUBRIC),
        ),
    )  # fmt: skip
