"""Who scores a model in training: found by name among the installed packages.

The harness imports models and not the reverse. It offers itself under the entry point
``umm_evals.scorers``, and so may others.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.finetune.hooks import Scorer

GROUP = "umm_evals.scorers"


def find_scorer(name: str = "suite") -> Scorer | None:
    """The scorer of that name; None where none is installed."""
    for point in entry_points(group=GROUP, name=name):
        found: Scorer = point.load()
        return found
    return None
