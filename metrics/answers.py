"""Reading the answer out of a model's reply, and whether it is the right one.

A model that is asked for a letter says ``B``, ``(b)``, ``**Answer: B**`` or ``The star is blue, so
the answer is B.``; all of these are B. A reply from which two answers could be read, or none, is
not guessed at: it has no answer, and the reason is told. Benchmarks whose released scripts read
replies in a way of their own bring those rules themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["choice", "yes_no", "number", "text"]
"""`choice`: a letter, A for the first choice. `yes_no`: one of the two. `number`: in digits or, up
to twenty, in words. `text`: a few words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What was read of a reply.

    Attributes:
        value: the letter, ``yes`` or ``no``, the number as written, or the text; empty when no
            answer could be read.
        reason: why there is none; empty when there is one.
    """

    value: str = ""
    reason: str = ""


def read_answer(reply: str | None, form: Form, choices: Sequence[str] = ()) -> Reading:
    """The answer in a reply, whatever the reply is: nothing here raises.

    Args:
        reply: what the model said; None when it said nothing.
        form: what kind of answer was asked for.
        choices: what the letters stand for, A first.

    >>> read_answer("**Answer:** (B)", "choice", ["red", "blue"]).value
    'B'
    >>> read_answer("Red or blue", "choice", ["red", "blue"])
    Reading(value='', reason='it names several choices: A, B')
    """
    text = _plain(reply or "")
    if "<think>" in text:
        return Reading(reason="it ends before its thoughts do")
    if not text.strip():
        return Reading(reason="it is empty")
    # What follows the last "the answer is" goes before everything else.
    said = _ANSWER.split(text)[-1].strip()
    if form == "text":
        return _text(said or text)
    parts = [text]
    if said and said != text.strip():
        # "D, not A" and "5, since 2 are hidden": the answer ends where its reason begins.
        parts = [_REASON.split(said, maxsplit=1)[0], said, text]
    if form == "yes_no":
        return _yes_no(parts)
    return _number(parts) if form == "number" else _choice(parts, choices)


def same_answer(expected: str, found: str, form: Form, tolerance: float = 0.0) -> bool:
    """Whether an answer that was read is the expected one.

    Args:
        expected: the right answer, in the form's own writing.
        found: the value of a `Reading`.
        form: of both.
        tolerance: largest difference of two numbers, as a share of the expected one.

    >>> same_answer("1250", "1,250.0", "number"), same_answer("22C", "22 c", "text")
    (True, True)
    """
    if form == "number":
        right, said = _value(expected), _value(found)
        # Rounding of decimal fractions is no difference.
        return right == said or abs(right - said) <= max(tolerance, 1e-9) * abs(right)
    return folded(expected) == folded(found)


def folded(text: str) -> str:
    """Letters and digits only, compatibility-folded and without case.

    >>> folded("Café No. 5!")
    'caféno5'
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


# --- what all forms share ---------------------------------------------------------------------

_ANSWER = re.compile(r"\banswer\s*(?:is\b\s*:?|:|=)\s*", re.IGNORECASE)
_REASON = re.compile(r"[.;,]\s|\n|\b(?:because|since|as)\b")
_MARKUP = str.maketrans(dict.fromkeys("*`${}") | {"−": "-", "’": "'", "“": '"', "”": '"'})
_LATEX = re.compile(r"\\(?:boxed|text|mathrm|mathbf)\b|\\[()\[\]]")


def _plain(reply: str) -> str:
    """The reply behind its thoughts, without the signs of Markdown and LaTeX."""
    text = unicodedata.normalize("NFKC", reply).rpartition("</think>")[2]
    return _LATEX.sub("", text).translate(_MARKUP)


def _several(what: str, found: Iterable[str]) -> Reading:
    named = list(found)
    more = f" and {len(named) - 6} more" if len(named) > 6 else ""
    return Reading(reason=f"it names several {what}: {', '.join(named[:6])}{more}")


# --- choice -----------------------------------------------------------------------------------

