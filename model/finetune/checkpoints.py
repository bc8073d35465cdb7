"""What is kept of a run, so that it goes on as if it had never stopped.

```
RUN/checkpoints/step-00000500/
  state.json             how far it is, and what it was made of
  config.yaml            the resolved configuration
  weights.safetensors    what is trained, by name
  ema.safetensors        its moving average, where there is one
  optimizer.safetensors  AdamW's moments: exp_avg.NAME, exp_avg_sq.NAME, step.NAME
  adapter/               adapters as the pipeline loads them, where there are any
```

There is no state of random numbers and none of the data: both are functions of the step. A folder
appears when it is whole, so that a full disk or a kill leaves the one before as it was.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from evals.core.errors import UserError
from model.finetune.config import Config
from model.finetune.reading import STORED, resolved
from model.internvlu.checkpoint import write_tensors
from model.internvlu.loading import write_folder

SCHEMA = 1
FOLDER = "checkpoints"
STATE, WEIGHTS, EMA, OPTIMIZER = (
    "state.json", "weights.safetensors", "ema.safetensors", "optimizer.safetensors",
)  # fmt: skip
ADAPTER = "adapter"
_NAME = re.compile(r"step-(\d{8})")
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a run is, and what it was made of.

    Attributes:
        step: updates done.
        samples: seen.
        base: digest of the checkpoint that it began with.
        sources: part of the mixture -> digest of its rows.
        packages: versions that the numbers may depend on.
        skipped: updates that were no number and were left out.
    """

    step: int
    samples: int
    base: str
    sources: Mapping[str, str]
    packages: Mapping[str, str]
    skipped: int = 0
    schema: int = field(default=SCHEMA)


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """The tensors of a checkpoint, on the CPU, by name of the parameter."""

    weights: Mapping[str, Tensor]
    ema: Mapping[str, Tensor] | None
    moments: Mapping[str, Mapping[str, Tensor]]


def place_of(run: Path, step: int) -> Path:
    """Folder of a step's checkpoint."""
    return run / FOLDER / f"step-{step:08d}"


def steps(run: Path) -> list[int]:
    """Steps of which a whole checkpoint is there, in order."""
    folder = Path(run).expanduser() / FOLDER
    found = [
        int(match[1])
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (match := _NAME.fullmatch(path.name)) and (path / STATE).is_file()
    ]
    return sorted(found)


def pick(run: Path, step: int | None = None) -> Path:
    """Folder of a checkpoint: that of the step, or the newest.

    Raises:
        UserError: there is none.
    """
    there = steps(run)
    if not there:
        raise UserError(
            f"{run} holds no checkpoint of a fine-tuning; it needs {FOLDER}/step-.../{STATE}."
        )
    if step is not None and step not in there:
        raise UserError(
            f"{run} holds no checkpoint of step {step}; it has {', '.join(map(str, there))}."
        )
    return place_of(Path(run).expanduser(), there[-1] if step is None else step)


# --- from and to live objects ---------------------------------------------------------------------

_TRAINED = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)


def gather(model: nn.Module, optimizer: Any, ema: Any | None) -> Tensors:
    """The tensors of a run, whole, on the CPU; every process must call it.

    Args:
        model: prepared by accelerate or not.
        optimizer: its AdamW.
        ema: a `diffusers.training_utils.EMAModel` of the trained parameters, in their order.
    """
    weights = get_model_state_dict(model, options=_TRAINED)
    inner, state = _plain(optimizer), {}
    if inner.state:
        # Before its first step torch would make it take one, of nothing, and count that.
        found = get_optimizer_state_dict(model, inner, options=_TRAINED)
        # Of several processes the first one alone gets them.
        state = found.get("state", {})
    average = None
    if ema is not None:
        average = dict(zip(_names(model), map(_whole, ema.shadow_params), strict=True))
    return Tensors(weights=weights, ema=average, moments=state)


def restore(model: nn.Module, optimizer: Any, ema: Any | None, tensors: Tensors) -> None:
    """Put the tensors of a checkpoint in their places.

    Raises:
        UserError: they are of another set of parameters.
    """
    names = _names(model)
    if set(names) != set(tensors.weights):
        odd = sorted(set(names) ^ set(tensors.weights))
        raise UserError(
            f"The checkpoint holds other parameters than are trained now ({odd[0]} and "
            f"{len(odd) - 1} more); go on with the configuration it was made with."
        )
    trained = [p for p in model.parameters() if p.requires_grad]
    _check_shapes(dict(zip(names, trained, strict=True)), tensors)
    options = StateDictOptions(full_state_dict=True, strict=False, ignore_frozen_params=True)
    set_model_state_dict(model, dict(tensors.weights), options=options)
    inner = _plain(optimizer)
    if tensors.moments:
        rates = {k: v for k, v in inner.param_groups[0].items() if k != "params"}
        groups = [{**rates, "params": names}]
        filled = {"state": dict(tensors.moments), "param_groups": groups}
        set_optimizer_state_dict(model, inner, filled, options=options)
    for name, parameter in zip(names, trained, strict=True):
        if name not in tensors.moments:
            # No gradient has reached it so far; torch has counted a step of nothing for it.
            inner.state.pop(parameter, None)
    if ema is not None:
        # An average that begins now begins with the weights.
        average = tensors.weights if tensors.ema is None else tensors.ema
        for name, shadow in zip(names, ema.shadow_params, strict=True):
            shadow.data.copy_(_like(average[name], shadow))


