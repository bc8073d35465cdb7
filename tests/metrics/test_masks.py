from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from evals.core.errors import ImageError
from metrics.masks import (
    EditRegion,
    bounding_box,
    derive,
    difference,
    fill,
    pad,
    read_mask,
)

SQUARE = ((20.0, 20.0), (60.0, 20.0), (60.0, 40.0), (20.0, 40.0))


def picture(height: int = 100, width: int = 120) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(60, 120, (height, width, 3), np.uint8)


def test_the_difference_is_where_the_truth_differs() -> None:
    a = picture()
    b = a.copy()
    b[30:50, 40:90] = 230
    found = difference(a, b)
    assert found[32:48, 42:88].all()
    assert not found[:25].any()
    assert not found[:, :35].any()


def test_encoding_noise_is_no_difference() -> None:
    a = picture()
    rng = np.random.default_rng(1)
    b = np.clip(a + rng.integers(-9, 10, a.shape), 0, 255).astype(np.uint8)
    b[10, 10] = 255  # a single speck
    assert not difference(a, b).any()
    assert not difference(a, a).any()


def test_strokes_of_a_word_are_joined() -> None:
    a = np.full((60, 80, 3), 200, np.uint8)
    b = a.copy()
    for x in range(20, 60, 8):
        b[20:40, x : x + 4] = 0
    _, parts = ndimage.label(difference(a, b))
    assert parts == 1


@pytest.mark.parametrize(
    ("painted", "outline", "origin"),
    [
        ((30, 50), None, "difference"),
        ((30, 50), SQUARE, "difference+ocr"),
        ((0, 100), SQUARE, "ocr"),  # re-rendered: covers everything
        (None, SQUARE, "ocr"),  # no difference at all
    ],
)
def test_the_origin_is_told(painted: tuple[int, int] | None, outline: object, origin: str) -> None:
    differs = np.zeros((100, 120), bool)
    if painted:
        differs[painted[0] : painted[1], 60:100] = True
    if painted == (0, 100):
        differs[:] = True
    region = derive(differs, outline)  # type: ignore[arg-type]
    assert region is not None
    assert region.origin == origin
    assert bool(region.note)
    assert region.share < 0.4


def test_forty_percent_is_the_limit() -> None:
    differs = np.zeros((100, 100), bool)
    differs[:40] = True
    kept = derive(differs, None)
    assert kept is not None
    assert kept.origin == "difference"
    differs[40, 0] = True
    assert derive(differs, None) is None


def test_nothing_to_go_by() -> None:
    assert derive(np.zeros((50, 50), bool), None) is None
    outside = ((90.0, 90.0), (95.0, 90.0), (95.0, 95.0))
    assert derive(np.zeros((50, 50), bool), outside) is None


def test_a_derived_mask_is_padded_by_a_share_of_the_diagonal() -> None:
    mask = np.zeros((300, 400), bool)  # diagonal 500, so 7.5 px
    mask[150, 200] = True
    grown = pad(mask)
    rows, columns = np.mgrid[0:300, 0:400]
    np.testing.assert_array_equal(grown, np.hypot(rows - 150, columns - 200) <= 7.5)
    assert not pad(np.zeros((30, 40), bool)).any()


def test_the_union_covers_both() -> None:
    differs = np.zeros((100, 120), bool)
    differs[60:80, 70:100] = True
    region = derive(differs, SQUARE)
    assert region is not None
    assert region.mask[60:80, 70:100].all()
    assert region.mask[20:40, 20:60].all()
    np.testing.assert_array_equal(region.background, ~region.mask)


def test_fill_and_bounding_box() -> None:
    mask = fill(SQUARE, (120, 100))
    assert bounding_box(mask) == (20, 20, 61, 41)
    assert bounding_box(np.zeros((3, 3), bool)) is None


def test_a_mask_file(tmp_path: Path) -> None:
    values = np.zeros((10, 20), np.uint8)
    values[2:5, 3:9] = 255
    values[7] = 127
    Image.fromarray(values).save(tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png", (20, 10))
    assert bounding_box(mask) == (3, 2, 9, 5)
    with pytest.raises(ValueError, match="the original is"):
        read_mask(tmp_path / "m.png", (10, 20))
    with pytest.raises(ImageError):
        read_mask(tmp_path / "absent.png", (20, 10))


def test_an_exact_mask_needs_no_note() -> None:
    assert EditRegion(mask=np.ones((2, 2), bool), origin="data").note == ""
