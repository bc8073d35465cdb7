"""GEdit-Bench's printed tables, as rows that a run can be set beside."""

from __future__ import annotations

from functools import cache

from benchmarks.common.published import Printed, printed_rows
from benchmarks.editing.gedit.scoring import TITLES
from evals.core.types import PublishedRow

_GROUPS = {title: (name, "judge.O_official", 1.0) for name, title in TITLES.items()}
_WHOLE = {"Avg G_O": ("", "=G_O", 1.0)}
_RUBRIC = "rubric: judged by VIEScore's prompts, not by this package's words"
_GUESS = "parsing: replies that VIEScore cannot read twice count a random number (GEDIT-1)"
_UNNAMED = "judge: the source does not name it; GEdit-Bench's is gpt-4.1"


@cache
def published() -> tuple[PublishedRow, ...]:
    """The tables of InternVL-U, Ovis-U1, BAGEL, Mage-Flow and Lance."""
    plain = (_UNNAMED, _RUBRIC, _GUESS)
    third = (*plain, "source: collected by a third party")
    english = "GEdit-Bench-EN"
    return printed_rows(
        Printed(table=english, suite="en", source="arXiv:2603.09877", columns=_GROUPS | _WHOLE,
                differences=plain),
        Printed(table=english, suite="en", source="AIDC-AI/Ovis-U1", columns=_GROUPS | _WHOLE,
                differences=plain),
        Printed(
            table=english, suite="en", source="ByteDance-Seed/Bagel",
            columns={f"G_{n}": ("", f"=G_{n}", 1.0) for n in ("SC", "PQ", "O")},
            judge="gpt-4.1-2025-04-14",
            differences=("judge: gpt-4.1-2025-04-14", _RUBRIC, _GUESS),
        ),
        Printed(table=english, suite="en", source="Mage-Flow", columns=_WHOLE, differences=third),
        Printed(table=english, suite="en", source="Lance", columns=_WHOLE, differences=plain),
        Printed(table="GEdit-Bench-CN", suite="cn", source="Mage-Flow", columns=_WHOLE,
                differences=third),
    )  # fmt: skip
