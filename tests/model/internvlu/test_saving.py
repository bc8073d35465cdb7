"""Checkpoints that are written: round trips, tied layers, places that cannot be written."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from evals.core.errors import UserError
from model.internvlu import checkpoint as files
from model.internvlu import loading
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.vlm import Sampling
from tests.model.internvlu.kit import SMALL, changed, copied, noise, recordings, same

HEAD = "language_model.lm_head.weight"


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return copied(checkpoint, tmp_path / "checkpoint")


def read(folder: Path, **options: Any) -> InternVLUPipeline:
    return InternVLUPipeline.from_pretrained(folder, device="cpu", **options)


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


# --- the output layer -----------------------------------------------------------------------


def test_a_checkpoint_without_an_output_layer_uses_the_embedding(folder: Path) -> None:
    path = folder / "vlm" / "model.safetensors"
    rewrite(path, lambda t: t.pop(HEAD))
    pipe = read(folder)
    language = pipe.parts.vlm.language_model
    assert language.lm_head.weight is language.get_input_embeddings().weight
    pipe.save_pretrained(folder.parent / "again")
    assert HEAD not in load_file(folder.parent / "again" / "vlm" / "model.safetensors")
    again = read(folder.parent / "again")
    how = Sampling(max_new_tokens=6)
    assert again.answer(["a cat"], sampling=how) == pipe.answer(["a cat"], sampling=how)


def test_an_output_layer_on_disk_counts_whatever_the_configuration_says(
    folder: Path, pipe: InternVLUPipeline
) -> None:
    changed(folder / "vlm" / "config.json", tie_word_embeddings=True)
    tied = read(folder)
    head = tied.parts.vlm.language_model.lm_head.weight
    assert torch.equal(head, pipe.parts.vlm.language_model.lm_head.weight)
    assert not torch.equal(head, tied.parts.vlm.language_model.get_input_embeddings().weight)
    tied.save_pretrained(folder.parent / "again")
    assert HEAD in load_file(folder.parent / "again" / "vlm" / "model.safetensors")


# --- round trips ----------------------------------------------------------------------------


def equal(one: Path, other: Path) -> None:
    """The same tensors in all components, and the same JSON objects."""
    for component in files.WEIGHTS:
        a, b = (dict(files.tensors(place / component)) for place in (one, other))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)
    for path in one.rglob("*.json"):
        if not path.name.endswith("index.json") or path.name == "model_index.json":
            ours = other / path.relative_to(one)
            assert json.loads(path.read_text("utf-8")) == json.loads(ours.read_text("utf-8")), path


@pytest.mark.parametrize("shard", [files.SHARD, 100_000, 1])
def test_round_trip(folder: Path, pipe: InternVLUPipeline, tmp_path: Path, shard: int) -> None:
    for name in ("vlm", "generation_decoder", "vae"):
        changed(folder / name / "config.json", of_tomorrow={"a": [1, None]})
    out = tmp_path / "out"
    loading.write_parts(read(folder).parts, out, shard=shard)
    equal(folder, out)
    shards = list((out / "generation_decoder").glob("*.safetensors"))
    assert len(shards) == {files.SHARD: 1, 100_000: len(shards), 1: 78}[shard]
    assert shard == files.SHARD or len(shards) > 3
    assert (out / "generation_decoder" / "model.safetensors.index.json").exists() == (
        shard != files.SHARD
    )
    again = read(out)
    assert same(again.generate(["a cat"], **SMALL), pipe.generate(["a cat"], **SMALL))
    assert sorted(p.name for p in (out / "processor").iterdir()) == sorted(
        p.name for p in (folder / "processor").iterdir()
    )
    assert not list(out.rglob("*.part"))


def test_round_trip_of_the_recorded_checkpoint(tmp_path: Path) -> None:
    place = recordings() / "tiny-checkpoint"
    read(place).save_pretrained(tmp_path / "out")
    equal(place, tmp_path / "out")


def test_names_and_shapes_are_the_official_ones(tmp_path: Path) -> None:
    keys = json.loads((recordings() / "expected" / "state_dict_keys.json").read_text("utf-8"))
    read(recordings() / "tiny-checkpoint").save_pretrained(tmp_path / "out")
    for component in files.WEIGHTS:
        found = files.shapes(tmp_path / "out" / component)
        wanted = keys[component]["tensors"]
        assert {k: list(shape) for k, (shape, _) in found.items()} == wanted


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_cast_is_saved_as_it_is(folder: Path, tmp_path: Path, dtype: str) -> None:
    cast = read(folder, dtype=dtype)
    wanted = getattr(torch, dtype)
    for module in (cast.parts.vlm, cast.parts.decoder, cast.parts.vae):
        assert {p.dtype for p in module.parameters()} == {wanted}
    cast.save_pretrained(tmp_path / "out")
    found = files.shapes(tmp_path / "out" / "generation_decoder")
    assert {kind for _, kind in found.values()} == {{"bfloat16": "BF16", "float16": "F16"}[dtype]}
    state = read(tmp_path / "out", dtype="float32").parts.decoder.state_dict()
    exact = read(folder, dtype="float32").parts.decoder.state_dict()
    assert all(torch.equal(state[k], exact[k].to(wanted).float()) for k in exact)


def test_an_offloaded_and_a_text_named_folder(folder: Path, tmp_path: Path) -> None:
    pipe = read(folder, offload=True)
    pipe.save_pretrained(str(tmp_path / "out"))  # type: ignore[arg-type]
    equal(folder, tmp_path / "out")


# --- places that cannot be written ----------------------------------------------------------


def test_a_folder_that_holds_something_is_left_alone(
    pipe: InternVLUPipeline, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already and is not empty; name a new folder"):
        pipe.save_pretrained(tmp_path / "out")
    with pytest.raises(UserError, match="exists already and is not empty"):
        pipe.save_pretrained(tmp_path / "out" / "notes.txt")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["notes.txt"]
    (tmp_path / "empty").mkdir()
    pipe.save_pretrained(tmp_path / "empty")
    assert (tmp_path / "empty" / "model_index.json").is_file()


@contextmanager
def little_space(bytes_: int) -> Iterator[None]:
    """No file can be larger: writing on fails as on a full disk, inside the library's own code."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("bytes_", [200_000, 300])
