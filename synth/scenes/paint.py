"""From an item to its drawing."""

from __future__ import annotations

from synth.paint import Canvas
from synth.scene import Picture
from synth.scenes.spec import SIZE, Spec
from synth.shapes import paint_shape

_WHITE = (255, 255, 255)


def paint(spec: Spec) -> Picture:
    """A right picture for an item as 8-bit RGB, height x width x 3: equal items, equal pixels."""
    canvas = Canvas(_WHITE, SIZE)
    for shape in spec.shows:
        paint_shape(canvas, shape)
    return canvas.picture()
