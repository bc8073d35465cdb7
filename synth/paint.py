"""Brushes for backgrounds: flat shapes with smooth edges, gradients, noise and surfaces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from synth.scene import RGB, Picture, Plane, Point, Quad, box_quad

Box4 = tuple[float, float, float, float]
_SCALE = 2


def rgb(code: str) -> RGB:
    """Colour from six hex digits.

    >>> rgb("ff8000")
    (255, 128, 0)
    """
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def swatches(*rows: str) -> tuple[tuple[RGB, ...], ...]:
    """Sets of colours, each written as hex codes with spaces between.

    >>> swatches("000000 ffffff")
    (((0, 0, 0), (255, 255, 255)),)
    """
    return tuple(tuple(rgb(code) for code in row.split()) for row in rows)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """Colour between a (share 0) and b (share 1)."""
    values = [round(x + (y - x) * share) for x, y in zip(a, b, strict=True)]
    return values[0], values[1], values[2]


def gradient(size: tuple[int, int], stops: Sequence[RGB], angle: float = 90) -> Picture:
    """Even stops along a direction: 90 runs downwards, 0 to the right; height x width x 3."""
    wide, high = size
    turn = math.radians(angle)
    dx, dy = math.cos(turn), math.sin(turn)
    x = (np.arange(wide, dtype=np.float32) - wide / 2)[None, :]
    y = (np.arange(high, dtype=np.float32) - high / 2)[:, None]
    reach = (abs(dx) * wide + abs(dy) * high) / 2
    place = np.clip((x * dx + y * dy) / (2 * reach) + 0.5, 0, 1)
    at = np.linspace(0, 1, len(stops))
    channels = [np.interp(place, at, [s[c] for s in stops]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def radial(size: tuple[int, int], centre: Point, radius: float) -> Plane:
    """1 at the centre, falling smoothly to 0 at the radius and beyond; height x width."""
    wide, high = size
    x = (np.arange(wide, dtype=np.float32) - centre[0])[None, :]
    y = (np.arange(high, dtype=np.float32) - centre[1])[:, None]
    t = np.clip(1 - np.sqrt(x * x + y * y) / radius, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def noise(
    size: tuple[int, int], cell: float | tuple[float, float], seed: int, octaves: int = 1
) -> Plane:
    """Smooth noise in [0, 1] with blobs of about `cell` pixels (width, height)."""
    wide, high = size
    cw, ch = cell if isinstance(cell, tuple) else (cell, cell)
    stream = np.random.RandomState(seed % (1 << 32))
    total, weight, norm = np.zeros((high, wide), np.float32), 1.0, 0.0
    for _ in range(octaves):
        grid = stream.random_sample((max(2, round(high / ch) + 2), max(2, round(wide / cw) + 2)))
        smooth = cv2.resize(grid.astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
        total += weight * np.asarray(smooth, np.float32)
        norm, weight, cw, ch = norm + weight, weight / 2, max(1.0, cw / 2), max(1.0, ch / 2)
    return np.clip(total / norm, 0, 1).astype(np.float32)


def shade(picture: Picture, factor: NDArray[np.float32]) -> Picture:
    """The picture with every pixel multiplied by a factor (height x width)."""
    return np.asarray(np.clip(np.rint(picture * factor[..., None]), 0, 255), np.uint8)


def blend(picture: Picture, colour: RGB, weight: NDArray[np.float32]) -> Picture:
    """The picture drawn towards a colour by a weight in [0, 1] (height x width)."""
    seen = picture.astype(np.float32)
    seen += (np.array(colour, np.float32) - seen) * weight[..., None]
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


class Canvas:
    """Shapes with smooth edges, in picture coordinates.

    Args:
        ground: a colour with `size`, or a picture.
        size: width and height, with a colour only.
    """

    def __init__(self, ground: RGB | Picture, size: tuple[int, int] = (0, 0)) -> None:
        if isinstance(ground, tuple):
            wide, high = size
            self._image = Image.new("RGB", (wide * _SCALE, high * _SCALE), ground)
        else:
            high, wide = ground.shape[:2]
            big = np.repeat(np.repeat(ground, _SCALE, axis=0), _SCALE, axis=1)
            self._image = Image.fromarray(big)
        self.size = (wide, high)
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def rect(
        self,
        box: Box4,
        fill: RGB | None,
        *,
        radius: float = 0,
        outline: RGB | None = None,
        width: float = 1,
        alpha: float = 1,
    ) -> None:
        """A rectangle with round corners."""
        x0, y0, x1, y1 = (v * _SCALE for v in box)
        self._draw.rounded_rectangle(
            (x0, y0, x1 - 1, y1 - 1), radius * _SCALE, _ink(fill, alpha), _ink(outline, alpha),
            round(width * _SCALE),
        )  # fmt: skip

    def ellipse(
        self,
        box: Box4,
        fill: RGB | None,
        *,
        outline: RGB | None = None,
        width: float = 1,
        alpha: float = 1,
    ) -> None:
        """An ellipse that fills the box."""
        x0, y0, x1, y1 = (v * _SCALE for v in box)
        self._draw.ellipse(
            (x0, y0, x1 - 1, y1 - 1), _ink(fill, alpha), _ink(outline, alpha),
            round(width * _SCALE),
        )  # fmt: skip

    def disc(self, x: float, y: float, r: float, fill: RGB, *, alpha: float = 1) -> None:
        """A filled circle."""
        self.ellipse((x - r, y - r, x + r, y + r), fill, alpha=alpha)

    def poly(
        self, points: Sequence[Point], fill: RGB, *, outline: RGB | None = None,
        width: float = 1, alpha: float = 1,
    ) -> None:  # fmt: skip
        """A filled polygon."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.polygon(scaled, _ink(fill, alpha))
        if outline is not None:
            self.line([*points, points[0], points[1]], outline, width)

    def line(
        self, points: Sequence[Point], fill: RGB, width: float = 1, *, alpha: float = 1
    ) -> None:
        """A line through the points."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(scaled, _ink(fill, alpha), round(width * _SCALE), joint="curve")

    def arc(self, box: Box4, start: float, end: float, fill: RGB, width: float = 1) -> None:
        """A piece of an ellipse's outline; angles in degrees, clockwise from the right."""
        x0, y0, x1, y1 = (v * _SCALE for v in box)
        self._draw.arc((x0, y0, x1, y1), start, end, fill, round(width * _SCALE))

    def pie(self, box: Box4, start: float, end: float, fill: RGB) -> None:
        """A slice of an ellipse; angles in degrees, clockwise from the right."""
        x0, y0, x1, y1 = (v * _SCALE for v in box)
        self._draw.pieslice((x0, y0, x1, y1), start, end, fill)

    def paste(self, picture: Picture, at: tuple[int, int]) -> None:
        """A picture with its top left corner at a pixel."""
        big = np.repeat(np.repeat(picture, _SCALE, axis=0), _SCALE, axis=1)
        self._image.paste(Image.fromarray(big), (at[0] * _SCALE, at[1] * _SCALE))

    def picture(self) -> Picture:
        """What was painted, at its true size."""
        return np.asarray(self._image.reduce(_SCALE), np.uint8).copy()


