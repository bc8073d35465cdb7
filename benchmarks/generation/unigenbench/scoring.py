"""UniGenBench's numbers: a judge's tagged reply to marks, marks to shares per dimension.

A reply holds ``<analysis>[...]</analysis>`` and ``<score>[...]</score>``, one entry per test point.
`official_reading` and `official_shares` repeat eval/src/eval_common.py of
CodeGoat24/UniGenBench@49d0bce with its defects (UNIGEN-1 to UNIGEN-7 in docs/errata.md); the
`strict_` functions are what a number should be.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ANALYSIS = re.compile(r"<analysis>(.*?)</analysis>", re.DOTALL)
_SCORE = re.compile(r"<score>(.*?)</score>", re.DOTALL)
_TAGS = {"analysis": _ANALYSIS, "score": _SCORE}
_FENCE = re.compile(r"```(?:json|python)?\s*(.*?)\s*```\Z", re.DOTALL)
_UNREADABLE = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
"""What `ast.literal_eval` raises for what is no literal."""


@dataclass(frozen=True, slots=True)
class OfficialReading:
    """What the released parser keeps of a reply, unchecked.

    Attributes:
        score: whatever literal stood in the first score tag: a list, but also a tuple or a dict.
        analysis: likewise.
        reason: why the reply is given up, one sentence; empty when it is kept.
        raises: what the released parser fails with instead; None when it does not (UNIGEN-3).
    """

    score: Any = None
    analysis: Any = None
    reason: str = ""
    raises: Exception | None = None


def official_reading(text: str, points: int) -> OfficialReading:
    """Read as released: first tag of each kind, a Python literal whose length is right.

    The released code asks up to 11 times and then gives the image up.
    """
    found = {name: pattern.search(text) for name, pattern in _TAGS.items()}
    written = {name: match[1].strip() for name, match in found.items() if match}
    if len(written) < len(found):
        return OfficialReading(reason="the reply has no complete <analysis> and <score> tags")
    try:
        values = {name: ast.literal_eval(literal) for name, literal in written.items()}
    except (ValueError, SyntaxError):
        return OfficialReading(reason="what stands in a tag is no Python literal")
    except (TypeError, MemoryError, RecursionError) as error:
        return OfficialReading(reason="what stands in a tag cannot be read", raises=error)
    try:
        entries = {name: len(value) for name, value in values.items()}
    except TypeError as error:
        return OfficialReading(reason="what stands in a tag is no list", raises=error)
    for name, count in entries.items():
        if count != points:
            return OfficialReading(reason=f"<{name}> has {count} entries for {points} points")
    return OfficialReading(**values)


def official_marks(score: Any, analysis: Any = ()) -> list[Any] | None:
    """The marks that the released count sees, or None when it drops the image.

    Between parser and count the reply is written as JSON and read as a Python literal, so true,
    false and null lose the image (UNIGEN-1), and anything but a list does too.
    """
    try:
        kept = ast.literal_eval(json.dumps([score, analysis], ensure_ascii=False))
    except _UNREADABLE:
        return None
    return kept[0] if isinstance(kept[0], list) else None


# --- the strict reading -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        marks: 1 (met) or 0 per test point; empty when the reply cannot be read.
        reason: why not, one sentence; empty when it can.
    """

    marks: tuple[int, ...] = ()
    reason: str = ""


def strict_reading(text: str, points: Sequence[str]) -> Reading:
    """Read every score tag; they must agree, and hold 0 or 1 for each test point.

    JSON's true and false, "1", 1.0, a fenced list, a tuple, an object by test point, and a bare
    mark for a single point are all readable; 0.5 is not. The analysis decides nothing.

    >>> strict_reading("<score>[true, 0]</score>", ["Style", "Action - State"]).marks
    (1, 0)
    >>> strict_reading("<score>[0.5]</score>", ["Style"]).reason
    '0.5 is not 0 or 1'
    """
    tags = _SCORE.findall(text)
    if not tags:
        return Reading(reason="the reply has no complete <score> tag")
    readings = {_marks(tag.strip(), points) for tag in tags}
    if len(readings) > 1:
        return Reading(reason="the reply holds several different verdicts")
    return readings.pop()


def _marks(written: str, points: Sequence[str]) -> Reading:
    value = _value(written)
    if isinstance(value, Mapping):
        if set(value) != set(points):
            return Reading(reason="the marks are not named like the test points")
        value = [value[point] for point in points]
    if not isinstance(value, list | tuple):
        if len(points) > 1 or value is None:
            return Reading(reason="what stands in <score> is no list")
        value = [value]
    if len(value) != len(points):
        return Reading(reason=f"<score> has {len(value)} entries for {len(points)} points")
    marks = [_mark(entry) for entry in value]
    for mark, entry in zip(marks, value, strict=True):
        if mark is None:
            return Reading(reason=f"{_shown(entry)} is not 0 or 1")
    return Reading(tuple(mark for mark in marks if mark is not None))


def _value(written: str) -> Any:
    """What is written in a tag, as JSON or as a Python literal; None when it is neither."""
    fence = _FENCE.match(written)
    text = fence.group(1) if fence else written
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except _UNREADABLE:
            continue
    return None


def _shown(entry: Any) -> str:
    """An entry for a message; a whole number may have too many digits to be written."""
    plain = isinstance(entry, str | float) or (isinstance(entry, int) and abs(entry) < 1000)
    return str(entry)[:40] if plain else f"an entry ({type(entry).__name__})"


def _mark(entry: Any) -> int | None:
    if isinstance(entry, str):
        return {"0": 0, "1": 1}.get(entry.strip())
    if isinstance(entry, int | float) and entry in (0, 1):
        return int(entry)
    return None


# --- shares -------------------------------------------------------------------------------------


def primary(point: str) -> str:
    """Primary dimension of a test point: what stands before its first hyphen.

    >>> primary("Attribute - Size"), primary("属性-大小"), primary("Style")
    ('Attribute', '属性', 'Style')
    """
    return _official_primary(point).strip()


def _official_primary(point: str) -> str:
    """With the blank that the released script keeps before the hyphen (UNIGEN-6)."""
    return point.split("-", 1)[0]


@dataclass(frozen=True, slots=True)
class Shares:
    """Met and asked test points, by dimension as spelt: ``[met, asked]``."""

    primary: dict[str, list[int]] = field(default_factory=dict)
    sub: dict[str, list[int]] = field(default_factory=dict)


def official_shares(rows: Iterable[tuple[Sequence[str], Any]]) -> Shares:
    """Count as released, over all images.

    A mark counts as met when it equals 1; "1" and 0.5 do not, and stay in the denominator
    (UNIGEN-2). Rows without usable marks leave both counts.

    Args:
        rows: test points of an image and its marks as `official_marks` gives them, or None.
    """
    shares = Shares()
    for points, marks in rows:
        for point, mark in zip(points, marks or (), strict=False):
            for table, name in ((shares.primary, _official_primary(point)), (shares.sub, point)):
                cell = table.setdefault(name, [0, 0])
                cell[0] += bool(mark == 1)
                cell[1] += 1
    return shares


def overall(shares: Mapping[str, Sequence[int]]) -> float | None:
    """Unweighted mean of the primary dimensions' shares, in [0, 1]; None when one has no points.

    The released code prints none; the leaderboard's Overall is this (UNIGEN-5).

    Args:
        shares: primary dimension -> met and asked.
    """
    if not shares or any(asked == 0 for _, asked in shares.values()):
        return None
    return sum(met / asked for met, asked in shares.values()) / len(shares)
