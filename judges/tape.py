"""The tape: every attempt, for ever. What is on it is not asked, and not paid for, again.

A tape is an append-only file of JSON lines, one attempt each. Several processes may append to one
tape. `Taped` looks a question up before it is asked; `Recorded` writes down what was asked, before
anybody else hears of it. Which attempt decides is a fixed rule, so that nobody picks the reply they
like: the first that parses, else the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.core.errors import UserError
from evals.core.verdicts import MENDABLE, Attempt, Verdict, attempt_from_row, attempt_row
from evals.core.writing import disk_error
from judges.request import Judge, Request
from judges.verdict import judged


class Tape:
    """Attempts by (judge, request), read from a file as they are needed.

    Only places in the file are held in memory, so that a tape may be larger than it.

    Args:
        path: of the file; made when the first attempt is added.

    Raises:
        UserError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._file: int | None = None
        self._places: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._end = 0
        self._scan()

    def __len__(self) -> int:
        return sum(len(p) for p in self._places.values())

    def _scan(self) -> None:
        """Take in what has been appended since, by others as well."""
        try:
            if not self.path.exists() or self.path.stat().st_size <= self._end:
                return
            with self.path.open("rb") as stream:
                stream.seek(self._end)
                for line in stream:
                    if not line.endswith(b"\n"):
                        return  # somebody is writing it, or was killed at it
                    key = _key(line)
                    if key is None:
                        self.damaged += bool(line.strip())
                    else:
                        self._places.setdefault(key, []).append((self._end, len(line)))
                    self._end += len(line)
        except OSError as error:
            raise UserError(f"The tape {self.path} cannot be read ({error.strerror}).") from error

    def find(self, judge: str, request: str) -> tuple[Attempt, ...]:
        """Attempts at a question by a judge, oldest first."""
        self._scan()
        places = self._places.get((judge, request), ())
        if not places:
            return ()
        found: dict[str, Attempt] = {}
        try:
            with self.path.open("rb") as stream:
                for start, size in places:
                    stream.seek(start)
                    attempt = attempt_from_row(json.loads(stream.read(size)))
                    # A run folder tells an attempt anew when its reply is read anew.
                    found.setdefault(repr(attempt), attempt)
        except (OSError, ValueError) as error:
            raise UserError(
                f"The tape {self.path} was taken away or changed while it was in use ({error}); "
                "put it back and run the same command again."
            ) from error
        return tuple(found.values())

    def add(self, attempt: Attempt) -> None:
        """Append an attempt; it is with the operating system when this returns.

        Raises:
            UserError: the disk is full or read-only.
        """
        # ASCII: a reply may hold half a character, which UTF-8 cannot write.
        line = (json.dumps(attempt_row(attempt), separators=(",", ":")) + "\n").encode("ascii")
        try:
            file = self._open()
            with _locked(file):
                start = _whole(file)
                try:
                    if os.write(file, line) < len(line):
                        # A disk that fills up takes a part and says nothing.
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                except OSError:
                    with contextlib.suppress(OSError):
                        os.ftruncate(file, start)
                    raise
        except OSError as error:
            raise disk_error(error, self.path) from error
        if start == self._end:
            self._places.setdefault((attempt.judge, attempt.request), []).append((start, len(line)))
            self._end = start + len(line)
        else:
            self._scan()

    def _open(self) -> int:
        """The file to append to, opened at the first attempt and kept."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_APPEND | os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o666)
        return self._file

    def __del__(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt, judge by judge and question by question."""
        for judge, request in self._places:
            yield from self.find(judge, request)

    def judges(self) -> dict[str, Attempt]:
        """Hash -> the first attempt of every judge on the tape."""
        first = dict(reversed(self._places))
        return {judge: self.find(judge, request)[0] for judge, request in first.items()}


