"""What the heuristic judge goes by: measured quantities about one edited picture.

Everything is computed by the functions of the metrics, over pictures that are decoded once and
readings from the reader's cache. Three things are done so that a right answer is never charged for
what the instruments do: letters are compared with the target and with how the engine reads it in
the ground truth; text elsewhere is compared with the ground truth's reading, and where no pixel
changed it is there, whatever the engine reads; a picture that was moved as a whole is moved back
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.textedit.background import Line, match_background
from benchmarks.textedit.errata import ErrataPolicy, apply_errata
from benchmarks.textedit.heuristic_rules import RULES, VERSION, Grades, grade
from benchmarks.textedit.layout import Stream, rows_of
from benchmarks.textedit.layout import measure as marks_of
from benchmarks.textedit.measured_pixels import (
    NEAR,
    OUTSIDE,
    SLOT,
    STYLE,
    Place,
    Sheet,
    find_place,
    measure_outside,
    measure_slot,
)
from benchmarks.textedit.ocr_metrics import OcrStrict
from benchmarks.textedit.pictures import (
    NotApplicable,
    edit_region,
    load_pictures,
    output_path,
    reference,
)
from benchmarks.textedit.slot import unchanged_marks
from benchmarks.textedit.views import strict_views
from evals.core.types import JSON, Item, fingerprint
from metrics.fidelity import Region, inner
from metrics.masks import fill
from metrics.ocr import OcrReader, TextItem
from metrics.text import distance, normalise, similarity, squeeze, visible

CODE = 1
"""Raised whenever a quantity can change; part of the judge's identity."""

READABLE = 0.5
"""A target that the engine reads less similar than this in the ground truth cannot be judged by
reading."""
UNLIKE, CLEARLY_LIKE = 0.25, 0.75
"""A reading less similar to the target than the first, over a slot whose `progress` is at least the
second, is a fault of the engine."""
UNTOUCHED = 0.98
"""Text whose pixels have at least this SSIM with the original is as it was."""
INSIDE = 0.5
"""A text with this share of its area in the slot, or of the slot in its own, is the edited one."""
TEXT = ("letters_off", "capitals_off", "likeness", "old_text")
OTHERS = ("texts_lost", "texts_invented", "text_recall", "text_precision", "text_similarity")
QUANTITIES = (*TEXT, *OTHERS, *OUTSIDE, *SLOT, *STYLE)
"""All names; what each is stands in `benchmarks.textedit.heuristic_rules.RULES`."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The quantities of one sample.

    Attributes:
        values: those that could be measured, by name.
        absent: why the others could not, by name.
        said: what a person needs to check a value, by name: the text that was read.
    """

    values: Mapping[str, float]
    absent: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)


def measure(item: Item, reader: OcrReader, errata: ErrataPolicy = "off") -> Measured:
    """Measure one sample.

    Args:
        item: a TextEdit sample and its answer.
        reader: of the OCR metrics, whose readings are used again.
        errata: what to do with records whose fields contradict their prompt.

    Raises:
        ImageError: a picture cannot be decoded.
        UserError: the OCR engine is absent.
    """
    sheet = Sheet()
    try:
        known = apply_errata(reference(item), errata)
        if known is None:
            raise NotApplicable("errata exclude the record")
        pictures = load_pictures(item)
        place = find_place(pictures, edit_region(item, pictures, reader))
    except NotApplicable as reason:
        sheet.skip(QUANTITIES, str(reason))
        return _done(sheet)
    longest = max(len(normalise(t)) for t in (known.source_text, known.target_text))
    expected = _elsewhere(_read_expected(item, reader), place, longest)
    found = _elsewhere(_read_output(item, reader, place.moved), place, longest)
    _others(sheet, expected, found)
    measure_outside(sheet, pictures, place, _without_changed_text(place.outside, expected, found))
    if place.truth is None:
        sheet.skip((*SLOT, *STYLE), "the sample has no ground truth")
    elif not place.slot.any():
        sheet.skip((*SLOT, *STYLE), "the slot is empty")
    else:
        measure_slot(sheet, place, place.truth)
    strict = OcrStrict(reader=reader, errata=errata)
    _spelling(sheet, item, strict, known.target_text, _standing(expected))
    return _done(sheet)


