from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from metrics.fidelity import (
    changed_share,
    gain,
    inner,
    luma,
    mean_ssim,
    psnr,
    ssim,
    ssim_map,
)


def scene(seed: int = 0, height: int = 64, width: int = 80) -> np.ndarray:
    """Smooth colour with texture: something SSIM has structure in."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = 120 + 60 * np.sin(columns / 5.0)[..., None] * np.cos(rows / 7.0)[..., None]
    noisy = waves + rng.normal(0, 12, (height, width, 3)) + np.array([20, 0, -20])
    return np.clip(noisy, 0, 255).astype(np.uint8)


def box(shape: tuple[int, ...], y0: int, y1: int, x0: int, x1: int) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    mask[y0:y1, x0:x1] = True
    return mask


def noisy(picture: np.ndarray, sd: float, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sd, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_psnr_by_hand() -> None:
    a = np.zeros((2, 2, 3), np.uint8)
    b = a.copy()
    b[0, 0] = (3, 4, 0)  # squares 25 over 12 values
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 * 12 / 25))
    only = np.array([[True, True], [False, False]])  # the same 25 over 6 values
    assert psnr(a, b, only) == pytest.approx(10 * math.log10(255**2 * 6 / 25))
    assert psnr(a, b, ~only) == 100.0
    assert psnr(a, b, np.zeros((2, 2), bool)) is None


def test_psnr_above_the_cap_is_the_cap() -> None:
    a = np.zeros((1000, 1000, 3), np.uint8)
    b = a.copy()
    b[0, 0, 0] = 1  # 112.9 dB
    assert psnr(a, b) == 100.0


@pytest.mark.parametrize("sd", [1, 5, 40])
def test_psnr_and_ssim_agree_with_scikit_image(sd: float) -> None:
    a = scene()
    b = noisy(a, sd)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-9)
    mean, full = structural_similarity(
        luma(a).astype(float),
        luma(b).astype(float),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim(a, b) == pytest.approx(mean, abs=1e-9)
    found = ssim_map(a, b)
    assert found is not None
    np.testing.assert_allclose(found, full, atol=1e-9)


def test_ssim_agrees_with_torchmetrics() -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.image")
    a = scene()
    b = noisy(a, 15)
    x, y = (torch.from_numpy(luma(p).astype(np.float64))[None, None] for p in (a, b))
    _, theirs = functional.structural_similarity_index_measure(
        x, y, data_range=255.0, sigma=1.5, kernel_size=11, return_full_image=True
    )
    # Its scalar counts the mirrored border, the paper and scikit-image leave it out.
    inside = theirs[0, 0, 5:-5, 5:-5]
    assert ssim(a, b) == pytest.approx(float(inside.mean()), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(np.uint8, (12, 13, 3)), arrays.arrays(np.uint8, (12, 13, 3)),
    arrays.arrays(np.bool_, (12, 13)),
)  # fmt: skip
def test_values_stay_in_their_ranges(a: np.ndarray, b: np.ndarray, region: np.ndarray) -> None:
    value = psnr(a, b, region)
    assert (value is None) == (not region.any())
    assert value is None or 0.0 <= value <= 100.0
    share = changed_share(a, b, region)
    assert share is None or 0.0 <= share <= 1.0
    structure = ssim(a, b)
    assert structure is not None
    assert -1.0 - 1e-9 <= structure <= 1.0 + 1e-9
    assert psnr(a, b) == psnr(b, a)
    assert ssim(a, a) == 1.0


def test_changed_share_by_hand() -> None:
    a = np.full((10, 10, 3), 100, np.uint8)
    b = a.copy()
    b[:3, :, 1] = 126  # three rows by 26
    b[3:5] = 125  # two rows by 25: not more than 25
    assert changed_share(a, b) == pytest.approx(0.3)
    assert changed_share(a, b, box(a.shape, 0, 3, 0, 10)) == 1.0
    assert changed_share(a, b, box(a.shape, 3, 10, 0, 10)) == 0.0
    assert changed_share(b, a) == pytest.approx(0.3)  # no wrap-around of unsigned values


def test_what_happens_inside_the_slot_leaves_the_background_alone() -> None:
    a = scene()
    slot = box(a.shape, 20, 44, 20, 60)
    b = a.copy()
    b[slot] = 255 - b[slot]
    assert psnr(a, b, ~slot) == 100.0
    assert ssim(a, b, ~slot) == 1.0
    assert changed_share(a, b, ~slot) == 0.0
    inside = ssim(a, b, slot)
    assert inside is not None
    assert inside < 0.2
    value = psnr(a, b, slot)
    assert value is not None
    assert value < 20


def test_what_happens_outside_leaves_the_slot_alone() -> None:
    a = scene()
    slot = box(a.shape, 20, 44, 20, 60)
    b = noisy(a, 40)
    b[slot] = a[slot]
    assert psnr(a, b, slot) == 100.0
    assert ssim(a, b, slot) == 1.0
    outside = ssim(a, b, ~slot)
    assert outside is not None
    assert outside < 0.7


def test_more_damage_scores_lower() -> None:
    a = scene()
    values = [(psnr(a, noisy(a, sd)), ssim(a, noisy(a, sd))) for sd in (2, 8, 30)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3


def test_colour_of_equal_luma_is_seen_by_psnr_only() -> None:
    a = np.full((32, 32, 3), (100, 100, 100), np.uint8)
    b = np.full((32, 32, 3), (159, 70, 100), np.uint8)
    value, structure = psnr(a, b), ssim(a, b)
    assert value is not None
    assert structure is not None
    assert value < 20
    assert structure > 0.999


def test_no_window_fits() -> None:
    small = scene(height=10, width=40)
    assert ssim_map(small, small) is None
    assert ssim(small, small) is None
    a = scene()
    assert ssim(a, a, box(a.shape, 5, 15, 5, 60)) is None  # ten rows
    assert ssim(a, a, box(a.shape, 5, 16, 5, 60)) == 1.0  # eleven
    assert ssim(a, a, np.zeros(a.shape[:2], bool)) is None


def test_one_pixel() -> None:
    one = np.zeros((1, 1, 3), np.uint8)
    assert psnr(one, one) == 100.0
    assert ssim(one, one) is None
    assert changed_share(one, one + 255) == 1.0


def test_inner_is_the_region_less_its_rim() -> None:
    region = box((40, 40), 10, 30, 5, 35)
    np.testing.assert_array_equal(inner(region), box((40, 40), 15, 25, 10, 30))


def test_mean_ssim_counts_only_whole_windows() -> None:
    values = np.zeros((40, 40))
    values[15:25, 15:25] = 0.5
    region = box((40, 40), 10, 30, 10, 30)
    assert mean_ssim(values, region) == pytest.approx(0.5)


def test_gain_needs_room_to_gain() -> None:
    assert gain(None, 0.5) is None
    assert gain(0.5, None) is None
    assert gain(0.75, 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("one", "other", "region"),
    [
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), None),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), None),
        (np.zeros((4, 4, 3)), np.zeros((4, 4, 3)), None),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.uint8)),
        (np.zeros((0, 4, 3), np.uint8), np.zeros((0, 4, 3), np.uint8), None),
    ],
)
def test_what_cannot_be_compared_is_refused(
    one: np.ndarray, other: np.ndarray, region: np.ndarray | None
) -> None:
    with pytest.raises(ValueError):
        psnr(one, other, region)
