"""What is written down of a run: one JSON line at a time, and the trackers of accelerate."""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.core.errors import MissingExtra, UserError
from evals.core.writing import disk_error, write_atomic
from model.finetune.loss import by_level

LOG = "log.jsonl"
BINS = 10
_PACKAGES = {
    "tensorboard": "tensorboard", "wandb": "wandb", "comet_ml": "comet_ml", "aim": "aim",
    "mlflow": "mlflow", "clearml": "clearml", "dvclive": "dvclive", "trackio": "trackio",
    "swanlab": "swanlab",
}  # fmt: skip


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that accelerate does not know or whose package is absent.

    Raises:
        UserError: with what to install.
    """
    for name in names:
        if name not in _PACKAGES:
            raise UserError(f"log.trackers names {name!r}; accelerate has {', '.join(_PACKAGES)}.")
        if importlib.util.find_spec(_PACKAGES[name]) is None:
            if name == "tensorboard":
                raise MissingExtra("tensorboard", "finetune", "log.trackers")
            raise UserError(
                f"log.trackers names {name!r}, which is not installed; run pip install {name}, or "
                "take it out."
            )


class Journal:
    """The run's ``log.jsonl``.

    Args:
        folder: of the run.
        step: that the run goes on from; lines behind it are of a run that was killed, and go. None
            where it begins.

    Attributes:
        scored: steps of which there are scores.
    """

    def __init__(self, folder: Path, step: int | None) -> None:
        self.path = folder / LOG
        there = read_log(folder) if step is not None and self.path.is_file() else []
        kept = [line for line in there if line["step"] <= step]
        self.scored = {line["step"] for line in kept if "evaluation" in line}
        write_atomic(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def write(self, line: Mapping[str, Any]) -> None:
        """One line more.

        Raises:
            UserError: the disk cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            raise disk_error(error, self.path) from error


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; a torn last one is left out.

    Raises:
        UserError: it cannot be read, or another line is none of ours.
    """
    path, found = folder / LOG, []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); look at the file.") from error
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            if number == len(lines):  # what a kill has torn
                break
            value = False
        if value is None:
            continue
        if not isinstance(value, dict) or type(value.get("step")) is not int:
            raise UserError(f"Line {number} of {path} is no line of a log; mend or delete it.")
        found.append(value)
    return found


@dataclass(kw_only=True)
class Seen:
    """One sample that was learnt from.

    Attributes:
        source: part of the mixture.
        level: of the noise; None without an image.
        flow: squared error of its velocity, a mean over its latent values.
        tokens: that were learnt.
        surprise: sum of their cross-entropies.
    """

    source: str
    level: float | None = None
    flow: float = 0.0
    tokens: int = 0
    surprise: float = 0.0


@dataclass(kw_only=True)
class Window:
    """What happened since the last line.

    Attributes:
        seen: samples, of all devices.
        updates: done.
        norms: of the gradient, of each.
        tokens: that went through the networks on this device.
        waited: seconds for the loader.
        begun: on the clock.
    """

    seen: list[Seen] = field(default_factory=list)
    updates: int = 0
    norms: list[float] = field(default_factory=list)
    tokens: int = 0
    waited: float = 0.0
    begun: float = field(default_factory=time.monotonic)

    def values(self, devices: int) -> dict[str, float]:
        """The numbers of a line.

        Args:
            devices: over which the work was spread.
        """
        seconds = max(time.monotonic() - self.begun, 1e-9)
        found = {
            "samples_per_second": len(self.seen) / seconds,
            "tokens_per_second": self.tokens * devices / seconds,
            "loader_share": self.waited / seconds,
            "seconds_per_update": seconds / max(self.updates, 1),
        }
        if self.norms:
            found["grad_norm"] = sum(self.norms) / len(self.norms)
        found.update(_errors("", self.seen))
        for source in sorted({s.source for s in self.seen}):
            some = [s for s in self.seen if s.source == source]
            found.update(_errors(f"/{source}", some))
        with_image = [s for s in self.seen if s.level is not None]
        levels = by_level([s.level or 0.0 for s in with_image], [s.flow for s in with_image], BINS)
        found.update({f"flow/level_{n / BINS:.1f}": value for n, value in levels.items()})
        return found


def _errors(end: str, seen: Sequence[Seen]) -> dict[str, float]:
    """Means of both errors; a kind that no sample has is left out."""
    images = [s.flow for s in seen if s.level is not None]
    tokens = sum(s.tokens for s in seen)
    found = {}
    if images:
        found[f"flow{end}"] = sum(images) / len(images)
    if tokens:
        found[f"next_token{end}"] = sum(s.surprise for s in seen) / tokens
    return found


def memory() -> dict[str, float]:
    """The most memory held so far, in MB: of this process, and on its accelerator."""
    import torch

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"memory_mb": peak / (1e6 if sys.platform == "darwin" else 1e3)}
    if torch.cuda.is_available():
        found["device_memory_mb"] = torch.cuda.max_memory_allocated() / 1e6
    return found
