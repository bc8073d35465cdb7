"""The loop: what may be switched without changing what is learnt, and what is written down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from evals.core.errors import UserError
from evals.core.writing import lock
from model.finetune import checkpoints
from model.finetune.logs import read_log
from model.finetune.reading import resolved
from tests.model.finetune.kit import make_config, row, train, write_rows

ROOT = Path(__file__).resolve().parents[3]


def flows(out: Path) -> list[float]:
    return [line["flow"] for line in read_log(out) if "flow" in line]


def weights(out: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(checkpoints.pick(out) / checkpoints.WEIGHTS)
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {"device": {"gradient_checkpointing": True}},
        {"data": {"latents": "kept"}},
        {"data": {"workers": 2}},
    ],
    ids=["gradient checkpointing", "kept latents", "other workers"],
)
def test_what_saves_time_or_memory_changes_nothing(
    changed: dict[str, Any], checkpoint: Path, rows: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    mixture = [{"path": str(rows), "task": "cot"}]
    how: dict[str, Any] = {
        "trainable": ["generation_decoder.*", "vlm.*"], "loss": {"next_token": 1, "flow": 20},
    }  # fmt: skip
    train(make_config(checkpoint, tmp_path / "plain", mixture, **how))
    config = make_config(checkpoint, tmp_path / "other", mixture, **how)
    for section, values in changed.items():
        config = replace(config, **{section: replace(getattr(config, section), **values)})
    train(config)
    assert flows(tmp_path / "plain") == flows(tmp_path / "other")
    one, other = weights(tmp_path / "plain"), weights(tmp_path / "other")
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    if changed.get("data", {}).get("latents"):
        kept = list((tmp_path / "kept").rglob("*.npy"))
        assert len(kept) >= 10
        again = make_config(checkpoint, tmp_path / "third", mixture, **how)
        train(replace(again, data=replace(again.data, latents="kept")))
        assert flows(tmp_path / "third") == flows(tmp_path / "plain")


def test_accumulation_and_one_large_micro_batch_see_the_same_noise(
    checkpoint: Path, tmp_path: Path
) -> None:
    """With one bucket, 2 x 2 and 1 x 4 samples are the same update."""
    path = write_rows(tmp_path / "rows.parquet", [row(n) for n in range(8)])
    mixture = [{"path": str(path), "task": "edit"}]
    train(make_config(checkpoint, tmp_path / "two", mixture, steps=3, micro_batch=2))
    train(make_config(checkpoint, tmp_path / "one", mixture, steps=3, micro_batch=4))
    for first, second in zip(flows(tmp_path / "two"), flows(tmp_path / "one"), strict=True):
        assert second == pytest.approx(first, rel=1e-5)


def test_bf16_holds_what_is_trained_in_float32_and_learns(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "cot"}]
    for name, how in (
        ("full", {"trainable": ["generation_decoder.*"]}),
        ("lora", {"trainable": [], "lora": {"rank": 4, "targets": ["generation_decoder.*.to_q",
                                                                  "vlm.*.q_proj"]}}),
    ):  # fmt: skip
        config = make_config(
            checkpoint, tmp_path / name, mixture, device={"precision": "bf16"}, steps=6,
            optimizer={"lr": 3e-3}, **how,
        )  # fmt: skip
        train(config)
        found = flows(tmp_path / name)
        assert all(0 < x < 10 for x in found)
        assert {w.dtype for w in weights(tmp_path / name).values()} == {torch.float32}
        AcceleratorState._reset_state(True)
        exact = make_config(checkpoint, tmp_path / f"{name}32", mixture, steps=1, **how)
        train(exact)
        assert found[0] == pytest.approx(flows(tmp_path / f"{name}32")[0], rel=0.02)
        AcceleratorState._reset_state(True)


def test_the_log_names_sources_levels_speed_and_memory(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": t, "name": t} for t in ("edit", "understand")]
    config = make_config(
        checkpoint, tmp_path / "run", mixture, batch=8, steps=3,
        trainable=["generation_decoder.*", "vlm.*"], loss={"next_token": 1, "flow": 20},
        log={"every": 3, "trackers": ["tensorboard"]},
    )  # fmt: skip
    done = train(config)
    (line,) = read_log(tmp_path / "run")
    assert line["step"] == 3
    assert line["samples"] == 24
    assert line["flow/edit"] == pytest.approx(line["flow"])
    assert line["next_token/understand"] == pytest.approx(line["next_token"])
    assert any(key.startswith("flow/level_") for key in line)
    for key in ("grad_norm", "lr", "samples_per_second", "tokens_per_second", "memory_mb",
                "loader_share", "seconds_per_update"):  # fmt: skip
        assert line[key] > 0, key
    assert done.last["flow"] == line["flow"]
    events = list((tmp_path / "run" / "trackers").rglob("events.out.tfevents.*"))
    assert events
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(events[0].parent))
    board.Reload()
    assert board.Scalars("flow")[0].value == pytest.approx(line["flow"], rel=1e-5)


def test_a_tracker_that_is_unknown_or_absent_is_refused(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    for name, message in (("paper", "accelerate has tensorboard"), ("wandb", "pip install wandb")):
        with pytest.raises(UserError, match=message):
            train(make_config(checkpoint, tmp_path / "x", mixture, log={"trackers": [name]}))
    assert not (tmp_path / "x").exists()


def test_what_is_not_learnt_from_is_listed(checkpoint: Path, tmp_path: Path) -> None:
    path = write_rows(
        tmp_path / "rows.parquet",
        [row(0), row(1, split="bench"), row(2, edit_instruction=" "), row(3)],
    )
    train(make_config(checkpoint, tmp_path / "run", [{"path": str(path), "task": "edit"}], steps=1))
    lines = (tmp_path / "run" / "dropped.jsonl").read_text().splitlines()
    listed = {(d["row"], d["source"]): d["reason"] for d in map(json.loads, lines)}
    assert set(listed) == {(1, "rows"), (2, "rows")}
    assert all(listed.values())


def test_a_row_that_cannot_be_read_stops_the_run_or_is_left_out(
    checkpoint: Path, tmp_path: Path
) -> None:
    good = [row(n) for n in range(3)]
    torn = row(3)
    torn["edited_image"] = torn["edited_image"][:200]
    path = write_rows(tmp_path / "rows.parquet", [*good, torn])
    mixture = [{"path": str(path), "task": "edit"}]
    with pytest.raises(UserError, match=r"rows, row 3.*set data.on_bad_row to skip"):
        train(make_config(checkpoint, tmp_path / "stop", mixture))
    config = make_config(checkpoint, tmp_path / "skip", mixture)
    said: list[str] = []
    done = train(replace(config, data=replace(config.data, on_bad_row="skip")), say=said.append)
    assert done.finished
    assert sum("left out: rows, row 3" in line for line in said) == 1
    listed = (tmp_path / "skip" / "dropped.jsonl").read_text()
    assert listed.count("row 3") == 1
    # What was left out is not counted as seen.
    seen = read_log(tmp_path / "skip")[-1]["samples"]
    assert done.checkpoint is not None
    assert 0 < seen == checkpoints.read_state(done.checkpoint).samples < config.steps * config.batch
    longer = replace(config, steps=6, data=replace(config.data, on_bad_row="skip"))
    assert train(longer).step == 6
    assert seen < read_log(tmp_path / "skip")[-1]["samples"] <= seen + 2 * config.batch


def test_two_runs_do_not_write_one_folder(checkpoint: Path, rows: Path, tmp_path: Path) -> None:
    config = make_config(checkpoint, tmp_path / "run", [{"path": str(rows), "task": "edit"}])
    with (
        lock(tmp_path / "run"),
        pytest.raises(UserError, match=r"run is being written by process \d+"),
    ):
        train(config)
    assert [p.name for p in (tmp_path / "run").iterdir()] == [".lock"]
    assert train(config).finished


def test_a_size_that_the_checkpoint_cannot_make_is_refused(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    mixture = [{"path": str(rows), "task": "edit"}]
    config = make_config(checkpoint, tmp_path / "x", mixture, resolution={"min": 48, "max": 48})
    with pytest.raises(UserError, match=r"rows of rows are learnt in .* raise resolution.min"):
        train(config)


def test_a_node_that_is_taken_away_leaves_a_checkpoint_and_exits_clean(
    checkpoint: Path, rows: Path, tmp_path: Path
) -> None:
    """The signal goes to every process, as a scheduler sends it."""
    mixture = [{"path": str(rows), "task": "edit"}]
    config = make_config(
        checkpoint, tmp_path / "run", mixture, steps=100_000,
        data={"mixture": mixture, "workers": 2, "min_side": 16},
    )  # fmt: skip
    file = tmp_path / "run.yaml"
    file.write_text(resolved(config), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "model.finetune", str(file)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    log = tmp_path / "run" / "log.jsonl"
    until = time.monotonic() + 120
    while time.monotonic() < until and not (log.exists() and log.read_text().count("\n") > 2):
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err[-2000:]
    assert "Traceback" not in err
    (step,) = checkpoints.steps(tmp_path / "run")
    assert f"stopped at step {step} of 100000; the same command goes on" in out
    assert read_log(tmp_path / "run")[-1]["step"] == step
