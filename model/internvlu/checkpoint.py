"""Reads and writes weights in the official layout: safetensors, one file or shards with an index.

Keys are checked one by one. Pickled weights are refused: loading one can run code.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from model.internvlu.config import read_json

if TYPE_CHECKING:
    import torch

WEIGHTS: Mapping[str, str] = {
    "vlm": "model",
    "generation_decoder": "model",
    "vae": "diffusion_pytorch_model",
}
"""Component -> stem of its weight files."""

SHARD = 5_000_000_000
"""Bytes from which on a component is written as several files."""

FLOATS = ("F64", "F32", "F16", "BF16")
"""Types of weights that are read, as safetensors calls them."""

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_SHOWN = 4
_BROKEN = (
    OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError,
)  # fmt: skip
"""What a damaged header raises; found by feeding it some."""


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a component, shards in the order of their index.

    Raises:
        UserError: there is none, a shard is missing, or all there is are pickles.
    """
    stem = WEIGHTS[folder.name]
    whole, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        table = read_json(index).get("weight_map")
        if not isinstance(table, dict):
            raise UserError(f"{index} has no weight_map; get the file again.")
        for name in table.values():
            # A file of another folder is none of this checkpoint, whoever names it.
            if not isinstance(name, str) or Path(name).name != name:
                raise UserError(
                    f"{index} names {name!r}, which is no file beside it; get it again."
                )
        files = [folder / name for name in dict.fromkeys(table.values())]
        absent = [f.name for f in files if not f.is_file()]
        if absent:
            raise UserError(
                f"{folder} lacks {len(absent)} of {len(files)} shards: {_some(absent)}; download "
                "the checkpoint again."
            )
        return files
    if whole.is_file():
        return [whole]
    pickles = [p.name for pattern in _PICKLES for p in folder.glob(pattern)]
    if pickles:
        raise UserError(
            f"{folder} holds {_some(pickles)} and no safetensors; a pickle can run code when it is "
            "read, so convert it to safetensors first."
        )
    raise UserError(f"{whole} is missing; download the checkpoint again.")


