"""What each command does once its words are read; every function returns the exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.config import BenchmarkSpec, ModelSpec, RunConfig, build_config
from evals.console import LiveProgress, err, out, print_json, show_table
from evals.core.errors import Interrupted, UserError
from evals.core.protocols import ScoringSettings
from evals.core.store import StoredRun, find_runs

if TYPE_CHECKING:
    from evals.plan import Plan
    from evals.runner import Outcome
    from reports.tables import Table

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
    with _interruptible(), LiveProgress(quiet=as_json) as progress:
        outcomes = execute(plan, progress)
    page = config.out / "report.html" if report else None
    return _finish([r.folder for r in plan.runs], outcomes, config.out, page, as_json=as_json)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C as an error of ours: typer would answer it with a bare "Aborted"."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None


def _check_engine(settings: ScoringSettings) -> None:
    from metrics.ocr import make_engine

    make_engine(settings.ocr, settings.ocr_options)


def _show_plan(plan: Plan, *, as_json: bool) -> int:
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
    outcomes: list[Outcome] = []
    with _interruptible(), LiveProgress(quiet=as_json) as progress:
        for folder in folders:
            plan = _replan(StoredRun.read(folder), flags)
            outcomes += execute(plan, progress, predictions=False, retry_failed=retry_failed)
    return _finish(folders, outcomes, None, None, as_json=as_json)


def _replan(stored: StoredRun, flags: Mapping[str, Any]) -> Plan:
    from evals.plan import Plan, PlannedRun, make_board, scoring_manifest

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
            ocr=flags.get("ocr", settings["ocr"]["engine"]),
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
                model=None,
                spec=spec,
                board=board,
                folder=stored.folder,
                manifest=merged,
            ),
        ),
    )


def _finish(
    folders: Sequence[Path],
    outcomes: Sequence[Outcome],
    place: Path | None,
    page: Path | None,
    *,
    as_json: bool,
) -> int:
    """Show what the runs say now, and write the page when it is not that of these runs already."""
    from evals.board import board_key, make_tables, stored_tables

    complete = all(o.complete for o in outcomes)
    key = board_key(folders)
    tables = stored_tables(place, key) if place else None
    fresh = tables is not None and (page is None or page.exists())
    runs = [] if fresh and not as_json else [StoredRun.read(f) for f in folders]
    if page is not None and not fresh:
        from reports.html import write_report

        page = write_report(runs, page)
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
    for table in tables if tables is not None else make_tables(runs, place, key):
        _show(table)
    if absent := sorted({name for o in outcomes for name in o.unavailable}):
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
        _say(
            f"incomplete: {faults} predictions failed through no fault of the model, {failed} "
            "scores failed; the same command again retries the predictions, "
            "umm-evals score RUN --retry-failed the scores."
        )
    return 0 if complete else 1


def _show(table: Table) -> None:
    show_table(table.headers, table.rows, title=table.title)
    for note in table.notes:
        out.print(f"  {note}", markup=False, style="dim", soft_wrap=True)


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
        _show(comparison_table(item.to_json()))
    return 0
