"""A rendered suite as tests look at it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Suite:
    """A rendered suite and its records by class, in file order."""

    folder: Path
    rows: dict[str, list[dict[str, Any]]]

    @property
    def all(self) -> list[dict[str, Any]]:
        return [row for rows in self.rows.values() for row in rows]


def read(folder: Path) -> Suite:
    files = sorted((folder / "eval_prompts" / "synth").glob("*.jsonl"))
    rows = {f.stem: [json.loads(line) for line in f.read_text().splitlines()] for f in files}
    return Suite(folder=folder, rows=rows)
