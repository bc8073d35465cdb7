"""Values that were computed elsewhere, brought in as a file: one record per image.

A metric whose model does not run here, or whose published numbers need another stack, can be given
the values themselves. The file is JSON (a list of records) or JSONL, and a record names its image:

    {"sample": "00012", "trial": 0, ...}
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.core.protocols import ScoringSettings
from evals.core.types import JSON, Absence
from metrics.weight_files import file_sha256

SUFFIXES = (".json", ".jsonl")

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """Records of a file, or of all ``*.json`` and ``*.jsonl`` of a folder at any depth.

    Attributes:
        path: file or folder.
        setting: name of the setting that gave it, for messages.
        cache: folder where the files' hashes are remembered.
    """

    path: Path
    setting: str
    cache: Path

    @functools.cached_property
    def files(self) -> tuple[Path, ...]:
        """Its files, sorted."""
        if self.path.is_dir():
            inside = (p for p in self.path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
            return tuple(sorted(inside))
        return (self.path,) if self.path.is_file() else ()

    def identity(self) -> dict[str, JSON]:
        """Hashes of the files, by name below the folder."""
        base = self.path if self.path.is_dir() else self.path.parent
        return {
            p.relative_to(base).as_posix(): file_sha256(p, self.cache) for p in self.files
        }  # fmt: skip

    def absence(self) -> Absence | None:
        """Why nothing can be read; looks at files only."""
        if self.files:
            return None
        return Absence(
            reason=f"{self.path} is neither a JSON or JSONL file nor a folder of such files",
            fix=f"give existing ones as weights.{self.setting}",
        )

    def records(self) -> Iterator[tuple[str, Record]]:
        """(``file:record``, record) in the order of the files.

        Raises:
            UserError: a file cannot be read, or holds something else than objects.
        """
        for path in self.files:
            for number, record in enumerate(_read(path), 1):
                where = f"{path}:{number}"
                if not isinstance(record, dict):
                    raise UserError(f"{where} is no JSON object; write one per image.")
                yield where, record

    @functools.cached_property
    def by_key(self) -> Mapping[str, Record]:
        """Record of each image, by ``sample/trial``.

        Raises:
            UserError: as `records`, or an image has no name or two records.
        """
        found: dict[str, Record] = {}
        for where, record in self.records():
            key = key_of(record, where)
            if key in found:
                raise UserError(f"{where} is a second record of the image {key}; keep one.")
            found[key] = record
        return found


def imported(settings: ScoringSettings, setting: str) -> Imported | None:
    """What the user brings as ``weights.<setting>``; None for nothing."""
    path = settings.weights.get(setting)
    if not path:
        return None
    return Imported(path=Path(path).expanduser(), setting=setting, cache=settings.cache)


def image_key(sample: str, trial: int) -> str:
    """How records name an image.

    >>> image_key("00012", 3)
    '00012/3'
    """
    return f"{sample}/{trial}"


def key_of(record: Record, where: str) -> str:
    """`image_key` of a record.

    Raises:
        UserError: it has no sample, or its trial is no whole number.
    """
    sample, trial = record.get("sample"), record.get("trial", 0)
    if not isinstance(sample, str) or not isinstance(trial, int) or isinstance(trial, bool):
        raise UserError(
            f"{where} does not name its image; write the sample's id as 'sample' (text) and the "
            "number of its image as 'trial' (0, 1, ...)."
        )
    return image_key(sample, trial)


def number_of(record: Record, name: str, low: float, high: float) -> float | str:
    """A number in a record, or what is wrong with it; nothing here raises."""
    value = record.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        return f"its record has {value!r} in {name!r}, which is no number from {low:g} to {high:g}"
    return float(value)


def shares_of(record: Record, name: str, count: int | None = None) -> list[float] | str:
    """A list of numbers in [0, 1] in a record, or what is wrong with it; nothing here raises.

    Args:
        record: of an image.
        name: of the field.
        count: how many are wanted; None for any number.
    """
    values = record.get(name)
    if not isinstance(values, list) or (count is not None and len(values) != count):
        return f"its record has no list of {'' if count is None else count} numbers in {name!r}"
    numbers = []
    for value in values:
        number = number_of({name: value}, name, 0, 1)
        if isinstance(number, str):
            return number
        numbers.append(number)
    return numbers


def _read(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        value = json.loads(text)
    except OSError as error:
        raise UserError(f"Cannot read {path} ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}); write it again.") from error
    return value if isinstance(value, list) else [value]