def test_a_full_disk_leaves_nothing(pipe: InternVLUPipeline, tmp_path: Path, bytes_: int) -> None:
    """In the middle of the weights, and already in the configuration."""
    words = r"cannot be written .*; free space or name another folder"
    with pytest.raises(UserError, match=words), little_space(bytes_):
        pipe.save_pretrained(tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_full_disk_leaves_older_weights_whole(pipe: InternVLUPipeline, tmp_path: Path) -> None:
    place = tmp_path / "generation_decoder"
    files.save(pipe.parts.decoder, place)
    before = (place / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match="cannot be written"), little_space(10_000):
        files.save(pipe.parts.decoder, place)
    assert (place / "model.safetensors").read_bytes() == before
    assert [p.name for p in place.iterdir()] == ["model.safetensors"]


def test_a_component_saved_again_in_one_file_leaves_no_shards(
    pipe: InternVLUPipeline, tmp_path: Path
) -> None:
    place = tmp_path / "generation_decoder"
    files.save(pipe.parts.decoder, place, shard=100_000)
    assert len(list(place.iterdir())) > 3
    files.save(pipe.parts.decoder, place)
    assert [p.name for p in place.iterdir()] == ["model.safetensors"]


def test_images_of_a_saved_edit(folder: Path, pipe: InternVLUPipeline, tmp_path: Path) -> None:
    """The vision encoder too: its names differ on disk."""
    pipe.save_pretrained(tmp_path / "out")
    again = read(tmp_path / "out")
    images = [[noise(90, 120)]]
    assert same(
        again.edit(["make it blue"], images, **SMALL),
        pipe.edit(["make it blue"], images, **SMALL),
    )
