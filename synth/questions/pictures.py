"""Pictures of questions on disk: each drawn once, whole or absent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from synth.pictures import drawing_key, ensure
from synth.questions.kinds import GENERATOR_VERSION
from synth.questions.paint import paint
from synth.questions.spec import Question


@lru_cache(maxsize=1)
def pictures_key() -> str:
    """Names a drawing; another key means that pictures may differ."""
    return drawing_key(GENERATOR_VERSION, Path(__file__).parent)


def ensure_pictures(cache: Path, items: Sequence[Question]) -> list[Path]:
    """The picture file of each question, in order; those that are not there yet are drawn.

    Args:
        cache: folder of the cache; made when absent.
        items: any questions.

    Raises:
        UserError: the cache cannot be written.
    """
    folder = cache / f"rendered-qa-{pictures_key()}"
    return [ensure(folder / q.split / f"{q.id}.png", paint, q) for q in items]
