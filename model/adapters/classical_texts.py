"""What `classical` tells from the texts of a picture: which is large, what is beside what, sums."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from metrics.answers import folded
from metrics.ocr import TextItem
from metrics.shapes_rules import Side
from model.adapters.classical_words import side_of

_CLEAR = 1.05
"""How many times as high as the next a text is that is clearly the largest."""


def extreme_word(texts: Sequence[TextItem], *, smallest: bool = False) -> str | None:
    """The text in the largest or smallest letters; None when several are as large."""
    if not texts:
        return None
    ordered = sorted(texts, key=_height, reverse=not smallest)
    if len(ordered) > 1:
        low, high = sorted(_height(t) for t in ordered[:2])
        if high < _CLEAR * low:
            return None
    return ordered[0].text.strip()


def _height(item: TextItem) -> float:
    """Distance between the upper and the lower edge in pixels, also where the text is turned."""
    (ax, ay), (dx, dy) = item.polygon[0], item.polygon[-1]
    return float(((ax - dx) ** 2 + (ay - dy) ** 2) ** 0.5)


def beside(texts: Sequence[TextItem], name: str, where: str) -> str | None:
    """The text nearest to a named one on a side of it.

    Args:
        texts: of the picture.
        name: the text that the other stands beside.
        where: ``beside`` and ``next to`` mean to the right of it or, where nothing is, to its left;
            other words name a side.
    """
    known = find_text(texts, name)
    if known is None:
        return None
    told = where in {"beside", "next to"}
    sides: tuple[Side, ...] = ("right", "left") if told else (side_of(where),)
    for side in sides:
        near = [(gap, t) for t in texts if (gap := _gap(known, t, side)) is not None]
        if near:
            return min(near, key=lambda n: n[0])[1].text.strip()
    return None


def find_text(texts: Sequence[TextItem], name: str) -> TextItem | None:
    """The one text that says just that, or the one that holds it as a word; else None."""
    wanted = folded(name)
    if not wanted:
        return None
    same = [t for t in texts if folded(t.text) == wanted]
    held = [t for t in texts if wanted in [folded(w) for w in t.text.split()]]
    found = same or held
    return found[0] if len(found) == 1 else None


def _gap(known: TextItem, other: TextItem, side: Side) -> float | None:
    """Distance from a text to another on that side in pixels; None when it is not there."""
    if other is known:
        return None
    along, across = (0, 1) if side in {"left", "right"} else (1, 0)
    a, b = known.box, other.box
    overlap = min(a[across + 2], b[across + 2]) - max(a[across], b[across])
    if overlap < 0.5 * min(a[across + 2] - a[across], b[across + 2] - b[across]):
        return None
    away = (b[along] + b[along + 2] - a[along] - a[along + 2]) / 2
    forward = away if side in {"right", "below"} else -away
    return forward if forward > 0 else None


_SIGNS = str.maketrans("–—−‐‑×*·⋅÷:", "-----xxxx//")
_SUM = re.compile(r"(?<![\d.,])(\d{1,9})\s*([-+x/])\s*(\d{1,9})(?![\d.,])\s*(?:=|$|\?)")
_WORKED: Mapping[str, Callable[[int, int], float]] = {
    "+": operator.add, "-": operator.sub, "x": operator.mul, "/": operator.truediv,
}  # fmt: skip


def calculation(texts: Sequence[TextItem]) -> str | None:
    """The result of the one calculation of two numbers in the texts.

    >>> item = TextItem(((0, 0), (9, 0), (9, 9), (0, 9)), "3 × 4 = ?", 1.0)
    >>> calculation([item])
    '12'
    """
    text = " ".join(unicodedata.normalize("NFKC", t.text) for t in texts).translate(_SIGNS)
    found = _SUM.findall(text.lower())
    if len(found) != 1:
        return None
    a, sign, b = found[0]
    if sign == "/" and int(b) == 0:
        return None
    return f"{_WORKED[sign](int(a), int(b)):.12g}"


def whole_text(texts: Sequence[TextItem]) -> str | None:
    """All texts, in the order in which the reader found them; None when there is none."""
    return " ".join(t.text.strip() for t in texts) or None
