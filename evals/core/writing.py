"""Writing a run: one writer under a lock, whole lines, whole files, after any crash.

Reading is `evals.core.store`; the layout is docs/run-folder.md.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, get_args

from evals.core.errors import UserError
from evals.core.images import inspect_image, sha256_file
from evals.core.store import (
    PREDICTIONS,
    RUN,
    SAMPLES,
    SCHEMA,
    SCORES,
    VERDICTS,
    plain,
    prediction_from_row,
    prediction_row,
    read_jsonl,
    read_manifest,
    sample_row,
    score_row,
)
from evals.core.types import ImageRef, Prediction, Sample, Score
from evals.core.verdicts import VerdictStatus, verdict_rows


def disk_error(error: OSError, where: Path) -> UserError:
    """An `OSError` of writing as a sentence that says what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        what, act = "the disk is full", "free some space"
    elif error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        what, act = "it may not be written", "choose another --out or mend the permissions"
    else:
        what, act = str(error.strerror or error), "look at the disk"
    return UserError(
        f"Cannot write {where}: {what}; {act} and run the same command again, "
        "finished work is kept."
    )


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or absent, also after a crash.

    It gets the mode that any new file gets: 0666 less the umask.

    Raises:
        UserError: the disk is full or read-only.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not `tempfile`: it makes files that only their owner may read, and asking for the umask
        # means setting it, which other threads would notice.
        part = path.parent / f".{secrets.token_hex(8)}.part"
        with part.open("xb") as stream:
            temporary = part
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


