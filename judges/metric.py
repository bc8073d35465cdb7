"""Judges as a metric: the one way by which a verdict becomes a score.

A benchmark says what is asked about a prediction (`Question`) and what a verdict amounts to
(`Marks`); everything between, from the tape to the limits, is here. Verdicts that fail are failed
scores with their status and reason, never numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from evals.core.errors import Halt, ImageError, UserError
from evals.core.hashes import FileHashes
from evals.core.protocols import JudgeSettings, JudgeSpec, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Score, fingerprint
from evals.core.verdicts import Verdict
from judges.catalog import MEASURED, Backend, Context, open_judge
from judges.limits import Limited, Limiter
from judges.panel import Panel, Swapped
from judges.request import HERE, Judge, Request, Shown, Unjudgeable
from judges.rubric import Rubric
from judges.tape import Recorded, Tape, Taped, tape_file

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""
HEARTBEAT = 0.5
"""Seconds after which a stream yields even if nothing is finished."""
GRACE = 60.0
"""Seconds that calls under way are waited for once the run has to stop: they are paid for."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a rubric is filled with for one prediction.

    Attributes:
        fields: name -> text.
        images: role -> file.
    """

    fields: Mapping[str, str]
    images: Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What a verdict amounts to: a value for every quantity of the metric, or why there is none."""

    parts: Mapping[str, float | None]
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RubricMetric:
    """Implements `evals.core.protocols.Metric` and `Streaming` over a rubric and its judges.

    Attributes:
        name: of the metric.
        quantities: what `mark` gives.
        rubric: what is asked.
        specs: who is asked; without any the metric is absent.
        settings: of the user.
        context: what backends need.
        ask: what is asked about an item; may raise `Unjudgeable`.
        mark: what a verdict amounts to.
        also: whatever else can change a value, for the fingerprint.
    """

    name: str
    quantities: tuple[Quantity, ...] = field(repr=False)
    rubric: Rubric = field(repr=False)
    specs: tuple[JudgeSpec, ...]
    settings: JudgeSettings = field(repr=False)
    context: Context = field(repr=False)
    ask: Callable[[Item], Question] = field(repr=False)
    mark: Callable[[Rubric, Verdict], Marks] = field(repr=False)
    also: Mapping[str, JSON] = field(default_factory=dict, repr=False)
    batch_size: int = 8

    @property
    def parallel(self) -> Literal["process", "driver"]:
        """Measuring takes a core; asking takes none."""
        measured = self.specs and all(s.backend in MEASURED for s in self.specs)
        return "process" if measured else "driver"

    @cached_property
    def backends(self) -> tuple[Backend, ...]:
        """The judges, neither loaded nor connected.

        Raises:
            UserError: a spec makes no sense.
        """
        return tuple(open_judge(s, self.context) for s in self.specs)

    @cached_property
    def _hashes(self) -> FileHashes:
        return FileHashes(self.context.cache)

    @cached_property
    def _live(self) -> list[_Desk]:
        return []

    def fingerprint(self) -> str:
        """See `Metric`: rubric, judges, and how their verdicts become one."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(
            {
                "metric": self.name,
                "code": CODE,
                "rubric": self.rubric.hash,
                "arithmetic": [
                    [[n, v] for n, v in sorted(self.rubric.normalise.items())],
                    dict(self.rubric.weights),
                    self.rubric.cutoff,
                ],
                "judges": [judge_key(b) for b in self.backends],
                "repeats": self.settings.repeats,
                "aggregate": self.settings.aggregate,
                "also": dict(self.also),
            }
        )

    def absence(self) -> Absence | None:
        """See `Metric`."""
        if not self.specs:
            return Absence(
                reason="no MLLM judge is chosen",
                fix="choose one, e.g. --judge openai:MODEL (docs/judges.md)",
            )
        return next((a for b in self.backends if (a := b.absence()) is not None), None)

    def identity(self) -> dict[str, JSON]:
        """Who judges by what, for the run's manifest."""
        names = [b.name for b in self.backends]
        models = [str(b.identity().get("model") or b.name) for b in self.backends]
        return {
            "model": " + ".join(models),
            "names": list(names),
            "judges": [
                {"name": b.name, "key": judge_key(b), **b.identity()} for b in self.backends
            ],
            "rubric": self.rubric.hash,
            "prompt": self.rubric.prompt,
            "repeats": self.settings.repeats,
            "aggregate": self.settings.aggregate,
        }

    # --- scoring ----------------------------------------------------------------------------

    def score(self, items: Sequence[Item]) -> list[Score]:
        """See `Metric`: one score per item, in order.

        Raises:
            Halt: as `stream`.
        """
        made = {(s.sample, s.prediction): s for scores in self.stream(items) for s in scores}
        return [made[i.sample.id, i.prediction.hash] for i in items]

    def stream(self, items: Sequence[Item], *, retry: bool = False) -> Iterator[list[Score]]:
        """See `evals.core.protocols.Streaming`."""
        with asyncio.Runner() as runner:
            work = self._work(items, retry)

            async def step() -> list[Score] | None:
                return await anext(work, None)

            try:
                while (scores := runner.run(step())) is not None:
                    yield scores
            finally:
                runner.run(work.aclose())

    def status(self) -> str:
        """See `Streaming`."""
        return "; ".join(filter(None, (d.status() for d in self._live)))

    async def _work(self, items: Sequence[Item], retry: bool) -> AsyncGenerator[list[Score]]:
        desk = _Desk(self, retry)
        self._live.append(desk)
        done: asyncio.Queue[Score | BaseException] = asyncio.Queue()
        waiting = iter(items)
        stop = asyncio.Event()

        async def clerk() -> None:
            for item in waiting:
                try:
                    done.put_nowait(await self._score(desk.judge, item))
                except (Halt, UserError) as error:  # handed on below, with the calls under way
                    done.put_nowait(error)
                    stop.set()
                except Exception as error:  # as with every metric: this sample's, and no other's
                    reason = f"{type(error).__name__}: {error}"
                    done.put_nowait(no_score(self, item, "failed", reason[:500]))
                if stop.is_set():
                    return

        clerks = [asyncio.create_task(clerk()) for _ in range(min(len(items), desk.width))]
        try:
            error: BaseException | None = None
            left = len(items)
            while left and error is None:
                scores, error = await _collect(done)
                left -= len(scores)
                yield scores
            if error is not None:
                await asyncio.wait(clerks, timeout=GRACE)
                scores = [s for s in _drain(done) if isinstance(s, Score)]
                if scores:
                    yield scores
                raise error
        finally:
            for task in clerks:
                task.cancel()
            await asyncio.gather(*clerks, return_exceptions=True)
            await desk.close()
            self._live.remove(desk)

    async def _score(self, judge: Judge, item: Item) -> Score:
        try:
            request = self.request(item)
        except Unjudgeable as reason:
            return no_score(self, item, "not_applicable", str(reason))
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        verdict = await judge.ask(request)
        return self.to_score(item, verdict)

    def request(self, item: Item, repeat: int = 0) -> Request:
        """What is asked about an item.

        Raises:
            Unjudgeable: it cannot be judged for any model.
            ImageError: an image file is absent.
        """
        question = self.ask(item)
        own = {p: i.sha256 for p, i in zip(item.images, item.prediction.images, strict=False)}
        images = {
            role: Shown(path=path, sha256=own.get(path) or self._hashes.sha256(path))
            for role, path in question.images.items()
        }
        return Request(
            rubric=self.rubric, fields=question.fields, images=images, repeat=repeat, item=item
        )

    def to_score(self, item: Item, verdict: Verdict) -> Score:
        """The score of a verdict: its marks, or why it has none."""
        evidence = _evidence(self.rubric, verdict)
        if verdict.status != "ok":
            reason = f"{verdict.status}: {verdict.reason or 'no reason given'}"
            score = no_score(self, item, "failed", reason[:500], evidence)
        else:
            marks = self.mark(self.rubric, verdict)
            score = make_score(self, item, marks.parts, notes=marks.notes, evidence=evidence)
        return replace(score, verdict=verdict)


