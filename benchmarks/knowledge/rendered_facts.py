"""Rendered facts: what to draw must be known or worked out first; flat shapes, checked by rules.

There is no official data behind this benchmark. It shows offline and within seconds whether a model
brings what it knows into its pictures, by the path that every knowledge benchmark takes.
"""

from __future__ import annotations

from benchmarks.common.drawn import drawn_benchmark
from synth.scenes import FACT_KINDS, FACTS_VERSION, facts

BENCHMARK = drawn_benchmark(
    name="rendered-facts",
    title="Rendered facts",
    suite="six kinds of fact that decide a number, colour, shape or place of flat shapes, checked "
    "by rules; one picture for all prompts gets at most 1/48",
    version=FACTS_VERSION,
    kinds=FACT_KINDS,
    make=facts,
    others="WISE and T2I-ReasonBench",
    area="knowledge",
    doc="How many parts something has, a calculation, the colour of something, a shape told by "
    "what it is, directions on maps and clocks, paints that are mixed: 8 prompts of each kind, "
    "drawn from a seed, every number, shape and colour in turn. The facts are common knowledge. A "
    "picture is right when it shows exactly the answer and nothing else. A white picture gets 0, "
    "and the same picture for every prompt at most 1 of 48.",
)
