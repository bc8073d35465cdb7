"""ChartQA: a number is right within 5 %, a text when it is equal.

The rule stands as released (VLMEvalKit: open-compass/VLMEvalKit@e8e78f05, lmms-eval:
EvolvingLMMs-Lab/lmms-eval@75571cfe) and as it should be (``strict_``).
"""

from __future__ import annotations

import math
import unicodedata

from benchmarks.understanding.replies import WRITTEN_NUMBER
from benchmarks.understanding.short.questions import half_width
from metrics.answers import read_answer

TOLERANCE = 0.05
"""Largest difference from a number, as a share of it."""


def relaxed_match(expected: str, said: str) -> bool:
    """Whether an answer is right within 5 %, or equal without regard to case.

    Both sides must be whole numbers texts for `float`, with one percent sign at most; an expected
    zero, and anything else, is compared as text. Infinite and undefined numbers are never right.
    VLMEvalKit strips the reply before, lmms-eval does not.

    >>> relaxed_match("100", "95"), relaxed_match("5%", "0.05"), relaxed_match("Yes", "yes")
    (True, True, True)
    >>> relaxed_match("0", "0.0"), relaxed_match("1,000", "1000"), relaxed_match("Yes", "yes.")
    (False, False, False)
    """
    right, number = _number(expected), _number(said)
    if number is not None and right:
        return abs(number - right) / abs(right) <= TOLERANCE
    return said.lower() == expected.lower()


def _number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        return None


_CURRENCY = "$€£¥₹ "


def strict_relaxed_match(expected: str, reply: str) -> bool:
    """Ours: numbers are read as people write them, and text is read out of its sentence.

    Thousands commas, a currency sign and a percent sign are understood; when one side has a percent
    sign, the other may give the same number with or without its hundredth. Zero is a number. Units
    in words are not read. Text is compared folded, without its last period.

    >>> strict_relaxed_match("1,000", "$1020"), strict_relaxed_match("0", "0.0")
    (True, True)
    >>> strict_relaxed_match("12", "12%"), strict_relaxed_match("5%", "500%")
    (True, False)
    >>> strict_relaxed_match("inf", "inf"), strict_relaxed_match("Yes", "The answer is yes.")
    (True, True)
    """
    said = read_answer(reply, "text").value or reply
    right, found = _written_number(expected), _written_number(said)
    if right is None or found is None:
        return _plain(said) == _plain(expected)
    (wanted, wanted_percent), (got, got_percent) = right, found
    scales = (1.0,) if wanted_percent == got_percent else (1.0, 100.0)
    if got_percent:
        return any(_near(wanted, got / scale) for scale in scales)
    return any(_near(wanted / scale, got) for scale in scales)


def _near(right: float, found: float) -> bool:
    # Rounding of decimal fractions is no difference: 95 is within 5 % of 100, and 1.05 of 1.
    return abs(found - right) <= TOLERANCE * abs(right) * (1 + 1e-9)


def _written_number(text: str) -> tuple[float, bool] | None:
    """The number that a text is and whether a percent sign follows it; None when it is none."""
    flat = half_width(text).replace("−", "-").strip().rstrip(".")
    percent = flat.endswith("%")
    flat = flat.rstrip("% ")
    sign = flat[:1] if flat[:1] in {"-", "+"} else ""
    flat = sign + flat[len(sign) :].strip(_CURRENCY)
    if not WRITTEN_NUMBER.fullmatch(flat):
        return None
    value = float(flat.replace(",", ""))
    return (value, percent) if math.isfinite(value) else None


def _plain(text: str) -> str:
    """Folded, without case, one space between words, no quotes around it, no last period."""
    flat = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    bare = flat.strip("\"'“”‘’ ").rstrip(". ")
    return bare or flat
