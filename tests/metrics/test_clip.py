"""CLIP through open_clip's own loader, with a tiny random tower."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import ImageError, UserError
from metrics import clip_features
from metrics.clip import (
    TowerSpec,
    cosine,
    directional,
    load_tower,
    unit,
)
from metrics.clip_features import MEAN_COLOUR, Crop, Features, FeatureStore, Picture

open_clip = pytest.importorskip("open_clip")


@pytest.fixture
def spec(tiny_clip: Path, tmp_path: Path) -> TowerSpec:
    return TowerSpec(weights=tiny_clip, cache=tmp_path / "cache")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    made = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (6, 9, 3), np.uint8)
        image = Image.fromarray(coarse).resize((300, 240 + 10 * seed), Image.Resampling.NEAREST)
        path = tmp_path / f"{seed}.png"
        image.save(path)
        made.append(Picture(path))
    return made


def vectors(found: dict[Picture, object]) -> np.ndarray:
    return np.stack([np.asarray(v) for v in found.values()])


def test_features_are_open_clips_own(spec: TowerSpec, pictures: list[Picture]) -> None:
    import torch

    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{spec.weights}")
    model.eval()
    with torch.no_grad():
        batch = torch.stack([prepare(Image.open(p.path)) for p in pictures])
        theirs = model.encode_image(batch).numpy()
        tokens = open_clip.get_tokenizer("ViT-L-14")(["a poster"])
        text = model.encode_text(tokens).numpy()[0]
    features = Features(spec)
    np.testing.assert_allclose(vectors(features.images(pictures)), theirs, atol=1e-5)
    np.testing.assert_allclose(features.texts(["a poster"])["a poster"], text, atol=1e-5)


def test_preparation_is_openais(spec: TowerSpec) -> None:
    """Shorter side to 224 bicubic, centre crop, OpenAI's mean and deviation."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (448, 600, 3), np.uint8))
    small = image.resize((300, 224), Image.Resampling.BICUBIC).crop((38, 0, 262, 224))
    mean = np.array([0.48145466, 0.4578275, 0.40821073])
    deviation = np.array([0.26862954, 0.26130258, 0.27577711])
    expected = (np.asarray(small) / 255.0 - mean) / deviation
    found = load_tower(spec).prepare(image).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_batched_equals_unbatched(
    spec: TowerSpec, pictures: list[Picture], tmp_path: Path, size: int
) -> None:
    together = Features(spec, batch_size=size).images(pictures)
    alone = Features(
        TowerSpec(weights=spec.weights, cache=tmp_path / "other"), batch_size=1
    ).images(pictures)
    np.testing.assert_allclose(vectors(together), vectors(alone), atol=1e-5)
    assert list(together) == pictures or set(together) == set(pictures)


def test_each_picture_goes_through_the_tower_once(
    spec: TowerSpec, pictures: list[Picture], tmp_path: Path
) -> None:
    tower = load_tower(spec)
    before = tower.images_encoded
    copy = tmp_path / "copy.png"
    shutil.copy(pictures[0].path, copy)
    found = Features(spec, batch_size=2).images([*pictures, *pictures, Picture(copy)])
    assert tower.images_encoded - before == len(pictures)  # the copy has the same content
    np.testing.assert_array_equal(found[Picture(copy)], found[pictures[0]])
    again = Features(spec, batch_size=2).images(pictures)
    assert tower.images_encoded - before == len(pictures)
    np.testing.assert_array_equal(vectors(again), vectors({p: found[p] for p in again}))


