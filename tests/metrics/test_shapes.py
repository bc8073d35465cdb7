"""Reading flat shapes: names, colours, places, and pictures that hold no flat shapes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metrics.shapes import MIXED, Reading, read_shapes
from metrics.shapes_colours import UNKNOWN, name_colour, oklab
from metrics.shapes_outlines import NAMES, OTHER, name_outline

Picture = NDArray[np.uint8]
Pen = ImageDraw.ImageDraw


def sheet(draw: Callable[[Pen], object], ground: str = "white", side: int = 512) -> Picture:
    """A picture four times as fine as it is read, drawn in units of 512."""
    big = Image.new("RGB", (side * 4, side * 4), ground)
    draw(ImageDraw.Draw(big))
    return np.asarray(big.resize((side, side), Image.Resampling.BOX), np.uint8)


def corners(tips: int, inner: float = 1.0, turn: float = 0.0, reach: float = 480) -> list[float]:
    """A star, or with `inner` 1 a polygon, about the middle of a sheet; flat x, y, x, y."""
    steps = tips if inner == 1 else 2 * tips
    made = []
    for at in range(steps):
        r = reach * (inner if at % 2 and inner != 1 else 1)
        angle = math.radians(turn) + 2 * math.pi * at / steps
        made += [1024 + r * math.sin(angle), 1024 - r * math.cos(angle)]
    return made


def filled(points: list[float], colour: str = "red") -> Picture:
    return sheet(lambda pen: pen.polygon(points, fill=colour))


def words(reading: Reading) -> list[str]:
    assert not reading.reason
    return [f"{s.colour} {s.name}" for s in reading.shapes]


# --- outlines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [-12, 0, 7])
@pytest.mark.parametrize(
    ("name", "tips", "inner", "more"),
    [
        ("triangle", 3, 1.0, 0), ("square", 4, 1.0, 45), ("diamond", 4, 1.0, 0),
        ("pentagon", 5, 1.0, 0), ("hexagon", 6, 1.0, 0), ("hexagon", 6, 1.0, 30),
        ("star", 5, 0.38, 0), ("star", 5, 0.55, 0), ("star", 6, 0.5, 0), ("star", 4, 0.25, 0),
        (OTHER, 7, 1.0, 0), (OTHER, 8, 1.0, 0),
    ],
)  # fmt: skip
def test_outlines_have_names(name: str, tips: int, inner: float, more: int, turn: int) -> None:
    assert words(read_shapes(filled(corners(tips, inner, more + turn)))) == [f"red {name}"]


def boxed(*box: float) -> Callable[[str], Picture]:
    return lambda how: sheet(lambda pen: getattr(pen, how)(box, fill="blue"))


@pytest.mark.parametrize(
    ("name", "how", "box"),
    [
        ("circle", "ellipse", (600, 600, 1400, 1400)),
        ("circle", "ellipse", (600, 600, 1400, 1340)),
        ("oval", "ellipse", (400, 600, 1600, 1300)),
        ("square", "rectangle", (600, 600, 1400, 1300)),
        ("rectangle", "rectangle", (300, 600, 1500, 1200)),
    ],
)  # fmt: skip
def test_long_ones_are_others(name: str, how: str, box: tuple[float, ...]) -> None:
    assert words(read_shapes(boxed(*box)(how))) == [f"blue {name}"]


@pytest.mark.parametrize("arm", [80, 150, 230])
def test_crosses_have_arms_of_any_width(arm: int) -> None:
    def plus(pen: Pen) -> None:
        pen.rectangle((1024 - arm, 500, 1024 + arm, 1548), fill="green")
        pen.rectangle((500, 1024 - arm, 1548, 1024 + arm), fill="green")

    def long(pen: Pen) -> None:
        pen.rectangle((1024 - arm, 300, 1024 + arm, 1748), fill="green")
        pen.rectangle((500, 800 - arm, 1548, 800 + arm), fill="green")

    upright = sheet(plus)
    assert words(read_shapes(upright)) == ["green cross"]
    oblique = Image.fromarray(upright).rotate(45, Image.Resampling.BICUBIC, fillcolor="white")
    assert words(read_shapes(np.asarray(oblique, np.uint8))) == ["green cross"]
    assert words(read_shapes(sheet(long))) == ["green cross"]


def test_what_is_no_such_shape_is_other() -> None:
    drawings: list[Callable[[Pen], object]] = [
        lambda pen: pen.polygon((400, 880, 1200, 880, 1200, 640, 1600, 1024, 1200, 1408, 1200, 1168,
                                 400, 1168), fill="red"),  # an arrow
        lambda pen: pen.pieslice((400, 400, 1600, 1600), 0, 180, fill="red"),
        lambda pen: pen.polygon((600, 400, 1400, 400, 1800, 1200, 200, 1200), fill="red"),
        lambda pen: pen.polygon((400, 400, 1200, 1200, 1200, 400, 400, 1200), fill="red"),
        lambda pen: pen.ellipse((-320, 400, 720, 1440), fill="red"),  # cut off by the edge
    ]  # fmt: skip
    for draw in drawings:
        assert words(read_shapes(sheet(draw))) == ["red other"]


def test_mere_lines_are_hollow_and_edges_are_no_matter() -> None:
    def ring(pen: Pen) -> None:
        pen.ellipse((600, 600, 1400, 1400), outline="red", width=40)

    def edged(pen: Pen) -> None:
        pen.ellipse((600, 600, 1400, 1400), fill="yellow", outline="black", width=50)

    assert words(read_shapes(sheet(ring))) == ["red hollow circle"]
    assert words(read_shapes(sheet(edged))) == ["yellow circle"]


def test_masks_without_a_shape_have_no_name() -> None:
    assert name_outline(np.zeros((50, 50), np.bool_)).name == OTHER
    dot = np.zeros((50, 50), np.bool_)
    dot[20:22, 20:22] = True
    assert name_outline(dot).name == OTHER
    line = np.zeros((50, 50), np.bool_)
    line[25] = True
    assert name_outline(line).name == OTHER


# --- colours ----------------------------------------------------------------------------------

CSS = {
    "red": "red crimson firebrick", "orange": "orange darkorange", "yellow": "yellow gold",
    "green": "green lime forestgreen seagreen limegreen", "brown": "saddlebrown sienna",
    "blue": "blue navy royalblue dodgerblue skyblue steelblue", "black": "black #222",
    "purple": "purple indigo darkorchid blueviolet rebeccapurple", "pink": "pink hotpink",
    "grey": "gray darkgray silver", "white": "white", "cyan": "cyan turquoise",
}  # fmt: skip


@pytest.mark.parametrize("name", CSS)
def test_colours_as_people_name_them(name: str) -> None:
    from PIL import ImageColor

    for word in CSS[name].split():
        found, certainty = name_colour(oklab(ImageColor.getrgb(word)))
        assert found == name, word
        assert 0 < certainty <= 1


def test_a_colour_far_from_all_is_unknown() -> None:
    assert name_colour([0.5, 0.5, 0.5]) == (UNKNOWN, 0.0)


def test_oklab_of_levels_and_of_numbers_agree() -> None:
    levels = np.arange(0, 255, dtype=np.uint8).reshape(-1, 5, 3)
    assert np.allclose(oklab(levels), oklab(levels.astype(float)))
    # Published values of pure red, green and blue.
    assert np.allclose(oklab([255, 0, 0]), [0.628, 0.225, 0.126], atol=1e-3)
    assert np.allclose(oklab([0, 0, 255]), [0.452, -0.032, -0.312], atol=1e-3)


# --- pictures ---------------------------------------------------------------------------------


def test_places_and_areas_are_in_pixels_of_the_picture() -> None:
    picture = sheet(lambda pen: pen.rectangle((400, 800, 1199, 1599), fill="blue"))
    (small,) = read_shapes(picture).shapes
    assert small.box == pytest.approx((100, 200, 300, 400), abs=2)
    assert small.centre == pytest.approx((200, 300), abs=2)
    assert small.area == pytest.approx(200**2, rel=0.03)
    (large,) = read_shapes(np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)).shapes
    assert large.box == pytest.approx((200, 400, 600, 800), abs=4)
    assert large.area == pytest.approx(400**2, rel=0.03)


def test_several_shapes_on_any_plain_ground_largest_first() -> None:
    def three(pen: Pen) -> None:
        pen.ellipse((1000, 300, 1500, 800), fill="red")
        pen.rectangle((300, 1200, 600, 1500), fill="orange")
        pen.polygon((1200, 1800, 1400, 1400, 1600, 1800), fill="purple")

    for ground in ("white", "#dde", "#fe9", "#9cf", "black"):
        assert words(read_shapes(sheet(three, ground))) == [
            "red circle", "orange square", "purple triangle",
        ]  # fmt: skip


def test_shadows_and_specks_are_no_shapes() -> None:
    picture = sheet(lambda pen: pen.polygon(corners(5, 0.4), fill="green")).astype(np.float64)
    dark = cv2.GaussianBlur((picture.min(axis=2) < 200).astype(np.float64), (0, 0), 5)
    light = 1 - 0.25 * np.roll(dark, (6, 6), (0, 1))[..., None]
    shadowed = np.where(picture.min(axis=2, keepdims=True) < 200, picture, picture * light)
    shadowed[40:46, 40:46] = 0
    assert words(read_shapes(shadowed.astype(np.uint8))) == ["green star"]


def test_shapes_that_touch_are_one_shape_of_mixed_colour() -> None:
    def touching(pen: Pen) -> None:
        pen.ellipse((400, 600, 1000, 1200), fill="red")
        pen.rectangle((980, 600, 1580, 1200), fill="blue")

    (shape,) = read_shapes(sheet(touching)).shapes
    assert (shape.colour, shape.certainty) == (MIXED, 0.0)


def test_photographs_have_no_plain_ground() -> None:
    from skimage import data

    for photograph in (data.astronaut(), data.coffee(), data.chelsea()):
        assert "no plain ground" in read_shapes(photograph).reason


def test_many_parts_are_no_drawing() -> None:
    def dots(pen: Pen) -> None:
        for at in range(64):
            x, y = 120 + at % 8 * 230, 120 + at // 8 * 230
            pen.ellipse((x, y, x + 140, y + 140), fill="red")

    assert "64 parts" in read_shapes(sheet(dots)).reason


@pytest.mark.parametrize(
    "shape", [(1, 1), (5, 900), (16, 16), (17, 40), (16, 3000), (512, 512)]
)  # fmt: skip
@pytest.mark.parametrize("level", [0, 255])
def test_empty_pictures_hold_nothing(shape: tuple[int, int], level: int) -> None:
    reading = read_shapes(np.full((*shape, 3), level, np.uint8))
    assert reading.shapes == ()
    assert ("pixels small" in reading.reason) == (min(shape) < 16)


def test_other_arrays_are_refused() -> None:
    for wrong in (np.zeros((9, 9)), np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20, 3))):
        with pytest.raises(ValueError, match="uint8"):
            read_shapes(wrong)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), high=st.integers(16, 90), wide=st.integers(16, 90),
    coarse=st.integers(1, 40), levels=st.integers(2, 6),
)  # fmt: skip
def test_nothing_that_can_be_seen_raises(
    seed: int, high: int, wide: int, coarse: int, levels: int
) -> None:
    """Patches of any size and colour, on a plain ground or on none."""
    chance = np.random.RandomState(seed)
    palette = chance.randint(0, 256, (levels, 3))
    cells = chance.randint(0, levels, (high // coarse + 1, wide // coarse + 1))
    full = np.repeat(np.repeat(cells, coarse, axis=0), coarse, axis=1)[:high, :wide]
    if seed % 2:
        full[:2], full[-2:], full[:, :2], full[:, -2:] = 0, 0, 0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading = read_shapes(palette[full].astype(np.uint8))
    for found in reading.shapes:
        assert found.name.removeprefix("hollow ") in NAMES
        assert 0 <= found.certainty <= 1
        left, top, right, bottom = found.box
        assert -1 <= left < right <= wide + 1
        assert -1 <= top < bottom <= high + 1
    again = read_shapes(palette[full].astype(np.uint8))
    assert again == reading
