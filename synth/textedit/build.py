"""From a spec to its scene."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

from synth.scene import Scene
from synth.textedit.classes import BY_ID
from synth.textedit.kit import Kit
from synth.textedit.spec import Spec


@lru_cache(maxsize=8)
def build(spec: Spec) -> Scene:
    """Paint the scene of a spec: equal specs, equal scenes. The last few are kept."""
    module, function = BY_ID[spec.sub_class].scene.split(":")
    painter: Callable[[Kit], Scene] = getattr(import_module(f"synth.textedit.{module}"), function)
    return painter(Kit(spec=spec, draw=spec.draw()))
