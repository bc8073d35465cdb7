"""What scoring a TextEdit sample needs beyond its prompt and images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Polygon = tuple[tuple[float, float], ...]
"""Corner points (x, y) in pixels of the original image, clockwise from top left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextBox:
    """A string that is drawn in the original image; known exactly for synthetic data only."""

    text: str
    polygon: Polygon


@dataclass(frozen=True, kw_only=True, slots=True)
class TextEditReference:
    """The fields of an official record, and what our own suites know on top.

    Attributes:
        record_id: the official integer id.
        sub_class: one of the 18 ids of the taxonomy, e.g. ``"1.4.2"``.
        source_text: the text to be replaced.
        target_text: the text to be written.
        caption: of the ground-truth image (`gt_caption`).
        mask: slot mask, 255 where the edit may change pixels; None on official data.
        slots: polygons of the slots of the edited text; empty on official data.
        texts: every string of the original with its box; empty on official data.
        spec_sha256: identity of the synthetic scene; empty on official data.
        errata: what is known to be wrong with this record, e.g. ``("cut_at_apostrophe",)``.
    """

    record_id: int
    sub_class: str
    source_text: str
    target_text: str
    caption: str
    mask: Path | None = None
    slots: tuple[Polygon, ...] = ()
    texts: tuple[TextBox, ...] = ()
    spec_sha256: str = ""
    errata: tuple[str, ...] = ()
