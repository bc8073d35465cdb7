"""The VAE whose weights are written down: what it keeps of a picture, and of which pictures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLQwenImage
from PIL import Image
from torch import Tensor

from model.internvlu import transform_vae
from model.internvlu.images import condition_pixels
from model.internvlu.info import inventory
from model.internvlu.latents import decode, encode
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.tiny import TRAINABLE, write_tiny
from synth.textedit import scene, specs

EXACT = 3e-4
"""Mean square deviation from the transform itself, of pixels in [-1, 1]: 41 dB."""


def make(channels: int) -> Any:
    values = transform_vae.configuration(channels)
    vae = AutoencoderKLQwenImage(
        z_dim=channels, temperal_downsample=[False, True, True], **values
    ).eval()
    transform_vae.fill(vae, channels)
    return vae


@pytest.fixture(scope="module")
def vae() -> Any:
    return make(32)


@pytest.fixture(scope="module")
def pipe(tmp_path_factory: pytest.TempPathFactory) -> InternVLUPipeline:
    folder = write_tiny(tmp_path_factory.mktemp("transform") / "checkpoint", **TRAINABLE)
    return InternVLUPipeline.from_pretrained(folder, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def pictures(pipe: InternVLUPipeline) -> list[Tensor]:
    """Every third sub-class of the validation split, as condition images."""
    rendered = [scene(spec).render() for spec in specs("val", 1)[::3]]
    processor = pipe.parts.config.processor
    return [condition_pixels(Image.fromarray(p), processor) for p in rendered]


def psnr(one: Tensor, other: Tensor) -> float:
    return float(-10 * torch.log10(((one - other) ** 2).mean() / 4))


def walsh(number: int) -> np.ndarray:
    """A wave over 8 pixels: the first binary digit of its number is that of neighbours."""
    digits = [(number >> (2 - k)) & 1 for k in range(3)]
    return np.array([(-1) ** sum(d * (i >> k & 1) for k, d in enumerate(digits)) for i in range(8)])


def transformed(image: Tensor, channels: int) -> Tensor:
    """What the transform leaves of an image when the other bands are dropped."""
    to = np.array([[0.25, 0.5, 0.25], [0.5, 0, -0.5], [-0.25, 0.5, -0.25]])
    colours = np.einsum("kc,chw->khw", to, image.numpy().astype(float))
    _, rows, columns = colours.shape
    blocks = colours.reshape(3, rows // 8, 8, columns // 8, 8)
    kept = np.zeros_like(blocks)
    for component, down, right in transform_vae.bands(channels):
        wave = np.outer(walsh(down), walsh(right))
        mean = np.einsum("ricj,ij->rc", blocks[component], wave) / 64
        kept[component] += np.einsum("rc,ij->ricj", mean, wave)
    back = np.einsum("ck,khw->chw", np.linalg.inv(to), kept.reshape(3, rows, columns))
    return torch.from_numpy(back).float().clamp(-1, 1)


@pytest.mark.parametrize("channels", [3, 16, 32, 48])
def test_it_is_the_transform(channels: int, pictures: list[Tensor]) -> None:
    """To within the few pairs of pixels whose phase cannot be told."""
    vae = make(channels)
    for image in pictures[:2]:
        decoded = decode(vae, encode(vae, [image]))[0]
        assert ((decoded - transformed(image, channels)) ** 2).mean() < EXACT


def test_scenes_are_kept(vae: Any, pictures: list[Tensor]) -> None:
    found = [psnr(decode(vae, encode(vae, [image]))[0], image) for image in pictures]
    assert np.mean(found) > 26.5, found
    assert min(found) > 19, found
    noise = [psnr(torch.zeros_like(image), image) for image in pictures]
    assert np.mean(found) > np.mean(noise) + 15


def test_more_channels_keep_more(pictures: list[Tensor]) -> None:
    found = []
    for channels in (3, 16, 32, 48):
        vae = make(channels)
        found.append(np.mean([psnr(decode(vae, encode(vae, [p]))[0], p) for p in pictures[:2]]))
    assert all(b > a + 1.5 for a, b in pairwise(found)), found


def test_latents_have_mean_0_and_deviation_1(vae: Any, pictures: list[Tensor]) -> None:
    values = torch.cat([x.flatten(1) for x in encode(vae, pictures)], dim=1)
    assert values.shape[0] == 32
    assert values.mean(dim=1).abs().max() < 0.5
    deviations = values.std(dim=1)
    assert deviations.min() > 0.6
    assert deviations.max() < 1.6
    assert 0.85 < deviations.mean() < 1.15


@pytest.mark.parametrize("size", [(16, 16), (8, 64), (64, 8), (48, 160), (208, 32)])
def test_any_size_and_the_edges(size: tuple[int, int], vae: Any) -> None:
    """Noise, of which every pair of pixels differs from its neighbours."""
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8
    latents = encode(vae, [image])
    assert latents[0].shape == (32, size[0] // 8, size[1] // 8)
    decoded, wanted = decode(vae, latents)[0], transformed(image, 32)
    assert decoded.shape == image.shape
    assert ((decoded - wanted) ** 2).mean() < EXACT
    frame = torch.ones(size, dtype=torch.bool)
    frame[1:-1, 1:-1] = False
    assert (decoded - wanted)[:, frame].square().mean() < EXACT


@pytest.mark.parametrize("colour", [(0.0, 0.0, 0.0), (1.0, -1.0, 0.5), (-1.0, -1.0, -1.0)])
def test_a_plain_colour_comes_back_up_to_the_edges(colour: tuple[float, ...], vae: Any) -> None:
    image = torch.tensor(colour)[:, None, None].expand(3, 40, 56).contiguous()
    assert (decode(vae, encode(vae, [image]))[0] - image).abs().max() < 2e-3


def test_a_block_of_latents_is_one_block_of_pixels(vae: Any, pictures: list[Tensor]) -> None:
    """Latents know of their own 8 x 8 pixels alone, whatever stands beside them."""
    image = pictures[0]
    before = encode(vae, [image])[0]
    changed = image.clone()
    changed[:, 64:72, 80:88] *= -0.5
    after = encode(vae, [changed])[0]
    moved = (after - before).abs().amax(dim=0) > 1e-3
    assert moved[8, 10]
    assert moved.sum() == 1


def test_the_posterior_is_sure(vae: Any, pictures: list[Tensor]) -> None:
    posterior = vae.encode(pictures[0][None, :, None]).latent_dist
    assert (posterior.sample() - posterior.mode()).abs().max() < 1e-4


def test_several_at_once_are_as_each_alone(vae: Any, pictures: list[Tensor]) -> None:
    alone = [decode(vae, encode(vae, [p]))[0] for p in (pictures[0], pictures[0].flip(2))]
    both = decode(vae, encode(vae, [pictures[0], pictures[0].flip(2)]))
    for one, other in zip(alone, both, strict=True):
        assert ((one - other) ** 2).mean() < 1e-6


def test_a_checkpoint_with_it_loads_and_edits(pipe: InternVLUPipeline) -> None:
    image = Image.fromarray(scene(specs("val", 1)[0]).render())
    made = pipe.edit(["Replace A with B"], [[image]], steps=1, seeds=0)[0]
    assert made.finite
    assert made.image.size == made.generated[::-1]
    assert 32_768 <= made.generated[0] * made.generated[1] <= 49_152
    assert pipe.generate(["a red panda"], steps=1)[0].image.size == (208, 208)


def test_the_trainable_checkpoint_is_whole_and_reproducible(tmp_path: Path) -> None:
    one, other = (write_tiny(tmp_path / name, **TRAINABLE) for name in ("one", "other"))
    assert inventory(one).problems == ()
    files = [p.relative_to(one) for p in sorted(one.rglob("*")) if p.is_file()]
    assert all((one / f).read_bytes() == (other / f).read_bytes() for f in files)


@pytest.mark.parametrize("channels", [2, 49])
def test_channels_that_cannot_be(channels: int) -> None:
    make_bands: Callable[[int], Any] = transform_vae.bands
    with pytest.raises(ValueError, match="from 3 to 48"):
        make_bands(channels)
