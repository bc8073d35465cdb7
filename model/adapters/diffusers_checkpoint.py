"""The folder of a diffusers checkpoint: its class, what it lacks, its weights.

A folder says in ``model_index.json`` of which class its pipeline is and which components it has.
diffusers is content with less than that: it fills weights that are not there with random numbers
and makes tokenizers without words. Both are refused here.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.checkpoints import Checkpoint
from evals.core.errors import UserError, nearest
from model.torch_tools import is_out_of_memory, resolve_device, resolve_dtype

if TYPE_CHECKING:
    from model.adapters.diffusers_options import Options

INDEX = "model_index.json"


def read_class(folder: Path, *, trust_remote_code: bool = False) -> type:
    """The pipeline class of a checkpoint.

    Args:
        folder: with a ``model_index.json``.
        trust_remote_code: whether a class that the folder itself brings may be imported.

    Raises:
        UserError: diffusers has no such class, lacks a package for it, or the folder's code would
            have to run.
    """
    name = read_index(folder)["_class_name"]
    if isinstance(name, str):
        return _known_class(name)
    module, name = name
    if not trust_remote_code:
        raise UserError(
            f"{folder} brings the code of its pipeline with it ({module}.py); read it, and set the "
            "option trust_remote_code to true to run it."
        )
    from diffusers.utils.dynamic_modules_utils import get_class_from_dynamic_module

    try:
        kind: type = get_class_from_dynamic_module(
            str(folder),
            f"{module}.py",
            class_name=name,
            local_files_only=True,
            trust_remote_code=True,
        )
    except Exception as error:  # whatever the code of strangers does when it is imported
        raise UserError(
            f"{folder / f'{module}.py'} does not give the class {name} "
            f"({type(error).__name__}: {error})."
        ) from error
    return kind


def read_index(folder: Path) -> dict[str, Any]:
    """``model_index.json``, whose ``_class_name`` is a name, or the names of a module and a class.

    Raises:
        UserError: it is no such file.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        name = index["_class_name"]
        pair = isinstance(name, list) and len(name) == 2 and all(isinstance(n, str) for n in name)
        if isinstance(name, str) or pair:
            return dict(index)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UserError(
        f"{path} does not name the class of its pipeline (_class_name); write the folder with "
        "save_pretrained."
    )


