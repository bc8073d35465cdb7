"""Several questions about one prediction, some of which may depend on earlier replies.

A benchmark says what to ask next (`ask`), given what was said so far, and what everything that was
said amounts to (`mark`). Tape, limits, money, panels and statuses are those of every judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evals.core.errors import ImageError
from evals.core.protocols import JudgeSettings, ScoringSettings, make_score, no_score
from evals.core.types import JSON, Item, Quantity, Sample, Score, fingerprint
from evals.core.verdicts import Verdict
from judges.catalog import MEASURED, Context
from judges.metric import JudgedMetric, Marks, Question, evidence_of
from judges.request import Asking, Judge, Request, Unjudgeable
from judges.rubric import ImagePolicy

ROUNDS = 8
"""An interview that does not end is a bug of the benchmark."""

Said = Mapping[str, Verdict]
"""Name of a question -> the verdict on it: ``ok``, or ``unparsed`` with the raw reply kept."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One question of an interview.

    Attributes:
        name: unique within the interview; `mark` finds the verdict under it.
        script: the words, and how the reply is read.
        question: what fills it.
    """

    name: str
    script: Asking
    question: Question


@dataclass(frozen=True, kw_only=True)
class InterviewMetric(JudgedMetric):
    """A metric over the replies of an interview.

    Attributes:
        scripts: everything that may be asked, for the identity of the scorer.
        ask: (item, what was said so far) -> what to ask next, all at once; empty when there is
            nothing more to ask, also on the first call. May raise `Unjudgeable`. It sees ``ok`` and
            ``unparsed`` verdicts only: an interview ends when a question got no reply at all.
        mark: (item, all that was said) -> what it amounts to. Called when every question got a
            reply; of an ``unparsed`` one it makes a `Marks.failure`, or what a released script
            would make of its raw text (`raw_of`).
        expected: sample -> how many questions its prediction will take.
    """

    scripts: tuple[Asking, ...] = field(repr=False)
    ask: Callable[[Item, Said], Sequence[Turn]] = field(repr=False)
    mark: Callable[[Item, Said], Marks] = field(repr=False)
    expected: Callable[[Sample], int] = field(default=lambda _: 1, repr=False)

    @property
    def asked(self) -> Mapping[str, JSON]:
        """All scripts."""
        return {"scripts": [s.hash for s in self.scripts]}

    @property
    def wording(self) -> tuple[str, str]:
        """See `JudgedMetric`."""
        hashes = [s.hash for s in self.scripts]
        one = hashes[0] if len(hashes) == 1 else fingerprint(hashes)
        return one, "; ".join(dict.fromkeys(s.prompt for s in self.scripts))

    def requests(self, item: Item, repeat: int = 0) -> tuple[Request, ...]:
        """See `JudgedMetric`: the first round."""
        return tuple(self.fill(item, t.script, t.question, repeat) for t in self.ask(item, {}))

    def calls(self, sample: Sample) -> int:
        """See `JudgedMetric`."""
        return self.expected(sample)

    def words(self) -> tuple[str, ImagePolicy, int]:
        """See `JudgedMetric`: of the longest script."""
        told = []
        for script in self.scripts:
            system, text, _ = script.text({f.name: "text" for f in script.fields})
            told.append((system + text, script.policy, len(script.images)))
        return max(told, key=lambda t: len(t[0]))

    async def _score(self, judge: Judge, item: Item) -> Score:
        said: dict[str, Verdict] = {}
        turns: list[Turn] = []
        try:
            for _ in range(ROUNDS):
                round_ = [t for t in self.ask(item, said) if t.name not in said]
                if not round_:
                    break
                requests = [self.fill(item, t.script, t.question) for t in round_]
                verdicts = await asyncio.gather(*(judge.ask(r) for r in requests))
                turns += round_
                said |= {t.name: v for t, v in zip(round_, verdicts, strict=True)}
                if _silence(said):
                    break
            else:
                raise ValueError(f"{self.name}: the interview of {item.sample.id} does not end")
        except Unjudgeable as reason:
            return no_score(self, item, "not_applicable", str(reason))
        except ImageError as error:
            return no_score(self, item, "failed", f"{error.kind}: {error}")
        return self._to_score(item, turns, said)

    def _to_score(self, item: Item, turns: Sequence[Turn], said: Said) -> Score:
        evidence: dict[str, JSON] = {
            "served": list(dict.fromkeys(m for v in said.values() for m in v.served)),
            "asked": {t.name: evidence_of(t.script, said[t.name]) for t in turns},
        }
        whole = Verdict(
            judge=next((v.judge for v in said.values()), ""),
            status="ok",
            fresh=any(v.fresh for v in said.values()),
            members=tuple(said.values()),
        )
        silent = _silence(said)
        if silent:
            score = no_score(self, item, "failed", silent[:500], evidence)
            return replace(score, verdict=whole)
        marks = self.mark(item, said)
        score = make_score(self, item, marks.parts, notes=marks.notes, evidence=evidence)
        if marks.failure:
            score = replace(score, status="failed", value=None, reason=marks.failure[:500])
        return replace(score, verdict=whole if said else None)


def _silence(said: Said) -> str:
    """Why a question got no reply that could be read at all; empty when all did."""
    for name, verdict in said.items():
        if verdict.status not in {"ok", "unparsed"}:
            return f"{name}: {verdict.status}: {verdict.reason or 'no reason given'}"
    return ""


def unread(said: Said) -> str:
    """Which replies do not hold what was asked for, as a `Marks.failure`; empty when all do."""
    odd = [f"{n}: {v.reason or 'unparsed'}" for n, v in said.items() if v.status != "ok"]
    return f"unparsed: {'; '.join(odd)}" if odd else ""


def raw_of(said: Said, name: str) -> str:
    """The raw reply to a question, for a released parser; of several judges the first one's."""
    last = said[name].singles[0].last
    return last.raw if last is not None else ""


def one_judge(said: Said) -> bool:
    """Whether a single verdict stands behind each question: released scripts know no panels."""
    return all(len(v.singles) == 1 for v in said.values())


def interview(
    settings: ScoringSettings,
    *,
    quantities: tuple[Quantity, ...],
    scripts: Sequence[Asking],
    ask: Callable[[Item, Said], Sequence[Turn]],
    mark: Callable[[Item, Said], Marks],
    expected: Callable[[Sample], int] = lambda _: 1,
    name: str = "judge",
    also: Mapping[str, JSON] | None = None,
) -> InterviewMetric:
    """The metric of a benchmark that asks language models; see `InterviewMetric`.

    Judges that measure instead of looking have rules for TextEdit only and are left out, so that
    the metric is absent when nobody else is named.
    """
    judging: JudgeSettings = settings.judging
    return InterviewMetric(
        name=name,
        quantities=quantities,
        specs=tuple(s for s in judging.judges if s.backend not in MEASURED),
        settings=judging,
        context=Context(prices=judging.prices, device=settings.device, cache=settings.cache),
        scripts=tuple(scripts),
        ask=ask,
        mark=mark,
        expected=expected,
        also=dict(also or {}),
    )
