"""What adapters share: refusing tasks they do not declare, and reading their options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from evals.core.errors import UserError, unknown
from evals.core.types import JSON, UNSUPPORTED_TASK, Fault, Output, Sample, Task


class Adapter:
    """Base of an adapter: every task is `unsupported` until a subclass overrides its method."""

    name: str
    tasks: frozenset[Task]
    batch_size: int = 1

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """See `evals.core.protocols.Model.answer`."""
        return [self._unsupported("understand") for _ in samples]

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """See `evals.core.protocols.Model.generate`."""
        return [self._unsupported("generate") for _ in samples]

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """See `evals.core.protocols.Model.edit`."""
        return [self._unsupported("edit") for _ in samples]

    def _unsupported(self, task: Task) -> Output:
        fault = Fault(
            kind=UNSUPPORTED_TASK,
            message=f"{self.name} does not do the task {task!r}.",
            origin="model",
        )
        return Output(status="unsupported", fault=fault)


def failed(
    kind: str, message: str, *, status: Literal["error", "missing", "unsupported"] = "error",
    origin: Literal["model", "infrastructure"] = "model",
) -> Output:  # fmt: skip
    """An output that is not there, and why."""
    return Output(status=status, fault=Fault(kind=kind, message=message, origin=origin))


def no_argument(adapter: str, argument: str | None) -> None:
    """Refuse an argument behind the colon.

    Raises:
        UserError: there is one.
    """
    if argument:
        raise UserError(
            f"The model {adapter!r} takes nothing behind a colon; write {adapter!r} instead of "
            f"'{adapter}:{argument}'."
        )


def check_options(adapter: str, options: Mapping[str, JSON], known: Iterable[str]) -> None:
    """Refuse options that the adapter does not have.

    Raises:
        UserError: with the nearest known names.
    """
    names = sorted(known)
    for name in options:
        if name not in names:
            hint = "" if names else "It has no options."
            raise unknown(f"option of the model {adapter!r} called", name, names, hint)


def choice(adapter: str, options: Mapping[str, JSON], name: str, known: Sequence[str]) -> str:
    """The value of an option that is one of a few words; the first of them when not given.

    Raises:
        UserError: any other value.
    """
    value = options.get(name, known[0])
    if not isinstance(value, str) or value not in known:
        raise UserError(
            f"The option {name!r} of the model {adapter!r} is {value!r}; use one of "
            f"{', '.join(known)}."
        )
    return value
