"""The HPSv2 reward: its preparation of pictures, and the loader with a tiny random tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import ImageError, UserError
from metrics.preference import DEVIATION, FILES, MEAN, SETTINGS, Reward, prepare

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    made = []
    for seed, size in enumerate([(300, 300), (300, 150), (224, 224), (100, 260), (224, 100)]):
        pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
        path = tmp_path / f"{seed}.png"
        Image.fromarray(pixels).resize(size).save(path)
        made.append(path)
    return made


def reward(tiny_clip: Path, tmp_path: Path, batch_size: int = 16) -> Reward:
    cache = tmp_path / "cache"
    return Reward(version="v2.1", weights=tiny_clip, cache=cache, batch_size=batch_size)


def undone(prepared: object) -> np.ndarray:
    """(224, 224, 3) in [0, 1]."""
    values = np.asarray(prepared).transpose(1, 2, 0)
    return values * DEVIATION + MEAN


def test_the_whole_picture_is_kept_between_black_bars() -> None:
    wide = Image.new("RGB", (400, 200), (255, 0, 0))
    pixels = undone(prepare(wide))
    np.testing.assert_allclose(pixels[:56], 0, atol=1e-6)
    np.testing.assert_allclose(pixels[168:], 0, atol=1e-6)
    red = np.broadcast_to([1, 0, 0], (112, 224, 3))
    np.testing.assert_allclose(pixels[56:168], red, atol=1e-5)


def test_preprocessing_resizes_the_tensor() -> None:
    """torchvision's own resize of a float tensor with antialiasing, its default since 0.17."""
    from torchvision.transforms import InterpolationMode, Resize, ToTensor

    pixels = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    image = Image.fromarray(pixels)
    expected = Resize(224, InterpolationMode.BICUBIC)(ToTensor()(image))
    found = torch.from_numpy(undone(prepare(image)).transpose(2, 0, 1))
    torch.testing.assert_close(found.float(), expected, atol=1e-5, rtol=0)
    # Stock open_clip resizes the picture instead: near, but not the same.
    stock = open_clip.image_transform(224, is_train=False, mean=(0, 0, 0), std=(1, 1, 1))(image)
    gap = float((stock - expected).abs().mean())
    assert 1e-4 < gap < 0.01


@pytest.mark.parametrize("size", [(1000, 1), (1, 1000), (1, 1), (224, 1)])
def test_thin_pictures_stay_pictures(size: tuple[int, int]) -> None:
    assert prepare(Image.new("RGB", size)).shape == (3, 224, 224)


def test_it_is_the_cosine_times_a_hundred(
    tiny_clip: Path, tmp_path: Path, pictures: list[Path]
) -> None:
    model = open_clip.create_model(f"local-dir:{tiny_clip}", quick_gelu=False).eval()
    tokens = open_clip.get_tokenizer("ViT-H-14")(["a ship"])
    pairs = [(path, "a ship") for path in pictures]
    found = reward(tiny_clip, tmp_path).score(pairs)
    with torch.no_grad():
        text = model.encode_text(tokens, normalize=True)
        for (path, _), value in zip(pairs, found, strict=True):
            image = model.encode_image(prepare(Image.open(path))[None], normalize=True)
            assert value == pytest.approx(100 * float(image @ text.T), abs=1e-3)


def test_batched_equals_unbatched(tiny_clip: Path, tmp_path: Path, pictures: list[Path]) -> None:
    pairs = [(path, f"a {n}") for n, path in enumerate(pictures)]
    one = reward(tiny_clip, tmp_path, 1).score(pairs)
    assert reward(tiny_clip, tmp_path, 3).score(pairs) == pytest.approx(one, abs=1e-3)


def test_a_broken_picture_is_its_own_error(
    tiny_clip: Path, tmp_path: Path, pictures: list[Path]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    scorer = reward(tiny_clip, tmp_path, 2)
    paths = [pictures[0], broken, broken, broken, pictures[1]]
    found = scorer.score([(p, "a ship") for p in paths])
    assert [isinstance(f, ImageError) for f in found] == [False, True, True, True, False]


def test_absence_names_file_and_setting(
    tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for version, file in FILES.items():
        absence = Reward(version=version, cache=tmp_path).absence()
        assert absence is not None
        assert f"hf download xswu/HPSv2 {file}" in absence.fix
        assert absence.fix.endswith(f"weights.{SETTINGS[version]}")
    assert reward(tiny_clip, tmp_path).absence() is None


def test_weights_in_the_hubs_cache_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "models--xswu--HPSv2" / "snapshots" / "c0" / FILES["v2.1"]
    place.parent.mkdir(parents=True)
    torch.save({"state_dict": {"logit_scale": torch.ones(())}}, place)
    found = Reward(version="v2.1", cache=tmp_path / "cache")
    assert found.tower.file == place
    assert found.absence() is None
    assert Reward(version="v2.0", cache=tmp_path / "cache").absence() is not None


def test_the_released_form_of_the_file_is_loaded(
    tmp_path: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``{"state_dict": ...}`` in a .pt file, of a smaller architecture to save the memory."""
    monkeypatch.setattr("metrics.preference.MODEL", "ViT-S-32-alt")
    torch.manual_seed(0)
    model = open_clip.create_model("ViT-S-32-alt").eval()
    torch.save({"state_dict": model.state_dict()}, tmp_path / "good.pt")
    scorer = Reward(version="v2.0", weights=tmp_path / "good.pt", cache=tmp_path / "cache")
    assert scorer.absence() is None
    with torch.no_grad():
        text = model.encode_text(open_clip.get_tokenizer("ViT-H-14")(["a ship"]), normalize=True)
        image = model.encode_image(prepare(Image.open(pictures[1]))[None], normalize=True)
    found = scorer.score([(pictures[1], "a ship")])
    assert found == pytest.approx([100 * float(image @ text.T)], abs=1e-3)
    torch.save({"state_dict": {"visual.proj": torch.ones(3, 3)}}, tmp_path / "other.pt")
    wrong = Reward(version="v2.0", weights=tmp_path / "other.pt", cache=tmp_path / "cache")
    with pytest.raises(UserError, match=r"does not fit ViT-S-32-alt"):
        wrong.score([(pictures[1], "a ship")])


def test_identity_tells_the_releases_apart(tiny_clip: Path, tmp_path: Path) -> None:
    one = reward(tiny_clip, tmp_path)
    other = Reward(version="v2.0", weights=tiny_clip, cache=tmp_path / "cache")
    assert one.identity() != other.identity()
    assert one.identity()["torchvision"]
