"""Calls of one OpenAI-compatible endpoint from several threads: tries, waits, and when to stop.

An adapter is called from plain threads, and a whole call can only be bounded in time where it can
be broken off: an endpoint may send a byte now and then for ever. So the calls are made in an event
loop that has a thread of its own, by the client that judges use (`judges.openai_wire`), which also
says how each of them ended.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

from evals.core.errors import UserError
from evals.core.verdicts import TRANSIENT
from judges.limits import DENIALS, wait_before
from judges.openai_options import HOSTED, LOOPBACK, clean_endpoint
from judges.openai_wire import connect, failed, of_error, without

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
File = tuple[str, tuple[str, bytes, str]]
"""A file of a form: field, (name, bytes, type)."""


class Unusable(ValueError):
    """A 200 that brings nothing to keep.

    Args:
        kind: a stable word: ``refused`` (the model declines), ``blocked`` (a content filter),
            ``no_image``, ``text_only``, ``empty_answer``, or ``bad_reply`` for anything else.
        message: one sentence for people.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Called(Generic[T]):
    """How a request ended, all tries included.

    Attributes:
        status: ``answered``, else why there is no value: an `AttemptStatus` or the kind of an
            `Unusable`.
        reason: one sentence for people, without the key; empty when answered.
        value: what the reply brings; None unless answered.
        tries: that were made.
        retry_after: seconds that the endpoint asked to wait; None when it did not.
    """

    status: str
    reason: str = ""
    value: T | None = None
    tries: int = 1
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long and how often.

    Attributes:
        timeout: seconds for one call.
        attempts: calls for one request.
        minutes: for one request, waits included.
    """

    timeout: float
    attempts: int
    minutes: float


class Endpoint:
    """Where a model is asked. Connects when the first request comes.

    Args:
        model: that is asked for, for messages.
        base_url: address, ending in ``/v1``.
        key_env: name of the environment variable that holds the key; it may be unset.
        limits: how long and how often.
    """

    def __init__(self, *, model: str, base_url: str, key_env: str, limits: Limits) -> None:
        self.model, self.base_url, self.key_env, self.limits = model, base_url, key_env, limits
        self.name = clean_endpoint(base_url)
        self.door = Door(f"{model} at {self.name}")
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: AsyncOpenAI | None = None
        self._chance = random.Random()  # jitter only: no result depends on it

    @property
    def hosted(self) -> bool:
        """Whether it is OpenAI's own, which takes other parameters than servers of one's own."""
        return self.name == HOSTED

    @property
    def key(self) -> str:
        """The key; never stored. A line break around it would end up in an error message."""
        return os.environ.get(self.key_env, "").strip()

    def post(
        self, path: str, body: Mapping[str, Any], read: Callable[[str], T],
        files: Sequence[File] = (),
    ) -> Called[T]:  # fmt: skip
        """Ask until there is an answer, or no hope.

        Args:
            path: of the route below the base address.
            body: fields of the request; JSON, or those of a form when there are files.
            read: what the body of a 200 brings; raises `Unusable` when that is nothing.
            files: sent as they are.

        Raises:
            UserError: every further request would end like this one: a wrong key, an unknown
                model, nobody there.
        """
        end = time.monotonic() + self.limits.minutes * 60
        tries = 0
        while True:
            self.door.check()
            tries += 1
            called = replace(self._once(path, body, read, files), tries=tries)
            wait = wait_before(tries, called.retry_after, self._chance)
            over = tries >= self.limits.attempts or time.monotonic() + wait > end
            if called.status not in TRANSIENT or over:
                self.door.note(called.status, path, called.reason)
                return called
            time.sleep(wait)

    def fetch(self, url: str) -> bytes:
        """A file that a reply points to, from the endpoint itself.

        Raises:
            Unusable: it lies elsewhere, or cannot be had.
        """
        try:
            whole = urljoin(self.base_url, url)
            elsewhere = _origin(whole) != _origin(self.base_url)
        except ValueError as error:
            raise Unusable("bad_reply", "the reply points to what is no address") from error
        if elsewhere:
            raise Unusable(
                "bad_reply",
                f"the reply points to {clean_endpoint(whole)}, which is not the endpoint and is "
                'not followed; set response_format = "b64_json"',
            )
        return self._run(self._get(whole))

    def _once(
        self, path: str, body: Mapping[str, Any], read: Callable[[str], T], files: Sequence[File]
    ) -> Called[T]:
        told = self._run(self._post(path, body, files))
        if not isinstance(told, str):
            return Called(**told)
        if not told.lstrip().startswith("{"):  # the page of a gateway
            said = without(self.key, told[:200])[:80]
            return Called(**failed("server_error", f"the reply is no JSON object: {said!r}"))
        try:
            return Called(status="answered", value=read(told))
        except Unusable as error:
            return Called(status=error.kind, reason=without(self.key, str(error))[:500])

    # --- in the loop ------------------------------------------------------------------------

    async def _post(
        self, path: str, body: Mapping[str, Any], files: Sequence[File]
    ) -> str | dict[str, Any]:
        """The body of a 200, or how the call ended without one."""
        form: Any = {"headers": {"Content-Type": "multipart/form-data"}} if files else {}
        try:
            # The client's own limit is for each piece of a reply; this one is for all of it.
            async with asyncio.timeout(self.limits.timeout):
                return await self._connected().post(
                    path, body=dict(body), files=list(files) or None, options=form, cast_to=str
                )
        except Exception as error:
            return self._failed(error)

    async def _get(self, url: str) -> bytes:
        import openai

        try:
            async with asyncio.timeout(self.limits.timeout):
                reply = await self._connected().get(url, cast_to=openai.HttpxBinaryResponseContent)
            return reply.content
        except Exception as error:
            why = self._failed(error)["reason"]
            raise Unusable("bad_reply", f"the image cannot be fetched ({why})") from None

    def _failed(self, error: Exception) -> dict[str, Any]:
        """How a call ended that raised; what is no business of the network goes on."""
        import openai

        if not isinstance(error, openai.APIError | OSError | ValueError):
            raise error
        return of_error(error, self.model, self.limits.timeout, self.key)

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            trust = ssl.create_default_context()
            seconds = self.limits.timeout
            self._client = connect(self.base_url, self.key, seconds, trust=trust, redirects=False)
        return self._client

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                name = f"calls of {self.name}"
                threading.Thread(target=self._loop.run_forever, name=name, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Door:
    """Whether it makes sense to go on knocking; asked by all threads.

    Args:
        who: model and endpoint, for messages.
    """

    WORKS = frozenset({"answered", "refused", "blocked"})
    """Ends that show an endpoint at work."""
    AT_ONCE = frozenset({"denied", "unreachable"})
    """Ends that stop everything while nobody has been answered yet."""
    LATER = frozenset({"denied", "unreachable", "rate_limited"})
    """Ends that stop everything when several requests in a row come to them. Others may lie in the
    samples, once some have been answered."""

    def __init__(self, who: str) -> None:
        self.who = who
        self._lock = threading.Lock()
        self._answered = False
        self._row: Counter[str] = Counter()
        self._closed = ""

    def check(self) -> None:
        """Stop who comes to a closed door.

        Raises:
            UserError: it is closed; the message says why.
        """
        if self._closed:
            raise UserError(self._closed)

    def note(self, status: str, path: str, reason: str) -> None:
        """Learn from how a request ended.

        Args:
            status: see `Called`.
            path: of the route, for the message when the door is closed.
            reason: for the same.

        Raises:
            UserError: nothing can be hoped for any more.
        """
        with self._lock:
            if status in self.WORKS:
                self._answered = True
                self._row.clear()
                return
            self._row[status] += 1
            first = not self._answered and status in self.AT_ONCE
            many = self._row[status] >= DENIALS and (not self._answered or status in self.LATER)
            if (first or many) and not self._closed:
                row = "" if first else f" ({DENIALS} requests in a row ended like this)"
                self._closed = f"{self.who}{path}: {reason}{row}; {self._mend(status)}"
        self.check()

    @staticmethod
    def _mend(status: str) -> str:
        if status == "unreachable":
            return "is the server running, and is base_url right?"
        if status == "denied":
            return "the same command goes on when that is mended."
        return "the same command goes on later." if status in TRANSIENT else "mend that first."


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; all names of this machine are one."""
    parts = urlsplit(url)
    host = "loopback" if parts.hostname in LOOPBACK else parts.hostname or ""
    return parts.scheme, host, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
