"""TextEdit items of our own: 18 sub-classes, exact ground truth, always labelled synthetic.

The public names: `GENERATOR_VERSION`, `Spec`, `specs`, `scene`, `write_suite`, `suite_key` and
`ensure_suite`. Nothing here loads Pillow or OpenCV before a picture is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synth.textedit.spec import GENERATOR_VERSION, PER_CLASS, Spec, specs
from synth.words import Split

if TYPE_CHECKING:
    from synth.scene import Scene


def scene(spec: Spec) -> Scene:
    """The scene of a spec: its source picture, ground truth, boxes, mask and caption."""
    from synth.textedit.build import build

    return build(spec)


def write_suite(folder: Path, *, split: Split = "bench", per_class: int = PER_CLASS) -> Path:
    """Render a suite in the official layout; see `synth.textedit.suite.write_suite`."""
    from synth.textedit.suite import write_suite as call

    return call(folder, split=split, per_class=per_class)


def suite_key() -> str:
    """Names a rendering: changes with the generator, its fonts and the major Pillow version."""
    from synth.textedit.suite import suite_key as call

    return call()


def ensure_suite(cache: Path, *, split: Split = "bench", per_class: int = PER_CLASS) -> Path:
    """The suite's folder in a cache, rendered on first use."""
    from synth.textedit.suite import ensure_suite as call

    return call(cache, split=split, per_class=per_class)


__all__ = [
    "GENERATOR_VERSION", "PER_CLASS", "Spec", "ensure_suite", "scene", "specs", "suite_key",
    "write_suite",
]  # fmt: skip
