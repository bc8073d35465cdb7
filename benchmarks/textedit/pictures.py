"""What the pixel metrics look at: the three pictures of a sample, and where the edit may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.textedit.reference import TextEditReference
from evals.core.errors import ImageError
from evals.core.images import load_rgb
from evals.core.protocols import Metric, no_score
from evals.core.types import JSON, Item, Score
from metrics.fidelity import Pixels, Region
from metrics.masks import EditRegion, Polygon, bounding_box, derive, difference, fill, read_mask
from metrics.ocr import OcrReader, TextItem

MIN_SIMILARITY = 0.5
"""An OCR item this similar to the source text may be it, misread."""


class NotApplicable(Exception):
    """A sample that cannot be scored for any model; the message says why."""


def guarded(metric: Metric, item: Item, work: Callable[[Item], Score]) -> Score:
    """`work(item)`, or the score without a value where the sample or a file of it does not do."""
    try:
        return work(item)
    except NotApplicable as reason:
        return no_score(metric, item, "not_applicable", str(reason))
    except ImageError as error:
        return no_score(metric, item, "failed", f"{error.kind}: {error}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """The pictures of a sample, decoded, all of the original's size.

    Attributes:
        original: (height, width, 3) uint8.
        truth: the ground truth; None where the sample has none.
        output: what the model made of it.
        output_size: (width, height) that the model wrote.
        notes: which of them were resized.
    """

    original: Pixels
    truth: Pixels | None
    output: Pixels
    output_size: tuple[int, int]
    notes: Mapping[str, str]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the original."""
        return self.original.shape[1], self.original.shape[0]

    def evidence(self) -> dict[str, JSON]:
        """Both sizes, for the score."""
        return {"original_size": list(self.size), "output_size": list(self.output_size)}


def output_path(item: Item) -> Path:
    """The file with the model's picture.

    Raises:
        ImageError: the prediction holds no image.
    """
    if not item.images:
        raise ImageError("not_found", f"the prediction for {item.sample.id} holds no image")
    return item.images[0]


def load_pictures(item: Item) -> Pictures:
    """Decode the pictures of a sample as a person sees them.

    Pixels can be compared at one size only, so pictures of another size are brought to the
    original's with LANCZOS, as the released script does before OCR; that is noted.

    Raises:
        NotApplicable: the sample has no original.
        ImageError: a file cannot be decoded.
    """
    original, truth, notes = _known_pictures(item)
    output, output_size = _at_size(
        output_path(item), "output", (original.shape[1], original.shape[0]), notes
    )
    return Pictures(
        original=original, truth=truth, output=output, output_size=output_size, notes=notes
    )


def _known_pictures(item: Item) -> tuple[Pixels, Pixels | None, dict[str, str]]:
    """Original, ground truth at the original's size, and notes, see `load_pictures`."""
    if not item.sample.images:
        raise NotApplicable("the sample has no original image")
    notes: dict[str, str] = {}
    original, size = _at_size(item.sample.images[0], "original", None, notes)
    truth = None
    if item.sample.reference_images:
        truth, _ = _at_size(item.sample.reference_images[0], "truth", size, notes)
    return original, truth, notes


def _at_size(
    path: Path, what: str, size: tuple[int, int] | None, notes: dict[str, str]
) -> tuple[Pixels, tuple[int, int]]:
    """The pixels at a size, and the size they had; notes a difference."""
    from PIL import Image

    image = load_rgb(path)
    own = image.size
    if size is not None and own != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
        notes[f"{what}_resized"] = f"from {own[0]}x{own[1]} to {size[0]}x{size[1]}, LANCZOS"
    return np.asarray(image, np.uint8), own


def reference(item: Item) -> TextEditReference:
    """The typed reference of a TextEdit sample.

    Raises:
        NotApplicable: the sample is of another benchmark.
    """
    if not isinstance(item.sample.reference, TextEditReference):
        raise NotApplicable("the sample carries no TextEdit reference")
    return item.sample.reference


def edit_region(item: Item, pictures: Pictures, reader: OcrReader) -> EditRegion:
    """Where the edit may be: the data's mask, or one derived from ground truth and OCR.

    Raises:
        NotApplicable: neither the ground truth's difference nor the source text's box is usable.
        ImageError: the mask file cannot be read.
    """
    return _region(item, pictures.original, pictures.truth, reader)