def judge_key(backend: Backend) -> str:
    """The hash that stands for a judge on tapes; of a replayed one that of the recorded judge."""
    identity = backend.identity()
    recorded = identity.get("recorded")
    return str(recorded) if recorded else fingerprint(identity)


def _evidence(rubric: Rubric, verdict: Verdict) -> dict[str, JSON]:
    singles = verdict.singles
    made: dict[str, Any] = {
        "judge": verdict.judge,
        "served": list(verdict.served),
        "scores": dict(verdict.scores),
        "reasons": dict(verdict.reasons),
        "rubric": rubric.hash,
        "prompt": rubric.prompt,
    }
    if len(singles) > 1:
        made["verdicts"] = [
            {"judge": v.judge, "status": v.status, "scores": dict(v.scores)} for v in singles
        ]
    for single in singles if verdict.status != "ok" else ():
        if single.status != "ok" and single.last is not None and single.last.raw:
            made["reply"] = single.last.raw[:1000]
            break
    return made


class _Desk:
    """The judges of a stream with tape, limits and panel around them; lives in one event loop."""

    def __init__(self, metric: RubricMetric, retry: bool) -> None:
        self._metric = metric
        self._limiters: dict[str, Limiter] = {}
        self._tapes: dict[Path, Tape] = {}
        self.width = 1
        wrapped = [self._wrap(b, retry) for b in metric.backends]
        if metric.rubric.swap:
            wrapped = [Swapped(judge=j) for j in wrapped]
        self.judge = Panel(
            judges=wrapped,
            repeats=metric.settings.repeats,
            aggregate=metric.settings.aggregate,
        )

    def _wrap(self, backend: Backend, retry: bool) -> Judge:
        """Looked up, limited, recorded: the tape costs no place, and misses no attempt."""
        if backend.endpoint in {"tape", HERE}:
            self.width = max(self.width, 16 if backend.endpoint == "tape" else 1)
            return backend
        settings, context = self._metric.settings, self._metric.context
        options: Mapping[str, Any] = getattr(backend, "options", {})
        most = int(options.get("concurrency", 1))
        # Twice as many questions as places: those that back off hold none.
        self.width = max(self.width, 2 * most)
        limiter = self._limiters.setdefault(backend.endpoint, Limiter(most))
        key = judge_key(backend)
        file = settings.tape or tape_file(context.cache, backend.name, key)
        if file not in self._tapes:
            self._tapes[file] = Tape(file)
        tape = self._tapes[file]
        limited = Limited(
            judge=Recorded(judge=backend, tape=tape),
            limiter=limiter,
            attempts=int(options.get("attempts", 1)),
            minutes=float(options.get("minutes", 10.0)),
            budget=settings.budget,
            price=backend.price,
            output_tokens=int(options.get("max_tokens", 0)),
            where=backend.endpoint,
        )
        return Taped(judge=limited, key=key, tape=tape, retry=retry)

    def status(self) -> str:
        return "; ".join(limiter.status() for limiter in self._limiters.values())

    async def close(self) -> None:
        for backend in self._metric.backends:
            with contextlib.suppress(OSError):
                await backend.close()


async def _collect(
    done: asyncio.Queue[Score | BaseException],
) -> tuple[list[Score], BaseException | None]:
    """What is finished, after waiting for something to be; and the first error among it."""
    try:
        first = await asyncio.wait_for(done.get(), HEARTBEAT)
    except TimeoutError:
        return [], None
    found = [first, *_drain(done)]
    error = next((f for f in found if isinstance(f, BaseException)), None)
    return [f for f in found if isinstance(f, Score)], error


def _drain(done: asyncio.Queue[Score | BaseException]) -> list[Score | BaseException]:
    found = []
    while not done.empty():
        found.append(done.get_nowait())
    return found


def served_models(scores: Sequence[Score]) -> Counter[tuple[str, ...]]:
    """Models as served -> scores that they stand behind."""
    return Counter(tuple(s.evidence.get("served", ())) for s in scores if s.evidence.get("served"))


__all__ = ["Halt", "Marks", "Question", "RubricMetric", "judge_key", "served_models"]
