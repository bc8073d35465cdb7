"""A benchmark with variants, from its definition through a run to tables and comparisons."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalog import BENCHMARKS
from benchmarks.understanding import rendered_qa
from evals.cli import main
from evals.config import BenchmarkSpec, ModelSpec, RunConfig
from evals.core.aggregation import Headline, Term, Variant
from evals.core.protocols import DataSource
from evals.core.store import StoredRun, read_jsonl
from evals.core.summary import summarise
from evals.core.types import JSON, Output, PublishedRow, Sample, Task
from evals.core.variants import variants_of
from evals.plan import make_board
from model.catalog import ADAPTERS

HERE = "tests.test_variant_run"
ACCURACY = Term(column="answer.accuracy", levels=(1,), scale=100)
VARIANTS = (
    Variant(name="macro", title="Mean of kinds", doc="Mean over kinds.", terms=(ACCURACY,),
            profile="strict", range=(0, 100), unit="%"),
    Variant(name="pairs", title="Both right", doc="Pairs with both questions right.",
            terms=(dataclasses.replace(ACCURACY, key="pair"),), profile="strict", range=(0, 100),
            unit="%"),
)  # fmt: skip


def _load(source: DataSource) -> list[Sample]:
    samples = rendered_qa.BENCHMARK.suites["synth"].load(source)
    return [
        dataclasses.replace(s, keys={"pair": str(at // 2)}, benchmark="paired-qa")
        for at, s in enumerate(samples)
    ]


def _published() -> tuple[PublishedRow, ...]:
    row = PublishedRow(model="Paper model", suite="synth", source="arXiv:0",
                       values={"": {"=pairs": 40.0, "=macro": 62.5}})  # fmt: skip
    return (row,)


BENCHMARK = dataclasses.replace(
    rendered_qa.BENCHMARK,
    name="paired-qa",
    title="Paired questions",
    suites={"synth": dataclasses.replace(rendered_qa.BENCHMARK.suites["synth"], load=_load)},
    headline=Headline(name="pairs right", variant="pairs"),
    variants=VARIANTS,
    published=_published,
    anchors=(),
)
WRONG = dataclasses.replace(
    BENCHMARK,
    name="wrong-qa",
    variants=(dataclasses.replace(VARIANTS[0], terms=(Term(column="answer.acuracy"),)),
              VARIANTS[1]),
)  # fmt: skip


class Halfway:
    """Right on all but every fourth question."""

    name = "halfway"
    tasks: frozenset[Task] = frozenset({"understand"})
    batch_size = 8

    def describe(self) -> Mapping[str, JSON]:
        return {"adapter": "halfway"}

    def answer(self, samples: Sequence[Sample], seeds: Sequence[int]) -> list[Output]:
        wrong = "???"
        return [
            Output(text=wrong if int(s.keys["pair"]) % 4 == 3 and i % 2 else s.reference.answer)
            for i, s in enumerate(samples)
        ]


def make_halfway(argument: str | None, options: Mapping[str, Any]) -> Halfway:
    return Halfway()


def _run(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return int(stop.value.code or 0)


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "paired-qa", f"{HERE}:BENCHMARK")
    monkeypatch.setitem(BENCHMARKS, "wrong-qa", f"{HERE}:WRONG")
    monkeypatch.setitem(ADAPTERS, "halfway", f"{HERE}:make_halfway")


@pytest.mark.usefixtures("catalog")
def test_a_run_stores_variants_and_keys_and_shows_the_headline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _run("run", "-m", "halfway", "-b", "paired-qa", "--out", str(tmp_path), "--no-anchors")
    said = capsys.readouterr()
    assert code == 0, said.err
    (folder,) = tmp_path.glob("*/halfway")
    manifest = json.loads((folder / "run.json").read_text())
    assert [v["name"] for v in manifest["variants"]] == ["macro", "pairs"]
    assert next(read_jsonl(folder / "samples.jsonl"))["keys"] == {"pair": "0"}
    run = StoredRun.read(folder)
    assert tuple(variants_of(run).values()) == VARIANTS
    cells = summarise(run).cells
    macro, pairs = cells["=macro", ()], cells["=pairs", ()]
    # Every eighth question is wrong, and every fourth pair holds one of them.
    assert macro.mean == pytest.approx(100 * 7 / 8)
    assert pairs.mean == pytest.approx(100 * 3 / 4)
    assert (pairs.n, pairs.planned) == (48, 48)
    assert "pairs right (%)" in said.out
    assert "75.00 ±" in said.out
    assert "macro ↑ (%)" in said.out
    assert _run("compare", str(folder), "published:Paper model") == 0
    shown = capsys.readouterr().out
    assert "=pairs" in shown
    assert "40.00" in shown


@pytest.mark.usefixtures("catalog")
def test_a_wrong_variant_is_found_before_anything_runs(tmp_path: Path) -> None:
    model = ModelSpec(name="halfway", adapter="halfway")
    wrong = BenchmarkSpec(name="wrong-qa")
    config = RunConfig(models=(model,), benchmarks=(wrong,), out=tmp_path)
    with pytest.raises(ValueError, match=r"reads 'answer\.acuracy', which no metric declares; did"):
        make_board(config, wrong)
    # With some metrics only, the columns of the others are not known.
    make_board(dataclasses.replace(config, metrics=("answer",)), wrong)
    make_board(config, BenchmarkSpec(name="paired-qa"))


@pytest.mark.usefixtures("catalog")
def test_show_benchmark_lists_variants(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("show", "benchmark", "paired-qa") == 0
    shown = capsys.readouterr().out
    assert "=pairs" in shown
    assert "Both right. Pairs with both questions right." in shown
    assert "headline pairs right: the variant =pairs" in shown
    assert _run("show", "benchmark", "paired-qa", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [v["name"] for v in found["variants"]] == ["macro", "pairs"]
    assert found["headline"]["variant"] == "pairs"
