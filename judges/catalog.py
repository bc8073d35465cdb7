"""The judges we ship: name -> ``"module:factory"``, the only list, and how one is opened.

A factory is ``make(name, argument, options, context) -> Backend``; it refuses options that it does
not know, and neither loads weights nor connects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evals.core.protocols import JudgeSpec, default_cache
from evals.core.registry import Registry
from evals.core.types import JSON, Absence, Item
from judges.prices import Price
from judges.request import Judge

JUDGES: dict[str, str] = {
    "openai": "judges.openai_api:make",
    "local": "judges.local_vlm:make",
    "heuristic": "judges.heuristic:make",
    "replay": "judges.replay:make",
    "scripted": "judges.scripted:make",
}

MEASURED = frozenset({"heuristic"})
"""Judges that measure: no language model, so their numbers stand in a metric of their own."""

Grade = Callable[[Item], Mapping[str, tuple[int | None, str]]]
"""Dimension name -> (score, sentence), from measured quantities; a benchmark brings its own."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a backend may need beyond its options.

    Attributes:
        prices: the user's price table.
        device: torch device.
        cache: of the user.
        grade: how the benchmark grades by measurement; None where it cannot.
        measures: identity of what `grade` measures with.
    """

    prices: Path | None = None
    device: str = "cpu"
    cache: Path = field(default_factory=default_cache)
    grade: Grade | None = None
    measures: Mapping[str, JSON] = field(default_factory=dict)


class Backend(Judge, Protocol):
    """A judge before tape, limits and panel are wrapped around it: one attempt per `ask`."""

    @property
    def endpoint(self) -> str:
        """Where it is asked; judges of one endpoint share its limits."""
        ...

    @property
    def price(self) -> Price | None:
        """Per million tokens; None when not known."""
        ...

    def identity(self) -> dict[str, JSON]:
        """Everything that decides who answers and how."""
        ...

    def absence(self) -> Absence | None:
        """None when it can be asked here."""
        ...

    async def close(self) -> None:
        """Let go of connections and weights."""
        ...


def open_judge(spec: JudgeSpec, context: Context) -> Backend:
    """The backend of a spec; nothing is loaded or connected yet.

    Raises:
        UserError: no such backend, or options that make no sense.
    """
    registry = Registry("judge backend", JUDGES, "umm_evals.judges")
    backend: Backend = registry.get(spec.backend)(spec.name, spec.argument, spec.options, context)
    return backend
