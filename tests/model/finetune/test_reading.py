"""From files and words to a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.core.errors import UserError
from model.finetune.reading import (
    about,
    build,
    differences,
    identity,
    merged,
    presets,
    read,
    resolved,
    stored_config,
)

GOOD = """
preset: tiny
checkpoint: models/base
out: runs/x
data:
  mixture:
    - {path: a.parquet, task: edit, weight: 3}
    - {path: b.jsonl, task: t2i}
batch: 8
micro_batch: 4
optimizer: {lr: 1e-4, schedule: constant}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_file_lies_over_its_preset_and_words_over_both(file: Path) -> None:
    config = read(str(file), ["optimizer.clip=0.5", "steps=7", "data.mixture.0.weight=2", "seed=9"])
    assert config.optimizer.lr == 1e-4
    assert config.optimizer.clip == 0.5
    assert (config.steps, config.seed) == (7, 9)
    assert config.data.mixture[0].weight == 2.0
    assert config.data.mixture[1].task == "t2i"
    assert config.trainable == ("generation_decoder.*",)


def test_numbers_like_1e_4_are_numbers(file: Path) -> None:
    assert read(str(file), ["optimizer.lr=3e-5"]).optimizer.lr == 3e-5


def test_what_is_stored_is_read_back_as_it_was(file: Path, tmp_path: Path) -> None:
    config = read(str(file))
    (tmp_path / "config.yaml").write_text(resolved(config), encoding="utf-8")
    assert stored_config(tmp_path) == config
    assert differences(config, stored_config(tmp_path)) == []


def test_a_preset_is_a_file_by_name() -> None:
    tree = merged("stage3", ["checkpoint=x", "out=y"])
    assert tree["steps"] == 20_000
    for path in presets().values():
        assert len(about(path)) > 20
        assert "\n" not in about(path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimiser.lr=1"], "no key called 'optimiser'.*optimizer"),
        (["optimizer.rate=1"], "no key called 'optimizer.rate'"),
        (["optimizer.lr=fast"], "optimizer.lr is 'fast'; it must be of type float"),
        (["optimizer.lr=-1"], "optimizer.lr is -1.0; it must be a number from 0"),
        (["optimizer.schedule=step"], "use one of constant, cosine, linear"),
        (["steps=0"], "steps is 0; it must be a number from 1"),
        (["batch=7"], "batch 7 is not a multiple of micro_batch 4"),
        (["steps"], "'steps' is not of the form key=value"),
        (["data.mixture=[]"], "data.mixture is empty"),
        (["data.mixture.0.weight=0", "data.mixture.1.weight=0"], "All weights .* are 0"),
        (["data.mixture.0.weight=-1"], "has the weight -1.0"),
        (["data.mixture.0.task=paint"], r"data.mixture\[0\].task is 'paint'; use one of"),
        (["data.mixture.0.path=''"], r"data.mixture\[0\] has no path"),
        (["data.mixture.1.path=a.jsonl"], "Two parts of data.mixture are called 'a'"),
        (["resolution.min=512", "resolution.max=256"], "resolution.min 512 is over"),
        (["resolution.multiple=24"], "not a multiple of 16"),
        (["resolution.min=32", "resolution.multiple=64"], "resolution.multiple 64 is over"),
        (["resolution.aspect_min=2"], "it must be a number from 0.05 to 1"),
        (["loss.flow=0"], "both 0; nothing would be learnt"),
        (["loss.flow=0", "loss.next_token=1"], "teaches images and loss.flow is 0"),
        (["data.mixture.0.task=understand"], "teaches answers and loss.next_token is 0"),
        (["lora.rank=4"], "lora.rank and lora.targets belong together"),
        (["trainable=[]"], "Nothing is to be trained"),
        (["sampling.every=5"], "sampling.rows is not"),
        (["dropout.edit_all=0.7", "dropout.edit_text=0.7"], "over 1 together"),
        (["out=''"], "out is not set"),
        (["optimizer=3"], "optimizer is 3; it must be a section"),
        (["data.mixture=3"], "data.mixture is 3; it must be a list"),
        (["preset=tiny"], "no key called 'preset'"),
        (["steps=[1"], "is not YAML"),
    ],
)
def test_words_that_make_no_sense_are_one_sentence(
    words: list[str], message: str, file: Path
) -> None:
    with pytest.raises(UserError, match=message) as error:
        read(str(file), words)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean the preset stage1"):
        read("stage_1")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1\nb: 2", encoding="utf-8")
    with pytest.raises(UserError, match="is not valid YAML"):
        read(str(broken))
    flat = tmp_path / "flat.yaml"
    flat.write_text("- 1\n- 2\n", encoding="utf-8")
    with pytest.raises(UserError, match="does not hold keys and values"):
        read(str(flat))
    other = tmp_path / "other.yaml"
    other.write_text("preset: stage9\n", encoding="utf-8")
    with pytest.raises(UserError, match="stage1"):
        read(str(other))
    with pytest.raises(UserError, match=r"holds no config\.yaml"):
        stored_config(tmp_path / "nowhere")


def test_what_changes_the_run_differs_and_what_does_not_does_not(file: Path) -> None:
    old = read(str(file))
    same = ["data.workers=3", "save.every=1", "log.every=2", "out=elsewhere", "steps=99",
            "device.gradient_checkpointing=true", "data.latents=x"]  # fmt: skip
    assert differences(old, read(str(file), same)) == []
    # Where files lie is told by what is in them, when they are opened.
    moved = ["data.mixture.0.path=elsewhere", "data.refuse=[there]"]
    assert differences(old, read(str(file), moved)) == []
    assert identity(old) == identity(read(str(file), same))
    few = read(str(file), ["device.precision=bf16"])
    assert differences(old, few) == ["device.precision: 'float32' is now 'bf16'"]
    new = read(str(file), ["seed=1", "data.mixture.0.weight=1", "optimizer.schedule=cosine"])
    assert differences(old, new) == [
        "data.mixture[0].weight: 3.0 is now 1.0",
        "optimizer.schedule: 'constant' is now 'cosine'",
        "seed: 0 is now 1",
    ]
    assert identity(old) != identity(new)


def test_a_table_of_another_kind_is_refused() -> None:
    with pytest.raises(UserError, match="no key called 'colour'"):
        build({"colour": "red"})
