"""Sizes of images: within their bounds, the nearest, and covered by what is cut."""

from __future__ import annotations

import numpy as np
import pytest
from diffusers.training_utils import find_nearest_bucket
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from evals.core.errors import UserError
from model.finetune import buckets as module
from model.finetune.buckets import NO_BUCKET, Buckets, fit
from model.finetune.config import Resolution

PAPER = Buckets.of(Resolution())
sides = st.integers(16, 4000)


def test_the_areas_go_from_the_smallest_to_the_largest() -> None:
    assert [area for area, _ in PAPER.levels] == [512**2, 768**2, 1024**2]
    uneven = Buckets.of(Resolution(min=512, max=1000, step=300))
    assert [area for area, _ in uneven.levels] == [512**2, 812**2, 1000**2]
    one = Buckets.of(Resolution(min=512, max=512))
    assert [area for area, _ in one.levels] == [512**2]


@settings(max_examples=60, deadline=None)
@given(
    least=st.integers(64, 1024), more=st.integers(0, 1024), step=st.integers(16, 512),
    multiple=st.sampled_from([16, 32, 64]), side=st.none() | st.integers(64, 2048),
    low=st.floats(0.05, 1), high=st.floats(1, 20),
)  # fmt: skip
def test_every_bucket_is_within_its_bounds(
    least: int, more: int, step: int, multiple: int, side: int | None, low: float, high: float
) -> None:
    size = Resolution(min=least, max=least + more, step=step, multiple=multiple, aspect_min=low,
                      aspect_max=high, side=side)  # fmt: skip
    buckets = Buckets.of(size)
    assert len(set(buckets.sizes)) == len(buckets.sizes) > 0
    for height, width in buckets.sizes:
        assert height % multiple == width % multiple == 0
        assert 0 < height * width <= size.max**2
        assert low <= width / height <= high
        assert max(height, width) <= (side or 10_000)


def test_the_papers_bounds_keep_the_ratios_of_diffusers() -> None:
    for area, sizes in PAPER.levels:
        assert len(sizes) >= 9
        assert (round(area**0.5), round(area**0.5)) in sizes
        assert all(0.8 < height * width / area < 1.05 for height, width in sizes)


def test_a_longest_side_makes_buckets_smaller_and_keeps_their_ratio() -> None:
    free, bound = PAPER, Buckets.of(Resolution(side=1024))
    assert bound.levels[0] == free.levels[0]
    assert max(max(size) for size in bound.sizes) == 1024
    for wide, narrow in zip(free.levels[-1][1], bound.levels[-1][1], strict=True):
        assert wide[0] / wide[1] == pytest.approx(narrow[0] / narrow[1], rel=0.06)
    assert bound.assign(1000, 2000) == (512, 1024)


@settings(max_examples=200, deadline=None)
@given(height=sides, width=sides)
def test_an_image_gets_the_largest_area_below_its_own_and_the_nearest_ratio(
    height: int, width: int
) -> None:
    found = PAPER.assign(height, width)
    fitting = [level for level in PAPER.levels if level[0] <= height * width] or [PAPER.levels[0]]
    sizes = fitting[-1][1]
    assert found == sizes[find_nearest_bucket(height, width, sizes)]


def test_many_images_get_what_each_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIECE", 70)
    rng = np.random.default_rng(3)
    sizes = rng.integers(20, 3000, (500, 2)).astype(np.int32)
    ids = PAPER.assign_all(sizes)
    assert [PAPER.sizes[n] for n in ids] == [PAPER.assign(*map(int, s)) for s in sizes]


def test_no_image_has_no_bucket() -> None:
    ids = PAPER.assign_all(np.array([[0, 0], [600, 600]], np.int32))
    assert ids[0] == NO_BUCKET
    assert PAPER.sizes[ids[1]] == (512, 512)
    with pytest.raises(ValueError, match="no bucket"):
        PAPER.assign(0, 5)


def test_large_images_do_not_overflow() -> None:
    assert PAPER.assign(60_000, 60_000) == (1024, 1024)
    assert PAPER.sizes[PAPER.assign_all(np.array([[60_000, 60_000]], np.int32))[0]] == (1024, 1024)


@pytest.mark.parametrize(
    ("size", "match"),
    [
        (Resolution(aspect_min=0.9, aspect_max=0.95), "widen aspect_min"),
        (Resolution(min=16, max=20, multiple=64), "lower multiple"),
        (Resolution(min=900, max=600), "exchange"),
        (Resolution(multiple=128, side=100), "raise side"),
    ],
)
def test_bounds_that_leave_nothing_are_refused(size: Resolution, match: str) -> None:
    with pytest.raises(UserError, match=match):
        Buckets.of(size)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(8, 400), width=st.integers(8, 400), bucket=st.sampled_from(
    [(64, 64), (48, 96), (96, 48), (128, 160)]))  # fmt: skip
def test_fitting_gives_the_size_and_no_border(
    height: int, width: int, bucket: tuple[int, int]
) -> None:
    image = fit(Image.new("RGB", (width, height), (200, 10, 30)), bucket)
    assert (image.height, image.width) == bucket
    assert np.asarray(image).reshape(-1, 3).tolist() == [[200, 10, 30]] * (bucket[0] * bucket[1])


def test_fitting_cuts_around_the_centre() -> None:
    values = np.zeros((60, 100, 3), np.uint8)
    values[:, 20:80] = 255
    assert np.asarray(fit(Image.fromarray(values), (60, 60))).min() == 255
    assert np.asarray(fit(Image.fromarray(values).rotate(90, expand=True), (60, 60))).min() == 255


def test_fitting_leaves_a_fitting_image_alone() -> None:
    image = Image.new("RGB", (96, 64))
    assert fit(image, (64, 96)) is image


def test_fitting_two_pictures_of_one_size_keeps_them_aligned() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (90, 150, 3)).astype(np.uint8)
    after = before.copy()
    after[40:50, 70:80] = 0
    a, b = (np.asarray(fit(Image.fromarray(x), (64, 96))).astype(int) for x in (before, after))
    changed = np.argwhere(np.abs(a - b).sum(-1))
    assert len(changed)
    assert changed.min(axis=0).tolist() >= [24, 38]
    assert changed.max(axis=0).tolist() <= [40, 60]
