"""From a configuration to the work that is left: what will run, on what, and how much of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.config import BenchmarkSpec, ModelSpec, RunConfig, slug
from evals.core.errors import UserError, unknown
from evals.core.protocols import (
    Benchmark,
    DataSource,
    Metric,
    Model,
    ScoringSettings,
    Suite,
)
from evals.core.registry import Registry
from evals.core.types import Sample, fingerprint
from evals.core.variants import check_variants
from evals.manifest import make_manifest


def benchmarks() -> Registry:
    """All benchmarks by name."""
    from benchmarks.catalog import BENCHMARKS

    return Registry("benchmark", BENCHMARKS, "umm_evals.benchmarks")


def adapters() -> Registry:
    """All adapters by name."""
    from model.catalog import ADAPTERS

    return Registry("model adapter", ADAPTERS, "umm_evals.models")


def sample_seed(run_seed: int, sample: str, trial: int) -> int:
    """Seed of one sample: independent of batch, order and rank; in [0, 2**31).

    >>> sample_seed(0, "1345", 0) == sample_seed(0, "1345", 0) != sample_seed(0, "1345", 1)
    True
    """
    digest = hashlib.sha256(f"{run_seed}\0{sample}\0{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def seed_of(manifest: Mapping[str, Any], sample: str, trial: int) -> int:
    """Seed of one prediction of a run: the protocol's own where it has one, else a stable hash.

    The protocol's seeds are one per trial and the same for all samples; the run's seed is added, so
    that another run seed gives other images.
    """
    own = manifest.get("seeds") or ()
    seed = int(manifest["seed"])
    return int(own[trial]) + seed if trial < len(own) else sample_seed(seed, sample, trial)


def spread(samples: Sequence[Sample], limit: int | None) -> list[Sample]:
    """The first `limit` samples when every group gives one in turn; order is kept.

    A plain prefix would hold one sub-class only.
    """
    if limit is None or limit >= len(samples):
        return list(samples)
    by_group: dict[tuple[str, ...], list[int]] = {}
    for index, sample in enumerate(samples):
        by_group.setdefault(sample.group, []).append(index)
    columns = list(by_group.values())
    turns = (c[turn] for turn in range(len(samples)) for c in columns if turn < len(c))
    chosen = sorted(index for index, _ in zip(turns, range(limit), strict=False))
    return [samples[i] for i in chosen]


@dataclass(frozen=True, kw_only=True)
class Board:
    """One benchmark suite of a sweep: shared by all models that run on it."""

    benchmark: Benchmark
    suite: Suite
    source: DataSource
    samples: tuple[Sample, ...]
    metrics: tuple[Metric, ...]
    identity: str

    @property
    def label(self) -> str:
        """``textedit/synth``."""
        return f"{self.benchmark.name}/{self.suite.name}"


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One model on one board: a folder and its manifest.

    `model` is None for a re-score, which needs neither weights nor the folder they came from.
    `place` is said after the model's name in progress; empty where there is one board only.
    """

    model: Model | None
    spec: ModelSpec
    board: Board
    folder: Path
    manifest: Mapping[str, Any]
    place: str = ""

    @property
    def title(self) -> str:
        """What this run is called while it goes on."""
        return f"{self.spec.name} on {self.place}" if self.place else self.spec.name

    @property
    def supported(self) -> bool:
        """Whether the model does the benchmark's task; where not, it is never asked."""
        return self.model is None or self.board.benchmark.task in self.model.tasks


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """A suite that cannot be run as things are.

    Attributes:
        reason: why, one sentence that says what to do.
        named: whether its data was named, so that it is wrong rather than not given.
    """

    benchmark: Benchmark
    suite: Suite
    reason: str
    named: bool

    @property
    def label(self) -> str:
        """``geneval/full``."""
        return f"{self.benchmark.name}/{self.suite.name}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a command will do, before it does any of it.

    Attributes:
        blocked: suites whose data is not at hand; a plan that is carried out has none.
    """

    config: RunConfig
    runs: tuple[PlannedRun, ...]
    blocked: tuple[Blocked, ...] = ()


def find_suite(spec: BenchmarkSpec) -> tuple[Benchmark, Suite]:
    """The benchmark and suite that a spec names.

    Raises:
        UserError: there is no such benchmark or suite.
    """
    benchmark: Benchmark = benchmarks().get(spec.name)
    name = spec.suite or benchmark.default_suite
    if name not in benchmark.suites:
        raise unknown(f"suite of {benchmark.name}", name, benchmark.suites)
    return benchmark, benchmark.suites[name]


def choose_metrics(
    benchmark: Benchmark, settings: ScoringSettings, names: Sequence[str]
) -> tuple[Metric, ...]:
    """The benchmark's metrics, or those of them that are named.

    Raises:
        UserError: names are given, and none is a metric of this benchmark.
    """
    metrics = tuple(benchmark.metrics(settings))
    chosen = tuple(m for m in metrics if not names or m.name in names)
    if not chosen:
        known = ", ".join(m.name for m in metrics)
        raise UserError(
            f"--metric {', '.join(names)} names none of the metrics of {benchmark.name} ({known}); "
            "name one of them as well, or leave the benchmark out."
        )
    return chosen


def check_metric_names(names: Sequence[str], offered: Mapping[str, Collection[str]]) -> None:
    """Refuse a name that no benchmark of a command knows; with several, each has its own metrics.

    Args:
        names: as the user gave them.
        offered: benchmark -> names of its metrics.

    Raises:
        UserError: with the nearest names there are.
    """
    known = {name for own in offered.values() for name in own}
    for name in names:
        if name not in known:
            raise unknown(f"metric of {' or '.join(offered)}", name, known)


def make_board(config: RunConfig, spec: BenchmarkSpec) -> Board:
    """Load a suite's samples and check that their input files are there.

    Raises:
        UserError: the data cannot be read, or files are missing.
        ValueError: a variant of the benchmark cannot be computed, which is a mistake of its author.
    """
    benchmark, suite = find_suite(spec)
    metrics = choose_metrics(benchmark, config.scoring, config.metrics)
    columns = {f"{m.name}.{q.name}" for m in metrics for q in m.quantities}
    check_variants(
        benchmark.variants, benchmark.headline, None if config.metrics else columns,
        benchmark.groups,
    )  # fmt: skip
    source = config.source(spec)
    everything = suite.load(source)
    samples = spread(everything, config.limit)
    missing = [
        path
        for sample in samples
        for path in (*sample.images, *sample.reference_images)
        if not path.is_file()
    ]
    if missing:
        raise UserError(
            f"{len(missing)} image files of {benchmark.name}/{suite.name} are missing, first "
            f"{missing[0]}; list them all with: umm-evals data verify {benchmark.name}/"
            f"{suite.name}" + (f" --data {source.root}" if source.root else "")
        )
    return Board(
        benchmark=benchmark,
        suite=suite,
        source=source,
        samples=tuple(samples),
        metrics=metrics,
        identity=fingerprint([[s.id, s.prompt, list(s.group)] for s in everything]),
    )


def make_model(spec: ModelSpec) -> Model:
    """Build an adapter under the name the user gave; weights load later, on first use."""
    model: Model = adapters().get(spec.adapter)(spec.argument, spec.options)
    return model


def make_plan(
    config: RunConfig, *, tolerant: bool = False, live: Mapping[str, Model] | None = None
) -> Plan:
    """Resolve names, load data and lay out the run folders; nothing is written.

    A model that does some of the benchmarks' tasks and not others is planned on all of them: where
    it does not, its run holds that status for every sample, so that no row is missing.

    Args:
        config: what to run.
        tolerant: go on where a suite's data is not at hand, and say so in `Plan.blocked`.
        live: name -> model that exists already, in place of one made by its adapter.

    Raises:
        UserError: unknown names, unreadable data, a model that does none of the tasks.
    """
    if config.metrics:
        found = [find_suite(spec)[0] for spec in config.benchmarks]
        offered = {b.name: {m.name for m in b.metrics(config.scoring)} for b in found}
        check_metric_names(config.metrics, offered)
    runs: list[PlannedRun] = []
    loaded: dict[str, Model] = dict(live or {})
    boards, blocked = _boards(config)
    if blocked and not tolerant:
        raise UserError(_lacking(blocked, len(config.benchmarks)))
    for board in boards:
        wanted = list(config.models)
        if config.anchors:
            have = {m.adapter for m in wanted}
            wanted += [
                ModelSpec(name=a, adapter=a) for a in board.benchmark.anchors if a not in have
            ]
        if not wanted:
            raise UserError(
                "No model given; add --model copy-source, or see: umm-evals list models"
            )
        for model_spec in wanted:
            model = loaded.get(model_spec.name) or make_model(model_spec)
            if hasattr(model, "release"):
                loaded[model_spec.name] = model  # weights must not be loaded for each benchmark
            remarks = _remarks(model, board, config.trials or board.benchmark.trials)
            runs.append(
                PlannedRun(
                    model=model,
                    spec=model_spec,
                    board=board,
                    folder=config.out
                    / slug(f"{board.benchmark.name}-{board.suite.name}")
                    / (model_spec.folder or slug(model_spec.name)),
                    manifest={
                        **make_manifest(config, board, model_spec, model),
                        "remarks": remarks,
                    },
                    place=board.label if len(config.benchmarks) > 1 else "",
                )
            )
    _refuse_idle(runs)
    return Plan(config=config, runs=tuple(runs), blocked=tuple(blocked))


def _boards(config: RunConfig) -> tuple[list[Board], list[Blocked]]:
    """The boards of all benchmarks, and the suites whose data cannot be read.

    Raises:
        UserError: there is no such benchmark or suite.
    """
    boards, blocked = [], []
    for spec in config.benchmarks:
        benchmark, suite = find_suite(spec)
        try:
            boards.append(make_board(config, spec))
        except UserError as error:
            named = spec.data is not None or spec.revision is not None
            blocked.append(
                Blocked(benchmark=benchmark, suite=suite, reason=str(error), named=named)
            )
    return boards, blocked


def _lacking(blocked: Sequence[Blocked], planned: int) -> str:
    """Why a plan cannot be carried out; one sentence."""
    if len(blocked) == 1:
        return blocked[0].reason
    names = ", ".join(b.label for b in blocked)
    return (
        f"The data of {len(blocked)} of {planned} suites cannot be read ({names}); see what each "
        f"needs with --dry-run. The first: {blocked[0].reason}"
    )


def _refuse_idle(runs: Sequence[PlannedRun]) -> None:
    """Refuse a model that can do nothing here: the wrong model, or the wrong benchmarks.

    Raises:
        UserError: it does none of the benchmarks' tasks.
    """
    idle = {r.spec.name: r.model for r in runs if not r.supported and r.model is not None}
    for name, model in idle.items():
        if any(r.supported for r in runs if r.spec.name == name):
            continue
        needed = {r.board.benchmark.name: repr(r.board.benchmark.task) for r in runs}
        raise UserError(
            f"{name} does not do {' or '.join(dict.fromkeys(needed.values()))} (it does: "
            f"{', '.join(sorted(model.tasks))}), which {' and '.join(needed)} "
            f"need{'s' if len(needed) == 1 else ''}; leave it out, or add a benchmark it does."
        )


def _remarks(model: Model, board: Board, trials: int) -> list[str]:
    """What people should know before a model runs on a board.

    Raises:
        UserError: the model cannot be run on it as it is.
    """
    benchmark = board.benchmark
    if benchmark.task not in model.tasks:
        does = ", ".join(map(repr, sorted(model.tasks)))
        return [
            f"does not do {benchmark.task!r} (it does {does}): {benchmark.name} is left out for "
            "it, and its row there says unsupported"
        ]
    # An adapter over existing files can say beforehand what it will not find.
    check = getattr(model, "check", None)
    if check is None:
        return []
    return list(check([replace(s, trial=t) for t in range(trials) for s in board.samples]))
