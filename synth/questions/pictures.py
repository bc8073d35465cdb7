"""Pictures of questions on disk: each drawn once, whole or absent."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import PIL
from PIL import Image

from evals.core.types import fingerprint
from evals.core.writing import write_atomic
from synth import typeface
from synth.questions.kinds import GENERATOR_VERSION
from synth.questions.paint import paint
from synth.questions.spec import Question

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def pictures_key() -> str:
    """Names a drawing; another key means that pictures may differ.

    It covers `GENERATOR_VERSION`, the sources that paint, the fonts, and the major version of
    Pillow, whose FreeType draws letters a little differently from one to the next.
    """
    sources = hashlib.sha256()
    for path in [*sorted(_HERE.glob("*.py")), *sorted(_HERE.parent.glob("*.py"))]:
        sources.update(path.read_bytes())
    pillow = PIL.__version__.split(".", maxsplit=1)[0]
    return fingerprint([GENERATOR_VERSION, sources.hexdigest(), typeface.digest(), pillow])


def ensure_pictures(cache: Path, items: Sequence[Question]) -> list[Path]:
    """The picture file of each question, in order; those that are not there yet are drawn.

    Every file is written whole or not at all, so that a process that is killed, or a second one
    that draws the same suite, does no harm.

    Args:
        cache: folder of the cache; made when absent.
        items: any questions.

    Raises:
        UserError: the cache cannot be written.
    """
    folder = cache / f"rendered-qa-{pictures_key()}"
    paths = []
    for item in items:
        path = folder / item.split / f"{item.id}.png"
        if not path.is_file():
            stream = io.BytesIO()
            Image.fromarray(paint(item)).save(stream, "PNG")
            write_atomic(path, stream.getvalue())
        paths.append(path)
    return paths
