"""What the tests of variants share: six samples in three groups, and variants of one column."""

from __future__ import annotations

from evals.core.aggregation import Term, Variant
from evals.core.summary import summarise
from tests.variant_runs import memory_run

A, B = ("Cat", "A"), ("Cat", "B")
C = ("Dog", "C")
GROUPS = [A, A, A, B, C, C]
VALUES = [1.0, 0.0, 1.0, 0.5, 0.25, 0.0]


def variant(*terms, name="v", **more):
    return Variant(name=name, title=name, doc="A test.", terms=terms, **more)


def term(**more):
    return Term(**{"column": "m.q", **more})


def cells(*variants, groups=GROUPS, values=VALUES, columns=None, **more):
    run = memory_run(groups, columns or {"m.q": values}, variants=variants, **more)
    return summarise(run, resamples=300).cells
