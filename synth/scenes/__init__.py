"""Prompts for pictures of flat shapes, with a drawing of each, always labelled synthetic.

The public names: `SCENES_VERSION`, `SCENE_KINDS` and `scenes` for scenes told outright,
`FACTS_VERSION`, `FACT_KINDS` and `facts` for scenes told by facts, `PER_KIND`, `Spec`, `Wanted`,
`Side`, `paint` and `ensure_pictures`. Nothing here loads Pillow or OpenCV before a picture is asked
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synth.scenes.facts import FACT_KINDS, FACTS_VERSION, facts
from synth.scenes.kinds import SCENE_KINDS, SCENES_VERSION, scenes
from synth.scenes.spec import PER_KIND, Kinds, Side, Spec, Wanted

if TYPE_CHECKING:
    from synth.scene import Picture


def paint(spec: Spec) -> Picture:
    """A right picture for an item; see `synth.scenes.paint.paint`."""
    from synth.scenes.paint import paint as call

    return call(spec)


def ensure_pictures(cache: Path, items: Sequence[Spec]) -> list[Path]:
    """Picture files in a cache, drawn on first use; see `synth.scenes.pictures`."""
    from synth.scenes.pictures import ensure_pictures as call

    return call(cache, items)


__all__ = [
    "FACTS_VERSION", "FACT_KINDS", "PER_KIND", "SCENES_VERSION", "SCENE_KINDS", "Kinds", "Side",
    "Spec", "Wanted", "ensure_pictures", "facts", "paint", "scenes",
]  # fmt: skip
