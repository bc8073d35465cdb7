"""Everything a run needs, made ready from its configuration and checked before any work."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evals.core.checkpoints import find_checkpoint
from evals.core.errors import UserError
from evals.core.store import RUN
from evals.core.types import fingerprint
from evals.core.writing import disk_error, write_atomic
from model.finetune import trainable
from model.finetune.batches import Bad, Units
from model.finetune.buckets import Buckets
from model.finetune.config import Config
from model.finetune.examples import Reader
from model.finetune.joint import Joint, checkpoint_activations
from model.finetune.latents import Latents
from model.finetune.logs import LOG
from model.finetune.plan import Plan
from model.finetune.reading import STORED
from model.finetune.refuse import Guard
from model.finetune.sources import Source, open_source
from model.internvlu import loading
from model.internvlu.config import INDEX
from model.internvlu.limits import Limits

DROPPED = "dropped.jsonl"
UNREADABLE = "unreadable"
"""Reason of a row that was found out when its turn came."""
CACHE = "rows"
_PACKAGES = ("torch", "transformers", "diffusers", "accelerate", "peft")


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What is learnt from.

    Attributes:
        sources: the opened parts of the mixture.
        plan: which rows, when.
    """

    sources: Sequence[Source]
    plan: Plan

    def digests(self) -> dict[str, str]:
        """Part -> what identifies its rows."""
        return {s.name: s.digest for s in self.sources}


@dataclass(frozen=True, kw_only=True)
class Networks:
    """What learns.

    Attributes:
        parts: of the checkpoint, on their device.
        joint: language model and decoder as one.
        chosen: what is trained.
        base: digest of the checkpoint.
        latents: of images.
        shift: of the noise levels.
    """

    parts: loading.Parts
    joint: Joint
    chosen: trainable.Chosen
    base: str
    latents: Latents
    shift: float


def packages() -> dict[str, str]:
    """Versions that the numbers may depend on, of what is here: peft is needed for adapters."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def open_data(config: Config, limits: Limits) -> Learnt:
    """Open the mixture.

    Raises:
        UserError: a file is missing or broken, or nothing in it may be learnt.
    """
    size = config.resolution
    if size.side is None:
        # What would be larger as a condition is made smaller before the VAE sees it, and then no
        # longer lies on its target.
        size = replace(size, side=limits.rule.side)
    guard = Guard.of(config.data.refuse)
    cache = cache_of(config)
    # A part that is switched off need not even be there.
    entries = [entry for entry in config.data.mixture if entry.weight]
    sources = [open_source(entry, config.data, guard, cache, size) for entry in entries]
    plan = Plan(sources, Buckets.of(size), seed=config.seed, micro_batch=config.micro_batch)
    _check_sizes(plan, limits)
    return Learnt(sources=sources, plan=plan)


def cache_of(config: Config) -> Path:
    """Folder for the copies that Parquet is read from."""
    return Path(config.data.cache or Path(config.out) / CACHE).expanduser()


def _check_sizes(plan: Plan, limits: Limits) -> None:
    """Refuse sizes that the checkpoint cannot make.

    Raises:
        UserError: naming the part and the size.
    """
    for share in plan.table():
        if share.bucket is None:
            continue
        try:
            limits.check_target(share.bucket, int(share.task in {"edit", "cot"}))
        except UserError as error:
            height, width = share.bucket
            raise UserError(
                f"{share.rows} rows of {share.source} are learnt in {width} x {height} pixels, "
                f"which this checkpoint cannot make; raise resolution.min. ({error})"
            ) from error


def units_of(config: Config, learnt: Learnt, networks: Networks) -> Units:
    """The run's micro-batches, by number."""
    reader = Reader(networks.parts.config, networks.parts.tokenizer, config.dropout, config.seed)
    return Units(learnt.plan, learnt.sources, reader, config.steps * config.units)


def claim(config: Config) -> None:
    """Refuse a folder in which something else lies.

    Raises:
        UserError: it is a file, or holds a checkpoint, a run of the suite, or a configuration that
            would be written over.
    """
    folder = Path(config.out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"out is {folder}, which is a file; name a folder.")
    others = {INDEX: "a checkpoint", RUN: "a run of the suite"}
    if not (folder / LOG).is_file():
        others[STORED] = "another configuration"
    for name, what in others.items():
        if (folder / name).exists():
            raise UserError(f"out is {folder}, which holds {what} ({name}); name another folder.")


def write_dropped(folder: Path, sources: Sequence[Source], *, go_on: bool = False) -> None:
    """List every row that is not learnt from, and why.

    Args:
        folder: of the run.
        sources: parts of the mixture.
        go_on: keep what was listed while the run went on.

    Raises:
        UserError: the disk cannot be written.
    """
    place = folder / DROPPED
    lines = [
        _line(d.source, d.row, d.id, d.reason, d.detail) for s in sources for d in s.dropped
    ]  # fmt: skip
    if go_on and place.is_file():
        mark = json.dumps("reason") + ": " + json.dumps(UNREADABLE)
        before = place.read_bytes().splitlines(keepends=True)
        lines += [line for line in before if mark.encode() in line and line.endswith(b"\n")]
    write_atomic(place, b"".join(dict.fromkeys(lines)))


