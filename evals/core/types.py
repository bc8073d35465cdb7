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


FaultRule = Literal["drop", "zero", "worst", "incomplete"]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a profile does with planned samples that have no value.

    Attributes:
        profile: whose policy it is.
        model_fault: a fault of the model (refused, missing, unreadable output, ...).
        infrastructure_fault: anything else; ``incomplete`` marks the mean as not final.
        by_kind: exceptions by fault kind, e.g. ``{"unreadable_output": "zero"}``. The kind
            ``near_match`` stands for an output that was found under another name.
        doc: one sentence for the report.
    """

    profile: Profile
    model_fault: FaultRule
    infrastructure_fault: FaultRule
    by_kind: Mapping[str, FaultRule] = field(default_factory=dict)
    doc: str = ""

    def rule(self, fault: Fault) -> FaultRule:
        """What happens to a sample with this fault."""
        if fault.kind in self.by_kind:
            return self.by_kind[fault.kind]
        return self.model_fault if fault.origin == "model" else self.infrastructure_fault


OFFICIAL_POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released script: samples without an output leave the mean.",
)
STRICT_POLICY = Policy(
    profile="strict",
    model_fault="worst",
    infrastructure_fault="incomplete",
    doc="Every planned sample counts: a model's fault scores worst, an infrastructure fault "
    "leaves the run incomplete and marked.",
)
PAPER_POLICY = Policy(
    profile="paper",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="The formulas printed in the paper, over the samples that have an output.",
)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One side of the hybrid headline: geometric mean of its columns, oriented so that 1 is best.

    Attributes:
        name: ``text``, ``fidelity`` or ``judge``.
        columns: ``metric.quantity`` names, all of them with a finite range; a column whose
            direction is ``lower`` enters as (highest - value) / (highest - lowest).
        substitute: columns used, and named, when one of `columns` is unavailable.
        doc: one sentence for the report.
    """

    name: str
    columns: tuple[str, ...]
    substitute: tuple[str, ...] = ()
    doc: str = ""


Combine = Literal["mean", "sum", "noisy_or"]
"""How parts become one number; ``noisy_or`` is 1 - (1 - a)(1 - b)..."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One number from one column: a mean over samples, or a mean over groups of such means.

    Samples without a value (after the policy of the variant's profile) take no part. The order is:
    sums within each group at the first of `levels`, their quotient, `scale` and `offset`, `clip`,
    `digits`, and then mean or sum upwards, level by level.

    Attributes:
        column: ``metric.quantity``.
        over: column of the denominators (a ratio of sums); empty to divide by how many there are.
        under: only samples whose group path starts so.
        where: only samples with these strata.
        key: name of `Sample.keys`; samples that share it count as one, with the least of their
            values (``over`` must be empty then).
        levels: depths of the group path, deepest first, e.g. ``(2, 1)``: a mean in each group of
            depth 2, the mean of those in each group of depth 1, the mean of those. ``()`` is the
            mean over all samples.
        weights: name of a group of the last level -> weight; empty for equal ones. All of them must
            have a value, and the weights are used as they are.
        total: add the groups of the last level up instead of averaging them; all of them must have
            a value.
        scale: factor of each group's value at the first level.
        offset: added after `scale`.
        clip: lowest and highest value after that; None for no limit.
        digits: decimals to which that is rounded, half to even like Python; None for none.
    """

    column: str
    over: str = ""
    under: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    levels: tuple[int, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    total: bool = False
    scale: float = 1.0
    offset: float = 0.0
    clip: tuple[float, float] | None = None
    digits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A named way to make one number of a benchmark; it is data, and stored with every run.

    Published tables use several for one benchmark. They are never averaged with each other, and
    every number is stamped with the name of its own. In cells and published rows the column of a
    variant is called ``=<name>``, e.g. ``=macro``.

    Attributes:
        name: short, unique within the benchmark, e.g. ``macro``.
        title: what people call it, a few words.
        doc: how it is made and whose tables use it, one or two sentences.
        terms: the numbers it is made of; empty when `of` is given.
        of: names of variants it is made of instead; each must have a value.
        combine: how several become one.
        profile: under which policy faults are counted.
        range: lowest and highest possible value.
        direction: whether higher or lower is better.
        unit: ``""`` for a share, ``%`` for points of 100, else what it is.
        digits: decimals to which the official script rounds the result; None for none.
        label: column heading; the name when empty.
    """

    name: str
    title: str
    doc: str
    terms: tuple[Term, ...] = ()
    of: tuple[str, ...] = ()
    combine: Combine = "mean"
    profile: Profile = "official"
    range: tuple[float, float] = (0.0, 1.0)
    direction: Direction = "higher"
    unit: str = ""
    digits: int | None = None
    label: str = ""

    @property
    def column(self) -> str:
        """Its name among columns: ``=macro``."""
        return f"={self.name}"


@dataclass(frozen=True, kw_only=True)
class Headline:
    """How the one number of a benchmark is made; see docs/statistics.md.

    Attributes:
        name: e.g. ``"hybrid v1"``; changes whenever the formula does.
        tracks: empty when `column` or `variant` alone is the headline.
        column: headline of a benchmark without tracks, as ``metric.quantity``.
        variant: name of the `Variant` that is the headline, in place of a column.
        floor: name of the model whose score is 0 after anchoring.
        ceiling: name of the model whose score is 1 after anchoring. Beside a `column`, which is not
            anchored, both names only mark rows.
        min_gap: a group whose ceiling is less than this above its floor cannot be anchored.
    """

    name: str
    tracks: tuple[Track, ...] = ()
    column: str = ""
    variant: str = ""
    floor: str = ""
    ceiling: str = ""
    min_gap: float = 0.05