def _key(line: bytes) -> tuple[str, str] | None:
    """(judge, request) of a line; None when it is no attempt."""
    try:
        row = json.loads(line)
        attempt_from_row(row)
        return str(row["judge"]), str(row["request"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


@contextlib.contextmanager
def _locked(file: int) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _whole(file: int) -> int:
    """Cut off a last line that a killed process left half-written; where the next one begins.

    Nobody else can be writing it: the caller holds the lock.
    """
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        piece = os.pread(file, end - start, start)
        at = piece.rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
    return end


def tape_file(cache: Path, name: str, judge: str) -> Path:
    """Where the tape of a judge lies in a cache: one file per judge, so that none grows for all.

    >>> tape_file(Path("c"), "openai:gpt-4.1", "ab12").as_posix()
    'c/tapes/openai-gpt-4.1-ab12.jsonl'
    """
    safe = re.sub(r"[^\w.+-]+", "-", name, flags=re.ASCII).strip("-.")[:60]
    return cache / "tapes" / f"{safe or 'judge'}-{judge}.jsonl"


# --- the wrappers ---------------------------------------------------------------------------


def decided(request: Request, attempts: tuple[Attempt, ...]) -> Verdict | None:
    """What the attempts at a question amount to; None when it has to be asked (again).

    The first attempt that parses decides. Without one, the last decides if it is a failure that
    would come again; one that may pass is asked again.
    """
    for at, attempt in enumerate(attempts):
        verdict = judged(request, attempt, fresh=False, before=attempts[:at])
        if verdict.status == "ok":
            return verdict
    if not attempts or attempts[-1].status in MENDABLE:
        return None
    return judged(request, attempts[-1], fresh=False, before=attempts[:-1])


@dataclass(kw_only=True)
class Taped:
    """Asks only what is not on the tape, and each question once, however many ask it at a time.

    Attributes:
        judge: who is asked otherwise.
        key: hash of that judge.
        tape: to look it up on.
        retry: ask again where the tape holds a failure.
    """

    judge: Judge
    key: str
    tape: Tape
    retry: bool = False

    def __post_init__(self) -> None:
        self.name = self.judge.name
        self._waiting: dict[str, asyncio.Future[Verdict]] = {}

    async def ask(self, request: Request) -> Verdict:
        """The verdict from the tape, or a fresh one."""
        known = decided(request, self.tape.find(self.key, request.hash))
        if known is not None and (known.status == "ok" or not self.retry):
            return known
        if request.hash in self._waiting:
            other = self._waiting[request.hash]
            try:
                # Shielded: who gives up waiting must not take the answer from the one who asked.
                return replace(await asyncio.shield(other), fresh=False)
            except asyncio.CancelledError:
                if not other.cancelled():
                    raise
                return await self.ask(request)  # who asked was stopped, and not we
        future = asyncio.get_running_loop().create_future()
        self._waiting[request.hash] = future
        try:
            verdict = await self.judge.ask(request)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # somebody may be waiting for it, nobody has to
            raise
        else:
            future.set_result(verdict)
            return verdict
        finally:
            del self._waiting[request.hash]


@dataclass(kw_only=True)
class Recorded:
    """Writes every attempt onto the tape before anybody hears of it."""

    judge: Judge
    tape: Tape

    def __post_init__(self) -> None:
        self.name = self.judge.name

    async def ask(self, request: Request) -> Verdict:
        """The judge's verdict, its attempts numbered and on the tape."""
        verdict = await self.judge.ask(request)
        numbered = []
        for attempt in verdict.attempts:
            earlier = len(self.tape.find(attempt.judge, attempt.request))
            numbered.append(replace(attempt, number=earlier + 1))
            self.tape.add(numbered[-1])
        return replace(verdict, attempts=tuple(numbered))


# --- inspection -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TapeFacts:
    """What is on a tape, per judge.

    Attributes:
        judge: hash.
        name: as configured.
        asked: model asked for.
        served: served model -> attempts.
        statuses: status -> attempts.
        questions: different questions.
        dollars: known cost; attempts without a price are in `unpriced`.
        unpriced: answered attempts whose cost is not known.
        tokens: input and output.
        first: time of the first attempt.
        last: time of the last one.
    """

    judge: str
    name: str
    asked: str
    served: Mapping[str, int]
    statuses: Mapping[str, int]
    questions: int
    dollars: float
    unpriced: int
    tokens: tuple[int, int]
    first: str
    last: str


def inspect(tape: Tape) -> list[TapeFacts]:
    """Facts per judge, in order of first appearance."""
    groups: dict[str, list[Attempt]] = {}
    for attempt in tape.attempts():
        groups.setdefault(attempt.judge, []).append(replace(attempt, raw=""))
    facts = []
    for judge, attempts in groups.items():
        answered = [a for a in attempts if a.usage or a.status == "answered"]
        times = sorted(a.time for a in attempts)
        facts.append(
            TapeFacts(
                judge=judge,
                name=attempts[0].name,
                asked=attempts[0].asked,
                served=dict(Counter(a.served for a in attempts if a.served)),
                statuses=dict(Counter(str(a.status) for a in attempts)),
                questions=len({a.request for a in attempts}),
                dollars=sum(a.cost or 0.0 for a in attempts),
                unpriced=sum(a.cost is None for a in answered),
                tokens=(
                    int(sum(a.usage.get("input_tokens", 0) for a in attempts)),
                    int(sum(a.usage.get("output_tokens", 0) for a in attempts)),
                ),
                first=times[0],
                last=times[-1],
            )
        )
    return facts


def merge(sources: Sequence[Tape], target: Tape) -> int:
    """Append what the target does not hold yet; returns how many attempts that were."""
    added = 0
    for source in sources:
        for attempt in source.attempts():
            if attempt not in target.find(attempt.judge, attempt.request):
                target.add(attempt)
                added += 1
    return added
