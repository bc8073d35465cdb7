"""Drawings of scenes on disk: each drawn once, whole or absent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from synth.pictures import drawing_key, ensure
from synth.scenes.paint import paint
from synth.scenes.spec import Spec


@lru_cache(maxsize=8)
def pictures_key(version: str) -> str:
    """Names the drawings of a suite; another key means that they may differ."""
    return drawing_key(version, Path(__file__).parent)


def ensure_pictures(cache: Path, items: Sequence[Spec]) -> list[Path]:
    """The drawing of each item, in order; those that are not there yet are drawn.

    Args:
        cache: folder of the cache; made when absent.
        items: any items.

    Raises:
        UserError: the cache cannot be written.
    """
    return [ensure(_file(cache, spec), paint, spec) for spec in items]


def _file(cache: Path, spec: Spec) -> Path:
    suite = spec.version.partition("/")[0]
    folder = cache / f"{suite}-{pictures_key(spec.version)}"
    return folder / str(spec.edition) / f"{spec.id}.png"
