"""Runs for the report's tests, built once per session by the real writer."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evals.core.store import StoredRun
from evals.core.verdicts import Verdict
from tests.reports import judged_runs


def _load() -> ModuleType:
    path = Path(__file__).with_name("builder.py")
    spec = importlib.util.spec_from_file_location("report_builder", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report_builder"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    """The module tests/reports/builder.py."""
    return _load()


@pytest.fixture(scope="session")
def official_runs(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    """Five runs of the official mini suite, one of them with faults."""
    runs: list[StoredRun] = builder.make_runs(tmp_path_factory.mktemp("official"))
    return runs


@pytest.fixture(scope="session")
def synthetic_runs(
    builder: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> list[StoredRun]:
    """The same models on a synthetic suite."""
    suite = {"name": "synth", "title": "TextEdit synthetic", "version": "1", "synthetic": True,
             "size": 18}  # fmt: skip
    runs: list[StoredRun] = builder.make_runs(
        tmp_path_factory.mktemp("synthetic"), per_class=1, suite=suite, identity={"suite": "synth"}
    )
    return runs


@pytest.fixture(scope="session")
def page(official_runs: list[StoredRun], synthetic_runs: list[StoredRun]) -> str:
    """A page with both suites."""
    from reports.html import build_report

    return build_report([*official_runs, *synthetic_runs])


@pytest.fixture(scope="session")
def hostile_page(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page made of runs whose every text is an attack."""
    import dataclasses

    from evals.core.types import Fault
    from reports.html import write_report

    bad = builder.HOSTILE
    folder = tmp_path_factory.mktemp("hostile")
    samples = [
        dataclasses.replace(
            s,
            id=f"{s.id} {bad}",
            prompt=bad,
            strata={bad: bad},
            reference={**s.reference, "source_text": bad, "target_text": bad[::-1]},
        )
        for s in builder.make_samples(folder / "data", 1)
    ]
    fault = Fault(kind=bad, message=bad, origin="model")
    for at, name in enumerate(("copy-source", "ground-truth", bad)):
        model = builder.FakeModel(
            name=name, skill=0.8, keeps=0.9, role="model" if at == 2 else "anchor",
            statuses={0: "refused"}, faults={0: fault},
        )  # fmt: skip
        builder.make_run(
            folder / f"runs/{at}", model, samples,
            absences={**builder.ABSENCES, "judge": {"reason": bad, "fix": bad}},
            differences=[bad, f"{bad}: {bad}"],
            published=[{**builder.published_rows()[0], "model": bad, "source": bad}],
            provenance={"command": [bad], bad: bad},
            benchmark={"name": "textedit", "title": bad, "version": bad,
                       "licence": bad, "citation": bad, "task": "edit"},
        )  # fmt: skip
    runs = [StoredRun.read(folder / f"runs/{at}") for at in range(3)]
    return write_report(runs, folder / "page.html", title=bad)


# --- judged runs ------------------------------------------------------------------------------


def _scores(model: Any, at: int, shift: int = 0) -> dict[str, int]:
    skill = {"copy-source": 2, "ground-truth": 5}.get(model.name, 4)
    return {n: max(1, skill - (at + k + shift) % 2) for k, n in enumerate(judged_runs.NAMES)}


@pytest.fixture(scope="session")
def single_runs(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    """One judge, asked once: sample 3 failed, 5 has no price, the last four came from another."""

    def say(model: Any, at: int) -> list[Verdict]:
        if at == 3:
            return [judged_runs.verdict(None, raw=f"I cannot: {builder.HOSTILE}")]
        served = "gpt-4.1-2026" if at < 14 else "gpt-4.1-mini"
        cost = None if at == 5 else 0.01
        return [judged_runs.verdict(_scores(model, at), served=served, cost=cost)]

    return judged_runs.make(builder, tmp_path_factory.mktemp("single"), say)


@pytest.fixture(scope="session")
def panel_runs(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    """Two judges, asked twice each: they are 2 apart on sample 1, and one failed on sample 2."""

    def say(model: Any, at: int) -> list[Verdict]:
        made = []
        for judge, shift in (("gpt-4.1", 0), ("qwen", 1)):
            for repeat in range(2):
                scores: dict[str, int] | None = _scores(model, at, shift * (at % 3))
                if scores is not None and at == 1 and shift and repeat:
                    scores["VC"] = 5 if scores["VC"] < 3 else 1
                if at == 2 and shift and repeat:
                    scores = None
                made.append(
                    judged_runs.verdict(
                        scores, judge=judge, served=f"{judge}-2026", repeat=repeat,
                        why=f"{judge} says", status="refused", reason="it declined",
                    )
                )  # fmt: skip
        return made

    return judged_runs.make(
        builder, tmp_path_factory.mktemp("panel"), say, repeats=2, judges=("gpt-4.1", "qwen")
    )


@pytest.fixture(scope="session")
def rules_runs(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    """Measured by rules in place of a judge."""

    def say(model: Any, at: int) -> list[Verdict]:
        return [judged_runs.verdict(_scores(model, at), judge="heuristic", served="heuristic 1")]

    return judged_runs.make(builder, tmp_path_factory.mktemp("rules"), None, rules=say)


@pytest.fixture(scope="session")
def hostile_judged(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose judges have attacks for names, reasons, replies and statuses."""
    from reports.html import write_report

    bad = builder.HOSTILE

    def say(model: Any, at: int) -> list[Any]:
        scores = None if at % 2 else dict.fromkeys(judged_runs.NAMES, 1 + at % 5)
        return [
            judged_runs.verdict(
                scores, judge=f"{bad}{k}", served=bad, why=bad, raw=bad, status=bad, reason=bad,
                repeat=k,
            )
            for k in range(1 if at % 3 else 2)
        ]  # fmt: skip

    folder = tmp_path_factory.mktemp("hostile-judged")
    runs = judged_runs.make(builder, folder, say, rules=say, repeats=2)
    estimate = {"value": 0.5, "low": None, "high": None, "n": 2, "clusters": 2}
    pair = {"a": bad, "b": bad, "kappa": estimate, "spearman": estimate}
    facts = {
        "judges": [{"name": bad, "within_sd": {bad: 0.1}}, {"name": bad, "within_sd": {}}],
        "dimensions": [{"name": bad, "alpha": estimate, "pairs": [pair, pair],
                        "share": {"share": 0.5}}],
    }  # fmt: skip
    judging = {r.folder: facts for r in runs}
    return write_report(runs, folder / "page.html", embed="none", judging=judging)
