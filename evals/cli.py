"""The command `umm-evals`: thin commands over plan, runner, compare, doctor and reports.

Exit codes: 0 done, 1 incomplete or not passed, 2 the user can mend it, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import evals
from evals.cli_finetune import finetune_app
from evals.cli_judge import judge_app
from evals.cli_look import data_app, list_app, show_app
from evals.cli_model import model_app
from evals.core.errors import Interrupted, UserError

app = typer.Typer(
    name="umm-evals",
    help="Evaluate unified multimodal models: one command, every number with its reason.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(list_app, name="list")
app.add_typer(show_app, name="show")
app.add_typer(data_app, name="data")
app.add_typer(judge_app, name="judge")
app.add_typer(model_app, name="model")
app.add_typer(finetune_app, name="finetune")

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "--models", "-m", help="[NAME=]ADAPTER[:ARGUMENT]; repeat for several."
    ),
]
Benchmarks = Annotated[
    list[str] | None,
    typer.Option(
        "--benchmark", "--benchmarks", "-b", help="NAME[/SUITE][@REVISION]; repeat for several."
    ),
]
Data = Annotated[
    list[str] | None, typer.Option(help="BENCHMARK=FOLDER with its data in the official layout.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="TOML file; flags win over it.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of run folders [runs].")]
Ocr = Annotated[str | None, typer.Option(help="OCR engine [rapidocr].")]
OcrOption = Annotated[list[str] | None, typer.Option(help="KEY=VALUE for the OCR engine.")]
OcrSecond = Annotated[
    str | None, typer.Option(help="OCR engine for a second opinion: adds the metric ocr_second.")
]
OcrSecondOption = Annotated[
    list[str] | None, typer.Option(help="KEY=VALUE for the second OCR engine.")
]
Device = Annotated[str | None, typer.Option(help="torch device of neural metrics [cpu].")]
Weights = Annotated[
    list[str] | None, typer.Option(help="NAME=FILE of weights you have (clip, lpips_alex, ...).")
]
MetricNames = Annotated[list[str] | None, typer.Option("--metric", help="Only these metrics.")]
WorkerCount = Annotated[int | None, typer.Option(help="Metric processes [one per core].")]
Export = Annotated[
    Path | None, typer.Option(help="Also write CSV, Markdown, LaTeX and JSON to this folder.")
]
Errata = Annotated[str | None, typer.Option(help="off, fix or exclude faulty records [off].")]
Judges = Annotated[
    list[str] | None,
    typer.Option("--judge", help="[NAME=]openai:MODEL, local:DIR, replay:TAPE or heuristic."),
]
JudgeOption = Annotated[list[str] | None, typer.Option(help="KEY=VALUE for the judges.")]
JudgeRepeats = Annotated[int | None, typer.Option(help="Ask each question so often [1].")]
JudgeAggregate = Annotated[
    str | None, typer.Option(help="median, mean or majority of several verdicts [median].")
]
JudgePrompt = Annotated[
    str | None, typer.Option(help="Official prompt file in place of our own wording.")
]
JudgeTape = Annotated[str | None, typer.Option(help="Keep the judges' replies in this file.")]
Prices = Annotated[str | None, typer.Option(help="Price table (TOML) that goes before ours.")]
MaxCost = Annotated[float | None, typer.Option(help="Stop before judges cost more dollars.")]
PoolJudges = Annotated[
    bool | None,
    typer.Option("--pool-judges", help="Average verdicts of different served models."),
]


def _version(value: bool) -> None:
    if value:
        print(f"umm-evals {evals.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print version.")
    ] = False,
) -> None:
    pass


def _flags(**given: Any) -> dict[str, Any]:
    """Flags as `evals.config.build_config` wants them: only what was given."""
    from evals.config import pairs

    flags = {k: v for k, v in given.items() if v not in (None, [], ())}
    for key, flag in (
        ("ocr_options", "--ocr-option"),
        ("ocr_second_options", "--ocr-second-option"),
        ("weights", "--weights"),
        ("judge_options", "--judge-option"),
        ("data", "--data"),
    ):
        if key in flags:
            flags[key] = pairs(flags[key], flag)
    if "out" in flags:
        flags["out"] = str(flags["out"])
    return flags


# --- doing ----------------------------------------------------------------------------------


@app.command()
def demo(
    out: Out = None, limit: Annotated[int | None, typer.Option(help="Fewer samples.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Score simple models on the built-in suite of every area, offline, and write a report."""
    from evals import commands

    flags = _flags(
        models=["copy-source", "ground-truth", "classical", "builtin", "shuffled-truth"],
        preset="quick",
        judges=["heuristic"],
        out=out or Path("runs/demo"),
        limit=limit,
    )
    raise typer.Exit(commands.run(None, flags, as_json=as_json, report=True))