def _check_shapes(own: Mapping[str, Tensor], tensors: Tensors) -> None:
    """Refuse tensors that do not fit the parameters of their names.

    Raises:
        UserError: one is missing or has another shape.
    """
    kinds: list[tuple[str, Mapping[str, Tensor]]] = [("weights", tensors.weights)]
    if tensors.ema is not None:
        kinds.append(("average", tensors.ema))
    for moment in _MOMENTS[1:]:
        some = {n: v[moment] for n, v in tensors.moments.items() if moment in v}
        if some.keys() != tensors.moments.keys():
            raise UserError(f"The newest checkpoint lacks moments ({moment}); delete its folder.")
        kinds.append((moment, some))
    for kind, found in kinds:
        if kind == "average" and found.keys() != own.keys():
            raise UserError(
                "The newest checkpoint holds an average of other parameters; delete its folder."
            )
        for name, value in found.items():
            if name not in own or value.shape != own[name].shape:
                raise UserError(
                    f"The newest checkpoint holds {kind} of {name} in another shape; delete its "
                    "folder."
                )


def _plain(optimizer: Any) -> Any:
    """The optimiser itself: accelerate wraps it."""
    return getattr(optimizer, "optimizer", optimizer)


def _names(model: nn.Module) -> list[str]:
    return [
        n.removeprefix("module.").replace("_orig_mod.", "")
        for n, p in model.named_parameters()
        if p.requires_grad
    ]


def _whole(tensor: Any) -> Tensor:
    """A tensor without its shards."""
    whole: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return whole.detach().cpu().clone()


def _like(value: Tensor, other: Any) -> Any:
    """A whole tensor, cut as another is."""
    if not hasattr(other, "device_mesh"):
        return value.to(other.device, other.dtype)
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(other.device), other.device_mesh, other.placements)


# --- to and from the disk -------------------------------------------------------------------------


def save(
    run: Path, state: State, config: Config, tensors: Tensors, *, keep: int,
    more: Callable[[Path], None] | None = None,
) -> Path:  # fmt: skip
    """Write a checkpoint, then let go of the oldest ones.

    Args:
        run: folder of the run.
        state: how far it is.
        config: resolved.
        tensors: from `gather`.
        keep: so many of the newest; 0 for all.
        more: writes further files into the folder.

    Raises:
        UserError: the disk cannot be written; checkpoints that were there are untouched.
    """
    place = place_of(run, state.step)

    def fill(folder: Path) -> None:
        write_tensors(folder / WEIGHTS, _held(tensors.weights))
        if tensors.ema is not None:
            write_tensors(folder / EMA, _held(tensors.ema))
        moments = {
            f"{kind}.{name}": values[kind]
            for name, values in tensors.moments.items()
            for kind in _MOMENTS
        }
        write_tensors(folder / OPTIMIZER, _held(moments))
        (folder / STORED).write_text(resolved(config), encoding="utf-8")
        if more is not None:
            more(folder)
        text = json.dumps(asdict(state), indent=1, sort_keys=True)
        (folder / STATE).write_text(text + "\n", encoding="utf-8")

    # What stands there is of a run that was stopped behind this step and begun again before it.
    _remove(place)
    write_folder(place, fill)
    if keep:
        for step in steps(run)[:-keep]:
            _remove(place_of(run, step))
    return place


def sweep(run: Path) -> None:
    """Remove what a kill has left of checkpoints that were being written."""
    for place in (run / FOLDER).glob(".step-*"):
        shutil.rmtree(place, ignore_errors=True)


def _remove(place: Path) -> None:
    """Let go of a checkpoint; one that is half gone is none any more."""
    with contextlib.suppress(OSError):
        (place / STATE).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def _held(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}


def read_state(place: Path) -> State:
    """How far the run of a checkpoint is.

    Raises:
        UserError: its file cannot be read or is of another version.
    """
    path = place / STATE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        state = State(**raw)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete {place}.") from error
    if state.schema != SCHEMA:
        raise UserError(f"{path} has the schema {state.schema}; this version reads {SCHEMA}.")
    numbers = (state.step, state.samples, state.skipped)
    tables = (state.sources, state.packages)
    if (
        any(type(n) is not int or n < 0 for n in numbers)
        or not all(isinstance(t, Mapping) for t in tables)
        or place.name != place_of(place, state.step).name
    ):
        raise UserError(f"{path} does not say how far its checkpoint is; delete {place}.")
    return state


def read_tensors(place: Path, config: Config, *, moments: bool = True) -> Tensors:
    """The tensors of a checkpoint.

    Args:
        place: its folder.
        config: that it was made with.
        moments: of the optimiser too; they are needed to go on alone.

    Raises:
        UserError: a file is missing or broken.
    """
    found: dict[str, dict[str, Tensor]] = {}
    if moments:
        for key, value in _read(place / OPTIMIZER).items():
            kind, _, name = key.partition(".")
            found.setdefault(name, {})[kind] = value
    ema = _read(place / EMA) if config.ema.decay else None
    return Tensors(weights=_read(place / WEIGHTS), ema=ema, moments=found)


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); delete {path.parent} to go on from the checkpoint "
            "before it."
        ) from error
    return found
