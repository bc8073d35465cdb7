"""What `tests.judge_server` can answer: good replies, bad ones, and who decides which.

A scenario is one `Reply` for every call, a list for the tries at one body (the last one repeats),
or a function of `Asked`; lists and functions may hold scenarios themselves.
"""

from __future__ import annotations

import hashlib
import http
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from typing import Any, TypeAlias

KEYS = ("Q1", "Q2", "Q3", "Q4", "Q5")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call as a scenario sees it; `number` and `attempt` (of this very body) count from 1."""

    number: int
    attempt: int
    sha: str
    model: str
    headers: Mapping[str, str]  # lower-case names
    body: bytes  # empty unless the server keeps bodies
    path: str = "/v1/chat/completions"

    @cached_property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is sent.

    Attributes:
        status: of HTTP.
        body: or what makes it, once it is known what was asked.
        type: of the content.
        headers: beyond the usual ones.
        delay: seconds before it begins; the client may leave meanwhile.
        drip: seconds that it takes, in 20 pieces.
        cut: share of the body after which the connection is reset; 0 sends not even a header.
        label: what the record of a call says was answered; by default the status.
    """

    status: int = 200
    body: bytes | Callable[[Asked], bytes] = b""
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    cut: float | None = None
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or str(self.status)


Scenario: TypeAlias = "Reply | Sequence[Scenario] | Callable[[Asked], Reply]"
Served: TypeAlias = str | Callable[[Asked], str] | None


def choose(scenario: Scenario, asked: Asked) -> Reply:
    """The reply of a scenario, its body made."""
    if isinstance(scenario, Sequence):
        return choose(scenario[min(asked.attempt, len(scenario)) - 1], asked)
    if not isinstance(scenario, Reply):
        return choose(scenario(asked), asked)
    return replace(scenario, body=scenario.body(asked)) if callable(scenario.body) else scenario


# --- completions ----------------------------------------------------------------------------


def completion(
    content: Any, *, finish: str | None = "stop", refusal: str | None = None, served: Served = None,
    usage: tuple[int, int] | None = (1200, 80), choices: int = 1, label: str = "completion",
) -> Reply:  # fmt: skip
    """A 200 with any content; `served` is the model it names (default: the one asked for)."""

    def body(asked: Asked) -> bytes:
        model = served(asked) if callable(served) else asked.model if served is None else served
        message = {"role": "assistant", "content": content, "refusal": refusal}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        reply: dict[str, Any] = {
            "id": f"chatcmpl-{asked.sha[:12]}-{asked.attempt}", "object": "chat.completion",
            "created": int(time.time()), "model": model, "choices": [choice] * choices,
        }  # fmt: skip
        if usage is not None:
            prompt, made = usage
            reply["usage"] = {
                "prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made,
            }  # fmt: skip
        return json.dumps(reply).encode()

    return Reply(body=body, label=label)


def verdict_text(scores: float | Mapping[str, Any] = 5) -> str:
    """The JSON that a rubric asks for: one score for Q1 to Q5, or one per key."""
    given = dict(scores) if isinstance(scores, Mapping) else dict.fromkeys(KEYS, scores)
    return json.dumps({"reason": {k: f"What was seen for {k}." for k in given}, "score": given})


def verdict(scores: float | Mapping[str, Any] = 5, **options: Any) -> Reply:
    """`verdict_text` as a completion, with its options."""
    return completion(verdict_text(scores), **{"label": "verdict", **options})


def refused(words: str = "I cannot help with that.") -> Reply:
    return completion(None, refusal=words, label="refused")


def truncated(content: str = '{"reason": {"Q1": "The new te') -> Reply:
    return completion(content, finish="length", label="truncated")


def filtered(content: str | None = None) -> Reply:
    return completion(content, finish="content_filter", label="filtered")


def no_choices() -> Reply:
    return completion(None, choices=0, label="no choices")


def served_after(number: int, first: str, then: str) -> Callable[[Asked], str]:
    """For `served`: another model after `number` calls."""
    return lambda asked: first if asked.number <= number else then


# --- errors ---------------------------------------------------------------------------------


def raw(body: str | bytes, status: int = 200, type: str = "application/json") -> Reply:
    """Anything: ``raw("no JSON")``, ``raw("<html>", type="text/html")``."""
    return Reply(status=status, body=body.encode() if isinstance(body, str) else body, type=type)


