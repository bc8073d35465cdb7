"""What is looked at while a run goes on: grids of images, and a validation suite's scores."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from PIL import Image, ImageDraw, ImageFont

from evals.core.errors import UserError
from evals.core.writing import write_atomic
from model.finetune.config import Config, Data, Entry, Evaluate, Sampling
from model.finetune.prepare import cache_of
from model.finetune.reading import identity
from model.finetune.refuse import Guard
from model.finetune.rows import Row
from model.finetune.signals import Signals
from model.finetune.sources import open_source
from model.internvlu.guidance import choose
from model.torch_tools import png

if TYPE_CHECKING:
    from model.finetune.prepare import Networks
    from model.internvlu.pipeline import InternVLUPipeline

Scorer: TypeAlias = "Callable[..., Mapping[str, float | str]]"
"""``(pipe, *, training, evaluate, sampling, out)`` to numbers, and reasons where there is none; see
`evals.finetune_scoring`."""

SAMPLES = "samples"
_LINE, _GAP, _SIDE, _LONGEST = 18, 6, 320, 110


class Hooks:
    """Made by the first process alone.

    Args:
        config: of the run.
        networks: being trained.
        accelerator: of the run.
        scorer: of a validation suite.
        ema: moving average of `trained`; images are made with it.
        trained: parameters.
        say: told what goes on.
        able: whether this process holds whole weights.
        signals: that end what is made here.
    """

    def __init__(
        self, config: Config, networks: Networks, accelerator: Any, scorer: Scorer | None,
        ema: Any | None, trained: Sequence[Any], say: Callable[[str], None], *, able: bool,
        signals: Signals,
    ) -> None:  # fmt: skip
        self.config = config
        self.networks = networks
        self.accelerator = accelerator
        self.scorer = scorer
        self.ema = ema
        self.trained = trained
        self.say = say
        self.folder = Path(config.out).expanduser()
        wanted = bool(config.sampling.every or config.evaluate.every)
        if wanted and not able:
            say("weights are in pieces here: no images and scores while it runs; afterwards make "
                f"them with: umm-evals finetune evaluate {config.out}")  # fmt: skip
        if config.evaluate.every and scorer is None:
            raise UserError(
                "evaluate.every is set and nothing here can score; start it with umm-evals "
                "finetune, or set evaluate.every to 0."
            )
        self.able = able
        self.signals = signals
        draws = config.sampling.every and accelerator.is_main_process
        self.rows = validation_rows(config) if draws else []

    def due(self, step: int) -> bool:
        """Whether there is something to look at after an update."""
        return self._due(self.config.sampling.every, step) or self._scores(step)

    def _due(self, every: int, step: int) -> bool:
        return bool(every) and (step % every == 0 or step == self.config.steps)

    def _scores(self, step: int) -> bool:
        how = self.config.evaluate
        return self._due(how.every, step) and (step > 0 or how.at_start)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The moving average in the place of the weights."""
        if self.ema is None:
            yield
            return
        self.ema.store(self.trained)
        self.ema.copy_to(self.trained)
        try:
            yield
        finally:
            self.ema.restore(self.trained)

    @contextlib.contextmanager
    def pipeline(self) -> Iterator[InternVLUPipeline]:
        """The networks as they would be used."""
        from model.internvlu.pipeline import InternVLUPipeline

        joint = self.networks.joint
        joint.eval()
        try:
            with self.averaged(), self.accelerator.autocast(), torch.no_grad():
                yield InternVLUPipeline(self.networks.parts)
        finally:
            joint.train()

    def look(
        self, step: int, *, drawn: bool = False, scored: bool = False
    ) -> dict[str, float | str]:
        """Make what is due after an update.

        Args:
            step: updates made.
            drawn: leave out a grid that is there.
            scored: leave out the scores.

        Returns:
            Numbers of the validation suite.

        Raises:
            Stopped: a signal came; the networks are as they were.
        """
        draws = self._due(self.config.sampling.every, step)
        draws = draws and not (drawn and self._page(step).is_file())
        scores = self._scores(step) and not scored
        if not self.able or not (draws or scores):
            return {}
        # In this order: what the pipeline puts back is put back whole.
        with self.pipeline() as pipe, self.signals.leaving():
            if draws:
                self._grid(pipe, step)
            if not scores:
                return {}
            assert self.scorer is not None
            found = dict(
                self.scorer(
                    pipe, training=describe(self.config, step, self.networks.base),
                    evaluate=self.config.evaluate, sampling=self.config.sampling, out=self.folder,
                )
            )  # fmt: skip
        numbers = [(k, v) for k, v in found.items() if isinstance(v, float)]
        shown = ", ".join(f"{k} {v:.3f}" for k, v in numbers[:6])
        self.say(f"step {step} on {self.config.evaluate.suite}: {shown}")
        return found

    def _grid(self, pipe: InternVLUPipeline, step: int) -> None:
        how = self.config.sampling
        made = [
            pipe.make(
                [row.prompt], [[] if row.source is None else [row.source]],
                [pipe.default_size if row.source is None else pipe.source_size(row.source)],
                steps=how.steps, seeds=n, shift=None,
                scales=choose(how.guidance_scale, how.image_guidance_scale, think=False),
            )[0].image
            for n, row in enumerate(self.rows)
        ]  # fmt: skip
        write_atomic(self._page(step), png(grid(self.rows, made)))

    def _page(self, step: int) -> Path:
        return self.folder / SAMPLES / f"step-{step:08d}.png"


