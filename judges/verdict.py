"""From a call to its record, and from a record to a verdict: where a raw reply becomes scores."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evals.core.verdicts import Attempt, Verdict

if TYPE_CHECKING:
    from judges.request import Request


def attempt_at(request: Request, *, key: str, seconds: float = 0.0, **told: Any) -> Attempt:
    """The record of a call that has just ended.

    Args:
        request: what was asked.
        key: hash of who was asked.
        seconds: wall time of the call.
        told: the other fields of `Attempt`: name, asked, endpoint, status, raw, ...
    """
    return Attempt(
        request=request.hash,
        judge=key,
        rubric=request.rubric.hash,
        images=tuple(i.sha256 for i in request.shown),
        repeat=request.repeat,
        seconds=round(seconds, 3),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        **told,
    )


def judged(
    request: Request, attempt: Attempt, *, fresh: bool = True, before: tuple[Attempt, ...] = ()
) -> Verdict:
    """The verdict that an attempt amounts to under the request's rubric.

    Args:
        request: what was asked.
        attempt: what came back.
        fresh: whether it was asked for now.
        before: earlier attempts at the same question, in order.
    """
    attempts = (*before, attempt)
    if attempt.status != "answered":
        return Verdict(
            judge=attempt.name, status=attempt.status, reason=attempt.reason, attempts=attempts,
            fresh=fresh,
        )  # fmt: skip
    parsed = request.rubric.parse(attempt.raw)
    return Verdict(
        judge=attempt.name,
        status=parsed.status,
        reason=parsed.reason,
        scores=request.rubric.named(parsed.scores),
        reasons=request.rubric.named(parsed.reasons),
        attempts=attempts,
        fresh=fresh,
    )
