"""What a command would do: `--dry-run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evals.console import print_json, say, show_table

if TYPE_CHECKING:
    from evals.plan import Plan


def show_plan(plan: Plan, *, as_json: bool) -> int:
    """Print the plan: predictions, metrics, and what judging takes; nothing is asked or written.

    Returns:
        0; 1 when data that was named cannot be read, so that the command itself would stop.
    """
    from evals.pending import judge_forecasts, pending_counts

    rows = []
    for planned in plan.runs:
        total, stored = pending_counts(planned)
        absences = planned.manifest["absences"]
        judged = judge_forecasts(planned)
        priced = [f.dollars for f in judged]
        rows.append(
            {
                "run": str(planned.folder),
                "model": planned.spec.name,
                "benchmark": planned.board.label,
                "supported": planned.supported,
                "predictions": total,
                "stored": stored,
                "metrics": [m.name for m in planned.board.metrics if m.name not in absences],
                "unavailable": absences,
                "judges": [asdict(f) for f in judged],
                "judge_calls": sum(f.calls for f in judged),
                "dollars": None if None in priced else sum(p or 0.0 for p in priced),
            }
        )
    needs = needs_of(plan)
    if as_json:
        print_json({"runs": rows, "suites": needs})
        return int(any(b.named for b in plan.blocked))
    show_table(
        ["suite", "task", "prompts", "images each", "judge calls a model", "needs", "data"],
        [
            [n["suite"], n["task"], f"{n['samples']:,}", str(n["trials"]), n["cost"],
             "; ".join(n["needs"]) or "nothing", n["data"]]
            for n in needs
        ],
        title="suites",
    )  # fmt: skip
    for blocked in plan.blocked:
        say(f"{blocked.label}: {blocked.reason}")
    show_table(
        ["run", "predictions", "stored", "metrics", "unavailable", "judge calls", "dollars"],
        [
            [r["run"], str(r["predictions"]) if r["supported"] else "unsupported",
             str(r["stored"]), str(len(r["metrics"])), str(len(r["unavailable"])),
             str(r["judge_calls"]),
             "unknown" if r["dollars"] is None else f"{r['dollars']:.2f}"]
            for r in rows
        ],
    )  # fmt: skip
    _show_judging(rows)
    _say_absences({k: v for r in rows for k, v in r["unavailable"].items()})
    return int(any(b.named for b in plan.blocked))


def needs_of(plan: Plan) -> list[dict[str, Any]]:
    """What each suite of a plan takes, those included whose data is not at hand."""
    from evals.plan import find_suite

    limit = plan.config.limit
    boards = {b.label: b for b in (r.board for r in plan.runs)}
    blocked = {b.label: b for b in plan.blocked}
    rows = []
    for benchmark, suite in map(find_suite, plan.config.benchmarks):
        label = f"{benchmark.name}/{suite.name}"
        lacking = blocked.get(label)
        here = "built in" if suite.synthetic else "here"
        size = len(boards[label].samples) if label in boards else suite.size
        rows.append(
            {
                "suite": label,
                "task": benchmark.task,
                "samples": size if limit is None else min(limit, size),
                "trials": plan.config.trials or benchmark.trials,
                "cost": benchmark.cost or "none",
                "needs": list(benchmark.needs),
                "licence": benchmark.licence,
                "data": here if lacking is None else "unreadable" if lacking.named else "missing",
                "reason": "" if lacking is None else lacking.reason,
            }
        )
    return rows


def _show_judging(rows: Sequence[Mapping[str, Any]]) -> None:
    """What each judge will be asked, when there is one."""
    lines = [
        [r["model"], j["judge"], f"{j['calls']:,}", f"{j['recorded']:,}",
         f"{j['input_tokens']:,}", f"{j['output_tokens']:,}",
         "unknown" if j["dollars"] is None else f"{j['dollars']:.2f}", f"{j['minutes']:.1f}",
         j["basis"]]
        for r in rows for j in r["judges"]
    ]  # fmt: skip
    if not lines:
        return
    show_table(
        ["model", "judge", "calls", "on tape", "tokens in", "tokens out", "dollars", "minutes",
         "estimated from"],
        lines, title="judging",
    )  # fmt: skip
    whole = [j for r in rows for j in r["judges"]]
    dollars = [j["dollars"] for j in whole]
    told = "unknown (name a price with --prices)" if None in dollars else f"{sum(dollars):.2f}"
    say(f"judging in all: {sum(j['calls'] for j in whole):,} calls, dollars {told}")


def _say_absences(absences: Mapping[str, Mapping[str, str]]) -> None:
    for name, absence in absences.items():
        say(f"unavailable: {name}: {absence['reason']}; {absence['fix']}")
