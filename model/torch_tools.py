"""What everything that runs weights here shares: devices, dtypes, noise, memory that runs out.

torch is imported inside the functions, so that a plan and ``umm-evals list`` stay light.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from evals.core.errors import MissingExtra, UserError

if TYPE_CHECKING:
    import torch
    from PIL import Image

DTYPES = ("auto", "float32", "bfloat16", "float16")
T = TypeVar("T")


def need_torch(purpose: str) -> None:
    """Refuse when the packages that run checkpoints are absent.

    Raises:
        MissingExtra: with the command that installs them.
    """
    import importlib.util

    for package in ("torch", "transformers", "diffusers", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "models", purpose)


def resolve_device(name: str) -> torch.device:
    """A device; ``auto`` is the first accelerator, else the CPU.

    Raises:
        UserError: torch does not know the device, or it is not here.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "meta":
            raise ValueError("it holds no numbers")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        first = str(error).strip().split("\n")[0]
        raise UserError(
            f"The device {name!r} cannot be used here ({first}); use cpu, cuda, cuda:N or auto."
        ) from error
    return device


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """A dtype; ``auto`` is bfloat16 on an accelerator and float32 on the CPU.

    Raises:
        UserError: the name is not in `DTYPES`.
    """
    import torch

    if name not in DTYPES:
        raise UserError(f"The dtype {name!r} is unknown; use one of {', '.join(DTYPES)}.")
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def cpu_generator(seed: int) -> torch.Generator:
    """A source of noise on the CPU: the same seed gives the same noise on every device."""
    import torch

    return torch.Generator("cpu").manual_seed(seed)


def png(image: Image.Image) -> bytes:
    """An image as the bytes of a PNG file."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device, or this machine, has no memory left."""
    import torch

    # The CPU allocator raises a plain RuntimeError, with words that depend on the system.
    words = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(w in str(error) for w in words)
    )


def halving(
    run: Callable[[Sequence[Any]], list[T]], jobs: Sequence[Any], failed: Callable[[Any], T]
) -> list[T]:
    """Run jobs as one batch; a batch that does not fit into memory is halved until it does.

    Args:
        run: one result per job, in order; must not depend on which jobs run together.
        jobs: all of them.
        failed: the result of a job that does not fit alone.
    """
    try:
        return run(jobs)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler, so that the traceback no longer holds the tensors that filled the memory.
    free_memory()
    if len(jobs) == 1:
        return [failed(jobs[0])]
    half = len(jobs) // 2
    return [*halving(run, jobs[:half], failed), *halving(run, jobs[half:], failed)]


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
