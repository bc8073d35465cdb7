"""Drawn pictures on disk: each drawn once, whole or absent."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import PIL
from PIL import Image

from evals.core.types import fingerprint
from evals.core.writing import write_atomic
from synth import typeface
from synth.scene import Picture

T = TypeVar("T")


def drawing_key(version: str, package: Path) -> str:
    """Names a drawing; another key means that pictures may differ.

    It covers the version, the sources that paint, the fonts, and the major version of Pillow, whose
    FreeType draws letters a little differently from one to the next.

    Args:
        version: of the generator.
        package: folder of its sources, below that of the sources all generators share.
    """
    sources = hashlib.sha256()
    for path in [*sorted(package.glob("*.py")), *sorted(package.parent.glob("*.py"))]:
        sources.update(path.read_bytes())
    pillow = PIL.__version__.split(".", maxsplit=1)[0]
    return fingerprint([version, sources.hexdigest(), typeface.digest(), pillow])


def ensure(path: Path, paint: Callable[[T], Picture], item: T) -> Path:
    """The PNG file with the picture of an item, drawn when it is not there yet.

    It is written whole or not at all, so that a process that is killed, or a second one that draws
    the same suite, does no harm.

    Raises:
        UserError: it cannot be written.
    """
    if not path.is_file():
        stream = io.BytesIO()
        Image.fromarray(paint(item)).save(stream, "PNG")
        write_atomic(path, stream.getvalue())
    return path
