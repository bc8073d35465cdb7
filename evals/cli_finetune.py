"""The words of `umm-evals finetune ...`; `evals.finetune_commands` does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


class _RunByDefault(TyperGroup):
    """A group whose first word, where it is none of its commands, is what ``run`` is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` in front of a configuration."""
        words = [a for a in args if not a.startswith("-")]
        if words and words[0] not in self.commands:
            args = ["run", *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


finetune_app = typer.Typer(
    cls=_RunByDefault, no_args_is_help=True, rich_markup_mode=None,
    help="Train the bundled model: its data, runs, their curves on a validation suite, and what "
    "comes out. `finetune CONFIG` is short for `finetune run CONFIG`.",
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Run = Annotated[Path, typer.Argument(help="Folder of a fine-tuning.")]


@finetune_app.command("run")
def run(
    config: Annotated[str, typer.Argument(help="YAML file, or the name of a preset.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Over the file: optimizer.lr=1e-4 out=DIR."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, show the whole configuration.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Go on although the configuration or data changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train; the same command again goes on where it stopped."""
    from evals import finetune_commands

    raise typer.Exit(
        finetune_commands.run(
            config, changes or [], dry_run=dry_run, force=force, as_json=as_json
        )
    )  # fmt: skip


@finetune_app.command("data")
def data(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to be made.")],
    task: Annotated[str, typer.Option(help="What its rows teach.")] = "edit",
    split: Annotated[str, typer.Option(help="train or val; bench is refused.")] = "train",
    count: Annotated[int, typer.Option(help="Rows.")] = 2000,
    size: Annotated[int, typer.Option(help="Longer side of the images in pixels.")] = 256,
    seed: Annotated[int, typer.Option(help="Of the wordings; the scenes are the same.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes that draw.")] = 2,
    as_json: Json = False,
) -> None:
    """Draw text edits with exact answers, to learn from."""
    from evals import finetune_commands

    raise typer.Exit(
        finetune_commands.data(
            folder, task=task, split=split, count=count, size=size, seed=seed, workers=workers,
            as_json=as_json,
        )
    )  # fmt: skip


@finetune_app.command("export")
def export(
    run: Run,
    to: Annotated[Path, typer.Option("--to", help="Folder to be made.")],
    step: Annotated[int | None, typer.Option(help="Of the checkpoint [the newest].")] = None,
    no_ema: Annotated[
        bool, typer.Option("--no-ema", help="The weights themselves, not their moving average.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a checkpoint in the official layout, for internvlu:DIR and umm-evals model."""
    from evals import finetune_commands

    raise typer.Exit(
        finetune_commands.export(run, to, step=step, ema=not no_ema, as_json=as_json)
    )  # fmt: skip


@finetune_app.command("evaluate")
def evaluate(
    run: Run,
    step: Annotated[
        list[int] | None, typer.Option("--step", help="Repeat for several [all that are kept].")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score kept checkpoints on the validation suite and write the report of the run."""
    from evals import finetune_commands

    raise typer.Exit(finetune_commands.evaluate(run, step or [], as_json=as_json))


@finetune_app.command("presets")
def presets(as_json: Json = False) -> None:
    """List the configurations that have a name."""
    from evals import finetune_commands

    raise typer.Exit(finetune_commands.presets(as_json=as_json))
