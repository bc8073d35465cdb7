"""A judge behind an OpenAI-compatible endpoint: hosted, vLLM, SGLang, `transformers serve`.

One call of Chat Completions per attempt, through the `openai` client, which neither retries nor
parses here: that is the business of `judges.limits` and `judges.rubric`. Images are read and
encoded when the call is made, and are gone after it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import ImageError, MissingExtra, UserError
from evals.core.types import JSON, Absence, fingerprint
from evals.core.verdicts import Verdict
from judges.images import Encoded, encode_all
from judges.openai_options import DECIDE, HOSTED, clean_endpoint, read_options
from judges.openai_wire import Completion, connect, failed, of_error, read_completion
from judges.prices import Price, find_price
from judges.request import Request
from judges.verdict import attempt_at, judged

EACH = 8
"""Calls in flight per client."""
BUILDING = 3
"""Requests that are put together at a time."""

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from judges.catalog import Context


@dataclass(kw_only=True)
class OpenAIJudge:
    """See the module. Belongs to one event loop; close it in that loop.

    Attributes:
        name: under which it stands in tables.
        model: that is asked for.
        options: checked, see `judges.openai_options`.
        prices: the user's price table.
    """

    name: str
    model: str
    options: Mapping[str, Any]
    prices: Path | None = None
    _clients: list[AsyncOpenAI] = field(default_factory=list, repr=False)
    _turn: int = field(default=0, repr=False)
    _building: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(BUILDING), repr=False
    )
    _adapted: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def endpoint(self) -> str:
        """The address without secrets."""
        return clean_endpoint(str(self.options["base_url"]))

    @cached_property
    def price(self) -> Price | None:
        """Per million tokens; None when nobody knows."""
        given = self.options["price_in"], self.options["price_out"]
        if min(given) >= 0:
            return Price(input=given[0], output=given[1])
        return find_price(self.model, self.prices)

    @cached_property
    def key(self) -> str:
        """Hash of `identity`."""
        return fingerprint(self.identity())

    def identity(self) -> dict[str, JSON]:
        """Everything that decides who answers and how."""
        return {
            "backend": "openai",
            "endpoint": self.endpoint,
            "model": self.model,
            **{k: self.options[k] for k in DECIDE},
        }

    def absence(self) -> Absence | None:
        """None when it can be asked; else what is missing."""
        import importlib.util

        if importlib.util.find_spec("openai") is None:
            missing = MissingExtra("openai", "judges", "an MLLM judge")
            return Absence(reason="the package openai is not installed", fix=f"run: {missing.fix}")
        variable = str(self.options["api_key_env"])
        if self.options["base_url"] == HOSTED and not os.environ.get(variable):
            return Absence(
                reason=f"{variable} is not set",
                fix=f"set {variable}, or name a server of your own: --judge-option base_url=URL",
            )
        return None

    async def ask(self, request: Request) -> Verdict:
        """One call, one attempt; see `judges.request.Judge`."""
        start = time.perf_counter()
        try:
            body = await self._body(request)
        except ImageError as error:
            # Nobody was asked: there is no attempt to record.
            return Verdict(judge=self.name, status="rejected", reason=f"{error.kind}: {error}")
        found = await self._call(body)
        attempt = attempt_at(
            request,
            key=self.key,
            seconds=time.perf_counter() - start,
            name=self.name,
            asked=self.model,
            endpoint=self.endpoint,
            notes=tuple(f"{k}: {v}" for k, v in sorted(self._adapted.items())),
            **found,
        )
        return judged(request, attempt)

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, []
        self._building = asyncio.Semaphore(BUILDING)  # the old one belongs to the loop that ends
        for client in clients:
            await client.close()

    # --- the call ---------------------------------------------------------------------------

    def _connect(self) -> AsyncOpenAI:
        """A client; several take turns: each looks at all its connections for every call."""
        if not self._clients:
            url, seconds = str(self.options["base_url"]), float(self.options["timeout"])
            trust = ssl.create_default_context()
            self._clients = [
                connect(url, self._key(), seconds, trust=trust)
                for _ in range(math.ceil(int(self.options["concurrency"]) / EACH))
            ]
        self._turn += 1
        return self._clients[self._turn % len(self._clients)]

    def _key(self) -> str:
        return os.environ.get(str(self.options["api_key_env"]), "")

    async def _body(self, request: Request) -> dict[str, Any]:
        system, text, labels = request.rubric.text(request.fields)
        # In a thread: a large picture that is scaled down must not hold up the other calls. Few at
        # a time: when 64 are put together side by side, the first is sent when the last is ready.
        async with self._building:
            sent = await asyncio.to_thread(encode_all, request)
        content: list[dict[str, Any]] = []
        for label, image in zip(labels, sent, strict=True):
            content += [{"type": "text", "text": label}] if label else []
            content.append(self._image(image))
        words = {"type": "text", "text": text}
        # The released script puts its text before the images; ours speaks of what was just shown.
        content = [words, *content] if request.rubric.official else [*content, words]
        messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": content})
        return {"messages": messages, **self._settings(request)}

    def _image(self, image: Encoded) -> dict[str, Any]:
        data = base64.b64encode(image.data).decode("ascii")
        url = f"data:{image.mime};base64,{data}"
        return {"type": "image_url", "image_url": {"url": url, "detail": self.options["detail"]}}

    def _settings(self, request: Request) -> dict[str, Any]:
        made: dict[str, Any] = {"model": self.model, **self.options["extra"]}
        if "temperature" not in self._adapted:
            made["temperature"] = self.options["temperature"]
        limit = "max_tokens"
        if self.endpoint == HOSTED or "max_tokens" in self._adapted:
            limit = "max_completion_tokens"
        made[limit] = self.options["max_tokens"]
        if self.options["reasoning_effort"]:
            made["reasoning_effort"] = self.options["reasoning_effort"]
        if self.options["seed"] >= 0 and "seed" not in self._adapted:
            made["seed"] = self.options["seed"] + request.repeat
        schema = request.rubric.schema() if self.options["schema"] == "auto" else None
        if schema is not None and "response_format" not in self._adapted:
            wrapped = {"name": "verdict", "strict": True, "schema": schema}
            made["response_format"] = {"type": "json_schema", "json_schema": wrapped}
        return made

    async def _call(self, body: dict[str, Any]) -> dict[str, Any]:
        """Status, text and usage of one call; no exception of the network gets out."""
        import openai

        seconds = float(self.options["timeout"])
        try:
            # The client's own limit is for each piece of a reply; this one is for all of it.
            async with asyncio.timeout(seconds):
                # As text: what odd endpoints send must be looked at before it is believed. And by
                # `post`: the typed method walks through all messages, which costs as much again.
                reply = await self._connect().post("/chat/completions", body=body, cast_to=str)
            return self._read(reply)
        except openai.APIStatusError as error:
            if self._adapt(error, body):
                for name in ("response_format", "temperature", "seed"):
                    if name in self._adapted:
                        body.pop(name, None)
                if "max_tokens" in self._adapted and "max_tokens" in body:
                    body["max_completion_tokens"] = body.pop("max_tokens")
                return await self._call(body)
            return of_error(error, self.model, seconds, self._key())
        except (openai.APIError, OSError, ValueError) as error:
            return of_error(error, self.model, seconds, self._key())

    def _adapt(self, error: Any, body: Mapping[str, Any]) -> bool:
        """Whether the endpoint only does not know one of our parameters, which can be left out."""
        if error.status_code not in {400, 422}:
            return False
        text = json.dumps(error.body, default=str)[:2000] if error.body else str(error)[:2000]
        for name, does in (
            ("response_format", "left out"), ("temperature", "left out"), ("seed", "left out"),
            ("max_tokens", "sent as max_completion_tokens"),
        ):  # fmt: skip
            words = (name, "json_schema") if name == "response_format" else (name,)
            if name in body and any(w in text for w in words):
                # Another call may have found out meanwhile; this one still has to be sent again.
                self._adapted[name] = does
                return True
        return False

    def _read(self, text: str) -> dict[str, Any]:
        """What a 200 says."""
        try:
            reply = read_completion(text)
        except ValueError as error:
            return failed("server_error", str(error))
        cost = self.price.cost(reply.usage) if self.price else None
        found: dict[str, Any] = {"served": reply.served, "usage": reply.usage, "cost": cost}
        if reply.empty:
            return {**found, **failed("empty", "the reply holds no choices")}
        found |= {"finish": reply.finish, "raw": reply.refusal or reply.text}
        return {**found, **self._ended(reply)}

    def _ended(self, reply: Completion) -> dict[str, Any]:
        """Status of a completion."""
        if reply.finish == "content_filter":
            return failed("blocked", "the endpoint's content filter stopped the reply")
        if reply.refusal:
            return failed("refused", "the judge declined to answer")
        if reply.finish == "length":
            limit = self.options["max_tokens"]
            return failed(
                "truncated",
                f"the reply hit the limit of {limit} tokens; raise --judge-option max_tokens=N",
            )
        if not reply.text.strip():
            return failed("empty", "the reply holds no text")
        return {"status": "answered"}


def make(
    name: str, argument: str | None, options: Mapping[str, JSON], context: Context
) -> OpenAIJudge:
    """The judge ``openai:MODEL``.

    Raises:
        UserError: no model, or an option that makes no sense.
    """
    if not argument:
        raise UserError("The judge 'openai' names no model; write --judge openai:MODEL.")
    checked = read_options(options)
    return OpenAIJudge(name=name, model=argument, options=checked, prices=context.prices)
