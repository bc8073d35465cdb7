"""SHA-256 of files that do not change, remembered between runs by path, size and time."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from evals.core.errors import ImageError
from evals.core.images import sha256_file


class FileHashes:
    """A memo of file hashes on disk: reading a benchmark's pictures again costs more than all else.

    A file is known by its path, size and time of change. A memo that cannot be read or written is
    as good as none.

    Args:
        cache: folder of the user's cache.
    """

    def __init__(self, cache: Path) -> None:
        self._path = cache / "hashes.jsonl"
        self._known: dict[tuple[str, int, int], str] | None = None
        self._file: int | None = None

    def __getstate__(self) -> dict[str, Path]:
        return {"_path": self._path}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self._path, self._known, self._file = state["_path"], None, None

    def sha256(self, path: Path) -> str:
        """64 hex digits.

        Raises:
            ImageError: there is no such file.
        """
        try:
            at = path.stat()
        except OSError as error:
            raise ImageError("not_found", f"{path} cannot be opened ({error.strerror}).") from error
        key = (str(path), at.st_size, at.st_mtime_ns)
        known = self._load()
        if key not in known:
            try:
                known[key] = sha256_file(path)
            except OSError as error:
                raise ImageError("not_found", f"{path} cannot be read ({error}).") from error
            self._append(json.dumps([*key, known[key]]) + "\n")
        return known[key]

    def _append(self, line: str) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o666)
            os.write(self._file, line.encode())

    def __del__(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)

    def _load(self) -> dict[tuple[str, int, int], str]:
        if self._known is None:
            self._known = {}
            lines: list[bytes] = []
            with contextlib.suppress(OSError):
                lines = self._path.read_bytes().split(b"\n")
            for line in lines:
                with contextlib.suppress(ValueError, TypeError):
                    path, size, mtime, digest = json.loads(line)
                    self._known[path, size, mtime] = digest
        return self._known