def validation_rows(config: Config) -> list[Row]:
    """The same rows for every grid, of the validation split.

    Raises:
        UserError: there are none.
    """
    how = config.sampling
    entry = Entry(
        path=how.rows, task=how.task, columns=how.columns, splits=("val",), name="sampling.rows"
    )  # fmt: skip
    source = open_source(
        entry, Data(min_side=16), Guard.of(()), cache_of(config), config.resolution
    )  # fmt: skip
    every = max(1, len(source.kept) // how.count)
    return [source.read(int(n)) for n in source.kept[::every][: how.count]]


def describe(config: Config, step: int, base: str) -> dict[str, Any]:
    """What identifies the weights of a step, for the model's description in a run folder."""
    return {
        "name": config.title, "step": step,
        "config": identity(config), "checkpoint": base, "ema": bool(config.ema.decay),
    }  # fmt: skip


def grid(rows: Sequence[Row], made: Sequence[Image.Image] | None) -> Image.Image:
    """Rows below each other: the source, what was made, what is wanted, under the prompt.

    Args:
        rows: of the data.
        made: of each; None where nothing is made yet.
    """
    columns = ["source", *(["made"] if made is not None else []), "wanted"]
    strips = []
    for n, row in enumerate(rows):
        images = [row.source, *([made[n]] if made is not None else []), row.target]
        strips.append([_small(image) if image is not None else None for image in images])
    heights = [max(i.height for i in strip if i is not None) + _LINE + _GAP for strip in strips]
    page = Image.new("RGB", (len(columns) * (_SIDE + _GAP), _LINE + sum(heights)), "white")
    draw, font, top = ImageDraw.Draw(page), ImageFont.load_default(size=12), _LINE
    for n, name in enumerate(columns):
        draw.text((n * (_SIDE + _GAP) + 2, 1), name, fill="#666666", font=font)
    for row, strip, height in zip(rows, strips, heights, strict=True):
        # Half a character cannot be drawn.
        words = " ".join(row.prompt.encode(errors="backslashreplace").decode().split())
        shown = words if len(words) < _LONGEST else words[: _LONGEST - 3] + "..."
        draw.text((2, top + 1), shown, fill="black", font=font)
        for n, image in enumerate(strip):
            if image is not None:
                page.paste(image, (n * (_SIDE + _GAP), top + _LINE))
        top += height
    return page


def _small(image: Image.Image) -> Image.Image:
    scale = _SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


__all__ = ["SAMPLES", "Evaluate", "Hooks", "Sampling", "Scorer", "describe", "grid"]
