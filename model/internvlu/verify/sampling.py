"""From conditions and noise to images, for a recorded call of the pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.internvlu.decoder import Condition
from model.internvlu.guidance import guide
from model.internvlu.images import to_image
from model.internvlu.latents import decode
from model.internvlu.prompts import BRANCHES
from model.internvlu.sampler import COMPAT_SHIFT, Branches, draw_noise, make_scheduler, sample
from model.internvlu.sampler import Step as Made
from model.internvlu.verify import checks as limit
from model.internvlu.verify.calls import Arguments, Run
from model.internvlu.verify.checks import Row


def sampling(run: Run) -> None:
    """Every piece from what was recorded before it, then all steps from the noise on."""
    if run.arguments is not None:
        with run.row("noise") as row:
            recorded = run.data["latents.initial"]
            ours = draw_noise([tuple(x.shape) for x in recorded], run.arguments.seeds)
            row.equal(torch.stack(ours), recorded, "latents.initial")
    _schedule(run)
    if _recorded_steps(run):
        _steps(run)
    else:
        run.checks.leave_out("run", run.name, "single steps", "none is recorded")
    _whole(run)
    _decoded(run)


def _recorded_steps(run: Run) -> list[int]:
    return sorted({int(m[1]) for m in run.data.matching(r"step(\d+)\..+").values()})


def _before(run: Run, step: int) -> Tensor | None:
    """Latents that a step began with, where they are recorded."""
    return run.data.optional("latents.initial" if step == 0 else f"step{step - 1}.latents_next")


def _scheduler(run: Run) -> Any:
    steps = len(run.data["scheduler.timesteps"])
    return make_scheduler(run.fixture.pipe.parts.config.scheduler, steps, COMPAT_SHIFT)


def _schedule(run: Run) -> None:
    with run.row("timesteps") as row:
        ours = _scheduler(run).timesteps
        if run.arguments is not None:
            row.same(run.arguments.steps, len(ours), "steps")
            listed = run.arguments.results.get("timesteps", ours.tolist())
            row.same(ours.tolist(), listed, "timesteps of runs.json")
        row.equal(ours, run.data["scheduler.timesteps"], "scheduler.timesteps")
        for step in _recorded_steps(run):
            seen = run.data[f"step{step}.timestep"]
            row.equal(ours[step].expand_as(seen), seen, f"step{step}.timestep")
    with run.row("sigmas", limit.SIGMA) as row:
        row.near(_scheduler(run).sigmas, run.data["scheduler.sigmas"], "scheduler.sigmas")


def _steps(run: Run) -> None:
    """Velocities, guidance and solver, each step from recorded numbers."""
    steps, data = _recorded_steps(run), run.data
    with run.row("velocities", limit.VELOCITY) as row:
        decoder, conditions = run.fixture.pipe.parts.decoder, run.conditions()
        for step in steps:
            before = _before(run, step)
            if before is None:
                continue  # only the steps in a row reach it
            rows = list(before) * len(BRANCHES)
            prepared = decoder.prepare([(x.shape[1], x.shape[2]) for x in rows], conditions)
            ours = decoder(rows, data[f"step{step}.timestep"], prepared)
            key = f"step{step}.velocity_branches"
            row.near(torch.stack(ours), data[key], key)
    if run.arguments is not None:
        with run.row("guided velocities", limit.VELOCITY) as row:
            for step in steps:
                branches = data[f"step{step}.velocity_branches"].chunk(len(BRANCHES))
                time = int(data[f"step{step}.timestep"][0])
                ours = [
                    guide(full, partial, blank, time, run.arguments.scales)
                    for full, partial, blank in zip(*branches, strict=True)
                ]
                key = f"step{step}.velocity_guided"
                row.near(torch.stack(ours), data[key], key)
    with run.row("steps of the solver", limit.STEP) as row:
        scheduler = _scheduler(run)
        for step in steps:
            before = _before(run, step)
            if before is None:
                break  # the solver remembers the steps before
            flow = data[f"step{step}.velocity_guided"]
            time = scheduler.timesteps[step]
            ours = scheduler.step(flow, time, before, return_dict=False)[0]
            row.near(ours, data[f"step{step}.latents_next"], f"step{step}.latents_next")


def _whole(run: Run) -> None:
    """All steps in a row from recorded noise and conditions, and the images made of the result."""
    if run.arguments is None:
        return
    made: list[Tensor] = []
    with run.row("all steps in a row", limit.SAMPLED) as row:
        conditions, count = run.conditions(), len(run.data["latents.initial"])
        branches = [_branches(conditions[n::count]) for n in range(count)]
        steps = _recorded_steps(run)
        made = sample(
            run.fixture.pipe.parts.decoder, _scheduler(run), list(run.data["latents.initial"]),
            branches, run.arguments.scales,
            on_step=lambda step: _compare_step(run, row, step) if step.index in steps else None,
        )  # fmt: skip
    with run.row("image of all steps in a row", limit.GREY) as row:
        _compare_images(run, row, decode(run.fixture.pipe.parts.vae, made))


def _branches(rows: Sequence[Condition]) -> Branches:
    full, partial, blank = rows
    return Branches(full=full, partial=partial if partial.latents else None, blank=blank)


def _compare_step(run: Run, row: Row, step: Made) -> None:
    key = f"step{step.index}"
    guided, after = (run.data[f"{key}.{x}"] for x in ("velocity_guided", "latents_next"))
    row.near(torch.stack(list(step.guided)), guided, f"{key}.velocity_guided")
    row.near(torch.stack(list(step.latents)), after, f"{key}.latents_next")


def _decoded(run: Run) -> None:
    """Recorded latents to pixels, and recorded pixels to images."""
    times = run.data.optional("scheduler.timesteps")
    last = 0 if times is None else len(times) - 1
    latents = run.data.optional(f"step{last}.latents_next")
    if latents is None:
        run.checks.leave_out("run", run.name, "decoded", "the last latents are not recorded")
    else:
        with run.row("decoded", limit.DECODED) as row:
            ours = decode(run.fixture.pipe.parts.vae, list(latents))
            row.near(torch.stack(ours), run.data["decoded"], "decoded")
    with run.row("image of what was decoded", limit.GREY) as row:
        _compare_images(run, row, list(run.data["decoded"]))


# --- images -----------------------------------------------------------------------------------


def end_to_end(run: Run, arguments: Arguments) -> None:
    """The whole call from its prompts and images."""
    names = ", ".join(arguments.odd)
    with run.row("image from prompt and images", limit.GREY) as row:
        pictures = arguments.call(run.fixture.pipe, run.fixture.inputs)
        for n, picture in enumerate(pictures):
            _compare_image(run, row, picture.image, n)
        recorded = _count(run)
        if len(pictures) != recorded:
            row.fail(f"{recorded} images are recorded and ours are {len(pictures)}")
        if names and (row.problem or row.deviation > limit.GREY):
            row.remark = f"the call has the argument {names}, which the pipeline does not repeat"
        elif names:
            row.remark = f"without the argument {names}, which changed nothing"


def _count(run: Run) -> int:
    """How many images of a run are recorded."""
    pattern = rf"{re.escape(run.name)}\.(\d+)\.png"
    files = [m[1] for p in run.fixture.expected.iterdir() if (m := re.fullmatch(pattern, p.name))]
    tensors = [m[1] for m in run.data.matching(r"final\.(\d+)\.uint8_hwc").values()]
    return len({*files, *tensors})


def _compare_images(run: Run, row: Row, decoded: Sequence[Tensor]) -> None:
    """Compare decoded pixels, (3, height, width) each, with the recorded images."""
    for n, pixels in enumerate(decoded):
        if run.arguments is None:
            height, width = run.data[f"final.{n}.uint8_hwc"].shape[:2]
        else:
            height, width = run.arguments.size
        _compare_image(run, row, to_image(pixels, (height, width)), n)


def _compare_image(run: Run, row: Row, image: Image.Image, n: int) -> None:
    ours = torch.from_numpy(np.array(image))
    file, key = f"{run.name}.{n}.png", f"final.{n}.uint8_hwc"
    if run.fixture.has(file):
        row.near(ours, run.fixture.png(file), file)
    if run.data or not run.fixture.has(file):
        row.near(ours, run.data[key], key)
