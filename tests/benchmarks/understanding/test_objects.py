"""What every benchmark of understanding must be: whole, light, and clear about its data."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from evals.core.errors import UserError
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.variants import check_variants
from tests.benchmarks.understanding.kit import CHOICES, JUDGED, KEYS, benchmark

UNPRINTED = {"realworldqa", "textvqa", "docvqa"}
NO_JUDGE = {"chartqa", "ocrbench", "textvqa", "docvqa", "pope"}


@pytest.mark.parametrize("name", KEYS)
def test_columns_variants_and_printed_rows_fit_together(name: str) -> None:
    made = benchmark(name)
    assert made.name == name
    metrics = made.metrics(ScoringSettings())
    columns = [f"{m.name}.{q.name}" for m in metrics for q in m.quantities]
    check_variants(made.variants, made.headline, columns, made.groups)
    known = {*columns, *(v.column for v in made.variants)}
    rows = made.published()
    assert all(set(values) <= known for r in rows for values in r.values.values())
    assert all(r.suite in made.suites and r.differences for r in rows)
    assert bool(rows) == (name not in UNPRINTED)
    headline = next(v for v in made.variants if v.name == made.headline.variant)
    assert headline.profile == "strict"
    assert len({m.fingerprint() for m in metrics}) == len(metrics)
    assert made.defects


@pytest.mark.parametrize("name", KEYS)
def test_what_needs_a_judge_says_so(name: str) -> None:
    metrics = {m.name: m for m in benchmark(name).metrics(ScoringSettings())}
    assert ("judge" in metrics) == (name not in NO_JUDGE)
    if "judge" in metrics:
        assert "no MLLM judge is chosen" in str(metrics["judge"].absence())
    others = [m for n, m in metrics.items() if n != "judge"]
    assert all(m.absence() is None for m in others)
    assert bool(others) == (name not in {"mathverse", "mmvet"})


def test_printed_numbers_of_the_report_and_of_others() -> None:
    def printed(name: str, column: str, model: str, source: str = "") -> set[float]:
        rows = benchmark(name).published()
        return {r.values[""][column] for r in rows
                if r.model == model and column in r.values[""] and source in r.source}  # fmt: skip

    report = "2603.09877"
    for name, column, value in (
        ("mme", "=perception", 1607.5), ("seed", "=exact", 75.2), ("chartqa", "=overall", 76.6),
        ("ocrbench", "=norm", 83.9), ("mmmu", "=exact", 54.7), ("mathverse", "=official", 45.6),
        ("logicvista", "=official", 40.3),
    ):  # fmt: skip
        assert printed(name, column, "InternVL-U", report) == {value}, name
    assert printed("seed", "=exact", "BAGEL", report) == {78.5}
    assert printed("mme", "=total_tool", "BAGEL") == {2388}
    assert printed("mme", "=perception", "BAGEL") == {1687.0}
    assert printed("hallusionbench", "=mean", "Ovis-U1") == {56.3}
    assert printed("pope", "=f1_mean", "Janus-Pro") == {87.4}
    assert all("BAGEL" in {r.model for r in benchmark(name).published()} for name in JUDGED)


@pytest.mark.parametrize("name", KEYS)
def test_absent_data_says_what_to_get(name: str, tmp_path: Path) -> None:
    made = benchmark(name)
    assert f"{KEYS[name]}.tsv (https://" in made.suites[made.default_suite].missing
    for suite in made.suites.values():
        for revision in (None, "md5:0123abcd"):
            with pytest.raises(UserError, match=f"--data {name}=FOLDER") as error:
                suite.load(DataSource(cache=tmp_path, revision=revision))
            assert suite.missing == str(error.value)
        with pytest.raises(UserError, match="does not exist"):
            suite.load(DataSource(root=tmp_path, cache=tmp_path))
        assert pickle.loads(pickle.dumps(suite)).name == suite.name


@pytest.mark.parametrize("name", CHOICES)
def test_the_ground_truth_stands_in_every_report(name: str) -> None:
    assert benchmark(name).anchors == ("ground-truth",)


def test_listing_a_benchmark_loads_no_judge() -> None:
    names = ", ".join(f"benchmarks.understanding.{n}" for n in KEYS)
    code = f"import sys, {names}; print('judges' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