def shapes(folder: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Key -> shape and dtype of every tensor of a component, from the headers alone.

    Raises:
        UserError: a file is missing or no safetensors file, or two hold the same tensor.
    """
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for file in weight_files(folder):
        header = _header(file)
        twice = sorted(found.keys() & header.keys())
        if twice:
            raise UserError(f"{file} holds {_some(twice)}, as another shard does; get both again.")
        found.update(header)
    return found


def _header(file: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= 100_000_000:
                raise ValueError("its header has no sensible length")
            header: dict[str, Any] = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        ends = [e["data_offsets"][1] for e in header.values()]
        size = file.stat().st_size
        if size < 8 + length + max(ends, default=0):
            raise ValueError(f"it ends after {size} bytes, too early")
        return {k: (tuple(e["shape"]), str(e["dtype"])) for k, e in header.items()}
    except _BROKEN as error:
        raise UserError(f"{file} is no whole safetensors file ({error}); get it again.") from error


@dataclass(frozen=True, kw_only=True)
class KeyReport:
    """How the tensors of a component's files differ from those that its configuration asks for.

    Attributes:
        missing: keys that the files lack.
        unexpected: keys that nothing asks for.
        reshaped: key, shape in the file, shape asked for.
    """

    component: str
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    reshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.unexpected or self.reshaped)

    def __str__(self) -> str:
        parts = []
        if self.missing:
            parts.append(f"lacks {len(self.missing)} tensors ({_some(self.missing)})")
        if self.unexpected:
            parts.append(f"has {len(self.unexpected)} that nobody asks for "
                         f"({_some(self.unexpected)})")  # fmt: skip
        if self.reshaped:
            key, got, wanted = self.reshaped[0]
            more = f" and {len(self.reshaped) - 1} more" if len(self.reshaped) > 1 else ""
            parts.append(f"has {key} of shape {list(got)} in place of {list(wanted)}{more}")
        return f"{self.component} " + ", ".join(parts)


def compare(
    component: str,
    got: Mapping[str, tuple[int, ...]],
    wanted: Mapping[str, tuple[int, ...]],
    optional: Sequence[str] = (),
) -> KeyReport:
    """Compare the shapes in the files with those of a module.

    Args:
        component: for messages.
        got: key -> shape in the files.
        wanted: key -> shape of the module.
        optional: keys that may be absent (a tied output layer).
    """
    return KeyReport(
        component=component,
        missing=tuple(k for k in wanted if k not in got and k not in optional),
        unexpected=tuple(k for k in got if k not in wanted),
        reshaped=tuple((k, got[k], s) for k, s in wanted.items() if k in got and got[k] != s),
    )


def tensors(
    folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> Iterator[tuple[str, torch.Tensor]]:
    """All tensors of a component, one at a time; floating ones are cast when a dtype is given.

    Raises:
        UserError: a file's parts do not fit each other.
    """
    from safetensors import SafetensorError, safe_open

    place = "cpu" if str(device).startswith("cpu") else str(device)
    for file in weight_files(folder):
        try:
            with safe_open(file, framework="pt", device=place) as stream:
                for key in stream.keys():  # noqa: SIM118 (the handle is no mapping)
                    tensor = stream.get_tensor(key)
                    cast = dtype is not None and tensor.is_floating_point()
                    yield key, tensor.to(dtype) if cast else tensor
        except SafetensorError as error:
            raise UserError(f"{file} is damaged ({error}); get it again.") from error


def load(
    module: Any,
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    rename: Mapping[str, Sequence[str]] | None = None,
    optional: Sequence[str] = (),
) -> None:
    """Fill a module, built on the meta device, from a component's folder.

    Args:
        module: its parameters are replaced by the tensors as they are read, so that no second
            copy of the weights ever exists.
        folder: of the component.
        device: where the tensors go.
        dtype: of floating tensors; that of the file when None.
        rename: key on disk -> keys of the module, where they differ. A tensor with several keys is
            split evenly along its first axis.
        optional: keys of the module that may be absent on disk.

    Raises:
        UserError: keys or shapes differ, or weights are quantised; nothing was read then.
    """
    names = rename or {}
    own = {k: tuple(v.shape) for k, v in module.state_dict().items()}
    got = shapes(folder)
    report = compare(
        str(folder),
        {k: s for k, (s, _) in got.items()},
        on_disk(own, names),
        optional=optional,
    )
    if not report.fits:
        raise UserError(f"{report}; it is of another model or version than its config.json says.")
    packed = [k for k, (_, kind) in got.items() if kind not in FLOATS]
    if packed:
        raise UserError(
            f"{folder} holds {packed[0]} as {got[packed[0]][1]}; quantised weights are not "
            "supported, so take the checkpoint as it was before that."
        )
    state: dict[str, torch.Tensor] = {}
    for key, tensor in tensors(folder, device, dtype):
        targets = names.get(key, (key,))
        pieces = tensor.chunk(len(targets)) if len(targets) > 1 else (tensor,)
        state.update(zip(targets, pieces, strict=True))
    module.load_state_dict(state, strict=False, assign=True)


def on_disk(
    own: Mapping[str, tuple[int, ...]], rename: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, ...]]:
    """Shapes by key of the module as shapes by key on disk."""
    renamed = {part for parts in rename.values() for part in parts}
    found = {k: s for k, s in own.items() if k not in renamed}
    for key, parts in rename.items():
        if parts[0] in own:
            first, *rest = own[parts[0]]
            found[key] = (first * len(parts), *rest)
    return found


def save(
    module: Any, folder: Path, *, rename: Mapping[str, Sequence[str]] | None = None,
    optional: Sequence[str] = (), shard: int = SHARD,
) -> None:  # fmt: skip
    """Write a module's weights in the official layout, under the official keys.

    Each file is written beside its place and moved there, so that a full disk leaves no half file
    under a name that a loader would take.

    Args:
        module: to be written.
        folder: of the component.
        rename: see `load`.
        optional: keys that are left out where they are another tensor by a second name.
        shard: bytes from which on there are several files.

    Raises:
        UserError: the disk cannot be written.
    """
    import torch

    names = rename or {}
    own = dict(module.state_dict())
    for key, parts in names.items():
        if all(part in own for part in parts):
            taken = [own.pop(part) for part in parts]
            own[key] = torch.cat(taken) if len(taken) > 1 else taken[0]
    for key in optional:
        tensor = own.pop(key, None)
        if tensor is not None and all(tensor.data_ptr() != t.data_ptr() for t in own.values()):
            own[key] = tensor
    folder.mkdir(parents=True, exist_ok=True)
    stem, pieces = WEIGHTS[folder.name], _shards(own, shard)
    files = [
        f"{stem}.safetensors" if len(pieces) == 1
        else f"{stem}-{n:05d}-of-{len(pieces):05d}.safetensors"
        for n in range(1, len(pieces) + 1)
    ]  # fmt: skip
    for file, piece in zip(files, pieces, strict=True):
        write_tensors(folder / file, piece)
    index = folder / f"{stem}.safetensors.index.json"
    if len(pieces) > 1:
        table = {k: f for f, piece in zip(files, pieces, strict=True) for k in piece}
        total = sum(t.numel() * t.element_size() for t in own.values())
        text = {"metadata": {"total_size": total}, "weight_map": dict(sorted(table.items()))}
        index.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
    stale = {p.name for p in folder.glob(f"{stem}*.safetensors")} - set(files)
    for name in stale:
        (folder / name).unlink()
    if len(pieces) == 1:
        index.unlink(missing_ok=True)


def _shards(state: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    pieces: list[dict[str, Any]] = [{}]
    size = 0
    for key, tensor in state.items():
        bytes_ = tensor.numel() * tensor.element_size()
        if pieces[-1] and size + bytes_ > most:
            pieces.append({})
            size = 0
        pieces[-1][key] = tensor.detach().contiguous().cpu()
        size += bytes_
    return pieces


def write_tensors(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors to a safetensors file, which is either whole or absent.

    Raises:
        UserError: the disk cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    beside = path.with_name(path.name + ".part")
    try:
        save_file(dict(state), beside, metadata={"format": "pt"})
        beside.chmod(0o666 & ~_umask())  # safetensors leaves it to its owner alone
        beside.replace(path)
    except (OSError, SafetensorError) as error:  # the latter where the disk is full
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written ({error}); free space or name another folder."
        ) from error


def _umask() -> int:
    """What new files are denied; there is no way to read it without setting it."""
    now = os.umask(0o077)
    os.umask(now)
    return now


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
