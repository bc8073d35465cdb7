"""Readings written by hand: items, layouts, and an oracle that reads what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.ocr import TextItem


def item(
    text: str, x: float, y: float, width: float | None = None, height: float = 20.0
) -> TextItem:
    """An upright item with its top left corner at (x, y); 10 px per character unless told."""
    right, bottom = x + (10.0 * len(text) if width is None else width), y + height
    return TextItem(((x, y), (right, y), (right, bottom), (x, bottom)), text, 1.0)


def column(*texts: str, x: float = 10.0, y: float = 10.0, step: float = 50.0) -> list[TextItem]:
    """Items below each other, far enough apart to be lines of their own at any scale."""
    return [item(text, x, y + step * n) for n, text in enumerate(texts)]


def words(text: str, x: float, y: float, height: float = 20.0) -> list[TextItem]:
    """One item per word of a line, 10 px per character and space."""
    found = []
    for word in text.split():
        found.append(item(word, x, y, height=height))
        x += 10.0 * (len(word) + 1)
    return found


def scaled(items: Sequence[TextItem], factor: float) -> list[TextItem]:
    """The same reading of a picture `factor` times as large."""
    return [
        TextItem(tuple((x * factor, y * factor) for x, y in i.polygon), i.text, i.confidence)
        for i in items
    ]


def turned(items: Sequence[TextItem], radians: float) -> list[TextItem]:
    """The same reading of a picture turned about the origin."""
    import math

    cos, sin = math.cos(radians), math.sin(radians)
    return [
        TextItem(
            tuple((x * cos - y * sin, x * sin + y * cos) for x, y in i.polygon),
            i.text,
            i.confidence,
        )
        for i in items
    ]
