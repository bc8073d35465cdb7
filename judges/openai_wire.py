"""The wire to OpenAI-compatible endpoints: connect, and say how a call ended.

One place for everybody who asks them: judges (`judges.openai_api`) and models under test
(`model.adapters.openai_calls`). Replies are read as text, because what odd endpoints send must be
looked at before it is believed.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from evals.core.verdicts import AttemptStatus

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_POLICY = ("content_filter", "content_policy", "contentfilter", "moderation")
"""Words in error codes of endpoints that decline for what is asked."""


def connect(
    base_url: str, key: str, seconds: float, *, trust: ssl.SSLContext, redirects: bool = True
) -> AsyncOpenAI:
    """A client that neither retries nor parses; belongs to the event loop that first uses it.

    Args:
        base_url: of the endpoint.
        key: sent as a bearer token; empty for none.
        seconds: for each step of a call (connecting, each piece of a reply).
        trust: which certificates are trusted; making one reads a file, so clients share it.
        redirects: whether to go where the endpoint sends the call, with all it carries.
    """
    import openai

    return openai.AsyncOpenAI(
        api_key=key or "none",
        base_url=base_url,
        max_retries=0,
        timeout=seconds,
        http_client=openai.DefaultAsyncHttpxClient(
            verify=trust, timeout=seconds, follow_redirects=redirects
        ),
    )


# --- replies --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A 200 of Chat Completions.

    Attributes:
        served: model as the reply names it; empty when it does not.
        usage: ``input_tokens``, ``output_tokens``, as far as the endpoint says.
        empty: there are no choices.
        finish: why the first choice ended.
        text: of the first choice.
        refusal: words of the first choice with which the model declines.
        parts: parts of all messages, in order, where they are sent in parts.
    """

    served: str
    usage: dict[str, float]
    empty: bool = True
    finish: str = ""
    text: str = ""
    refusal: str = ""
    parts: tuple[dict[str, Any], ...] = field(default=(), repr=False)


def read_completion(text: str) -> Completion:
    """What a reply of Chat Completions says.

    Raises:
        ValueError: it is none.
    """
    try:
        reply = json.loads(text)
        choices, served = reply["choices"], str(reply.get("model") or "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the reply is no completion: {text[:80]!r}") from error
    usage = tokens(reply.get("usage"))
    try:
        first = choices[0]
        message = first.get("message") or {}
        finish, content = str(first.get("finish_reason") or ""), message.get("content")
        refusal = message.get("refusal")
    except (IndexError, KeyError, TypeError, AttributeError):
        return Completion(served=served, usage=usage)
    return Completion(
        served=served,
        usage=usage,
        empty=False,
        finish=finish,
        text=_words(content),
        refusal=refusal if isinstance(refusal, str) else "",
        parts=tuple(p for c in choices for p in _parts(c)),
    )


def _words(content: Any) -> str:
    """The text of a message; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def _parts(choice: Any) -> list[dict[str, Any]]:
    """The parts of a choice's message, which some servers put under a name of their own."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return []
    lists = (message.get("content"), message.get("images"))
    return [p for found in lists if isinstance(found, list) for p in found if isinstance(p, dict)]


def tokens(value: Any) -> dict[str, float]:
    """Tokens in and out of a reply's ``usage``, under the names of either API."""
    if not isinstance(value, dict):
        return {}
    names = {
        "input_tokens": ("prompt_tokens", "input_tokens"),
        "output_tokens": ("completion_tokens", "output_tokens"),
    }
    found = {}
    for ours, theirs in names.items():
        given = [value.get(n) for n in theirs]
        numbers = [n for n in given if isinstance(n, int | float) and not isinstance(n, bool)]
        if numbers:
            found[ours] = float(numbers[0])
    return found


# --- failures -------------------------------------------------------------------------------


def failed(status: AttemptStatus, reason: str) -> dict[str, Any]:
    """How a call ended that brought nothing: fields of `evals.core.verdicts.Attempt`."""
    return {"status": status, "reason": reason[:500]}


def of_error(error: Exception, model: str, seconds: float, key: str) -> dict[str, Any]:
    """How a call ended that raised.

    Args:
        error: of the client, the network or the clock.
        model: that was asked for.
        seconds: that the call was given.
        key: that was sent; some endpoints repeat it in their errors, and reasons are stored.

    Returns:
        ``status``, ``reason`` and, for a reply that is an HTTP error, ``retry_after``.
    """
    import openai

    if isinstance(error, openai.APIStatusError):
        return _of_status(error, model, key)
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return failed("timeout", f"no reply within {seconds:g} s")
    cause = without(key, _cause(error))[:300]
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        return failed("denied", f"the endpoint's certificate is not trusted: {cause}")
    return failed("unreachable", cause)


def without(key: str, text: str) -> str:
    """A text of the endpoint without the key; to be called before it is cut."""
    return text.replace(key, "[key]") if key else text


def _cause(error: BaseException) -> str:
    """The innermost reason of a connection error, which the outer ones only wrap."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {error}"


def _of_status(error: Any, model: str, key: str) -> dict[str, Any]:
    """A reply that is an HTTP error."""
    code = int(error.status_code)
    body = error.body if isinstance(error.body, dict) else {}
    words = [w for w in (body.get("code"), body.get("type")) if isinstance(w, str)]
    word = next(iter(words), "")
    said = body.get("message") or body.get("detail") or error.message or ""
    said = without(key, " ".join(str(said).split()))[:200]
    reason = f"HTTP {code}" + (f" ({word})" if word else "") + (f": {said}" if said else "")
    status: AttemptStatus = "rejected"
    if any(p in w.lower() for w in words for p in _POLICY):
        status = "blocked"
    elif code in {401, 403} or word == "insufficient_quota":
        status, reason = "denied", f"{reason}; check the key and its permissions"
    elif code == 404 or _names_model(code, body, said):
        status, reason = "denied", f"{reason}; check the model name {model!r} and base_url"
    elif 300 <= code < 400:
        place = error.response.headers.get("location", "another address").partition("?")[0]
        status, reason = "denied", f"HTTP {code}: it redirects to {place}; check base_url"
    elif code == 429:
        status = "rate_limited"
    elif code in {408, 409, 425} or code >= 500:
        status = "server_error"
    return {**failed(status, reason), "retry_after": _retry_after(error.response.headers)}


def _names_model(code: int, body: Mapping[str, Any], said: str) -> bool:
    """Whether a request is rejected for the model it names; the words are those of vLLM-Omni."""
    return code in {400, 422} and (
        body.get("param") == "model" or said.lower().startswith("model mismatch")
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the endpoint asks to wait, from any of the three forms in use."""
    try:
        if value := headers.get("retry-after-ms"):
            return max(0.0, float(value) / 1000)
        if not (value := headers.get("retry-after")):
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
