"""Rows of a verification: what was compared, how far it was off, how far it may be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from evals.core.errors import UserError

PIXELS = 1e-6
STATES = 5e-5
VELOCITY = 1e-4
GRADIENT = 1e-4
ROTATION = 1e-6
SIGMA = 1e-7
STEP = 1e-5
LATENTS = 1e-4
SAMPLED = 1e-3
DECODED = 1e-3
GREY = 1.0
"""Largest deviations allowed, absolute in float32 but for gradients (relative to the largest).

Those of the recorded fixtures' own description, where it names one. `STEP` is one step of the
solver from recorded velocities, `SAMPLED` all steps in a row from recorded conditions. What has no
tolerance must be equal.
"""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row.

    Attributes:
        stage: part of the model (``vlm``, ``decoder``, ``run``, ...).
        run: which recording of it.
        what: what was compared.
        deviation: largest absolute difference; where equality is asked for (tolerance 0), how many
            of the cases differ. Infinite where shapes differ or a number is none.
        tolerance: largest deviation that passes.
        cases: how many recorded things were compared.
        passed: whether all were compared and none is over the tolerance.
        note: where the largest deviation is when it is over, or why nothing was compared
            (``not covered: ...``, which passes).
    """

    stage: str
    run: str
    what: str
    deviation: float
    tolerance: float
    cases: int
    passed: bool
    note: str = ""


class Row:
    """A row while it is being compared.

    Args:
        tolerance: see `Check`.

    Attributes:
        remark: for the note, also where the row passes.
    """

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.deviation, self.cases = 0.0, 0
        self.problem = self.note = self.remark = ""

    def near(self, got: Tensor, recorded: Tensor, name: str, scale: float = 1.0) -> None:
        """Compare numbers.

        Args:
            got: ours.
            recorded: of the same shape.
            name: for the note.
            scale: what the difference is divided by.
        """
        if not self._shaped(got, recorded, name):
            return
        gap = (got.detach().double() - recorded.double()).abs() / scale
        self._worst(gap, name)

    def equal(self, got: Tensor, recorded: Tensor, name: str) -> None:
        """Compare element by element; each one counts as a case."""
        if not self._shaped(got, recorded, name):
            return
        self.cases += recorded.numel() - 1
        different = int((got != recorded).sum())
        if different:
            self.deviation += different
            self.note = self.note or name

    def same(self, got: Any, recorded: Any, name: str) -> None:
        """Compare strings, lists or numbers, one case."""
        self.cases += 1
        if got != recorded:
            self.deviation += 1
            self.note = self.note or f"{name}: {_short(got)} in place of {_short(recorded)}"

    def rounded(self, got: Tensor, recorded: Tensor, name: str) -> None:
        """Compare with numbers that were recorded after rounding to bfloat16.

        A number that lies within `PIXELS` of the middle between two neighbours may go either way.
        """
        if not self._shaped(got, recorded, name):
            return
        gaps = [
            ((got + shift).to(torch.bfloat16).float() - recorded).abs()
            for shift in (-PIXELS, 0.0, PIXELS)
        ]
        self._worst(torch.stack(gaps).amin(0), name)

    def fail(self, problem: str) -> None:
        """Say why this cannot be compared."""
        self.problem = self.problem or problem

    def _shaped(self, got: Tensor, recorded: Tensor, name: str) -> bool:
        self.cases += 1
        if got.shape == recorded.shape:
            return True
        self.deviation = math.inf
        self.fail(f"{name} has shape {list(recorded.shape)} and ours {list(got.shape)}")
        return False

    def _worst(self, gaps: Tensor, name: str) -> None:
        worst = float(gaps.max()) if gaps.numel() else 0.0
        worst = math.inf if math.isnan(worst) else worst
        if worst > self.deviation:
            self.deviation, self.note = worst, name

    def done(self, stage: str, run: str, what: str) -> Check:
        """The finished row."""
        if not self.cases and not self.problem:
            self.problem = "nothing is recorded for it"
        passed = not self.problem and self.deviation <= self.tolerance
        reason = "" if passed else self.problem or self.note
        return Check(
            stage=stage, run=run, what=what, deviation=self.deviation, tolerance=self.tolerance,
            cases=self.cases, passed=passed, note="; ".join(x for x in (reason, self.remark) if x),
        )  # fmt: skip


class Checks:
    """All rows of a verification, in the order in which they come."""

    def __init__(self) -> None:
        self.rows: list[Check] = []

    @contextmanager
    def row(self, stage: str, run: str, what: str, tolerance: float = 0.0) -> Iterator[Row]:
        """A row for what is compared inside; whatever goes wrong there makes it a failed one."""
        row = Row(tolerance)
        try:
            yield row
        except Exception as error:
            # An altered fixture can break anything; the row must say so and the others go on.
            row.fail(_reason(error))
        self.rows.append(row.done(stage, run, what))

    @contextmanager
    def guard(self, stage: str, run: str = "", what: str = "file") -> Iterator[None]:
        """A failed row if what is read inside cannot be read, and none otherwise."""
        try:
            yield
        except Exception as error:
            row = Row(0.0)
            row.fail(_reason(error))
            self.rows.append(row.done(stage, run, what))

    def leave_out(self, stage: str, run: str, what: str, why: str) -> None:
        """A row that says what is not compared."""
        self.rows.append(
            Check(stage=stage, run=run, what=what, deviation=0.0, tolerance=0.0, cases=0,
                  passed=True, note=f"not covered: {why}")
        )  # fmt: skip

    @property
    def failed(self) -> list[Check]:
        """Rows that did not pass."""
        return [r for r in self.rows if not r.passed]


def _reason(error: Exception) -> str:
    """An exception in words."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is not recorded" if error.args else "a key is not recorded"
    first = (str(error).strip().splitlines() or [""])[0]
    return f"cannot be replayed ({type(error).__name__}: {first[:160]})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names for a note, the rest as a number."""
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
