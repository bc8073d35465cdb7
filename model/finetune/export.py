"""From a run's checkpoint to a model: in memory, or as a checkpoint in the official layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from evals.core.errors import UserError
from model.finetune import checkpoints, prepare, trainable
from model.finetune.config import Config
from model.finetune.hooks import describe
from model.finetune.joint import Joint
from model.finetune.reading import stored_config
from model.internvlu import checkpoint as files
from model.internvlu import loading
from model.internvlu.lora import merge_adapters
from model.internvlu.pipeline import InternVLUPipeline

PROVENANCE = "training.json"
"""Beside the official files of an exported checkpoint: what it was made of."""

_TYPES: Mapping[str, str] = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
}  # fmt: skip


def load_pipeline(
    run: Path, *, step: int | None = None, ema: bool = True, device: str = "auto",
    dtype: str = "auto",
) -> InternVLUPipeline:  # fmt: skip
    """The model as it was at a step of a run.

    Args:
        run: folder of the run.
        step: of a checkpoint that is kept; the newest when None.
        ema: the moving average, where there is one.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``.
        dtype: of all weights.

    Raises:
        UserError: no such checkpoint, or the base checkpoint is no longer what it was.
    """
    from model.torch_tools import resolve_device, resolve_dtype

    where = resolve_device(device)
    parts, _ = _merged(run, step, ema, where, resolve_dtype(dtype, where))
    return InternVLUPipeline(parts)


def export(run: Path, to: Path, *, step: int | None = None, ema: bool = True) -> Path:
    """Write a checkpoint that this package and the official code can load.

    Each component has the type that it has in the base checkpoint; adapters are added to weights.

    Args:
        run: folder of the run.
        to: folder to be made.
        step: see `load_pipeline`.
        ema: see `load_pipeline`.

    Returns:
        The folder.

    Raises:
        UserError: no such checkpoint, or the folder holds something already.
    """
    place = checkpoints.pick(run, step)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} exists already and is not empty; name a new folder.")
    base, _ = prepare.locate(stored_config(place))
    parts, about = _merged(run, step, ema, torch.device("cpu"), torch.float32)
    for name in loading.MODULES:
        kinds = {kind for _, kind in files.shapes(base / name).values()}
        # Of several types that which loses nothing.
        kind = next(known for known in _TYPES if known in kinds)
        if kind != "F32":
            parts.module(name).to(getattr(torch, _TYPES[kind]))

    def more(folder: Path) -> None:
        text = json.dumps(about, indent=1, ensure_ascii=False)
        (folder / PROVENANCE).write_text(text + "\n", encoding="utf-8")

    loading.write_parts(parts, to, more=more)
    return to


def _merged(
    run: Path, step: int | None, ema: bool, device: torch.device, dtype: torch.dtype
) -> tuple[loading.Parts, dict[str, Any]]:
    """The base checkpoint with what was trained in its place, and where that came from."""
    place = checkpoints.pick(run, step)
    config, state = stored_config(place), checkpoints.read_state(place)
    folder, base = prepare.locate(config)
    if base != state.base:
        raise UserError(
            f"The checkpoint {config.checkpoint} that {run} began with has changed since ({base} "
            f"in place of {state.base}); put back the one that was."
        )
    # Adapters are added in float32: in few bits the small change would be rounded away twice.
    parts = loading.read_parts(folder, dict.fromkeys(loading.MODULES, device), torch.float32)
    kept = checkpoints.read_tensors(place, config, moments=False)
    chosen = kept.ema if ema and kept.ema is not None else kept.weights
    put(parts, config, chosen)
    if dtype != torch.float32:
        for name in loading.MODULES:
            parts.module(name).to(dtype)
    about = {
        **describe(config, state.step, base), "samples": state.samples,
        "ema": chosen is kept.ema, "base": config.checkpoint, "packages": dict(state.packages),
        "sources": dict(state.sources),
    }  # fmt: skip
    return parts, about


def put(parts: loading.Parts, config: Config, tensors: Mapping[str, Any]) -> None:
    """Put trained tensors into a checkpoint's networks, adapters added to the weights.

    Raises:
        UserError: they are of other networks.
    """
    joint = Joint(parts.vlm, parts.decoder, parts.config.decoder.vlm_select_layer)
    trainable.choose(joint, config)
    own = dict(trainable.named(joint))
    odd = sorted(own.keys() ^ tensors.keys())
    odd += [name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape]
    if odd:
        raise UserError(
            f"The checkpoint of the run does not fit its configuration ({odd[0]}); it was made by "
            "another version."
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(tensors[name])
    for module in (joint.vlm, joint.generation_decoder):
        merge_adapters(module)
    joint.requires_grad_(False).eval()
