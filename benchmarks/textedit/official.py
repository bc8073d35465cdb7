"""The arithmetic of the released TextEdit scorer, to the last quirk, as pure functions.

Source: open-compass/TextEdit@0ca14ba, `classic_ocr_tools.py` and `classic_metrics_eval.py`, re-told
here from their behaviour. Nothing is mended on purpose: the defects are numbered in docs/errata.md,
and `benchmarks.textedit.strict` is the scorer without them. Boxes are (x0, y0, x1, y1) in pixels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

Box = tuple[float, float, float, float]
Point = tuple[float, float]

LINE_GAP = 10.0
"""Pixels between vertical centres from which on two items are on different lines."""

Exit = Literal["", "no_text_in_original", "no_source_line", "no_text_in_output"]
"""Why all five numbers are 0 without having been computed; empty when they were."""


class HasBox(Protocol):
    """Anything that has a bounding box."""

    @property
    def box(self) -> Box:
        """(x0, y0, x1, y1) in pixels."""
        ...


class Readable(HasBox, Protocol):
    """A recognised piece of text; `metrics.ocr.TextItem` is one."""

    @property
    def text(self) -> str:
        """As recognised."""
        ...


B = TypeVar("B", bound=HasBox)
R = TypeVar("R", bound=Readable)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialScores:
    """The five numbers of one sample, each in [0, 1], higher is better, and what they rest on.

    Attributes:
        OA: target accuracy.
        OP: precision.
        OR: recall.
        F1: harmonic mean of OP and OR.
        NED: 1 - normalised edit distance at the place of the source item.
        exit: why everything is 0, if it is not computed.
        region: the edit region, a box; None before it is known.
    """

    OA: float = 0.0
    OP: float = 0.0
    OR: float = 0.0
    F1: float = 0.0
    NED: float = 0.0
    exit: Exit = ""
    region: Box | None = None


# --- texts ------------------------------------------------------------------------------------


def norm(text: str) -> str:
    """Fold a text: NFKC, lower case, then letters and digits only (spaces go too).

    >>> norm("Ｃａｆé №5, price!")
    'caféno5price'
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in folded if c.isalnum())


def similarity(a: str, b: str) -> float:
    """1 - Levenshtein distance / (length of the longer text + 1e-5), on code points.

    In [0, 1]; exactly 1 for equal texts, and a little above 0 for texts with nothing in common
    (1e-5 / length), which is why every unused line counts as a match (defect C6).

    >>> similarity("", "")
    1.0
    """
    from rapidfuzz.distance import Levenshtein

    return 1 - Levenshtein.distance(a, b) / (max(len(a), len(b)) + 1e-5)


def joined(items: Iterable[Readable]) -> str:
    """Texts of items joined without a space, then folded."""
    return norm("".join(i.text for i in items))


# --- boxes ------------------------------------------------------------------------------------


def polygon_box(polygon: Sequence[Sequence[float]]) -> Box:
    """Bounding box of a polygon."""
    xs, ys = [p[0] for p in polygon], [p[1] for p in polygon]
    return min(xs), min(ys), max(xs), max(ys)