def add_dropped(folder: Path, bad: Bad) -> None:
    """List a row that turned out to be unreadable when its turn came.

    Raises:
        UserError: the disk cannot be written.
    """
    place = folder / DROPPED
    line = _line(bad.source, bad.row, bad.id, UNREADABLE, str(bad))
    try:
        if place.is_file() and line in place.read_bytes():
            return
        with place.open("ab") as stream:
            stream.write(line)
    except OSError as error:
        raise disk_error(error, place) from error


def _line(source: str, row: int, id: str, reason: str, detail: str) -> bytes:
    line = {"source": source, "row": row, "id": id, "reason": reason, "detail": detail}
    # Half a character, which JSON can say and UTF-8 cannot, must not stop a run.
    return (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def locate(config: Config) -> tuple[Path, str]:
    """Folder and digest of the checkpoint to begin with.

    Raises:
        UserError: it is not to be had.
    """
    folder = loading.locate(config.checkpoint)
    return folder, find_checkpoint(str(folder), INDEX).digest


def load(config: Config, device: torch.device, frozen: torch.dtype) -> Networks:
    """Read the checkpoint and choose what is trained.

    Args:
        config: of the run.
        device: where everything computes.
        frozen: type of the weights that are not trained; those that are are float32.

    Raises:
        UserError: the checkpoint cannot be used, or a pattern matches nothing.
    """
    folder, base = locate(config)
    parts = loading.read_parts(folder, dict.fromkeys(loading.MODULES, device), frozen)
    joint = Joint(parts.vlm, parts.decoder, parts.config.decoder.vlm_select_layer)
    joint.learns_tokens = bool(config.loss.next_token)
    chosen = trainable.choose(joint, config)
    trainable.check_tasks(chosen.names, config)
    for _, parameter in trainable.named(joint):
        parameter.data = parameter.data.float()
    if config.device.gradient_checkpointing:
        checkpoint_activations(joint)
    kept = Path(config.data.latents).expanduser() if config.data.latents else None
    shift = config.loss.shift
    if shift is None:
        shift = float(parts.config.scheduler.get("flow_shift", 1.0))
    identity = fingerprint([base, str(parts.vae.dtype)])[:16]
    return Networks(
        parts=parts, joint=joint, chosen=chosen, base=base, shift=shift,
        latents=Latents(parts.vae, kept, identity),
    )  # fmt: skip


def optimizer_of(config: Config, joint: nn.Module) -> Any:
    """AdamW over what is trained."""
    how = config.optimizer
    return torch.optim.AdamW(
        [p for _, p in trainable.named(joint)], lr=how.lr, betas=(how.beta1, how.beta2),
        eps=how.eps, weight_decay=how.weight_decay,
    )  # fmt: skip


def learning_rate(config: Config) -> Any:
    """Update -> learning rate: a function, with no state that could be lost.

    The shapes are those of diffusers.
    """
    from diffusers.optimization import get_scheduler

    how = config.optimizer
    name = "constant_with_warmup" if how.schedule == "constant" else how.schedule
    nobody = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    shape = get_scheduler(
        name, optimizer=nobody, num_warmup_steps=how.warmup, num_training_steps=config.steps
    ).lr_lambdas[0]
    return lambda step: how.lr * float(shape(step))


def check_resume(state: Any, networks: Networks, learnt: Learnt) -> list[str]:
    """What the run was made of and now is not, one sentence part each."""
    found = []
    if state.base != networks.base:
        found.append(f"checkpoint: its files were {state.base} and are {networks.base}")
    now: Mapping[str, str] = learnt.digests()
    for name in sorted(now.keys() | state.sources.keys()):
        if state.sources.get(name) != now.get(name):
            found.append(f"data {name}: its rows were {state.sources.get(name)} and are "
                         f"{now.get(name)}")  # fmt: skip
    return found


def need(config: Config) -> None:
    """Refuse when a package is absent.

    Raises:
        MissingExtra: with the command that installs it.
    """
    import importlib.util

    from evals.core.errors import MissingExtra
    from model.finetune.logs import check_trackers
    from model.torch_tools import need_torch

    need_torch("umm-evals finetune")
    for package in ("accelerate", "datasets", "omegaconf", *(["peft"] * bool(config.lora.rank))):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "finetune", "umm-evals finetune")
    check_trackers(config.log.trackers)


def share_of(config: Config, devices: int) -> int:
    """Micro-batches of an update on each device.

    Raises:
        UserError: they cannot be shared evenly.
    """
    if config.units % devices:
        raise UserError(
            f"batch {config.batch} with micro_batch {config.micro_batch} makes {config.units} "
            f"micro-batches, which {devices} processes cannot share evenly; change one of them."
        )
    return config.units // devices
