"""Tables of rows in files: jsonl by byte offsets, and Parquet, which is `parquet`'s business.

No table is held in memory. One may be read from threads and from forked or spawned processes:
nothing of it changes once it is open, and no jsonl file stays open.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from evals.core.errors import UserError
from model.finetune.config import Entry, Task
from model.finetune.rows import chosen, wanted

_KINDS = ("parquet", "jsonl")


class Table(Protocol):
    """Rows by number, whatever file they are in.

    Attributes:
        columns: our names of what can be read.
        base: folder that relative image paths start from.
        digest: names what the files hold, in hexadecimal; not where they lie.
    """

    columns: tuple[str, ...]
    base: Path
    digest: str

    def __len__(self) -> int: ...

    def get(self, row: int) -> dict[str, Any]:
        """The cells of a row by our names; absent ones may be left out."""
        ...

    def batches(self, columns: Sequence[str], size: int) -> Iterator[dict[str, list[Any]]]:
        """All rows in order, some columns of them, `size` rows at a time."""
        ...


def open_table(entry: Entry, task: Task, cache: Path) -> Table:
    """The table of one part of the mixture.

    Args:
        entry: its path and what its columns are called.
        task: what its rows teach; only the columns for it are read.
        cache: folder for the Arrow copies of Parquet files.

    Raises:
        UserError: there is no such file, it is broken, or it lacks columns.
    """
    path = Path(entry.path).expanduser()
    kind, files = _files(path)
    base = path if path.is_dir() else path.parent
    if kind == "jsonl":
        return JsonlTable(entry, task, base, files)
    from model.finetune.parquet import ParquetTable

    return ParquetTable(entry, task, base, files, cache)


def _files(path: Path) -> tuple[str, list[Path]]:
    """Kind of the files and the files, in the order of their names."""
    if path.is_file():
        kind = path.suffix.lstrip(".").lower()
        if kind not in _KINDS:
            raise UserError(
                f"{path} is neither .parquet nor .jsonl; convert it, or name another file."
            )
        return kind, [path]
    if not path.is_dir():
        raise UserError(f"{path} does not exist; look at the path.")
    found = {
        kind: sorted(
            f
            for f in path.rglob(f"*.{kind}")
            if f.is_file() and not any(p.startswith(".") for p in f.relative_to(path).parts)
        )
        for kind in _KINDS
    }
    if all(found.values()):
        raise UserError(
            f"{path} holds both Parquet and jsonl files; make each a part of the mixture."
        )
    for kind, files in found.items():
        if files:
            return kind, files
    raise UserError(f"{path} holds no .parquet and no .jsonl file; name the folder that does.")


class JsonlTable:
    """One JSON object a line; where each line starts is all that is kept.

    Args:
        entry: part of the mixture.
        task: what its rows teach.
        base: folder that the files are named from.
        files: in order.

    Raises:
        UserError: a file cannot be read, has no row, or its first row lacks columns.
    """

    def __init__(self, entry: Entry, task: Task, base: Path, files: Sequence[Path]) -> None:
        self.base = base
        self._files = tuple(files)
        starts, self._first, digest = array("q"), [], hashlib.blake2b(digest_size=16)
        for path in files:
            self._first.append(len(starts))
            digest.update(f"\x1e{path.relative_to(base).as_posix()}\x1e".encode())
            try:
                with path.open("rb") as stream:
                    at = 0
                    for line in stream:
                        digest.update(line)
                        if line.strip():
                            starts.append(at)
                        at += len(line)
            except OSError as error:
                raise UserError(f"{path} cannot be read ({error.strerror}).") from error
            if len(starts) == self._first[-1]:
                raise UserError(f"{path} has no row; remove it.")
        self._starts = np.frombuffer(starts, np.int64)
        self.digest = digest.hexdigest()
        for path, row in zip(files, self._first, strict=True):
            values = self._parsed(row)
            inner = [f"{k}.{n}" for k, v in values.items() if isinstance(v, dict) for n in v]
            chosen(entry, task, tuple(values), path, inner)
        # Later rows may have what the first one lacks: all is read wherever it stands.
        self._names = {name: entry.columns.get(name, name) for name in wanted(task)}
        self.columns = tuple(self._names)

    def __len__(self) -> int:
        return len(self._starts)

    def get(self, row: int) -> dict[str, Any]:
        """See `Table.get`."""
        values = self._parsed(row)
        return {ours: values[his] for ours, his in self._names.items() if his in values}

    def batches(self, columns: Sequence[str], size: int) -> Iterator[dict[str, list[Any]]]:
        """See `Table.batches`; a row that lacks a column has `ABSENT` there."""
        names = {c: self._names[c] for c in columns}
        rows = iter(range(len(self)))
        while numbers := list(itertools.islice(rows, size)):
            values = self._several(numbers)
            yield {ours: [v.get(his, ABSENT) for v in values] for ours, his in names.items()}

    def _several(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Neighbouring rows, with each file opened once."""
        result = []
        for number, group in itertools.groupby(rows, self._file_of):
            with self._files[number].open("rb") as stream:
                for row in group:
                    stream.seek(int(self._starts[row]))
                    result.append(self._checked(stream.readline(), row))
        return result

    def _parsed(self, row: int) -> dict[str, Any]:
        return self._several([row])[0]

    def _file_of(self, row: int) -> int:
        return int(np.searchsorted(self._first, row, side="right")) - 1

    def _checked(self, line: bytes, row: int) -> dict[str, Any]:
        try:
            value = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            what = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "is not JSON"
            raise UserError(f"{self._where(row)} {what} ({error}); mend it.") from error
        if not isinstance(value, dict):
            raise UserError(f"{self._where(row)} is not a JSON object; write one a line.")
        return value

    def _where(self, row: int) -> str:
        path = self._files[self._file_of(row)]
        with path.open("rb") as stream:
            line = sum(1 for _ in _lines_before(stream, int(self._starts[row]))) + 1
        return f"Line {line} of {path}"


class _Absent:
    """What stands where a row does not have a column at all, which is not the same as null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


def _lines_before(stream: Any, end: int) -> Iterator[bytes]:
    while stream.tell() < end:
        yield stream.readline()


__all__ = ["ABSENT", "JsonlTable", "Table", "open_table"]
