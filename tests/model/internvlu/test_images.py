"""Pixels in and out, to the last bit, and images that cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from evals.core.errors import UserError
from model.internvlu.config import ProcessorConfig, VlmConfig
from model.internvlu.images import (
    ResizeRule,
    condition_pixels,
    pad_to_largest,
    smart_resize,
    to_image,
    understanding_pixels,
)
from model.internvlu.pipeline import InternVLUPipeline
from tests.model.internvlu.kit import noise, recordings

RELEASED = ResizeRule()
SMALL = ResizeRule(factor=16, least=64 * 64, most=128 * 128, side=128)


@pytest.fixture(scope="module")
def processor(pipe: InternVLUPipeline) -> ProcessorConfig:
    return pipe.parts.config.processor


@pytest.fixture(scope="module")
def vlm(pipe: InternVLUPipeline) -> VlmConfig:
    return pipe.parts.config.vlm


# --- sizes ----------------------------------------------------------------------------------


def test_recorded_sizes() -> None:
    rules = json.loads((recordings() / "expected" / "resize_rules.json").read_text("utf-8"))
    for height, width, wanted in rules["smart_resize_release_params"]:
        assert list(smart_resize(height, width, RELEASED)) == wanted


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((512, 512), (512, 512)),
        ((64, 64), (512, 512)),
        ((64, 101), (416, 656)),
        ((4000, 4000), (1024, 1024)),
        ((1000, 200), (1024, 208)),
        ((520, 520), (512, 512)),  # 32.5 is rounded to the even number below
        ((536, 536), (544, 544)),  # and 33.5 to the one above
        ((1920, 64), (1024, 32)),
    ],
)
def test_sizes_of_the_release(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert smart_resize(*size, RELEASED) == wanted


@given(st.integers(16, 3000), st.integers(16, 3000), st.sampled_from([RELEASED, SMALL]))
def test_sizes_fit_the_rule(height: int, width: int, rule: ResizeRule) -> None:
    assume(max(height, width) <= 12 * min(height, width))
    rows, columns = smart_resize(height, width, rule)
    assert rows % rule.factor == columns % rule.factor == 0
    assert 0 < max(rows, columns) <= rule.side
    assert rows * columns <= rule.most
    # Both sides are off by less than a patch, or by half of one when nothing was scaled.
    assert abs(rows / columns - height / width) <= (height / width) * (
        2 * rule.factor / min(rows, columns)
    )


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [
        (15, 64, "15 x 64 pixels and both sides must have 16"),
        (1, 1, "enlarge it"),
        (16, 3201, "aspect ratio over 200"),
    ],
)
def test_images_that_are_too_small_or_long(width: int, height: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        smart_resize(height, width, RELEASED)


@pytest.mark.parametrize("size", [(3200, 16), (2000, 16), (16, 1100), (131, 32000 // 5)])
def test_images_that_would_lose_a_side(pipe: InternVLUPipeline, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"the other would be under 16; crop it\."):
        pipe.limits.check_source(size)


def test_every_size_that_passes_the_check_can_be_resized(pipe: InternVLUPipeline) -> None:
    for short in (16, 17, 23, 40):
        for long in range(short, 200 * short + 1, 97):
            for size in ((short, long), (long, short)):
                try:
                    pipe.limits.check_source(size)
                except UserError:
                    continue
                assert min(smart_resize(*size, pipe.limits.rule)) >= 16


# --- to tensors -----------------------------------------------------------------------------


def test_recorded_pixels(pipe: InternVLUPipeline) -> None:
    from safetensors.torch import load_file

    from model.internvlu.config import ModelConfig

    expected = load_file(recordings() / "expected" / "processor.safetensors")
    config = ModelConfig.read(recordings() / "tiny-checkpoint")
    for name in "abc":
        image = Image.open(recordings() / "expected" / f"input_{name}.png")
        ours = understanding_pixels(image, config.processor, config.vlm)
        assert torch.allclose(ours, expected[f"{name}.und_pixel_values_fp32"][0], atol=2e-6)
        patches = condition_pixels(image, config.processor)
        _, rows, columns = expected[f"{name}.gen_grid_thw"].flatten().tolist()
        assert patches.shape == (3, 8 * rows, 8 * columns)
        # As the reference lays them out: blocks of 2 x 2 patches of 8 x 8.
        cut = patches.view(3, rows // 2, 2, 8, columns // 2, 2, 8).permute(1, 4, 2, 5, 0, 3, 6)
        assert torch.allclose(
            cut.flatten(), expected[f"{name}.gen_patches_fp32"].flatten(), atol=1e-6
        )


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1", "LA", "YCbCr", "HSV"])
def test_every_mode_of_eight_bits_is_what_it_is_as_rgb(
    processor: ProcessorConfig, vlm: VlmConfig, mode: str
) -> None:
    image = noise(50, 40, mode=mode)
    plain = image.convert("RGB")
    assert torch.equal(
        understanding_pixels(image, processor, vlm), understanding_pixels(plain, processor, vlm)
    )
    assert torch.equal(condition_pixels(image, processor), condition_pixels(plain, processor))


def test_the_encoder_sees_the_whole_image_as_a_square(
    processor: ProcessorConfig, vlm: VlmConfig
) -> None:
    image = noise(150, 30)
    pixels = understanding_pixels(image, processor, vlm)
    assert pixels.shape == (3, vlm.image_size, vlm.image_size)
    bytes_ = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    side = (vlm.image_size, vlm.image_size)
    plain = F.interpolate(bytes_, side, mode="bicubic", antialias=True)[0].double()
    mean, std = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    for n in range(3):
        wanted = (plain[n] - 255 * mean[n]) / (255 * std[n])
        assert torch.allclose(pixels[n].double(), wanted, atol=1e-5)


def test_one_pixel_fills_the_square(processor: ProcessorConfig, vlm: VlmConfig) -> None:
    pixels = understanding_pixels(Image.new("RGB", (1, 1), (255, 0, 0)), processor, vlm)
    assert torch.allclose(pixels[0], torch.tensor((1 - 0.485) / 0.229))
    assert torch.allclose(pixels[1], torch.tensor(-0.456 / 0.224))


def test_condition_images_keep_their_own_grid_and_range(processor: ProcessorConfig) -> None:
    shapes = [condition_pixels(noise(w, h), processor).shape for w, h in ((96, 96), (160, 90))]
    assert shapes[0] != shapes[1]
    for value, wanted in ((0, -1.0), (255, 1.0), (51, -0.6)):
        pixels = condition_pixels(Image.new("L", (96, 96), value), processor)
        assert torch.allclose(pixels, torch.tensor(wanted), atol=1e-6)


def test_padding_is_zeros_below_and_to_the_right() -> None:
    a, b = torch.ones(3, 16, 32), torch.ones(3, 48, 16)
    together = pad_to_largest([a, b])
    assert together.shape == (2, 3, 48, 32)
    assert torch.equal(together[0, :, :16], a)
    assert torch.equal(together[1, :, :, :16], b)
    assert together.sum() == a.sum() + b.sum()


# --- and back -------------------------------------------------------------------------------


def test_pixels_become_levels_by_truncation() -> None:
    levels = torch.arange(256)
    for shift, moved in ((0.0, 0), (0.4, 0), (-0.1, -1), (0.9, 0)):
        values = (levels + shift + 0.5 - 128) / 127.5
        image = to_image(values.expand(3, 1, 256), (1, 256))
        got = np.asarray(image)[0, :, 0].astype(int)
        wanted = np.clip(np.floor(127.5 * values.double().numpy() + 128), 0, 255).astype(int)
        assert np.abs(got - wanted).max() <= 1  # float32 on a boundary
        assert (got == wanted).mean() > 0.9, (shift, moved)
    ends = to_image(torch.tensor([-5.0, -1, 0, 1, 7]).expand(3, 1, 5), (1, 5))
    assert np.asarray(ends)[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_a_result_has_exactly_the_size_asked_for() -> None:
    pixels = torch.rand(3, 64, 80) * 2 - 1
    made = to_image(pixels, (64, 80))
    assert made.size == (80, 64)
    assert made.mode == "RGB"
    larger = to_image(pixels, (70, 90))
    assert larger.size == (90, 70)
    assert np.array_equal(
        np.asarray(larger), np.asarray(made.resize((90, 70), Image.Resampling.LANCZOS))
    )