def _known_class(name: str) -> type:
    import diffusers

    try:
        kind = getattr(diffusers, name, None)
    except (ImportError, RuntimeError) as error:
        raise UserError(f"{name} cannot be imported ({_plain(str(error))}).") from error
    if lacks := [p for p in getattr(kind, "_backends", ()) if find_spec(p) is None]:
        raise UserError(
            f"{name} needs the package {lacks[0]}; install it with: pip install {lacks[0]}"
        )
    if kind is None:
        near = nearest(name, [n for n in dir(diffusers) if n.endswith("Pipeline")], n=2)
        hint = f" (near it: {', '.join(near)})" if near else ""
        raise UserError(
            f"diffusers {diffusers.__version__} has no pipeline {name}{hint}; install a version "
            "that has it."
        )
    if not (inspect.isclass(kind) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise UserError(f"{name} is no DiffusionPipeline; name a checkpoint whose {INDEX} has one.")
    return kind


def missing_parts(folder: Path, variant: str | None = None) -> list[str]:
    """Folders of components and files of weights that a checkpoint names and does not hold.

    Args:
        folder: of the checkpoint.
        variant: of the weights to be read, e.g. ``fp16``.
    """
    found = []
    for name, value in read_index(folder).items():
        if name.startswith("_") or not _is_component(value):
            continue
        if not (folder / name).is_dir():
            found.append(f"{name}/")
            continue
        ending = f".safetensors.index.{variant}.json" if variant else ".safetensors.index.json"
        for listing in sorted((folder / name).glob(f"*{ending}")):
            found += [f"{name}/{s}" for s in _shards(listing) if not (folder / name / s).is_file()]
    return found


def shared_noise(folder: Path) -> str:
    """The scheduler of a checkpoint that draws the noise of a whole batch from one source."""
    classes = (value[1] for value in read_index(folder).values() if _is_component(value))
    known = {"CosineDPMSolverMultistepScheduler", "DPMSolverSDEScheduler"}
    return next((name for name in classes if name in known), "")


def _is_component(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)


def _shards(listing: Path) -> Sequence[str]:
    try:
        return sorted(set(json.loads(listing.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return (f"a readable {listing.name}",)


# --- weights --------------------------------------------------------------------------------


def load_pipeline(checkpoint: Checkpoint, options: Options) -> Any:
    """The pipeline with its weights, where it is to run.

    Raises:
        UserError: it cannot be loaded, lacks weights, or does not fit.
    """
    device = resolve_device(options.device)
    dtype = resolve_dtype(options.dtype, device)
    if options.offload != "none" and device.type == "cpu":
        raise UserError(
            f"The option offload = {options.offload!r} needs an accelerator, and the device is the "
            "CPU; leave it out."
        )
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()  # the run draws its own
    with _records() as records, warnings.catch_warnings():
        # torch_dtype has a new name from diffusers 0.40 on, which older ones would not hear.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            pipeline = diffusers.DiffusionPipeline.from_pretrained(
                str(checkpoint.folder), torch_dtype=dtype, use_safetensors=True,
                local_files_only=True, variant=options.variant,
                trust_remote_code=options.trust_remote_code,
            )  # fmt: skip
        except Exception as error:
            raise UserError(_unloadable(checkpoint, error)) from error
    if random := [r for r in records if "newly initialized" in r]:
        raise UserError(
            f"{checkpoint.name} lacks weights, in whose place there would be random numbers "
            f"({_plain(random[0])}); fetch it again."
        )
    _check_tokenizers(checkpoint, pipeline)
    pipeline.set_progress_bar_config(disable=True)
    try:
        if options.offload == "none":
            return pipeline.to(device)
        offload = getattr(pipeline, f"enable_{options.offload}_cpu_offload")
        offload(device=device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"The weights of {checkpoint.name} do not fit on {device} as {dtype}; set the option "
            "dtype to bfloat16, or offload to model or sequential."
        ) from error
    return pipeline


def _unloadable(checkpoint: Checkpoint, error: Exception) -> str:
    """Why a checkpoint cannot be loaded, with the file that is damaged where there is one."""
    from safetensors import SafetensorError, safe_open

    folder = checkpoint.folder or Path()
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(str(path), framework="pt"):
                pass
        except (SafetensorError, OSError):
            name = path.relative_to(folder)
            return f"{name} of {checkpoint.name} is damaged or cut short; fetch it again."
    return f"{checkpoint.name} cannot be loaded ({type(error).__name__}: {_plain(str(error))})."


def _plain(message: str) -> str:
    """A library's message as one short line, without colours and the rules of tables."""
    words = re.sub(r"\x1b\[[0-9;]*m|-{3,}[+-]*", " ", message).split()
    return " ".join(words)[:300]


def _check_tokenizers(checkpoint: Checkpoint, pipeline: Any) -> None:
    """Refuse tokenizers without words: without its files one loads as well, and reads nothing.

    Raises:
        UserError: there is one.
    """
    for name, part in pipeline.components.items():
        tokenizer = getattr(part, "tokenizer", part)
        if hasattr(tokenizer, "get_vocab") and len(tokenizer) < 64:
            raise UserError(
                f"The {name} of {checkpoint.name} knows {len(tokenizer)} words; fetch the files of "
                f"its vocabulary into {name}/."
            )


@contextmanager
def _records() -> Iterator[list[str]]:
    """What diffusers and transformers warn of meanwhile; they say nowhere else what they lack."""
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(min(logger.getEffectiveLevel(), logging.WARNING))
    try:
        yield found
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
