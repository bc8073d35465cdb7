"""The VAE: one image or many, wide or high, whole or in tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLQwenImage
from torch import Tensor

from model.internvlu import latents as module
from model.internvlu.latents import decode, encode
from model.internvlu.pipeline import InternVLUPipeline
from tests.model.internvlu.kit import noise

SIZES = ((64, 64), (48, 160), (160, 32), (64, 64), (16, 16))


def pixels(height: int, width: int, seed: int = 0) -> Tensor:
    values = np.array(noise(width, height, seed))
    return torch.from_numpy(values).permute(2, 0, 1).float() / 127.5 - 1


def smooth(height: int, width: int) -> Tensor:
    """A picture without edges, so that a tile's margin hardly matters."""
    y, x = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 3, width), indexing="ij")
    return torch.stack([y.sin(), x.cos(), (x + y).sin()])


def latent(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(16, rows, columns, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def vae(pipe: InternVLUPipeline) -> Any:
    return pipe.parts.vae


def test_latents_are_the_normalised_mode(vae: Any) -> None:
    image = pixels(48, 80)
    with torch.no_grad():
        posterior = vae.encode(image[None, :, None]).latent_dist
    mean, std = (torch.tensor(getattr(vae.config, f"latents_{k}")) for k in ("mean", "std"))
    wanted = (posterior.mode()[0, :, 0] - mean[:, None, None]) / std[:, None, None]
    (found,) = encode(vae, [image])
    assert found.shape == (16, 6, 10)
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_single_images_go_through_as_in_the_released_class(vae: Any, dtype: torch.dtype) -> None:
    """What makes it fast changes no more than the last bits."""
    released = AutoencoderKLQwenImage.from_config(vae.config).eval()
    released.load_state_dict(vae.state_dict())
    ours = AutoencoderKLQwenImage.from_config(vae.config).eval()
    ours.load_state_dict(vae.state_dict())
    module.for_images(ours)
    image = pixels(48, 80)[None, :, None].to(dtype)
    image[..., :8, :8] = 0
    some = latent(6, 10)[None, :, None].to(dtype)
    with torch.no_grad():
        for call in (lambda v: v.encode(image).latent_dist.mode(), lambda v: v.decode(some)[0]):
            wanted, found = call(released.to(dtype)), call(ours.to(dtype))
            assert found.dtype == dtype
            room = 1e-5 if dtype == torch.float32 else 0.05
            assert torch.allclose(found.float(), wanted.float(), atol=room)


def test_many_images_are_encoded_as_each_alone(vae: Any) -> None:
    images = [pixels(*size, seed=n) for n, size in enumerate(SIZES)]
    together = encode(vae, images)
    for image, found in zip(images, together, strict=True):
        assert found.shape == (16, image.shape[1] // 8, image.shape[2] // 8)
        assert torch.allclose(found, encode(vae, [image])[0], atol=1e-5)
    assert encode(vae, []) == []


def test_the_reference_pads_a_batch_and_the_margin_shows(vae: Any) -> None:
    small, large = pixels(64, 64), pixels(96, 128, 1)
    alone, padded = encode(vae, [small, large]), encode(vae, [small, large], together=True)
    assert [x.shape for x in padded] == [x.shape for x in alone]
    assert torch.allclose(padded[1], alone[1], atol=1e-5)
    assert not torch.allclose(padded[0], alone[0], atol=1e-3)


def test_many_latents_are_decoded_as_each_alone(vae: Any) -> None:
    all_ = [latent(h // 8, w // 8, n) for n, (h, w) in enumerate(SIZES)]
    together = decode(vae, all_)
    for one, found in zip(all_, together, strict=True):
        assert found.shape == (3, 8 * one.shape[1], 8 * one.shape[2])
        assert found.dtype == torch.float32
        assert float(found.abs().max()) <= 1
        assert torch.allclose(found, decode(vae, [one])[0], atol=1e-5)
    assert decode(vae, []) == []


def test_a_chunk_does_not_change_its_images(vae: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    all_ = [latent(8, 8, n) for n in range(5)]
    sizes: list[int] = []
    original = vae.decode

    def watching(z: Tensor, **options: Any) -> Any:
        sizes.append(len(z))
        return original(z, **options)

    monkeypatch.setattr(vae, "decode", watching)
    together = decode(vae, all_)
    assert sizes == [5]
    monkeypatch.setattr(module, "CHUNK", 2 * 64 * 64 + 1)
    again = decode(vae, all_)
    monkeypatch.setattr(module, "CHUNK", 1)
    single = decode(vae, all_)
    assert sizes == [5, 2, 2, 1, 1, 1, 1, 1, 1]
    for a, b, c in zip(together, again, single, strict=True):
        assert torch.allclose(a, b, atol=1e-5)
        assert torch.allclose(a, c, atol=1e-5)


# --- tiles ----------------------------------------------------------------------------------


class Watched:
    """Which of the library's tiled functions were called."""

    def __init__(self, vae: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        for name in ("tiled_encode", "tiled_decode"):
            original = getattr(vae, name)

            def watching(x: Tensor, *, _name: str = name, _to: Any = original, **kw: Any) -> Any:
                self.calls.append(_name)
                return _to(x, **kw)

            monkeypatch.setattr(vae, name, watching)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 128 * 128)
    monkeypatch.setattr(module, "TILE", 128)
    monkeypatch.setattr(module, "STRIDE", 96)


@pytest.mark.usefixtures("small_tiles")
def test_tiles_are_for_what_is_over_the_limit(vae: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(vae, monkeypatch)
    encode(vae, [pixels(128, 128), pixels(64, 240)])
    decode(vae, [latent(16, 16), latent(8, 30)])
    assert watched.calls == []
    encode(vae, [pixels(128, 144)])
    decode(vae, [latent(16, 18)])
    assert watched.calls == ["tiled_encode", "tiled_decode"]
    # And none are left on for the next one.
    decode(vae, [latent(16, 16)])
    encode(vae, [pixels(128, 128)])
    assert len(watched.calls) == 2


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("size", [(128, 144), (240, 304), (400, 64), (112, 352)])
def test_tiles_are_near_the_whole(
    vae: Any, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    image = smooth(*size)
    (tiled,) = encode(vae, [image])
    made = decode(vae, [tiled])[0]
    assert tiled.shape == (16, size[0] // 8, size[1] // 8)
    assert made.shape == (3, *size)
    assert float(made.abs().max()) <= 1
    monkeypatch.setattr(module, "WHOLE", 10**9)
    (whole,) = encode(vae, [image])
    assert float((tiled - whole).abs().mean()) < 0.15 * float(whole.abs().mean())
    again = decode(vae, [tiled])[0]
    assert float((made - again).abs().mean()) < 0.1


@pytest.mark.usefixtures("small_tiles")
def test_tiles_are_clamped_too(checkpoint: Path) -> None:
    """The library clamps only what goes through in one piece."""
    vae = InternVLUPipeline.from_pretrained(checkpoint, device="cpu").parts.vae
    vae.decoder.conv_out.weight.data *= 9
    for rows in (16, 18):
        (made,) = decode(vae, [latent(rows, 18)])
        assert float(made.max()) == 1
        assert float(made.min()) == -1


def test_over_two_megapixels_there_are_tiles_and_below_none(
    vae: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without running them: a fault of the released code was here, a division by zero."""
    seen: list[tuple[str, bool]] = []

    def decoded(z: Tensor, **_: Any) -> Any:
        seen.append((f"{8 * z.shape[3]}x{8 * z.shape[4]}", vae.use_tiling))
        return (torch.zeros(len(z), 3, 1, 8 * z.shape[3], 8 * z.shape[4]),)

    monkeypatch.setattr(vae, "decode", decoded)
    decode(vae, [torch.zeros(16, h // 8, w // 8) for h, w in ((1024, 2048), (1040, 2048))])
    assert seen == [("1024x2048", False), ("1040x2048", True)]
