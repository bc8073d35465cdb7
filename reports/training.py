"""Runs of one training: gathered, named and kept together in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evals.core.leaderboard import Board, Leaderboard
from evals.core.store import StoredRun
from evals.core.trend import step_of


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training, at several steps.

    Attributes:
        name: what people call it, unique in a section.
        steps: (updates made, place of the run in the section), in order of the updates.
    """

    name: str
    steps: tuple[tuple[int, int], ...]


def together(board: Leaderboard) -> Leaderboard:
    """The same boards, the rows of one training in a block by step, where its best one stands."""
    return replace(board, boards=tuple(_together(b) for b in board.boards))


def _together(board: Board) -> Board:
    steps = [step_of(row.run) for row in board.rows]
    first: dict[tuple[str, str], int] = {}
    for at, step in enumerate(steps):
        if step is not None:
            first.setdefault((step.name, step.settings), at)

    def place(at: int) -> tuple[int, int, int]:
        step = steps[at]
        return (at, 0, at) if step is None else (first[step.name, step.settings], step.step, at)

    return replace(board, rows=tuple(board.rows[at] for at in sorted(range(len(steps)), key=place)))


def trainings_of(runs: Sequence[StoredRun]) -> tuple[Training, ...]:
    """Trainings of which runs hold two steps or more; of one step held twice the first counts."""
    gathered: dict[tuple[str, str], dict[int, int]] = {}
    for at, run in enumerate(runs):
        step = step_of(run)
        if step is not None and not run.unsupported:
            gathered.setdefault((step.name, step.settings), {}).setdefault(step.step, at)
    several = {key: steps for key, steps in gathered.items() if len(steps) > 1}
    names = [name for name, _ in several]
    made = []
    for at, ((name, _), steps) in enumerate(several.items()):
        number = names[: at + 1].count(name)
        label = name if names.count(name) == 1 else f"{name}, settings {number}"
        made.append(Training(name=label, steps=tuple(sorted(steps.items()))))
    return tuple(made)
