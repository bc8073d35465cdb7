"""One picture with text in it, of which everything is known.

A `Scene` is a finished background and a list of `Text`s, each in a slot of its own. The source
picture, the ground truth and every graded wrong answer are the same `Scene.render` call with other
strings, so they differ nowhere but where the strings differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from synth import typeface

RGB: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Quad: TypeAlias = tuple[Point, Point, Point, Point]
Picture: TypeAlias = NDArray[np.uint8]
Plane: TypeAlias = NDArray[np.float32]

DILATION = 6
"""Pixels by which the slot mask is wider than the slot: room for antialiasing and lens blur."""

_BLUR_REACH = 2
_PAD = 1


def box_quad(x0: float, y0: float, x1: float, y1: float) -> Quad:
    """The upright rectangle as a quad, clockwise from top left."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


class Box(NamedTuple):
    """A string where it stands in the picture: its role, and the quad around its ink."""

    role: str
    string: str
    polygon: Quad


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text and the slot it may fill.

    Attributes:
        role: name within the scene, e.g. ``"title"``.
        string: what the source picture says.
        slot: four corners in pixels, clockwise from the top left of the writing direction.
        font: file below the fonts folder.
        size: font size in pixels of the slot's own plane; made smaller until the string fits.
        fill: colour of the letters.
        align: where the line stands in its slot.
        shares: other strings that must get the same size, so that an edit keeps the style.
        stroke: width of the outline in pixels.
        stroke_fill: colour of the outline.
        shadow: offset in pixels and colour of a hard shadow; None for none.
        alpha: opacity.
        wear: 0 for clean ink, up to 1 for chalk or worn paint.
        absorb: 0 for ink of its own colour, up to 1 for ink that takes the ground's light.
        tracking: extra space between letters, as a share of the size; negative to overlap them.
        bounce: how far every other letter is lifted, as a share of the size.
        edited: whether the edit replaces this text.
    """

    role: str
    string: str
    slot: Quad
    font: str
    size: int
    fill: RGB
    align: Literal["left", "center", "right"] = "center"
    shares: tuple[str, ...] = ()
    stroke: int = 0
    stroke_fill: RGB = (0, 0, 0)
    shadow: tuple[int, int, RGB] | None = None
    alpha: float = 1.0
    wear: float = 0.0
    absorb: float = 0.0
    tracking: float = 0.0
    bounce: float = 0.0
    edited: bool = False

    @cached_property
    def flat(self) -> tuple[int, int]:
        """Width and height in pixels of the slot's own plane."""
        a, b, c, d = self.slot
        wide = (math.dist(a, b) + math.dist(d, c)) / 2
        high = (math.dist(a, d) + math.dist(b, c)) / 2
        return max(1, round(wide)), max(1, round(high))

    @cached_property
    def upright(self) -> bool:
        """Whether the slot is a rectangle on whole pixels, which needs no warping."""
        a, b, c, d = self.slot
        whole = all(float(v).is_integer() for p in self.slot for v in p)
        return whole and a[1] == b[1] and c[1] == d[1] and a[0] == d[0] and b[0] == c[0]

    @property
    def scale(self) -> int:
        """How many times larger the line is drawn before it is laid into its slot."""
        return 1 if self.upright else 2

    def size_for(self, string: str) -> int:
        """Font size for a string: that of the scene's own strings, less if it does not fit."""
        own = min(_largest(self, s) for s in (self.string, *self.shares))
        return own if string in (self.string, *self.shares) else min(own, _largest(self, string))

    def fits(self, string: str) -> bool:
        """Whether the string stands in the slot at the size of the scene's own strings."""
        own = min(_largest(self, s) for s in (self.string, *self.shares))
        return _largest(self, string) >= own


# All measures below are in pixels of the drawn plane, which is `Text.scale` times the slot's own:
# hinting rounds the advance of every letter, so a box measured at another size would be off.


def _plane(text: Text) -> tuple[int, int]:
    wide, high = text.flat
    return wide * text.scale, high * text.scale


def _margins(text: Text) -> tuple[int, int, int, int]:
    """Room (left, top, right, bottom) that outline and shadow take around the letters."""
    edge = (_PAD + text.stroke) * text.scale
    dx, dy = (v * text.scale for v in text.shadow[:2]) if text.shadow else (0, 0)
    return edge + max(0, -dx), edge + max(0, -dy), edge + max(0, dx), edge + max(0, dy)


def _pens(text: Text, string: str, size: int) -> list[tuple[str, float, float]]:
    """The pieces to draw and their pen positions: from the left, and down from the baseline."""
    if not text.tracking and not text.bounce:
        return [(string, 0.0, 0.0)]
    font, pen, pieces = typeface.load(text.font, size * text.scale), 0.0, []
    lift = round(text.bounce * size * text.scale / 2)
    for index, letter in enumerate(string):
        pieces.append((letter, float(round(pen)), float(lift if index % 2 else -lift)))
        pen += font.getlength(letter) + text.tracking * size * text.scale
    return pieces


