"""A judge that measures instead of looking: it answers a rubric by rules over measured quantities.

It is no language model and is never ranked with one. It exists so that the judge track runs where
no model and no network is, and so that one can see what such rules notice and what they miss. What
is measured, and the rules, are the benchmark's; here its grades become a reply in the form that the
rubric asks for, which is then parsed like anybody's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evals.core.errors import ImageError, UserError
from evals.core.types import JSON, Absence, Item, fingerprint
from evals.core.verdicts import Verdict
from judges.request import HERE, Request
from judges.rubric import Rubric
from judges.verdict import attempt_at, judged

if TYPE_CHECKING:
    from judges.catalog import Context

CODE = 1
"""Raised whenever the reply to equal grades can change."""

Grades = Mapping[str, tuple[int | None, str]]
"""Dimension name -> score on the rubric's scale, and the sentence that names what was measured.
Without a score the dimension could not be measured, and the sentence says why."""


@dataclass(kw_only=True)
class Heuristic:
    """See the module.

    Attributes:
        name: under which it stands in tables.
        grade: grades an item by measurement; None where the benchmark has no rules.
        measures: identity of what `grade` measures with. ``rules`` is the version of the rules;
            ``absent``, where it is given, holds ``reason`` and ``fix``: why nothing can be measured
            here, and what mends it.
    """

    name: str = "heuristic"
    grade: Callable[[Item], Grades] | None
    measures: Mapping[str, JSON] = field(default_factory=dict)

    endpoint = HERE
    price = None

    @property
    def model(self) -> str:
        """What stands for the model: ``heuristic`` and the version of the rules."""
        return f"heuristic {self.measures.get('rules', 'without rules')}"

    def identity(self) -> dict[str, JSON]:
        """Rules and what they measure with, and never the name it was given."""
        return {
            "backend": "heuristic",
            "model": self.model,
            "code": CODE,
            "measures": dict(self.measures),
        }

    def absence(self) -> Absence | None:
        """None when the benchmark has rules, and what they measure with is here."""
        if self.grade is None:
            return Absence(
                reason="this benchmark has no rules for the heuristic judge",
                fix="choose another judge (docs/judges.md)",
            )
        absent = self.measures.get("absent")
        if not isinstance(absent, Mapping):
            return None
        return Absence(reason=str(absent["reason"]), fix=str(absent["fix"]))

    async def ask(self, request: Request) -> Verdict:
        """The verdict of the rules; it takes a core for as long as measuring takes.

        A dimension that cannot be measured gets no score, so that the verdict is ``unparsed``; its
        reason stands in the reply.

        Raises:
            UserError: the benchmark has no rules, or the request carries no item.
        """
        if self.grade is None or request.item is None:
            what = "rules to measure by" if self.grade is None else "item to measure"
            raise UserError(f"The heuristic judge was given no {what}; choose another judge.")
        rubric = request.rubric
        if not isinstance(rubric, Rubric):
            raise UserError(f"The heuristic judge has no rules for {rubric.name}; choose another.")
        start = time.perf_counter()
        try:
            grades = self.grade(request.item)
        except ImageError as error:
            # Nothing was measured: there is no attempt to record.
            return Verdict(
                judge=self.name, status="rejected", reason=f"{error.kind}: {error}", fresh=True
            )
        attempt = attempt_at(
            request,
            key=fingerprint(self.identity()),
            seconds=time.perf_counter() - start,
            name=self.name,
            asked=self.model,
            served=self.model,
            endpoint=self.endpoint,
            status="answered",
            raw=write_reply(rubric, grades),
            cost=0.0,
        )
        return judged(request, attempt)

    async def close(self) -> None:
        """Nothing is open."""


def write_reply(rubric: Rubric, grades: Grades) -> str:
    """Grades as the JSON text that a rubric asks for; without a score there is a reason alone.

    Args:
        rubric: whose keys are used.
        grades: by dimension name; dimensions that the rubric does not have are left out.
    """
    said = {d.key: grades[d.name] for d in rubric.dimensions if d.name in grades}
    reply = {
        "reason": {key: sentence for key, (_, sentence) in said.items()},
        "score": {key: score for key, (score, _) in said.items() if score is not None},
    }
    return json.dumps(reply, ensure_ascii=False)


def make(
    name: str, argument: str | None, options: Mapping[str, JSON], context: Context
) -> Heuristic:
    """The judge ``heuristic``.

    Raises:
        UserError: it was given an argument or an option; it takes none.
    """
    if argument or options:
        odd = argument or next(iter(options))
        raise UserError(
            f"The judge 'heuristic' takes neither model nor options; leave out {odd!r}."
        )
    return Heuristic(name=name, grade=context.grade, measures=context.measures)
