from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from skimage.registration import phase_cross_correlation

from metrics.registration import align, aspect_error, move, phase_shift


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return cv2.resize(astronaut(), (320, 240), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -8), (-5, 2)])
def test_a_whole_shift_is_found_and_undone(photo: np.ndarray, dx: int, dy: int) -> None:
    found = align(photo, move(photo, dx, dy)[0])
    assert found is not None
    assert (found.dx, found.dy) == pytest.approx((dx, dy), abs=0.1)
    assert found.distance == pytest.approx(np.hypot(dx, dy), abs=0.1)
    assert found.psnr_raw < 30
    assert found.psnr_aligned == 100.0


def test_a_part_of_a_pixel_is_found(photo: np.ndarray) -> None:
    large = cv2.GaussianBlur(cv2.resize(astronaut(), (1280, 960)), (0, 0), 2)
    sharp = cv2.resize(large, (320, 240), interpolation=cv2.INTER_AREA)
    moved = cv2.resize(np.roll(large, 6, axis=1), (320, 240), interpolation=cv2.INTER_AREA)
    found = align(sharp, moved)
    assert found is not None
    assert found.dx == pytest.approx(1.5, abs=0.06)
    assert found.dy == pytest.approx(0.0, abs=0.06)
    assert found.psnr_aligned > found.psnr_raw + 15


def test_the_sign_agrees_with_scikit_image(photo: np.ndarray) -> None:
    moved = np.roll(photo, (4, 7), axis=(0, 1))
    theirs, _, _ = phase_cross_correlation(photo.mean(2), moved.mean(2), normalization=None)
    dx, dy, _ = phase_shift(photo, moved)
    assert (-dy, -dx) == pytest.approx(tuple(theirs), abs=0.3)


def test_damage_is_not_a_shift(photo: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    noise = np.clip(photo + rng.normal(0, 20, photo.shape), 0, 255).astype(np.uint8)
    painted = photo.copy()
    painted[50:120, 60:160] = (255, 0, 0)
    flat = np.full_like(photo, 127)
    other = photo[::-1, ::-1].copy()
    for picture in (photo, noise, painted, flat, other):
        found = align(photo, picture)
        assert found is not None
        assert found.distance == 0.0
        assert found.psnr_aligned == found.psnr_raw


def test_flat_against_flat() -> None:
    flat = np.full((32, 32, 3), 9, np.uint8)
    found = align(flat, flat)
    assert found is not None
    assert found.psnr_raw == 100.0
    assert found.distance == 0.0


def test_the_region_decides_where_fidelity_is_measured(photo: np.ndarray) -> None:
    picture = photo.copy()
    picture[100:140, 100:200] = 0
    slot = np.zeros(photo.shape[:2], bool)
    slot[100:140, 100:200] = True
    found = align(photo, picture, ~slot)
    assert found is not None
    assert found.psnr_raw == 100.0
    assert align(photo, picture, np.zeros_like(slot)) is None


def test_too_small_to_register() -> None:
    tiny = np.zeros((8, 40, 3), np.uint8)
    assert align(tiny, tiny) is None


def test_moved_pixels_from_outside_do_not_count(photo: np.ndarray) -> None:
    moved, covered = move(photo, 4, -2)
    np.testing.assert_array_equal(moved[covered], np.roll(photo, (-2, 4), (0, 1))[covered])
    assert not covered[:, :4].any()
    assert not covered[-2:].any()
    assert covered[:-2, 4:].all()


def test_aspect_error_by_hand() -> None:
    assert aspect_error((1024, 1024), (512, 512)) == 0.0
    assert aspect_error((110, 100), (100, 100)) == pytest.approx(0.1)
    assert aspect_error((100, 110), (100, 100)) == pytest.approx(0.1)
    assert aspect_error((1, 1), (640, 480)) == pytest.approx(1 / 3)


def test_another_word_in_the_region_left_out_does_not_mislead() -> None:
    rng = np.random.default_rng(0)
    ground = np.clip(rng.normal(190, 3, (160, 240, 3)), 0, 255).astype(np.uint8)
    ground[10:20, 30:50] = 90
    first, second = ground.copy(), ground.copy()
    for picture, text in ((first, "SALE"), (second, "OPEN")):
        cv2.putText(picture, text, (58, 100), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (20, 20, 20), 4)
    outside = np.ones((160, 240), bool)
    outside[65:110, 45:200] = False
    for dx, dy in ((0, 0), (3, 0), (0, 8)):
        found = align(first, move(second, dx, dy)[0], outside)
        assert found is not None
        assert (found.dx, found.dy) == pytest.approx((dx, dy), abs=0.1)
