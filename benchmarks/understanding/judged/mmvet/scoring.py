"""MM-Vet: a judge says from 0 to 1 how much of the right answer a reply holds.

`official_*` repeat open-compass/VLMEvalKit@e8e78f05; `strict_*` are listed in docs/errata.md
(MMVET).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

CAPABILITIES = ("rec", "ocr", "know", "gen", "spat", "math")

TRIES = 5
"""How often the judge is asked before a sample counts as 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """A judge's reply as the released script reads it.

    Attributes:
        outcome: ``ok``, ``unparsed`` (no number) or ``invalid`` (not from 0 to 1).
        value: the number; NaN is accepted, and makes every mean NaN. None without a number.
    """

    outcome: Literal["ok", "unparsed", "invalid"]
    value: float | None = None


def official_grade(reply: str) -> Grade:
    """The number that the whole reply is, as Python reads numbers.

    >>> official_grade("0.7 ").value, official_grade("1.5").outcome, official_grade("nan").outcome
    (0.7, 'invalid', 'ok')
    """
    try:
        value = float(reply)
    except ValueError:
        return Grade(outcome="unparsed")
    return Grade(outcome="invalid" if value < 0 or value > 1 else "ok", value=value)


def official_tables(
    rows: Iterable[tuple[str, float]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Means in percent per capability and per combination of capabilities.

    As released, both share one counter: a sample whose only capability is ``rec`` counts twice in
    ``rec`` (the overall mean is not touched by this).

    Args:
        rows: (capabilities with commas between, grade).

    Returns:
        Lines per capability and lines per combination in order of appearance, ``Overall`` last.
        The mean of a line without samples is None; the released script ends with an exception
        there.
    """
    count: defaultdict[str, int] = defaultdict(int)
    total: defaultdict[str, float] = defaultdict(float)
    combinations: dict[str, None] = {}
    for category, grade in rows:
        combination = category.replace(",", "_")
        combinations[combination] = None
        capabilities = [c for c in CAPABILITIES if c in category]
        for name in (*capabilities, "Overall", combination):
            count[name] += 1
            total[name] += grade

    def line(name: str) -> dict[str, Any]:
        mean = total[name] / count[name] * 100 if count[name] else None
        return {"Category": name, "tot": count[name], "acc": mean}

    single = [line(name) for name in (*CAPABILITIES, "Overall")]
    return single, [line(name) for name in (*combinations, "Overall")]


# --- strict -----------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?![\w.]*\d)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StrictGrade:
    """A judge's reply read with care.

    Attributes:
        value: from 0 to 1; None when there is none.
        reason: why there is none; empty when there is one. It is a failure of the judge, not a 0.
    """

    value: float | None = None
    reason: str = ""


def strict_grade(reply: str) -> StrictGrade:
    """The one number from 0 to 1 in a reply.

    >>> strict_grade("Correctness: 0.8").value, strict_grade("nan").reason
    (0.8, 'the reply holds no number')
    """
    found = {float(n) for n in _NUMBER.findall(reply)}
    if not found:
        return StrictGrade(reason="the reply holds no number")
    if len(found) > 1:
        return StrictGrade(reason="the reply holds several numbers")
    value = found.pop()
    if not 0 <= value <= 1:
        return StrictGrade(reason=f"{value:g} is not from 0 to 1")
    return StrictGrade(value=abs(value))


def strict_means(rows: Sequence[tuple[str, float]]) -> Mapping[str, float]:
    """Means from 0 to 1 per capability that has samples, each counted once, and ``Overall``."""
    groups = {c: [g for text, g in rows if c in capabilities_of(text)] for c in CAPABILITIES}
    groups["Overall"] = [g for _, g in rows]
    return {name: math.fsum(grades) / len(grades) for name, grades in groups.items() if grades}


def capabilities_of(category: str) -> tuple[str, ...]:
    """The capabilities of a record.

    >>> capabilities_of("rec,gen,know")
    ('rec', 'gen', 'know')
    """
    return tuple(part.strip() for part in category.split(",") if part.strip())
