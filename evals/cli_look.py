"""The words of `umm-evals list`, `show` and `data`, which only look; see `evals.listing`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

list_app = typer.Typer(no_args_is_help=True, help="List what can be used.", rich_markup_mode=None)
show_app = typer.Typer(no_args_is_help=True, help="Show one thing whole.", rich_markup_mode=None)
data_app = typer.Typer(no_args_is_help=True, help="Check benchmark data.", rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@list_app.command("models")
def list_models(as_json: Json = False) -> None:
    """List the adapters that run models."""
    from evals import listing

    raise typer.Exit(listing.list_models(as_json=as_json))


@list_app.command("benchmarks")
def list_benchmarks(as_json: Json = False) -> None:
    """List the benchmarks and their suites."""
    from evals import listing

    raise typer.Exit(listing.list_benchmarks(as_json=as_json))


@list_app.command("presets")
def list_presets(as_json: Json = False) -> None:
    """List the sweeps that have a name, and what is in them."""
    from evals import listing

    raise typer.Exit(listing.list_presets(as_json=as_json))


@list_app.command("judges")
def list_judges(as_json: Json = False) -> None:
    """List the judge backends."""
    from evals import judging

    raise typer.Exit(judging.list_judges(as_json=as_json))


@list_app.command("metrics")
def list_metrics(as_json: Json = False) -> None:
    """List the metrics: every number with range, direction and whether it can be had here."""
    from evals import listing

    raise typer.Exit(listing.list_metrics(as_json=as_json))


@show_app.command("benchmark")
def show_benchmark(
    name: Annotated[str, typer.Argument(help="Name of a benchmark.")], as_json: Json = False
) -> None:
    """Show a benchmark: protocol, suites, metrics, headline, published rows."""
    from evals import showing

    raise typer.Exit(showing.show_benchmark(name, as_json=as_json))


@show_app.command("model")
def show_model(
    name: Annotated[str, typer.Argument(help="Name of an adapter.")], as_json: Json = False
) -> None:
    """Show an adapter: what it takes and its options."""
    from evals import listing

    raise typer.Exit(listing.show_model(name, as_json=as_json))


@data_app.command("verify")
def data_verify(
    benchmark: Annotated[str, typer.Argument(help="NAME[/SUITE][@REVISION].")],
    data: Annotated[Path | None, typer.Option(help="Folder in the official layout.")] = None,
    as_json: Json = False,
) -> None:
    """List missing, corrupt, duplicate and unexpected files before a run."""
    from evals import listing

    raise typer.Exit(listing.verify(benchmark, data, as_json=as_json))
