"""Rendered scenes: prompts for a few flat shapes, checked by rules, in the six skills of GenEval.

There is no official data behind this benchmark. It shows offline and within seconds whether a
model's generation side works at all, by the path that every generation benchmark takes.
"""

from __future__ import annotations

from benchmarks.common.drawn import drawn_benchmark
from synth.scenes import SCENE_KINDS, SCENES_VERSION, scenes

BENCHMARK = drawn_benchmark(
    name="rendered-scenes",
    title="Rendered scenes",
    suite="six kinds of prompt for flat shapes, checked by rules; one picture for all prompts gets "
    "at most 1/24",
    version=SCENES_VERSION,
    kinds=SCENE_KINDS,
    make=scenes,
    others="GenEval and DPG-Bench",
    doc="One shape, two shapes, two to six equal ones, a colour, a position, two shapes with a "
    "colour each: 8 prompts of each kind, drawn from a seed, every shape and colour in turn. A "
    "picture is right when it shows exactly what was asked for and nothing else. A white picture "
    "gets 0, and the same picture for every prompt at most 2 of 48.",
)
