"""Stored runs of a training at several steps, beside its anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.store import StoredRun, find_runs
from tests.fake_runs import make_run

SUITE = {"name": "val", "title": "validation split", "version": "1", "synthetic": True,
         "size": 24, "validation": True}  # fmt: skip
LEARNING = {0: 0.3, 100: 0.5, 250: 0.7}
"""Step -> how good the model is then."""


def described(name: Any, step: Any, **more: Any) -> dict[str, Any]:
    """The part of a manifest that says which step of which training a run is of."""
    return {
        "name": f"{name} @ step {step}", "adapter": "internvlu", "role": "model",
        "describe": {"training": {"name": name, "step": step, "config": "c0"}, **more},
    }  # fmt: skip


def anchors(place: Path, n: int = 24) -> None:
    for name, quality in (("copy-source", 0.0), ("ground-truth", 1.0)):
        make_run(
            place / name, name, n, quality=quality, role="anchor", suite="val",
            manifest={"suite": SUITE},
        )  # fmt: skip


def steps(
    place: Path, name: str = "toy", quality: Mapping[int, float] = LEARNING, *, n: int = 24,
    more: Mapping[str, Any] | None = None, absent: Mapping[int, Sequence[str]] | None = None,
    **given: Any,
) -> None:  # fmt: skip
    """A run per step."""
    for step, own in quality.items():
        make_run(
            place / f"{name}-{step:06d}{len(more or {}) or ''}", f"{name} @ step {step}", n,
            quality=own, suite="val", absent=(absent or {}).get(step, ()),
            manifest={"suite": SUITE, "model": described(name, step, **(more or {}))}, **given,
        )  # fmt: skip


def runs_below(place: Path) -> list[StoredRun]:
    return [StoredRun.read(f) for f in find_runs([place])]
