"""The commands that only look: doctor, conformance, lists, one benchmark, data verification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evals.config import BenchmarkSpec
from evals.console import out, print_json, show_list, show_table
from evals.core.aggregation import Variant
from evals.core.protocols import DataSource, ScoringSettings, Suite
from evals.core.types import Quantity


def doctor(*, as_json: bool) -> int:
    """Print every check; 1 when something is broken."""
    from evals.doctor import diagnose

    checks = diagnose()
    if as_json:
        print_json([asdict(c) for c in checks])
    else:
        show_list(
            ["state", "what", "detail", "how to mend it"],
            [[c.state, c.name, c.detail, c.fix] for c in checks],
        )
    return 1 if any(c.state == "broken" for c in checks) else 0


def conformance(paths: Sequence[Path], *, as_json: bool) -> int:
    """Replay recorded vectors; 1 on a mismatch, an uncovered function, or too many deviations."""
    from evals.conformance import DECLARED_LIMIT, run_conformance

    reports = run_conformance(list(paths))
    total = sum(r.cases for r in reports)
    declared = sum(sum(r.declared.values()) for r in reports)
    bad = any(r.failed for r in reports) or declared > DECLARED_LIMIT * total
    if as_json:
        print_json(reports)
        return int(bad)
    show_table(
        ["function", "cases", "mismatches", "largest deviation", "declared"],
        [
            [f"{r.benchmark}.{r.function}", str(r.cases),
             str(r.mismatches) if r.covered else "not covered",
             f"{r.largest_deviation:.3g}" if r.covered else "—",
             ", ".join(f"{n} {e}" for e, n in r.declared.items()) or "0"]
            for r in reports
        ],
    )  # fmt: skip
    for r in reports:
        for example in r.examples:
            out.print(f"  {r.benchmark}.{r.function}: {example}", markup=False, soft_wrap=True)
    wrong = sum(r.mismatches for r in reports)
    bare = sum(not r.covered for r in reports)
    tail = f", {bare} functions not covered" if bare else ""
    share = f" ({100 * declared / total:.1f} %)" if declared and total else ""
    out.print(
        f"{total} cases, {wrong} mismatches, {declared} declared deviations{share}{tail}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    if declared > DECLARED_LIMIT * total:
        out.print(
            f"declared deviations are limited to {100 * DECLARED_LIMIT:g} % (docs/errata.md)",
            markup=False,
        )
    return int(bad)


def list_models(*, as_json: bool) -> int:
    """Adapters with the first line of what they are."""
    from evals.plan import adapters

    registry = adapters()
    rows = [[n, (registry.get(n).__doc__ or "").strip().split("\n")[0]] for n in registry]
    if as_json:
        print_json([{"name": n, "doc": d} for n, d in rows])
    else:
        show_list(["adapter", "what it is"], rows)
    return 0


def list_presets(*, as_json: bool) -> int:
    """Sweeps by name."""
    from benchmarks.catalog import PRESETS

    if as_json:
        print_json(PRESETS)
    else:
        show_list(
            ["preset", "benchmarks", "which"],
            [
                [name, str(len({p.split("/")[0] for p in parts})), ", ".join(parts)]
                for name, parts in PRESETS.items()
            ],
        )
    return 0


def list_benchmarks(*, as_json: bool) -> int:
    """Benchmarks with their suites."""
    from evals.plan import benchmarks

    registry = benchmarks()
    rows = []
    for name in registry:
        b = registry.get(name)
        rows += [
            {
                "benchmark": f"{b.name}/{s.name}" + (" (default)" * (s.name == b.default_suite)),
                "task": b.task,
                "samples": s.size,
                "images": s.size * b.trials if b.task != "understand" else 0,
                "scorer": b.headline.variant or b.headline.column or b.headline.name,
                "data": _data_of(s),
                "licence": b.licence,
                "needs": ", ".join(b.needs) or "nothing",
            }
            for s in b.suites.values()
        ]
    if as_json:
        print_json(rows)
    else:
        show_list(list(rows[0]), [[str(v) for v in r.values()] for r in rows])
    return 0


def _data_of(suite: Suite) -> str:
    """Where the data of a suite comes from."""
    if not suite.synthetic:
        return "official, --data or the hub"
    return "synthetic, built in" + (", validation split" if suite.validation else "")


def range_text(quantity: Quantity | Variant) -> str:
    """Its range with its unit: ``0 to 100 dB``."""
    low, high = (f"{v:g}".replace("inf", "∞") for v in quantity.range)
    return f"{low} to {high}" + (f" {quantity.unit}" if quantity.unit else "")


def list_metrics(*, as_json: bool) -> int:
    """Every quantity of every metric of every benchmark."""
    from evals.plan import benchmarks

    registry = benchmarks()
    rows = []
    for name in registry:
        for metric in registry.get(name).metrics(ScoringSettings()):
            absence = metric.absence()
            rows += [
                {
                    "column": f"{name}: {metric.name}.{q.name}",
                    "profile": q.profile,
                    "range": range_text(q),
                    "better": q.direction,
                    "here": "no" if absence else "yes",
                    "what": q.doc,
                }
                for q in metric.quantities
            ]
    if as_json:
        print_json(rows)
    else:
        show_list(list(rows[0]), [list(r.values()) for r in rows])
    return 0


def show_model(name: str, *, as_json: bool) -> int:
    """One adapter: what stands behind its colon, and the options of a run's TOML file."""
    import inspect
    import sys

    from evals.plan import adapters
    from model.adapters.options import table

    factory = adapters().get(name)
    # The rest of the docstring is for those who write code.
    doc = (inspect.getdoc(factory) or "").partition("\nRaises:")[0].strip()
    kind = getattr(sys.modules[factory.__module__], "Options", None)
    header = ["option", "type", "default", "what it is"]
    rows = [] if kind is None else table(kind)
    if as_json:
        options = [dict(zip(("name", "type", "default", "doc"), row, strict=True)) for row in rows]
        print_json({"name": name, "doc": doc, "options": options})
        return 0
    out.print(name, style="bold", markup=False, soft_wrap=True)
    out.print(doc, markup=False, soft_wrap=True)
    if rows:
        show_list(header, rows)
    return 0


def replace_callables(row: dict[str, Any]) -> dict[str, Any]:
    """A mapping without its functions."""
    return {k: v for k, v in row.items() if not callable(v)}


def verify(name: str, folder: Path | None, *, as_json: bool) -> int:
    """Every problem of a suite's data; 1 when a run would stumble over one."""
    from evals.plan import find_suite

    spec = replace(BenchmarkSpec.parse(name), data=folder)
    benchmark, suite = find_suite(spec)
    root = folder.expanduser().resolve() if folder else None
    problems = suite.verify(DataSource(root=root, revision=spec.revision))
    fatal = sum(p.fatal for p in problems)
    if as_json:
        print_json({"problems": problems, "fatal": fatal})
    else:
        if problems:
            show_list(["kind", "where", "what"], [[p.kind, p.where, p.message] for p in problems])
        label = f"{benchmark.name}/{suite.name}"
        out.print(
            f"{label}: {len(problems)} problems, {fatal} of which stop a run."
            if problems
            else f"{label}: all {suite.size} samples are whole.",
            markup=False,
        )
    return 1 if fatal else 0
