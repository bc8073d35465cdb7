"""What is left of the source at its place, whatever else the edited image is read as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.textedit.layout import Counts, Mark, Stream, chains, fold, measure, rows_of
from benchmarks.textedit.slot import MOVED
from benchmarks.textedit.source import Instance
from metrics.ocr import TextItem
from metrics.text import best_window, similarity, squeeze, window_similarity

STILL_SOURCE = 0.9
"""A slot at least this similar to the source, and less so to the target, is the source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """A text to look for, word for word.

    Attributes:
        text: as written.
        folded: what counts of it.
        cased: whether case and punctuation must agree as well, because source and target differ
            in nothing else.
    """

    text: str
    folded: str
    cased: bool

    @classmethod
    def of(cls, text: str, counts: Counts, *, cased: bool) -> Wording:
        """Wording of a text."""
        return cls(text=text, folded=fold(text, counts), cased=cased)

    def count(self, stream: Stream, start: int = 0, end: int | None = None) -> int:
        """How often it stands in a part of a stream whose ends count as word bounds.

        In several joined rows only what uses all of them counts, the rest is counted row by row.
        """
        end, found = len(stream.chars) if end is None else end, 0
        at = stream.chars.find(self.folded, start, end) if self.folded else -1
        while at >= 0:
            to = at + len(self.folded)
            bounded = (at == start or stream.bounds[at]) and (to == end or stream.bounds[to])
            across = all(at < b < to for b in stream.breaks)
            written = squeeze(stream.raw_with_edges(at, to))
            if bounded and across and (not self.cased or squeeze(self.text) in written):
                found += 1
            at = stream.chars.find(self.folded, at + 1, end)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Remains:
    """What is left of the source at its place.

    Attributes:
        source: what to look for.
        standing: what to look for as well: the whole word that the source is a part of.
        target: what belongs there now.
        inside_target: how often the source is a part of the target.
        count: how often it is left, beyond what belongs there.
        likeness: how similar to the source the rest of the text there is, in [0, 1).
    """

    source: Wording
    standing: Wording
    target: Wording
    inside_target: int
    count: int
    likeness: float

    @classmethod
    def at(
        cls, place: Instance, here: Sequence[Mark], texts: tuple[str, str], counts: Counts
    ) -> Remains:
        """Look at the text of the edited image around a place.

        Args:
            place: of the source in the original.
            here: marks of the edited image near it that are not unchanged background.
            texts: source and target.
            counts: what counts, see `Stream.of`.
        """
        cased = fold(texts[0], counts) == fold(texts[1], counts)
        source, target = (Wording.of(t, counts, cased=cased) for t in texts)
        start, end = whole_words(place)
        standing = Wording.of(place.stream.raw_slice(start, end), counts, cased=cased)
        inside = 0 if cased else source.count(_plain(texts[1], counts))
        rows = rows_of(here)
        streams = [Stream.of(run, counts) for run in chains(rows)]
        found = [max(source.count(s), standing.count(s)) for s in streams]
        return cls(
            source=source,
            standing=standing,
            target=target,
            inside_target=inside,
            count=max(sum(found) - inside - _belongs(place, source), 0),
            likeness=_likeness([Stream.of([r], counts) for r in rows], place, source, target),
        )

    def is_slot(self, line: Stream, start: int, end: int) -> bool:
        """Whether what stands for the target is, or contains, the source."""
        slot = line.chars[start:end]
        for wording in (self.source, self.standing):
            like = similarity(wording.folded, slot)
            if like >= STILL_SOURCE and like > similarity(self.target.folded, slot):
                return True
            # The ends of the slot are word bounds, so that an unspaced leftover is seen.
            if wording.count(line, start, end) > self.inside_target:
                return True
        return False


def whole_words(place: Instance) -> tuple[int, int]:
    """The part of the stream that a place stands in, up to the next word bounds."""
    start, end = place.start, place.end
    while not place.stream.bounds[start]:
        start -= 1
    while not place.stream.bounds[end]:
        end += 1
    return start, end


def _belongs(place: Instance, source: Wording) -> int:
    """How often the source stands beside the place in the same items, where it has to stay."""
    stream, owners = place.stream, {id(m) for m in place.owners}
    spans = [s for m, s in zip(stream.marks, stream.spans, strict=True) if id(m) in owners]
    low, high = min(a for a, _ in spans), max(b for _, b in spans)
    first, last = sum(n < low for n in stream.at), sum(n < high for n in stream.at)
    return source.count(stream, first, place.start) + source.count(stream, place.end, last)


def _likeness(rows: Sequence[Stream], place: Instance, source: Wording, target: Wording) -> float:
    """Similarity to the source of what neither belongs to its line nor to the target.

    0 for sources of one or two characters, to which everything is similar.
    """
    if len(source.folded) < 3:
        return 0.0
    stream = place.stream
    around = stream.words(0, place.start) + stream.words(place.end, len(stream.chars))
    rest: list[str] = []
    for row in rows:
        text = "".join(w for w in row.words(0, len(row.chars)) if w not in around)
        part = best_window(target.folded, text)
        known = part.similarity >= MOVED
        rest += [text[: part.start], text[part.end :]] if known else [text]
    return min(max((window_similarity(source.folded, t) for t in rest if t), default=0.0), 0.99)


def _plain(text: str, counts: Counts) -> Stream:
    """A text as a stream that stands nowhere."""
    return Stream.of([measure([TextItem(((0, 0), (1, 0), (1, 1), (0, 1)), text, 1.0)])], counts)
