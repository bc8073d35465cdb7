"""In a sweep one model at a time holds its weights, and is one object for all benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.config import BenchmarkSpec, ModelSpec, RunConfig
from evals.core.types import Output, Sample, Task
from evals.plan import make_plan
from evals.runner import execute
from model.adapters.base import Adapter
from model.adapters.builtin import CopySource


class Quiet:
    def stage(self, title: str, total: int) -> None: ...
    def advance(self, done: int, failed: int = 0) -> None: ...
    def note(self, text: str) -> None: ...


class Heavy(Adapter):
    """A model with weights, which tells what becomes of them."""

    tasks: frozenset[Task] = frozenset({"edit", "understand"})
    batch_size = 4

    def __init__(self, name: str, told: list[str]) -> None:
        self.name, self.told, self.is_loaded = name, told, False

    def describe(self) -> dict[str, str]:
        return {"adapter": self.name}

    def _load(self) -> None:
        if not self.is_loaded:
            self.told.append(f"{self.name} comes")
            self.is_loaded = True

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        self._load()
        return [Output(images=(s.images[0],)) for s in samples]

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        self._load()
        return [Output(text="A") for _ in samples]

    def release(self) -> None:
        if self.is_loaded:
            self.told.append(f"{self.name} goes")
            self.is_loaded = False


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["one", "copy-source"], ["one comes", "one goes"]),
        (["one", "copy-source", "two"],
         ["one comes", "one goes", "two comes", "two goes"] * 2),
    ],
)  # fmt: skip
def test_weights_stay_no_longer_than_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], expected: list[str]
) -> None:
    told: list[str] = []
    made: list[str] = []

    def make(spec: ModelSpec) -> Adapter:
        made.append(spec.name)
        return CopySource() if spec.name == "copy-source" else Heavy(spec.name, told)

    monkeypatch.setattr("evals.plan.make_model", make)
    config = RunConfig(
        models=tuple(ModelSpec(name=n, adapter=n) for n in names),
        benchmarks=(
            BenchmarkSpec(name="textedit", suite="synth"),
            BenchmarkSpec(name="rendered-qa", suite="synth"),
        ),
        out=tmp_path,
        limit=2,
        anchors=False,
        metrics=("text_exact", "answer"),
        workers=1,
    )
    plan = make_plan(config)
    execute(plan, Quiet())
    assert told == expected
    assert sorted(made) == sorted([*names, "copy-source"]), "one object for both benchmarks"
