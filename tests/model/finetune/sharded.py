"""Run by torch's launcher in a test: both networks in pieces (FSDP2), one update, what it gives.

accelerate shards on accelerators only, so the pieces are made here as it makes them: one of each
layer, one of the rest. What is tested is ours: the forward, gathering, restoring, the average.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from model.finetune import checkpoints, trainable
from model.finetune.config import Loss
from model.finetune.joint import Joint
from model.finetune.loss import weighted
from model.internvlu import loading
from tests.model.finetune.kit import make_config
from tests.model.finetune.test_trainable import samples

LAYERS = ("Block", "Qwen3DecoderLayer", "InternVLVisionLayer")
"""As in launch/fsdp2_8gpu.yaml."""


def build(checkpoint: Path, *, sharded: bool) -> tuple[Any, Any, Any, Any]:
    """Networks, optimiser, average, and the inputs of an update."""
    from diffusers.training_utils import EMAModel

    devices = dict.fromkeys(loading.MODULES, torch.device("cpu"))
    parts = loading.read_parts(checkpoint, devices, torch.float32)
    joint = Joint(parts.vlm, parts.decoder, parts.config.decoder.vlm_select_layer)
    mixture = [{"path": "x", "task": "cot"}]
    config = make_config(
        checkpoint, Path("x"), mixture, trainable=["generation_decoder.*", "vlm.*"],
        loss={"next_token": 1, "flow": 20},
    )  # fmt: skip
    trainable.choose(joint, config)
    inputs = samples(parts)
    if sharded:
        mesh = init_device_mesh("cpu", (dist.get_world_size(),))
        for module in joint.modules():
            if type(module).__name__ in LAYERS:
                fully_shard(module, mesh=mesh)
        fully_shard(joint, mesh=mesh)
    trained = [p for p in joint.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
    return joint, optimizer, EMAModel(trained, decay=0.5), inputs


def update(joint: Any, optimizer: Any, ema: Any, inputs: Any, devices: int) -> float:
    """One step; every process has the same sample, so that the whole is as one alone."""
    errors = joint(inputs)
    sums = {kind: values.sum() for kind, values in errors.items()}
    counts = {"next_token": 8 * devices, "flow": 2304 * devices}
    loss = weighted(sums, counts, Loss(next_token=1, flow=20), devices)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    trained = [p for p in joint.parameters() if p.requires_grad]
    ema.step(trained)
    return float(loss.detach())


def main(checkpoint: Path, to: Path) -> None:
    """Two updates in pieces, with all the state written down and put back between them."""
    dist.init_process_group("gloo")
    joint, optimizer, ema, inputs = build(checkpoint, sharded=True)
    update(joint, optimizer, ema, inputs, dist.get_world_size())
    kept = checkpoints.gather(joint, optimizer, ema)
    box = [kept]
    dist.broadcast_object_list(box, src=0)
    assert ema is not None
    fresh, optimizer, ema, inputs = build(checkpoint, sharded=True)
    checkpoints.restore(fresh, optimizer, ema, box[0])
    ema.optimization_step = 1
    update(fresh, optimizer, ema, inputs, dist.get_world_size())
    kept = checkpoints.gather(fresh, optimizer, ema)
    if dist.get_rank() == 0:
        assert kept.ema is not None
        save_file({k: v.contiguous() for k, v in kept.weights.items()}, to / "weights.safetensors")
        save_file(dict(kept.ema), to / "ema.safetensors")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