class _Appender:
    """An append-only JSONL file that repairs a torn last line when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stream: IO[bytes] = path.open("ab")
            size = path.stat().st_size
            if size:
                with path.open("rb+") as tail:
                    tail.seek(-1, os.SEEK_END)
                    if tail.read(1) != b"\n":
                        tail.truncate(_last_newline(tail, size))
        except OSError as error:
            raise disk_error(error, path) from error

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows in one write and hand them to the operating system.

        A row that fails to be written whole is cut off again, so that the file stays readable.
        """
        text = "".join(
            json.dumps(r, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
            for r in rows
        )
        # A lone surrogate (from a file name that is not UTF-8) must not stop a run.
        data = text.encode("utf-8", errors="backslashreplace")
        start = self._stream.seek(0, os.SEEK_END)
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(self._path, start)
            raise disk_error(error, self._path) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()


def _last_newline(stream: IO[bytes], size: int) -> int:
    """Offset just behind the last newline of a file; 0 when there is none."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        stream.seek(start)
        at = stream.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


_locks: weakref.WeakSet[IO[str]] = weakref.WeakSet()


def lock(folder: Path) -> IO[str]:
    """Keep every other process from writing a folder, until the file returned here is closed.

    Args:
        folder: created when absent.

    Raises:
        UserError: another process writes there, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("a+")
    except OSError as error:
        raise disk_error(error, folder) from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        owner = stream.read().strip() or "another process"
        stream.close()
        raise UserError(
            f"{folder} is being written by {owner}; wait for it, or choose another folder."
        ) from None
    except OSError as error:  # a file system without locks
        stream.close()
        raise disk_error(error, folder / ".lock") from error
    stream.truncate(0)
    stream.write(f"process {os.getpid()} on {socket.gethostname()}")
    stream.flush()
    _locks.add(stream)
    return stream


def _let_go() -> None:
    for stream in list(_locks):
        stream.close()
    _locks.clear()


# A forked child would hold the lock of a process that was killed, until it noticed.
os.register_at_fork(after_in_child=_let_go)


class RunWriter:
    """The single writer of a run folder; use it as a context manager.

    Args:
        folder: created when absent.
        manifest: what `run.json` shall hold. Its `identity` must equal that of a run already
            there: the same command again continues, another one is refused.

    Raises:
        UserError: another process writes here, the run there is a different one, a newer schema
            wrote it, or the folder cannot be written.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self._lock = lock(folder)
        try:
            self._write_manifest(manifest)
            self._predictions = _Appender(folder / PREDICTIONS)
            self._scores = _Appender(folder / SCORES)
            self._verdicts: _Appender | None = None
            self._written: set[tuple[Any, ...]] = set()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._predictions.close()
        self._scores.close()
        if self._verdicts is not None:
            self._verdicts.close()
        self._lock.close()

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        if (self.folder / RUN).exists():
            before = read_manifest(self.folder)
            old, new = before.get("identity", {}), plain(manifest.get("identity", {}))
            if old != new:
                names = sorted(k for k in {*old, *new} if old.get(k) != new.get(k))
                raise UserError(
                    f"{self.folder} already holds another run (it differs in {', '.join(names)}); "
                    "choose another --out, or delete that folder."
                )
            manifest = {**manifest, "created": before.get("created", manifest.get("created"))}
        self.created = manifest.get("created")
        self.update_manifest(manifest)

    def update_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace `run.json` whole."""
        text = json.dumps(
            plain({"schema": SCHEMA, **manifest, "created": self.created}),
            indent=1,
            ensure_ascii=False,
        )
        write_atomic(self.folder / RUN, (text + "\n").encode("utf-8", errors="backslashreplace"))

    def write_samples(self, samples: Sequence[Sample]) -> None:
        """Store the planned samples, unless the same file is already there."""
        text = "".join(
            json.dumps(sample_row(s), ensure_ascii=False, separators=(",", ":")) + "\n"
            for s in samples
        )
        data = text.encode("utf-8", errors="backslashreplace")
        path = self.folder / SAMPLES
        if not path.exists() or path.read_bytes() != data:
            write_atomic(path, data)

    def stored_predictions(self) -> dict[tuple[str, int], Prediction]:
        """(sample, trial) -> the latest prediction already there."""
        rows = read_jsonl(self.folder / PREDICTIONS)
        return {(r["sample"], r["trial"]): prediction_from_row(r) for r in rows}

    def stored_score_keys(self) -> dict[tuple[str, str, str], str]:
        """(prediction hash, metric, scorer fingerprint) -> status of the latest such score."""
        rows = read_jsonl(self.folder / SCORES)
        return {(r["prediction"], r["metric"], r["fingerprint"]): r["status"] for r in rows}

    def add_image(self, source: bytes | Path) -> ImageRef:
        """Keep an output image under the hash of its bytes; an equal one is kept once.

        A path is copied, never moved or linked: the run must not change when its source does.

        Raises:
            ImageError: it cannot be decoded.
            UserError: the disk is full or read-only.
        """
        info = inspect_image(source)
        if isinstance(source, bytes):
            digest = hashlib.sha256(source).hexdigest()
        else:
            digest = sha256_file(source)
        ref = ImageRef(
            sha256=digest, suffix=info.suffix, width=info.width, height=info.height,
            notes=info.notes,
        )  # fmt: skip
        target = self.folder / ref.relative_path
        if target.exists():
            return ref
        if isinstance(source, bytes):
            write_atomic(target, source)
            return ref
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.{os.getpid()}.part")
            shutil.copyfile(source, part)
            os.replace(part, target)
        except OSError as error:
            raise disk_error(error, target) from error
        return ref

    def add_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Append predictions; call it after their images are in place."""
        self._predictions.write(prediction_row(p) for p in predictions)

    def add_scores(self, scores: Sequence[Score]) -> None:
        """Append scores, what judges said before what was made of it."""
        self._add_verdicts([s for s in scores if s.verdict is not None])
        self._scores.write(score_row(s) for s in scores)

    def _add_verdicts(self, scores: Sequence[Score]) -> None:
        """Append the attempts that are not there yet: a verdict that is read again adds nothing."""
        if not scores:
            return
        if self._verdicts is None:
            self._verdicts = _Appender(self.folder / VERDICTS)
            self._written = {_attempt_key(r) for r in read_jsonl(self.folder / VERDICTS)}
        rows = [
            row
            for s in scores
            if s.verdict is not None
            for row in verdict_rows(s.verdict, _place(s))
            if not self._known(row)
        ]
        self._verdicts.write(rows)
        self._written.update(map(_attempt_key, rows))

    def _known(self, row: Mapping[str, Any]) -> bool:
        """Whether a line is there; one without a verdict adds nothing to one with it."""
        key = _attempt_key(row)
        return key in self._written or (
            key[-1] is None and any((*key[:-1], s) in self._written for s in _STATUSES)
        )


_STATUSES: tuple[str, ...] = get_args(VerdictStatus)


def _place(score: Score) -> dict[str, Any]:
    return {
        "sample": score.sample, "trial": score.trial, "metric": score.metric,
        "prediction": score.prediction,
    }  # fmt: skip


def _attempt_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells one line of `verdicts.jsonl` from another."""
    names = ("sample", "trial", "metric", "prediction", "judge", "request", "number", "time")
    return (*(row.get(n) for n in names), (row.get("verdict") or {}).get("status"))
