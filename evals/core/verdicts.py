"""What judges say, as it is stored: one attempt per call, one verdict per question.

An attempt is one line of a tape and holds the raw reply. A verdict is what the rubric's parser
makes of it; it is made anew whenever a tape is read, so that a better parser re-reads old replies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

AttemptStatus = Literal[
    "answered", "truncated", "refused", "blocked", "empty",
    "rejected", "denied", "rate_limited", "server_error", "unreachable", "timeout",
]  # fmt: skip
"""How a call ended. `answered`: there is text to parse. `truncated`: the reply hit the token limit.
`refused`: the judge declined. `blocked`: a content filter. `empty`: no choices or no text.
`rejected`: the endpoint does not take the request (400, 404, 413, 422). `denied`: wrong key, no
permission or no quota. `rate_limited`: 429. `server_error`: 5xx, or a reply that is no completion.
`unreachable`: no connection. `timeout`: no reply in time."""

TRANSIENT: frozenset[AttemptStatus] = frozenset(
    {"empty", "rate_limited", "server_error", "unreachable", "timeout"}
)
"""What may be different a moment later; everything else fails at once."""

MENDABLE: frozenset[AttemptStatus] = TRANSIENT | {"denied"}
"""What may be different the next time: a key is put right. Everything else would come again."""

VerdictStatus = Literal[
    "ok", "unparsed", "missing",
    "truncated", "refused", "blocked", "empty",
    "rejected", "denied", "rate_limited", "server_error", "unreachable", "timeout",
]  # fmt: skip
"""`ok`: parsed and in range. `unparsed`: the reply does not hold what the rubric asks for; it is
kept. `missing`: a tape that is replayed does not hold the question. The others are those of the
last attempt. Only `ok` has scores; no other status is ever turned into a number."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One call of a judge: who was asked what, and what came back.

    Attributes:
        request: hash of the question: rubric, fields, images, repeat.
        judge: hash of who was asked: backend, endpoint, model, decoding.
        name: of the judge as configured, e.g. ``openai:gpt-4.1``.
        asked: model that was asked for.
        served: model as the reply names it; empty when there was none.
        endpoint: where it was asked, without any secret.
        rubric: hash of the rubric.
        images: SHA-256 of the files shown, in order.
        repeat: 0, 1, ... for independent repeats of one question.
        number: 1, 2, ... which try of this question it was.
        status: see `AttemptStatus`.
        reason: why it did not answer, one sentence; empty when it did.
        raw: the reply's text as received.
        finish: the endpoint's finish reason.
        usage: ``input_tokens``, ``output_tokens``, as far as the endpoint says.
        cost: dollars by the price table; None when the model has no price.
        seconds: wall time of the call.
        time: when it ended, ISO 8601, UTC.
        retry_after: seconds that the endpoint asks to wait; None when it does not say.
        notes: how the request was adapted to the endpoint, e.g. ``without response_format``.
    """

    request: str
    judge: str
    name: str
    asked: str
    status: AttemptStatus
    served: str = ""
    endpoint: str = ""
    rubric: str = ""
    images: tuple[str, ...] = ()
    repeat: int = 0
    number: int = 1
    reason: str = ""
    raw: str = ""
    finish: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None
    seconds: float = 0.0
    time: str = ""
    retry_after: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A judge's answer to one question.

    Attributes:
        judge: name as configured.
        status: see `VerdictStatus`.
        reason: why there are no scores; empty when ``ok``.
        scores: dimension -> score on the rubric's own scale; empty unless ``ok``.
        reasons: dimension -> what the judge said about it, where it did.
        attempts: every call that was made for it, in order; those found on a tape included.
        fresh: whether a call was made now, rather than found on a tape.
        members: the single verdicts, when this one sums several up.
    """

    judge: str
    status: VerdictStatus
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    fresh: bool = False
    members: tuple[Verdict, ...] = ()

    @property
    def last(self) -> Attempt | None:
        """The attempt that decided; None when nothing was asked."""
        return self.attempts[-1] if self.attempts else None

    @property
    def singles(self) -> tuple[Verdict, ...]:
        """The single verdicts: the members' own, or itself."""
        return tuple(s for m in self.members for s in m.singles) or (self,)

    @property
    def served(self) -> tuple[str, ...]:
        """Models as served, one per judge in the order of the panel."""
        found = [(v.judge, v.last.served) for v in self.singles if v.last and v.last.served]
        return tuple(model for _, model in dict.fromkeys(found))

    @property
    def cost(self) -> float | None:
        """Dollars of all attempts; None when one of them has no known price."""
        costs = [a.cost for v in self.singles for a in v.attempts]
        return None if any(c is None for c in costs) else sum(c for c in costs if c is not None)


_ATTEMPT = frozenset(f.name for f in dataclasses.fields(Attempt))


def attempt_from_row(row: Mapping[str, Any]) -> Attempt:
    """An attempt from its line; fields that are not an attempt's are ignored.

    Raises:
        TypeError: a field that every attempt has is absent.
    """
    known = {k: v for k, v in row.items() if k in _ATTEMPT}
    for name in ("images", "notes"):
        known[name] = tuple(known.get(name) or ())
    return Attempt(**known)


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """An attempt as one JSON object; `attempt_from_row` is its inverse."""
    # Not dataclasses.asdict: it copies deeply, and every verdict passes here several times.
    return {**vars(attempt), "images": list(attempt.images), "notes": list(attempt.notes)}


def verdict_rows(verdict: Verdict, place: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of `verdicts.jsonl` for one score: every attempt, and what was made of the last.

    Each line is a tape's line with the place of its score on top, so that a run folder can be
    replayed like a tape.

    Args:
        verdict: of a judge or a panel.
        place: ``sample``, ``trial``, ``metric`` and ``prediction`` (its hash).
    """
    rows = []
    for single in verdict.singles:
        for attempt in single.attempts:
            row = {**place, **attempt_row(attempt)}
            if attempt is single.last:
                row["verdict"] = {
                    "status": single.status,
                    "reason": single.reason,
                    "scores": dict(single.scores),
                    "reasons": dict(single.reasons),
                }
            rows.append(row)
    return rows
