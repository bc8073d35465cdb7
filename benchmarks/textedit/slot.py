"""What stands in the place of the target: candidates in the edited image, and the cut through them.

The expected text of the edited line is known: the original line with the source replaced by the
target. Aligning it with what was read tells which characters stand for the target, wherever the
line's neighbours moved and however the engine cut it into items.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.textedit.layout import Counts, Mark, Stream, chains, fold, rows_of
from benchmarks.textedit.official import Box, centre, iou, point_in
from benchmarks.textedit.source import Instance, Rank, covered
from metrics.text import distance, similarity, window_similarity

UNCHANGED = 0.8
"""An edited item this similar to an original one at the same place is that one."""
MOVED = 0.6
"""A text away from the region must be this similar to the target to be taken for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One way to say what belongs to the edited line: a stream of the original and its parts.

    Attributes:
        stream: of the original image.
        first: where the line begins in `stream.chars`.
        start: where the replaced part begins.
        end: behind the replaced part.
        last: behind the line.
        marks: of the original that make up the line; all others are background.
    """

    stream: Stream
    first: int
    start: int
    end: int
    last: int
    marks: tuple[Mark, ...]

    @property
    def prefix(self) -> str:
        """What stands before the replaced part."""
        return self.stream.chars[self.first : self.start]

    @property
    def suffix(self) -> str:
        """What stands behind the replaced part."""
        return self.stream.chars[self.end : self.last]


def frames(place: Instance) -> list[Frame]:
    """The whole row, and only the items that hold the source; each also with whole words replaced.

    A source that is a part of a word (or was misread) may be replaced alone or with its word.
    """
    stream, owners = place.stream, place.owners
    starts = {id(m): a for m, (a, _) in zip(stream.marks, stream.spans, strict=True)}
    ends = {id(m): b for m, (_, b) in zip(stream.marks, stream.spans, strict=True)}
    first = sum(n < starts[id(owners[0])] for n in stream.at)
    last = sum(n < ends[id(owners[-1])] for n in stream.at)
    parts = [(place.start, place.end)]
    if place.rank in {Rank.SUBSTRING, Rank.FUZZY}:
        start, end = place.start, place.end
        while not stream.bounds[start]:
            start -= 1
        while not stream.bounds[end]:
            end += 1
        parts += [(start, end)] if (start, end) != parts[0] else []
    found = []
    for start, end in parts:
        found.append(Frame(stream, 0, start, end, len(stream.chars), stream.marks))
        if len(owners) < len(stream.marks):
            found.append(Frame(stream, first, start, end, last, tuple(owners)))
    return found


def unchanged_marks(original: Sequence[Mark], edited: Sequence[Mark]) -> dict[int, list[Mark]]:
    """For each edited mark's id the original marks that it can be: same place, similar text."""
    return {
        id(e): [
            o for o in original
            if _same_place(o.box, e.box)
            and similarity(fold(o.item.text), fold(e.item.text)) >= UNCHANGED
        ]
        for e in edited
    }  # fmt: skip


def _same_place(a: Box, b: Box) -> bool:
    return iou(a, b) >= 0.2 or point_in(centre(a), b) or point_in(centre(b), a)


@dataclass(frozen=True, slots=True)
class Region:
    """Where the edit belongs: the source's box, with room around it.

    Attributes:
        box: of the source in the original.
        tight: padded by half a text height.
        wide: padded so that a longer target fits whichever way it is aligned.
    """

    box: Box
    tight: Box
    wide: Box

    @classmethod
    def around(cls, place: Instance, source: str, target: str) -> Region:
        """Region of a place for a target that may be longer than the source."""
        x0, y0, x1, y1 = place.box
        height = median(min(m.height, m.width) if _upright(m) else m.height for m in place.owners)
        ratio = max(len(target) / max(len(source), 1), 1.0) - 1
        across, down = (x1 - x0) * ratio, (y1 - y0) * ratio
        sideways = max(0.5 * height, across + 0.5 * height if x1 - x0 >= y1 - y0 else 0)
        upwards = 1.5 * height + (down if y1 - y0 > x1 - x0 else 0)
        half = 0.5 * height
        return cls(
            (x0, y0, x1, y1),
            (x0 - half, y0 - half, x1 + half, y1 + half),
            (x0 - sideways, y0 - upwards, x1 + sideways, y1 + upwards),
        )

    def holds(self, box: Box, *, wide: bool) -> bool:
        """Whether a box belongs here: half of it is inside, or it covers much of the source."""
        inside = covered(box, [self.wide if wide else self.tight]) >= 0.5
        return inside or covered(self.box, [box]) >= 0.3


