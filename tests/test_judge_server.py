"""The server that other tests trust does what its scenarios say, over real connections."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import judge_replies as say
from tests.judge_server import Call, JudgeServer

ROOT = Path(__file__).resolve().parent.parent


def connect(server: JudgeServer, **options: Any) -> http.client.HTTPConnection:
    place = urlsplit(server.url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    return kind(place.hostname, place.port, timeout=10, **options)


def post(line: http.client.HTTPConnection, body: Any, **headers: str) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    line.request("POST", "/v1/chat/completions", data, headers)
    reply = line.getresponse()
    return reply.status, reply.read()


def ended(server: JudgeServer, calls: int = 1) -> list[Call]:
    for _ in range(100):
        if sum(c.ended is not None for c in server.calls) == calls:
            break
        time.sleep(0.05)
    return server.calls


def test_the_openai_client_is_served() -> None:
    openai = pytest.importorskip("openai")
    with JudgeServer(say.verdict({"Q1": 4}), models=("m",)) as server:
        with openai.OpenAI(api_key="k", base_url=server.url, max_retries=0) as client:
            reply = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": 'say "model": "x"'}]
            )
            assert [m.id for m in client.models.list()] == ["m"]
        assert json.loads(reply.choices[0].message.content)["score"] == {"Q1": 4}
        assert (reply.model, reply.usage.prompt_tokens) == ("m", 1200)
        (call,) = server.calls
        assert call.asked.model == "m"
        assert call.asked.headers["authorization"] == "Bearer k"
        assert call.asked.payload["messages"][0]["role"] == "user"
        assert call.answered == "verdict"
        assert call.ended is not None
        assert (server.in_flight, server.in_flight_peak, server.connections) == (0, 1, 1)


def test_a_list_follows_the_tries_at_one_body() -> None:
    with JudgeServer([say.rate_limited(2), say.verdict()]) as server:
        line = connect(server)
        seen = [post(line, {"n": n})[0] for n in (1, 2, 1, 2, 1)]
        assert seen == [429, 429, 200, 200, 200]
        assert [c.asked.attempt for c in server.calls] == [1, 1, 2, 2, 3]
        assert server.connections == 1, "connections are kept alive, after errors too"


def test_retry_after_in_its_three_forms() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=9)
    replies = (say.rate_limited(1.5), say.rate_limited(moment), say.rate_limited(ms=250))
    with JudgeServer(say.in_order(*replies)) as server:
        found = []
        for _ in replies:
            line = connect(server)
            line.request("POST", "/v1/chat/completions", b"{}")
            found.append(line.getresponse().headers)
    assert found[0]["Retry-After"] == "1.5"
    assert abs(parsedate_to_datetime(found[1]["Retry-After"]) - moment) < timedelta(seconds=1)
    assert found[2]["retry-after-ms"] == "250"


def test_large_bodies_whole_and_in_chunks() -> None:
    body = b'{"image": "' + b"x" * 20_000_000 + b'", "model": "large", "n": 1}'

    def chunks() -> Iterator[bytes]:
        yield from (body[n : n + 1_000_003] for n in range(0, len(body), 1_000_003))

    with JudgeServer(say.verdict(), bodies=False) as server:
        line = connect(server)
        assert post(line, body)[0] == 200
        line.request("POST", "/v1/chat/completions", chunks(), encode_chunked=True)
        assert line.getresponse().read()
        assert post(line, b"y" * (64 * 1024 * 1024 + 1))[0] == 413
        whole, chunked, _ = server.calls
    assert whole.asked.sha == chunked.asked.sha
    assert (whole.size, whole.asked.model, whole.asked.body) == (len(body), "large", b"")


def test_resets() -> None:
    with JudgeServer(say.in_order(say.reset(), say.reset(0.5), say.verdict())) as server:
        with pytest.raises(ConnectionResetError):
            post(connect(server), {})
        line = connect(server)
        line.request("POST", "/v1/chat/completions", b"{}")
        reply = line.getresponse()
        time.sleep(0.2)
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            reply.read()
        assert post(connect(server), {})[0] == 200
        assert [c.answered for c in ended(server, 3)] == ["reset", "cut", "verdict"]


def test_a_client_that_leaves_a_reply_that_never_comes() -> None:
    with JudgeServer(say.hang()) as server:
        line = connect(server)
        line.timeout = 0.3
        with pytest.raises(TimeoutError):
            post(line, {})
        assert server.calls[0].answered == "hang"
        line.close()
        assert ended(server)[0].answered == "gone"
        assert server.in_flight == 0
        connect(server).request("POST", "/v1/chat/completions", b"{}")
    # Leaving the context does not wait for calls that hang.


def test_slow_and_dripping_replies() -> None:
    with JudgeServer(say.in_order(say.slow(say.verdict(), 0.3), say.drip(say.verdict(), 0.4))) as s:
        line = connect(s)
        for _ in range(2):
            start = time.perf_counter()
            assert json.loads(post(line, {})[1])["choices"]
            assert 0.25 < time.perf_counter() - start < 3


@pytest.mark.parametrize(
    ("reply", "check"),
    [
        (say.no_choices(), lambda r: r["choices"] == []),
        (say.refused("no"), lambda r: r["choices"][0]["message"]["refusal"] == "no"),
        (say.truncated(), lambda r: r["choices"][0]["finish_reason"] == "length"),
        (say.filtered(), lambda r: r["choices"][0]["finish_reason"] == "content_filter"),
        (say.completion(None), lambda r: r["choices"][0]["message"]["content"] is None),
        (say.completion("x" * 1_000_000), lambda r: len(str(r)) > 1_000_000),
        (say.verdict(usage=None), lambda r: "usage" not in r),
        (say.verdict(served="other-1"), lambda r: r["model"] == "other-1"),
        (say.verdict(served=say.served_after(0, "a", "b")), lambda r: r["model"] == "b"),
        (say.no_quota(), lambda r: r["error"]["code"] == "insufficient_quota"),
        (say.content_filter(), lambda r: r["error"]["code"] == "content_filter"),
        (say.unsupported("temperature"), lambda r: r["error"]["param"] == "temperature"),
        (say.error(422, "odd"), lambda r: r["error"]["message"] == "odd"),
    ],
)
def test_bodies(reply: say.Reply, check: Callable[[Any], bool]) -> None:
    with JudgeServer(reply) as server:
        assert check(json.loads(post(connect(server), {"model": "m"})[1]))


def test_bodies_that_are_no_completion() -> None:
    with JudgeServer(say.in_order(say.raw("<html>", type="text/html"), say.raw("{"))) as server:
        line = connect(server)
        line.request("POST", "/v1/chat/completions", b"{}")
        reply = line.getresponse()
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html")
        assert reply.read() == b"<html>"
        assert post(line, {}) == (200, b"{")


def test_keys_and_parameters() -> None:
    with JudgeServer(say.keyed("right", say.without("seed", then=say.verdict()))) as server:
        line = connect(server)
        assert post(line, {}, Authorization="Bearer wrong")[0] == 401
        assert post(line, {"seed": 1}, Authorization="Bearer right")[0] == 400
        assert post(line, {}, Authorization="Bearer right")[0] == 200


def test_other_paths_and_nonsense() -> None:
    with JudgeServer(say.verdict()) as server:
        line = connect(server)
        line.request("GET", "/v1/nothing")
        assert line.getresponse().status == 404
        assert server.calls == []


def test_a_scenario_that_fails_is_not_hidden() -> None:
    with pytest.raises(json.JSONDecodeError), JudgeServer(lambda a: a.payload) as server:
        assert post(connect(server), b"{")[0] == 500


def test_tls_that_nobody_has_signed() -> None:
    with JudgeServer(say.verdict(), tls=True) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            post(connect(server), {})
        trusting = ssl.create_default_context(cafile=server.certificate)
        assert post(connect(server, context=trusting), {})[0] == 200


def test_many_at_once_are_counted() -> None:
    with JudgeServer(say.slow(say.verdict(), 0.3)) as server:
        with ThreadPoolExecutor(24) as pool:
            list(pool.map(lambda n: post(connect(server), {"n": n}), range(24)))
        assert server.in_flight_peak == 24


def test_as_a_process_with_faults_drawn_by_seed(tmp_path: Path) -> None:
    def served(log: Path, seed: int) -> Counter[str]:
        options = "--rate-429 0.3 --reset 0.2 --rate-503 0.1 --seed"
        command = [sys.executable, "-m", "tests.judge_server", *options.split(), str(seed)]
        with subprocess.Popen(
            [*command, "--log", str(log)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                place = urlsplit(process.stdout.readline().strip())
                for n in range(40):
                    for _ in range(8):
                        line = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
                        try:
                            if post(line, {"n": n})[0] == 200:
                                break
                        except ConnectionResetError:
                            continue
                    else:
                        pytest.fail("a body was never answered")
            finally:
                process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        rows = [json.loads(row) for row in log.read_text().splitlines()]
        assert len({r["sha"] for r in rows}) == 40
        return Counter(f"{r['sha']} {r['attempt']} {r['answered']}" for r in rows)

    first = served(tmp_path / "a", 1)
    assert first == served(tmp_path / "b", 1)
    assert first != served(tmp_path / "c", 2)
    assert {key.split()[-1] for key in first} == {"429", "503", "reset", "verdict"}
