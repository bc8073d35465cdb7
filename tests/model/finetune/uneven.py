"""Run by torch's launcher in a test: weights in pieces, unlike samples on each process."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from model.finetune.config import Loss
from model.finetune.joint import NOTHING, Inputs
from model.finetune.loss import weighted
from model.internvlu.conditioning import Row
from tests.model.finetune.sharded import build


def kinds(sample: Inputs) -> list[list[Inputs]]:
    """Micro-batches: an answer from text, a long and a short edit, none that could be read."""
    ids, turn = sample.tokens.ids, sample.tokens.ids[0]
    plain = Row(ids=(turn, *ids[1:6], turn, *ids[-12:]))
    answer = replace(sample, tokens=plain, learnt=5, image=None, conditions=())
    short = replace(sample, tokens=plain, learnt=0, conditions=())
    long = replace(
        sample, tokens=Row(ids=(*ids[:-1], *ids[-3:-2] * 200, ids[-1]), pixels=sample.tokens.pixels)
    )
    return [[answer], [long, short], [], [sample]]


def learn(joint: Any, units: list[list[Inputs]], devices: int) -> None:
    """The gradients of micro-batches of one update."""
    for unit in units:
        errors = joint(unit)
        sums = {kind: values.sum() for kind, values in errors.items()}
        counts = {"next_token": 20, "flow": 5000}
        loss = weighted(sums, counts, Loss(next_token=1, flow=20), devices)
        (loss + sums.get(NOTHING, 0)).backward()


def gradients(joint: Any) -> dict[str, torch.Tensor]:
    """Whole, of what has any; every process must call it."""
    found = {}
    for name, parameter in joint.named_parameters():
        if parameter.grad is not None:
            value = parameter.grad
            found[name] = (value.full_tensor() if hasattr(value, "full_tensor") else value).clone()
    return found


def main(checkpoint: Path, to: Path) -> None:
    """Each process learns from micro-batches of its own."""
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    joint, _, _, inputs = build(checkpoint, sharded=True)
    joint.even = True
    learn(joint, kinds(inputs[0])[dist.get_rank() :: 2], 2)
    found = gradients(joint)
    if dist.get_rank() == 0:
        save_file({k: v.contiguous() for k, v in found.items()}, to / "gradients.safetensors")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
