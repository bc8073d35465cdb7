"""The borders: what a model, a metric, a judge and a benchmark must offer to plug in.

A model and a metric are small protocols, because they carry machinery. A benchmark is a value:
data, metrics and rules, and no behaviour of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from evals.core.aggregation import OFFICIAL_POLICY, STRICT_POLICY, Headline, Policy, Variant
from evals.core.budget import Budget
from evals.core.probes import Probe
from evals.core.types import (
    AREAS,
    JSON,
    Absence,
    Area,
    Group,
    Item,
    Output,
    PublishedRow,
    Quantity,
    Sample,
    Score,
    ScoreStatus,
    Task,
)


def default_cache() -> Path:
    """`$UMM_EVALS_CACHE`, or `umm-evals` below the user's cache folder."""
    if chosen := os.environ.get("UMM_EVALS_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "umm-evals"


@runtime_checkable
class Model(Protocol):
    """Code that runs a checkpoint, an endpoint or a rule over samples.

    Only the methods of the declared `tasks` are called. Each takes a batch and one seed per
    sample, and returns one `Output` per sample in the same order. An exception is recorded as an
    infrastructure fault; a sample's own failure is an `Output` with a fault.

    Four things are optional, and looked for by name: `concurrency` (int, how many threads may call
    at once), `check(samples) -> list[str]` (what a user should know before the run; may raise
    `UserError`), `is_stale(sample, prediction) -> bool` (a stored prediction to be made again) and
    `release()` (let go of loaded weights, because another model comes; it may be asked again, and
    is one object for all benchmarks of a sweep).
    """

    name: str
    tasks: frozenset[Task]
    batch_size: int

    def describe(self) -> Mapping[str, JSON]:
        """Everything that decides the outputs: weights, revision, options. Stamped on the run."""
        ...

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Answer questions about the samples' images with text."""
        ...

    def generate(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Make an image from each sample's prompt."""
        ...

    def edit(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        """Edit each sample's image as its prompt says."""
        ...


@runtime_checkable
class Metric(Protocol):
    """What turns (sample, prediction) into a score; judges enter scoring through this too.

    Attributes:
        name: unique within a benchmark; columns are called ``name.quantity``.
        quantities: what it reports; the first one is the primary, which becomes `Score.value`.
        parallel: ``process`` metrics are pickled to worker processes, one thread each;
            ``driver`` metrics (a GPU, a network) run in the main process in batches.
        batch_size: how many items `score` is given at once.
    """

    # Properties, so that the attributes of a frozen dataclass satisfy the protocol.
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def quantities(self) -> tuple[Quantity, ...]: ...  # noqa: D102
    @property
    def parallel(self) -> Literal["process", "driver"]: ...  # noqa: D102
    @property
    def batch_size(self) -> int: ...  # noqa: D102

    def fingerprint(self) -> str:
        """Identity of the scorer: code version, engine, weights and settings."""
        ...

    def absence(self) -> Absence | None:
        """None when the metric can be computed here; else why not. Must be cheap."""
        ...

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score per item, in order. Called only for predictions with status ``ok``."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """What a ``driver`` metric may offer on top: scores as they come, at a pace of its own.

    Found by its method, as a judge's metric that waits for many replies at once.
    """

    def stream(self, items: Sequence[Item], *, retry: bool = False) -> Iterator[list[Score]]:
        """Scores in any order; an empty list now and then, so that its owner can show `status`.

        Args:
            items: to be scored.
            retry: ask again where an earlier answer was a failure.

        Raises:
            Halt: it cannot go on; what was yielded is good, the rest stays open.
        """
        ...

    def status(self) -> str:
        """What is going on just now, e.g. ``12 in flight, 3 backing off (429)``; may be empty."""
        ...


def make_score(
    metric: Metric,
    item: Item,
    parts: Mapping[str, float | None],
    *,
    notes: Mapping[str, str] | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Score:
    """The score with status ``ok`` whose value is the metric's primary quantity.

    When the primary quantity itself is None the score is ``not_applicable`` and its note is the
    reason; the other parts are kept.

    Raises:
        ValueError: a part is undeclared, missing, or outside its declared range.
    """
    declared = {q.name: q for q in metric.quantities}
    if set(parts) != set(declared):
        odd = sorted(set(parts) ^ set(declared))
        raise ValueError(f"metric {metric.name}: parts and declared quantities differ in {odd}")
    clean: dict[str, float | None] = {}
    for name, value in parts.items():
        low, high = declared[name].range
        # 1e-6 forgives float32 rounding; NaN fails the comparison and is refused.
        if value is not None and not low - 1e-6 <= value <= high + 1e-6:
            raise ValueError(f"metric {metric.name}: {name}={value} is outside [{low}, {high}]")
        clean[name] = None if value is None else float(value)
    primary = metric.quantities[0].name
    value = clean[primary]
    status: ScoreStatus = "ok" if value is not None else "not_applicable"
    reason = "" if value is not None else (notes or {}).get(primary, "not applicable")
    return Score(
        sample=item.sample.id,
        trial=item.prediction.trial,
        metric=metric.name,
        value=value,
        status=status,
        reason=reason,
        parts=clean,
        notes=dict(notes or {}),
        evidence=dict(evidence or {}),
        fingerprint=metric.fingerprint(),
        prediction=item.prediction.hash,
    )


def no_score(
    metric: Metric,
    item: Item,
    status: Literal["not_applicable", "unavailable", "failed"],
    reason: str,
    evidence: Mapping[str, Any] | None = None,
) -> Score:
    """The score that has no value, and says why."""
    return Score(
        sample=item.sample.id,
        trial=item.prediction.trial,
        metric=metric.name,
        value=None,
        status=status,
        reason=reason,
        parts={q.name: None for q in metric.quantities},
        evidence=dict(evidence or {}),
        fingerprint=metric.fingerprint(),
        prediction=item.prediction.hash,
    )


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Where a benchmark's data is read from.

    Attributes:
        root: folder in the official layout; None for an embedded suite or for the hub.
        revision: commit of the hub data set; None for the one the benchmark pins.
        cache: folder for what is rendered or downloaded.
    """

    root: Path | None = None
    revision: str | None = None
    cache: Path = field(default_factory=default_cache)


@dataclass(frozen=True, kw_only=True)
class JudgeSpec:
    """A judge to ask: `backend[:argument]`, under a name of its own.

    Attributes:
        name: under which it stands in tables and on tapes.
        backend: name in the judge catalog.
        argument: what follows the colon: a model, a folder, a tape.
        options: of the backend, which refuses what it does not know.
    """

    name: str
    backend: str
    argument: str | None = None
    options: Mapping[str, JSON] = field(default_factory=dict)


Aggregate = Literal["median", "mean", "majority"]


@dataclass(frozen=True, kw_only=True)
class JudgeSettings:
    """What the user may choose about judging.

    Attributes:
        judges: who is asked; several make a panel.
        repeats: how often each is asked the same question.
        aggregate: how several verdicts on one question become one, dimension by dimension.
        prompt: an official prompt file in place of our own wording.
        pool: average verdicts of different served models.
        prices: a price table that goes before ours.
        tape: one tape for all judges, in place of one per judge in the cache.
        budget: of the command.
    """

    judges: tuple[JudgeSpec, ...] = ()
    repeats: int = 1
    aggregate: Aggregate = "median"
    prompt: Path | None = None
    pool: bool = False
    prices: Path | None = None
    tape: Path | None = None
    budget: Budget = field(default_factory=Budget, compare=False)


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    """What the user may choose about scoring, the same for every benchmark.

    Attributes:
        ocr: name of the OCR engine.
        ocr_options: passed to the engine (model folders, language).
        ocr_second: name of an engine that gives a second opinion; empty for none.
        ocr_second_options: passed to that one.
        device: torch device of neural metrics.
        weights: name -> path of weights the user brings (``clip``, ``lpips_alex``, ...).
        errata: what to do with records whose fields contradict their prompt.
        cache: folder of what is kept between runs: readings, tapes, rendered suites.
        judging: who judges, and how.
    """

    ocr: str = "rapidocr"
    ocr_options: Mapping[str, str] = field(default_factory=dict)
    ocr_second: str = ""
    ocr_second_options: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    weights: Mapping[str, str] = field(default_factory=dict)
    errata: Literal["off", "fix", "exclude"] = "off"
    cache: Path = field(default_factory=default_cache)
    judging: JudgeSettings = field(default_factory=JudgeSettings)


@dataclass(frozen=True, kw_only=True)
class DataProblem:
    """Something wrong with a benchmark's data, found before a run.

    Attributes:
        kind: ``missing``, ``corrupt``, ``duplicate``, ``unexpected`` or ``malformed``.
        where: file, or file:line.
        message: one sentence.
        fatal: False when a run can go on without harm (an unexpected extra file).
    """

    kind: Literal["missing", "corrupt", "duplicate", "unexpected", "malformed"]
    where: str
    message: str
    fatal: bool = True


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One body of data of a benchmark.

    Attributes:
        name: ``full``, ``mini``, ``synth``, ...
        version: of the data; part of the run's identity.
        synthetic: True for data generated here, which is labelled so everywhere and never
            averaged or ranked with official data.
        size: number of samples.
        load: samples in order; raises `UserError` when the data cannot be read.
        verify: every problem of the data, without stopping at the first.
        identity: data file -> its sha256, for the run's manifest; None for generated data.
        missing: what to do when its data is not at hand, one sentence; empty for generated data.
        validation: made to choose among checkpoints while a model is trained; all other suites are
            refused there.
    """

    name: str
    title: str
    version: str
    synthetic: bool
    size: int
    load: Callable[[DataSource], list[Sample]]
    verify: Callable[[DataSource], list[DataProblem]]
    identity: Callable[[DataSource], Mapping[str, str]] | None = None
    missing: str = ""
    validation: bool = False


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Samples, metrics and the rule that makes a headline of them.

    Attributes:
        metrics: builds the metrics for the user's settings; must not load weights.
        variants: named ways to make one number of it; at least that of the headline, when that is
            one.
        trials: images per prompt of the protocol; a run makes as many unless told otherwise.
        seeds: of the protocol, one per trial; empty for the suite's own stable hash.
        groups: the taxonomy in display order; every sample's group path is in it.
        policies: one per profile that the metrics use.
        anchors: names of models that every report of this benchmark shows.
        published: rows from papers and READMEs.
        probes: graded wrong answers for judges: (folder, scenes, ``all`` or ``ends``) -> probes,
            drawn into the folder; None where there are none.
        needs: what scoring takes beside this package, for people.
        cost: what one model takes: judge calls, GPU, for people.
        area: what it is about; by its task when it names none.
        defects: known defects of the official script, one sentence each, with its erratum id.
        doc: what it asks and how it is scored.
    """

    name: str
    title: str
    task: Task
    version: str
    licence: str
    citation: str
    suites: Mapping[str, Suite]
    default_suite: str
    metrics: Callable[[ScoringSettings], Sequence[Metric]]
    headline: Headline
    variants: tuple[Variant, ...] = ()
    trials: int = 1
    seeds: tuple[int, ...] = ()
    groups: tuple[Group, ...] = ()
    policies: tuple[Policy, ...] = (OFFICIAL_POLICY, STRICT_POLICY)
    anchors: tuple[str, ...] = ()
    published: Callable[[], tuple[PublishedRow, ...]] = tuple
    probes: Callable[[Path, int, str], Sequence[Probe]] | None = None
    needs: tuple[str, ...] = ()
    cost: str = ""
    defects: tuple[str, ...] = ()
    area: Area | None = None
    doc: str = ""

    @property
    def kind(self) -> Area:
        """What it is about: its own area, or that of its task."""
        return self.area or AREAS[self.task]
