"""MathVerse: a judge extracts the answer, and another call says whether it is the right one.

`official_*` repeat open-compass/VLMEvalKit@e8e78f05; `strict_*` read the judge's reply with care
and are listed in docs/errata.md (MATHVERSE).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.answers import Reading

TRIES = 5
"""How often the judge is asked, each time for the extraction and for the comparison."""

VERSIONS = ("Text Dominant", "Text Lite", "Vision Intensive", "Vision Dominant", "Vision Only")
"""How much of a problem is told by its picture; each problem is asked in every version."""


def same_as_answer(extracted: str, answer: str) -> bool:
    """Whether an extraction is the answer letter for letter, so that no judge compares them.

    >>> same_as_answer("12 ", "12"), same_as_answer("12.0", "12")
    (True, False)
    """
    return extracted.strip() == answer.strip()


def official_judgement(reply: str) -> bool | None:
    """Whether the judge finds the answers consistent; None for anything but a bare 0 or 1.

    >>> official_judgement(" 1 "), official_judgement("Judgement: 1")
    (True, None)
    """
    return {"0": False, "1": True}.get(reply.strip())


_JUDGED = re.compile(r"[^\w-]*(?:judge?ment\s*[:=]?\s*)?[^\w-]*([01])[^\w]*", re.IGNORECASE)


def strict_judgement(reply: str) -> Reading:
    """``1`` or ``0`` of a reply that says nothing else; a failure is one of the judge, not a 0.

    >>> strict_judgement("**Judgement: 1**").value, strict_judgement("10").reason
    ('1', 'the reply is neither 0 nor 1')
    """
    found = _JUDGED.fullmatch(reply)
    return Reading(value=found[1]) if found else Reading(reason="the reply is neither 0 nor 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A judged sample.

    Attributes:
        version: one of `VERSIONS`.
        subject: e.g. ``Plane Geometry``.
        subfield: e.g. ``Length``.
        hit: whether it is right.
    """

    version: str
    subject: str
    subfield: str
    hit: bool


def official_metadata(written: str) -> Mapping[str, Any]:
    """Metadata of a record, written as Python writes a dict.

    Raises:
        json.JSONDecodeError: it holds an apostrophe, or is something else.
    """
    read: Mapping[str, Any] = json.loads(written.replace("'", '"'))
    return read


def official_table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Accuracy in percent per version: over all, per subject and per subfield; versions by name.

    NaN where a version has no sample of a subject or subfield that others have. There is no row
    over all versions, see `strict_table`.
    """
    subjects = dict.fromkeys(r.subject for r in rows)
    subfields = dict.fromkeys(r.subfield for r in rows)
    table: list[dict[str, Any]] = []
    for version in sorted({r.version for r in rows}):
        part = [r for r in rows if r.version == version]
        line: dict[str, Any] = {"split": version, "Overall": _percent(r.hit for r in part)}
        line |= {s: _percent(r.hit for r in part if r.subject == s) for s in subjects}
        line |= {s: _percent(r.hit for r in part if r.subfield == s) for s in subfields}
        table.append(line)
    return table


def strict_table(rows: Sequence[Row]) -> dict[str, float]:
    """Accuracy from 0 to 1 per version that has samples, and ``Overall`` over all samples."""
    groups = {v: [r.hit for r in rows if r.version == v] for v in sorted({r.version for r in rows})}
    named = {**groups, "Overall": [r.hit for r in rows]}
    return {name: sum(hits) / len(hits) for name, hits in named.items() if hits}


def _percent(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found) * 100 if found else math.nan
