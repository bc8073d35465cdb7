"""What each command does once its words are read; every function returns the exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evals.config import BenchmarkSpec, ModelSpec, RunConfig, build_config
from evals.console import LiveProgress, err, out, show_list, show_table
from evals.core.errors import UserError
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.store import StoredRun, find_runs
from evals.core.types import Quantity


def print_json(value: Any) -> None:
    """Print a value as JSON, words for what JSON lacks."""
    from evals.core.store import _plain

    print(json.dumps(_plain(value), ensure_ascii=False, indent=1))


# --- run, score -----------------------------------------------------------------------------


def run(
    file: Path | None,
    flags: Mapping[str, Any],
    *,
    as_json: bool,
    report: bool,
    dry_run: bool = False,
) -> int:
    """Plan, execute, summarise, report."""
    from evals.plan import make_plan
    from evals.runner import execute

    config = build_config(file, flags)
    if config.scoring.ocr:
        _check_engine(config.scoring)
    plan = make_plan(config)
    for planned in plan.runs:
        for remark in planned.manifest["remarks"]:
            if not as_json:
                _say(f"{planned.spec.name}: {remark}")
    if dry_run:
        return _show_plan(plan, as_json=as_json)
    with LiveProgress(quiet=as_json) as progress:
        outcomes = execute(plan, progress)
    runs = [StoredRun.read(r.folder) for r in plan.runs]
    page = None
    if report:
        from reports.html import write_report

        page = write_report(runs, config.out / "report.html")
    return _finish(runs, outcomes, page, as_json=as_json)


def _check_engine(settings: ScoringSettings) -> None:
    from metrics.ocr import make_engine

    make_engine(settings.ocr, settings.ocr_options)


def _show_plan(plan: Any, *, as_json: bool) -> int:
    from evals.runner import pending_counts

    rows = []
    for planned in plan.runs:
        total, stored = pending_counts(planned)
        absences = planned.manifest["absences"]
        rows.append(
            {
                "run": str(planned.folder),
                "model": planned.spec.name,
                "benchmark": planned.board.label,
                "predictions": total,
                "stored": stored,
                "metrics": [m.name for m in planned.board.metrics if m.name not in absences],
                "unavailable": absences,
                "judge_calls": 0,
                "dollars": 0.0,
            }
        )
    if as_json:
        print_json(rows)
        return 0
    show_table(
        ["run", "predictions", "stored", "metrics", "unavailable", "judge calls", "dollars"],
        [
            [r["run"], str(r["predictions"]), str(r["stored"]), str(len(r["metrics"])),
             str(len(r["unavailable"])), str(r["judge_calls"]), f"{r['dollars']:.2f}"]
            for r in rows
        ],
    )  # fmt: skip
    _say_absences({k: v for r in rows for k, v in r["unavailable"].items()})
    return 0


def _say_absences(absences: Mapping[str, Mapping[str, str]]) -> None:
    for name, absence in absences.items():
        _say(f"unavailable: {name}: {absence['reason']}; {absence['fix']}")


def _say(sentence: str) -> None:
    """A sentence on standard error, never wrapped: it may be searched for or copied."""
    err.print(sentence, markup=False, soft_wrap=True)


def rescore(
    places: Sequence[Path], flags: Mapping[str, Any], *, retry_failed: bool, as_json: bool
) -> int:
    """Score what runs have stored, with the settings they had unless flags say otherwise."""
    from evals.runner import execute

    folders = find_runs(places)
    outcomes, runs = [], []
    with LiveProgress(quiet=as_json) as progress:
        for folder in folders:
            plan = _replan(StoredRun.read(folder), flags)
            outcomes += execute(plan, progress, predictions=False, retry_failed=retry_failed)
            runs.append(StoredRun.read(folder))
    return _finish(runs, outcomes, None, as_json=as_json)


def _replan(stored: StoredRun, flags: Mapping[str, Any]) -> Any:
    from evals.plan import Plan, PlannedRun, make_board, make_model, scoring_manifest

    manifest = stored.manifest
    settings = manifest["settings"]
    model = manifest["model"]
    folders = flags.get("data", {})
    root = folders.get(stored.benchmark) or settings["data"]
    config = RunConfig(
        models=(),
        benchmarks=(
            BenchmarkSpec(
                name=stored.benchmark,
                suite=stored.suite,
                data=Path(root) if root else None,
                revision=settings["revision"],
            ),
        ),
        trials=stored.trials,
        limit=manifest["limit"],
        seed=manifest["seed"],
        workers=flags.get("workers", 0),
        metrics=tuple(flags.get("metrics", ())),
        scoring=ScoringSettings(
            ocr=flags.get("ocr", settings["ocr"]),
            ocr_options=flags.get("ocr_options", settings["ocr_options"]),
            device=flags.get("device", settings["device"]),
            weights=flags.get("weights", settings["weights"]),
            errata=flags.get("errata", settings["errata"]),
        ),
    )
    _check_engine(config.scoring)
    board = make_board(config, config.benchmarks[0])
    spec = ModelSpec(
        name=model["name"],
        adapter=model["adapter"],
        argument=model["argument"],
        options=model["options"],
    )
    fresh = scoring_manifest(board, config.scoring)
    merged = {**manifest, **fresh}
    if config.metrics:
        # A partial re-score must not forget the other metrics' scores.
        keep = {m["name"]: m for m in manifest["metrics"]}
        keep.update({m["name"]: m for m in fresh["metrics"]})
        merged["metrics"] = list(keep.values())
        for key in ("fingerprints", "absences"):
            merged[key] = {**manifest[key], **fresh[key]}
    return Plan(
        config=config,
        runs=(
            PlannedRun(
                model=make_model(spec),
                spec=spec,
                board=board,
                folder=stored.folder,
                manifest=merged,
            ),
        ),
    )


def _finish(
    runs: Sequence[StoredRun], outcomes: Sequence[Any], page: Path | None, *, as_json: bool
) -> int:
    from reports.tables import leaderboard_tables

    complete = all(o.complete for o in outcomes)
    if as_json:
        from reports.export import summary_json

        print_json(
            {
                "complete": complete,
                "outcomes": [asdict(o) for o in outcomes],
                "report": str(page) if page else None,
                "summary": summary_json(runs),
            }
        )
        return 0 if complete else 1
    for table in leaderboard_tables(runs):
        show_table(table.headers, table.rows, title=table.title)
        for note in table.notes:
            out.print(f"  {note}", markup=False, style="dim", soft_wrap=True)
    if absent := sorted({name for r in runs for name in r.manifest["absences"]}):
        out.print(
            f"unavailable here: {', '.join(absent)}; how to get them: umm-evals doctor",
            markup=False,
            soft_wrap=True,
        )
    if page is not None:
        out.print(f"report: {page.resolve()}", markup=False, soft_wrap=True)
    if not complete:
        faults = sum(o.infrastructure_faults for o in outcomes)
        failed = sum(o.failed_scores for o in outcomes)
        err.print(
            f"incomplete: {faults} predictions failed through no fault of the model, {failed} "
            "scores failed; the same command again retries the predictions, "
            "umm-evals score RUN --retry-failed the scores.",
            markup=False,
        )
    return 0 if complete else 1


# --- report, compare ------------------------------------------------------------------------


def report(
    places: Sequence[Path], page: Path, *, embed: str, title: str | None, export: Path | None
) -> int:
    """Write the HTML page, and the tables when asked."""
    from reports.html import write_report

    if embed not in {"thumbs", "link", "none"}:
        raise UserError(f"--embed {embed!r} is unknown; choose thumbs, link or none.")
    runs = [StoredRun.read(f) for f in find_runs(places)]
    path = write_report(runs, page, embed=embed, title=title)  # type: ignore[arg-type]
    out.print(f"report: {path.resolve()}", markup=False, soft_wrap=True)
    if export is not None:
        from reports.export import write_exports

        for file in write_exports(runs, export):
            out.print(f"export: {file}", markup=False, soft_wrap=True)
    return 0


def compare(a: Path, b: str, columns: Sequence[str], *, as_json: bool) -> int:
    """Compare a run with another, or with a published row."""
    from evals.compare import compare_published, compare_runs

    first = StoredRun.read(a)
    if b.startswith("published:"):
        rows = [p for p in first.manifest["published"] if p["model"] == b.partition(":")[2]]
        if not rows:
            from evals.core.errors import unknown

            names = {p["model"] for p in first.manifest["published"]}
            raise unknown(f"published row of {first.benchmark}/{first.suite}", b[10:], names)
        result: Any = [compare_published(first, row) for row in rows]
    else:
        result = [compare_runs(first, StoredRun.read(Path(b)), columns or None)]
    if as_json:
        print_json([r.to_json() for r in result])
        return 0
    from reports.tables import comparison_table

    for item in result:
        table = comparison_table(item.to_json())
        show_table(table.headers, table.rows, title=table.title)
        for note in table.notes:
            out.print(f"  {note}", markup=False, soft_wrap=True)
    return 0


# --- looking --------------------------------------------------------------------------------


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
    """Replay recorded vectors; 1 on any mismatch or uncovered function."""
    from evals.conformance import run_conformance

    reports = run_conformance(list(paths))
    bad = any(r.mismatches or not r.covered for r in reports)
    if as_json:
        print_json(reports)
        return int(bad)
    show_table(
        ["function", "cases", "mismatches", "largest deviation"],
        [
            [f"{r.benchmark}.{r.function}", str(r.cases),
             str(r.mismatches) if r.covered else "not covered",
             f"{r.largest_deviation:.3g}" if r.covered else "—"]
            for r in reports
        ],
    )  # fmt: skip
    for r in reports:
        for example in r.examples:
            out.print(f"  {r.benchmark}.{r.function}: {example}", markup=False, soft_wrap=True)
    total = sum(r.cases for r in reports)
    wrong = sum(r.mismatches for r in reports)
    bare = sum(not r.covered for r in reports)
    tail = f", {bare} functions not covered" if bare else ""
    out.print(f"{total} cases, {wrong} mismatches{tail}", markup=False, soft_wrap=True)
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
                "data": "synthetic, built in" if s.synthetic else "official, --data or the hub",
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


def _range(quantity: Quantity) -> str:
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
                    "range": _range(q),
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


def show_benchmark(name: str, *, as_json: bool) -> int:
    """One benchmark whole."""
    from evals.plan import benchmarks

    b = benchmarks().get(name)
    metrics = list(b.metrics(ScoringSettings()))
    published = b.published()
    if as_json:
        print_json(
            {
                "name": b.name, "title": b.title, "task": b.task, "version": b.version,
                "licence": b.licence, "citation": b.citation, "doc": b.doc,
                "suites": [replace_callables(asdict(s)) for s in b.suites.values()],
                "metrics": [{"name": m.name, "quantities": m.quantities} for m in metrics],
                "policies": b.policies, "headline": b.headline, "groups": b.groups,
                "published": published,
            }
        )  # fmt: skip
        return 0
    out.print(
        f"{b.title} ({b.name} {b.version}, {b.licence})", style="bold", markup=False, soft_wrap=True
    )
    out.print(b.doc.strip(), markup=False, soft_wrap=True)
    out.print(b.citation, style="dim", markup=False, soft_wrap=True)
    show_list(
        ["suite", "samples", "what"],
        [[s.name, str(s.size), s.title] for s in b.suites.values()],
    )
    show_list(
        ["column", "profile", "range", "better", "what"],
        [
            [f"{m.name}.{q.name}", q.profile, _range(q), q.direction, q.doc]
            for m in metrics
            for q in m.quantities
        ],
    )
    for policy in b.policies:
        out.print(f"profile {policy.profile}: {policy.doc}", markup=False, soft_wrap=True)
    for track in b.headline.tracks:
        out.print(
            f"{b.headline.name}, track {track.name}: {', '.join(track.columns)}. {track.doc}",
            markup=False,
        )
    out.print(f"{len(published)} published rows:", markup=False, soft_wrap=True)
    show_list(
        ["model", "suite", "kind", "source", "differs in"],
        [
            [p.model, p.suite, "corrected" if p.corrected else "as printed", p.source,
             "; ".join(p.differences)]
            for p in published
        ],
    )  # fmt: skip
    return 0


def replace_callables(row: dict[str, Any]) -> dict[str, Any]:
    """A mapping without its functions."""
    return {k: v for k, v in row.items() if not callable(v)}


def verify(name: str, folder: Path | None, revision: str | None, *, as_json: bool) -> int:
    """Every problem of a suite's data; 1 when a run would stumble over one."""
    from evals.plan import find_suite

    spec = replace(BenchmarkSpec.parse(name), data=folder, revision=revision)
    benchmark, suite = find_suite(spec)
    root = folder.expanduser().resolve() if folder else None
    problems = suite.verify(DataSource(root=root, revision=revision))
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
