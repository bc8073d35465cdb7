"""ImgEdit's arithmetic: three scores from 1 to 5 per edit, means per edit type, three overalls.

Official is what the released scripts do (open-compass/GenEditEvalKit@103b283 ``imgedit``,
PKU-YuanGroup/ImgEdit@547185d ``Basic`` and ``UGE``, ByteDance-Seed/Bagel@056b5fd), defects included
(IMGEDIT-1 to IMGEDIT-6 in docs/errata.md). Strict is what this project scores with.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.common.means import mean
from benchmarks.editing.common import OfficialReading, crash, read_named
from judges.parsing import Parsed

LOW, HIGH = 1, 5
DIMENSIONS: Mapping[str, tuple[str, str, str]] = {
    "replace": ("Prompt Compliance", "Visual Naturalness", "Physical & Detail Integrity"),
    "add": ("Prompt Compliance", "Visual Naturalness", "Physical & Detail Coherence"),
    "alter": ("Prompt Compliance", "Visual Seamlessness", "Physical & Detail Fidelity"),
    "remove": ("Prompt Compliance", "Visual Naturalness", "Physical & Detail Integrity"),
    "style": ("Style Fidelity", "Content Preservation", "Rendering Quality"),
    "action": ("Action Fidelity", "Identity Preservation", "Visual & Anatomical Coherence"),
    "extract": ("Object Identity", "Mask Precision", "Visual Quality"),
    "background": ("Instruction Compliance", "Visual Seamlessness", "Physical Consistency"),
    "compose": (
        "Instruction Compliance", "Visual Naturalness", "Physical Consistency & Fine Detail",
    ),
}  # fmt: skip
"""Edit type -> its three questions, in the order in which they are asked."""
ALIASES: Mapping[str, str] = {"adjust": "alter"}
"""Upstream's name of a type -> the kit's, which is used here."""
TITLES: Mapping[str, str] = {
    "add": "Add", "alter": "Adjust", "extract": "Extract", "replace": "Replace",
    "remove": "Remove", "background": "Background", "style": "Style", "compose": "Hybrid",
    "action": "Action",
}  # fmt: skip
"""Edit type -> how papers call it, in the order of their tables."""


# --- the released scripts ---------------------------------------------------------------------


def official_reading(reply: str) -> OfficialReading:
    r"""The mean of a reply's numbers as released, rounded to 2 decimals.

    A line counts when a single ``": "`` splits it and digits alone follow, whatever stands before:
    a line ``Overall: 5`` is averaged in (IMGEDIT-2) and 12 is as good as 5 (IMGEDIT-3), while
    ``4/5``, ``4.`` and ``**Name:** 4`` are not seen (IMGEDIT-1).

    >>> official_reading("Style Fidelity: 4\nContent Preservation: 5").value
    4.5
    """
    numbers = []
    for line in reply.splitlines():
        _, colon, value = line.strip().partition(": ")
        if not colon or ": " in value or not value.isdigit():
            continue
        try:
            numbers.append(int(value))
        except ValueError as error:  # "²" is a digit, but no number (IMGEDIT-4)
            return crash(error)
    try:
        average = mean(numbers)
    except OverflowError as error:  # hundreds of digits
        return crash(error)
    if average is None:
        return OfficialReading(outcome="unparsed")
    return OfficialReading(outcome="ok", value=round(average, 2))


def official_types(averages: Mapping[str, float], types: Mapping[str, str]) -> dict[str, float]:
    """Means per edit type, rounded to 2 decimals, in order of first appearance.

    Args:
        averages: sample -> rounded mean of its reply; samples without one are absent, so that they
            leave the mean (IMGEDIT-5).
        types: sample -> edit type; a sample that is not in it belongs to no type.
    """
    groups: dict[str, list[float]] = {}
    for sample, value in averages.items():
        if sample in types:
            groups.setdefault(types[sample], []).append(value)
    return {name: round(sum(v) / len(v), 2) for name, v in groups.items()}


def official_macro(by_type: Mapping[str, float]) -> float | None:
    """The kit's overall: mean of the rounded type means, rounded; None where there is none."""
    value = mean(list(by_type.values()))
    return None if value is None else round(value, 2)


def official_micro(averages: Mapping[str, float]) -> float | None:
    """BAGEL's overall, and UGE's only number: mean of the samples, of any type or none."""
    value = mean(list(averages.values()))
    return None if value is None else round(value, 2)


# --- strict -----------------------------------------------------------------------------------


def strict_reading(reply: str, edit_type: str) -> Parsed:
    """The three scores that a rubric of this type asks for, by name.

    Args:
        reply: as received.
        edit_type: one of `DIMENSIONS`, or upstream's name of it.

    Raises:
        KeyError: there is no such type.

    >>> strict_reading("**Style Fidelity:** 4/5", "style").reason
    'the reply names no Content Preservation'
    """
    return read_named(reply, DIMENSIONS[kind(edit_type)], LOW, HIGH)


def kind(edit_type: str) -> str:
    """The edit type under the kit's name."""
    return ALIASES.get(edit_type, edit_type)


def strict_score(scores: Mapping[str, float]) -> float:
    """Mean of the three scores, not rounded, from 1 to 5."""
    return sum(scores.values()) / len(scores)


def broken_cap(scores: Mapping[str, float], edit_type: str) -> str:
    """What the judge did against its rubric: no later score may exceed the first (IMGEDIT-6).

    Returns:
        One sentence, or nothing when the rule is kept. The scores stay what they are.
    """
    first, *others = DIMENSIONS[kind(edit_type)]
    above = [name for name in others if scores[name] > scores[first]]
    return f"the rubric allows no score above {first}: {', '.join(above)}" if above else ""