def test_a_crop_is_another_view_of_a_file(spec: TowerSpec, pictures: list[Picture]) -> None:
    path = pictures[0].path
    with Image.open(path) as image:
        size = image.size
    left = Picture(path, crop=Crop((0, 0, size[0] // 2, size[1]), size))
    right = Picture(path, crop=Crop((size[0] // 2, 0, size[0], size[1]), size))
    found = Features(spec).images([Picture(path), left, right])
    a, b, c = (np.asarray(found[p]) for p in (Picture(path), left, right))
    assert not np.allclose(a, b)
    assert not np.allclose(b, c)
    cut = path.with_name("cut.png")
    left.load().save(cut)  # features of a crop are those of a file that holds it
    np.testing.assert_allclose(vectors(Features(spec).images([Picture(cut)]))[0], b, atol=1e-5)


def test_a_crop_keeps_all_of_a_line_of_text() -> None:
    line = Image.new("RGB", (100, 60), (10, 20, 30))
    square = np.asarray(Crop((20, 10, 80, 20), (100, 60)).cut(line))
    assert square.shape == (60, 60, 3)
    assert (square[25:35] == (10, 20, 30)).all()
    assert (square[:25] == MEAN_COLOUR).all()
    assert (square[35:] == MEAN_COLOUR).all()
    upright = np.asarray(Crop((20, 10, 30, 50), (100, 60)).cut(line))
    assert (upright[:, 15:25] == (10, 20, 30)).all()


def test_a_crop_of_a_picture_of_another_size_is_the_corresponding_part() -> None:
    rows, columns = np.mgrid[0:60, 0:100]
    values = np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8)
    small = Image.fromarray(values)
    large = small.resize((200, 120), Image.Resampling.NEAREST)
    crop = Crop((20, 10, 80, 20), (100, 60))
    expected = crop.cut(small).resize((120, 120), Image.Resampling.NEAREST)
    assert np.array_equal(np.asarray(crop.cut(large)), np.asarray(expected))
    dot = Image.new("RGB", (1, 1), (9, 9, 9))
    assert crop.cut(dot).size == (1, 1)
    assert Crop((99, 59, 100, 60), (100, 60)).cut(dot).getpixel((0, 0)) == (9, 9, 9)


def test_features_survive_the_process(spec: TowerSpec, pictures: list[Picture]) -> None:
    first = Features(spec).images(pictures)
    text = Features(spec).texts(["one", "two"])
    clip_features._store.cache_clear()  # as a new process: the disk is all there is
    tower = load_tower(spec)
    before = tower.images_encoded, tower.texts_encoded
    again = Features(spec).images(pictures)
    same = Features(spec).texts(["two", "one"])
    assert (tower.images_encoded, tower.texts_encoded) == before
    for picture in pictures:
        np.testing.assert_array_equal(first[picture], again[picture])
    np.testing.assert_array_equal(text["one"], same["one"])


def test_a_changed_image_is_encoded_again(spec: TowerSpec, pictures: list[Picture]) -> None:
    first = Features(spec).images(pictures[:1])[pictures[0]]
    Image.new("RGB", (40, 40), (250, 10, 10)).save(pictures[0].path)
    second = Features(spec).images(pictures[:1])[pictures[0]]
    assert not np.allclose(np.asarray(first), np.asarray(second), atol=1e-3)


def test_activations_differ_and_do_not_share_a_cache(
    spec: TowerSpec, pictures: list[Picture]
) -> None:
    other = TowerSpec(weights=spec.weights, cache=spec.cache, quick_gelu=False)
    assert other.identity() != spec.identity()
    quick = vectors(Features(spec).images(pictures))
    gelu = vectors(Features(other).images(pictures))
    assert np.abs(unit(quick) - unit(gelu)).max() > 1e-4  # batching moves them by 1e-7
    kinds = [
        type(load_tower(s)._model.visual.transformer.resblocks[0].mlp.gelu).__name__
        for s in (spec, other)
    ]
    assert kinds == ["QuickGELU", "GELU"]


def test_one_bad_file_leaves_the_others(
    spec: TowerSpec, pictures: list[Picture], tmp_path: Path
) -> None:
    bad, absent = tmp_path / "bad.png", tmp_path / "absent.png"
    bad.write_bytes(b"not an image")
    found = Features(spec, batch_size=3).images([pictures[0], Picture(bad), Picture(absent)])
    assert isinstance(found[Picture(bad)], ImageError)
    assert isinstance(found[Picture(absent)], ImageError)
    assert isinstance(found[pictures[0]], np.ndarray)


def test_one_pixel_is_a_picture(spec: TowerSpec, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (9, 9, 9)).save(tmp_path / "one.png")
    found = Features(spec).images([Picture(tmp_path / "one.png")])
    assert np.isfinite(vectors(found)).all()


def test_the_official_view_drops_alpha(spec: TowerSpec, tmp_path: Path) -> None:
    values = np.zeros((64, 64, 4), np.uint8)
    values[::2, :, :3] = 200
    values[:32, :, 3] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    person, official = Picture(tmp_path / "a.png"), Picture(tmp_path / "a.png", as_official=True)
    found = Features(spec).images([person, official])
    assert not np.allclose(np.asarray(found[person]), np.asarray(found[official]), atol=1e-4)


def test_a_long_text_is_cut_not_refused(spec: TowerSpec) -> None:
    assert Features(spec).texts(["word " * 200])["word " * 200].shape == (768,)


# --- which weights ---------------------------------------------------------------------------


def test_a_checkpoint_file_with_a_registered_model(
    tiny_clip: Path, tiny_weights: ModuleType, pictures: list[Picture], tmp_path: Path
) -> None:
    (tmp_path / "tiny-tower.json").write_text(json.dumps(tiny_weights.TOWER))
    open_clip.add_model_config(tmp_path / "tiny-tower.json")
    by_file = TowerSpec(
        model="tiny-tower",
        weights=tiny_clip / "open_clip_model.safetensors",
        cache=tmp_path / "c",
    )
    assert by_file.absence() is None
    assert by_file.identity()["model"] == "tiny-tower"
    by_folder = TowerSpec(weights=tiny_clip, cache=tmp_path / "c")
    np.testing.assert_allclose(
        vectors(Features(by_file).images(pictures)),
        vectors(Features(by_folder).images(pictures)),
        atol=1e-6,
    )


def test_absent_weights_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    spec = TowerSpec(cache=tmp_path)
    absence = spec.absence()
    assert absence is not None
    assert "weights missing" in absence.reason
    assert "open_clip.create_model('ViT-L-14-quickgelu', pretrained='openai')" in absence.fix
    assert spec.identity()["weights"] is None
    with pytest.raises(UserError, match="weights missing"):
        load_tower(spec)
    assert TowerSpec(cache=tmp_path, weights=tmp_path / "none.bin").absence() is not None


def test_weights_in_the_hub_cache_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_clip: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--timm--vit_large_patch14_clip_224.openai" / "snapshots" / "r"
    folder.mkdir(parents=True)
    shutil.copy(tiny_clip / "open_clip_model.safetensors", folder)
    for model in ("ViT-L-14", "ViT-L-14-quickgelu"):
        spec = TowerSpec(model=model, cache=tmp_path)
        assert spec.file == folder / "open_clip_model.safetensors"
        assert spec.absence() is None
    assert TowerSpec(model="ViT-B-32", cache=tmp_path).absence() is not None


def test_code_and_folders_without_a_config_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ViT-L-14.pt", "w") as archive:
        archive.writestr("m/constants.pkl", b"")
    absence = TowerSpec(weights=tmp_path / "ViT-L-14.pt", cache=tmp_path).absence()
    assert absence is not None
    assert "TorchScript" in absence.reason
    (tmp_path / "folder").mkdir()
    absence = TowerSpec(weights=tmp_path / "folder", cache=tmp_path).absence()
    assert absence is not None
    assert "open_clip_config.json" in absence.reason


def test_weights_of_another_architecture_are_refused(tiny_clip: Path, tmp_path: Path) -> None:
    spec = TowerSpec(
        model="RN50", weights=tiny_clip / "open_clip_model.safetensors", cache=tmp_path
    )
    with pytest.raises(UserError, match="does not fit RN50"):
        load_tower(spec)


def test_other_weights_are_another_scorer(
    tiny_weights: ModuleType, spec: TowerSpec, tmp_path: Path
) -> None:
    other = TowerSpec(weights=tiny_weights.tiny_clip(tmp_path / "o", seed=1), cache=spec.cache)
    assert other.identity()["weights"] != spec.identity()["weights"]


# --- the store -------------------------------------------------------------------------------


def test_the_store_keeps_a_bounded_number_in_memory(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, in_memory=2)
    for index in range(5):
        store.put(f"{index:064d}", np.full(3, index, np.float32))
    assert len(store._held) == 2
    first = store.get("0" * 64)
    assert first is not None
    assert first[0] == 0
    assert store.get("f" * 64) is None


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"garbage" * 20])
def test_a_damaged_vector_counts_as_absent(tmp_path: Path, damage: bytes) -> None:
    store = FeatureStore(tmp_path)
    store.put("ab", np.ones(3, np.float32))
    (tmp_path / "ab" / "ab.npy").write_bytes(damage)
    assert FeatureStore(tmp_path).get("ab") is None
    np.save(tmp_path / "ab" / "ab.npy", np.array([np.nan], np.float32))
    assert FeatureStore(tmp_path).get("ab") is None


# --- arithmetic ------------------------------------------------------------------------------


def test_cosine_is_bounded() -> None:
    vector = np.random.default_rng(0).normal(size=768)
    assert cosine(vector, vector * 3) <= 1.0
    assert cosine(vector, -vector) == pytest.approx(-1.0)


def test_directional_rewards_the_right_way_and_not_doing_nothing() -> None:
    original, truth = np.array([1.0, 0, 0]), np.array([1.0, 0.3, 0])
    assert directional(truth, original, truth) == pytest.approx(1.0)
    assert directional([1.0, -0.3, 0], original, truth) == pytest.approx(-1.0, abs=0.05)
    assert directional([1.0, 0, 0.3], original, truth) == pytest.approx(0.0, abs=0.05)
    assert directional(original, original, truth) == 0.0
    assert directional([1.0, -0.004, 0], original, truth) == 0.0  # noise of encoding
    assert directional([0, 1, 0], original, original) is None
