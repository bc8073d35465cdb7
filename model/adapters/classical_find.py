"""Where the text of an instruction stands in a picture: what `classical` replaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from metrics.ocr import TextItem

FUZZY = 0.6
"""Least similarity at which a reading is taken for a misread source text."""

LEAST_PART = 3
"""Shorter sources are not looked for inside words: a 9 is not the 9 of 1959."""

_PROMPT = re.compile(
    r"replace\s+(?:the\s+)?(?:text|word|words)?\s*(['\"‘“])(.+?)['\"’”]\s+(?:with|by|to)\s+"
    r"['\"‘“](.+)['\"’”]\s*\.?\s*$",
    re.IGNORECASE | re.DOTALL,
)


def parse_prompt(prompt: str) -> tuple[str, str] | None:
    """Source and target text of an instruction; None when it is not one to replace a text.

    Apostrophes inside the texts are kept: the source ends at the first quote that is followed by
    the word "with".

    >>> parse_prompt("Replace the text 'what's for dinner' with 'today's menu'.")
    ("what's for dinner", "today's menu")
    >>> parse_prompt("Make the sky blue.") is None
    True
    """
    match = _PROMPT.search(prompt.strip())
    return (match[2], match[3]) if match else None


def fold(text: str) -> str:
    """Letters and digits only, compatibility forms and case folded.

    >>> fold("Ｇrand-OPENING!")
    'grandopening'
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the source text is.

    Attributes:
        item: the reading that holds it.
        text: the part of the reading that is the source, as read.
        start: share of the reading's width at which it begins, in [0, 1].
        end: where it ends.
        rank: how sure: (kind of match, similarity, height), compared in this order.
    """

    item: TextItem
    text: str
    start: float
    end: float
    rank: tuple[int, float, float]


def find_source(items: Sequence[TextItem], source: str) -> list[Place]:
    """The instances of the source text that the instruction means.

    A reading that is the source comes first, then one that holds it as a word, as a part of a
    word, and one that resembles it. Neighbours on a line are also tried as one reading. All
    readings that are the source to the letter are meant; otherwise the most likely one.
    """
    wanted = fold(source)
    if not wanted:
        return []
    places = [
        place
        for item in [*items, *_joined(items)]
        if len(item.polygon) == 4 and (place := _place_in(item, source, wanted)) is not None
    ]
    if not places:
        return []
    same = [p for p in places if p.rank[:2] == (3, 1.0)]
    return same or [max(places, key=lambda p: p.rank)]


def _height(item: TextItem) -> float:
    (ax, ay), (dx, dy) = item.polygon[0], item.polygon[-1]
    return float(((ax - dx) ** 2 + (ay - dy) ** 2) ** 0.5)


def _place_in(item: TextItem, source: str, wanted: str) -> Place | None:
    from rapidfuzz.distance import Levenshtein

    read = fold(item.text)
    if not read:
        return None
    if read == wanted:
        exact = float(item.text.strip() == source)
        return Place(
            item=item, text=item.text.strip(), start=0, end=1, rank=(3, exact, _height(item))
        )
    at = read.find(wanted)
    if at < 0:
        similarity = Levenshtein.normalized_similarity(wanted, read)
        if similarity < FUZZY:
            return None
        return Place(
            item=item, text=item.text.strip(), start=0, end=1, rank=(0, similarity, _height(item))
        )
    first, last = _letters_to_characters(item.text, at, at + len(wanted))
    before, after = item.text[:first], item.text[last:]
    bounded = not (before[-1:].isalnum() or after[:1].isalnum())
    if not bounded and len(wanted) < LEAST_PART:
        return None
    start, end = _shares(item.text, first, last)
    return Place(
        item=item, text=item.text[first:last], start=start, end=end,
        rank=(2 if bounded else 1, len(wanted) / len(read), _height(item)),
    )  # fmt: skip


def _letters_to_characters(text: str, start: int, end: int) -> tuple[int, int]:
    """Indices of the characters of a text that make up letters start..end of its folded form."""
    owners = [index for index, character in enumerate(text) for _ in fold(character)]
    return owners[start], owners[end - 1] + 1


def _shares(text: str, first: int, last: int) -> tuple[float, float]:
    """Where a part of a text begins and ends, as shares of the width of the whole."""
    from synth import typeface

    font = typeface.load(typeface.font_file("train", "sans"), 64)
    whole = max(1.0, font.getlength(text))
    return font.getlength(text[:first]) / whole, font.getlength(text[:last]) / whole


def _joined(items: Sequence[TextItem]) -> list[TextItem]:
    """Two to four neighbours on a line as one reading, for sources that span several."""
    upright = [i for i in items if len(i.polygon) == 4 and _height(i) > 0]
    rows: list[list[TextItem]] = []
    for item in sorted(upright, key=lambda i: i.box[1]):
        middle = (item.box[1] + item.box[3]) / 2
        for row in rows:
            if row[-1].box[1] < middle < row[-1].box[3]:
                row.append(item)
                break
        else:
            rows.append([item])
    found = []
    for row in rows:
        row.sort(key=lambda i: i.box[0])
        for first in range(len(row)):
            for last in range(first + 1, min(first + 4, len(row))):
                run = row[first : last + 1]
                gaps = [b.box[0] - a.box[2] for a, b in pairwise(run)]
                if max(gaps) > 2 * max(_height(i) for i in run):
                    break
                found.append(_merged(run))
    return found


def _merged(run: Sequence[TextItem]) -> TextItem:
    a, b = run[0].polygon, run[-1].polygon
    return TextItem(
        polygon=(a[0], b[1], b[2], a[3]),
        text=" ".join(i.text for i in run),
        confidence=min(i.confidence for i in run),
    )


def alignment(item: TextItem, others: Sequence[TextItem]) -> Literal["left", "centre"]:
    """Left when more texts begin where this one does than share its centre."""
    x0, _, x1, _ = item.box
    rest = [(o.box, 0.5 * min(_height(item), _height(o))) for o in others if o is not item]
    lefts = sum(abs(box[0] - x0) < slack for box, slack in rest)
    centres = sum(abs(box[0] + box[2] - x0 - x1) < slack for box, slack in rest)
    return "left" if lefts > centres else "centre"
