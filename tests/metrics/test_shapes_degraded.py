"""The reader on drawings as models and files change them: hard bounds on both suites."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from metrics.shapes import read_shapes
from synth.scenes import Spec, facts, paint, scenes

Picture = NDArray[np.uint8]
Drawn = list[tuple[Spec, Picture]]

BOUND = 0.95
"""Least share of degraded drawings of which every shape is read as what it is."""


def jpeg(picture: Picture, quality: int) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"), np.uint8)


def sized(picture: Picture, side: int) -> Picture:
    resized = Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(resized, np.uint8)


def turned(picture: Picture, degrees: float) -> Picture:
    """About the centre, a little smaller, so that nothing leaves the picture."""
    high, wide = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), degrees, 0.85)
    made = cv2.warpAffine(picture, turn, (wide, high), borderValue=(255, 255, 255))
    return np.asarray(made, np.uint8)


def noisy(picture: Picture, sd: float) -> Picture:
    grain = np.random.RandomState(1).normal(0, sd, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def tinted(picture: Picture, *factors: float) -> Picture:
    return np.clip(picture * np.array(factors), 0, 255).astype(np.uint8)


def shaded(picture: Picture, hue: float, saturation: float, value: float) -> Picture:
    """Other shades: hue moved by some degrees, saturation and value multiplied."""
    hsv = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + hue) % 360
    hsv[..., 1:] = np.clip(hsv[..., 1:] * [saturation, value], 0, 1)
    return np.rint(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255).astype(np.uint8)


def lit(picture: Picture, least: float) -> Picture:
    """Darker and darker towards the bottom, where `least` of the light is left."""
    return np.rint(picture * np.linspace(1, least, len(picture))[:, None, None]).astype(np.uint8)


WAYS: dict[str, Callable[[Picture], Picture]] = {
    "jpeg 50": lambda p: jpeg(p, 50),
    "256 px": lambda p: sized(p, 256),
    "256 px, jpeg 50": lambda p: jpeg(sized(p, 256), 50),
    "1024 px": lambda p: sized(p, 1024),
    "turned 10": lambda p: turned(p, 10),
    "turned back 10": lambda p: turned(p, -10),
    "noise": lambda p: noisy(p, 12),
    "warm light": lambda p: tinted(p, 1.0, 0.95, 0.88),
    "other shades": lambda p: shaded(p, 5, 0.88, 0.95),
    "other shades back": lambda p: shaded(p, -5, 1.1, 1.05),
    "uneven light": lambda p: lit(p, 0.85),
    "blur": lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 2), np.uint8),
}


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return [(s, paint(s)) for s in (*scenes(), *facts())]


def is_read(spec: Spec, picture: Picture) -> bool:
    reading = read_shapes(picture)
    wanted = Counter((s.name, s.colour) for s in spec.shows)
    return not reading.reason and Counter((s.name, s.colour) for s in reading.shapes) == wanted


def test_every_drawing_is_read_as_it_is(drawn: Drawn) -> None:
    assert len(drawn) == 96
    for spec, picture in drawn:
        reading = read_shapes(picture)
        assert is_read(spec, picture), spec.id
        for shape in reading.shapes:
            near = min(
                np.hypot(shape.centre[0] - s.x, shape.centre[1] - s.y)
                for s in spec.shows
                if (s.name, s.colour) == (shape.name, shape.colour)
            )
            assert near < 4, spec.id
            assert shape.certainty > 0.3, spec.id


@pytest.mark.parametrize("way", WAYS)
def test_degraded_drawings_are_read(drawn: Drawn, way: str) -> None:
    """Every other drawing, those of even ways or of odd ones, for the sake of time."""
    some = drawn[list(WAYS).index(way) % 2 :: 2]
    lost = [spec.id for spec, picture in some if not is_read(spec, WAYS[way](picture))]
    assert 1 - len(lost) / len(some) >= BOUND, lost