def _done(sheet: Sheet) -> Measured:
    return Measured(values=sheet.values, absent=sheet.absent, said=sheet.said)


# --- the new text -----------------------------------------------------------------------------


def _letters(text: str) -> str:
    """What counts of a text: letters and digits, or all signs where it has none."""
    return normalise(text) or squeeze(text)


def _spelling(
    sheet: Sheet, item: Item, strict: OcrStrict, target: str, standing: frozenset[str]
) -> None:
    """How far what stands for the target is from it, by reading.

    Args:
        sheet: with the quantities of the slot, if there are any.
        item: the sample and its answer.
        strict: reads both.
        target: the text to be written.
        standing: folded words that stand elsewhere as they always did.
    """
    try:
        scores, ideal = strict.strict(item)[0], None
        if item.sample.reference_images:
            truth = replace(item, images=(item.sample.reference_images[0],))
            ideal = strict.strict(truth)[0]
    except NotApplicable as reason:
        sheet.skip(TEXT, str(reason))
        return
    written = scores.slot
    if ideal is not None and _alike(target, ideal.slot) < READABLE > _alike(target, written):
        sheet.skip(TEXT, "this engine does not read the target in the ground truth either")
        return
    if _letters(written) != _letters(target) and set(map(_letters, written.split())) <= standing:
        written = ""  # nothing is read at the place, and a neighbour was taken for it
    # A reading of the ground truth that is nothing like the target is no other way to write it.
    wanted = [target, *([ideal.slot] if ideal and _alike(target, ideal.slot) >= READABLE else [])]
    likeness = max(_alike(t, written) for t in wanted)
    if likeness < UNLIKE and sheet.values.get("progress", 0.0) >= CLEARLY_LIKE:
        sheet.skip(TEXT, "this engine reads nothing like the target where pixels are like it")
        return
    off = min(distance(_letters(t), _letters(written)) for t in wanted)
    seen = min(distance(visible(t), visible(written)) for t in wanted)
    sheet.put(letters_off=off, capitals_off=max(0, seen - off), likeness=likeness)
    sheet.said["letters_off"] = f"read as {_quoted(written)}" if written else "nothing is read"
    if ideal is not None and not ideal.source_erased:
        sheet.skip(("old_text",), "the source is read at its place in the ground truth, too")
    else:
        sheet.put(old_text=1.0 - (scores.source_erased or 0.0))


def _alike(one: str, other: str) -> float:
    return similarity(_letters(one), _letters(other))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


# --- text elsewhere ---------------------------------------------------------------------------

_Seen = tuple[TextItem, float]
"""A text away from the slot, and the SSIM of its pixels with the original."""


def _read_expected(item: Item, reader: OcrReader) -> list[TextItem]:
    """What the ground truth says; the original where there is none."""
    original = item.sample.images[0]
    path = item.sample.reference_images[0] if item.sample.reference_images else original
    return reader.read(path, strict_views(original, path)[1])


def _read_output(item: Item, reader: OcrReader, moved: tuple[float, float]) -> list[TextItem]:
    """What the output says, with its shift undone."""
    path = output_path(item)
    items = reader.read(path, strict_views(item.sample.images[0], path)[1])
    return [
        TextItem(tuple((x - moved[0], y - moved[1]) for x, y in i.polygon), i.text, i.confidence)
        for i in items
    ]


def _elsewhere(items: Sequence[TextItem], place: Place, longest: int) -> list[_Seen]:
    """The texts that are not the edited one. A long line that runs through the slot is among them.

    Args:
        items: in pixels of the original.
        place: see `Place`.
        longest: letters of the longer one of source and target.
    """
    height, width = place.slot.shape
    area = max(1, int(np.count_nonzero(place.slot)))
    # Nearer to the slot, the window of SSIM looks into it.
    clear = inner(place.outside)
    found: list[_Seen] = []
    for item in items:
        x0, y0, x1, y1 = (round(v) for v in item.box)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1 + 1, width), min(y1 + 1, height)
        if x1 <= x0 or y1 <= y0 or not normalise(item.text):
            continue
        at = np.s_[y0:y1, x0:x1]
        inside = fill([(x - x0, y - y0) for x, y in item.polygon], (x1 - x0, y1 - y0))
        there = int(np.count_nonzero(inside & place.slot[at]))
        short = len(normalise(item.text)) <= 1.5 * longest
        if there >= INSIDE * inside.sum() or (short and there >= INSIDE * area):
            continue
        beyond = next((b for r in (clear, place.outside) if (b := inside & r[at]).any()), None)
        like = 1.0
        if beyond is not None:
            like = float(place.same[at][beyond].mean()) if place.same is not None else 0.0
        found.append((item, like))
    return found