def iou(a: Box, b: Box) -> float:
    """Intersection over union, in [0, 1] for proper boxes; 0 when the union is not positive."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    inter = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union if union > 0 else 0.0


def centre(box: Box) -> Point:
    """Centre (x, y) of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def point_in(point: Point, box: Box) -> bool:
    """Whether a point is in a box, its sides included."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def union_box(boxes: Sequence[Box]) -> Box:
    """Smallest box around boxes; all zeros for none."""
    if not boxes:
        return 0, 0, 0, 0
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def group_into_lines(items: Sequence[B], y_threshold: float = LINE_GAP) -> list[list[B]]:
    """Lines from top to bottom, each from left to right.

    Items are sorted by vertical centre; one joins the line when its centre is less than
    `y_threshold` from the item added last, so a staircase of items is one line (defect C8).
    Both sorts are stable.
    """
    lines: list[list[B]] = []
    for item in sorted(items, key=lambda i: centre(i.box)[1]):
        if lines and abs(centre(item.box)[1] - centre(lines[-1][-1].box)[1]) < y_threshold:
            lines[-1].append(item)
        else:
            lines.append([item])
    for line in lines:
        line.sort(key=lambda i: i.box[0])
    return lines


# --- one sample -------------------------------------------------------------------------------


def find_edit_line(lines: Sequence[Sequence[Readable]], source: str) -> int | None:
    """Index of the line that is taken for the one to be edited.

    A line that contains the folded source anywhere counts 1, any other its similarity; the first
    of the best wins (defect C1). None when the best is below .5.

    Args:
        lines: of the original image.
        source: folded source text.
    """
    best, found = 0.0, None
    for index, line in enumerate(lines):
        text = joined(line)
        value = 1.0 if source in text else similarity(source, text)
        if value > best:
            best, found = value, index
    return found if best >= 0.5 else None


def target_accuracy(
    in_region: Sequence[Readable], edited: Sequence[Readable], source: str, target: str
) -> float:
    """OA, in [0, 1]: how well one item or line in the edit region reads as the target.

    It is multiplied by .2 when the folded source is anywhere in the text of the whole edited image
    and the folded target is not (defect C10).

    Args:
        in_region: edited items in the edit region.
        edited: all edited items, in the engine's order.
        source: folded source text.
        target: folded target text.
    """
    best = 0.0
    for text in [norm(i.text) for i in in_region] + [
        joined(g) for g in group_into_lines(in_region)
    ]:
        best = max(best, similarity(target, text))
    everything = joined(edited)
    if source in everything and target not in everything:
        best *= 0.2
    return best


def background_similarity(
    original: Sequence[Sequence[Readable]], edited: Sequence[Sequence[Readable]]
) -> float:
    """Sum over the original's background lines of the similarity to the edited line they get.

    From top to bottom, each takes the most similar edited line that is left, however little similar
    (defect C6).
    """
    left = [joined(line) for line in edited]
    total = 0.0
    for line in original:
        text = joined(line)
        best, found = 0.0, None
        for index, other in enumerate(left):
            value = similarity(text, other)
            if value > best:
                best, found = value, index
        if found is not None:
            del left[found]
        total += best
    return total


def roi_ned(
    original: Sequence[Readable], edited: Sequence[Readable], source_text: str, target_text: str
) -> float:
    """NED, in [0, 1]: similarity of the target to what stands at the place of the source item.

    0 when no original item is more than .6 similar to the source, or no edited item overlaps it
    with an IoU above .3. Multiplied by .2 when that text is still the source (above .9) and source
    and target differ (below .5).
    """
    source, target = norm(source_text), norm(target_text)
    best, place = 0.6, None
    for item in original:
        value = similarity(source, norm(item.text))
        if value > best:
            best, place = value, item.box
    if place is None:
        return 0.0
    there = [i for i in edited if iou(i.box, place) > 0.3]
    if not there:
        return 0.0
    text = joined(sorted(there, key=lambda i: i.box[0]))
    value = similarity(target, text)
    if similarity(source, text) > 0.9 and similarity(source, target) < 0.5:
        value *= 0.2
    return value


def ocr_metrics(
    source_text: str, target_text: str, original: Sequence[R], edited: Sequence[R]
) -> OfficialScores:
    """OA, OP, OR, F1 and NED of one sample.

    Args:
        source_text: the text to be replaced.
        target_text: the text to be written.
        original: reading of the original image, in the engine's order.
        edited: reading of the edited image after it was resized to the original's size.
    """
    source, target = norm(source_text), norm(target_text)
    if not original:
        return OfficialScores(exit="no_text_in_original")
    lines = group_into_lines(original)
    at = find_edit_line(lines, source)
    if at is None:
        return OfficialScores(exit="no_source_line")
    region = union_box([i.box for i in lines[at]])
    if not edited:
        return OfficialScores(exit="no_text_in_output", region=region)
    in_region: list[R] = []
    outside: list[R] = []
    for item in edited:
        inside = iou(item.box, region) > 0.5 or point_in(centre(item.box), region)
        (in_region if inside else outside).append(item)
    accuracy = target_accuracy(in_region, edited, source, target)
    kept = group_into_lines([i for n, line in enumerate(lines) if n != at for i in line])
    found = group_into_lines(outside)
    unit = 0.5 / len(kept) if kept else 0.0
    right = accuracy * 0.5 + background_similarity(kept, found) * unit
    recall = right / (0.5 + len(kept) * unit)
    precision = right / (0.5 + len(found) * unit)
    both = precision + recall
    return OfficialScores(
        OA=accuracy,
        OP=precision,
        OR=recall,
        F1=2 * precision * recall / both if both > 0 else 0.0,
        NED=roi_ned(original, edited, source_text, target_text),
        region=region,
    )


# --- what is done with CLIP features ----------------------------------------------------------


def clip_scores(image_features: Floats, text_features: Floats) -> NDArray[np.floating]:
    """2.5 * max(cosine, 0) per row, in [0, 2.5]; computed in the features' own precision.

    Args:
        image_features: (n, d); float16 when the released script runs on a GPU.
        text_features: (n, d), of the same type.
    """
    import numpy as np

    images = image_features / np.sqrt(np.sum(image_features**2, axis=1, keepdims=True))
    texts = text_features / np.sqrt(np.sum(text_features**2, axis=1, keepdims=True))
    found: NDArray[np.floating] = 2.5 * np.clip(np.sum(images * texts, axis=1), 0, None)
    return found
