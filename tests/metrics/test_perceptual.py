"""LPIPS through the real package, with random backbones that the real check refuses."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evals.core.errors import UserError
from metrics.perceptual import BACKBONES, Backbone, Lpips, load, region_mean

torch = pytest.importorskip("torch")
lpips = pytest.importorskip("lpips")


@pytest.fixture(scope="module")
def torch_home(tiny_weights: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("torch")
    tiny_weights.random_backbone(
        home / "hub" / "checkpoints" / BACKBONES["squeeze"], "squeezenet1_1"
    )
    return home


@pytest.fixture
def squeeze(torch_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backbone:
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    return Backbone(net="squeeze", unverified=True, cache=tmp_path)


def picture(seed: int, size: int = 64) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
    return np.kron(coarse, np.ones((size // 8, size // 8, 1), np.uint8)).astype(np.uint8)


def distance(model: Lpips, a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray]:
    totals, maps = model.compare(model.features([a]), model.features([b]), a.shape[:2])
    return float(totals[0]), maps[0]


def test_the_package_by_its_own_path_gives_the_same(squeeze: Backbone, torch_home: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {
            spatial: lpips.LPIPS(net="squeeze", spatial=spatial, verbose=False)
            for spatial in (False, True)
        }
    a, b = picture(0), picture(1)
    x, y = (torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1 for p in (a, b))
    total, spatial_map = distance(load(squeeze), a, b)
    with torch.no_grad():
        assert total == pytest.approx(float(theirs[False](x, y)), abs=1e-6)
        np.testing.assert_allclose(spatial_map, theirs[True](x, y)[0, 0].numpy(), atol=1e-6)
    assert total > 0.05


def test_equal_pictures_have_no_distance(squeeze: Backbone) -> None:
    total, spatial_map = distance(load(squeeze), picture(0), picture(0))
    assert total == 0.0
    assert not spatial_map.any()


def test_a_batch_gives_what_single_pictures_give(squeeze: Backbone) -> None:
    model = load(squeeze)
    pictures = [picture(s) for s in range(4)]
    others = [picture(s + 10) for s in range(4)]
    totals, maps = model.compare(model.features(pictures), model.features(others), (64, 64))
    for index, (a, b) in enumerate(zip(pictures, others, strict=True)):
        total, spatial_map = distance(model, a, b)
        assert totals[index] == pytest.approx(total, abs=1e-5)
        np.testing.assert_allclose(maps[index], spatial_map, atol=1e-5)


def test_the_map_is_where_the_damage_is(squeeze: Backbone) -> None:
    a = picture(0, size=256)
    b = a.copy()
    b[:64, :64] = 255 - b[:64, :64]
    _, spatial_map = distance(load(squeeze), a, b)
    near, far = np.zeros((2, 256, 256), bool)
    near[:64, :64] = True
    far[160:, 160:] = True
    at, away = region_mean(spatial_map, near), region_mean(spatial_map, far)
    assert at is not None
    assert away is not None
    assert at > 20 * away
    assert region_mean(spatial_map, np.zeros((256, 256), bool)) is None


def test_the_model_is_loaded_once(squeeze: Backbone) -> None:
    assert load(squeeze) is load(squeeze)


def test_absent_weights_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = Backbone(cache=tmp_path)
    absence = backbone.absence()
    assert absence is not None
    assert "alexnet-owt-7be5be79.pth" in absence.reason
    assert "torchvision.models.alexnet" in absence.fix
    assert "weights.lpips_alex" in absence.fix
    assert backbone.identity()["backbone"] is None
    with pytest.raises(UserError, match="weights missing"):
        Lpips(backbone)


def test_random_weights_are_refused_under_the_official_name(
    torch_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    absence = Backbone(net="squeeze", cache=tmp_path).absence()
    assert absence is not None
    assert "is not torchvision's" in absence.reason
    with pytest.raises(UserError):
        load(Backbone(net="squeeze", cache=tmp_path))


def test_the_flag_for_tests_shows_in_the_identity(squeeze: Backbone) -> None:
    honest = Backbone(net="squeeze", cache=squeeze.cache)
    assert squeeze.identity() != honest.identity()
    assert squeeze.identity()["unverified"] is True


def test_weights_of_another_network_are_refused(
    tiny_weights: ModuleType, torch_home: Path, tmp_path: Path
) -> None:
    other = torch_home / "hub" / "checkpoints" / BACKBONES["squeeze"]
    with pytest.raises(UserError, match="does not fit LPIPS-vgg"):
        Lpips(Backbone(net="vgg", path=other, unverified=True, cache=tmp_path))


def test_a_changed_file_is_another_model(
    tiny_weights: ModuleType, squeeze: Backbone, tmp_path: Path
) -> None:
    path = tiny_weights.random_backbone(tmp_path / "w.pth", "squeezenet1_1", seed=1)
    backbone = Backbone(net="squeeze", path=path, unverified=True, cache=tmp_path)
    first, before = load(backbone), backbone.identity()
    tiny_weights.random_backbone(path, "squeezenet1_1", seed=2)
    os.utime(path, ns=(1, 1))
    assert backbone.identity() != before
    assert load(backbone) is not first


def test_what_the_network_cannot_take(squeeze: Backbone) -> None:
    model = load(squeeze)
    with pytest.raises(ValueError, match="at least"):
        model.features([np.zeros((16, 64, 3), np.uint8)])
    with pytest.raises(ValueError, match="differ in size"):
        model.features([np.zeros((64, 64, 3), np.uint8), np.zeros((64, 65, 3), np.uint8)])
    with pytest.raises(UserError, match="no backbone"):
        Backbone(net="resnet", cache=squeeze.cache)


@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_the_smallest_side_is_enough(net: str, tmp_path: Path) -> None:
    from metrics.perceptual import MIN_SIDE

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    smallest = torch.zeros(1, 3, MIN_SIDE, MIN_SIDE)
    with torch.no_grad():
        assert float(model(smallest, smallest)) == 0.0
