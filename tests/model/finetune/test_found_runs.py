"""Ends of runs, and what they went on with, that once were not what they seemed."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from evals.core.errors import UserError
from model.finetune import checkpoints
from model.finetune.config import Config
from model.finetune.export import export, load_pipeline
from model.finetune.logs import LOG, read_log
from model.internvlu import checkpoint as files
from model.internvlu.pipeline import InternVLUPipeline
from tests.model.finetune.kit import make_config, row, train, write_rows
from tests.model.finetune.test_resume import joint_config, same, stopping


@pytest.fixture
def edits(rows: Path) -> list[dict[str, str]]:
    return [{"path": str(rows), "task": "edit"}]


class Scorer:
    """Counts what it is asked for, and may do something at a step."""

    def __init__(self, at: int = -1, act: Any = None) -> None:
        self.steps: list[int] = []
        self.names: set[str] = set()
        self.at, self.act = at, act

    def __call__(self, _pipe: Any, *, training: Any, **_: Any) -> dict[str, float]:
        self.steps.append(training["step"])
        self.names.add(training["name"])
        if training["step"] == self.at:
            self.act()
        return {"x": 1.0}


class Killed(Exception):
    pass


def kill() -> None:
    raise Killed


def scored(out: Path) -> list[int]:
    return [line["step"] for line in read_log(out) if "evaluation" in line]


# --- going on exactly -------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 2])
def test_what_no_gradient_has_reached_yet_has_no_moments(
    after: int, checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    """One sample an update: an answer first, so that the decoder has no moments when it stops."""
    how: dict[str, Any] = {"batch": 1, "micro_batch": 1}
    whole = train(joint_config(checkpoint, rows, tmp_path / "whole", **how))
    halted = joint_config(checkpoint, rows, tmp_path / "halted", **how)
    train(halted, say=stopping(after))
    there = load_file(checkpoints.pick(tmp_path / "halted") / checkpoints.OPTIMIZER)
    done = train(halted)
    assert whole.checkpoint is not None
    assert done.checkpoint is not None
    same(whole.checkpoint, done.checkpoint)
    assert after > 1 or len(there) < len(load_file(done.checkpoint / checkpoints.OPTIMIZER))


def test_a_signal_before_the_first_update_changes_nothing(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"evaluate": {"every": 100}}
    whole = train(joint_config(checkpoint, rows, tmp_path / "whole", **how), scorer=Scorer())
    halted = joint_config(checkpoint, rows, tmp_path / "halted", **how)
    stop = Scorer(0, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert train(halted, scorer=stop).step == 0
    assert checkpoints.steps(tmp_path / "halted") == [0]
    done = train(halted, scorer=Scorer())
    assert whole.checkpoint is not None
    assert done.checkpoint is not None
    same(whole.checkpoint, done.checkpoint)
    assert scored(tmp_path / "halted") == scored(tmp_path / "whole") == [0, 7]


@pytest.mark.parametrize("step", [2, 4], ids=["inside", "at the end"])
def test_a_signal_while_scores_are_made_is_not_waited_for(
    step: int, checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    """Scoring may take longer than a node waits; the average is in the weights' place meanwhile."""
    how: dict[str, Any] = {"steps": 4, "evaluate": {"every": 2}, "ema": {"decay": 0.5}}
    whole = train(make_config(checkpoint, tmp_path / "whole", edits, **how), scorer=Scorer())
    ended: list[bool] = []

    def long() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100):
            time.sleep(0.1)
        ended.append(True)

    halted = make_config(checkpoint, tmp_path / "halted", edits, **how)
    said: list[str] = []
    first = train(halted, scorer=Scorer(step, long), say=said.append)
    assert (first.step, first.finished, ended) == (step, False, [])
    assert f"stopped while looking at step {step}; the same command makes it" in said
    assert scored(tmp_path / "halted") == [n for n in (0, 2) if n < step]
    done = train(halted, scorer=Scorer())
    assert done.finished
    assert whole.checkpoint is not None
    assert done.checkpoint is not None
    same(whole.checkpoint, done.checkpoint)
    assert scored(tmp_path / "halted") == [0, 2, 4]


