"""Judges as a metric: the one way by which a verdict becomes a score.

A benchmark says what is asked about a prediction (`Question`) and what a verdict amounts to
(`Marks`); everything between, from the tape to the limits, is here. Verdicts that fail are failed
scores with their status and reason, never numbers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from evals.core.errors import Halt, ImageError, UserError
from evals.core.hashes import FileHashes
from evals.core.protocols import JudgeSettings, JudgeSpec, make_score, no_score
from evals.core.types import JSON, Absence, Item, Quantity, Sample, Score, fingerprint
from evals.core.verdicts import Verdict
from judges.catalog import MEASURED, Backend, Context, open_judge
from judges.desk import Desk, Seats, collect, drain, judge_key
from judges.request import Asking, Judge, Request, Shown, Unjudgeable
from judges.rubric import ImagePolicy, Rubric

CODE = 1
"""Raised whenever a value can change; part of every fingerprint."""
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
    """What verdicts amount to: a value for every quantity of the metric, or why there is none.

    Attributes:
        parts: quantity -> value.
        notes: why a part is None, by name.
        failure: why the judge's answers cannot be used; the score then says `failed`, and keeps
            only the parts that a released script would have made of them all the same.
    """

    parts: Mapping[str, float | None]
    notes: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class JudgedMetric:
    """What every metric that asks judges has in common; implements `Metric` and `Streaming`.

    Attributes:
        name: of the metric.
        quantities: what a sample's verdicts amount to.
        specs: who is asked; without any the metric is absent.
        settings: of the user.
        context: what backends need.
        also: whatever else can change a value, for the fingerprint.
    """

    name: str
    quantities: tuple[Quantity, ...] = field(repr=False)
    specs: tuple[JudgeSpec, ...]
    settings: JudgeSettings = field(repr=False)
    context: Context = field(repr=False)
    also: Mapping[str, JSON] = field(default_factory=dict, repr=False)
    batch_size: int = 8

    # --- what the two kinds do differently ------------------------------------------------

    @property
    def asked(self) -> Mapping[str, JSON]:
        """What is asked and how it is summed up: a part of the fingerprint."""
        raise NotImplementedError

    @property
    def wording(self) -> tuple[str, str]:
        """Hash of what is asked, and what people are told of it."""
        raise NotImplementedError

    @property
    def pairwise(self) -> bool:
        """Whether every question is asked in both orders."""
        return False

    def requests(self, item: Item, repeat: int = 0) -> tuple[Request, ...]:
        """What is asked about an item, as far as it is known before any reply.

        Raises:
            Unjudgeable: it cannot be judged for any model.
            ImageError: an image file is absent.
        """
        raise NotImplementedError

    def calls(self, sample: Sample) -> int:
        """How many questions a sample's prediction will take."""
        raise NotImplementedError

    def words(self) -> tuple[str, ImagePolicy, int]:
        """A typical question, how images are sent with it, and how many; for estimates."""
        raise NotImplementedError

    async def _score(self, judge: Judge, item: Item) -> Score:
        raise NotImplementedError

    # --- the judges -------------------------------------------------------------------------

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
    def _live(self) -> list[Desk]:
        return []

    def fingerprint(self) -> str:
        """See `Metric`: what is asked, by whom, and how verdicts become one."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(
            {
                "metric": self.name,
                "code": CODE,
                **self.asked,
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
            "rubric": self.wording[0],
            "prompt": self.wording[1],
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
        desk = Desk(
            Seats(
                backends=self.backends, settings=self.settings, cache=self.context.cache,
                pairwise=self.pairwise, retry=retry,
            )
        )  # fmt: skip
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
                scores, error = await collect(done)
                left -= len(scores)
                yield scores
            if error is not None:
                await asyncio.wait(clerks, timeout=GRACE)
                scores = [s for s in drain(done) if isinstance(s, Score)]
                if scores:
                    yield scores
                raise error
        finally:
            for task in clerks:
                task.cancel()
            await asyncio.gather(*clerks, return_exceptions=True)
            await desk.close()
            self._live.remove(desk)

    def fill(self, item: Item, rubric: Asking, question: Question, repeat: int = 0) -> Request:
        """One question as it is asked.

        Raises:
            ImageError: an image file is absent.
        """
        own = {p: i.sha256 for p, i in zip(item.images, item.prediction.images, strict=False)}
        images = {
            role: Shown(path=path, sha256=own.get(path) or self._hashes.sha256(path))
            for role, path in question.images.items()
        }
        return Request(
            rubric=rubric, fields=question.fields, images=images, repeat=repeat, item=item
        )


@dataclass(frozen=True, kw_only=True)
class RubricMetric(JudgedMetric):
    """One rubric, asked once about every prediction.

    Attributes:
        rubric: what is asked.
        ask: what is asked about an item; may raise `Unjudgeable`.
        mark: what a verdict amounts to.
    """

    rubric: Rubric = field(repr=False)
    ask: Callable[[Item], Question] = field(repr=False)
    mark: Callable[[Rubric, Verdict], Marks] = field(repr=False)

    @property
    def asked(self) -> Mapping[str, JSON]:
        """The rubric and its arithmetic."""
        rubric = self.rubric
        return {
            "rubric": rubric.hash,
            "arithmetic": [
                [[n, v] for n, v in sorted(rubric.normalise.items())],
                dict(rubric.weights),
                rubric.cutoff,
            ],
        }

    @property
    def wording(self) -> tuple[str, str]:
        """See `JudgedMetric`."""
        return self.rubric.hash, self.rubric.prompt

    @property
    def pairwise(self) -> bool:
        """See `JudgedMetric`."""
        return bool(self.rubric.swap)

    def requests(self, item: Item, repeat: int = 0) -> tuple[Request, ...]:
        """See `JudgedMetric`: always one."""
        return (self.fill(item, self.rubric, self.ask(item), repeat),)

    def calls(self, sample: Sample) -> int:
        """See `JudgedMetric`: always one."""
        return 1

    def words(self) -> tuple[str, ImagePolicy, int]:
        """See `JudgedMetric`."""
        system, text, _ = self.rubric.text({f.name: "text" for f in self.rubric.fields})
        return system + text, self.rubric.policy, len(self.rubric.images)

    async def _score(self, judge: Judge, item: Item) -> Score:
        try:
            (request,) = self.requests(item)
        except Unjudgeable as reason:
            return no_score(self, item, "not_applicable", str(reason))
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        verdict = await judge.ask(request)
        return self.to_score(item, verdict)

    def to_score(self, item: Item, verdict: Verdict) -> Score:
        """The score of a verdict: its marks, or why it has none."""
        evidence = evidence_of(self.rubric, verdict)
        if verdict.status != "ok":
            reason = f"{verdict.status}: {verdict.reason or 'no reason given'}"
            score = no_score(self, item, "failed", reason[:500], evidence)
        else:
            marks = self.mark(self.rubric, verdict)
            score = make_score(self, item, marks.parts, notes=marks.notes, evidence=evidence)
        return replace(score, verdict=verdict)


def evidence_of(rubric: Asking, verdict: Verdict) -> dict[str, JSON]:
    """What a person needs to check a verdict: who said what, in reply to which words."""
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


def served_models(scores: Sequence[Score]) -> Counter[tuple[str, ...]]:
    """Models as served -> scores that they stand behind."""
    return Counter(tuple(s.evidence.get("served", ())) for s in scores if s.evidence.get("served"))


__all__ = [
    "Halt", "JudgedMetric", "Marks", "Question", "RubricMetric", "judge_key", "served_models",
]  # fmt: skip
