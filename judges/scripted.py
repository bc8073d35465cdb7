"""A judge that says what a file tells it to: for tests and for looking at the plumbing.

The file holds JSON: ``{"<sample id>": reply, ..., "*": reply}``, where a reply is text, or a list
of texts for the repeats, or ``{"status": "refused", "reason": "..."}``. It is no judge, and its
rows say so by their name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.types import JSON, Absence, fingerprint
from evals.core.verdicts import Verdict
from judges.request import Request
from judges.verdict import attempt_at, judged

if TYPE_CHECKING:
    from judges.catalog import Context


@dataclass(kw_only=True)
class Scripted:
    """See the module."""

    name: str
    replies: Mapping[str, Any]
    digest: str
    asked: list[str] = field(default_factory=list)

    endpoint = "scripted"
    price = None

    def identity(self) -> dict[str, JSON]:
        """The script's hash."""
        return {"backend": "scripted", "script": self.digest}

    def absence(self) -> Absence | None:
        """Always None."""
        return None

    async def ask(self, request: Request) -> Verdict:
        """What the script says of the request's sample."""
        sample = request.item.sample.id if request.item else ""
        self.asked.append(request.hash)
        said = self.replies.get(sample, self.replies.get("*"))
        if isinstance(said, list):
            said = said[min(request.repeat, len(said) - 1)] if said else None
        told: dict[str, Any] = {"status": "empty", "reason": "the script says nothing"}
        if isinstance(said, dict) and "status" in said:
            told = said
        elif said is not None:
            raw = said if isinstance(said, str) else json.dumps(said)
            told = {"status": "answered", "raw": raw}
        attempt = attempt_at(
            request, key=fingerprint(self.identity()), name=self.name, asked="scripted",
            served="scripted", endpoint=self.endpoint, cost=0.0, **told,
        )  # fmt: skip
        return judged(request, attempt)

    async def close(self) -> None:
        """Nothing is open."""


def make(
    name: str, argument: str | None, options: Mapping[str, JSON], context: Context
) -> Scripted:
    """The judge ``scripted:FILE``.

    Raises:
        UserError: no file, one that is no JSON object, or any option.
    """
    del context
    if not argument:
        raise UserError("The judge 'scripted' names no file; write --judge scripted:FILE.")
    if options:
        raise UserError(f"The judge 'scripted' has no options; leave out {next(iter(options))!r}.")
    try:
        data = Path(argument).expanduser().read_bytes()
        replies = json.loads(data)
        if not isinstance(replies, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError) as error:
        raise UserError(f"The script {argument} cannot be used: {error}.") from error
    return Scripted(name=name, replies=replies, digest=hashlib.sha256(data).hexdigest()[:16])
