"""How much is asked at a time, how often again, and for how long: bounded, and adapted.

One limiter per endpoint. It lets a number of calls be in flight, lowers that number when the
endpoint turns a notable share of them away, and raises it again when it does not. A call that waits
for its next try holds no place. Single failures do not count as a signal: an endpoint that refuses
one call in twenty at random serves most with many in flight.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evals.core.budget import Budget
from evals.core.errors import Halt
from evals.core.verdicts import TRANSIENT, Attempt, AttemptStatus, Verdict
from judges.images import sent_sizes
from judges.prices import Price, expected_tokens
from judges.request import Judge, Request

WINDOW = 40
"""Answers that a decision about the number of calls looks at."""
CROWDED = 0.15
"""Share of 429 and 503 in a window above which fewer calls are made."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of image files in flight at one endpoint; each is held three times while it is sent."""
LONGEST_WAIT = 60.0
"""Seconds between two tries at most, unless the endpoint asks for more."""
DENIALS = 5
"""Denials in a row after which a judge that has answered before is not asked any more."""
UNREACHED = 4
"""Tries at an endpoint that nobody has reached yet."""
UNBILLED: frozenset[AttemptStatus] = frozenset(
    {"rejected", "denied", "rate_limited", "unreachable", "server_error"}
)
"""Calls that nobody is charged for; a time-out may have been computed to its end."""


