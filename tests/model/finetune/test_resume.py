"""A run that was stopped and goes on is the run that was not, bit for bit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from evals.core.errors import UserError
from model.finetune import checkpoints
from model.finetune.config import Config
from model.finetune.logs import read_log
from tests.model.finetune.kit import make_config, row, train, write_rows

LEARNT = ("flow", "next_token", "grad_norm", "lr")


def joint_config(checkpoint: Path, rows: Path, out: Path, **changed: Any) -> Config:
    """All tasks, all weights, accumulation 2, a cosine, an average, and dropouts that happen."""
    mixture = [
        {"path": str(rows), "task": task, "name": task}
        for task in ("t2i", "edit", "understand", "cot")
    ]
    return make_config(
        checkpoint, out, mixture, trainable=["generation_decoder.*", "vlm.*"], steps=7,
        loss={"next_token": 1, "flow": 20}, ema={"decay": 0.9},
        dropout={"t2i": 0.3, "edit_all": 0.2, "edit_text": 0.2},
        optimizer={"lr": 1e-3, "schedule": "cosine", "warmup": 2, "weight_decay": 0.01}, **changed,
    )  # fmt: skip


def learnt(out: Path) -> list[dict[str, float]]:
    """What the log says of every update, without what depends on the clock."""
    return [
        {k: v for k, v in line.items() if k.startswith(LEARNT) or k == "step"}
        for line in read_log(out)
    ]


def same(one: Path, other: Path) -> None:
    """Every tensor of two checkpoints is equal bit for bit."""
    for name in (checkpoints.WEIGHTS, checkpoints.EMA, checkpoints.OPTIMIZER):
        first, second = load_file(one / name), load_file(other / name)
        assert first.keys() == second.keys()
        assert first
        for key, value in first.items():
            assert torch.equal(value, second[key]), f"{name} {key}"


def stopping(after: int) -> Any:
    """A listener that sends the signal with which a node is taken away."""
    import os
    import signal

    def say(line: str) -> None:
        if line.startswith(f"step {after}/"):
            os.kill(os.getpid(), signal.SIGTERM)

    return say


def test_resume_inside_an_epoch_with_accumulation_and_average(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    whole = train(joint_config(checkpoint, rows, tmp_path / "whole"))
    halted = joint_config(checkpoint, rows, tmp_path / "halted")
    first = train(halted, say=stopping(3))
    assert not first.finished
    assert first.step == 3
    assert checkpoints.steps(tmp_path / "halted") == [3]
    # Other processes read the rows now: it makes no difference.
    second = train(replace(halted, data=replace(halted.data, workers=2)))
    assert second.finished
    assert whole.checkpoint is not None
    assert second.checkpoint is not None
    same(whole.checkpoint, second.checkpoint)
    assert learnt(tmp_path / "whole") == learnt(tmp_path / "halted")
    assert len(learnt(tmp_path / "whole")) == 7


def test_a_killed_run_goes_on_from_what_was_kept(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    config = joint_config(checkpoint, rows, tmp_path / "killed", save={"every": 3, "keep": 0})

    class Killed(Exception):
        pass

    def kill(line: str) -> None:
        if line.startswith("step 5/"):
            raise Killed

    with pytest.raises(Killed):
        train(config, say=kill)
    assert checkpoints.steps(tmp_path / "killed") == [3]
    assert [line["step"] for line in read_log(tmp_path / "killed")] == [1, 2, 3, 4, 5]
    done = train(config)
    assert [line["step"] for line in read_log(tmp_path / "killed")] == [1, 2, 3, 4, 5, 6, 7]
    whole = train(joint_config(checkpoint, rows, tmp_path / "whole"))
    assert whole.checkpoint is not None
    assert done.checkpoint is not None
    same(whole.checkpoint, done.checkpoint)


def test_a_finished_run_does_nothing_more(checkpoint: Path, rows: Path, tmp_path: Path) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    config = make_config(checkpoint, tmp_path / "run", mixture, steps=2)
    first = train(config)
    before = (tmp_path / "run" / "log.jsonl").read_text()
    second = train(config)
    assert first.step == second.step == 2
    assert (tmp_path / "run" / "log.jsonl").read_text() == before


def test_another_configuration_is_refused_by_the_names_of_its_keys(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    out = tmp_path / "run"
    train(make_config(checkpoint, out, mixture, steps=2))
    changed = make_config(
        checkpoint, out, mixture, steps=4, seed=4, optimizer={"lr": 1e-4, "clip": 2.0}
    )
    with pytest.raises(UserError, match=r"optimizer.clip: 1.0 is now 2.0.*optimizer.lr.*seed: 3"):
        train(changed)
    said: list[str] = []
    assert train(changed, force=True, say=said.append).step == 4
    assert any("changed by force: seed: 3 is now 4" in line for line in said)


def test_other_rows_and_another_checkpoint_are_refused(
    checkpoint: Path, tmp_path: Path
) -> None:  # fmt: skip
    from model.internvlu.tiny import write_tiny
    from tests.model.finetune.kit import SMALL

    path = write_rows(tmp_path / "rows.parquet", [row(n) for n in range(4)])
    mixture = [{"path": str(path), "task": "edit"}]
    out = tmp_path / "run"
    train(make_config(checkpoint, out, mixture, steps=2))
    other = write_tiny(tmp_path / "other", seed=1, **SMALL)
    with pytest.raises(UserError, match="checkpoint: its files were"):
        train(make_config(other, out, mixture, steps=4))
    (tmp_path / "another disk").mkdir()
    moved = path.rename(tmp_path / "another disk" / path.name)
    mixture = [{"path": str(moved), "task": "edit"}]
    assert train(make_config(checkpoint, out, mixture, steps=3)).step == 3
    write_rows(moved, [row(n) for n in range(5)])
    with pytest.raises(UserError, match="data rows: its rows were"):
        train(make_config(checkpoint, out, mixture, steps=4))


def test_a_full_disk_leaves_the_checkpoint_before(
    checkpoint: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    mixture = [{"path": str(rows), "task": "edit"}]
    out = tmp_path / "run"
    config = make_config(checkpoint, out, mixture, steps=4, save={"every": 2, "keep": 1})
    real = checkpoints.write_tensors

    def full(path: Path, state: Any) -> None:
        if path.name == checkpoints.OPTIMIZER and "step-00000004" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, state)

    monkeypatch.setattr(checkpoints, "write_tensors", full)
    # The folder is written beside its place, under a name that holds it.
    with pytest.raises(UserError, match="cannot be written"):
        train(config)
    assert checkpoints.steps(out) == [2]
    assert json.loads((checkpoints.pick(out) / checkpoints.STATE).read_text())["step"] == 2
    assert not [p for p in (out / checkpoints.FOLDER).iterdir() if p.name != "step-00000002"]
    monkeypatch.setattr(checkpoints, "write_tensors", real)
    assert train(config).finished


def test_old_checkpoints_go_when_the_new_one_is_there(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    config = make_config(
        checkpoint, tmp_path / "run", mixture, steps=5, save={"every": 1, "keep": 2}
    )
    train(config)
    assert checkpoints.steps(tmp_path / "run") == [4, 5]


def test_an_update_that_is_no_number_stops_or_is_left_out(
    checkpoint: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.finetune import trainer

    real, calls = trainer.weighted, []

    def sometimes(*words: Any) -> Any:
        calls.append(1)
        return real(*words) * (float("nan") if len(calls) == 3 else 1)

    monkeypatch.setattr(trainer, "weighted", sometimes)
    mixture = [{"path": str(rows), "task": "edit"}]
    with pytest.raises(UserError, match="gradient of update 2 is no number"):
        train(make_config(checkpoint, tmp_path / "stop", mixture, steps=3))
    calls.clear()
    done = train(make_config(checkpoint, tmp_path / "skip", mixture, steps=3, on_nan="skip"))
    assert done.finished
    assert done.skipped == 1
    assert done.checkpoint is not None
    weights = load_file(done.checkpoint / checkpoints.WEIGHTS)
    assert all(bool(w.isfinite().all()) for w in weights.values())


def test_memory_that_runs_out_is_a_sentence_with_the_bucket(
    checkpoint: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.finetune import trainer

    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer, "weighted", full)
    mixture = [{"path": str(rows), "task": "edit"}]
    with pytest.raises(UserError, match=r"Out of memory in 2 samples of \d+ x \d+ pixels from"):
        train(make_config(checkpoint, tmp_path / "run", mixture))


def test_a_checkpoint_does_not_need_a_package_that_is_for_adapters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.metadata

    from model.finetune import prepare

    real = importlib.metadata.version

    def without(name: str) -> str:
        if name == "peft":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    assert set(prepare.packages()) == {"torch", "transformers", "diffusers", "accelerate"}
