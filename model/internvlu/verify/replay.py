"""All stages over one fixture folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from evals.core.errors import UserError
from model.internvlu.verify.checks import Check, Checks, listed
from model.internvlu.verify.language import language
from model.internvlu.verify.pieces import rotations, solver, vae
from model.internvlu.verify.processor import processor
from model.internvlu.verify.recorded import EXPECTED, Fixture
from model.internvlu.verify.runs import runs
from model.internvlu.verify.text import keys, prompts, sizes
from model.internvlu.verify.velocity import velocity

STAGES: tuple[tuple[str, tuple[str, ...], Callable[[Fixture, Checks], None]], ...] = (
    ("keys", ("state_dict_keys.json",), keys),
    ("prompts", ("prompts.json",), prompts),
    ("sizes", ("resize_rules.json",), sizes),
    ("processor", ("processor.safetensors",), processor),
    ("vlm", ("vlm.safetensors",), language),
    ("msrope", ("msrope.json", "msrope.safetensors"), rotations),
    ("scheduler", ("scheduler.safetensors",), solver),
    ("vae", ("vae.safetensors",), vae),
    ("decoder", ("decoder.safetensors",), velocity),
)
"""Stage, the recorded files that it needs, and what replays them."""

RUNS, NAMES = ("runs.json", "run_*.safetensors"), ("vlm.json", "decoder.json")
QUIRKS = "quirks.json"


def verify(folder: Path) -> list[Check]:
    """Replay everything that is recorded in a folder.

    The implementation runs in float32 on the CPU, as the reference did, and with
    ``reference_compat``.

    Args:
        folder: holds ``tiny-checkpoint/`` and ``expected/``.

    Returns:
        Rows in the order of the stages. What is recorded and not compared has a row that says so.

    Raises:
        UserError: there is no such checkpoint, or nothing is recorded.
    """
    fixture, checks = Fixture(folder), Checks()
    anything = any(fixture.has(f) for _, files, _ in STAGES for f in files)
    recorded = [p for pattern in RUNS for p in fixture.expected.glob(pattern)]
    if not anything and not recorded:
        raise UserError(
            f"{fixture.expected} holds none of the recorded files; name a folder with the "
            "recordings of a checkpoint."
        )
    with torch.no_grad():
        for stage, files, replay in STAGES:
            absent = [f for f in files if not fixture.has(f)]
            if absent:
                checks.leave_out(stage, "", "file", f"{EXPECTED}/{absent[0]} is absent")
                continue
            _guarded(fixture, checks, stage, replay)
        if recorded:
            _guarded(fixture, checks, "run", runs)
        else:
            checks.leave_out("run", "", "file", f"no run is in {EXPECTED}")
    _rest(fixture, checks)
    return checks.rows


def _guarded(
    fixture: Fixture, checks: Checks, stage: str, replay: Callable[[Fixture, Checks], None]
) -> None:
    """A stage, which leaves at least one row."""
    before = len(checks.rows)
    with checks.guard(stage):
        replay(fixture, checks)
        if len(checks.rows) == before:
            raise UserError("Nothing that can be compared is recorded.")


def _rest(fixture: Fixture, checks: Checks) -> None:
    """What nothing above has looked at."""
    if fixture.has(QUIRKS):
        checks.leave_out("quirks", "", "file", "errors of the reference, which are not repeated")
    for tensors in fixture.opened():
        left = tensors.unseen()
        if left:
            checks.leave_out("file", tensors.name, "tensors", listed(left))
    files = (file for _, needed, _ in STAGES for file in needed)
    known = {*files, *RUNS, *NAMES, QUIRKS}
    odd = [
        p.name for p in sorted(fixture.expected.iterdir())
        if p.suffix != ".png" and not any(p.match(pattern) for pattern in known)
    ]  # fmt: skip
    if odd:
        checks.leave_out("file", "", "files", f"not known: {listed(odd)}")
