"""What the benchmarks that ask for drawn shapes share: their suite and their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.drawn_score import SceneReference, ShapesMetric
from evals.core.aggregation import STRICT_POLICY, Headline, Term, Variant
from evals.core.errors import ImageError, UserError
from evals.core.images import inspect_image
from evals.core.protocols import (
    Benchmark,
    DataProblem,
    DataSource,
    Metric,
    ScoringSettings,
    Suite,
)
from evals.core.types import Area, Group, Sample
from metrics.shapes_rules import Wanted
from synth.scenes import PER_KIND, Kinds, Spec, ensure_pictures

FLOOR, CEILING = "builtin", "ground-truth"
KNOWN_LIMITS = (
    "The rules that score it read flat filled shapes on a plain ground and nothing else. It checks "
    "that a model's generation side is wired up and follows simple prompts, and is no substitute "
    "for {others}. Colours and outlines have names within bounds (a rhombus is a diamond, and so "
    "is a square on its corner), and shapes that touch or hide each other count as wrong."
)


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """The functions of a suite, picklable and without state."""

    name: str
    make: Callable[[], list[Spec]]

    def load(self, source: DataSource) -> list[Sample]:
        """All samples, their drawings put into the cache on first use.

        Raises:
            UserError: data of another place is asked for, or the cache cannot be written.
        """
        items = self.make()
        paths = self._pictures(source, items)
        return [self._sample(s, p) for s, p in zip(items, paths, strict=True)]

    def verify(self, source: DataSource) -> list[DataProblem]:
        """Drawings in the cache that cannot be decoded.

        Raises:
            UserError: as `load`.
        """
        return broken_drawings(self._pictures(source, self.make()))

    def _pictures(self, source: DataSource, items: Sequence[Spec]) -> list[Path]:
        refuse_data(self.name, source)
        return ensure_pictures(source.cache, items)

    def _sample(self, spec: Spec, path: Path) -> Sample:
        return Sample(
            id=spec.id,
            benchmark=self.name,
            suite="synth",
            task="generate",
            prompt=spec.prompt,
            reference_images=(path,),
            reference=SceneReference(
                answer=spec.answer, side=spec.side, kind=spec.kind, spec_sha256=spec.sha256,
                wanted=tuple(
                    Wanted(name=w.name, colour=w.colour, count=w.count) for w in spec.wanted
                ),
            ),
            group=(spec.kind,),
            cluster=spec.id,
            output_path=f"{spec.id}.png",
        )  # fmt: skip


def refuse_data(name: str, source: DataSource) -> None:
    """What is drawn has no data of another place.

    Raises:
        UserError: some is asked for.
    """
    if source.root is not None or source.revision is not None:
        where = source.root or f"revision {source.revision}"
        raise UserError(
            f"{name} is drawn by this program and reads no data, but {where} is given; leave "
            "--data and @REVISION away for it."
        )


def broken_drawings(paths: Iterable[Path]) -> list[DataProblem]:
    """Drawings in the cache that cannot be decoded."""
    found = []
    for path in paths:
        try:
            inspect_image(path)
        except ImageError as error:
            message = f"{error} Delete it; it is drawn again by the next command."
            found.append(DataProblem(kind="corrupt", where=str(path), message=message))
    return found


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The one metric; no setting concerns it."""
    return (ShapesMetric(),)


def drawn_benchmark(
    *, name: str, title: str, suite: str, version: str, kinds: Kinds,
    make: Callable[[], list[Spec]], others: str, doc: str, area: Area | None = None,
) -> Benchmark:  # fmt: skip
    """A benchmark that asks for drawings of flat shapes.

    Args:
        name: in the catalog.
        title: for people.
        suite: title of its only suite, `synth`.
        version: of the generator.
        kinds: of prompts.
        make: all items.
        others: benchmarks that it cannot stand in for.
        doc: what it asks.
        area: what it is about; generation when it names none.
    """
    drawn = _Drawn(name=name, make=make)
    return Benchmark(
        name=name,
        title=title,
        task="generate",
        version="1",
        licence="Apache-2.0",
        citation="this repository, synth/scenes",
        suites={
            "synth": Suite(
                name="synth", title=suite, version=version, synthetic=True,
                size=PER_KIND * len(kinds), load=drawn.load, verify=drawn.verify,
            )
        },
        default_suite="synth",
        metrics=metrics,
        headline=Headline(name="correct", variant="correct", floor=FLOOR, ceiling=CEILING),
        variants=(
            _mean("correct", "pictures that are right", "the share of pictures that are right"),
            _mean("clauses", "clauses met", "the mean share of clauses that a picture meets"),
        ),
        groups=tuple(Group(path=(kind,), title=title) for kind, (title, _) in kinds.items()),
        policies=(STRICT_POLICY,),
        anchors=(FLOOR, CEILING),
        cost="no judge, no GPU, no network: some seconds",
        area=area,
        doc=f"{doc} {KNOWN_LIMITS.format(others=others)}",
    )  # fmt: skip


def _mean(name: str, title: str, what: str) -> Variant:
    return Variant(
        name=name, title=title, doc=f"In each kind {what}, then the mean over the kinds.",
        terms=(Term(column=f"shapes.{name}", levels=(1,)),), profile="strict",
    )  # fmt: skip
