"""What the editing benchmarks share: reading numbers out of a reply, and what released ones do.

The strict readings take a number only where the reply names it, whole and in range; a reply that
names two different ones has none. The official readings are each benchmark's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.common.judged import spoken
from judges.parsing import Parsed

ERRORS: tuple[type[Exception], ...] = (
    AttributeError, FileNotFoundError, IndexError, KeyError, OverflowError, RecursionError,
    RuntimeError, TypeError, ValueError, ZeroDivisionError, json.JSONDecodeError,
)  # fmt: skip
"""What the released scripts die of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialReading:
    """What a released parser makes of one reply.

    Attributes:
        outcome: ``ok``; ``unparsed`` where the script gives up on the reply; ``crash`` where it
            raises, and with it the whole run ends.
        value: what it read; None unless ``ok``.
        error: name of the exception; empty unless ``crash``.
    """

    outcome: Literal["ok", "unparsed", "crash"]
    value: Any = None
    error: str = ""


def crash(error: Exception) -> OfficialReading:
    """The reading of a reply on which the released script raises."""
    return OfficialReading(outcome="crash", error=type(error).__name__)


def released_error(name: str) -> Exception:
    """The exception of that name, for replaying what the released script raised."""
    kinds = {kind.__name__: kind for kind in ERRORS}
    if name == json.JSONDecodeError.__name__:
        return json.JSONDecodeError("as released", "", 0)
    return kinds.get(name, RuntimeError)("as released")


REPLY_DROPPED = "the released script drops this reply"


def released_end(reading: OfficialReading) -> str:
    """What is said of a sample whose reply ends the released run."""
    return f"the released run ends on this reply ({reading.error})"


def five_in_percent(score: float) -> float:
    """From 1..5 to 0..100; an unchecked score gives what it gives."""
    return 25 * (score - 1)


# --- strict readings --------------------------------------------------------------------------

_GAP = r"[\s*_`\"'#]*+"
"""What Markdown and JSON put between a name, its colon and its number; never given back, so that a
long run of it takes no time."""
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?", re.ASCII)
_MORE = re.compile(r"[*_` \t]*+(?:[,;|&~–-]|and|or|to)?+[*_` \t]*+\d", re.ASCII | re.IGNORECASE)
"""A second number right behind the first: two scores, or a span."""
_END = re.compile(r"[*_`\"']*+(?![\w/%])")
_SCALE = r"(?:\([^()\n]{0,20}\))?"
"""``(1-5)`` between a name and its colon."""


NEAR = 200
"""Characters behind a number that can say something about it."""


def read_named(
    reply: str, names: Sequence[str], low: int, high: int, *, colon: bool = True
) -> Parsed:
    r"""Read one whole number from `low` to `high` behind each name.

    ``Name: 4``, ``**Name:** 4/5``, ``- name： 4.`` and ``Name: 4 out of 5`` are 4. Not read are
    ``4.5``, ``4-5``, ``3, 4``, on a scale to 5 ``4/10``, and numbers out of range.

    Args:
        reply: as received.
        names: of the scores, in the words of the rubric; all of them are needed.
        low: lowest score.
        high: highest score.
        colon: whether a colon must stand between name and number.

    Returns:
        Scores under the names, or why there are none.

    >>> read_named("Realism: 4\n**Clarity:** 5/5", ["Clarity", "Realism"], 1, 5).scores
    {'Clarity': 5, 'Realism': 4}
    >>> read_named("Clarity: 4.5", ["Clarity"], 1, 5).reason
    "the reply's Clarity is not one whole number from 1 to 5"
    """
    text = spoken(reply)
    scores: dict[str, int] = {}
    for name in names:
        found = list(_behind(text, name, low, high, colon))
        if not found:
            return Parsed(status="unparsed", reason=f"the reply names no {name}")
        if None in found:
            reason = f"the reply's {name} is not one whole number from {low} to {high}"
            return Parsed(status="unparsed", reason=reason)
        if len(set(found)) > 1:
            return Parsed(status="unparsed", reason=f"the reply names several values of {name}")
        scores[name] = next(n for n in found if n is not None)
    return Parsed(status="ok", scores=scores)


def _behind(text: str, name: str, low: int, high: int, colon: bool) -> Iterable[int | None]:
    """The number behind every place that has one; None for one that cannot be used."""
    words = r"[\s_]+".join(map(re.escape, re.split(r"[\s_]+", name)))
    mark = rf"[:：]{_GAP}" if colon else rf"(?:[:：=]{_GAP})?"
    place = re.compile(rf"(?<!\w){words}{_GAP}{_SCALE}{_GAP}{mark}", re.IGNORECASE)
    for match in place.finditer(text):
        number = _NUMBER.match(text, match.end())
        if number is None:
            continue
        yield _whole(number[0], text[number.end() : number.end() + NEAR], low, high)


def _whole(number: str, rest: str, low: int, high: int) -> int | None:
    """A written number when it is whole, in range, alone, and on the scale asked for."""
    scale = re.match(rf"{_GAP}(?:/|out\s+of\b){_GAP}{high}(?!\d)", rest, re.IGNORECASE)
    rest = rest[scale.end() :] if scale else rest
    if not re.fullmatch(r"[-+]?\d{1,6}", number, re.ASCII) or not _END.match(rest):
        return None
    if _MORE.match(rest):
        return None
    return int(number) if low <= int(number) <= high else None