def slot_box(item: Item, reader: OcrReader) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """Where the edit may be, for what looks at the slot alone; the output is not opened.

    Returns:
        Box (x0, y0, x1, y1) in px of the original, the last two exclusive, and the original's
        (width, height).

    Raises:
        NotApplicable: there is no slot, see `edit_region`.
        ImageError: original, ground truth or mask cannot be read.
    """
    original, truth, _ = _known_pictures(item)
    box = bounding_box(_region(item, original, truth, reader).mask)
    if box is None:
        raise NotApplicable("the slot is empty")
    return box, (original.shape[1], original.shape[0])


def _region(item: Item, original: Pixels, truth: Pixels | None, reader: OcrReader) -> EditRegion:
    known = reference(item)
    if known.mask is not None:
        size = original.shape[1], original.shape[0]
        return EditRegion(mask=read_mask(known.mask, size), origin="data")
    differs = np.zeros(original.shape[:2], np.bool_)
    if truth is not None:
        differs = difference(original, truth)
    outline = None
    if reader.absence() is None:
        items = reader.read(item.sample.images[0])
        outline = source_outline(items, known.source_text, differs)
    region = derive(differs, outline)
    if region is None:
        why = "was not found" if reader.absence() is None else "was not looked for (no OCR engine)"
        share = float(differs.mean())
        raise NotApplicable(
            f"no mask: ground truth and original differ over {share:.0%} of the picture, and the "
            f"source text {why} in the original"
        )
    return region


def source_outline(items: Sequence[TextItem], source: str, differs: Region) -> Polygon | None:
    """Outline of the source text among the OCR items of the original.

    Candidates are items that are the source, contain it as a word, contain it, or are similar to
    it, in this order. The ground truth replaced the source, so where it differs from the original
    a candidate that does not touch the difference is another instance and is left out; between
    equals the one that covers most of the difference wins.

    Args:
        items: reading of the original.
        source: the text to be replaced.
        differs: (height, width) bool, from `metrics.masks.difference`; may be empty.

    Returns:
        A polygon (of the matching part, where the item contains more), or None.
    """
    height, width = differs.shape
    matches: list[tuple[int, int, float, Polygon]] = []
    for item in items:
        rank, similarity = _match(item.text, source)
        if rank == 0:
            continue
        polygon = _part(item, source)
        overlap = int(np.count_nonzero(differs & fill(polygon, (width, height))))
        if overlap or not differs.any():
            matches.append((rank, overlap, similarity, polygon))
    return max(matches, key=lambda m: m[:3])[3] if matches else None


def _fold(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in normal if c.isalnum())


def _match(text: str, source: str) -> tuple[int, float]:
    """(rank, similarity): 4 equal, 3 as a word, 2 inside, 1 similar, 0 no match."""
    from rapidfuzz.distance import Levenshtein

    found, wanted = _fold(text), _fold(source)
    if not found or not wanted:
        return 0, 0.0
    similarity = Levenshtein.normalized_similarity(found, wanted)
    if found == wanted:
        return 4, similarity
    if wanted in (_fold(word) for word in text.split()):
        return 3, similarity
    if wanted in found:
        return 2, similarity
    return (1, similarity) if similarity >= MIN_SIMILARITY else (0, similarity)


def _part(item: TextItem, source: str) -> Polygon:
    """The part of an item's outline that the source takes, as if all characters were equally wide.

    Half a character is added on both sides, because they are not.
    """
    found, wanted = _fold(item.text), _fold(source)
    if len(item.polygon) != 4 or wanted not in found or found == wanted:
        return item.polygon
    start = found.index(wanted)
    low = max(0.0, (start - 0.5) / len(found))
    high = min(1.0, (start + len(wanted) + 0.5) / len(found))
    top_left, top_right, bottom_right, bottom_left = item.polygon

    def along(a: tuple[float, float], b: tuple[float, float], share: float) -> tuple[float, float]:
        return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])

    return (
        along(top_left, top_right, low),
        along(top_left, top_right, high),
        along(bottom_left, bottom_right, high),
        along(bottom_left, bottom_right, low),
    )
