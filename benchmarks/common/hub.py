"""Data sets of the hub, downloaded as files at one commit, and rows of their Parquet files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import MissingExtra, UserError

if TYPE_CHECKING:
    from benchmarks.common.files import Hub

_COMMIT = re.compile(r"[0-9a-f]{40}")


def ensure_snapshot(hub: Hub, revision: str, cache: Path, benchmark: str) -> Path:
    """Download the files of a data set once.

    Args:
        hub: which data set, and which of its files.
        revision: full commit; branches and tags move, so none is taken.
        cache: the folder ``hub/<owner>--<name>/<revision>`` is made below it.
        benchmark: for messages.

    Returns:
        The folder, laid out as on the hub.

    Raises:
        UserError: the revision is no commit, or the hub cannot be read.
        MissingExtra: the hub's package is not installed.
    """
    if not _COMMIT.fullmatch(revision):
        raise UserError(
            f"The revision {revision!r} of {hub.dataset} is not a commit of 40 hex digits; pass a "
            f"commit, e.g. {benchmark}/SUITE@{'0123abcd' * 5}: branches and tags move."
        )
    root = cache / "hub" / hub.dataset.replace("/", "--") / revision
    done = root / ".complete"
    if done.exists():
        return root
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtra("huggingface_hub", "data", f"Downloading {hub.dataset}") from error
    try:
        huggingface_hub.snapshot_download(
            hub.dataset, repo_type="dataset", revision=revision, local_dir=root,
            allow_patterns=list(hub.patterns),
        )  # fmt: skip
        done.touch()
    except Exception as error:
        # The hub's package raises what its HTTP library raises; all of it means this.
        raise UserError(
            f"Cannot download {hub.dataset}@{revision} ({type(error).__name__}: {error}); check "
            f"the network, or pass a folder with --data {benchmark}=FOLDER."
        ) from error
    return root


def parquet_rows(
    files: Sequence[Path], columns: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(``file: row``, row) of Parquet files, images as ``{"bytes": ..., "path": ...}``, streamed.

    Args:
        files: in order.
        columns: to read; None for all. An index without its images is read without them.

    Raises:
        UserError: a file cannot be read or lacks a column.
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "data", "Reading Parquet files") from error
    for path in files:
        try:
            table = parquet.ParquetFile(path)
            lacking = set(columns or ()) - set(table.schema_arrow.names)
            if lacking:
                raise UserError(f"{path} has no column {sorted(lacking)[0]!r}; get it again.")
            number = 0
            for batch in table.iter_batches(batch_size=64, columns=columns):
                for row in batch.to_pylist():
                    yield f"{path}: row {number}", row
                    number += 1
        except (OSError, pyarrow.ArrowException) as error:
            raise UserError(f"{path} is not readable Parquet ({error}); get it again.") from error
