"""A run on disk: one model on one suite, append-only, safe to kill at any moment.

A run folder holds `run.json` (what was planned and how to read it), `samples.jsonl` (the planned
samples), `predictions.jsonl`, `scores.jsonl` and `images/`. `RunWriter` is the only writer and
holds a lock; `StoredRun` reads, on any machine, with no data and no torch. The layout is described
in docs/run-folder.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import json
import math
import os
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from evals.core.errors import ImageError, UserError
from evals.core.images import inspect_image, sha256_file
from evals.core.types import Fault, ImageRef, Prediction, Sample, Score

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
RUN, SAMPLES, PREDICTIONS, SCORES, IMAGES = (
    "run.json", "samples.jsonl", "predictions.jsonl", "scores.jsonl", "images",
)  # fmt: skip


# --- rows -----------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value as JSON knows it: paths as text, non-finite floats as words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def sample_row(sample: Sample) -> dict[str, Any]:
    """A sample as one JSON object; its reference becomes a plain object."""
    row: dict[str, Any] = plain(sample)
    return row


def prediction_row(prediction: Prediction) -> dict[str, Any]:
    """A prediction as one JSON object; `prediction_from_row` is its inverse."""
    row: dict[str, Any] = plain(prediction)
    return row


def prediction_from_row(row: Mapping[str, Any]) -> Prediction:
    """Inverse of `prediction_row`; fields of a later minor version are ignored."""
    fault = row.get("fault")
    return Prediction(
        sample=row["sample"],
        trial=row["trial"],
        seed=row["seed"],
        status=row["status"],
        text=row.get("text"),
        images=tuple(
            ImageRef(
                sha256=i["sha256"], suffix=i["suffix"], width=i["width"], height=i["height"],
                notes=tuple(i.get("notes", ())),
            )
            for i in row.get("images", ())
        ),
        usage=row.get("usage", {}),
        seconds=row.get("seconds", 0.0),
        fault=Fault(**fault) if fault else None,
    )  # fmt: skip


def score_row(score: Score) -> dict[str, Any]:
    """A score as one JSON object; `score_from_row` is its inverse."""
    row: dict[str, Any] = plain(score)
    return row


_SCORE_FIELDS = frozenset(f.name for f in dataclasses.fields(Score))


def score_from_row(row: Mapping[str, Any]) -> Score:
    """Inverse of `score_row`; fields of a later minor version are ignored."""
    return Score(**{k: v for k, v in row.items() if k in _SCORE_FIELDS})


# --- reading --------------------------------------------------------------------------------


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of an append-only file; a last line without its newline is a torn write and skipped.

    Raises:
        UserError: a line in the middle is not JSON, which no crash of ours can cause.
    """
    if not path.exists():
        return
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(
                    f"{path}:{number} is not JSON ({error}); restore the file from a copy, or "
                    "delete that line and run the same command again."
                ) from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / RUN
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} is not a run folder: it has no {RUN}.") from None
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); restore it from a copy.") from error
    schema = manifest.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise UserError(
            f"{folder} was written with run schema {schema}, and this version reads up to "
            f"{SCHEMA}; update umm-evals (it was written by {manifest.get('version', 'unknown')})."
        )
    return manifest


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run as it lies on disk.

    Attributes:
        folder: where it lies.
        manifest: `run.json`: `model`, `benchmark`, `suite`, `quantities`, `policies`, `groups`,
            `headline`, `published`, `settings`, `provenance`; see docs/run-folder.md.
        samples: planned samples, in order, as plain objects.
        predictions: (sample, trial) -> the latest prediction.
        scores: (sample, trial, metric) -> the latest score of the latest prediction.
    """

    folder: Path
    manifest: Mapping[str, Any]
    samples: tuple[Mapping[str, Any], ...]
    predictions: Mapping[tuple[str, int], Prediction]
    scores: Mapping[tuple[str, int, str], Score]

    @classmethod
    def read(cls, folder: Path) -> StoredRun:
        """Read a run folder without changing it.

        Raises:
            UserError: not a run folder, damaged, or written by a newer schema.
        """
        manifest = _read_manifest(folder)
        planned = manifest.get("planned_ids")
        samples = tuple(read_jsonl(folder / SAMPLES))
        if planned is not None:
            wanted = set(planned)
            samples = tuple(s for s in samples if s["id"] in wanted)
        ids = {s["id"] for s in samples}
        predictions = {
            (r["sample"], r["trial"]): prediction_from_row(r)
            for r in read_jsonl(folder / PREDICTIONS)
            if r["sample"] in ids and r["trial"] < manifest.get("trials", 1)
        }
        scores: dict[tuple[str, int, str], Score] = {}
        current = manifest.get("fingerprints", {})
        for row in read_jsonl(folder / SCORES):
            key = (row["sample"], row["trial"])
            prediction = predictions.get(key)
            if prediction is None or prediction.hash != row["prediction"]:
                continue
            metric = row["metric"]
            if metric in current and row["fingerprint"] != current[metric]:
                continue
            scores[(*key, metric)] = score_from_row(row)
        return cls(
            folder=folder,
            manifest=manifest,
            samples=samples,
            predictions=predictions,
            scores=scores,
        )

    @property
    def model(self) -> str:
        """Name of the model, as shown in tables."""
        return str(self.manifest["model"]["name"])

    @property
    def benchmark(self) -> str:
        """Name of the benchmark."""
        return str(self.manifest["benchmark"]["name"])

    @property
    def suite(self) -> str:
        """Name of the suite."""
        return str(self.manifest["suite"]["name"])

    @property
    def trials(self) -> int:
        """How many trials were planned."""
        return int(self.manifest.get("trials", 1))

    def image_path(self, image: ImageRef) -> Path:
        """Where an output image of this run lies."""
        return self.folder / image.relative_path

    def frame(self) -> pd.DataFrame:
        """All scores as a long table: one row per (sample, trial, metric, quantity)."""
        import pandas as pd

        info = {s["id"]: s for s in self.samples}
        rows = [
            {
                "model": self.model, "benchmark": self.benchmark, "suite": self.suite,
                "sample": s.sample, "trial": s.trial, "group": "/".join(info[s.sample]["group"]),
                "metric": s.metric, "quantity": name, "value": value, "status": s.status,
                "reason": s.notes.get(name, s.reason),
            }
            for s in self.scores.values()
            for name, value in s.parts.items()
        ]  # fmt: skip
        return pd.DataFrame(rows)


def find_runs(places: Iterable[Path]) -> list[Path]:
    """Run folders at or below the given places, sorted, each once.

    Raises:
        UserError: a place does not exist or holds no run.
    """
    found: dict[Path, None] = {}
    for place in places:
        if not place.exists():
            raise UserError(f"{place} does not exist; give a run folder or a folder of runs.")
        here = [place / RUN] if (place / RUN).is_file() else sorted(place.rglob(RUN))
        if not here:
            raise UserError(f"{place} holds no run (no {RUN} in it or below it).")
        found.update((p.parent.resolve(), None) for p in here)
    return list(found)


# --- writing --------------------------------------------------------------------------------


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
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / ".lock").open("a+")
        except OSError as error:
            raise disk_error(error, folder) from error
        try:
            self._take_lock()
            self._write_manifest(manifest)
            self._predictions = _Appender(folder / PREDICTIONS)
            self._scores = _Appender(folder / SCORES)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._predictions.close()
        self._scores.close()
        self._lock.close()

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "another process"
            raise UserError(
                f"{self.folder} is being written by {owner}; wait for it, or choose another --out."
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._lock.flush()

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        if (self.folder / RUN).exists():
            before = _read_manifest(self.folder)
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
        import hashlib

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
        """Append scores."""
        self._scores.write(score_row(s) for s in scores)


__all__ = ["SCHEMA", "ImageError", "RunWriter", "StoredRun", "find_runs", "read_jsonl"]