def error(
    status: int, message: str = "", *, code: str | None = None, kind: str = "invalid_request_error",
    param: str | None = None, headers: Mapping[str, str] | None = None,
) -> Reply:  # fmt: skip
    """An error in OpenAI's form."""
    said = message or http.HTTPStatus(status).phrase
    inner = {"message": said, "type": kind, "param": param, "code": code}
    return Reply(status=status, body=json.dumps({"error": inner}).encode(), headers=headers or {})


def rate_limited(after: float | datetime | None = None, *, ms: float | None = None) -> Reply:
    """429; `after` seconds, or a moment as an HTTP date; `ms` for ``retry-after-ms``."""
    headers = {}
    if isinstance(after, datetime):
        headers["Retry-After"] = format_datetime(after.astimezone(UTC), usegmt=True)
    elif after is not None:
        headers["Retry-After"] = f"{after:g}"
    if ms is not None:
        headers["retry-after-ms"] = f"{ms:g}"
    said = "Rate limit reached for requests."
    return error(429, said, code="rate_limit_exceeded", kind="requests", headers=headers)


def no_quota() -> Reply:
    said = "You exceeded your current quota, please check your plan and billing details."
    return error(429, said, code="insufficient_quota", kind="insufficient_quota")


def content_filter() -> Reply:
    said = "The response was filtered due to the prompt triggering content management policy."
    return error(400, said, code="content_filter", param="prompt")


def unsupported(param: str) -> Reply:
    said = f"Unsupported parameter: '{param}' is not supported with this model."
    if param == "max_tokens":
        said += " Use 'max_completion_tokens' instead."
    return error(400, said, code="unsupported_parameter", param=param)


# --- the network ----------------------------------------------------------------------------


def slow(reply: Reply, seconds: float) -> Reply:
    """The same reply, begun later."""
    return replace(reply, delay=seconds)


def drip(reply: Reply, seconds: float) -> Reply:
    """The same reply in 20 pieces over so many seconds."""
    return replace(reply, drip=seconds, label="drip")


def hang() -> Reply:
    return Reply(delay=float("inf"), label="hang")


def reset(after: float = 0.0) -> Reply:
    """A reset connection: before the reply, or after this share of its body."""
    return replace(verdict(), cut=after, label="cut" if after else "reset")


# --- scenarios ------------------------------------------------------------------------------


def in_order(*scenarios: Scenario) -> Callable[[Asked], Reply]:
    """By the number of the call, whatever it asks; the last one repeats."""
    return lambda asked: choose(scenarios[min(asked.number, len(scenarios)) - 1], asked)


def keyed(key: str, then: Scenario) -> Callable[[Asked], Reply]:
    """401 for every other key."""
    wrong = error(401, "Incorrect API key provided.", code="invalid_api_key")
    right = f"Bearer {key}"
    return lambda asked: (
        choose(then, asked) if asked.headers.get("authorization") == right else wrong
    )


def without(*params: str, then: Scenario) -> Callable[[Asked], Reply]:
    """400 for a body that holds one of these parameters; the server has to keep bodies."""

    def decide(asked: Asked) -> Reply:
        held = [p for p in params if p in asked.payload]
        return unsupported(held[0]) if held else choose(then, asked)

    return decide


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Verdicts after `latency`, with faults drawn from a hash of seed, body and attempt.

    The scores follow from the body. After `most` faults a body is answered, so every one is.
    """

    seed: int = 0
    latency: float = 0.0
    jitter: float = 0.0  # share of the latency
    rate_429: float = 0.0
    rate_503: float = 0.0
    reset: float = 0.0
    retry_after: float | None = None
    most: int = 5

    def __call__(self, asked: Asked) -> Reply:
        digest = hashlib.sha256(f"{self.seed} {asked.sha} {asked.attempt}".encode()).digest()
        draw, spread = (int.from_bytes(digest[n : n + 6], "big") / 2**48 for n in (0, 6))
        for share, fault in (
            (self.rate_429, rate_limited(self.retry_after)), (self.rate_503, error(503)),
            (self.reset, reset()),
        ):  # fmt: skip
            if draw < share and asked.attempt <= self.most:
                return fault
            draw -= share
        scores = {k: 1 + b % 5 for k, b in zip(KEYS, bytes.fromhex(asked.sha[:10]), strict=True)}
        return slow(verdict(scores), self.latency * (1 + self.jitter * (2 * spread - 1)))
