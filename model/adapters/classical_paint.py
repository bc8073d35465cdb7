"""Erasing text and setting another with ordinary image processing: no randomness, nothing learned.

Fonts are those of the training split of `synth`, so none is the very font of our benchmark suite.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.adapters.classical_look import Floats, Look, Mask, Pixels, Plane
from synth import typeface

SMOOTH = 6.0
"""Backgrounds that differ from a plane by less (8-bit steps, see `Look`) are painted as one."""
ROLES: tuple[typeface.Role, ...] = (
    "sans", "bold", "condensed", "display", "serif", "serif-bold", "hand", "sound", "pixel", "mono",
)  # fmt: skip

# --- fonts ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the text is set: what makes the old text fit its own ink.

    Attributes:
        file: font below the fonts folder.
        size: in plane pixels.
        stretch: horizontal factor of the glyphs.
        tracking: added between two characters, in plane pixels before stretching.
        baseline: plane coordinate of the baseline.
    """

    file: str
    size: int
    stretch: float = 1.0
    tracking: float = 0.0
    baseline: float = 0.0

    def draw(self, text: str, outline: int = 0) -> tuple[Floats, int]:
        """The text as coverage in 0..1, cut to its ink, and its top relative to the baseline."""
        font = typeface.load(self.file, self.size)
        pens = [font.getlength(text[:i]) + i * self.tracking for i in range(len(text))]
        boxes = [font.getbbox(c, anchor="ls", stroke_width=outline) for c in text]
        spans = [(b, pen) for b, pen in zip(boxes, pens, strict=True) if b[2] > b[0]]
        left = int(np.floor(min((b[0] + pen for b, pen in spans), default=0)))
        right = int(np.ceil(max((b[2] + pen for b, pen in spans), default=1)))
        top = int(np.floor(min((b[1] for b, _ in spans), default=-1)))
        bottom = int(np.ceil(max((b[3] for b, _ in spans), default=0)))
        canvas = Image.new("L", (max(1, right - left), max(1, bottom - top)), 0)
        brush = ImageDraw.Draw(canvas)
        for character, pen in zip(text, pens, strict=True):
            brush.text(
                (pen - left, -top), character, fill=255, font=font, anchor="ls",
                stroke_width=outline,
            )  # fmt: skip
        width = max(1, round(canvas.width * self.stretch))
        wide = canvas.resize((width, canvas.height), Image.Resampling.LANCZOS)
        return np.asarray(wide, dtype=np.float32) / np.float32(255), top


def can_write(file: str, text: str) -> bool:
    """Whether a font has a glyph for every character; missing ones look like U+FFFF does."""
    font = typeface.load(file, 32)
    absent = _glyph(font, "\uffff")
    return all(c.isspace() or _glyph(font, c) != absent for c in text)


