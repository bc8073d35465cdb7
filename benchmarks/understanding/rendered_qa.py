"""Rendered questions: six kinds of question about pictures that are drawn here.

There is no official data behind this benchmark. It shows offline and within seconds whether a
model's understanding side works at all, by the path that every understanding benchmark takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.drawn import broken_drawings, refuse_data
from benchmarks.understanding.answers import AnswerMetric, AnswerReference
from evals.core.aggregation import STRICT_POLICY, Headline
from evals.core.protocols import Benchmark, DataProblem, DataSource, Metric, ScoringSettings, Suite
from evals.core.types import Group, Sample
from synth.questions import (
    GENERATOR_VERSION,
    KINDS,
    PER_KIND,
    Question,
    ensure_pictures,
    questions,
)

NAME = "rendered-qa"
SIZE = PER_KIND * len(KINDS)


def load(source: DataSource) -> list[Sample]:
    """All questions, their pictures drawn to the cache on first use.

    Raises:
        UserError: data of another place is asked for, or the cache cannot be written.
    """
    items = questions()
    return [_sample(q, path) for q, path in zip(items, _pictures(source, items), strict=True)]


def verify(source: DataSource) -> list[DataProblem]:
    """Pictures in the cache that cannot be decoded.

    Raises:
        UserError: as `load`.
    """
    return broken_drawings(_pictures(source, questions()))


def _pictures(source: DataSource, items: Sequence[Question]) -> list[Path]:
    refuse_data(NAME, source)
    return ensure_pictures(source.cache, items)


def _sample(question: Question, path: Path) -> Sample:
    return Sample(
        id=question.id,
        benchmark=NAME,
        suite="synth",
        task="understand",
        prompt=question.prompt,
        images=(path,),
        reference=AnswerReference(
            answer=question.answer, form=question.form, kind=question.kind,
            choices=question.choices, spec_sha256=question.sha256,
        ),
        group=(question.kind,),
        cluster=question.id,
        strata={"answer": question.form.replace("_", " or ")},
    )  # fmt: skip


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """The one metric; no setting concerns it."""
    return (AnswerMetric(),)


BENCHMARK = Benchmark(
    name=NAME,
    title="Rendered questions",
    task="understand",
    version="1",
    licence="Apache-2.0",
    citation="this repository, synth/questions",
    suites={
        "synth": Suite(
            name="synth",
            title="six kinds of question about pictures drawn here, with exact answers; guessing "
            "among the choices gets 1/6",
            version=GENERATOR_VERSION,
            synthetic=True,
            size=SIZE,
            load=load,
            verify=verify,
        )
    },
    default_suite="synth",
    metrics=metrics,
    headline=Headline(name="accuracy", column="answer.accuracy", ceiling="ground-truth"),
    groups=tuple(Group(path=(kind,), title=title) for kind, (title, _) in KINDS.items()),
    policies=(STRICT_POLICY,),
    anchors=("ground-truth",),
    doc="Read a text, count shapes, name a colour, tell where a shape stands, read a bar, work out "
    "a calculation: 8 pictures of each, drawn from a seed, each with one exact answer (a letter, "
    "yes or no, a number, a text). The same answer to every question gets at most 1/12; guessing "
    "evenly among the choices and between yes and no gets 1/6 on average. A reply without one "
    "readable answer is wrong. It tells whether understanding works, not how well a model "
    "understands photographs: the pictures are clean and the questions are easy for people.",
)
