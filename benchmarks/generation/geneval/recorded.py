"""Results of the released script, judged again: the ``results.jsonl`` of `evaluate_images.py`.

Whoever has the pinned detector stack gets its detections scored here exactly. The script keeps the
boxes but not the colours it saw; those that decide are in its reasons, and are read from there.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.generation.geneval.classes import NAMES
from benchmarks.generation.geneval.rules import COLOURS, Clause, read_spec
from evals.core.errors import ImageError, UserError
from evals.core.types import JSON, Absence
from metrics.detector_records import read_detections
from metrics.imported import Imported, Record, image_key
from metrics.instances import Detections

_SEEN = re.compile(r"(\d+) (\w+)")


@dataclass(frozen=True, kw_only=True)
class OfficialResults:
    """A `metrics.detector.Detector` over the rows of the released script."""

    records: Imported

    def identity(self) -> dict[str, JSON]:
        """See `metrics.detector.Detector`."""
        return {"detector": "results of the released script", "files": self.records.identity()}

    def absence(self) -> Absence | None:
        """See `metrics.detector.Detector`."""
        return self.records.absence()

    def detect(
        self, paths: Sequence[Path], keys: Sequence[str]
    ) -> list[Detections | ImageError | None]:
        """See `metrics.detector.Detector`.

        Raises:
            UserError: a row is malformed, or there are two of one image.
        """
        found: list[Detections | ImageError | None] = []
        for key in keys:
            row = self._rows.get(key)
            found.append(None if row is None else _detections(row, key))
        return found

    def verdict(self, key: str) -> bool | None:
        """What the script said of an image; None when it has no row."""
        row = self._rows.get(key)
        correct = None if row is None else row.get("correct")
        return correct if isinstance(correct, bool) else None

    @functools.cached_property
    def _rows(self) -> Mapping[str, Record]:
        return _by_key(self.records)


def _by_key(records: Imported) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for where, row in records.records():
        key = _key(row, where)
        if key in found:
            raise UserError(
                f"{where} is a second row of the image {key}; results of several runs were merged."
            )
        found[key] = row
    return found


def _key(row: Record, where: str) -> str:
    """``00012/3`` of ``.../00012/samples/0003.png``."""
    path = PurePosixPath(str(row.get("filename", "")).replace("\\", "/"))
    if len(path.parts) < 3 or not path.stem.isdecimal():
        raise UserError(
            f"{where} has the filename {row.get('filename')!r}, not FOLDER/NUMBER/samples/N.png; "
            "give the results.jsonl of the released script."
        )
    return image_key(path.parent.parent.name, int(path.stem))


def _detections(row: Record, key: str) -> Detections:
    try:
        details, metadata = (_object(row[name]) for name in ("details", "metadata"))
        spec = read_spec({"tag": row.get("tag"), **metadata})
        words = _colours(spec.include, details, str(row.get("reason") or ""))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"The result of the image {key} has no readable metadata, details and reason "
            f"({error}); give the results.jsonl of the released script."
        ) from error
    record = {"detections": details} | ({} if words is None else {"attributes": words})
    return read_detections(record, NAMES, key)


def _object(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError(f"{str(found)[:60]} is no object")
    return found


def _colours(
    clauses: Sequence[Clause], details: Mapping[str, Any], reason: str
) -> dict[str, list[str]] | None:
    """Colours that give the script's verdict; None when no clause asks for any.

    A clause that failed names all colours it saw; one that did not saw what it wanted. Objects that
    the script did not look at get an empty word.
    """
    wanted = [c for c in clauses if c.colour]
    if not wanted:
        return None
    words = {name: [""] * len(rows) for name, rows in details.items()}
    for clause in wanted:
        rows = details.get(clause.name, [])
        if len(rows) < clause.count:
            continue
        start = f"expected {clause.colour} {clause.name}>={clause.count}, found "
        line = next((x for x in reason.splitlines() if x.startswith(start)), "")
        seen = [clause.colour] * clause.count
        if line:
            pairs = _SEEN.findall(line.rpartition("; and ")[2])
            seen = [c for n, c in pairs if c in COLOURS for _ in range(int(n))]
        if len(seen) != clause.count:
            raise ValueError(f"its reason {line!r} does not name {clause.count} colours")
        words[clause.name][: clause.count] = seen
    return words
