"""Reading order without a pixel scale: rows of text, and texts that know where they stand.

What the strict scorer uses instead of the released 10-pixel lines: it gives the same rows at any
resolution, follows rotated text, does not chain a staircase into one row, and does not depend on
the order in which an engine lists what it found.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Protocol

from benchmarks.textedit.official import Box, Point, union_box

SAME_ROW = 0.5
"""An item joins a row when its centre is nearer to the row's middle than this share of the smaller
text height."""
SAME_ANGLE = math.radians(12)
JOINERS = {"", "'", "’", "-", "‐", "–"}
NUMBER_SIGNS = {".", ",", ":", "/"}
NEXT_ROW = 2.5
"""Rows whose middles are at most this many text heights apart can be two lines of one text."""


class Located(Protocol):
    """A recognised piece of text with its outline; `metrics.ocr.TextItem` is one."""

    @property
    def text(self) -> str:
        """As recognised."""
        ...

    @property
    def polygon(self) -> Sequence[Point]:
        """Corners, clockwise from the text's own top left."""
        ...

    @property
    def box(self) -> Box:
        """Bounding box of the polygon."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """An item with its geometry; compared by identity, because equal items may occur twice.

    Attributes:
        item: what was read.
        box: its bounding box.
        centre: of the polygon.
        width: length of the upper edge, in pixels.
        height: of the text, in pixels; never 0.
        angle: of the upper edge, in radians; None when the item is too short to tell.
    """

    item: Located
    box: Box
    centre: Point
    width: float
    height: float
    angle: float | None


def mark(item: Located) -> Mark:
    """Measure an item; anything but a quadrilateral is taken by its bounding box."""
    x0, y0, x1, y1 = item.box
    corners = list(item.polygon)
    if len(corners) != 4:
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    top, side = math.dist(corners[0], corners[1]), math.dist(corners[1], corners[2])
    centre = (sum(c[0] for c in corners) / 4, sum(c[1] for c in corners) / 4)
    dx, dy = corners[1][0] - corners[0][0], corners[1][1] - corners[0][1]
    # The upper edge of a narrow box is too short for its direction to mean anything.
    angle = math.atan2(dy, dx) if top >= side and top > 0 else None
    return Mark(item, (x0, y0, x1, y1), centre, top, max(side, 1e-6), angle)


def _canonical(marked: Mark) -> tuple[float, float, str, Box]:
    return marked.centre[1], marked.centre[0], marked.item.text, marked.box


def measure(items: Sequence[Located]) -> list[Mark]:
    """Marks of the items that have any text, in an order that is the same for any input order."""
    return sorted((mark(i) for i in items if i.text.strip()), key=_canonical)


def _angles(marks: Sequence[Mark]) -> list[float]:
    """An angle for every mark: its own, or that of the nearest mark that has one."""
    known = [m for m in marks if m.angle is not None]
    found = []
    for m in marks:
        like = m
        if m.angle is None:
            like = min(known, key=lambda k: math.dist(k.centre, m.centre), default=m)
        found.append(like.angle or 0.0)
    return found


class _Row:
    """A row being built, with its running angle, middle and text height."""

    def __init__(self, m: Mark, angle: float) -> None:
        self.marks: list[Mark] = []
        self.angles: list[float] = []
        self.add(m, angle)

    def add(self, m: Mark, angle: float) -> None:
        """Append a mark; longer ones say more about the row's angle and middle."""
        self.marks.append(m)
        self.angles.append(angle)
        weights = [max(k.width, 1.0) for k in self.marks]
        total = sum(weights)
        pairs = list(zip(self.marks, weights, strict=True))
        self.angle = sum(a * w for a, w in zip(self.angles, weights, strict=True)) / total
        self.middle = (
            sum(k.centre[0] * w for k, w in pairs) / total,
            sum(k.centre[1] * w for k, w in pairs) / total,
        )
        self.height = median(k.height for k in self.marks)

    def offset(self, m: Mark, angle: float) -> float | None:
        """Distance from the row's middle in units of the smaller height; None when out of reach."""
        if abs(self.angle - angle) > SAME_ANGLE:
            return None
        right, down = m.centre[0] - self.middle[0], m.centre[1] - self.middle[1]
        apart = down * math.cos(self.angle) - right * math.sin(self.angle)
        return abs(apart) / min(m.height, self.height)


