"""What a run would do, found out without doing it: for ``--dry-run``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from evals.core.writing import disk_error
from model.finetune import prepare, trainable
from model.finetune.config import Config
from model.finetune.examples import cut
from model.finetune.hooks import grid, validation_rows
from model.finetune.prepare import Learnt, Networks
from model.finetune.rows import RowError
from model.internvlu.limits import Limits
from model.torch_tools import resolve_device

FIRST = "first-batch.png"
_MOMENTS = 8
"""Bytes of AdamW's two moments of a number."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What is known before the first update.

    Attributes:
        parts: part of the model -> numbers in all, and how many of them are trained.
        trained: numbers in all that are.
        idle: parameters that the patterns take in and no gradient reaches.
        memory: what is held -> GB, without activations, which depend on sizes.
        sources: what `Source.summary` says of each part of the mixture.
        shares: part, task, share of the samples, size, rows.
        page: the first micro-batches as images; None where they hold none.
    """

    parts: dict[str, tuple[int, int]]
    trained: int
    idle: tuple[str, ...]
    memory: dict[str, float]
    sources: list[dict[str, Any]]
    shares: list[dict[str, Any]]
    page: Path | None


def preview(config: Config) -> Preview:
    """Open everything, choose what is trained, and read the first micro-batches.

    The page is written to the run's folder, and copies of Parquet where the run would put them;
    nothing else is.

    Raises:
        UserError: what would stop a run that begins, before its first update.
    """
    prepare.need(config)
    prepare.claim(config)
    wanted = config.device.precision
    on_gpu = resolve_device("auto").type == "cuda"
    few = wanted == "bf16" or (wanted == "auto" and on_gpu)
    frozen = torch.bfloat16 if few else torch.float32
    networks = prepare.load(config, torch.device("cpu"), frozen)
    learnt = prepare.open_data(config, Limits.of(networks.parts.config))
    if config.sampling.every:
        validation_rows(config)
    return Preview(
        parts=trainable.parts(networks.joint, networks.chosen.names),
        trained=networks.chosen.numbers, idle=networks.chosen.idle,
        memory=memory(config, networks), sources=[s.summary() for s in learnt.sources],
        shares=[
            {**s._asdict(), "bucket": None if s.bucket is None else list(s.bucket)}
            for s in learnt.plan.table()
        ],
        page=_page(config, networks, learnt),
    )  # fmt: skip


def memory(config: Config, networks: Networks) -> dict[str, float]:
    """GB that are held whatever the size of the images, on one device that shares nothing."""
    modules = [networks.joint, networks.parts.vae]
    weights = sum(p.numel() * p.element_size() for m in modules for p in m.parameters())
    trained = networks.chosen.numbers
    found = {
        "weights": weights, "gradients": 4 * trained, "moments of AdamW": _MOMENTS * trained,
        "moving average": 4 * trained * bool(config.ema.decay),
    }  # fmt: skip
    return {what: size / 1e9 for what, size in found.items() if size}


def _page(config: Config, networks: Networks, learnt: Learnt) -> Path | None:
    """The rows of the first update, source and target, as they would be learnt."""
    rows = []
    for number in range(min(config.units, 4)):
        unit = learnt.plan.unit(number)
        if unit.bucket is None:
            continue
        for pick in unit.picks[:2]:
            try:
                row = learnt.sources[unit.source].read(pick.row)
            except RowError:
                if config.data.on_bad_row == "stop":
                    raise
                continue
            target, given = cut(row, unit.bucket)
            rows.append(replace(row, target=target, source=given[0] if given else None))
    if not rows:
        return None
    place = Path(config.out).expanduser() / FIRST
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        grid(rows, None).save(place)
    except OSError as error:
        raise disk_error(error, place) from error
    return place
