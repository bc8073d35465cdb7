"""What each command does once its words are read; every function returns the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.config import BenchmarkSpec, ModelSpec, RunConfig, build_config
from evals.config_judging import JUDGING, build_judging
from evals.console import LiveProgress, interruptible, out, print_json, say
from evals.core.budget import Budget
from evals.core.errors import UserError
from evals.core.protocols import JudgeSettings, ScoringSettings
from evals.core.store import StoredRun, find_runs, read_manifest
from evals.stored import export_to, reliability_of, say_written, show_one

if TYPE_CHECKING:
    from evals.plan import Plan
    from evals.runner import Outcome

# --- run, score -----------------------------------------------------------------------------


def run(
    file: Path | None,
    flags: Mapping[str, Any],
    *,
    as_json: bool,
    report: bool,
    dry_run: bool = False,
    export: Path | None = None,
) -> int:
    """Plan, execute, summarise, report."""
    from evals.dry_run import show_plan
    from evals.plan import make_plan
    from evals.runner import execute

    config = build_config(file, flags)
    _check_engines(config.scoring)
    plan = make_plan(config, tolerant=dry_run)
    for planned in plan.runs:
        for remark in planned.manifest["remarks"]:
            if not as_json:
                say(f"{planned.title}: {remark}")
    if dry_run:
        return show_plan(plan, as_json=as_json)
    _check_judges(plan)
    with interruptible(), LiveProgress(quiet=as_json) as progress:
        outcomes = execute(plan, progress)
    page = config.out / "report.html" if report else None
    folders = [r.folder for r in plan.runs]
    return _finish(folders, outcomes, config.out, page, as_json=as_json, export=export)


def _check_judges(plan: Plan) -> None:
    """Refuse to start with a judge that was asked for and cannot be asked.

    Raises:
        UserError: its key, package or engine is missing.
    """
    from judges.metric import JudgedMetric

    for run in plan.runs:
        for metric in run.board.metrics:
            if isinstance(metric, JudgedMetric) and metric.specs:
                absence = metric.absence()
                if absence is not None:
                    raise UserError(f"The judge cannot be asked: {absence}.")


def _check_engines(settings: ScoringSettings) -> None:
    """Refuse wrong names and options at the door.

    Raises:
        UserError: an unknown engine or option, or a second engine that is the first one.
    """
    from metrics.ocr import make_engine

    first = settings.ocr, dict(settings.ocr_options)
    second = settings.ocr_second, dict(settings.ocr_second_options)
    if settings.ocr:
        make_engine(*first)
    if settings.ocr_second:
        make_engine(*second)
        if first == second:
            raise UserError(
                f"The second OCR engine is the first one, {settings.ocr!r}, which always agrees "
                "with itself; name another with --ocr-second."
            )
    elif second[1]:
        raise UserError(
            "Options of a second OCR engine are given, but no engine; add --ocr-second NAME."
        )


def rescore(
    places: Sequence[Path], flags: Mapping[str, Any], *, retry_failed: bool, as_json: bool
) -> int:
    """Score what runs have stored, with the settings they had unless flags say otherwise."""
    from evals.runner import execute

    folders = find_runs(places)
    outcomes: list[Outcome] = []
    # One purse for all runs of the command.
    budget = Budget(flags.get("max_cost"))
    configs = {f: _config_of(read_manifest(f), flags, budget) for f in folders}
    concerned = _concerned(configs, flags.get("metrics", ()))
    for folder in (f for f in folders if f not in concerned):
        say(f"{folder}: has none of the metrics named, and is left as it is")
    with interruptible(), LiveProgress(quiet=as_json) as progress:
        for folder in concerned:
            plan = _replan(folder, configs[folder])
            if "judges" in flags:
                _check_judges(plan)
            outcomes += execute(plan, progress, predictions=False, retry_failed=retry_failed)
    return _finish(folders, outcomes, None, None, as_json=as_json)


def _concerned(configs: Mapping[Path, RunConfig], names: Sequence[str]) -> list[Path]:
    """Runs whose benchmark has one of the named metrics; all where none is named.

    Raises:
        UserError: a name that no benchmark of these runs knows.
    """
    from evals.plan import check_metric_names, find_suite

    if not names:
        return list(configs)
    own = {
        f: {m.name for m in find_suite(c.benchmarks[0])[0].metrics(c.scoring)}
        for f, c in configs.items()
    }
    check_metric_names(names, {c.benchmarks[0].name: own[f] for f, c in configs.items()})
    return [f for f in configs if own[f] & set(names)]


def _config_of(manifest: Mapping[str, Any], flags: Mapping[str, Any], budget: Budget) -> RunConfig:
    """The configuration of a run as its manifest has it, with what the flags change."""
    settings, name = manifest["settings"], manifest["benchmark"]["name"]
    root = flags.get("data", {}).get(name) or settings["data"]
    config = RunConfig(
        models=(),
        benchmarks=(
            BenchmarkSpec(
                name=name,
                suite=manifest["suite"]["name"],
                data=Path(root) if root else None,
                revision=settings["revision"],
            ),
        ),
        trials=manifest["trials"],
        limit=manifest["limit"],
        seed=manifest["seed"],
        workers=flags.get("workers", 0),
        metrics=tuple(flags.get("metrics", ())),
        scoring=ScoringSettings(
            # A benchmark that reads no pictures names no engine.
            ocr=flags.get("ocr", settings["ocr"].get("engine", ScoringSettings.ocr)),
            ocr_options=flags.get("ocr_options", settings["ocr_options"]),
            **_second_engine(flags, settings),
            device=flags.get("device", settings["device"]),
            weights=flags.get("weights", settings["weights"]),
            errata=flags.get("errata", settings["errata"]),
            judging=replace(_judges(flags, settings), budget=budget),
        ),
    )
    _check_engines(config.scoring)
    return config


def _replan(folder: Path, config: RunConfig) -> Plan:
    from evals.manifest import scoring_manifest
    from evals.plan import Plan, PlannedRun, make_board

    manifest = read_manifest(folder)
    model = manifest["model"]
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
                folder=folder,
                manifest=merged,
            ),
        ),
    )


def _judges(flags: Mapping[str, Any], stored: Mapping[str, Any]) -> JudgeSettings:
    """The judges of a re-score: those of the flags, else those of the run.

    Options belong to a judge: those of the run are dropped when the flags name others.
    """
    # Runs made before there were judges do not know the setting.
    had = {k: v for k, v in stored.get("judging", {}).items() if v is not None}
    given = {k: v for k, v in flags.items() if k in JUDGING}
    if "judges" not in given and "judge_options" in given:
        changed = given.pop("judge_options")
        had["judges"] = [
            {**j, "options": {**j["options"], **changed}} for j in had.get("judges", [])
        ]
    return build_judging({**had, **given})


def _second_engine(flags: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The second OCR engine of a re-score: that of the flags, else that of the run.

    Options belong to an engine: those of the run are dropped when the flags name another.
    """
    # Runs made before there was a second engine do not know the setting.
    had = (stored.get("ocr_second") or {}).get("engine", "")
    engine = flags.get("ocr_second", had)
    kept = stored.get("ocr_second_options", {}) if engine == had else {}
    return {"ocr_second": engine, "ocr_second_options": flags.get("ocr_second_options", kept)}


