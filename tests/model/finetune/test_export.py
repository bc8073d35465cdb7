"""What comes out of a run is what was trained: adapters, merged checkpoints, their pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from evals.core.errors import UserError
from model.finetune import checkpoints
from model.finetune.export import PROVENANCE, export, load_pipeline
from model.internvlu.pipeline import InternVLUPipeline
from tests.model.finetune.kit import make_config, picture, train

LORA = {
    "rank": 4, "alpha": 8,
    "targets": ["generation_decoder.*.to_q", "generation_decoder.*.to_out.0",
                "vlm.language_model.*.q_proj", "vlm.vision_model.*.q_proj"],
}  # fmt: skip
WITH_ALL = {"loss": {"next_token": 1, "flow": 20}, "optimizer": {"lr": 2e-2}, "steps": 3}


def lora_run(checkpoint: Path, rows: Path, out: Path, **changed: Any) -> Path:
    mixture = [{"path": str(rows), "task": "cot"}]
    train(make_config(checkpoint, out, mixture, trainable=[], lora=LORA, **{**WITH_ALL, **changed}))
    return out


def edited(pipe: InternVLUPipeline) -> np.ndarray[Any, Any]:
    made = pipe.edit(["make it DOG"], [[picture(1, (96, 96))]], steps=3, seeds=[5])[0]
    return np.asarray(made.image)


def loaded(folder: Path, **how: Any) -> InternVLUPipeline:
    return InternVLUPipeline.from_pretrained(folder, device="cpu", dtype="float32", **how)


def test_adapters_make_the_same_image_loaded_merged_and_exported(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    run = lora_run(checkpoint, rows, tmp_path / "run")
    adapter = checkpoints.pick(run) / checkpoints.ADAPTER
    assert sorted(p.name for p in adapter.iterdir()) == ["generation_decoder", "vlm"]
    beside = edited(loaded(checkpoint, adapter=adapter))
    merged = edited(load_pipeline(run, device="cpu", dtype="float32"))
    folder = export(run, tmp_path / "exported")
    written = edited(loaded(folder))
    assert np.array_equal(beside, edited(loaded(checkpoint, adapter=adapter)))
    assert np.array_equal(merged, written)
    # W + BA in one matrix rounds once where two products round twice.
    assert np.abs(beside.astype(int) - written).max() <= 1
    untrained = edited(loaded(checkpoint))
    assert np.abs(untrained.astype(int) - written).mean() > 1


def test_adapters_hold_nothing_but_adapters(checkpoint: Path, rows: Path, tmp_path: Path) -> None:
    run = lora_run(checkpoint, rows, tmp_path / "run")
    place = checkpoints.pick(run)
    for component in ("vlm", "generation_decoder"):
        state = load_file(place / checkpoints.ADAPTER / component / "adapter_model.safetensors")
        assert state
        assert all(".lora_A." in key or ".lora_B." in key for key in state)
        config = json.loads(
            (place / checkpoints.ADAPTER / component / "adapter_config.json").read_text()
        )
        assert (config["r"], config["lora_alpha"]) == (4, 8)
    trained = load_file(place / checkpoints.WEIGHTS)
    assert all(".lora_" in key for key in trained)


def test_weights_trained_beside_adapters_travel_with_them(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "cot"}]
    config = make_config(
        checkpoint, tmp_path / "run", mixture, trainable=["vlm.mlp1.*"], lora=LORA, **WITH_ALL
    )
    train(config)
    adapter = checkpoints.pick(tmp_path / "run") / checkpoints.ADAPTER
    beside = load_file(adapter / "trained.safetensors")
    assert set(beside) == {f"vlm.mlp1.{n}.{end}" for n in (0, 1, 3) for end in ("weight", "bias")}
    here = edited(loaded(checkpoint, adapter=adapter))
    there = edited(load_pipeline(tmp_path / "run", device="cpu", dtype="float32"))
    assert np.abs(here.astype(int) - there).max() <= 1


def test_an_exported_checkpoint_has_the_official_layout_and_says_where_it_is_from(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    out = tmp_path / "run"
    done = train(make_config(checkpoint, out, mixture, ema={"decay": 0.5}, steps=3))
    folder = export(out, tmp_path / "exported")
    names = {p.relative_to(checkpoint).as_posix() for p in checkpoint.rglob("*") if p.is_file()}
    now = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert now == {*names, PROVENANCE}
    about = json.loads((folder / PROVENANCE).read_text())
    assert (about["step"], about["ema"], about["base"]) == (3, True, str(checkpoint))
    before = load_file(checkpoint / "generation_decoder" / "model.safetensors")
    after = load_file(folder / "generation_decoder" / "model.safetensors")
    assert done.checkpoint is not None
    average = load_file(done.checkpoint / checkpoints.EMA)
    assert before.keys() == after.keys()
    for name, value in after.items():
        kept = average.get(f"generation_decoder.{name}", before[name])
        assert torch.equal(value, kept), name
    plain = export(out, tmp_path / "plain", ema=False)
    weights = load_file(done.checkpoint / checkpoints.WEIGHTS)
    own = load_file(plain / "generation_decoder" / "model.safetensors")
    assert torch.equal(own["decoder.proj_out.weight"],
                       weights["generation_decoder.decoder.proj_out.weight"])  # fmt: skip
    assert not torch.equal(own["decoder.proj_out.weight"], after["decoder.proj_out.weight"])
    for component in ("vlm", "vae"):
        one, other = (next((f / component).glob("*.safetensors")) for f in (checkpoint, folder))
        assert all(torch.equal(v, load_file(other)[k]) for k, v in load_file(one).items())


def test_adapters_of_another_model_are_refused(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    from model.internvlu.tiny import write_tiny

    run = lora_run(checkpoint, rows, tmp_path / "run", steps=1)
    adapter = checkpoints.pick(run) / checkpoints.ADAPTER
    other = write_tiny(tmp_path / "other")
    with pytest.raises(UserError, match="do not fit this checkpoint"):
        loaded(other, adapter=adapter)
    with pytest.raises(UserError, match="holds no adapters"):
        loaded(checkpoint, adapter=tmp_path)


def test_bad_places_are_refused(checkpoint: Path, rows: Path, tmp_path: Path) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    train(make_config(checkpoint, tmp_path / "run", mixture, steps=1))
    with pytest.raises(UserError, match="holds no checkpoint of step 7; it has 1"):
        export(tmp_path / "run", tmp_path / "x", step=7)
    with pytest.raises(UserError, match="exists already and is not empty"):
        export(tmp_path / "run", checkpoint)
    with pytest.raises(UserError, match="holds no checkpoint of a fine-tuning"):
        export(tmp_path, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_base_checkpoint_that_changed_is_refused(rows: Path, tmp_path: Path) -> None:
    from model.internvlu.tiny import write_tiny
    from tests.model.finetune.kit import SMALL

    base = write_tiny(tmp_path / "base", **SMALL)
    train(make_config(base, tmp_path / "run", [{"path": str(rows), "task": "edit"}], steps=1))
    config = base / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"solver_order": 2', '"solver_order": 1'))
    with pytest.raises(UserError, match="has changed since"):
        load_pipeline(tmp_path / "run")


def test_grids_show_the_validation_rows(checkpoint: Path, rows: Path, tmp_path: Path) -> None:
    from tests.model.finetune.kit import row, write_rows

    drawn = [row(50 + n, split="val") for n in range(3)]
    for one in drawn:
        one["words"] = one.pop("edit_instruction")
    val = write_rows(tmp_path / "val.parquet", drawn)
    how = {"every": 2, "rows": str(val), "count": 2, "steps": 2}
    mixture = [{"path": str(rows), "task": "edit"}]
    config = make_config(
        checkpoint, tmp_path / "run", mixture, steps=2, sampling=how, ema={"decay": 0.9}
    )
    with pytest.raises(UserError, match=r"so say beside its path `columns: \{edit_instruction: "):
        train(config)
    columns = {"edit_instruction": "words"}
    train(replace(config, sampling=replace(config.sampling, columns=columns)))
    pages = sorted((tmp_path / "run" / "samples").iterdir())
    assert [p.name for p in pages] == ["step-00000000.png", "step-00000002.png"]
    first, last = (np.asarray(Image.open(p)) for p in pages)
    assert first.shape == last.shape
    assert not np.array_equal(first, last)


def test_a_sweep_takes_adapters_and_knows_them_apart(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    from model.adapters.internvlu import make

    plain = make(str(checkpoint), {}).describe()
    found = []
    for name, rate in (("one", 2e-2), ("two", 1e-2)):
        run = lora_run(checkpoint, rows, tmp_path / name, optimizer={"lr": rate}, steps=1)
        folder = checkpoints.pick(run) / checkpoints.ADAPTER
        found.append(make(str(checkpoint), {"adapter": str(folder)}).describe())
    assert "adapter" not in dict(plain["options"])  # type: ignore[call-overload]
    assert found[0]["files"] == found[1]["files"] == plain["files"]
    assert found[0]["adapter_files"] != found[1]["adapter_files"]
    with pytest.raises(UserError, match="holds no adapters"):
        make(str(checkpoint), {"adapter": str(tmp_path)})
