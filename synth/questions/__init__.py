"""Questions about pictures, drawn here with exact answers, always labelled synthetic.

The public names: `GENERATOR_VERSION`, `KINDS`, `PER_KIND`, `Question`, `questions`, `paint` and
`ensure_pictures`. Nothing here loads Pillow or OpenCV before a picture is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synth.questions.kinds import GENERATOR_VERSION, KINDS, PER_KIND, questions
from synth.questions.spec import Question

if TYPE_CHECKING:
    from synth.scene import Picture


def paint(question: Question) -> Picture:
    """The picture of a question; see `synth.questions.paint.paint`."""
    from synth.questions.paint import paint as call

    return call(question)


def ensure_pictures(cache: Path, items: Sequence[Question]) -> list[Path]:
    """Picture files in a cache, drawn on first use; see `synth.questions.pictures`."""
    from synth.questions.pictures import ensure_pictures as call

    return call(cache, items)


__all__ = [
    "GENERATOR_VERSION", "KINDS", "PER_KIND", "Question", "ensure_pictures", "paint", "questions",
]  # fmt: skip
