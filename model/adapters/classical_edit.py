"""Setting another text in the place of one that was found: the editing of `classical`.

Ordinary image processing tells ink from ground (`classical_look`) and removes it, and a font sets
the new text in its place, colour, size and angle (`classical_paint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from metrics.ocr import TextItem
from model.adapters.classical_find import Place, alignment, fold

if TYPE_CHECKING:
    from model.adapters.classical_look import Look, Pixels, Plane


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
