"""The judges of one stream, with tape, limits and panel around them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.protocols import JudgeSettings
from evals.core.types import Score, fingerprint
from judges.limits import Limited, Limiter
from judges.panel import Panel, Swapped
from judges.request import HERE, Judge
from judges.tape import Recorded, Tape, Taped, tape_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.catalog import Backend

HEARTBEAT = 0.5
"""Seconds after which a stream yields even if nothing is finished."""


def judge_key(backend: Backend) -> str:
    """The hash that stands for a judge on tapes; of a replayed one that of the recorded judge."""
    identity = backend.identity()
    recorded = identity.get("recorded")
    return str(recorded) if recorded else fingerprint(identity)


@dataclass(frozen=True, kw_only=True)
class Seats:
    """Who sits at a desk, and by which rules.

    Attributes:
        backends: the judges.
        settings: of the user.
        cache: folder of tapes.
        pairwise: whether every question is asked in both orders.
        retry: ask again where an earlier answer was a failure.
    """

    backends: Sequence[Backend]
    settings: JudgeSettings
    cache: Path
    pairwise: bool
    retry: bool


class Desk:
    """Lives in one event loop; `judge` answers, `width` says to how many questions at once."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._limiters: dict[str, Limiter] = {}
        self._tapes: dict[Path, Tape] = {}
        self.width = 1
        wrapped = [self._wrap(b) for b in seats.backends]
        if seats.pairwise:
            wrapped = [Swapped(judge=j) for j in wrapped]
        self.judge = Panel(
            judges=wrapped, repeats=seats.settings.repeats, aggregate=seats.settings.aggregate
        )

    def _wrap(self, backend: Backend) -> Judge:
        """Looked up, limited, recorded: the tape costs no place, and misses no attempt."""
        if backend.endpoint in {"tape", HERE}:
            self.width = max(self.width, 16 if backend.endpoint == "tape" else 1)
            return backend
        settings = self._seats.settings
        options: Mapping[str, Any] = getattr(backend, "options", {})
        most = int(options.get("concurrency", 1))
        # Twice as many questions as places: those that back off hold none.
        self.width = max(self.width, 2 * most)
        limiter = self._limiters.setdefault(backend.endpoint, Limiter(most))
        key = judge_key(backend)
        file = settings.tape or tape_file(self._seats.cache, backend.name, key)
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
        return Taped(judge=limited, key=key, tape=tape, retry=self._seats.retry)

    def status(self) -> str:
        """What is going on just now; may be empty."""
        return "; ".join(limiter.status() for limiter in self._limiters.values())

    async def close(self) -> None:
        """Let go of all connections."""
        for backend in self._seats.backends:
            with contextlib.suppress(OSError):
                await backend.close()


async def collect(
    done: asyncio.Queue[Score | BaseException],
) -> tuple[list[Score], BaseException | None]:
    """What is finished, after waiting for something to be; and the first error among it."""
    try:
        first = await asyncio.wait_for(done.get(), HEARTBEAT)
    except TimeoutError:
        return [], None
    found = [first, *drain(done)]
    error = next((f for f in found if isinstance(f, BaseException)), None)
    return [f for f in found if isinstance(f, Score)], error


def drain(done: asyncio.Queue[Score | BaseException]) -> list[Score | BaseException]:
    """Everything that is finished by now."""
    found = []
    while not done.empty():
        found.append(done.get_nowait())
    return found