def _ink(colour: RGB | None, alpha: float) -> tuple[int, int, int, int] | None:
    return None if colour is None else (*colour, round(255 * alpha))


class Face:
    """A flat surface of its own size that stands in the picture as a quad.

    Args:
        size: width and height of the flat surface.
        quad: where its corners stand in the picture.
    """

    def __init__(self, size: tuple[float, float], quad: Quad) -> None:
        flat = np.array(box_quad(0, 0, *size), np.float32)
        self.quad = quad
        self._matrix = cv2.getPerspectiveTransform(flat - 0.5, np.array(quad, np.float32) - 0.5)

    def at(self, x0: float, y0: float, x1: float, y1: float) -> Quad:
        """A rectangle of the surface, where it stands in the picture."""
        flat = np.array([box_quad(x0, y0, x1, y1)], np.float64)
        placed = cv2.perspectiveTransform(flat - 0.5, self._matrix)[0] + 0.5
        a, b, c, d = ((round(float(x), 2), round(float(y), 2)) for x, y in placed.tolist())
        return a, b, c, d

    def paste(self, ground: Picture, surface: Picture) -> Picture:
        """The ground with the surface laid over its quad, edges smooth."""
        high, wide = ground.shape[:2]
        drawn = cv2.warpPerspective(
            surface, self._matrix, (wide, high), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        shape = Image.new("L", (wide * _SCALE, high * _SCALE))
        ImageDraw.Draw(shape).polygon([(x * _SCALE, y * _SCALE) for x, y in self.quad], fill=255)
        cover = np.asarray(shape.reduce(_SCALE), np.float32)[..., None] / 255
        mixed = ground + (drawn.astype(np.float32) - ground) * cover
        return np.asarray(np.rint(mixed), np.uint8)


def turned(x0: float, y0: float, x1: float, y1: float, degrees: float) -> Quad:
    """A rectangle turned about its centre, clockwise."""
    cx, cy, turn = (x0 + x1) / 2, (y0 + y1) / 2, math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    points = [
        (
            round(cx + (x - cx) * cos - (y - cy) * sin, 2),
            round(cy + (x - cx) * sin + (y - cy) * cos, 2),
        )
        for x, y in box_quad(x0, y0, x1, y1)
    ]
    return points[0], points[1], points[2], points[3]


def soft(points: Sequence[Point], size: tuple[int, int], radius: int) -> Plane:
    """1 inside a polygon, 0 outside, with an edge blurred over about `radius` pixels."""
    canvas = Canvas((0, 0, 0), size)
    canvas.poly(points, (255, 255, 255))
    weight = canvas.picture()[..., 0].astype(np.float32) / 255
    reach = 2 * radius + 1
    return np.asarray(cv2.GaussianBlur(weight, (reach, reach), radius / 1.7), np.float32)


def star(
    cx: float, cy: float, inner: float, outer: float, tips: int, turn: float = 0
) -> list[Point]:
    """Corners of a star."""
    corners = []
    for i in range(2 * tips):
        r = outer if i % 2 == 0 else inner
        a = math.pi * i / tips + turn
        corners.append((cx + r * math.cos(a), cy + r * math.sin(a)))
    return corners


def ridge(
    wide: int, base: float, height: float, seed: int, cell: float, bottom: float
) -> list[Point]:
    """A mountain line across the picture, closed along the bottom."""
    line = noise((wide + 8, 1), (cell, 1), seed, octaves=4)[0]
    top = [(float(x), base - height * (float(line[x]) - 0.5) * 2) for x in range(0, wide + 8, 4)]
    return [*top, (wide + 8.0, bottom), (0.0, bottom)]
