"""A run on disk: one model on one suite, append-only, safe to kill at any moment.

A run folder holds `run.json` (what was planned and how to read it), `samples.jsonl` (the planned
samples), `predictions.jsonl`, `scores.jsonl` and `images/`. `RunWriter` (evals.core.writing) is the
only writer and holds a lock; `StoredRun` reads, on any machine, with no data and no torch. The
layout is described in docs/run-folder.md.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.types import UNSUPPORTED_TASK, Fault, ImageRef, Prediction, Sample, Score

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
RUN, SAMPLES, PREDICTIONS, SCORES, VERDICTS, IMAGES = (
    "run.json", "samples.jsonl", "predictions.jsonl", "scores.jsonl", "verdicts.jsonl", "images",
)  # fmt: skip


# --- rows -----------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value as JSON knows it: paths as text, non-finite floats as words."""
    if value is None or isinstance(value, str | int):
        return value  # most are, and a run holds many
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return str(value) if isinstance(value, Path) else value


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
    """A score as one JSON object; `score_from_row` is its inverse. Its verdict has its own file."""
    row: dict[str, Any] = plain(dataclasses.replace(score, verdict=None))
    del row["verdict"]
    return row


_SCORE_FIELDS = frozenset(f.name for f in dataclasses.fields(Score)) - {"verdict"}


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


def read_manifest(folder: Path) -> dict[str, Any]:
    """`run.json`, checked for its schema.

    Raises:
        UserError: absent, not JSON, or written by a newer schema.
    """
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
        manifest = read_manifest(folder)
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

    @cached_property
    def unsupported(self) -> str:
        """Why the whole run has no numbers: its model does not do the task; empty when it does.

        All or nothing: only a run in which every planned prediction says so. A model that leaves
        some samples out must not get its mean over the others, so there each one stays a fault
        that the profile's policy decides on.
        """
        said = [
            p.fault is not None and p.fault.kind == UNSUPPORTED_TASK
            for p in self.predictions.values()
        ]
        if not all(said) or not 0 < len(said) == len(self.samples) * self.trials:
            return ""
        return f"the model does not do the task {self.manifest['benchmark'].get('task')!r}"

    def image_path(self, image: ImageRef) -> Path:
        """Where an output image of this run lies."""
        return self.folder / image.relative_path

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """Lines of `verdicts.jsonl` in the order in which they were written; see docs/judges.md."""
        return read_jsonl(self.folder / VERDICTS)

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