def _ink(text: Text, string: str, size: int) -> tuple[int, int, int, int]:
    """Box of the letters (no outline) relative to the start of the baseline."""
    boxes = []
    for piece, pen, down in _pens(text, string, size):
        x0, y0, x1, y1 = typeface.ink(text.font, size * text.scale, piece)
        boxes.append((x0 + pen, y0 + down, x1 + pen, y1 + down))
    return (
        math.floor(min(b[0] for b in boxes)), math.floor(min(b[1] for b in boxes)),
        math.ceil(max(b[2] for b in boxes)), math.ceil(max(b[3] for b in boxes)),
    )  # fmt: skip


def _origin(text: Text, string: str, size: int) -> tuple[int, int]:
    """Start of the baseline: capitals are centred in height."""
    wide, high = _plane(text)
    x0, _, x1, _ = _ink(text, string, size)
    left, top, right, bottom = _margins(text)
    free = wide - left - right - (x1 - x0)
    start = {"left": 0, "center": free // 2, "right": free}[text.align]
    cap = typeface.cap_height(text.font, size * text.scale)
    return left + start - x0, top + (high - top - bottom + cap) // 2


@lru_cache(maxsize=4096)
def _fits_at(text: Text, string: str, size: int) -> bool:
    wide, high = _plane(text)
    left, top, right, bottom = _margins(text)
    x0, y0, x1, y1 = _ink(text, string, size)
    base = _origin(text, string, size)[1]
    inside = base + y0 >= top and base + y1 <= high - bottom
    return x1 - x0 <= wide - left - right and inside


@lru_cache(maxsize=4096)
def _largest(text: Text, string: str) -> int:
    """Largest size, from the wished one down to 4 px, at which the string fits."""
    low, high = 4, text.size
    if not string or _fits_at(text, string, high):
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if _fits_at(text, string, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _to_image(text: Text) -> NDArray[np.float64]:
    """Homography from the drawn plane to the picture."""
    flat = np.array(box_quad(0, 0, *_plane(text)), np.float32)
    # OpenCV puts pixel centres at whole numbers, this project pixel edges: half a pixel each way.
    matrix = cv2.getPerspectiveTransform(flat - 0.5, np.array(text.slot, np.float32) - 0.5)
    return np.asarray(matrix, np.float64)


def _coverage(text: Text, string: str) -> list[tuple[Plane, RGB]]:
    """Coverage in [0, 1] and colour of shadow, outline and letters, in the drawn plane."""
    size = text.size_for(string)
    x, y = _origin(text, string, size)
    font = typeface.load(text.font, size * text.scale)

    def drawn(dx: int, dy: int, stroke: int) -> Plane:
        layer = Image.new("L", _plane(text))
        pen = ImageDraw.Draw(layer)
        edge = stroke * text.scale
        for piece, offset, down in _pens(text, string, size):
            place = (x + dx * text.scale + offset, y + dy * text.scale + down)
            pen.text(place, piece, font=font, fill=255, anchor="ls", stroke_width=edge)
        return np.asarray(np.asarray(layer, np.float32) / np.float32(255), np.float32)

    layers = []
    if text.shadow:
        dx, dy, colour = text.shadow
        layers.append((drawn(dx, dy, text.stroke), colour))
    if text.stroke:
        layers.append((drawn(0, 0, text.stroke), text.stroke_fill))
    layers.append((drawn(0, 0, 0), text.fill))
    return layers


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A background, the texts on it, and what the camera does to both.

    Attributes:
        background: without any text; height x width x 3, 8-bit RGB.
        texts: in drawing order; their slots do not overlap.
        template: caption with a ``{role}`` for every text.
        light: factor per pixel (height x width), applied after the texts; None for none.
        blur: standard deviation in pixels of the lens; at most 0.8.
        grain: standard deviation of the film grain in grey levels.
        seed: of grain and wear.
    """

    background: Picture
    texts: tuple[Text, ...]
    template: str
    light: Plane | None = None
    blur: float = 0.0
    grain: float = 0.0
    seed: int = 0
    _cache: dict[str, Plane] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.background.shape[1]), int(self.background.shape[0])

    @property
    def strings(self) -> dict[str, str]:
        """What the source picture says, by role."""
        return {t.role: t.string for t in self.texts}

    @property
    def edited(self) -> tuple[Text, ...]:
        """The texts that the edit replaces."""
        return tuple(t for t in self.texts if t.edited)

    @property
    def slots(self) -> tuple[Quad, ...]:
        """Slots of the edited texts, in pixels."""
        return tuple(t.slot for t in self.edited)

    def render(self, strings: Mapping[str, str] | None = None) -> Picture:
        """The picture as 8-bit RGB.

        Args:
            strings: by role, instead of the scene's own; an empty string draws nothing.

        Raises:
            KeyError: a role that the scene does not have.
        """
        said = self._said(strings)
        canvas = self.background.copy()
        for text in self.texts:
            if said[text.role].strip():
                self._write(canvas, text, said[text.role])
        return self.photographed(canvas)

    def photographed(self, canvas: Picture) -> Picture:
        """Light, lens and grain over a composed picture: the same everywhere for equal pixels."""
        if self.light is None and not self.blur and not self.grain:
            return canvas
        seen = canvas.astype(np.float32)
        if self.light is not None:
            seen *= self.light[..., None]
        if self.blur:
            reach = 2 * _BLUR_REACH + 1
            seen = cv2.GaussianBlur(np.clip(seen, 0, 255), (reach, reach), self.blur)
        if self.grain:
            seen += self._field("grain")[..., None]
        return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)

    def boxes(self, strings: Mapping[str, str] | None = None) -> list[Box]:
        """Every string with the quad around its ink, outline included, in drawing order."""
        said = self._said(strings)
        result = []
        for text in self.texts:
            string = said[text.role]
            if not string.strip():
                continue
            size = text.size_for(string)
            x, y = _origin(text, string, size)
            x0, y0, x1, y1 = _ink(text, string, size)
            edge = text.stroke * text.scale
            corners = box_quad(x + x0 - edge, y + y0 - edge, x + x1 + edge, y + y1 + edge)
            points = np.array([corners], np.float64)
            if text.upright:
                placed = points[0] + np.array(text.slot[0])
            else:
                placed = cv2.perspectiveTransform(points - 0.5, _to_image(text))[0] + 0.5
            a, b, c, d = ((round(float(px), 2), round(float(py), 2)) for px, py in placed.tolist())
            result.append(Box(text.role, string, (a, b, c, d)))
        return result

    def mask(self) -> Picture:
        """255 where the edit may change pixels: the edited slots, dilated; height x width.

        The slot and not the ink, because a right answer may set the new word in another width.
        """
        return slot_mask(self.size, self.slots)

    def caption(self, strings: Mapping[str, str] | None = None) -> str:
        """A sentence about the picture that quotes every string in it."""
        return self.template.format_map(self._said(strings))

    def _said(self, strings: Mapping[str, str] | None) -> dict[str, str]:
        said = self.strings
        for role, string in (strings or {}).items():
            if role not in said:
                raise KeyError(f"the scene has no text {role!r}; it has {', '.join(said)}")
            said[role] = string
        return said

    def _field(self, kind: Literal["grain", "wear"]) -> Plane:
        if kind not in self._cache:
            wide, high = self.size
            stream = np.random.RandomState(self.seed % (1 << 32))
            if kind == "grain":
                values = stream.normal(0, self.grain, (high, wide)).astype(np.float32)
            else:
                fine = stream.random_sample((high, wide)).astype(np.float32)
                soft = stream.random_sample((high // 3 + 1, wide // 3 + 1)).astype(np.float32)
                values = (fine + 1.6 * cv2.resize(soft, (wide, high))) / 2.6
            self._cache[kind] = values
        return self._cache[kind]

    def _write(self, canvas: Picture, text: Text, string: str) -> None:
        """Lay one string onto the canvas, in place."""
        xs, ys = [p[0] for p in text.slot], [p[1] for p in text.slot]
        x0, y0 = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
        x1, y1 = min(self.size[0], math.ceil(max(xs))), min(self.size[1], math.ceil(max(ys)))
        if x1 <= x0 or y1 <= y0:
            raise ValueError(f"the slot of {text.role!r} lies outside the picture")
        area = (slice(y0, y1), slice(x0, x1))
        ground = self.background[area].astype(np.float32)
        seen = canvas[area].astype(np.float32)
        for layer, colour in _coverage(text, string):
            cover = layer
            if not text.upright:
                shift = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], np.float64)
                matrix = shift @ _to_image(text)
                cover = cv2.warpPerspective(layer, matrix, (x1 - x0, y1 - y0))
            if text.wear:
                worn = self._field("wear")[area]
                cover = cover * np.clip(1 + text.wear * 2.4 * (worn - 0.55), 0, 1)
            ink = np.array(colour, np.float32)
            if text.absorb:
                grey = ground.mean(axis=2, keepdims=True)
                factor = grey / max(1.0, float(grey.mean()))
                ink = ink * (1 - text.absorb + text.absorb * factor)
            weight = (cover * text.alpha)[..., None]
            seen += (ink - seen) * weight
        canvas[area] = np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def slot_mask(size: tuple[int, int], slots: tuple[Quad, ...]) -> Picture:
    """255 inside the slots, dilated by `DILATION` pixels; `size` is width and height."""
    wide, high = size
    mask = np.zeros((high, wide), np.uint8)
    for slot in slots:
        points = np.array(slot)
        # From edges to pixel centres; a hair inwards, so that both sides round alike.
        inwards = points + 1e-3 * np.sign(points.mean(axis=0) - points)
        cv2.fillConvexPoly(mask, np.rint(inwards - 0.5).astype(np.int32), (255.0,))
    reach = 2 * DILATION + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return np.asarray(cv2.dilate(mask, disc), np.uint8)
