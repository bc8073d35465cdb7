"""The 39 dimensions of TIIF-Bench and the nine groups that its Overall averages.

Source: A113N-W3I/TIIF-Bench@3aae750, eval/summary_dimension_results.py.
"""

from __future__ import annotations

from collections.abc import Mapping


def _pairs(firsts: tuple[str, ...], seconds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{first}+{second}" for first in firsts for second in seconds)


_REASONING = ("numeracy", "comparison", "differentiation", "negation")

BASIC: Mapping[str, tuple[str, ...]] = {
    "Attribute": ("shape+color", "color+texture", "texture+color", "shape+texture"),
    "Relation": ("2d_spatial_relation", "3d_spatial_relation", "action+2d", "action+3d"),
    "Reasoning": ("numeracy", "negation", "differentiation", "comparison"),
}
ADVANCED: Mapping[str, tuple[str, ...]] = {
    "Attribute+Relation": (
        *_pairs(("action",), ("color", "texture")),
        *_pairs(("color", "shape", "texture"), ("2d", "3d")),
    ),
    "Attribute+Reasoning": _pairs(_REASONING, ("color", "texture")),
    "Relation+Reasoning": _pairs(_REASONING, ("2d", "3d")),
    "Text Generation": ("text",),
    "Style Control": ("style",),
}
REAL_WORLD: Mapping[str, tuple[str, ...]] = {"Complex": ("real_world",)}

GROUPS: Mapping[str, tuple[str, ...]] = {**BASIC, **ADVANCED, **REAL_WORLD}
"""Group -> its dimensions, in the order in which the released script adds them up."""

DIMENSIONS: tuple[str, ...] = tuple(d for group in GROUPS.values() for d in group)

BASIC_AVERAGE: tuple[str, ...] = tuple(d for group in BASIC.values() for d in group)
"""What "Basic Avg" averages: dimensions, not groups."""

ADVANCED_AVERAGE: tuple[str, ...] = tuple(d for group in ADVANCED.values() for d in group)
"""What "Advanced Avg" averages: text and style weigh one dimension of 26 each."""

LENGTHS = ("short", "long")

_PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Basic": BASIC,
    "Advanced": ADVANCED,
    "Real World": REAL_WORLD,
}

PATHS: Mapping[str, tuple[str, str, str]] = {
    dimension: (part, name, dimension)
    for part, groups in _PARTS.items()
    for name, group in groups.items()
    for dimension in group
}
"""Dimension -> where it stands: part, group, itself."""