def _upright(m: Mark) -> bool:
    """Whether text runs downwards in its box."""
    return m.height > 1.5 * m.width and len(m.item.text.strip()) > 1


def candidates(
    edited: Sequence[Mark], fixed: Collection[int], region: Region, target: str, counts: Counts
) -> list[Stream]:
    """Texts of the edited image that can be the edited line, the nearest first, none twice.

    Args:
        edited: all marks of the edited image.
        fixed: ids of the marks that are unchanged background.
        region: where the edit belongs.
        target: folded target text.
        counts: what counts, see `Stream.of`.
    """
    near = {id(m) for m in edited if region.holds(m.box, wide=True)}
    loose = [m for m in edited if id(m) not in fixed]
    groups = [
        (rows_of(edited), near),
        (rows_of([m for m in loose if id(m) in near]), near),
        (rows_of(loose), set[int]()),
    ]
    found: dict[tuple[int, ...], Stream] = {}
    for rows, wanted in groups:
        close = [r for r in rows if any(id(m) in wanted for m in r)]
        for run in [*chains(close), *_side_by_side(close)]:
            found.setdefault(tuple(id(m) for r in run for m in r), Stream.of(run, counts))
        for run in chains(rows):
            if all(any(id(m) not in fixed for m in r) for r in run):
                stream = Stream.of(run, counts)
                if _reads_as(stream, target):
                    found.setdefault(tuple(id(m) for m in stream.marks), stream)
    return [*found.values(), Stream.of([], counts)]


def _side_by_side(rows: Sequence[list[Mark]]) -> list[list[list[Mark]]]:
    """Pairs of rows that stand at the same height, as one row from left to right."""
    pairs = []
    for n, one in enumerate(rows):
        for other in rows[n + 1 :]:
            apart = abs(one[0].centre[1] - other[0].centre[1])
            if apart < max(m.height for m in [*one, *other]):
                pairs.append([sorted([*one, *other], key=lambda m: m.centre)])
    return pairs


def _reads_as(stream: Stream, target: str) -> bool:
    """Whether a text away from the region can be the target; short ones must be exact words."""
    if len(target) < 3:
        return target in stream.words(0, len(stream.chars))
    return window_similarity(target, stream.chars) >= MOVED


def cut(frame: Frame, target: str, read: Stream) -> tuple[int, int]:
    """Which part of a read text stands for the target.

    The expected text (prefix, target, suffix) is aligned with the read one at the least edit
    distance, where a cut inside a word costs one edit more, unless the source was cut out of a word
    there. Of equally good cuts the one with fewest of those is taken, then the one whose part is
    most similar to the target, then the shortest.

    Args:
        frame: what stands around the target.
        target: folded target text.
        read: of the edited image.

    Returns:
        Start and end in `read.chars`.
    """
    text, size = read.chars, len(read.chars)
    before = [distance(frame.prefix, text[:p]) for p in range(size + 1)]
    behind = [distance(frame.suffix, text[q:]) for q in range(size + 1)]
    inner = (not frame.stream.bounds[frame.start], not frame.stream.bounds[frame.end])
    left = [0 if b or inner[0] else 1 for b in read.bounds]
    right = [0 if b or inner[1] else 1 for b in read.bounds]
    best = (distance(frame.prefix + target + frame.suffix, text) + 3, 0, 0.0, 0, 0)
    for p in range(size + 1):
        for q in range(p, size + 1):
            loose = left[p] + right[q]
            around = before[p] + behind[q] + loose
            if around + abs(len(target) - q + p) > best[0]:
                continue
            inside = distance(target, text[p:q])
            value = 1 - inside / max(len(target), q - p, 1)
            best = min(best, (around + inside, loose, -value, q - p, p))
    return best[4], best[4] + best[3]
