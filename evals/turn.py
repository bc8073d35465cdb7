"""Whose weights are loaded while a sweep goes on."""

from __future__ import annotations

from collections.abc import Sequence

from evals.core.protocols import Model
from evals.plan import PlannedRun


class Turn:
    """Whose weights are loaded: those of one model at a time, and no longer than needed.

    Args:
        runs: in the order in which they will be done.
    """

    def __init__(self, runs: Sequence[PlannedRun]) -> None:
        # Models without weights come and go without a trace.
        self._next = [r.model for r in runs if r.supported and hasattr(r.model, "release")]

    def done(self, model: Model | None) -> None:
        """A model has made its predictions; it is let go unless it is the next one too."""
        if model is None or not any(model is m for m in self._next):
            return
        del self._next[next(n for n, m in enumerate(self._next) if m is model)]
        if not self._next or self._next[0] is not model:
            model.release()  # type: ignore[attr-defined]
