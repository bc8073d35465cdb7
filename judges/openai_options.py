"""Options of judges behind an OpenAI-compatible endpoint, checked at the door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from evals.core.errors import UserError, unknown
from evals.core.types import JSON

HOSTED = "https://api.openai.com/v1"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})

DEFAULTS: Mapping[str, JSON] = {
    "base_url": HOSTED,
    "api_key_env": "OPENAI_API_KEY",
    "temperature": 0.0,
    "max_tokens": 4096,
    "schema": "auto",
    "detail": "high",
    "reasoning_effort": "",
    "seed": -1,
    "timeout": 120.0,
    "concurrency": 32,
    "attempts": 8,
    "minutes": 10.0,
    "price_in": -1.0,
    "price_out": -1.0,
    "extra": {},
}
"""Options and what they are when not given; see docs/judges.md."""

DECIDE = ("temperature", "max_tokens", "schema", "detail", "reasoning_effort", "seed", "extra")
"""Options that can change a reply, and so belong to the judge's identity."""


def read_options(given: Mapping[str, JSON]) -> dict[str, Any]:
    """Options with their types, from text where they came from the command line.

    Raises:
        UserError: an unknown option, or a value of another type.
    """
    found: dict[str, Any] = dict(DEFAULTS)
    for name, value in given.items():
        if name not in DEFAULTS:
            raise unknown("option of the judge backend 'openai'", name, DEFAULTS)
        found[name] = _typed(name, value, DEFAULTS[name])
    if found["schema"] not in {"auto", "off"}:
        raise UserError(f"The judge option schema = {found['schema']!r} is unknown; auto or off.")
    for name in ("concurrency", "attempts", "max_tokens"):
        if found[name] < 1:
            raise UserError(f"The judge option {name} = {found[name]} must be 1 or more.")
    check_address(found["base_url"], "The judge option base_url")
    return found


def _typed(name: str, value: JSON, default: JSON) -> Any:
    """A value of the default's type.

    Raises:
        UserError: it is of another one.
    """
    try:
        if isinstance(default, dict):
            value = json.loads(value) if isinstance(value, str) else value
            if isinstance(value, dict):
                return value
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            for kind in (int, float, str):
                if type(default) is kind:
                    return kind(value)
    except ValueError:
        pass
    word = "dict" if isinstance(default, dict) else type(default).__name__
    raise UserError(f"The judge option {name} = {value!r} is not of type {word}.")


def check_address(url: str, what: str) -> None:
    """Refuse an address that cannot be asked, or holds what must not be stored with a run.

    Args:
        url: as the user wrote it.
        what: how the option is called, for messages.

    Raises:
        UserError: it is none, or holds a user name, a key or a query.
    """
    if "@" in url:  # looked for first: the other messages show the address
        raise UserError(
            f"{what} holds a user name or key, which would be stored with the run; put the key "
            "into the variable that api_key_env names."
        )
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UserError(f"{what} = {url!r} is no address; write http://HOST:PORT/v1.")
    if parts.query:
        # The client would put the route behind it, and a key in it would be stored.
        raise UserError(f"{what} holds a query (?...), and a route has to follow; leave it out.")


def clean_endpoint(url: str) -> str:
    """An address as identity: no secret in it, and no port where the host is this machine.

    >>> clean_endpoint("https://user:key@api.example.com/v1/?key=x")
    'https://api.example.com/v1'
    >>> clean_endpoint("http://127.0.0.1:8000/v1")
    'http://loopback/v1'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK:
        return f"{parts.scheme}://loopback{parts.path.rstrip('/')}"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
