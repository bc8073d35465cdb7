"""The words of `umm-evals judge ...`; what they do is `evals.judging`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

judge_app = typer.Typer(
    no_args_is_help=True, help="Look at judges: tapes, agreement, offsets, what they notice.",
    rich_markup_mode=None,
)  # fmt: skip
tape_app = typer.Typer(no_args_is_help=True, help="Look at tapes.", rich_markup_mode=None)
judge_app.add_typer(tape_app, name="tape")

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Runs = Annotated[list[Path], typer.Argument(help="Run folders, or folders of runs.")]
MetricName = Annotated[
    str, typer.Option("--metric", help="judge or judge_heuristic [the run's own].")
]
Tapes = Annotated[
    list[Path] | None, typer.Argument(help="Tapes or run folders [all tapes in the cache].")
]


@tape_app.command("show")
def tape_show(tapes: Tapes = None, as_json: Json = False) -> None:
    """Show who was asked how often, how it ended, and what it cost."""
    from evals import judging

    raise typer.Exit(judging.show_tapes(tapes or [], as_json=as_json))


@tape_app.command("merge")
def tape_merge(
    tapes: Annotated[list[Path], typer.Argument(help="Tapes or run folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Tape that takes them in.")],
    as_json: Json = False,
) -> None:
    """Append tapes, or the verdicts of runs, to one tape; what it holds is not added again."""
    from evals import judging

    raise typer.Exit(judging.merge_tapes(tapes, out, as_json=as_json))


@tape_app.command("export")
def tape_export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Tape to write.")],
    tapes: Tapes = None,
    as_json: Json = False,
) -> None:
    """Write the tapes of the cache, or those named, as one file to hand on."""
    from evals import judging

    raise typer.Exit(judging.merge_tapes(tapes or [], out, as_json=as_json))


@judge_app.command("agreement")
def agreement(runs: Runs, metric: MetricName = "", as_json: Json = False) -> None:
    """Show how far judges agree with each other and with themselves, failures and cost."""
    from evals import judging

    raise typer.Exit(judging.agreement(runs, metric=metric, as_json=as_json))


@judge_app.command("calibrate")
def calibrate(
    labels: Annotated[Path, typer.Argument(help="CSV with people's scores, see docs/judges.md.")],
    runs: Annotated[list[Path], typer.Option("--run", "-r", help="Run that was judged.")],
    metric: MetricName = "",
    as_json: Json = False,
) -> None:
    """Compare the verdicts of runs with people's scores."""
    from evals import judging

    raise typer.Exit(judging.calibrate(labels, runs, metric=metric, as_json=as_json))


@judge_app.command("bridge")
def bridge(
    old: Annotated[Path, typer.Argument(help="Run judged by the old judge.")],
    new: Annotated[Path, typer.Argument(help="The same outputs judged by the new one.")],
    metric: MetricName = "",
    as_json: Json = False,
) -> None:
    """Estimate the offset between two judges that judged the same outputs."""
    from evals import judging

    raise typer.Exit(judging.bridge(old, new, metric=metric, as_json=as_json))


@judge_app.command("validate")
def validate(
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="[NAME=]BACKEND[:ARGUMENT].")
    ] = None,
    judge_option: Annotated[list[str] | None, typer.Option(help="KEY=VALUE for the judge.")] = None,
    judge_repeats: Annotated[int | None, typer.Option(help="Ask so often [1].")] = None,
    judge_prompt: Annotated[str | None, typer.Option(help="Official prompt file.")] = None,
    judge_tape: Annotated[str | None, typer.Option(help="Keep the replies in this file.")] = None,
    prices: Annotated[str | None, typer.Option(help="Price table (TOML).")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop before it costs more.")] = None,
    benchmark: Annotated[str, typer.Option("--benchmark", "-b", help="Whose.")] = "textedit",
    scenes: Annotated[int, typer.Option(help="How many scenes are spoilt.")] = 18,
    levels: Annotated[str, typer.Option(help="all, or ends: the worst alone.")] = "all",
    ocr: Annotated[str | None, typer.Option(help="OCR engine of the heuristic.")] = None,
    device: Annotated[str | None, typer.Option(help="torch device of a local judge.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes of the heuristic.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what it takes.")] = False,
    as_json: Json = False,
) -> None:
    """Show a judge graded wrong answers and print which defect it notices."""
    from evals.config import pairs
    from evals.validate import validate as call

    given = {
        "judges": judge, "judge_repeats": judge_repeats, "judge_prompt": judge_prompt,
        "judge_tape": judge_tape, "prices": prices, "max_cost": max_cost, "ocr": ocr,
        "device": device, "workers": workers,
        "judge_options": pairs(judge_option or [], "--judge-option"),
    }  # fmt: skip
    flags = {k: v for k, v in given.items() if v not in (None, [], {})}
    raise typer.Exit(
        call(flags, benchmark=benchmark, scenes=scenes, levels=levels, dry_run=dry_run,
             as_json=as_json)
    )  # fmt: skip
