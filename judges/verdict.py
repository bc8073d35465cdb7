"""From an attempt to a verdict: the one place where a raw reply becomes scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.core.verdicts import Attempt, Verdict

if TYPE_CHECKING:
    from judges.request import Request


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
