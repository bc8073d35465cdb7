"""Parquet files as one memory-mapped table, through `datasets`."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.errors import MissingExtra, UserError
from evals.core.writing import disk_error
from model.finetune.config import Entry, Task
from model.finetune.rows import SIDES, chosen

_ARROW_ROWS = 100
"""Rows in a piece of the Arrow cache: with images of a megabyte, a piece is held while written."""

_LONG = 1 << 30
"""Bytes from which copying takes long enough for a progress bar."""


class ParquetTable:
    """Parquet files as one memory-mapped Arrow table.

    Parquet compresses rows in groups, of which one row cannot be read alone; `datasets` writes the
    columns that are used once more, as Arrow, into `cache` and maps that.

    Args:
        entry: part of the mixture.
        task: what its rows teach.
        base: folder that the files are named from.
        files: in order.
        cache: folder for the copy, made when absent.

    Raises:
        UserError: a file is broken, lacks columns or has them in another type, or the copy cannot
            be written.
    """

    def __init__(
        self, entry: Entry, task: Task, base: Path, files: Sequence[Path], cache: Path
    ) -> None:
        self.base = base
        schemas = {path: _schema(path) for path in files}
        self._names = _same_columns(
            {p: chosen(entry, task, tuple(s.names), p, _inner(s)) for p, s in schemas.items()}
        )
        for path, schema in schemas.items():
            _check_types(path, schema, self._names)
        self.columns = tuple(self._names)
        self.digest = _footers(base, files)
        self._data = _arrow(files, sorted(set(self._names.values())), cache).with_format("arrow")

    def __len__(self) -> int:
        return len(self._data)

    def get(self, row: int) -> dict[str, Any]:
        """See `Table.get`."""
        values = self._data[row].to_pylist()[0]
        return {ours: values[his] for ours, his in self._names.items()}

    def batches(self, columns: Sequence[str], size: int) -> Iterator[dict[str, list[Any]]]:
        """See `Table.batches`; images stay Arrow buffers, so that they are not copied."""
        names = {c: self._names[c] for c in columns}
        small = self._data.select_columns(sorted(set(names.values())))
        for batch in small.iter(batch_size=size):
            yield {
                ours: _cells(batch[his]) if ours in SIDES else batch[his].to_pylist()
                for ours, his in names.items()
            }


def _cells(column: Any) -> list[Any]:
    """Image cells of an Arrow column: buffers, paths or None."""
    from pyarrow import types

    if types.is_struct(column.type):
        # Flattening carries the nulls of the struct to its fields and copies no image.
        fields = dict(zip((f.name for f in column.type), column.flatten(), strict=True))
        parts = [_cells(fields[name]) for name in ("bytes", "path") if name in fields]
        return [next((v for v in cell if v is not None), None) for cell in zip(*parts, strict=True)]
    texts = (types.is_string, types.is_large_string, types.is_null)
    if any(is_one(column.type) for is_one in texts):
        return list(column.to_pylist())
    return [value.as_buffer() for value in column]


def _schema(path: Path) -> Any:
    """The columns of a Parquet file, from its footer."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "data", "Reading Parquet") from error

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} is not a readable Parquet file ({_first_line(error)}); fetch or write it "
            "again."
        ) from error
    if file.metadata.num_rows == 0:
        raise UserError(f"{path} has no row; remove it.")
    return file.schema_arrow


def _inner(schema: Any) -> list[str]:
    """Names of the fields of columns that have some."""
    from pyarrow import types

    columns = [(f.name, f.type) for f in schema if types.is_struct(f.type)]
    return [f"{name}.{inner.name}" for name, kind in columns for inner in kind]


def _check_types(path: Path, schema: Any, names: Mapping[str, str]) -> None:
    """Refuse columns that hold something else than their name says."""
    from pyarrow import types

    for ours, his in names.items():
        if schema.names.count(his) > 1:
            raise UserError(f"{path} has several columns called {his}; write it again with one.")
        kind = schema.field(his).type
        binary = types.is_binary(kind) or types.is_large_binary(kind)
        words = types.is_string(kind) or types.is_large_string(kind)
        if ours in SIDES:
            struct = types.is_struct(kind) and {f.name for f in kind} & {"bytes", "path"}
            fits, should = bool(binary or words or struct or types.is_null(kind)), "images or paths"
        elif ours.endswith(("_height", "_width")):
            number = types.is_integer(kind) or types.is_floating(kind)
            fits, should = number or types.is_null(kind), "numbers"
        else:
            fits, should = not (types.is_nested(kind) or binary), "text"
        if not fits:
            raise UserError(
                f"{path} has the type {kind} in the column {his}, where {should} should be; write "
                "it again, or name another column with `columns`."
            )


def _footers(base: Path, files: Sequence[Path]) -> str:
    """A hash of names, sizes and footers, which hold the size and statistics of every column."""
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        size = path.stat().st_size
        with path.open("rb") as stream:
            stream.seek(size - 8)
            length = int.from_bytes(stream.read(4), "little")
            stream.seek(size - 8 - length)
            footer = stream.read(length)
        digest.update(f"\x1e{path.relative_to(base).as_posix()}\x1e{size}\x1e".encode())
        digest.update(footer)
    return digest.hexdigest()


def _arrow(files: Sequence[Path], columns: list[str], cache: Path) -> Any:
    """The files as one `datasets.Dataset`, copied to `cache` where that was not done before."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", "data", "Reading Parquet") from error
    from datasets.exceptions import DatasetGenerationError

    shown = not datasets.utils.are_progress_bars_disabled()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if shown and sum(f.stat().st_size for f in files) < _LONG:
            datasets.disable_progress_bars()
        return datasets.Dataset.from_parquet(
            # Names are patterns there.
            [glob.escape(str(f.resolve())) for f in files], columns=columns, cache_dir=str(cache),
            batch_size=_ARROW_ROWS,
        )  # fmt: skip
    except (DatasetGenerationError, datasets.table.CastError, OSError, ValueError) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, OSError) and cause.errno is not None and not _broken(files, columns):
            raise disk_error(cause, cache) from error
        where = _broken(files, columns) or files[0].parent
        raise UserError(
            f"{where} cannot be read ({_first_line(cause)}); fetch or write it again."
        ) from error
    finally:
        if shown:
            datasets.enable_progress_bars()


def _broken(files: Sequence[Path], columns: list[str]) -> Path | None:
    """The first file whose pages cannot be read, though its footer can."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in files:
        try:
            for _ in pq.ParquetFile(path).iter_batches(_ARROW_ROWS, columns=columns):
                pass
        except (pa.ArrowException, OSError, ValueError):
            return path
    return None


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".") or type(error).__name__


def _same_columns(chosen_of: Mapping[Path, dict[str, str]]) -> dict[str, str]:
    """The columns that are read, which all files must have.

    Raises:
        UserError: a file has one that another lacks. What says where rows are from must not be
            ignored because one file does not say it.
    """
    (first, wanted), *others = chosen_of.items()
    for path, columns in others:
        for name in sorted(wanted.keys() ^ columns.keys()):
            has, lacks = (first, path) if name in wanted else (path, first)
            raise UserError(
                f"{has} has the column {name} and {lacks} has not; make each a part of the mixture."
            )
    return wanted


__all__ = ["ParquetTable"]
