"""Random choices that are the same on every machine and in every version of Python and numpy."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def seed_of(*parts: object) -> int:
    """A 63-bit seed from the parts, by SHA-256 of their text.

    >>> seed_of("bench", "1.1.1", 0) == seed_of("bench", "1.1.1", 0)
    True
    """
    text = "\x1f".join(str(p) for p in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Draw:
    """A private stream of choices.

    Only ``random.Random.random`` is used, the one method whose sequence Python promises to keep.

    Args:
        parts: what the stream belongs to; equal parts give equal streams.
    """

    def __init__(self, *parts: object) -> None:
        self._parts = parts
        self._random = random.Random(seed_of(*parts)).random

    def fork(self, *parts: object) -> Draw:
        """An independent stream that does not depend on what was drawn here before."""
        return Draw(*self._parts, *parts)

    @property
    def seed32(self) -> int:
        """A seed for ``numpy.random.RandomState``, whose streams are frozen."""
        return seed_of(*self._parts, "numpy") % (1 << 32)

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._random()

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int((high - low + 1) * self._random())

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self._random() < share

    def pick(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[int(len(values) * self._random())]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """The values in another order."""
        rest, result = list(values), []
        while rest:
            result.append(rest.pop(int(len(rest) * self._random())))
        return result