def test_ctrl_c_keeps_what_was_learnt(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    def press(line: str) -> None:
        if line.startswith("step 2/"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(make_config(checkpoint, tmp_path / "run", edits), say=press)
    assert checkpoints.steps(tmp_path / "run") == [2]
    # While the last scores are made too: a script must not take it for a finished run.
    last = Scorer(4, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(
            make_config(checkpoint, tmp_path / "last", edits, evaluate={"every": 4}), scorer=last
        )  # fmt: skip
    assert checkpoints.steps(tmp_path / "last") == [4]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_average_that_begins_late_begins_with_the_weights(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(make_config(checkpoint, out, edits, steps=2, optimizer={"lr": 1e-2}))
    config = make_config(checkpoint, out, edits, steps=3, optimizer={"lr": 0.0}, ema={"decay": 0.9})
    place = train(config, force=True).checkpoint
    assert place is not None
    weights, average = (load_file(place / n) for n in (checkpoints.WEIGHTS, checkpoints.EMA))
    assert all(torch.allclose(weights[name], value) for name, value in average.items())


# --- checkpoints that are damaged -------------------------------------------------------------


@pytest.fixture
def averaged(checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path) -> Config:
    """A run of one update with a moving average."""
    config = make_config(checkpoint, tmp_path / "run", edits, steps=1, ema={"decay": 0.9})
    train(config)
    return replace(config, steps=2)


def test_an_average_that_is_gone_is_not_replaced(averaged: Config, tmp_path: Path) -> None:
    (checkpoints.pick(tmp_path / "run") / checkpoints.EMA).unlink()
    with pytest.raises(UserError, match=r"ema.safetensors cannot be read"):
        train(averaged)
    with pytest.raises(UserError, match=r"ema.safetensors cannot be read"):
        export(tmp_path / "run", tmp_path / "out")


@pytest.mark.parametrize("changed", [{"step": "1"}, {"step": 5}, {"skipped": -1}, {"sources": []}])
def test_a_state_that_makes_no_sense_is_a_sentence(
    changed: dict[str, Any], averaged: Config, tmp_path: Path
) -> None:
    path = checkpoints.pick(tmp_path / "run") / checkpoints.STATE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(UserError, match="does not say how far"):
        train(averaged)


@pytest.mark.parametrize("name", [checkpoints.WEIGHTS, checkpoints.EMA, checkpoints.OPTIMIZER])
def test_tensors_of_another_shape_are_a_sentence(
    name: str, averaged: Config, tmp_path: Path
) -> None:
    path = checkpoints.pick(tmp_path / "run") / name
    held = load_file(path)
    files.write_tensors(path, {k: torch.zeros(3) for k in held})
    with pytest.raises(UserError, match="in another shape; delete its folder"):
        train(averaged)


def test_moments_that_are_gone_are_a_sentence(averaged: Config, tmp_path: Path) -> None:
    path = checkpoints.pick(tmp_path / "run") / checkpoints.OPTIMIZER
    held = load_file(path)
    held.pop(next(k for k in held if k.startswith("exp_avg.")))
    files.write_tensors(path, held)
    with pytest.raises(UserError, match=r"lacks moments \(exp_avg\)"):
        train(averaged)


def test_what_a_kill_left_of_a_checkpoint_goes(averaged: Config, tmp_path: Path) -> None:
    left = tmp_path / "run" / checkpoints.FOLDER / ".step-00000002-abc"
    (left / "whole").mkdir(parents=True)
    train(averaged)
    assert not left.exists()


# --- what is written down ---------------------------------------------------------------------


def test_steps_below_those_made_are_refused(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    config = make_config(checkpoint, tmp_path / "run", edits, steps=2)
    train(config)
    with pytest.raises(UserError, match="at step 2 already and steps is 1"):
        train(replace(config, steps=1))


def test_scores_that_a_kill_prevented_are_made_and_none_twice(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    config = make_config(
        checkpoint, tmp_path / "run", edits, steps=4, save={"every": 2}, evaluate={"every": 2}
    )
    with pytest.raises(Killed):
        train(config, scorer=Scorer(2, kill))
    second = Scorer()
    train(config, scorer=second)
    assert second.steps == [2, 4]
    third = Scorer()
    train(config, scorer=third)
    assert third.steps == []
    assert scored(tmp_path / "run") == [0, 2, 4]


def test_a_run_that_begins_again_has_a_log_that_begins_again(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    config = make_config(checkpoint, tmp_path / "run", edits, steps=2, evaluate={"every": 2})
    with pytest.raises(Killed):
        train(config, scorer=Scorer(2, kill))
    assert checkpoints.steps(tmp_path / "run") == []
    train(config, scorer=Scorer())
    assert scored(tmp_path / "run") == [0, 2]


def test_looking_takes_nothing_out_of_the_log(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    train(make_config(checkpoint, tmp_path / "each", edits, steps=4))
    wanted = np.mean([line["flow"] for line in read_log(tmp_path / "each")])
    config = make_config(
        checkpoint, tmp_path / "run", edits, steps=4, log={"every": 4},
        evaluate={"every": 3, "at_start": False},
    )  # fmt: skip
    train(config, scorer=Scorer())
    (line,) = [line for line in read_log(tmp_path / "run") if "flow" in line]
    assert line["flow"] == pytest.approx(wanted)


def test_stopping_takes_nothing_out_of_the_log(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    """Lines of a killed run and of one that was not are the same, if checkpoints are."""
    how: dict[str, Any] = {"steps": 5, "log": {"every": 4}, "save": {"every": 3}}
    train(make_config(checkpoint, tmp_path / "whole", edits, **how))
    config = make_config(checkpoint, tmp_path / "killed", edits, evaluate={"every": 4}, **how)
    with pytest.raises(Killed):
        train(config, scorer=Scorer(4, kill))
    train(config, scorer=Scorer())
    found = [
        [(line["step"], line["flow"]) for line in read_log(tmp_path / run) if "flow" in line]
        for run in ("whole", "killed")
    ]
    assert [step for step, _ in found[0]] == [3, 4, 5]
    assert found[0] == found[1]


@pytest.mark.parametrize("line", ["{oops", "5", '{"step": "1"}', "[]", "\udcff"])
def test_a_line_that_is_none_is_not_the_end_of_the_log(
    line: str, checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    config = make_config(checkpoint, tmp_path / "run", edits, steps=2)
    train(config)
    path = tmp_path / "run" / LOG
    first, second = path.read_text().splitlines()
    text = f"{first}\n{line}\n{second}\n".encode("utf-8", "surrogateescape")
    path.write_bytes(text)
    with pytest.raises(UserError, match=r"Line 2 of .*log\.jsonl is no line of a log"):
        train(replace(config, steps=3))
    assert path.read_bytes() == text


def test_a_full_disk_leaves_the_log(
    averaged: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    before = (tmp_path / "run" / LOG).read_bytes()
    real = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == LOG:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="the disk is full"):
        train(averaged)
    assert (tmp_path / "run" / LOG).read_bytes() == before


def test_other_things_in_the_folder_stay_as_they_are(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("# mine\n")
    with pytest.raises(UserError, match=r"holds another configuration \(config\.yaml\)"):
        train(make_config(checkpoint, tmp_path, edits))
    assert (tmp_path / "config.yaml").read_text() == "# mine\n"
    with pytest.raises(UserError, match="holds a checkpoint"):
        train(make_config(checkpoint, checkpoint, edits))
    with pytest.raises(UserError, match="which is a file"):
        train(make_config(checkpoint, tmp_path / "config.yaml", edits))


def test_trackers_that_cannot_be_written_are_a_sentence(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "trackers").write_text("")
    log = {"trackers": ["tensorboard"]}
    with pytest.raises(UserError, match=r"Cannot write .*trackers: (File exists|Not a directory)"):
        train(make_config(checkpoint, tmp_path, edits, log=log))
    beside = tmp_path / "trackers" / "run"
    with pytest.raises(UserError, match=r"Cannot write .*run: Not a directory"):
        train(make_config(checkpoint, beside, edits))


def test_a_run_in_the_folder_one_is_in_has_its_name(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    asked = Scorer()
    train(make_config(checkpoint, Path("."), edits, steps=1, evaluate={"every": 1}), scorer=asked)
    assert asked.names == {"mine"}


# --- rows that cannot be read -----------------------------------------------------------------


@pytest.fixture
def torn(tmp_path: Path) -> list[dict[str, str]]:
    """Four rows, of which the last is cut short."""
    rows = [row(n) for n in range(4)]
    rows[3]["edited_image"] = rows[3]["edited_image"][:200]
    return [{"path": str(write_rows(tmp_path / "torn.parquet", rows)), "task": "edit"}]


def test_a_bad_row_alone_in_its_micro_batch_is_left_out(
    checkpoint: Path, torn: list[dict[str, str]], tmp_path: Path
) -> None:
    config = make_config(checkpoint, tmp_path / "run", torn, micro_batch=1, steps=2)
    config = replace(config, data=replace(config.data, on_bad_row="skip"))
    assert train(config).finished
    path = tmp_path / "run" / "dropped.jsonl"
    (line,) = path.read_text().splitlines()
    found = json.loads(line)
    assert (found["source"], found["row"], found["id"]) == ("torn", 3, "row-3")
    # Going on does not forget it, and lists it once.
    train(config)
    train(replace(config, steps=3))
    assert path.read_text().splitlines() == [line]


def test_rows_that_are_all_bad_end_the_run(
    checkpoint: Path, torn: list[dict[str, str]], tmp_path: Path
) -> None:
    rows = [row(n) for n in range(2)]
    for one in rows:
        one["edited_image"] = one["edited_image"][:200]
    write_rows(tmp_path / "torn.parquet", rows)
    config = make_config(checkpoint, tmp_path / "run", torn, steps=50)
    config = replace(config, data=replace(config.data, on_bad_row="skip"))
    with pytest.raises(UserError, match=r"No row of the last 10 updates .*dropped\.jsonl"):
        train(config)


def test_a_reading_process_that_is_killed_is_a_sentence(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    from torch.multiprocessing import active_children

    def shoot(line: str) -> None:
        if line.startswith("step 2/"):
            for child in active_children():
                os.kill(child.pid or 0, signal.SIGKILL)

    config = make_config(checkpoint, tmp_path / "run", edits, steps=2000)
    config = replace(config, data=replace(config.data, workers=1))
    with pytest.raises(UserError, match="A process that reads rows was ended"):
        train(config, say=shoot)


def test_memory_that_runs_out_in_the_optimiser_is_a_sentence(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    with pytest.raises(UserError, match="Out of memory in the moments of AdamW"):
        train(make_config(checkpoint, tmp_path / "run", edits))


# --- what comes out ---------------------------------------------------------------------------


def test_a_weight_beside_its_adapter_is_found_again(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    config = make_config(
        checkpoint, tmp_path / "run", edits, steps=1, trainable=["generation_decoder.*.to_q.*"],
        lora={"rank": 2, "targets": ["generation_decoder.*.to_q"]}, optimizer={"lr": 1e-2},
    )  # fmt: skip
    place = train(config).checkpoint
    assert place is not None
    merged = load_pipeline(tmp_path / "run", device="cpu")
    beside = InternVLUPipeline.from_pretrained(
        checkpoint, device="cpu", adapter=place / checkpoints.ADAPTER
    )
    made = [
        np.asarray(p.generate(["a cat"], steps=2, height=64, width=64)[0].image, float)
        for p in (merged, beside)
    ]
    assert np.abs(made[0] - made[1]).max() <= 1


def test_each_component_is_exported_in_its_own_type(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    import shutil

    base = tmp_path / "base"
    shutil.copytree(checkpoint, base)
    for file in files.weight_files(base / "vlm"):
        held = load_file(file)
        files.write_tensors(file, {k: v.bfloat16() for k, v in held.items()})
    AcceleratorState._reset_state(True)
    train(make_config(base, tmp_path / "run", edits, steps=1))
    to = export(tmp_path / "run", tmp_path / "out")
    for name, kind in (("vlm", "BF16"), ("generation_decoder", "F32"), ("vae", "F32")):
        assert {k for _, k in files.shapes(to / name).values()} == {kind}


def test_a_dry_run_looks_at_the_rows_of_grids(
    checkpoint: Path, edits: list[dict[str, str]], tmp_path: Path
) -> None:
    from model.finetune.preview import preview

    config = make_config(
        checkpoint, tmp_path / "run", edits, sampling={"every": 1, "rows": str(tmp_path / "no")}
    )
    with pytest.raises(UserError, match="no does not exist"):
        preview(config)
