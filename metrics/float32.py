"""Plain float32 on accelerators, so that a score does not depend on the device that made it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def plain_float32() -> Iterator[None]:
    """No TF32 inside: it keeps 10 of float32's 23 bits, and is cuDNN's default in convolutions."""
    import torch

    places = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [p.allow_tf32 for p in places]
    for place in places:
        place.allow_tf32 = False
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.allow_tf32 = value
