"""GenAI-Bench's functions under the names that recorded vectors use, see `evals.conformance`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.generation.genai.rules import official_table
from evals.core.errors import UserError

Input = Mapping[str, Any]


def _per_skill(given: Input) -> dict[str, Any]:
    ids = _numbers(given["prompt_ids"])
    scores = dict(zip(ids, given["scores"], strict=True))
    table = official_table(scores, _skills(given["skills"]))
    return {
        group: {name: cell.printed() for name, cell in cells.items()}
        for group, cells in table.items()
    }


def _numbers(given: Sequence[int] | str) -> Sequence[int]:
    """Prompt ids: a list, or ``range(n)`` in words."""
    if isinstance(given, str):
        return range(int(given.removeprefix("range(").removesuffix(")")))
    return given


def _skills(given: Mapping[str, Sequence[int]] | str) -> Mapping[str, Sequence[int]]:
    """A map of skills, or the name of the official one, which is not in this repository.

    Raises:
        UserError: the official file is not here.
    """
    if not isinstance(given, str):
        return given
    name = Path(*Path(given).parts[-2:])  # "genai1600/genai_skills.json"
    beside = Path(__file__).resolve().parents[4] / "shared" / "datasets"
    path = Path(os.environ.get("UMM_EVALS_DATA") or beside) / "genai" / name
    if not path.is_file():
        raise UserError(
            f"A recorded case needs GenAI-Bench's {name.name}, not found at {path}; set "
            "UMM_EVALS_DATA to the folder of the official data."
        )
    skills: Mapping[str, Sequence[int]] = json.loads(path.read_text(encoding="utf-8"))
    return skills


CONFORMANCE: dict[str, Callable[[Any], Any]] = {"show_performance_per_skill": _per_skill}
"""Name of a recorded function -> callable from its input to what it returned."""