class Limiter:
    """The traffic to one endpoint; belongs to one event loop.

    Args:
        most: calls in flight at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.allowed = float(most)
        self.in_flight = 0
        self.bytes = 0
        self.backing_off: Counter[str] = Counter()
        self._turned_away: deque[bool] = deque(maxlen=WINDOW)
        self._since_change = 0
        self._free = asyncio.Condition()

    @asynccontextmanager
    async def place(self, size: int) -> AsyncIterator[None]:
        """Wait for a place for a call that sends `size` bytes of images."""
        async with self._free:
            await self._free.wait_for(lambda: self._fits(size))
            self.in_flight += 1
            self.bytes += size
        try:
            yield
        finally:
            self.in_flight -= 1
            self.bytes -= size
            async with self._free:
                self._free.notify_all()

    def _fits(self, size: int) -> bool:
        if self.in_flight == 0:
            return True
        return self.in_flight < int(self.allowed) and self.bytes + size <= MAX_BYTES

    def note(self, attempt: Attempt) -> None:
        """Learn from how a call ended."""
        crowded = attempt.status == "rate_limited" or attempt.reason.startswith("HTTP 503")
        self._turned_away.append(crowded)
        self._since_change += 1
        if self._since_change < min(WINDOW, max(8, int(self.allowed))):
            return
        share = sum(self._turned_away) / len(self._turned_away)
        if share > CROWDED:
            self.allowed = max(1.0, self.allowed * max(0.5, 1 - share))
        else:
            self.allowed = min(float(self.most), self.allowed * 1.25 + 1)
        self._since_change = 0

    def status(self) -> str:
        """``12 in flight, 3 backing off (429)``."""
        text = f"{self.in_flight} in flight"
        waiting = sum(self.backing_off.values())
        if waiting:
            why = ", ".join(sorted(w for w, n in self.backing_off.items() if n))
            text += f", {waiting} backing off ({why})"
        if int(self.allowed) < self.most:
            text += f", at most {int(self.allowed)} at a time"
        return text


_WORDS = {"rate_limited": "429", "server_error": "server error", "unreachable": "no connection",
          "timeout": "time-out", "empty": "empty reply"}  # fmt: skip


@dataclass(kw_only=True)
class Limited:
    """Asks within limits: places, tries, minutes and dollars.

    Attributes:
        judge: makes one attempt each time it is asked.
        limiter: of its endpoint.
        attempts: tries at one question at most.
        minutes: for one question at most, waiting included.
        budget: of the command.
        price: of the judge's model; None when not known.
        output_tokens: that a reply may have at most.
        where: the endpoint, for messages.
    """

    judge: Judge
    limiter: Limiter
    attempts: int
    minutes: float
    budget: Budget
    price: Price | None
    output_tokens: int
    where: str

    def __post_init__(self) -> None:
        self.name = self.judge.name
        self._answered = self._denied_in_a_row = 0
        self._largest: float | None = None
        self._first = asyncio.Lock()
        self._random = random.Random()  # jitter only: no result depends on it

    async def ask(self, request: Request) -> Verdict:
        """The first verdict that is final, with all attempts that it took."""
        end = time.monotonic() + self.minutes * 60
        size = sum(_size(i.path) for i in request.shown)
        made: tuple[Attempt, ...] = ()
        tries = 0
        while True:
            self._check()
            tries += 1
            verdict = await self._once(request, size)
            made += verdict.attempts
            if verdict.last is None:
                return verdict
            self._note(verdict.last)
            self._halt_if_hopeless(verdict.last, tries)
            wait = wait_before(tries, verdict.last.retry_after, self._random)
            over = tries >= self.attempts or time.monotonic() + wait > end
            if verdict.status not in TRANSIENT or over:
                return replace(verdict, attempts=made, reason=_tried(verdict, tries))
            word = _WORDS.get(str(verdict.status), str(verdict.status))
            self.limiter.backing_off[word] += 1
            try:
                await asyncio.sleep(wait)
            finally:
                self.limiter.backing_off[word] -= 1

    async def _once(self, request: Request, size: int) -> Verdict:
        # The first call under a budget is made alone: it tells what a call costs, and 64 calls at
        # once on a wrong guess could pass the limit together.
        if self._guesses():
            async with self._first:
                if self._guesses():
                    return await self._paid(request, size)
        return await self._paid(request, size)

    def _guesses(self) -> bool:
        return self.budget.limit is not None and self._largest is None

    async def _paid(self, request: Request, size: int) -> Verdict:
        reserve = self._reserve(request)
        async with self.limiter.place(size):
            while not self.budget.reserve(reserve):
                await asyncio.sleep(0.02)
            cost = reserve  # a call that is broken off may have been billed
            try:
                verdict = await self.judge.ask(request)
                cost = sum(self._cost(a, reserve) for a in verdict.attempts)
            finally:
                self.budget.settle(reserve, cost)
        return verdict

    def _cost(self, attempt: Attempt, reserve: float) -> float:
        """Dollars of a call: as the endpoint tells, else the most it can have been."""
        if attempt.cost is None and attempt.status in UNBILLED:
            return 0.0
        cost = reserve if attempt.cost is None else attempt.cost
        self._largest = max(self._largest or 0.0, attempt.cost or 0.0)
        return cost

    def _note(self, attempt: Attempt) -> None:
        """Learn from how a call ended."""
        self.limiter.note(attempt)
        if attempt.status == "denied":
            self._denied_in_a_row += 1
        elif attempt.status not in TRANSIENT:
            self._answered += 1
            self._denied_in_a_row = 0

    def _reserve(self, request: Request) -> float:
        """Dollars that the next call may cost at most, as far as one can know.

        Raises:
            Halt: there is a limit, and the model has no price.
        """
        if self.budget.limit is None:
            return 0.0
        if self.price is None:
            raise Halt(
                f"--max-cost cannot be kept: {self.name} has no price; give it one with --prices "
                "FILE or --judge-option price_in=DOLLARS price_out=DOLLARS (per million tokens)"
            )
        system, text, _ = request.rubric.text(request.fields)
        tokens = expected_tokens(
            system + text, sent_sizes((i.path for i in request.shown), request.rubric.policy)
        )
        whole = self.price.cost({"input_tokens": tokens, "output_tokens": self.output_tokens})
        return max(whole or 0.0, 1.2 * (self._largest or 0.0))

    def _check(self) -> None:
        if self._denied_in_a_row >= DENIALS:
            raise Halt(f"{self.name} was denied {DENIALS} times in a row by {self.where}")

    def _halt_if_hopeless(self, attempt: Attempt, tries: int) -> None:
        """Stop at once where every further call would end the same way.

        Raises:
            Halt: nobody has been answered yet, and the endpoint denies or cannot be reached.
        """
        if self._answered:
            return
        if attempt.status == "denied":
            raise Halt(f"{self.name} at {self.where}: {attempt.reason}")
        if attempt.status == "unreachable" and tries >= min(UNREACHED, self.attempts):
            raise Halt(
                f"{self.name} at {self.where} cannot be reached ({attempt.reason}); is the server "
                "running, and is base_url right?"
            )


def wait_before(tries: int, retry_after: float | None, chance: random.Random) -> float:
    """Seconds to the next try: what the endpoint asks for, else doubled and spread.

    Args:
        tries: that were made.
        retry_after: seconds that the endpoint asks to wait; None when it does not say.
        chance: for the jitter, so that not all come back at once.
    """
    if retry_after is not None:
        return retry_after + chance.uniform(0, 0.25)
    longest = min(LONGEST_WAIT, 0.5 * 2.0 ** (tries - 1))
    return chance.uniform(longest / 2, longest)


def _tried(verdict: Verdict, tries: int) -> str:
    many = verdict.status in TRANSIENT and tries > 1
    return f"{verdict.reason} (tried {tries} times)" if many else verdict.reason


def _size(path: Path) -> int:
    """Bytes of a file; 0 where there is none, of which the call itself will tell."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