@app.command()
def run(
    config: ConfigFile = None, model: Models = None, benchmark: Benchmarks = None,
    suite: Annotated[
        str | None, typer.Option(help="Suite of the benchmarks that name none.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Benchmarks by the name of a sweep: list presets.")
    ] = None,
    data: Data = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder with one folder of data per benchmark.")
    ] = None,
    out: Out = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run [0].")] = None,
    trials: Annotated[
        int | None, typer.Option(help="Repeats per sample [as many as the protocol has].")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Only so many samples, spread over the groups.")
    ] = None,
    anchors: Annotated[
        bool | None, typer.Option(help="Also run copy-source and ground-truth [yes].")
    ] = None,
    metric: MetricNames = None, ocr: Ocr = None, ocr_option: OcrOption = None,
    ocr_second: OcrSecond = None, ocr_second_option: OcrSecondOption = None,
    device: Device = None, weights: Weights = None, errata: Errata = None,
    judge: Judges = None, judge_option: JudgeOption = None, judge_repeats: JudgeRepeats = None,
    judge_aggregate: JudgeAggregate = None, judge_prompt: JudgePrompt = None,
    judge_tape: JudgeTape = None, prices: Prices = None, max_cost: MaxCost = None,
    pool_judges: PoolJudges = None,
    workers: WorkerCount = None,
    report: Annotated[bool, typer.Option(help="Write report.html beside the runs.")] = True,
    export: Export = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run models over benchmarks and score them; the same command again resumes."""
    from evals import commands

    flags = _flags(
        models=model, benchmarks=benchmark, preset=preset, suite=suite, data=data,
        data_root=str(data_root) if data_root else None, out=out, seed=seed, trials=trials,
        limit=limit, anchors=anchors, metrics=metric, ocr=ocr, ocr_options=ocr_option,
        ocr_second=ocr_second, ocr_second_options=ocr_second_option,
        device=device, weights=weights, errata=errata, workers=workers,
        judges=judge, judge_options=judge_option, judge_repeats=judge_repeats,
        judge_aggregate=judge_aggregate, judge_prompt=judge_prompt, judge_tape=judge_tape,
        prices=prices, max_cost=max_cost, pool_judges=pool_judges,
    )  # fmt: skip
    raise typer.Exit(
        commands.run(config, flags, as_json=as_json, report=report, dry_run=dry_run, export=export)
    )


@app.command()
def score(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders of runs.")],
    data: Data = None, metric: MetricNames = None, ocr: Ocr = None,
    ocr_option: OcrOption = None, ocr_second: OcrSecond = None,
    ocr_second_option: OcrSecondOption = None, device: Device = None, weights: Weights = None,
    errata: Errata = None, workers: WorkerCount = None,
    judge: Judges = None, judge_option: JudgeOption = None, judge_repeats: JudgeRepeats = None,
    judge_aggregate: JudgeAggregate = None, judge_prompt: JudgePrompt = None,
    judge_tape: JudgeTape = None, prices: Prices = None, max_cost: MaxCost = None,
    pool_judges: PoolJudges = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute failed scores again.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Score stored predictions again: other engines, weights or metrics; no model is run."""
    from evals import commands

    flags = _flags(
        data=data, metrics=metric, ocr=ocr, ocr_options=ocr_option,
        ocr_second=ocr_second, ocr_second_options=ocr_second_option, device=device,
        weights=weights, errata=errata, workers=workers,
        judges=judge, judge_options=judge_option, judge_repeats=judge_repeats,
        judge_aggregate=judge_aggregate, judge_prompt=judge_prompt, judge_tape=judge_tape,
        prices=prices, max_cost=max_cost, pool_judges=pool_judges,
    )  # fmt: skip
    raise typer.Exit(commands.rescore(runs, flags, retry_failed=retry_failed, as_json=as_json))


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders of runs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file.")] = Path("report.html"),
    embed: Annotated[
        str, typer.Option(help="thumbs: one file; link: refer to the images; none: no images.")
    ] = "thumbs",
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    export: Export = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page from stored runs; needs neither data nor a network."""
    from evals import stored

    raise typer.Exit(
        stored.report(runs, out, embed=embed, title=title, export=export, as_json=as_json)
    )


@app.command()
def outputs(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    to: Annotated[Path, typer.Option("--to", help="The model's folder in that layout.")],
    layout: Annotated[
        str, typer.Option(help="official: of the released script; kit: GenEditEvalKit's output/.")
    ] = "official",
    as_json: Json = False,
) -> None:
    """Lay out a run's images as an official script expects them, to score them there as well."""
    from evals import stored

    raise typer.Exit(stored.outputs(run, to, layout, as_json=as_json))


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A run folder.")],
    b: Annotated[str, typer.Argument(help="Another run folder, or published:MODEL.")],
    column: Annotated[
        list[str] | None, typer.Option(help="Only these columns, e.g. ocr_strict.F1.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two runs sample by sample, or a run with a published row."""
    from evals import stored

    raise typer.Exit(stored.compare(a, b, column or [], as_json=as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing for what, and how to get it."""
    from evals import listing

    raise typer.Exit(listing.doctor(as_json=as_json))


@app.command()
def conformance(
    paths: Annotated[list[Path], typer.Argument(help="Vector files, or folders of them.")],
    as_json: Json = False,
) -> None:
    """Replay vectors recorded from official scorers; exit 1 on any mismatch."""
    from evals import listing

    raise typer.Exit(listing.conformance(paths, as_json=as_json))


# --- the door -------------------------------------------------------------------------------


def _fail(message: str, code: int, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"error": message}, ensure_ascii=False))
    print(f"umm-evals: {message}", file=sys.stderr)
    raise SystemExit(code)


def _check_imports() -> None:
    """Refuse to run when a package of ours is shadowed: the errors further in are a riddle."""
    import importlib.util

    home = Path(__file__).resolve().parent.parent
    for name in ("benchmarks", "model", "judges", "metrics", "synth", "reports"):
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places or Path(places[0]).resolve() != home / name:
            where = places[0] if places else "nowhere"
            raise UserError(
                f"The package {name!r} is found in {where} and hides ours in {home / name}; "
                "install umm-evals into a virtual environment of its own."
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        _check_imports()
        app(args=words, prog_name="umm-evals")
    except UserError as error:
        _fail(str(error), 2, as_json)
    except (Interrupted, KeyboardInterrupt):
        _fail(
            "interrupted; everything finished is stored, run the same command again to go on.",
            130,
            as_json,
        )
    except BrokenPipeError:
        # The reader of a pipe left (`| head`); there is nobody to tell.
        sys.stderr.close()
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
