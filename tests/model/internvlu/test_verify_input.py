"""Recordings with other arguments, and folders that are not whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import save_file

from evals.core.errors import UserError
from model.internvlu.verify import verify
from tests.model.internvlu.record_golden import GOLDEN, record
from tests.model.internvlu.unusual import write_other_decoder
from tests.model.internvlu.verify_kit import (
    CHECKPOINT,
    EXPECTED,
    compared,
    failed,
    golden,
    left_out,
    text,
)  # fmt: skip

# --- arguments ----------------------------------------------------------------------------------


def one_run(to: Path, name: str, *files: str, **arguments: Any) -> Path:
    """A folder with one golden run, its arguments changed."""
    folder = golden(to, f"{name}.*.png", "input_*.png", *files)
    entry = {**json.loads(text(GOLDEN, "runs.json"))[name], **arguments}
    (folder / EXPECTED / "runs.json").write_text(json.dumps({name: entry}), "utf-8")
    return folder


def test_an_argument_without_effect_is_named_and_passes(tmp_path: Path) -> None:
    (row,) = (r for r in verify(one_run(tmp_path, "t2i", timestep_trunc=0)) if r.cases)
    assert row.passed
    assert row.note == "without the argument timestep_trunc, which changed nothing"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"all_cfg_scale": 1.0}, False),
        ({"num_inference_steps": 5}, False),
        ({"system_prompt": "Paint."}, False),
        ({"seed": 2}, False),
        ({"timestep_trunc": 1, "seed": 2}, True),
        ({"do_sample": True, "seed": 2}, True),
    ],
)
def test_other_arguments_give_another_image(
    tmp_path: Path, arguments: dict[str, Any], named: bool
) -> None:
    (row,) = failed(verify(one_run(tmp_path, "t2i", **arguments)))
    assert row.what == "image from prompt and images"
    assert row.deviation > 1
    assert ("which the pipeline does not repeat" in row.note) == named


def test_more_images_than_ours_are_found(tmp_path: Path) -> None:
    folder = one_run(tmp_path, "t2i", num_images_per_prompt=2)
    shutil.copy(folder / EXPECTED / "t2i.0.png", folder / EXPECTED / "t2i.1.png")
    (row,) = failed(verify(folder))
    assert "2 images are recorded and ours are 1" in row.note
    assert "num_images_per_prompt" in row.note


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"generation_mode": "video"}, "'video'"),
        ({"image": "nobody"}, "'nobody'"),
        ({"image": ["wide", "tall"]}, "2 images are recorded for 1 prompts"),
        ({"prompt": " "}, "empty"),
        ({"height": 8}, "too small"),
        ({"num_beams": 0}, "num_beams"),
    ],
)
def test_arguments_that_cannot_be(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    rows = failed(verify(one_run(tmp_path, "t2i", **arguments)))
    assert rows
    assert all(said in r.note for r in rows)


# --- fixtures that are not whole ----------------------------------------------------------------


@pytest.mark.parametrize(
    "missing", [("",), (CHECKPOINT,), (EXPECTED,), (CHECKPOINT, EXPECTED)], ids=str
)
def test_no_fixture_folder(tmp_path: Path, missing: tuple[str, ...]) -> None:
    folder = tmp_path / "fixture"
    if missing != ("",):
        golden(folder, "vae.*")
    for name in missing:
        if name == CHECKPOINT:
            (folder / name).unlink()
        elif name:
            shutil.rmtree(folder / name)
    with pytest.raises(UserError, match="fixture") as caught:
        verify(folder)
    assert str(caught.value).count(". ") == 0


def test_nothing_recorded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the recorded files"):
        verify(golden(tmp_path))


def test_a_checkpoint_that_cannot_be_read_is_the_users_error(tmp_path: Path) -> None:
    folder = golden(tmp_path, "vae.*")
    (folder / CHECKPOINT).unlink()
    shutil.copytree(GOLDEN / CHECKPOINT, folder / CHECKPOINT)
    (folder / CHECKPOINT / "vlm" / "config.json").write_text("{", "utf-8")
    with pytest.raises(UserError, match=r"vlm.config\.json"):
        verify(folder)


FILES = {
    "state_dict_keys.json": "keys", "prompts.json": "prompts", "resize_rules.json": "sizes",
    "processor.safetensors": "processor", "vlm.safetensors": "vlm", "vlm.json": "vlm",
    "msrope.json": "msrope", "msrope.safetensors": "msrope", "scheduler.safetensors": "scheduler",
    "vae.safetensors": "vae", "decoder.safetensors": "decoder", "decoder.json": "decoder",
    "runs.json": "run", "run_t2i.safetensors": "run",
}  # fmt: skip


def around(to: Path, name: str) -> Path:
    """A folder with one file and what belongs to it."""
    if FILES[name] == "run":
        return golden(to, "runs.json", "run_t2i.safetensors", "t2i.0.png")
    return golden(to, f"{name.partition('.')[0]}.*")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_or_empty_is_named(tmp_path: Path, name: str) -> None:
    folder = around(tmp_path, name)
    path = folder / EXPECTED / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    rows = failed(verify(folder))
    assert {r.stage for r in rows} == {FILES[name]}
    assert any(name in r.note for r in rows)
    if path.suffix == ".json":
        path.write_text("{}", "utf-8")
    else:
        save_file({}, path)
    assert {r.stage for r in failed(verify(folder))} == {FILES[name]}


@pytest.mark.parametrize("name", FILES)
def test_an_absent_file_is_named_and_no_failure(tmp_path: Path, name: str) -> None:
    folder = around(tmp_path, name)
    (folder / EXPECTED / name).unlink()
    shutil.copy(GOLDEN / EXPECTED / "scheduler.safetensors", folder / EXPECTED)
    if name == "runs.json":
        (folder / EXPECTED / "t2i.0.png").unlink()
    elif name == "run_t2i.safetensors":
        whole = json.loads(text(folder, "runs.json"))
        (folder / EXPECTED / "runs.json").write_text(json.dumps({"t2i": whole["t2i"]}), "utf-8")
    rows = verify(folder)
    assert failed(rows) == []
    if name == "scheduler.safetensors":
        assert compared(rows) == {"scheduler"}
    else:
        assert any(name in note for _, _, note in left_out(rows))


def test_a_decoder_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    """Its weights are listed, so that spans of another width are no damage."""
    folder = golden(tmp_path, "decoder.*", "state_dict_keys.json")
    other = write_other_decoder(tmp_path / "other" / "generation_decoder")
    out = folder / EXPECTED
    shutil.rmtree(out)
    record(GOLDEN / CHECKPOINT, out, runs={}, decoders=[other])
    for path in out.iterdir():
        if path.name not in ("decoder.safetensors", "decoder.json", "state_dict_keys.json"):
            path.unlink()
    assert failed(verify(folder)) == []
    shutil.rmtree(tmp_path / "other")
    rows = verify(folder)
    assert failed(rows) == []
    assert {(stage, run) for stage, run, note in left_out(rows) if "decoder" in note} == {
        ("keys", "generation_decoder(identity)"), ("decoder", "other1"),
    }  # fmt: skip
    (out / "state_dict_keys.json").unlink()
    (row,) = failed(verify(folder))
    assert row.run == "other1"
    assert "takes vectors of 96 channels" in row.note