_FIRST = re.compile(r"\W*([A-Za-z])\b(?!')(.*)", re.DOTALL)
_ALONE = re.compile(r"(?<!not )\b(?:[B-HJ-Z]|[AI](?!\s+(?!or\b|and\b|is\b)[a-z]))\b(?!')")
"""A capital that stands alone; neither the article of "A cat" nor the subject of "I think"."""
_LISTED = re.compile(r"\b([A-Z])[.):]")


def _choice(parts: Sequence[str], choices: Sequence[str]) -> Reading:
    letters = [chr(ord("A") + at) for at in range(len(choices))]
    seen: list[str] = []
    for part in parts:
        if found := _leading(part, letters, choices):
            return Reading(value=found)
        alone = [c for c in dict.fromkeys(_ALONE.findall(part)) if c in letters]
        for named in (alone, _said(part, letters, choices)):
            if len(named) == 1:
                return Reading(value=named[0])
            seen = seen or named
    return _several("choices", seen) if seen else Reading(reason="it names none of the choices")


def _leading(part: str, letters: Sequence[str], choices: Sequence[str]) -> str:
    """The letter that a part begins with, when it cannot be a word; else nothing."""
    match = _FIRST.match(part)
    if match is None or match[1].upper() not in letters:
        return ""
    found, rest = match[1].upper(), match[2]
    if any(c != found and c in letters for c in _LISTED.findall(rest)):
        return ""  # the choices themselves, told again
    own = folded(choices[letters.index(found)])
    if not rest.strip() or rest[0] in ".):;\n" or (own and folded(rest) == own):
        return found
    return ""


def _said(part: str, letters: Sequence[str], choices: Sequence[str]) -> list[str]:
    """Letters of the choices whose words occur in a part; "dark blue" does not say "blue"."""
    text = f" {' '.join(_words(part))} "
    found = []
    for name, choice in sorted(zip(letters, choices, strict=True), key=lambda c: -len(c[1])):
        wanted = f" {' '.join(_words(choice))} "
        if wanted.strip() and wanted in text:
            found.append(name)
            text = text.replace(wanted, " | ")
    return sorted(found)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:[.,]\d+)*", text.casefold())


# --- yes or no, number, text ------------------------------------------------------------------

_YES_NO = re.compile(r"\W*(yes|no)\b\s*(?:[.,;:!\n]|$)", re.IGNORECASE)


def _yes_no(parts: Sequence[str]) -> Reading:
    for part in parts:
        if match := _YES_NO.match(part):
            return Reading(value=match[1].lower())
        found = [w for w in ("yes", "no") if w in _words(part)]
        if len(found) == 1:
            return Reading(value=found[0])
        if found:
            return Reading(reason="it says both yes and no")
    return Reading(reason="it says neither yes nor no")


_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+|(?=\.\d))(?:\.\d+)?(?:e[-+]?\d+)?(?!x\d)",
    re.IGNORECASE,
)
_IN_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
)  # fmt: skip


def _number(parts: Sequence[str]) -> Reading:
    seen: list[str] = []
    for part in parts:
        found = _numbers(part.rpartition("=")[2])  # of "48 + 17 = 65"
        if len(found) == 1:
            return Reading(value=found[0])
        seen = seen or found
    return _several("numbers", seen) if seen else Reading(reason="it names no number")


def _numbers(text: str) -> list[str]:
    """Numbers of different value, as written; those in words only where there are no digits."""
    found = {_value(n): n for n in reversed(_NUMBER.findall(text))}
    if not found:
        words = [w for w in _words(text) if w in _IN_WORDS]
        found = {float(_IN_WORDS.index(w)): str(_IN_WORDS.index(w)) for w in reversed(words)}
    return list(reversed(found.values()))


def _value(number: str) -> float:
    return float(number.replace(",", ""))


_LEAD = re.compile(r"\s*(?:the|it)\b[^.\n]{0,80}?\b(?:is|says|reads)\b\s*:?\s+", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"\n]+)"')


def _text(said: str) -> Reading:
    text = said.strip()
    quoted = _QUOTED.findall(text)
    if len(quoted) == 1:
        text = quoted[0]
    elif (lead := _LEAD.match(text)) and lead.end() < len(text):
        text = text[lead.end() :]
    text = text.strip().rstrip(".")
    return Reading(value=text) if folded(text) else Reading(reason="it holds no letter or digit")
