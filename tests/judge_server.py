"""A real, light HTTP/1.1 server that speaks Chat Completions, for tests and for `make bench`.

    with JudgeServer([rate_limited(1), verdict(4)]) as server:
        ask(server.url)
        assert [c.answered for c in server.calls] == ["429", "verdict"]

    python -m tests.judge_server --latency 1.0 --rate-429 0.05 --reset 0.02 --log FILE

What it answers is in `tests.judge_replies`. Bodies are hashed while they arrive and parsed only by
scenarios that look into them: the client under test, with 64 calls in flight, shares two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import http
import json
import os
import re
import signal
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from tests.judge_replies import Asked, Faults, Reply, Scenario, choose, error, raw

MAX_BODY = 64 * 1024 * 1024
PIECE = 256 * 1024
EDGE = 64 * 1024  # of a body, where the name of the model is looked for


@dataclass(kw_only=True)
class Call:
    """The record of a call, filled in as it goes on; `ended` is None while it is open."""

    asked: Asked
    size: int
    started: float
    answered: str = ""  # `Reply.name`; "gone" when the client left first or the server stopped
    ended: float | None = None


class JudgeServer:
    """Serves a scenario from a thread of its own, as a context manager.

    An exception in a scenario is answered with 500 and raised when the context ends.

    Args:
        scenario: decides every answer; may be exchanged while it serves.
        port: 0 takes a free one.
        tls: a self-signed certificate for 127.0.0.1; `certificate` is its file.
        models: names at /v1/models.
        bodies: keep request bodies, for scenarios and tests that look into them.
        remember: keep `calls`.
        log: file that gets one JSON line per call, when it has ended.
    """

    routes = frozenset({"/v1/chat/completions"})

    def __init__(
        self, scenario: Scenario, *, port: int = 0, tls: bool = False,
        models: Sequence[str] = ("test-judge",), bodies: bool = True, remember: bool = True,
        log: Path | None = None,
    ) -> None:  # fmt: skip
        self.scenario, self.port, self.tls, self.models = scenario, port, tls, models
        self.bodies, self.remember = bodies, remember
        self.url, self.certificate = "", Path()
        self.in_flight = self.in_flight_peak = self.connections = 0
        self._calls: list[Call] = []
        self._number, self._attempts = 0, Counter[str]()
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644) if log else None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._faults: list[Exception] = []
        self._ready = threading.Event()

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in the order of arrival; a call is here before it is answered."""
        return list(self._calls)

    # --- life -------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()
        if not self.url:
            raise RuntimeError("the server did not start; its thread says why")
        return self

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        finally:
            self._ready.set()

    def __exit__(self, kind: object, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        if self._faults and kind is None:
            raise self._faults[0]

    async def serve(self, started: Callable[[], None] = lambda: None) -> None:
        """Serve until the context ends, or, as a process of its own, until SIGTERM or SIGINT."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with tempfile.TemporaryDirectory() as folder:
            server = await asyncio.start_server(
                self._connected, "127.0.0.1", self.port, limit=2 * PIECE, backlog=1024,
                ssl=self._context(Path(folder)) if self.tls else None,
            )  # fmt: skip
            self.port = server.sockets[0].getsockname()[1]
            self.url = f"http{'s' * self.tls}://127.0.0.1:{self.port}/v1"
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGTERM, signal.SIGINT):
                    self._loop.add_signal_handler(number, self._stop.set)
            self._ready.set()
            started()
            await self._stop.wait()
            server.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._log is not None:
            os.close(self._log)

    def _context(self, folder: Path) -> ssl.SSLContext:
        self.certificate = self_signed(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, folder / "key.pem")
        return context

    # --- calls ------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        wire = _Wire(reader, writer)
        try:
            while await self._exchange(wire):
                pass
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            pass  # the server stops, or the client has gone
        except (ValueError, asyncio.LimitOverrunError) as fault:
            await wire.send(error(400, f"This is no HTTP: {fault}."), last=True)
        finally:
            self._tasks.discard(task)
            wire.close()

    async def _exchange(self, wire: _Wire) -> bool:
        """One request and its answer; whether the connection stays open."""
        method, path, headers = await wire.head()
        last = headers.get("connection", "").lower() == "close"
        if method != "POST" or path not in self.routes:
            await wire.body(headers, keep=False)
            return await wire.send(self._other(method, path), last)
        started, call = time.time(), None
        self.in_flight += 1
        self.in_flight_peak = max(self.in_flight_peak, self.in_flight)
        try:
            sha, size, model, body = await wire.body(headers, keep=self.bodies)
            self._number += 1
            self._attempts[sha] += 1
            asked = Asked(
                number=self._number, attempt=self._attempts[sha], sha=sha, model=model,
                headers=headers, body=body, path=path,
            )  # fmt: skip
            call = Call(asked=asked, size=size, started=started)
            if self.remember:
                self._calls.append(call)
            reply = self._decide(call)
            call.answered = reply.name
            if not await wire.pause(reply.delay):
                return False
            # Ended before the last byte is out: who has the answer finds it in the record.
            return await wire.send(reply, last, lambda: self._end(call, reply.name))
        finally:
            self._end(call, "gone")

    def _decide(self, call: Call) -> Reply:
        if call.size > MAX_BODY:
            return error(413)
        try:
            return choose(self.scenario, call.asked)
        except Exception as fault:
            self._faults.append(fault)
            return error(500, f"the scenario failed: {fault!r}")

    def _end(self, call: Call | None, answered: str) -> None:
        if call is not None and call.ended is not None:
            return
        if call is not None:
            call.answered, call.ended = answered, time.time()
            if self._log is not None:
                asked = call.asked
                row = {
                    "number": asked.number, "attempt": asked.attempt, "sha": asked.sha,
                    "model": asked.model, "size": call.size, "answered": answered,
                    "started": call.started, "ended": call.ended, "in_flight": self.in_flight,
                }  # fmt: skip
                os.write(self._log, json.dumps(row).encode() + b"\n")
        self.in_flight -= 1

    def _other(self, method: str, path: str) -> Reply:
        if (method, path) == ("GET", "/v1/models"):
            data = [{"id": m, "object": "model", "owned_by": "tests"} for m in self.models]
            return raw(json.dumps({"object": "list", "data": data}))
        return error(404, f"Invalid URL ({method} {path})")


_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')


class _Wire:
    """One connection: HTTP/1.1 as far as clients of an API use it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.abort = reader, writer, False

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.writer.transport.abort() if self.abort else self.writer.close()

    async def head(self) -> tuple[str, str, dict[str, str]]:
        text = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1")
        first, *lines = text.split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        return method, target.partition("?")[0], {k.lower(): v.strip() for k, _, v in pairs}

    async def body(self, headers: Mapping[str, str], keep: bool) -> tuple[str, int, str, bytes]:
        """SHA-256, size, name of the model, and the body itself if it is to be kept."""
        if headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        digest, size, first, end, kept = hashlib.sha256(), 0, b"", b"", []
        async for piece in self._pieces(headers):
            digest.update(piece)
            size += len(piece)
            first = first or piece[:EDGE]
            end = piece[-EDGE:] if len(piece) >= EDGE else (end + piece)[-EDGE:]
            if keep and size <= MAX_BODY:
                kept.append(piece)
        found = _MODEL.search(end) or _MODEL.search(first)
        model = json.loads(found[1]) if found else ""
        return digest.hexdigest(), size, model, b"".join(kept)

    async def _pieces(self, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            async for piece in self._exactly(int(headers.get("content-length", "0"))):
                yield piece
            return
        while size := int((await self.reader.readline()).partition(b";")[0], 16):
            async for piece in self._exactly(size):
                yield piece
            await self.reader.readexactly(2)
        while (await self.reader.readline()).strip():
            pass  # trailers

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left > 0:
            piece = await self.reader.read(min(left, PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece

    async def pause(self, seconds: float) -> bool:
        """Wait; False once the client has gone, which only looking tells."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.25))
            if self.reader.at_eof() or self.writer.transport.is_closing():
                return False
        return True

    async def send(
        self, reply: Reply, last: bool, before_end: Callable[[], None] = lambda: None
    ) -> bool:
        """Send a reply; whether the connection stays open."""
        assert isinstance(reply.body, bytes)
        fields = {"Content-Type": reply.type, "Content-Length": str(len(reply.body))}
        fields |= {**reply.headers, "Connection": "close" if last else "keep-alive"}
        head = _head(reply.status, fields)
        if reply.cut is not None:
            before_end()
            keep = len(head) + int(len(reply.body) * reply.cut) if reply.cut else 0
            return await self._cut((head + reply.body)[:keep])
        whole = head + reply.body
        step = -(-len(whole) // 20) if reply.drip else len(whole)
        pieces = [whole[n : n + step] for n in range(0, len(whole), step)]
        for piece in pieces[:-1]:
            self.writer.write(piece)
            if not await self.pause(reply.drip / len(pieces)):
                return False
        before_end()
        self.writer.write(pieces[-1])
        await self.writer.drain()
        return not last

    async def _cut(self, part: bytes) -> bool:
        if part:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0.05)  # a reset overtakes what has not been read yet
        plain: socket.socket = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort = True
        return False


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, as ``server.pem`` beside its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path = folder / "server.pem"
    path.write_bytes(certificate.public_bytes(pem))
    return path


def main() -> None:
    """Serve `Faults` until stopped; the first line on stdout is the address."""
    parser = argparse.ArgumentParser(prog="python -m tests.judge_server")
    for name in ("latency", "jitter", "rate-429", "rate-503", "reset"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--retry-after", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--log", type=Path)
    given = vars(parser.parse_args())
    place = {name: given.pop(name) for name in ("port", "tls", "log")}
    server = JudgeServer(Faults(**given), bodies=False, remember=False, **place)
    asyncio.run(server.serve(started=lambda: print(server.url, flush=True)))


if __name__ == "__main__":
    main()
