r"""Words and characters that count when a text in an image is compared with what was asked for.

LongText-Bench and OneIG-Bench share these rules (X-Omni-Team/X-Omni@2b8237b,
OneIG-Bench/OneIG-Benchmark@41b4983). `released` keeps their alphabet: CJK from U+4E00 to U+9FA5,
ASCII letters and digits, the accented letters of French. Everything else vanishes without leaving
a space, so that ``don't`` is ``dont``. `whole` keeps the letters and digits of every script.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

HALLUCINATION = "addCriterion"
"""What Qwen2.5-VL sometimes writes out of nothing."""
NO_TEXT = "No text recognized"
"""What the OCR instruction asks for when there is no text; without a full stop."""

_FOREIGN = re.compile(r"[^\u4e00-\u9fa5a-zA-Z0-9\sàâäéèêëîïôöùûüçÀÂÄÉÈÊËÎÏÔÖÙÛÜÇ]")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_NO_TEXT_LINE = re.compile(rf"[\s\"'`*]*{NO_TEXT}\.?[\s\"'`*]*", re.IGNORECASE)


def released(text: str) -> str:
    """The characters of the released alphabet, and all white space.

    >>> released("B-12, señor 龦!")
    'B12 seor '
    """
    return _FOREIGN.sub("", text)


def whole(text: str) -> str:
    """The letters and digits of all scripts, accents composed, and all white space.

    >>> whole("B-12, señor 龦!")
    'B12 señor 龦'
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(c for c in composed if c.isalnum() or c.isspace())


def one_spaced(text: str) -> str:
    """The text with single spaces between its words."""
    return " ".join(text.split())


def unspaced(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def has_cjk(text: str) -> bool:
    """Whether there is a character from U+4E00 to U+9FFF."""
    return bool(_CJK.search(text))


def in_common(reference: Sequence[str], found: Sequence[str]) -> int:
    """Size of the multiset intersection, in [0, shorter length]; order does not matter.

    >>> in_common("a a b".split(), "b a c".split())
    2
    """
    return sum((Counter(reference) & Counter(found)).values())


def without(reply: str, marks: Iterable[str]) -> str:
    """A reply without certain phrases, as released.

    Each phrase is cut out three times: bare, with a line break before, with one behind. Only the
    first does anything, unless cutting puts a new phrase together.
    """
    for mark in marks:
        for phrase in (mark, f"\n{mark}", f"{mark}\n"):
            reply = reply.replace(phrase, "")
    return reply


def read_text(reply: str | None) -> str:
    """The text in an OCR model's reply: without `HALLUCINATION`, and without lines of `NO_TEXT`.

    >>> read_text("'No text recognized'"), read_text("No text recognized here")
    ('', 'No text recognized here')
    """
    lines = (reply or "").replace(HALLUCINATION, "").split("\n")
    return "\n".join(line for line in lines if not _NO_TEXT_LINE.fullmatch(line))