def _glyph(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def match_setting(seen: Look, source: str, target: str) -> Setting | None:
    """The font that covers the old text best, sized to it; None when no font has the new text.

    Each font sets the old text in the height of the ink. Where both fall into the same number of
    columns (letters, as a rule) each column is compared by itself, so that spacing does not decide;
    the mean overlap (intersection over union) wins, with a malus for fonts that must be stretched
    far. The fonts are those of the training split: none is the very font of our benchmark suite.
    """
    x0, y0, x1, y1 = seen.box()
    ink = seen.body[y0 - seen.y : y1 - seen.y, x0 - seen.x : x1 - seen.x]
    best: tuple[float, Setting] | None = None
    for role in ROLES:
        file = typeface.font_file("train", role)
        if can_write(file, target) and can_write(file, source):
            score, setting = _fit(file, ink, source, y0)
            if best is None or score > best[0]:
                best = (score, setting)
    return best[1] if best else None


def _fit(file: str, ink: Mask, source: str, top_of_ink: int) -> tuple[float, Setting]:
    """How well a font covers the ink of a text, and how it must be set to do so."""
    height, width = ink.shape
    at_100 = typeface.load(file, 100).getbbox(source, anchor="ls")
    size = int(np.clip(round(100 * height / max(1.0, at_100[3] - at_100[1])), 6, 800))
    drawn, top = Setting(file=file, size=size).draw(source)
    whole = width / drawn.shape[1]
    ours, theirs = _columns(ink), _columns(drawn > 0.5)
    if len(ours) == len(theirs) > 1:
        ratios = [(b - a) / (d - c) for (a, b), (c, d) in zip(ours, theirs, strict=True)]
        stretch = float(np.clip(np.median(ratios), 0.5, 2.0))
        tracking = (width / stretch - drawn.shape[1]) / max(1, len(source) - 1)
        tracking = float(np.clip(tracking, -0.02 * size, 0.3 * size))
        weights = [b - a for a, b in ours]
        overlaps = [
            _overlap(ink[:, a:b], drawn[:, c:d])
            for (a, b), (c, d) in zip(ours, theirs, strict=True)
        ]
        score = float(np.average(overlaps, weights=weights)) - 0.2 * float(np.std(np.log(ratios)))
    else:
        stretch, tracking = float(np.clip(whole, 0.5, 2.0)), 0.0
        score = _overlap(ink, drawn)
    setting = Setting(
        file=file, size=size, stretch=stretch, tracking=tracking, baseline=top_of_ink - top
    )
    odd = 0.15 * abs(float(np.log(stretch))) + 0.5 * abs(tracking) / size
    return score - odd, setting


def _columns(ink: Mask) -> list[tuple[int, int]]:
    """Runs of columns with ink: start and end, end excluded."""
    filled = np.concatenate([[False], ink.any(axis=0), [False]]).astype(np.int8)
    edges = np.diff(filled)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _overlap(ink: Mask, drawn: Floats) -> float:
    """Intersection over union after stretching the drawn text to the ink's size."""
    fitted = cv2.resize(drawn, (ink.shape[1], ink.shape[0]), interpolation=cv2.INTER_AREA) > 0.5
    return float((fitted & ink).sum() / max(1, (fitted | ink).sum()))


# --- painting ---------------------------------------------------------------------------------


def erase(image: Pixels, plane: Plane, seen: Look) -> Pixels:
    """The image without the ink: painted with the fitted ground, or filled from around it."""
    size = (image.shape[1], image.shape[0])
    reach = max(2, round(0.07 * plane.height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    hole = cv2.copyMakeBorder(
        seen.ink.astype(np.uint8), reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0
    )
    hole = np.asarray(cv2.dilate(hole, kernel), dtype=np.float32)
    cover = plane.project(hole, seen.x - reach, seen.y - reach, size)
    if seen.roughness > SMOOTH:
        mask = (cover > 0.1).astype(np.uint8) * 255
        # The cost grows with the square of the radius, the benefit hardly at all.
        return _inpaint(image, mask, 4)
    ground = np.asarray(
        cv2.copyMakeBorder(seen.ground, reach, reach, reach, reach, cv2.BORDER_REPLICATE),
        np.float32,
    )
    # Coverage and colour are projected together, so that their quotient has no dark rim.
    laid = plane.project(ground * hole[..., None], seen.x - reach, seen.y - reach, size)
    alpha = np.clip(cover, 0, 1)[..., None]
    painted = image * (1 - alpha) + laid * (alpha / np.maximum(cover, 1e-3)[..., None])
    return np.asarray(np.clip(np.rint(painted), 0, 255), dtype=np.uint8)


def _inpaint(image: Pixels, mask: Pixels, radius: int) -> Pixels:
    """OpenCV's fast-marching inpainting, on the part of the image that it concerns."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return image
    margin = 4 * radius
    y0, y1 = max(0, rows[0] - margin), rows[-1] + 1 + margin
    x0, x1 = max(0, columns[0] - margin), columns[-1] + 1 + margin
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    hole = np.ascontiguousarray(mask[y0:y1, x0:x1])
    result: Pixels = image.copy()
    result[y0:y1, x0:x1] = cv2.inpaint(part, hole, radius, cv2.INPAINT_TELEA)
    return result


def write(
    image: Pixels, plane: Plane, seen: Look, setting: Setting, text: str,
    room: tuple[float, float], align: str,
) -> Pixels:  # fmt: skip
    """Set a text on the plane in the colours of the old one.

    Args:
        image: (height, width, 3) uint8 RGB.
        plane: of the text's box.
        seen: the old text, for its place and colours.
        setting: font and size.
        text: what to write.
        room: plane coordinates between which it must stay; it is set narrower, and then smaller,
            to do so.
        align: ``left`` or ``centre``, relative to the old text.
    """
    drawn, top = setting.draw(text)
    available = max(room[1] - room[0], 4.0)
    if drawn.shape[1] > available:
        narrow = max(available / drawn.shape[1], 0.7)
        small = min(1.0, available / (drawn.shape[1] * narrow))
        setting = replace(
            setting, size=max(4, int(setting.size * small)), stretch=setting.stretch * narrow
        )
        drawn, top = setting.draw(text)
    x0, _, x1, _ = seen.box()
    left = float(x0) if align == "left" else (x0 + x1 - drawn.shape[1]) / 2
    left = min(max(left, room[0]), max(room[0], room[1] - drawn.shape[1]))
    layers = [(drawn, left, setting.baseline + top, seen.colour)]
    if seen.rim is not None:
        colour, width = seen.rim
        wide = max(1, round(width))
        around, rim_top = setting.draw(text, outline=wide)
        place = left - wide * setting.stretch
        layers.insert(0, (around, place, setting.baseline + rim_top, colour))
    size = (image.shape[1], image.shape[0])
    result: Floats = image.astype(np.float32)
    for coverage, x, y, colour in layers:
        framed = np.asarray(
            cv2.copyMakeBorder(coverage, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=0), np.float32
        )
        alpha = plane.project(framed, round(x) - 4, round(y) - 4, size)[..., None]
        result = result * (1 - alpha) + np.array(colour, dtype=np.float32) * alpha
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)
