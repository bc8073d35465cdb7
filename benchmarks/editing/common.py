"""What the editing benchmarks share: reading named numbers out of a reply, and means.

The strict readings take a number only where the reply names it, whole and in range; a reply that
names two different ones has none. The official readings are each benchmark's own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from evals.core.errors import ImageError, UserError
from evals.core.types import Item
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


def picture_of(item: Item) -> Path:
    """The edited picture of a prediction.

    Raises:
        ImageError: it holds none.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    return item.images[0]


def is_given(row: Mapping[str, Any], key: str) -> bool:
    """Whether a field is there: neither absent nor null nor NaN."""
    value = row.get(key)
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def below(home: Path, name: str, where: str) -> Path:
    """A file that a record names.

    Raises:
        UserError: it would lie outside the folder.
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts:
        raise UserError(f"{where} names the file {name!r}, which is not below {home}.")
    return home / path


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean, summed from the left as the released scripts do; None of nothing."""
    return sum(values) / len(values) if values else None


def mean_or_nan(values: Sequence[float]) -> float:
    """`mean`, with NaN for nothing."""
    return sum(values) / len(values) if values else math.nan


# --- strict readings --------------------------------------------------------------------------

_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
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
TRIES = 200
"""Braces at which an object is tried to be read."""


def spoken(reply: str) -> str:
    """The reply without what stands between ``<think>`` tags."""
    return _THOUGHTS.sub("", reply)


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object of a text that is not inside another, in order; nothing is mended."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(TRIES):
        start = text.find("{", at)
        if start < 0:
            return
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = start + 1
            continue
        yield value


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
