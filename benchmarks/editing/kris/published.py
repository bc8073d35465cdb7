"""KRIS-Bench's printed tables, as rows that a run can be set beside."""

from __future__ import annotations

from functools import cache

from benchmarks.common.published import Printed, printed_rows
from benchmarks.editing.kris.scoring import METAS
from evals.core.types import PublishedRow

_COLUMNS = {"Overall": ("", "=flat", 1.0)}
_COLUMNS |= {f"{meta.partition(' ')[0]} AVG": (meta, "=flat", 1.0) for meta in METAS}
_COLUMNS |= {
    f"{kind.partition(' ')[0]} AVG": (f"{meta}/{kind}", "=flat", 1.0)
    for meta, kinds in METAS.items()
    for kind in kinds
}


@cache
def published() -> tuple[PublishedRow, ...]:
    """The tables of BAGEL."""
    return printed_rows(
        Printed(
            table="KRIS-Bench",
            suite="full",
            columns=_COLUMNS,
            judge="gpt-4o-2024-11-20",
            differences=(
                "judge: gpt-4o-2024-11-20",
                "rubric: judged by the released prompts, not by this package's words",
                "parsing: replies that are no JSON may count by a digit of their reasoning "
                "(KRIS-1)",
            ),
        )
    )
