"""What each command of `umm-evals finetune` does; every function returns the exit code.

torch and everything that needs it are imported inside the functions.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evals.console import interruptible, out, print_json, say, show_list, show_table
from evals.core.errors import MissingExtra, UserError

if TYPE_CHECKING:
    from model.finetune.config import Config, Task

PURPOSE = "umm-evals finetune"
SHOWN = 6
"""Columns of a step that the terminal shows; all are in the report."""


def _need() -> None:
    """Refuse when a package that training takes is absent.

    Raises:
        MissingExtra: with the command that installs it.
    """
    packages = ("torch", "transformers", "diffusers", "safetensors", "accelerate", "omegaconf")
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "finetune", PURPOSE)


def _show(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)


# --- run --------------------------------------------------------------------------------------


def run(
    source: str, changes: Sequence[str], *, dry_run: bool, force: bool, as_json: bool
) -> int:  # fmt: skip
    """Train by a configuration; what is stored is gone on from."""
    _need()
    from model.finetune.reading import read

    config = read(source, changes)
    scorer = None
    if config.evaluate.every:
        from evals.finetune_scoring import score

        # At the door: the first evaluation may be hours away.
        score.check(config.evaluate)
        scorer = score
    if dry_run:
        return _dry_run(config, as_json=as_json)
    from model.finetune.trainer import finetune

    with interruptible():
        outcome = finetune(config, scorer=scorer, force=force, say=say)
    page = _report(Path(config.out).expanduser())
    if as_json:
        print_json({**asdict(outcome), "report": None if page is None else str(page)})
        return 0
    ended = "finished" if outcome.finished else "stopped, everything is kept"
    _show(f"{ended}: step {outcome.step} of {config.steps}, checkpoint {outcome.checkpoint}")
    if page is not None:
        _show(f"report: {page}")
    return 0


def _dry_run(config: Config, *, as_json: bool) -> int:
    """What would be trained, on what, and the first rows as images; every key with its value.

    Raises:
        UserError: the checkpoint or a part of the data cannot be used.
    """
    from model.finetune.preview import preview
    from model.finetune.reading import resolved

    found = preview(config)
    if as_json:
        print_json({"config": asdict(config), **asdict(found)})
        return 0
    _show(resolved(config).rstrip())
    show_table(
        ["part", "numbers", "trained"],
        [[part, f"{total:,}", f"{some:,}"] for part, (total, some) in found.parts.items()],
    )
    for part in found.sources:
        gone = ", ".join(f"{n} {why}" for why, n in part["dropped"].items())
        _show(f"{part['name']}: {part['kept']} of {part['rows']} rows" + f" ({gone})" * bool(gone))
    show_table(
        ["learnt from", "task", "share", "height x width", "rows"],
        [
            [s["source"], s["task"], f"{s['share']:.1%}", _size(s["bucket"]), f"{s['rows']:,}"]
            for s in found.shares
        ],
    )
    held = ", ".join(f"{what} {size:.2f}" for what, size in found.memory.items())
    _show(f"memory without activations: {sum(found.memory.values()):.2f} GB ({held})")
    if found.page is not None:
        _show(f"the first rows: {found.page}")
    return 0


def _size(bucket: Sequence[int] | None) -> str:
    return "" if bucket is None else f"{bucket[0]} x {bucket[1]}"


def _report(folder: Path) -> Path | None:
    """The page over everything that was scored below a run; None where nothing was."""
    from evals.core.store import RUN, StoredRun, find_runs
    from reports.html import write_report

    place = folder / "evals"
    if not any(place.rglob(RUN)):
        return None
    runs = [StoredRun.read(f) for f in find_runs([place])]
    return write_report(runs, folder / "report.html")


# --- data, export -----------------------------------------------------------------------------


def data(
    folder: Path, *, task: str, split: str, count: int, size: int, seed: int, workers: int,
    as_json: bool,
) -> int:  # fmt: skip
    """Draw rows to learn from, and say what was made."""
    from model.data.text_edits import write_text_edits

    with interruptible():
        made = write_text_edits(
            folder.expanduser(), task=cast("Task", task), split=split, count=count, seed=seed,
            size=size, workers=workers,
        )  # fmt: skip
    if as_json:
        print_json(made)
        return 0
    for key, value in made.items():
        _show(f"{key}: {value}")
    return 0


def export(run: Path, to: Path, *, step: int | None, ema: bool, as_json: bool) -> int:
    """Write a checkpoint in the official layout and say how to use it."""
    _need()
    from model.finetune.export import export as write

    place = write(run.expanduser(), to.expanduser(), step=step, ema=ema)
    if as_json:
        print_json({"checkpoint": str(place)})
        return 0
    _show(f"checkpoint: {place}")
    say(f"try it: umm-evals run -m internvlu:{place} -b textedit/synth")
    return 0


# --- evaluate ---------------------------------------------------------------------------------


def evaluate(run: Path, wanted: Sequence[int], *, as_json: bool) -> int:
    """Score kept checkpoints; what is scored already is not done again."""
    _need()
    from evals.finetune_scoring import REASON, score
    from model.finetune.checkpoints import pick, read_state
    from model.finetune.checkpoints import steps as kept
    from model.finetune.export import load_pipeline
    from model.finetune.hooks import describe
    from model.finetune.reading import stored_config
    from model.torch_tools import free_memory

    folder = run.expanduser()
    config = stored_config(folder)
    score.check(config.evaluate)
    there = kept(folder)
    _check_steps(folder, wanted, there)
    found: dict[int, Mapping[str, Any]] = {}
    with interruptible():
        for step in wanted or there:
            pipe = load_pipeline(folder, step=step, ema=True)
            place = pick(folder, step)
            # Of what it was made with, which --force may have changed since.
            training = describe(stored_config(place), step, read_state(place).base)
            found[step] = score(
                pipe, training=training, evaluate=config.evaluate,
                sampling=config.sampling, out=folder,
            )  # fmt: skip
            del pipe  # the next one must fit beside nothing
            free_memory()
    page = _report(folder)
    incomplete = any(REASON + "run" in numbers for numbers in found.values())
    if as_json:
        print_json({"steps": found, "report": str(page), "complete": not incomplete})
    else:
        _show_steps(found)
        _show(f"report: {page}")
    return int(incomplete)


def _check_steps(folder: Path, wanted: Sequence[int], there: Sequence[int]) -> None:
    """Refuse steps of which nothing is kept, before the first is scored.

    Raises:
        UserError: naming those that are there.
    """
    if not there:
        raise UserError(f"{folder} holds no checkpoint of a fine-tuning; train it first.")
    for step in wanted:
        if step not in there:
            raise UserError(
                f"{folder} holds no checkpoint of step {step}; it has {', '.join(map(str, there))}."
            )


def _show_steps(found: Mapping[int, Mapping[str, Any]]) -> None:
    """A line per step with its first numbers, and why others are not there."""
    from evals.finetune_scoring import COVERAGE, REASON

    named = {
        key: None
        for numbers in found.values()
        for key in numbers
        if not key.startswith((COVERAGE, REASON))
    }
    shown = list(named)[:SHOWN]
    rows = [
        [str(step), *("—" if k not in n else f"{n[k]:.4g}" for k in shown)]
        for step, n in found.items()
    ]
    show_table(["step", *shown], rows)
    whys = {
        f"{key.removeprefix(REASON)}: {why}": None
        for numbers in found.values()
        for key, why in numbers.items()
        if key.startswith(REASON)
    }
    for why in whys:
        say(why)


# --- presets ----------------------------------------------------------------------------------


def presets(*, as_json: bool) -> int:
    """Configurations that have a name, with what each is for."""
    from model.finetune.reading import about
    from model.finetune.reading import presets as known

    rows = [[name, about(path), str(path)] for name, path in known().items()]
    if as_json:
        print_json([dict(zip(("name", "doc", "file"), r, strict=True)) for r in rows])
    else:
        show_list(["preset", "what it is for"], [r[:2] for r in rows])
    return 0
