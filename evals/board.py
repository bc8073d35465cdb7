"""The terminal's tables, kept beside the runs, so that a finished run is shown in no time.

Intervals and ranks over thousands of samples take seconds; a resume that finds nothing to do should
not pay for them again. What is kept is derived and keyed by all it was made from.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import evals
from evals.core.errors import UserError
from evals.core.store import PREDICTIONS, RUN, SAMPLES, SCORES, StoredRun, plain
from evals.core.types import fingerprint
from evals.core.writing import write_atomic
from reports.tables import Table, leaderboard_tables

VOLATILE = {"created", "provenance", "finished"}
FILE = ".board.json"


def board_key(folders: Sequence[Path]) -> str:
    """Identity of everything that tables and page of these runs are made from."""
    facts = []
    for folder in folders:
        manifest = json.loads((folder / RUN).read_text(encoding="utf-8"))
        files = [
            (s.st_size, s.st_mtime_ns) if (f := folder / n).exists() and (s := f.stat()) else None
            for n in (SAMPLES, PREDICTIONS, SCORES)
        ]
        kept = {k: v for k, v in manifest.items() if k not in VOLATILE}
        facts.append([str(folder), kept, files])
    return fingerprint(plain([evals.__version__, facts]))


def stored_tables(place: Path, key: str) -> list[Table] | None:
    """Tables kept under `place` for this key; None when there are none."""
    try:
        kept = json.loads((place / FILE).read_text(encoding="utf-8"))
        if kept["key"] != key:
            return None
        return [
            Table(
                title=t["title"],
                headers=tuple(t["headers"]),
                rows=tuple(map(tuple, t["rows"])),
                notes=tuple(t["notes"]),
            )
            for t in kept["tables"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        # Absent, damaged or of another version: it is made again from the runs.
        return None


def make_tables(runs: Sequence[StoredRun], place: Path | None, key: str) -> list[Table]:
    """Compute the tables and keep them; a place that cannot be written is no error here."""
    tables = list(leaderboard_tables(runs))
    if place is None:
        return tables
    text = json.dumps({"key": key, "tables": [asdict(t) for t in tables]}, ensure_ascii=False)
    with contextlib.suppress(UserError):
        write_atomic(place / FILE, text.encode("utf-8", errors="backslashreplace"))
    return tables
