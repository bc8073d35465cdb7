"""ImgEdit's printed tables, as rows that a run can be set beside."""

from __future__ import annotations

from functools import cache

from benchmarks.common.published import Printed, printed_rows
from benchmarks.editing.imgedit.scoring import TITLES
from evals.core.types import PublishedRow

_TYPES = {title: (name, "judge.score_official", 1.0) for name, title in TITLES.items()}
_MACRO = _TYPES | {"Overall": ("", "=macro", 1.0)}
_PROMPTS = "rubric: judged by the released prompts, not by this package's words"
_UNNAMED = "judge: the source does not name it; ImgEdit's README and GenEditEvalKit say gpt-4.1"


@cache
def published() -> tuple[PublishedRow, ...]:
    """The tables of InternVL-U, ImgEdit, Ovis-U1, Mage-Flow and BAGEL."""
    return printed_rows(
        Printed(
            table="ImgEdit",
            suite="full",
            source="arXiv:2603.09877",
            columns=_MACRO,
            differences=(_UNNAMED, _PROMPTS),
        ),
        Printed(
            table="ImgEdit",
            suite="full",
            source="PKU-YuanGroup/ImgEdit",
            columns=_MACRO,
            judge="gpt-4.1",
            differences=(
                "judge: gpt-4.1 of an unknown date",
                _PROMPTS,
                "data: upstream's file, which words 57 of the 737 instructions differently",
            ),
        ),
        Printed(
            table="ImgEdit",
            suite="full",
            source="AIDC-AI/Ovis-U1",
            columns=_MACRO,
            differences=(_UNNAMED, _PROMPTS),
        ),
        Printed(
            table="ImgEdit",
            suite="full",
            source="Mage-Flow",
            columns=_MACRO,
            differences=(_UNNAMED, _PROMPTS, "source: collected by a third party"),
        ),
        Printed(
            table="ImgEdit",
            suite="full",
            source="ByteDance-Seed/Bagel",
            columns=_TYPES | {"Overall": ("", "=micro", 1.0)},
            judge="gpt-4o-2024-11-20",
            differences=("judge: gpt-4o-2024-11-20", _PROMPTS),
        ),
    )
