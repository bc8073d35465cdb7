"""Runs for the report's tests, built once per session by the real writer."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from evals.core.store import StoredRun


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
