"""What the loop stands on: accelerate, a moving average, and memory that may run out."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.utils import DistributedType, GradientAccumulationPlugin, ProjectConfiguration

from evals.core.errors import UserError
from evals.core.writing import disk_error
from model.finetune import prepare
from model.finetune.batches import Loaded
from model.finetune.config import Config
from model.torch_tools import is_out_of_memory

TRACKED = "trackers"
"""Folder of what TensorBoard and others write."""

SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED)
"""Where a process holds no whole weights."""


def make_accelerator(config: Config) -> Any:
    """What spreads the work over devices; it writes nothing yet.

    Raises:
        UserError: it cannot be made as asked.
    """
    folder = Path(config.out).expanduser()
    wanted = config.device.precision
    on_cpu = not torch.cuda.is_available()
    if on_cpu and "OMP_NUM_THREADS" not in os.environ:
        # Threads that wait for each other wait much longer where others need their cores. One
        # process that reads needs little of one; more are asked for where reading is much work.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - max(0, config.data.workers - 1)))
    mixed = "bf16" if wanted == "bf16" or (wanted == "auto" and not on_cpu) else "no"
    accelerator = Accelerator(
        mixed_precision=mixed, cpu=on_cpu,
        project_config=ProjectConfiguration(str(folder), logging_dir=str(folder / TRACKED)),
        gradient_accumulation_plugin=GradientAccumulationPlugin(
            num_steps=1, sync_with_dataloader=False
        ),
        log_with=list(config.log.trackers) or None,
        # One pass may concern answers alone and another images alone.
        kwargs_handlers=[
            DistributedDataParallelKwargs(find_unused_parameters=True),
            # Others wait while the first one makes images and scores them.
            InitProcessGroupKwargs(timeout=timedelta(hours=12)),
        ],
    )  # fmt: skip
    # How many micro-batches make an update is known once it is known how many processes there are.
    accelerator.gradient_accumulation_steps = prepare.share_of(config, accelerator.num_processes)
    return accelerator


def start_trackers(config: Config, accelerator: Any) -> None:
    """Open what TensorBoard and others write.

    Raises:
        UserError: the disk cannot be written.
    """
    if not config.log.trackers:
        return
    try:
        # It becomes the name of a folder.
        accelerator.init_trackers(re.sub(r"[/\\]|^\.+", "-", config.title))
    except OSError as error:
        raise disk_error(error, Path(config.out).expanduser() / TRACKED) from error


def make_average(config: Config, trained: list[Any]) -> Any | None:
    """A moving average of what is trained."""
    if not config.ema.decay:
        return None
    from diffusers.training_utils import EMAModel

    return EMAModel(trained, decay=config.ema.decay)


@contextlib.contextmanager
def fits(what: Loaded | str) -> Iterator[None]:
    """Memory that runs out as a sentence with the bucket that did not fit.

    Args:
        what: is put into it.

    Raises:
        UserError: it ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"Out of memory in {what}; lower micro_batch or resolution.max, set "
            "device.gradient_checkpointing, or train adapters (lora) in place of all weights."
        ) from error
