"""What a fine-tuning can be told: one dataclass per section of the YAML file.

`reading` makes a `Config` of a file, its preset and what the command line adds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from evals.core.errors import UserError
from model.adapters.options import option

Task = Literal["t2i", "edit", "understand", "cot"]
TASKS: tuple[Task, ...] = get_args(Task)
DENSITIES = ("logit_normal", "mode", "uniform")
WEIGHTINGS = ("none", "sigma_sqrt", "cosmap")
SCHEDULES = ("constant", "cosine", "linear")
PRECISIONS = ("auto", "float32", "bf16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One part of the mixture."""

    path: str = option("", "Parquet or jsonl file, or a folder of them")
    task: str = option("", "what its rows teach", choices=TASKS)
    weight: float = option(1.0, "share of the samples, in relation to the other weights")
    name: str = option("", "in logs; that of the file when empty")
    columns: dict[str, str] = option({}, "our column -> the file's, where they differ")
    splits: tuple[str, ...] = option(("train",), "values of the column split that may be learnt")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """What is learnt from."""

    mixture: tuple[Entry, ...] = ()
    workers: int = option(1, "processes that read rows; does not change the run", least=0)
    refuse: tuple[str, ...] = option((), "prompt files of TextEdit (jsonl, or folders of them): "
                                     "rows with their texts are dropped")  # fmt: skip
    min_side: int = option(64, "pixels: rows with a shorter image are dropped", least=16)
    cache: str = option("", "folder for the copies that Parquet is read from; OUT/rows when empty")
    latents: str = option("", "folder to keep latents in; none are kept when empty")
    on_bad_row: str = option("stop", "a row that cannot be read", choices=("stop", "skip"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolution:
    """Sizes of the images that are learnt; aspect ratios are kept, see `buckets`."""

    min: int = option(512, "side in pixels of a square of the smallest area", least=32)
    max: int = option(1024, "side of a square of the largest area", least=32)
    step: int = option(256, "between the areas' sides", least=16)
    side: int | None = option(None, "longest side in pixels; that of the checkpoint's condition "
                              "images when null", least=32)  # fmt: skip
    multiple: int = option(32, "sides are multiples of it, in pixels", least=16)
    aspect_min: float = option(0.5, "smallest width / height", least=0.05, most=1)
    aspect_max: float = option(2.0, "largest width / height", least=1, most=20)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters in place of the weights themselves."""

    rank: int = option(0, "of the adapters; 0 for none", least=0)
    alpha: float = option(16.0, "scale is alpha / rank", least=0.001)
    dropout: float = option(0.0, "before each adapter", least=0, most=0.9)
    targets: tuple[str, ...] = option(
        (), "patterns of linear layers, such as generation_decoder.*.to_q"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dropout:
    """How often a condition is left out, so that guidance has what it compares with."""

    t2i: float = option(0.10, "of images from text: the text", least=0, most=1)
    edit_all: float = option(0.05, "of edits: text and images", least=0, most=1)
    edit_text: float = option(0.05, "of edits: the text alone", least=0, most=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loss:
    """What is minimised: next_token * cross-entropy + flow * squared error of the velocity."""

    next_token: float = option(0.0, "weight of the mean over all learnt tokens", least=0)
    flow: float = option(1.0, "weight of the mean over all latent values", least=0)
    density: str = option("logit_normal", "of the noise levels", choices=DENSITIES)
    logit_mean: float = option(0.0, "of logit_normal")
    logit_std: float = option(1.0, "of logit_normal", least=0.001)
    mode_scale: float = option(1.29, "of mode")
    shift: float | None = option(None, "of the levels towards noise; the scheduler's when null",
                                 least=0.01)  # fmt: skip
    weighting: str = option("none", "of the levels", choices=WEIGHTINGS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimizer:
    """AdamW and its learning rate."""

    lr: float = option(1e-4, "learning rate", least=0)
    schedule: str = option("constant", "after the warm-up", choices=SCHEDULES)
    warmup: int = option(0, "updates", least=0)
    beta1: float = option(0.9, "of AdamW", least=0, most=0.99999)
    beta2: float = option(0.999, "of AdamW", least=0, most=0.99999)
    eps: float = option(1e-8, "of AdamW", least=0)
    weight_decay: float = option(0.0, "of AdamW", least=0)
    clip: float = option(1.0, "largest norm of the gradient; 0 for any", least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ema:
    """A moving average of the trained weights, which sampling and export then use."""

    decay: float = option(0.0, "largest, per update; 0 for no average", least=0, most=0.999999)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """How weights are held."""

    precision: str = option("auto", "of the arithmetic; bf16 on an accelerator, float32 on a CPU",
                            choices=PRECISIONS)  # fmt: skip
    gradient_checkpointing: bool = option(False, "compute activations twice, hold them once")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Save:
    """Checkpoints to resume from."""

    every: int = option(500, "updates; 0 for the last one alone", least=0)
    keep: int = option(2, "so many of the newest; 0 for all", least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Log:
    """What is written down while it runs."""

    every: int = option(10, "updates a line", least=1)
    trackers: tuple[str, ...] = option(("tensorboard",), "of accelerate; jsonl is always written")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """How images are made to look at and to score."""

    every: int = option(0, "updates a grid; 0 for none", least=0)
    rows: str = option("", "Parquet or jsonl of the validation split")
    task: str = option("edit", "of these rows", choices=("t2i", "edit", "cot"))
    columns: dict[str, str] = option({}, "our column -> the file's, where they differ")
    count: int = option(4, "rows of a grid", least=1)
    steps: int = option(20, "of the solver", least=1)
    guidance_scale: float | None = option(None, "as in the pipeline; its default when null")
    image_guidance_scale: float | None = option(None, "likewise")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate:
    """A validation suite scored while it runs."""

    every: int = option(0, "updates; 0 for never", least=0)
    suite: str = option("textedit/val", "benchmark/suite, of a validation split")
    limit: int | None = option(None, "samples, spread over the groups; all when null", least=1)
    metrics: tuple[str, ...] = option(("ocr_official", "ocr_strict", "fidelity"), "all when empty")
    at_start: bool = option(True, "also before the first update")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """All of a fine-tuning."""

    checkpoint: str = option("", "folder in the official layout, or ORG/NAME[@COMMIT]")
    out: str = option("", "folder of the run")
    name: str = option("", "in reports; that of the folder when empty")
    seed: int = option(0, "of every random number", least=0)
    steps: int = option(1000, "updates", least=1, most=1e9)
    batch: int = option(16, "samples an update, on all devices together", least=1, most=1e6)
    micro_batch: int = option(1, "samples that go through one device at once", least=1)
    trainable: tuple[str, ...] = option((), "patterns of parameters; !pattern takes some out")
    on_nan: str = option("stop", "an update that is no number", choices=("stop", "skip"))
    lora: Lora = Lora()
    data: Data = Data()
    resolution: Resolution = Resolution()
    dropout: Dropout = Dropout()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    ema: Ema = Ema()
    device: Device = Device()
    save: Save = Save()
    log: Log = Log()
    sampling: Sampling = Sampling()
    evaluate: Evaluate = Evaluate()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UserError: naming the keys.
        """
        for name in ("checkpoint", "out"):
            if not getattr(self, name):
                raise UserError(f"{name} is not set; add `{name}: ...` to the file or {name}=....")
        if self.batch % self.micro_batch:
            raise UserError(
                f"batch {self.batch} is not a multiple of micro_batch {self.micro_batch}; change "
                "one of them."
            )
        _check_mixture(self.data.mixture)
        _check_resolution(self.resolution)
        _check_loss(self)
        if self.dropout.edit_all + self.dropout.edit_text > 1:
            raise UserError("dropout.edit_all and dropout.edit_text are over 1 together.")
        if bool(self.lora.rank) != bool(self.lora.targets):
            raise UserError("lora.rank and lora.targets belong together; set both or neither.")
        if not self.trainable and not self.lora.rank:
            raise UserError(
                "Nothing is to be trained; set trainable to patterns such as "
                "[generation_decoder.*], or "
                "lora.rank and lora.targets."
            )
        if self.sampling.every and not self.sampling.rows:
            raise UserError("sampling.every is set and sampling.rows is not; name a file of rows.")

    @property
    def title(self) -> str:
        """What the run is called: its name, or that of its folder."""
        return self.name or Path(self.out).expanduser().resolve().name

    @property
    def units(self) -> int:
        """Micro-batches of an update, on all devices together."""
        return self.batch // self.micro_batch


def _check_mixture(mixture: Sequence[Entry]) -> None:
    if not mixture:
        raise UserError("data.mixture is empty; list at least one {path: ..., task: ...}.")
    for n, entry in enumerate(mixture):
        where = f"data.mixture[{n}]"
        if not entry.path:
            raise UserError(f"{where} has no path; name a Parquet or jsonl file.")
        if not entry.task:
            raise UserError(f"{where} has no task; set it to one of {', '.join(TASKS)}.")
        if not math.isfinite(entry.weight) or entry.weight < 0:
            raise UserError(f"{where} has the weight {entry.weight}; it must be 0 or more.")
        if any(split.strip().casefold() == "bench" for split in entry.splits):
            raise UserError(
                f"{where} asks for the split bench, which is what models are measured with; take "
                "it out of splits."
            )
    if not any(entry.weight for entry in mixture):
        raise UserError("All weights of data.mixture are 0; give one part a weight over 0.")
    names = [entry_name(entry) for entry in mixture]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"Two parts of data.mixture are called {twice[0]!r}; set their name.")


def _check_resolution(size: Resolution) -> None:
    if size.min > size.max:
        raise UserError(
            f"resolution.min {size.min} is over resolution.max {size.max}; exchange them."
        )
    if size.multiple > size.min:
        raise UserError(
            f"resolution.multiple {size.multiple} is over resolution.min {size.min}; no image "
            "would be small enough."
        )
    if size.multiple % 16:
        raise UserError(f"resolution.multiple {size.multiple} is not a multiple of 16.")


def _check_loss(config: Config) -> None:
    if not config.loss.next_token and not config.loss.flow:
        raise UserError("loss.next_token and loss.flow are both 0; nothing would be learnt.")
    for entry in config.data.mixture:
        if entry.task == "understand" and entry.weight and not config.loss.next_token:
            raise UserError(
                f"{entry_name(entry)!r} teaches answers and loss.next_token is 0; raise it, or set "
                "the weight of this part to 0."
            )
        if entry.task in {"t2i", "edit"} and entry.weight and not config.loss.flow:
            raise UserError(
                f"{entry_name(entry)!r} teaches images and loss.flow is 0; raise it, or set the "
                "weight of this part to 0."
            )


def entry_name(entry: Entry) -> str:
    """What a part of the mixture is called."""
    return entry.name or entry.path.rstrip("/").rpartition("/")[2].partition(".")[0] or entry.path


__all__ = [
    "TASKS", "Config", "Data", "Device", "Dropout", "Ema", "Entry", "Evaluate", "Log", "Lora",
    "Loss", "Optimizer", "Resolution", "Sampling", "Save", "Task", "entry_name",
]  # fmt: skip
