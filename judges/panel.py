"""Several verdicts on one question, of repeats or of several judges, as one verdict."""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evals.core.protocols import Aggregate
from evals.core.verdicts import Verdict
from judges.request import Judge, Request


@dataclass(kw_only=True)
class Panel:
    """Asks every judge `repeats` times, all at once.

    Attributes:
        judges: who sits on it.
        repeats: questions to each.
        aggregate: see `combine`.
    """

    judges: Sequence[Judge]
    repeats: int = 1
    aggregate: Aggregate = "median"

    def __post_init__(self) -> None:
        self.name = " + ".join(j.name for j in self.judges)

    async def ask(self, request: Request) -> Verdict:
        """One verdict that sums up all; the judge's own where there is only one."""
        asked = [
            judge.ask(replace(request, repeat=repeat))
            for judge in self.judges
            for repeat in range(self.repeats)
        ]
        if len(asked) == 1:
            return await asked[0]
        # Those that were asked are waited for even when one stops the run: they are paid for.
        verdicts = await asyncio.gather(*asked, return_exceptions=True)
        for verdict in verdicts:
            if isinstance(verdict, BaseException):
                raise verdict
        return combine(self.name, [v for v in verdicts if isinstance(v, Verdict)], self.aggregate)


@dataclass(kw_only=True)
class Swapped:
    """Asks a pairwise question in both orders, so that a liking for one place cancels out.

    A pairwise scale runs from "the first is better" to "the second is better": with the candidates
    exchanged a score is mirrored, and the mean of the two is the verdict. A judge that prefers a
    place and not a candidate ends in the middle, which is a tie.
    """

    judge: Judge

    def __post_init__(self) -> None:
        self.name = self.judge.name

    async def ask(self, request: Request) -> Verdict:
        """One verdict from two; both are its members, as they were given."""
        one, two = request.rubric.swap
        images = dict(request.images)
        images[one], images[two] = images[two], images[one]
        first, second = await asyncio.gather(
            self.judge.ask(request), self.judge.ask(replace(request, images=images))
        )
        if first.status != "ok" or second.status != "ok":
            return combine(self.name, [first, second], "mean")
        span = request.rubric.low + request.rubric.high
        scores = {n: (s + span - second.scores[n]) / 2 for n, s in first.scores.items()}
        fresh = first.fresh or second.fresh
        return Verdict(
            judge=self.name, status="ok", scores=scores, reasons=first.reasons, fresh=fresh,
            members=(first, second),
        )  # fmt: skip


def combine(name: str, verdicts: Sequence[Verdict], aggregate: Aggregate) -> Verdict:
    """One verdict from several, dimension by dimension.

    ``median`` of an even number is the middle of the two in the middle; ``majority`` is the most
    frequent score, and the median where several are. When one of them has no scores the whole has
    none: a panel that leaves out whoever failed is another panel for every sample.

    Args:
        name: of the panel.
        verdicts: at least one.
        aggregate: how scores become one.

    >>> a, b = (Verdict(judge="j", status="ok", scores={"TA": s}) for s in (3.0, 4.0))
    >>> combine("panel", [a, b], "median").scores
    {'TA': 3.5}
    """
    fresh = any(v.fresh for v in verdicts)
    failed = [v for v in verdicts if v.status != "ok"]
    if failed:
        first = failed[0]
        reason = f"{len(failed)} of {len(verdicts)} verdicts failed, first {first.judge}: "
        return Verdict(
            judge=name, status=first.status, reason=reason + (first.reason or first.status),
            fresh=fresh, members=tuple(verdicts),
        )  # fmt: skip
    names = list(verdicts[0].scores)
    scores = {n: one_of([float(v.scores[n]) for v in verdicts], aggregate) for n in names}
    reasons = {
        n: " / ".join(dict.fromkeys(v.reasons[n] for v in verdicts if v.reasons.get(n)))
        for n in names
    }
    return Verdict(
        judge=name, status="ok", scores=scores, reasons={n: r for n, r in reasons.items() if r},
        fresh=fresh, members=tuple(verdicts),
    )  # fmt: skip


def one_of(scores: Sequence[float], aggregate: Aggregate) -> float:
    """Several scores as one, see `combine`.

    >>> one_of([1, 5, 5, 3], "majority"), one_of([1, 5, 3], "mean")
    (5.0, 3.0)
    """
    if aggregate == "mean":
        return statistics.fmean(scores)
    if aggregate == "majority":
        counts = Counter(scores)
        top = [s for s, n in counts.items() if n == max(counts.values())]
        if len(top) == 1:
            return float(top[0])
    return float(statistics.median(scores))
