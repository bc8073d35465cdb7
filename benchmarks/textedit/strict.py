"""What the OCR numbers should be: the released idea without its defects.

The algorithm, in one breath: find where the source stands in the original, by the best evidence
(`source.find_source`); take the original line with the source replaced by the target as the
expected text; look in the edited image for the text that reads most like it, first at the place,
then anywhere that is not unchanged background (`slot.candidates`); align both, which gives the
characters that stand for the target (`slot.cut`); everything else, on that line too, is background
and is matched with the original's background in characters (`background.match_background`). Of all
consistent readings the one that is best for the model counts.

* OA: similarity of what stands for the target, half of it with letter case and meaningful
  punctuation. A source left beside the target is part of what stands there. Times .2 when the
  source is still readable at its place and the target is not near it.
* OP and OR: OA times the share of the background's characters in the output that belong there, and
  times the share of those in the original that are still there. F1 is their harmonic mean. A copy
  of the input has OA near 0 and so has all of them near 0.
* NED: similarity with case and punctuation, same factor .2.

A source that this engine cannot read in the original makes the sample unscorable, never 0. Which
released defect each rule mends is listed in docs/errata.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.textedit.background import Line, Match, match_background
from benchmarks.textedit.layout import (
    Counts,
    Located,
    Mark,
    Stream,
    counting,
    fold,
    measure,
    rows_of,
)
from benchmarks.textedit.official import Box
from benchmarks.textedit.remains import Remains
from benchmarks.textedit.slot import Frame, Region, candidates, cut, frames, unchanged_marks
from benchmarks.textedit.source import IN_REGION, Instance, Rank, covered, find_source
from metrics.text import similarity, squeeze, visible

NOT_DONE = 0.2
"""Factor on OA and NED when the source is still there and the target is not, as released."""

Reason = Literal["", "no_text_in_original", "source_not_found"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StrictScores:
    """The numbers of one sample, each in [0, 1]; None throughout when it cannot be scored.

    Attributes:
        OA: target accuracy, higher is better.
        OP: precision, higher is better.
        OR: recall, higher is better.
        F1: harmonic mean of OP and OR.
        NED: 1 - normalised edit distance with case and punctuation, higher is better.
        residual_source: how well the source is still readable at its place, lower is better.
        target_present: 1 when the target stands there word for word, else 0.
        source_erased: 1 when the source is not readable at its place any more, else 0.
        reason: why the sample cannot be scored; empty when it can.
        slot: what stands for the target, as written.
        expected_line: the text that the edited line should have, as written.
        edited_line: the text that it has, as written.
        region: of the source in the original, a box.
        rank: evidence for that place.
        lost: background texts of the original without a counterpart.
        invented: texts of the output without a counterpart.
    """

    OA: float | None = None
    OP: float | None = None
    OR: float | None = None
    F1: float | None = None
    NED: float | None = None
    residual_source: float | None = None
    target_present: float | None = None
    source_erased: float | None = None
    reason: Reason = ""
    slot: str = ""
    expected_line: str = ""
    edited_line: str = ""
    region: Box | None = None
    rank: str = ""
    lost: tuple[str, ...] = field(default=())
    invented: tuple[str, ...] = field(default=())


def strict_metrics(
    source_text: str,
    target_text: str,
    original: Sequence[Located],
    edited: Sequence[Located],
    regions: Sequence[Box] = (),
) -> StrictScores:
    """Score one sample; the order of the items does not matter.

    Args:
        source_text: the text to be replaced.
        target_text: the text to be written.
        original: reading of the original image.
        edited: reading of the edited image, in pixels of the original's size.
        regions: boxes in which the edit is known to take place, where that is known.
    """
    counts = counting(source_text, target_text)
    before = measure(original)
    if not before:
        return StrictScores(reason="no_text_in_original")
    best, every = find_source(rows_of(before), source_text, counts, regions)
    if not best:
        return StrictScores(reason="source_not_found")
    task = _Task(
        source_text, target_text, counts, before, measure(edited), tuple(every), tuple(regions)
    )
    same = unchanged_marks(before, task.edited)
    readings = [r for place in best for r in _readings(task, place, same)]
    return _best_reading(task, readings)


def is_ambiguous(source_text: str, target_text: str, original: Sequence[Located]) -> bool:
    """Whether the texts alone leave doubt about where the source stands in the original.

    There are several places, or the only one is a part of a word or just similar. It is then worth
    finding out where the edit is meant to take place, see `strict_metrics`.
    """
    counts = counting(source_text, target_text)
    places = find_source(rows_of(measure(original)), source_text, counts)[1]
    return len(places) > 1 or any(p.rank < Rank.WORD for p in places)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    source_text: str
    target_text: str
    counts: Counts
    original: list[Mark]
    edited: list[Mark]
    places: tuple[Instance, ...]
    regions: tuple[Box, ...]
    known_rows: dict[tuple[int, ...], list[list[Mark]]] = field(default_factory=dict)

    def rows(self, marks: list[Mark]) -> list[list[Mark]]:
        """`rows_of`, once for the same marks: the readings share most backgrounds."""
        key = tuple(id(m) for m in marks)
        if key not in self.known_rows:
            self.known_rows[key] = rows_of(marks)
        return self.known_rows[key]

    @property
    def source(self) -> str:
        return fold(self.source_text, self.counts)

    @property
    def target(self) -> str:
        return fold(self.target_text, self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """One consistent way to read the edited image, without its background yet."""

    place: Instance
    frame: Frame
    line: Stream
    start: int
    end: int
    OA: float
    NED: float
    residual: float
    present: bool

    @property
    def erased(self) -> bool:
        return self.residual < 1


def _readings(task: _Task, place: Instance, same: dict[int, list[Mark]]) -> list[_Reading]:
    owners = set(place.owners)
    fixed = {n for n, marks in same.items() if any(m not in owners for m in marks)}
    region = Region.around(place, task.source, task.target)
    lines = candidates(task.edited, fixed, region, task.target, task.counts)
    here = [m for m in task.edited if id(m) not in fixed and region.holds(m.box, wide=False)]
    remains = Remains.at(place, here, (task.source_text, task.target_text), task.counts)
    return [_read(task, place, remains, region, f, n) for f in frames(place) for n in lines]


def _read(
    task: _Task, place: Instance, remains: Remains, region: Region, frame: Frame, line: Stream
) -> _Reading:
    start, end = cut(frame, task.target, line)
    slot = _written(task.target_text, line, start, end)
    inside = remains.is_slot(line, start, end)
    left = inside or remains.count > 0
    present = remains.target.count(line, start, end) > 0
    near = any(region.holds(m.box, wide=True) for m in line.owners(start, end)) or (
        not line.breaks and any(region.holds(m.box, wide=False) for m in line.marks)
    )
    factor = NOT_DONE if left and not (present and near) else 1.0
    # A source left elsewhere at the place is written beside the target, whatever row it is on.
    text = f"{slot} {task.source_text}" if remains.count and not inside else slot
    folded = similarity(task.target, fold(text, task.counts))
    cased = similarity(visible(task.target_text), visible(text))
    return _Reading(
        place=place,
        frame=frame,
        line=line,
        start=start,
        end=end,
        OA=factor * (folded + cased) / 2,
        NED=factor * similarity(squeeze(task.target_text), squeeze(slot)),
        residual=1.0 if left else remains.likeness,
        present=present,
    )


def _best_reading(task: _Task, readings: Sequence[_Reading]) -> StrictScores:
    """The reading with the best F1; F1 is at most OA, which spares most backgrounds."""
    best: StrictScores | None = None
    for reading in sorted(readings, key=lambda r: -r.OA):
        if best is not None and (best.F1 or 0.0) >= reading.OA:
            break
        scores = _with_background(task, reading)
        if best is None or (scores.F1 or 0.0) > (best.F1 or 0.0):
            best = scores
    assert best is not None  # every place has a reading, if only that nothing is there
    return best


def _written(target_text: str, line: Stream, start: int, end: int) -> str:
    """The slot as written, with those signs around it that the target has around it too."""
    if end <= start:
        return ""
    first, last = line.at[start], line.at[end - 1] + 1
    text = line.raw[first:last]
    flat = squeeze(target_text)
    head = flat[: next((n for n, c in enumerate(flat) if c.isalnum()), 0)]
    tail = flat[len(flat.rstrip("".join(c for c in flat if not c.isalnum()))) :]
    for sign in reversed(head):
        if first and squeeze(line.raw[first - 1]) == sign:
            first, text = first - 1, sign + text
    for sign in tail:
        if last < len(line.raw) and squeeze(line.raw[last]) == sign:
            last, text = last + 1, text + sign
    return text


# --- the rest of the picture ------------------------------------------------------------------


def _line(stream: Stream, start: int, end: int) -> Line:
    return Line(stream.chars[start:end], tuple(stream.words(start, end)))


def _edited_background(task: _Task, reading: _Reading) -> list[Line]:
    line, used = reading.line, set(reading.line.marks)
    rest = [
        Stream.of([r], task.counts) for r in task.rows([m for m in task.edited if m not in used])
    ]
    parts = [_line(line, 0, reading.start), _line(line, reading.end, len(line.chars))]
    return [*(_line(s, 0, len(s.chars)) for s in rest), *parts]


def _original_background(task: _Task, reading: _Reading, *, others_too: bool) -> list[Line]:
    """Lines that should still be there; with `others_too` every other such source is replaced."""
    frame, used = reading.frame, set(reading.frame.marks)
    rows = task.rows([m for m in task.original if m not in used])
    parts = [(s, 0, len(s.chars)) for s in (Stream.of([r], task.counts) for r in rows)]
    parts += [(frame.stream, frame.first, frame.start), (frame.stream, frame.end, frame.last)]
    return [_expected(task, *part, others_too=others_too) for part in parts]


def _expected(task: _Task, stream: Stream, start: int, end: int, *, others_too: bool) -> Line:
    """A part of the original with the sources in it replaced: those in known regions, or all."""
    words: list[str] = []
    done, at = start, stream.chars.find(task.source, start, end)
    while at >= 0:
        to = at + len(task.source)
        bounded = (at == start or stream.bounds[at]) and (to == end or stream.bounds[to])
        asked = (
            covered(stream.box(at, to), task.regions) >= IN_REGION if task.regions else others_too
        )
        if bounded and asked:
            words += [*stream.words(done, at), task.target]
            done = to
        at = stream.chars.find(task.source, max(at + 1, done), end)
    words += stream.words(done, end)
    return Line("".join(words), tuple(words))


def _match(task: _Task, reading: _Reading) -> Match:
    """The better match of a background in which other sources stayed or were replaced as well."""
    found = _edited_background(task, reading)
    tries = [False] if task.regions or len(task.places) < 2 else [False, True]
    matches = [
        match_background(_original_background(task, reading, others_too=o), found) for o in tries
    ]
    return max(matches, key=lambda m: (m.recall * m.precision(len(task.target)), m.kept))


def _with_background(task: _Task, reading: _Reading) -> StrictScores:
    match = _match(task, reading)
    precision = reading.OA * match.precision(len(task.target))
    recall = reading.OA * match.recall
    both = precision + recall
    frame, line = reading.frame, reading.line
    parts = (
        frame.stream.raw_slice(frame.first, frame.start), task.target_text,
        frame.stream.raw_slice(frame.end, frame.last),
    )  # fmt: skip
    return StrictScores(
        OA=reading.OA,
        OP=precision,
        OR=recall,
        F1=2 * precision * recall / both if both > 0 else 0.0,
        NED=reading.NED,
        residual_source=reading.residual,
        target_present=float(reading.present),
        source_erased=float(reading.erased),
        slot=_written(task.target_text, line, reading.start, reading.end),
        expected_line=" ".join(p for p in parts if p),
        edited_line=line.raw,
        region=reading.place.box,
        rank=reading.place.rank.name.lower(),
        lost=match.lost,
        invented=match.invented,
    )
