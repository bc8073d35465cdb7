"""The words of this project as types: one frozen value per thing.

Everything that crosses a border between packages is one of these. They are keyword-only, hold no
open files and no arrays, and pickle cheaply, so that they travel to worker processes as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from evals.core.verdicts import Verdict

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

Task = Literal["understand", "generate", "edit"]
TASKS: tuple[Task, ...] = ("understand", "generate", "edit")

Area = Literal["understanding", "generation", "knowledge", "editing"]
"""What a benchmark is about. Knowledge benchmarks are generated like all images, and ask for what
the prompt does not say."""
AREAS: Mapping[Task, Area] = {
    "understand": "understanding", "generate": "generation", "edit": "editing",
}  # fmt: skip
"""The area of a benchmark that names none, by its task."""

PredictionStatus = Literal["ok", "refused", "unsupported", "error", "timeout", "missing"]
"""`ok`: there is an output. `refused`: the model declined. `unsupported`: the adapter cannot do
this sample at all. `error`: it failed, see the fault. `timeout`: it took too long. `missing`: a
folder of existing outputs holds none for this sample."""

ScoreStatus = Literal["ok", "not_applicable", "unavailable", "failed"]
"""`ok`: there is a value. `not_applicable`: the sample cannot be scored for any model (the reason
says why). `unavailable`: weights or an engine are absent. `failed`: metric or judge failed."""

UNSUPPORTED_TASK = "unsupported_task"
"""Kind of the fault of a prediction whose model does not do the benchmark's task at all."""

Profile = Literal["official", "strict", "paper"]
Direction = Literal["higher", "lower"]
Origin = Literal["model", "infrastructure"]


def canonical_json(value: Any) -> str:
    """JSON text that is the same for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def fingerprint(value: Any) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON of `value`.

    >>> fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRef:
    """An image kept in a run: `images/<first two digits>/<sha256><suffix>`.

    Attributes:
        sha256: of the file's bytes.
        suffix: by the true format, with its dot (``.png``, ``.jpg``, ``.webp``).
        width: in pixels, before any EXIF rotation.
        height: in pixels, before any EXIF rotation.
        notes: what is unusual about the file (``"alpha"``, ``"cmyk"``, ``"exif_rotated"``, ...).
    """

    sha256: str
    suffix: str
    width: int
    height: int
    notes: tuple[str, ...] = ()

    @property
    def relative_path(self) -> str:
        """Path below the run folder, with forward slashes."""
        return f"images/{self.sha256[:2]}/{self.sha256}{self.suffix}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Why a prediction is not ok.

    Attributes:
        kind: a stable word, e.g. ``unreadable_output``, ``exception``, ``missing_file``.
        message: one sentence for people.
        origin: whose fault it is. A model's fault scores worst in the strict profile, an
            infrastructure fault leaves the run incomplete.
    """

    kind: str
    message: str
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a layout keeps the output of a sample, below a model's folder.

    Attributes:
        layout: whose layout: ``official`` for that of the released script, ``kit`` for
            GenEditEvalKit's ``output/<model>/`` (its benchmark folder is part of the path).
        path: with forward slashes; ``{trial}`` stands for the number of the image, which may be
            formatted (``{trial:05d}``), and ``{model}`` for a folder that is called as the model
            is. Without ``{trial}`` and `grid` only the first trial's image is kept. Another suffix
            of an image format is found as well.
        first: number of the first trial's image.
        grid: (rows, columns) of one file that holds all trials row by row; None for one file each.
    """

    layout: str
    path: str
    first: int = 0
    grid: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One item to answer.

    Attributes:
        id: unique within (benchmark, suite); never a path.
        benchmark: name of the benchmark.
        suite: which data of the benchmark.
        task: what the model is asked to do.
        prompt: the instruction, exactly as the protocol has it.
        images: input image files (absolute paths), in order.
        reference_images: ground-truth image files; empty where the benchmark has none.
        reference: the benchmark's own frozen dataclass with everything else that scoring needs.
        group: path in the benchmark's taxonomy, e.g. ``("Virtual", "1.1.1")``.
        cluster: samples that share it are not independent (same source image).
        strata: further labels to break results down by, e.g. ``{"edit": "digits"}``.
        keys: identities by which samples form units that count all or nothing, e.g. ``{"image":
            "0017"}`` for the two questions about one picture; see `Term.key`.
        output_path: where the official layout expects the output below a model's folder.
        places: where else existing outputs of this sample may lie, see `Place`.
        trial: which of its repeats a model is asked for; set by the runner, part of no identity.
    """

    id: str
    benchmark: str
    suite: str
    task: Task
    prompt: str
    images: tuple[Path, ...] = ()
    reference_images: tuple[Path, ...] = ()
    reference: Any = None
    group: tuple[str, ...] = ()
    cluster: str = ""
    strata: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    output_path: str | None = None
    places: tuple[Place, ...] = ()
    trial: int = 0


