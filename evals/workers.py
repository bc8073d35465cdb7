"""Worker processes for metrics: started once, one thread each, engines loaded once each.

A chunk that kills its worker (out of memory, a crash in native code) is tried again item by item in
fresh workers, and the item that does it again becomes a failed score. Nothing is lost with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType

from evals.core.errors import Halt
from evals.core.protocols import Metric, Streaming, no_score
from evals.core.types import Item, Score

_METRICS: dict[str, Metric] = {}


def _start(metrics: Mapping[str, Metric]) -> None:
    # Ctrl-C reaches the whole process group; only the driver decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _METRICS.clear()
    _METRICS.update(metrics)


def _work(metric: str, items: Sequence[Item]) -> list[Score]:
    return score_chunk(_METRICS[metric], items)


def score_chunk(metric: Metric, items: Sequence[Item]) -> list[Score]:
    """Score items with a metric; when the whole fails, each alone, and what fails has its reason.

    Raises:
        RuntimeError: the metric returned something other than one score per item, in order.
    """
    try:
        scores = metric.score(items)
    except Halt:
        raise
    except Exception as error:
        if len(items) == 1:
            reason = f"{type(error).__name__}: {error}"
            return [no_score(metric, items[0], "failed", reason[:500])]
        return [score for item in items for score in score_chunk(metric, [item])]
    if [s.sample for s in scores] != [i.sample.id for i in items]:
        raise RuntimeError(f"metric {metric.name} did not return one score per item, in order")
    return scores


def dwindling(items: Sequence[Item], count: int, largest: int) -> Iterator[Sequence[Item]]:
    """Cut items into chunks that grow smaller towards the end, down to one.

    Large ones keep the traffic low; small ones at the end let all workers finish together, which
    matters when one item takes a second.
    """
    start = 0
    while start < len(items):
        size = max(1, min(largest, (len(items) - start) // (count * 3)))
        yield items[start : start + size]
        start += size


class Workers:
    """A pool of processes that hold the same metrics; use it as a context manager.

    Args:
        metrics: those with ``parallel == "process"`` are sent to the workers.
        count: how many processes; 0 for one per core this process may use.
    """

    def __init__(self, metrics: Sequence[Metric], count: int = 0) -> None:
        self._metrics = {m.name: m for m in metrics if m.parallel == "process"}
        self.count = count or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._stop(kill=kind is not None)

    def _stop(self, *, kill: bool) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if kill:
            # Ended first, so that waiting is short; not waiting would leave the pool's thread to
            # trip over closed pipes when the interpreter exits.
            for process in list((getattr(pool, "_processes", None) or {}).values()):
                process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)

    def _start_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Forking a process that holds threads (a model, a client) can deadlock: spawn.
            os.environ.setdefault("OMP_NUM_THREADS", "1")
            self._pool = ProcessPoolExecutor(
                self.count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(self._metrics,),
            )
        return self._pool

    def score(
        self, metric: Metric, items: Sequence[Item], *, retry: bool = False
    ) -> Iterator[list[Score]]:
        """Score all items; chunks come back as they finish, in any order, some of them empty.

        At most a few chunks per worker are under way, so memory does not grow with the run.

        Raises:
            Halt: a streaming metric cannot go on.
        """
        if metric.parallel == "driver" and isinstance(metric, Streaming):
            yield from metric.stream(items, retry=retry)
            return
        if metric.parallel == "driver":
            for start in range(0, len(items), metric.batch_size):
                yield score_chunk(metric, items[start : start + metric.batch_size])
            return
        chunks = list(dwindling(items, self.count, metric.batch_size))
        broken: list[Item] = []
        yield from self._rounds(metric, chunks, broken)
        if broken:
            self._stop(kill=True)
            for item in broken:
                died: list[Item] = []
                yield from self._rounds(metric, [[item]], died)
                if died:
                    self._stop(kill=True)
                    reason = "the worker process died twice on this sample (out of memory?)"
                    yield [no_score(metric, item, "failed", reason)]

    def _rounds(
        self, metric: Metric, chunks: Sequence[Sequence[Item]], broken: list[Item]
    ) -> Iterator[list[Score]]:
        """Run chunks until all are done or the pool breaks; what is then open goes to `broken`."""
        pool = self._start_pool()
        waiting = deque(chunks)
        running: dict[Future[list[Score]], Sequence[Item]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.count * 2:
                    # A chunk leaves the queue only once the pool has it: submitting may fail too.
                    running[pool.submit(_work, metric.name, waiting[0])] = waiting[0]
                    waiting.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    scores = future.result()
                    del running[future]
                    yield scores
        except BrokenProcessPool:
            broken.extend(i for chunk in (*running.values(), *waiting) for i in chunk)
