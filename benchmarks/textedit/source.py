"""Where the source text stands in the original: every place it can be, ranked by evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from benchmarks.textedit.layout import Counts, Mark, Stream, chains, fold
from benchmarks.textedit.official import Box
from metrics.text import best_window, squeeze

FUZZY = 0.6
"""A misread source must be at least this similar to what stands there."""
FUZZY_LENGTH = 3
"""Shorter sources must be read exactly: everything is similar to one or two characters."""
IN_REGION = 0.2
"""A place with less of its box inside the known edit regions is another instance."""
MOST_INSTANCES = 8
"""Equal instances beyond this are not tried, so that a page of equal words stays cheap."""


class Rank(IntEnum):
    """How well a place answers to the source, best last."""

    FUZZY = 0
    SUBSTRING = 1
    WORD = 2
    TOKEN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """A place where the source stands.

    Attributes:
        rank: ``TOKEN``: all of one or more items; ``WORD``: whole words of a longer text;
            ``SUBSTRING``: a part of a word; ``FUZZY``: something similar.
        cased: whether case and punctuation agree as well.
        stream: the row or rows it stands in.
        start: first character in `stream.chars`.
        end: behind the last one.
        overlap: share of its box inside the known edit regions, in [0, 1]; 0 when none are known.
    """

    rank: Rank
    cased: bool
    stream: Stream
    start: int
    end: int
    overlap: float

    @property
    def box(self) -> Box:
        """Where it stands in the original, in pixels."""
        return self.stream.box(self.start, self.end)

    @property
    def owners(self) -> list[Mark]:
        """Marks that hold any of its characters."""
        return self.stream.owners(self.start, self.end)

    @property
    def evidence(self) -> tuple[Rank, bool, float]:
        """What places are compared by, the most telling first."""
        return self.rank, self.cased, round(self.overlap, 6)


def covered(box: Box, by: Sequence[Box]) -> float:
    """Share of a box that lies inside others, which should not overlap each other, in [0, 1]."""
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
    shares = [
        max(min(box[2], b[2]) - max(box[0], b[0]), 0)
        * max(min(box[3], b[3]) - max(box[1], b[1]), 0)
        / area
        for b in by
    ]
    return min(sum(shares), 1.0)


def find_source(
    rows: Sequence[list[Mark]],
    source_text: str,
    counts: Counts,
    regions: Sequence[Box] = (),
) -> tuple[list[Instance], list[Instance]]:
    """The places of the source.

    The better rank comes first, then equal case and punctuation, then the larger overlap with the
    known edit regions. Where there are such regions, places outside of them are not the source.

    Args:
        rows: of the original image.
        source_text: the text to be replaced, which may stand on up to three lines.
        counts: which characters count, see `Stream.of`.
        regions: boxes in which the edit is known to take place, if anything is known.

    Returns:
        The places with the best evidence, in reading order (several when nothing tells which was
        meant), and all places found. Both are empty when the source is not readable.
    """
    source = fold(source_text, counts)
    streams = [Stream.of(run, counts) for run in chains(rows)]
    found = [
        _place(s, start, end, source, source_text, regions)
        for s in streams
        for start, end in _occurrences(s, source)
    ]
    if not found and len(source) >= FUZZY_LENGTH:
        found = _similar(streams, source, source_text, regions)
    inside = [i for i in found if i.overlap >= IN_REGION] if regions else found
    best = max((i.evidence for i in inside), default=None)
    return [i for i in inside if i.evidence == best][:MOST_INSTANCES], found


def _occurrences(stream: Stream, source: str) -> Iterator[tuple[int, int]]:
    """Parts of a stream that equal the source; across rows only those that touch every row."""
    start = stream.chars.find(source)
    while start >= 0:
        end = start + len(source)
        if not stream.breaks or (start < stream.breaks[0] and stream.breaks[-1] < end):
            yield start, end
        start = stream.chars.find(source, start + 1)


def _place(
    stream: Stream, start: int, end: int, source: str, source_text: str, regions: Sequence[Box]
) -> Instance:
    if stream.chars[start:end] != source:
        rank = Rank.FUZZY
    elif stream.whole(start, end):
        rank = Rank.TOKEN
    else:
        bounded = stream.bounds[start] and stream.bounds[end]
        rank = Rank.WORD if bounded else Rank.SUBSTRING
    return Instance(
        rank=rank,
        cased=squeeze(source_text) in squeeze(stream.raw_with_edges(start, end)),
        stream=stream,
        start=start,
        end=end,
        overlap=covered(stream.box(start, end), regions),
    )


def _similar(
    streams: Sequence[Stream], source: str, source_text: str, regions: Sequence[Box]
) -> list[Instance]:
    """The most similar parts of the streams, if any is similar enough."""
    windows = [(best_window(source, s.chars), s) for s in streams if s.chars]
    top = max((w.similarity for w, _ in windows), default=0.0)
    if top < FUZZY:
        return []
    # Joined rows repeat what their rows alone have; they are there for texts on several lines.
    best = [(w, s) for w, s in windows if w.similarity == top]
    fewest = min(len(s.breaks) for _, s in best)
    return [
        _place(s, w.start, w.end, source, source_text, regions)
        for w, s in best
        if len(s.breaks) == fewest
    ]
