"""Worker processes: order, failures, and a worker that is killed under a sample."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from evals.core.protocols import make_score
from evals.core.types import Absence, Item, Prediction, Quantity, Sample, Score
from evals.workers import Workers, dwindling, score_chunk


@dataclass(frozen=True)
class Probe:
    """Scores the length of the id; fails or dies on the ids it is told to."""

    fails: frozenset[str] = frozenset()
    kills: frozenset[str] = frozenset()
    once: str = ""
    parallel: Literal["process", "driver"] = "process"
    name: str = "probe"
    batch_size: int = 4
    quantities: tuple[Quantity, ...] = (
        Quantity(name="n", range=(0, 100), direction="higher", doc="length"),
        Quantity(name="pid", range=(0, 1e9), direction="higher", doc="process"),
    )

    def fingerprint(self) -> str:
        return "probe-1"

    def absence(self) -> Absence | None:
        return None

    def score(self, items: Sequence[Item]) -> list[Score]:
        for item in items:
            if item.sample.id in self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.once and item.sample.id == "s3" and not Path(self.once).exists():
                Path(self.once).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if item.sample.id in self.fails:
                raise ValueError(f"bad {item.sample.id}")
        return [
            make_score(self, i, {"n": float(len(i.sample.id)), "pid": float(os.getpid())})
            for i in items
        ]


def items(n: int) -> list[Item]:
    return [
        Item(
            sample=Sample(id=f"s{k}", benchmark="b", suite="s", task="edit", prompt="p"),
            prediction=Prediction(sample=f"s{k}", trial=0, seed=0, status="ok"),
        )
        for k in range(n)
    ]


def run(probe: Probe, n: int = 21) -> dict[str, Score]:
    with Workers([probe], 2) as workers:
        scores = [s for chunk in workers.score(probe, items(n)) for s in chunk]
    assert len(scores) == n, "each sample exactly once"
    return {s.sample: s for s in scores}


def test_every_item_is_scored_once_in_other_processes() -> None:
    scores = run(Probe())
    assert {s.parts["pid"] for s in scores.values()}.isdisjoint({float(os.getpid())})


def test_one_bad_item_does_not_take_its_chunk_with_it() -> None:
    scores = run(Probe(fails=frozenset({"s5"})))
    assert [k for k, s in scores.items() if s.status != "ok"] == ["s5"]
    assert scores["s5"].reason == "ValueError: bad s5"
    assert scores["s5"].value is None


def test_an_item_that_kills_its_worker_becomes_a_failed_score() -> None:
    scores = run(Probe(kills=frozenset({"s2", "s9"})))
    assert sorted(k for k, s in scores.items() if s.status == "failed") == ["s2", "s9"]
    assert "worker process died twice" in scores["s2"].reason


def test_a_worker_that_dies_once_loses_nothing(tmp_path: Path) -> None:
    scores = run(Probe(once=str(tmp_path / "died")))
    assert {s.status for s in scores.values()} == {"ok"}


def test_chunks_dwindle_and_lose_nothing() -> None:
    for n in (0, 1, 5, 90, 2148):
        chunks = list(dwindling(items(n), 2, 16))
        assert [i.sample.id for c in chunks for i in c] == [f"s{k}" for k in range(n)]
        sizes = [len(c) for c in chunks]
        assert sizes == sorted(sizes, reverse=True)
        assert not sizes or (sizes[-1] == 1 and sizes[0] <= 16)


def test_driver_metrics_stay_here_and_come_in_batches() -> None:
    probe = Probe(parallel="driver")
    with Workers([probe], 2) as workers:
        chunks = list(workers.score(probe, items(10)))
    assert [len(c) for c in chunks] == [4, 4, 2]
    assert {s.parts["pid"] for c in chunks for s in c} == {float(os.getpid())}


def test_a_metric_that_answers_out_of_order_is_a_bug() -> None:
    class Wrong(Probe):
        def score(self, items: Sequence[Item]) -> list[Score]:
            return super().score(items)[::-1]

    with pytest.raises(RuntimeError, match="in order"):
        score_chunk(Wrong(), items(2))