def rows_of(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Rows from top to bottom, each in reading direction.

    Args:
        marks: from `measure`, which makes the result independent of the engine's order.
    """
    open_rows: list[_Row] = []
    for m, angle in zip(marks, _angles(marks), strict=True):
        near = [(o, n) for n, r in enumerate(open_rows) if (o := r.offset(m, angle)) is not None]
        best = min(near, default=(math.inf, -1))
        if best[0] >= SAME_ROW:
            open_rows.append(_Row(m, angle))
        else:
            open_rows[best[1]].add(m, angle)
    rows = []
    for row in open_rows:
        angle = sum(row.angles) / len(row.angles)
        cos, sin = math.cos(angle), math.sin(angle)
        along = {id(m): m.centre[0] * cos + m.centre[1] * sin for m in row.marks}
        rows.append(sorted(row.marks, key=lambda m: (along[id(m)], _canonical(m))))
    return sorted(rows, key=lambda r: (sum(m.centre[1] for m in r) / len(r), r[0].centre[0]))


def chains(rows: Sequence[list[Mark]], longest: int = 3) -> list[list[list[Mark]]]:
    """Runs of rows that can be consecutive lines of one text, single rows first.

    A row continues in the nearest row below it that overlaps it sideways by at least a third of the
    narrower one and is at most `NEXT_ROW` text heights away.
    """
    below = [_row_below(rows, n) for n in range(len(rows))]
    found = [[row] for row in rows]
    for length in range(2, longest + 1):
        for first in range(len(rows)):
            run: list[int] = [first]
            while len(run) < length and (after := below[run[-1]]) is not None:
                run.append(after)
            if len(run) == length:
                found.append([rows[n] for n in run])
    return found


def _row_below(rows: Sequence[list[Mark]], at: int) -> int | None:
    x0, _, x1, _ = union_box([m.box for m in rows[at]])
    middle = sum(m.centre[1] for m in rows[at]) / len(rows[at])
    height = median(m.height for m in rows[at])
    options = []
    for n, row in enumerate(rows):
        left, _, right, _ = union_box([m.box for m in row])
        down = sum(m.centre[1] for m in row) / len(row) - middle
        shared = min(x1, right) - max(x0, left)
        narrower = max(min(x1 - x0, right - left), 1e-6)
        tall = max(height, median(m.height for m in row))
        if n != at and 0 < down <= NEXT_ROW * tall and shared >= narrower / 3:
            options.append((down, n))
    return min(options)[1] if options else None


# --- texts that know where they stand ---------------------------------------------------------


Counts = Callable[[str], bool]
"""Which characters count: letters and digits, or all signs when a text has neither."""


def counting(*texts: str) -> Counts:
    """What has to count so that none of the texts is empty."""
    return str.isalnum if all(fold(t) for t in texts) else lambda c: not c.isspace()


def fold(text: str, counts: Counts = str.isalnum) -> str:
    """NFKC, lower case letter by letter, then only what counts.

    >>> fold("Café!"), fold("!?", counting("!?"))
    ('café', '!?')
    """
    return "".join(c for s in unicodedata.normalize("NFKC", text) for c in s.lower() if counts(c))


@dataclass(frozen=True, eq=False)
class Stream:
    """Marks in reading order as one text, of which only some characters count.

    Attributes:
        marks: in reading order.
        raw: their texts after NFKC, joined with spaces.
        chars: the characters that count, folded.
        at: index in `raw` of each character of `chars`.
        spans: index in `raw` where each mark's text begins and ends.
        breaks: index in `chars` where each row but the first begins.
    """

    marks: tuple[Mark, ...]
    raw: str
    chars: str
    at: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    breaks: tuple[int, ...]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Mark]], counts: Counts = str.isalnum) -> Stream:
        """Join rows of marks.

        Args:
            rows: in reading order.
            counts: which (folded) characters count.
        """
        raw, spans, starts = "", [], []
        for row in rows:
            starts.append(len(raw))
            for m in row:
                raw += " " if raw else ""
                text = unicodedata.normalize("NFKC", m.item.text)
                spans.append((len(raw), len(raw) + len(text)))
                raw += text
        kept = [(c, n) for n, char in enumerate(raw) for c in char.lower() if counts(c)]
        return cls(
            marks=tuple(m for row in rows for m in row),
            raw=raw,
            chars="".join(c for c, _ in kept),
            at=tuple(n for _, n in kept),
            spans=tuple(spans),
            breaks=tuple(sum(n < start for _, n in kept) for start in starts[1:]),
        )

    @cached_property
    def bounds(self) -> tuple[bool, ...]:
        """For 0..len(chars): whether a word begins or ends between characters k-1 and k.

        An apostrophe or hyphen inside a word and the signs inside a number do not end it.
        """
        inner = (self._is_bound(k) for k in range(1, len(self.at)))
        return (True, *inner, True) if self.chars else (True,)

    def _is_bound(self, k: int) -> bool:
        before, after = self.raw[self.at[k - 1]], self.raw[self.at[k]]
        gap = self.raw[self.at[k - 1] + 1 : self.at[k]]
        if gap in JOINERS or (gap in NUMBER_SIGNS and before.isdigit() and after.isdigit()):
            return not (before.isalnum() and after.isalnum())
        return True

    def raw_slice(self, start: int, end: int) -> str:
        """Original writing of `chars[start:end]`, with everything between its characters."""
        return self.raw[self.at[start] : self.at[end - 1] + 1] if end > start else ""

    def raw_with_edges(self, start: int, end: int) -> str:
        """`raw_slice` with the signs that touch it on both sides, up to a space."""
        if end <= start:
            return ""
        first, last = self.at[start], self.at[end - 1] + 1
        while first > 0 and not (self.raw[first - 1].isspace() or self.raw[first - 1].isalnum()):
            first -= 1
        while last < len(self.raw) and not (self.raw[last].isspace() or self.raw[last].isalnum()):
            last += 1
        return self.raw[first:last]

    def words(self, start: int, end: int) -> list[str]:
        """Folded words of `chars[start:end]`."""
        cuts = [start, *(k for k in range(start + 1, end) if self.bounds[k]), end]
        return [self.chars[a:b] for a, b in itertools.pairwise(cuts) if b > a]

    def owners(self, start: int, end: int) -> list[Mark]:
        """Marks that any of `chars[start:end]` belongs to."""
        if end <= start:
            return []
        first, last = self.at[start], self.at[end - 1]
        return [
            m for m, (a, b) in zip(self.marks, self.spans, strict=True) if a <= last and first < b
        ]

    def whole(self, start: int, end: int) -> bool:
        """Whether `chars[start:end]` is everything that counts in the marks it belongs to."""
        before = [k for k in (start - 1,) if k >= 0]
        after = [k for k in (end,) if k < len(self.at)]
        owned = [
            s for s in self.spans if end > start
            and s[0] <= self.at[end - 1] and self.at[start] < s[1]
        ]  # fmt: skip
        return not any(a <= self.at[k] < b for k in before + after for a, b in owned)

    def box(self, start: int, end: int) -> Box:
        """Box of `chars[start:end]`; a part of an item gets its share of the item's length."""
        if end <= start:
            return union_box([m.box for m in self.marks])
        first, last = self.at[start], self.at[end - 1] + 1
        boxes = []
        for m, (a, b) in zip(self.marks, self.spans, strict=True):
            if a < last and first < b:
                size = max(b - a, 1)
                boxes.append(_part(m, max(first - a, 0) / size, min((last - a) / size, 1.0)))
        return union_box(boxes)


def _part(m: Mark, start: float, end: float) -> Box:
    """Bounding box of the part of an item from one share of its length to another."""
    x0, y0, x1, y1 = m.box
    corners = list(m.item.polygon)
    if len(corners) != 4:
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    first, second, third, fourth = corners
    if m.height > 1.5 * m.width and len(m.item.text.strip()) > 1:  # written downwards
        first, second, third, fourth = second, third, fourth, first

    def between(a: Point, b: Point, share: float) -> Point:
        return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share

    points = [between(first, second, s) for s in (start, end)]
    points += [between(fourth, third, s) for s in (start, end)]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs), max(ys)
