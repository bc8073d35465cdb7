"""How judges are named, and what a configuration says about judging."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.core.budget import Budget
from evals.core.errors import UserError, unknown
from evals.core.protocols import JudgeSettings, JudgeSpec

JUDGING = frozenset({
    "judges", "judge_options", "judge_repeats", "judge_aggregate", "judge_prompt", "judge_tape",
    "prices", "max_cost", "pool_judges",
})  # fmt: skip
"""Keys of ``[scoring]`` that `build_judging` reads."""
AGGREGATES = ("median", "mean", "majority")


def split_spec(text: str) -> tuple[str, str, str, str]:
    """Name, kind, argument, and all but the name, of ``[name=]kind[:argument]``."""
    name, equals, rest = text.partition("=")
    if not equals or ":" in name or "/" in name:
        name, rest = "", text
    kind, _, argument = rest.partition(":")
    return name, kind, argument, rest


def parse_judge(text: str) -> JudgeSpec:
    """Read ``[name=]backend[:argument]``.

    >>> parse_judge("openai:gpt-4.1").argument
    'gpt-4.1'
    """
    name, backend, argument, rest = split_spec(text)
    if not backend:
        raise UserError(f"The judge {text!r} names no backend; write [name=]backend[:argument].")
    return JudgeSpec(name=name or rest, backend=backend, argument=argument or None)


def _judge(entry: str | Mapping[str, Any]) -> JudgeSpec:
    if isinstance(entry, str):
        return parse_judge(entry)
    if "backend" not in entry:
        raise UserError(f"The judge {dict(entry)!r} has no 'backend'; add one.")
    argument = entry.get("argument")
    label = f"{entry['backend']}:{argument}" if argument else entry["backend"]
    return JudgeSpec(
        name=entry.get("name") or label,
        backend=entry["backend"],
        argument=argument,
        options=entry.get("options", {}),
    )


def build_judging(scoring: dict[str, Any]) -> JudgeSettings:
    """Judging from the keys of ``[scoring]`` that concern it, which are taken out.

    Raises:
        UserError: anything in it makes no sense.
    """
    from judges.catalog import MEASURED

    shared = scoring.pop("judge_options", {})
    judges = tuple(_judge(j) for j in scoring.pop("judges", ()))
    # Options given for all are for those that ask: a judge that measures has no address.
    judges = tuple(
        j if j.backend in MEASURED else dataclasses.replace(j, options={**shared, **j.options})
        for j in judges
    )
    if shared and not judges:
        raise UserError("Options of a judge are given, but no judge; add --judge openai:MODEL.")
    names = [j.name for j in judges]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"Two judges are called {name!r}; name one: --judge NAME=backend:argument."
            )
    repeats, most = scoring.pop("judge_repeats", 1), scoring.pop("max_cost", None)
    if repeats < 1:
        raise UserError(f"judge_repeats = {repeats} makes no sense; give 1 or more.")
    if most is not None and not most >= 0:
        raise UserError(f"max_cost = {most} makes no sense; give dollars.")
    aggregate = scoring.pop("judge_aggregate", "median")
    if aggregate not in AGGREGATES:
        raise unknown("way to sum up verdicts", aggregate, AGGREGATES)
    files = {
        ours: Path(given).expanduser() if (given := scoring.pop(key, None)) else None
        for ours, key in (
            ("prompt", "judge_prompt"), ("tape", "judge_tape"), ("prices", "prices"),
        )
    }  # fmt: skip
    return JudgeSettings(
        judges=judges, repeats=repeats, aggregate=aggregate, budget=Budget(most),
        pool=scoring.pop("pool_judges", False), **files,
    )  # fmt: skip
