"""A text editor without a neural generator: find, erase, set again.

OCR finds the text of the instruction, ordinary image processing removes it (`classical_look`), and
a font sets the new text in its place, colour, size and angle (`classical_paint`). It needs no GPU,
gives the same result every time, and is the baseline that an image-generating model has to beat.
It sees what a model sees, the image and the instruction, never the reference.

When it does not find the text it returns the image as it is: that is its answer, and
``usage["edited"]`` is 0 then.
"""

from __future__ import annotations

import io
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from evals.core.errors import ImageError, UserError
from evals.core.images import load_rgb
from evals.core.types import JSON, Output, Sample, Task
from metrics.ocr import OcrReader, TextItem
from model.adapters.base import Adapter, check_options, failed, no_argument

if TYPE_CHECKING:
    from model.adapters.classical_look import Look, Pixels, Plane

VERSION = 1
OPTIONS = ("ocr",)
FUZZY = 0.6
"""Least similarity at which a reading is taken for a misread source text."""

LEAST_PART = 3
"""Shorter sources are not looked for inside words: a 9 is not the 9 of 1959."""

_PROMPT = re.compile(
    r"replace\s+(?:the\s+)?(?:text|word|words)?\s*(['\"‘“])(.+?)['\"’”]\s+(?:with|by|to)\s+"
    r"['\"‘“](.+)['\"’”]\s*\.?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_OCR_LOCK = threading.Lock()
"""Readers share one engine per process, and that engine is not made for threads."""


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


class Classical(Adapter):
    """See the module. Reads with an `OcrReader`, whose cache scoring can share.

    Args:
        reader: finds the texts.
    """

    name = "classical"
    tasks: frozenset[Task] = frozenset({"edit"})
    batch_size = 1
    concurrency = 2  # the reader has a lock, and OpenCV works outside the interpreter's

    def __init__(self, reader: OcrReader) -> None:
        self.reader = reader

    def describe(self) -> Mapping[str, JSON]:
        """Version of the method, the reader, and the fonts it sets text with."""
        from synth import typeface

        return {
            "adapter": self.name,
            "version": VERSION,
            "ocr": self.reader.engine_name,
            "fonts_sha256": typeface.digest(),
        }

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """How many instructions it does not understand, before the run starts."""
        strange = [s for s in samples if parse_prompt(s.prompt) is None]
        if not strange:
            return []
        return [
            f"{len(strange)} of {len(samples)} instructions do not ask to replace a text (first: "
            f"sample {strange[0].id}); classical returns those images unchanged."
        ]

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Replace the text that each instruction names; seeds have no meaning here."""
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Output:
        if not sample.images:
            return failed("missing_input", f"Sample {sample.id} has no image to edit.")
        path = sample.images[0]
        texts = parse_prompt(sample.prompt)
        if texts is None:
            return Output(images=(path,), usage={"edited": 0.0, "not_understood": 1.0})
        try:
            with _OCR_LOCK:
                items = self.reader.read(path)
            image = load_rgb(path)
        except ImageError as error:
            return failed("unreadable_input", str(error), origin="infrastructure")
        places = find_source(items, texts[0])
        if not places:
            return Output(images=(path,), usage={"edited": 0.0, "source_not_found": 1.0})
        import numpy as np

        canvas, edited = np.asarray(image, dtype=np.uint8), 0
        for place in places:
            result = edit_image(canvas, place, texts, items)
            if result is not None:
                canvas, edited = result, edited + 1
        if not edited:
            return Output(images=(path,), usage={"edited": 0.0, "not_separable": 1.0})
        return Output(images=(_png(canvas),), usage={"edited": float(edited)})


def edit_image(
    image: Pixels, place: Place, texts: tuple[str, str], items: Sequence[TextItem]
) -> Pixels | None:
    """Erase the text at a place and set the target there.

    Args:
        image: (height, width, 3) uint8 RGB; not changed.
        place: from `find_source`.
        texts: source and target text.
        items: all readings of the image, for the room that the new text has.

    Returns:
        The new image, or None when ink and ground cannot be told apart or no font has the target.
    """
    from model.adapters.classical_look import Plane, look
    from model.adapters.classical_paint import erase, match_setting, write

    try:
        plane = Plane.of(place.item.polygon)
    except ValueError:
        return None
    start, end = place.start * plane.width, place.end * plane.width
    partial = place.start > 0 or place.end < 1
    if partial:
        start, end = _snap(image, plane, start, end)
    seen = look(image, plane, start, end)
    if seen is None:
        return None
    source = place.text if fold(place.text) == fold(texts[0]) else texts[0]
    setting = match_setting(seen, source, texts[1])
    if setting is None:
        return None
    room = _room(plane, place, items, image.shape[1], seen)
    align = "left" if place.start > 0 or partial else alignment(place.item, items)
    return write(erase(image, plane, seen), plane, seen, setting, texts[1], room, align)


def _snap(image: Pixels, plane: Plane, start: float, end: float) -> tuple[float, float]:
    """Move estimated ends of a word to the middle of the nearest gap between letters."""
    import numpy as np

    from model.adapters.classical_look import look

    whole = look(image, plane, 0, plane.width)
    if whole is None:
        return start, end
    empty = np.flatnonzero(~whole.ink.any(axis=0)) + whole.x
    runs = np.split(empty, np.flatnonzero(np.diff(empty) > 1) + 1) if len(empty) else []
    middles = np.array([run.mean() for run in runs])
    sizes = np.array([len(run) for run in runs], dtype=float)

    def nearest_gap(at: float) -> float:
        reach = 0.5 * plane.height
        if not len(middles) or abs(middles - at).min() > reach:
            return at
        # A space is wider than a gap between letters: width counts against distance.
        return float(middles[np.argmax(sizes - 0.5 * abs(middles - at))])

    a = 0.0 if start <= 0 else nearest_gap(start)
    b = plane.width if end >= plane.width else nearest_gap(end)
    return (a, b) if b - a > 0.2 * plane.height else (start, end)


def _room(
    plane: Plane, place: Place, items: Sequence[TextItem], image_width: int, seen: Look
) -> tuple[float, float]:
    """Plane coordinates that the new text may fill without touching other text."""
    x0, _, x1, _ = (float(v) for v in seen.box())
    gap = 0.15 * plane.height
    corners = place.item.polygon
    if abs(corners[1][1] - corners[0][1]) > 0.35 * abs(corners[1][0] - corners[0][0]):
        # Clearly rotated: boxes say little about its neighbours, so it keeps to its own place.
        return (x0 - 2 * gap if place.start == 0 else x0, x1 + 2 * gap if place.end == 1 else x1)
    left, right = place.item.box[0], place.item.box[2]
    top, bottom = place.item.box[1], place.item.box[3]
    free_left, free_right = left, image_width - right
    for box in (i.box for i in items if i is not place.item):
        if min(box[3], bottom) - max(box[1], top) > 0.2 * (bottom - top):
            if box[0] >= right - 1:
                free_right = min(free_right, box[0] - right)
            if box[2] <= left + 1:
                free_left = min(free_left, left - box[2])
    low = x0 if place.start > 0 else x0 - max(0.0, free_left * plane.scale - gap)
    high = x1 if place.end < 1 else x1 + max(0.0, free_right * plane.scale - gap)
    return low, high


def _png(image: Pixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def make(argument: str | None, options: Mapping[str, JSON]) -> Classical:
    """Baseline without a network: reads, inpaints, sets the text anew; an editor should beat it.

    Args:
        argument: none.
        options: ``ocr``: name of the OCR engine (default ``rapidocr``).

    Raises:
        UserError: an argument, an unknown option, or an engine that is unknown or absent.
    """
    no_argument("classical", argument)
    check_options("classical", options, OPTIONS)
    engine = options.get("ocr", "rapidocr")
    if not isinstance(engine, str):
        raise UserError(f"The option 'ocr' of 'classical' is {engine!r}; give an engine's name.")
    reader = OcrReader(engine)
    absence = reader.absence()
    if absence is not None:
        raise UserError(f"classical cannot read texts: {absence}.")
    return Classical(reader)