def _standing(seen: Sequence[_Seen]) -> frozenset[str]:
    """Folded words of the texts whose pixels are as they were."""
    items = [i for i, like in seen if like >= UNTOUCHED]
    return frozenset(_letters(w) for i in items for w in i.text.split())


def _lines(items: Sequence[TextItem]) -> list[Line]:
    streams = [Stream.of([row]) for row in rows_of(marks_of(items))]
    return [Line(s.chars, tuple(s.words(0, len(s.chars)))) for s in streams]


def _others(sheet: Sheet, expected: Sequence[_Seen], found: Sequence[_Seen]) -> None:
    """How much of the text elsewhere is there, and how much that was not asked for."""
    still = sum(len(normalise(i.text)) for i, like in expected if like >= UNTOUCHED)
    match = match_background(
        *(_lines([i for i, like in seen if like < UNTOUCHED]) for seen in (expected, found))
    )
    wanted, has, kept = match.expected + still, match.found + still, match.kept + still
    sheet.put(
        texts_lost=len(match.lost),
        texts_invented=len(match.invented),
        text_recall=kept / wanted if wanted else 1.0,
        text_precision=kept / has if has else 1.0,
        text_similarity=min((like for _, like in expected), default=1.0),
    )
    for name, texts in (("texts_lost", match.lost), ("texts_invented", match.invented)):
        if texts:
            sheet.said[name] = ", ".join(_quoted(t) for t in sorted(texts, key=len)[-3:])
    if not expected:
        sheet.said["text_recall"] = "no other text is read in the ground truth"


def _without_changed_text(
    outside: Region, expected: Sequence[_Seen], found: Sequence[_Seen]
) -> Region:
    """The background without texts that came, went or changed: those are another question."""
    before, after = (marks_of([i for i, _ in seen]) for seen in (expected, found))
    same = unchanged_marks(before, after)
    kept = {id(m) for marks in same.values() for m in marks}
    gone = [m for m in before if id(m) not in kept] + [m for m in after if not same[id(m)]]
    rest = outside.copy()
    for mark in gone:
        x0, y0, x1, y1 = (round(v) for v in mark.box)
        margin = 2 * NEAR
        rest[max(0, y0 - margin) : y1 + margin + 1, max(0, x0 - margin) : x1 + margin + 1] = False
    return rest


# --- for the judge ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Grader:
    """Measures an item and grades it; pickles to a few words."""

    reader: OcrReader
    errata: ErrataPolicy = "off"

    def __call__(self, item: Item) -> Grades:
        """Score and sentence by dimension, see `benchmarks.textedit.heuristic_rules.grade`."""
        return grade(measure(item, self.reader, self.errata))


def grader(reader: OcrReader, errata: ErrataPolicy = "off") -> Grader:
    """How the heuristic judge grades TextEdit."""
    return Grader(reader=reader, errata=errata)


def measures(reader: OcrReader, errata: ErrataPolicy = "off") -> dict[str, JSON]:
    """Identity of what is measured with; ``absent``, where nothing can be, says why."""
    known: dict[str, JSON] = {
        "rules": VERSION,
        "table": fingerprint([[d, [list(r.identity()) for r in rs]] for d, rs in RULES.items()]),
        "code": CODE,
        "errata": errata,
    }
    absence = reader.absence()
    if absence is not None:
        return {**known, "ocr": "absent", "absent": {"reason": absence.reason, "fix": absence.fix}}
    return {**known, "ocr": reader.identity()}
