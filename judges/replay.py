"""A judge that only reads a tape: old verdicts, re-scored for ever, with no key and no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.core.errors import UserError
from evals.core.types import JSON, Absence
from evals.core.verdicts import Verdict
from judges.request import HERE, Request
from judges.tape import Tape, decided
from judges.verdict import judged

if TYPE_CHECKING:
    from judges.catalog import Context


@dataclass(kw_only=True)
class Replay:
    """A judge that only reads a tape: no key, no network, no dollars.

    It answers to the identity of the judge that was recorded, so that a replayed run may stand
    beside the one that was paid for.
    """

    tape: Tape
    key: str
    name: str

    endpoint = "tape"
    price = None

    def identity(self) -> dict[str, JSON]:
        """The recorded judge's, by its hash."""
        return {"recorded": self.key}

    def absence(self) -> Absence | None:
        """Always None: the tape was read when it was named."""
        return None

    async def ask(self, request: Request) -> Verdict:
        """What the tape says; ``missing`` when it does not hold the question."""
        attempts = self.tape.find(self.key, request.hash)
        verdict = decided(request, attempts)
        if verdict is not None:
            return verdict
        if attempts:
            return judged(request, attempts[-1], fresh=False, before=attempts[:-1])
        reason = (
            f"the tape {self.tape.path.name} does not hold this question: it was recorded with "
            "other images, another rubric, or fewer repeats"
        )
        return Verdict(judge=self.name, status="missing", reason=reason)

    async def close(self) -> None:
        """Nothing is open."""


def find_tape(place: Path) -> Path:
    """The tape that a path stands for: a file, or the verdicts of a run folder.

    Raises:
        UserError: there is none.
    """
    file = place / "verdicts.jsonl" if place.is_dir() else place
    if not file.is_file():
        what = "has no verdicts.jsonl" if place.is_dir() else "does not exist"
        raise UserError(f"The tape {place} {what}; name a tape, or a run that was judged.")
    return file


def make(name: str, argument: str | None, options: Mapping[str, JSON], context: Context) -> Replay:
    """The judge ``replay:TAPE``.

    Raises:
        UserError: no tape, an empty one, or one of several judges when none is chosen.
    """
    del name, context  # it goes by the name that was recorded
    if not argument:
        raise UserError("The judge 'replay' names no tape; write --judge replay:FILE or RUN.")
    for option in options:
        if option != "judge":
            raise UserError(f"The judge 'replay' has no option {option!r}; it has: judge.")
    tape = Tape(find_tape(Path(argument).expanduser()))
    first = tape.judges()
    judges = {k: a.name for k, a in first.items() if a.endpoint != HERE}
    if first and not judges:
        # Its verdicts would stand among those of language models.
        raise UserError(
            f"The tape {tape.path} holds measured verdicts only, which need no tape; write --judge "
            "heuristic."
        )
    wanted = options.get("judge")
    chosen = {k: n for k, n in judges.items() if wanted in (None, n, k)}
    if not chosen:
        what = f"no judge {wanted!r}" if wanted else "no attempt"
        has = f"; it holds {', '.join(sorted(set(judges.values())))}" if judges else ""
        raise UserError(f"The tape {tape.path} holds {what}{has}.")
    if len(chosen) > 1:
        names = [n if list(chosen.values()).count(n) == 1 else k for k, n in chosen.items()]
        raise UserError(
            f"The tape {tape.path} holds several judges ({', '.join(names)}), whose verdicts are "
            "not mixed; choose one: --judge-option judge=NAME."
        )
    ((key, recorded),) = chosen.items()
    return Replay(tape=tape, key=key, name=recorded)
