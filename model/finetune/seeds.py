"""Random numbers that are functions of what they are for, and of nothing that happened before.

A global source would have to be put back exactly as it was when a run goes on, and the loader's
prefetching draws from it at times of its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *what: int | str) -> int:
    """63 bits from the run's seed and a path of names and counters; the same on every machine.

    >>> derive(0, "noise", 7) == derive(0, "noise", 7) != derive(0, "noise", 8)
    True
    """
    text = "\x1f".join(map(str, (seed, *what)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def draws(seed: int, *what: int | str) -> np.random.Generator:
    """A stream of numbers of its own."""
    return np.random.Generator(np.random.Philox(derive(seed, *what)))


def noise_source(seed: int, *what: int | str) -> torch.Generator:
    """The same for torch, on the CPU: the same noise on every device."""
    from model.torch_tools import cpu_generator

    return cpu_generator(derive(seed, *what))