@dataclass(frozen=True, kw_only=True)
class Output:
    """What an adapter hands back for one sample; the runner stores it as a `Prediction`.

    Attributes:
        status: see `PredictionStatus`.
        text: the answer, for understanding.
        images: encoded files: bytes, or a path to an existing file, which is taken over unchanged.
        usage: tokens, steps, dollars, whatever the adapter can count.
        fault: set exactly when the status is not ``ok``.
    """

    status: PredictionStatus = "ok"
    text: str | None = None
    images: tuple[bytes | Path, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model returned for one sample in one trial, as stored.

    Attributes:
        sample: id of the sample.
        trial: 0, 1, ... for repeated runs with other seeds.
        seed: given to the model; a stable hash of run seed, sample id and trial.
        seconds: wall time of the model's call, divided by the batch.
    """

    sample: str
    trial: int
    seed: int
    status: PredictionStatus
    text: str | None = None
    images: tuple[ImageRef, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    fault: Fault | None = None

    @cached_property
    def hash(self) -> str:
        """Identity of the content: equal for equal answers, whatever time they took."""
        return fingerprint(
            [
                self.sample,
                self.trial,
                self.status,
                self.text,
                [i.sha256 for i in self.images],
                self.fault.kind if self.fault else None,
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number that a metric reports, with everything needed to read it.

    Attributes:
        name: short and unique within its metric, e.g. ``OA`` or ``psnr_background``.
        range: lowest and highest possible value; infinite where unbounded.
        direction: whether higher or lower is better.
        doc: one sentence: what it measures.
        unit: ``""`` for a share, else e.g. ``dB`` or ``px``.
        profile: which reading of the protocol this belongs to.
        worst: value that a model's fault gets in the strict profile; None where no such value
            makes sense, and the mean is then over scored samples only and says so.
        label: column heading; the name when empty.
        auxiliary: a count that variants are made of: in exports and evidence, in no table.
        no_zero: why a policy's ``zero`` for a fault is not this number's; the sample is then left
            out with this reason instead of getting a number nobody computed.
    """

    name: str
    range: tuple[float, float]
    direction: Direction
    doc: str
    unit: str = ""
    profile: Profile = "strict"
    worst: float | None = None
    label: str = ""
    no_zero: str = ""
    auxiliary: bool = False


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one metric says of one prediction: one value, and the parts it was made from.

    Attributes:
        sample: id of the sample.
        trial: trial of the prediction.
        metric: name of the metric.
        value: the metric's primary quantity, in its declared range; None unless ``ok``.
        status: see `ScoreStatus`.
        reason: why there is no value; empty when ``ok``.
        parts: every declared quantity by name; None where this one does not apply.
        notes: why a part is None, or what is unusual about it, by name.
        evidence: what a person needs to check the value (recognised text, boxes, ...).
        fingerprint: of the scorer: code version, engine, weights, settings.
        prediction: hash of the prediction scored.
        verdict: what a judge said, on its way to `verdicts.jsonl`; not part of the stored score.
    """

    sample: str
    trial: int
    metric: str
    value: float | None
    status: ScoreStatus
    reason: str = ""
    parts: Mapping[str, float | None] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    prediction: str = ""
    verdict: Verdict | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """What a metric is given: a sample, what a model made of it, and where its images lie."""

    sample: Sample
    prediction: Prediction
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """Why a metric cannot be computed on this machine, and the command or step that mends it."""

    reason: str
    fix: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.fix}"


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """Numbers from a paper or README, never mixed with measured ones.

    Attributes:
        model: as printed.
        suite: suite of the benchmark the numbers are for.
        values: group -> column (e.g. ``"ocr_official.OA"``) -> printed value.
        source: where it was printed, with commit or arXiv id.
        corrected: False as printed; True when a known error of the source is mended.
        judge: MLLM judge behind the judge columns; empty if none.
        differences: every way in which the protocol differs from a run of this suite.
        note: what was corrected, or anything else a reader must know.
    """

    model: str
    suite: str
    values: Mapping[str, Mapping[str, float]]
    source: str
    params: str = ""
    corrected: bool = False
    judge: str = ""
    differences: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A node of a benchmark's taxonomy: its path and how people call it."""

    path: tuple[str, ...]
    title: str