def _finish(
    folders: Sequence[Path],
    outcomes: Sequence[Outcome],
    place: Path | None,
    page: Path | None,
    *,
    as_json: bool,
    export: Path | None = None,
) -> int:
    """Show what the runs say now, and write the page when it is not that of these runs already."""
    from evals.board import board_key, make_tables, stored_tables

    complete = all(o.complete for o in outcomes)
    for remark in dict.fromkeys(r for o in outcomes for r in o.remarks):
        say(remark)
    key = board_key(folders)
    tables = stored_tables(place, key) if place else None
    fresh = tables is not None and (page is None or page.exists()) and export is None
    runs = [] if fresh and not as_json else [StoredRun.read(f) for f in folders]
    files = export_to(runs, export)
    if page is not None and not fresh:
        from reports.html import write_report

        page = write_report(runs, page, downloads=files, judging=reliability_of(runs))
    if as_json:
        from reports.export import summary_json

        print_json(
            {
                "complete": complete,
                "outcomes": [asdict(o) for o in outcomes],
                "report": str(page) if page else None,
                "exports": [str(f) for f in files],
                "summary": summary_json(runs),
            }
        )
        return 0 if complete else 1
    for table in tables if tables is not None else make_tables(runs, place, key):
        show_one(table)
    if absent := sorted({name for o in outcomes for name in o.unavailable}):
        out.print(
            f"unavailable here: {', '.join(absent)}; how to get them: umm-evals doctor",
            markup=False,
            soft_wrap=True,
        )
    say_written(page, files)
    if not complete:
        for reason in dict.fromkeys(r for o in outcomes for r in o.halted):
            say(f"stopped: {reason}.")
        faults = sum(o.infrastructure_faults for o in outcomes)
        failed = sum(o.failed_scores for o in outcomes)
        left = sum(o.open_scores for o in outcomes)
        say(
            f"incomplete: {faults} predictions failed through no fault of the model, {failed} "
            f"scores failed, {left} are still to be made; the same command again goes on, "
            "umm-evals score RUN --retry-failed tries the failed scores again."
        )
    return 0 if complete else 1
