"""From a spec to its scene."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from synth.scene import Scene
from synth.textedit.classes import BY_ID
from synth.textedit.kit import Kit
from synth.textedit.spec import Spec


def build(spec: Spec) -> Scene:
    """Paint the scene of a spec; the same spec gives the same scene."""
    module, function = BY_ID[spec.sub_class].scene.split(":")
    painter: Callable[[Kit], Scene] = getattr(import_module(f"synth.textedit.{module}"), function)
    return painter(Kit(spec=spec, draw=spec.draw()))
