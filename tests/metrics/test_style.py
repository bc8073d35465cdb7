from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from metrics.style import compare_style, find_ink, two_means

GROUND = (235, 230, 215)
INK = (30, 40, 160)
SIZE = (260, 120)


def word(
    text: str = "HELLO",
    *,
    ink: tuple[int, int, int] = INK,
    ground: tuple[int, int, int] = GROUND,
    scale: float = 1.6,
    thickness: int = 6,
    angle: float = 0.0,
) -> np.ndarray:
    """A word in the middle of a picture, turned clockwise by `angle` degrees."""
    canvas = np.full((SIZE[1], SIZE[0], 3), ground, np.uint8)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    at = ((SIZE[0] - width) // 2, (SIZE[1] + height) // 2)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), -angle, 1.0)
    return cv2.warpAffine(canvas, turn, SIZE, borderValue=ground)


ALL = np.ones((SIZE[1], SIZE[0]), bool)


def compare(edit: np.ndarray, truth: np.ndarray):  # type: ignore[no-untyped-def]
    first, second = find_ink(edit, ALL), find_ink(truth, ALL)
    assert first is not None
    assert second is not None
    return compare_style(first, second)


def test_the_same_word_is_in_the_same_style() -> None:
    same = compare(word(), word())
    assert (same.colour, same.height_ratio, same.angle, same.stroke_ratio) == (0, 1, 0, 1)
    assert same.vertical_shift == 0


def test_ink_and_ground_are_told_apart_whichever_is_darker() -> None:
    for ink, ground in ((INK, GROUND), (GROUND, INK)):
        found = find_ink(word(ink=ink, ground=ground), ALL)
        assert found is not None
        expected = rgb2lab(np.array([[ink]], np.uint8))[0, 0]
        assert float(deltaE_ciede2000(np.array(found.colour), expected)) < 6


def test_the_colour_alone() -> None:
    red = compare(word(ink=(170, 30, 30)), word())
    expected = float(
        deltaE_ciede2000(
            rgb2lab(np.array([[(170, 30, 30)]], np.uint8)), rgb2lab(np.array([[INK]], np.uint8))
        )[0, 0]
    )
    # Anti-aliased rims pull both inks towards the ground, so a little less than the full way.
    assert red.colour == pytest.approx(expected, rel=0.15)
    assert red.height_ratio > 0.97
    assert red.stroke_ratio > 0.8
    assert red.angle < 1


def test_the_size_alone() -> None:
    small = compare(word(scale=0.8, thickness=3), word())
    assert small.height_ratio == pytest.approx(0.5, abs=0.04)
    assert small.colour < 6
    assert small.angle < 2
    back = compare(word(), word(scale=0.8, thickness=3))
    assert back.height_ratio == pytest.approx(small.height_ratio, abs=1e-9)


@pytest.mark.parametrize("pixels", [-12, -4, 4, 12])
def test_the_place_alone(pixels: int) -> None:
    truth = find_ink(word(), ALL)
    assert truth is not None
    moved = compare(np.roll(word(), pixels, axis=0), word())
    assert moved.vertical_shift == pytest.approx(abs(pixels) / truth.height(0.0), abs=0.01)
    assert (moved.colour, moved.height_ratio, moved.stroke_ratio) == (0, 1, 1)
    along = compare(np.roll(word(), pixels, axis=1), word())
    assert along.vertical_shift == 0


def test_the_place_is_taken_across_the_reading_direction() -> None:
    canvas, turned = word(angle=20), math.radians(20)
    along = np.float32([[1, 0, 12 * math.cos(turned)], [0, 1, 12 * math.sin(turned)]])
    across = np.float32([[1, 0, -12 * math.sin(turned)], [0, 1, 12 * math.cos(turned)]])
    slid, sunk = (
        compare(cv2.warpAffine(canvas, m, SIZE, borderValue=GROUND), canvas).vertical_shift
        for m in (along, across)
    )
    assert slid < 0.05
    assert sunk == pytest.approx(12 / find_height(canvas), abs=0.05)


def find_height(picture: np.ndarray) -> float:
    found = find_ink(picture, ALL)
    assert found is not None
    return found.height(found.angle)


def test_a_text_far_away_is_one_height_away_at_most() -> None:
    low, high = np.roll(word(scale=0.6, thickness=2), 45, axis=0), word(scale=0.6, thickness=2)
    assert compare(low, high).vertical_shift == 1.0


def test_inks_of_two_regions_are_not_compared() -> None:
    part = np.zeros_like(ALL)
    part[20:100] = True
    whole, cut = find_ink(word(), ALL), find_ink(word(), part)
    assert whole is not None
    assert cut is not None
    with pytest.raises(ValueError, match="two regions"):
        compare_style(whole, cut)


def test_the_stroke_alone() -> None:
    thin = compare(word(thickness=2), word(thickness=8))
    assert thin.stroke_ratio < 0.5
    assert thin.height_ratio > 0.85
    assert thin.angle < 2


@pytest.mark.parametrize("angle", [-20, 8, 15])
def test_the_angle_alone(angle: float) -> None:
    turned = compare(word(angle=angle), word())
    assert turned.angle == pytest.approx(abs(angle), abs=2.0)
    assert turned.colour < 6
    assert turned.stroke_ratio > 0.8


def test_heights_are_taken_across_the_reading_direction() -> None:
    both = compare(word(angle=20), word(angle=20))
    assert both.height_ratio == 1
    tilted, level = find_ink(word(angle=20), ALL), find_ink(word(), ALL)
    assert tilted is not None
    assert level is not None
    assert tilted.height(tilted.angle) == pytest.approx(level.height(0.0), rel=0.1)


def test_what_the_word_says_hardly_matters() -> None:
    other = compare(word("WORLD"), word("HELLO"))
    assert other.colour < 3
    assert other.height_ratio > 0.93
    assert other.angle < 2
    assert other.stroke_ratio > 0.85
    assert other.vertical_shift < 0.05
    assert compare(word("Happy"), word("HELLO")).vertical_shift < 0.2


def test_an_erased_word_has_no_ink() -> None:
    flat = np.full((40, 60, 3), GROUND, np.uint8)
    rng = np.random.default_rng(0)
    grain = np.clip(flat + rng.normal(0, 2, flat.shape), 0, 255).astype(np.uint8)
    everywhere = np.ones((40, 60), bool)
    assert find_ink(flat, everywhere) is None
    assert find_ink(grain, everywhere) is None
    assert find_ink(word(), np.zeros((SIZE[1], SIZE[0]), bool)) is None
    one = np.zeros((1, 1, 3), np.uint8)
    assert find_ink(one, np.ones((1, 1), bool)) is None


def test_only_the_region_counts() -> None:
    picture = word()
    picture[:20] = (0, 255, 0)
    region = np.zeros((SIZE[1], SIZE[0]), bool)
    region[30:90] = True
    inside, clean = find_ink(picture, region), find_ink(word(), region)
    assert inside is not None
    assert clean is not None
    assert inside.colour == clean.colour


def test_a_slanted_region() -> None:
    picture = np.full((SIZE[1], SIZE[0], 3), GROUND, np.uint8)
    picture[50:71, 100:161] = INK
    canvas = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    cv2.fillPoly(canvas, [np.array([[80, 30], [200, 40], [180, 90], [60, 80]], np.int32)], 1)
    found = find_ink(picture, canvas.astype(bool))
    assert found is not None
    assert found.angle == pytest.approx(0, abs=1)
    assert found.height(0.0) == pytest.approx(21, abs=1)


def test_two_means_by_hand() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [10, 0, 0], [11, 0, 0], [12, 0, 0]])
    centres = two_means(points)
    assert centres is not None
    np.testing.assert_allclose(sorted(centres[:, 0]), [0.5, 11.0])
    assert two_means(np.ones((5, 3))) is None
    assert two_means(np.ones((1, 3))) is None


def test_the_angle_between_lines_is_never_above_45() -> None:
    upright = word("IIII", angle=40)
    found = compare(upright, word("IIII", angle=-40))
    assert 0 <= found.angle <= 45
    assert math.isfinite(found.height_ratio)
