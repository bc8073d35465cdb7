"""Means by kind of sample: the same samples, policies and intervals as a summary, cut otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evals.core.store import StoredRun
from evals.core.strata import by_strata, strata_of
from evals.core.summary import summarise
from evals.core.types import Fault

MISSING = Fault(kind="missing_file", message="No output.", origin="model")
TIMEOUT = Fault(kind="timeout", message="No answer.", origin="infrastructure")
N = 20
CASE = [i for i in range(N) if i % 3 == 0]
DIGITS = [i for i in range(N) if i % 3]
VALUES = {"ocr_official.OA": [i / N for i in range(N)],
          "ocr_strict.target": [i / N for i in range(N)]}  # fmt: skip
OFFICIAL, STRICT = VALUES


@pytest.fixture
def run(make_run: Any, tmp_path: Any) -> Any:
    def get(**options: Any) -> StoredRun:
        return StoredRun.read(make_run(tmp_path / "run", n=N, **{"values": VALUES, **options}))

    return get


def labelled(run: StoredRun, *labels: dict[str, str] | None) -> StoredRun:
    """The run with other labels, given in turn; None takes the labels away."""
    pairs = zip(run.samples, (labels * N)[:N], strict=True)
    samples = [{**s, "strata": own} for s, own in pairs]
    return replace(run, samples=tuple(samples))


def test_a_stratum_is_the_plain_mean_of_its_samples(run: Any) -> None:
    cells = by_strata(run(), [STRICT], resamples=200)
    assert list(cells) == [(STRICT, ("edit", "digits")), (STRICT, ("edit", "case"))]
    for (_, stratum), here in zip(cells, (DIGITS, CASE), strict=True):
        cell = cells[STRICT, stratum]
        assert cell.stratum == stratum
        assert cell.mean == pytest.approx(np.mean([i / N for i in here]))
        assert cell.low is not None
        assert cell.high is not None
        assert cell.low < cell.mean < cell.high
        assert (cell.n, cell.scored, cell.planned) == (len(here),) * 3


def test_policies_and_coverage_are_those_of_the_profile(run: Any) -> None:
    faults = {0: ("missing", MISSING), 3: ("missing", MISSING), 1: ("error", TIMEOUT)}
    cells = by_strata(run(faults=faults), resamples=200)
    kept = [i for i in CASE if i not in faults]
    official, strict = cells[OFFICIAL, ("edit", "case")], cells[STRICT, ("edit", "case")]
    assert official.mean == pytest.approx(np.mean([i / N for i in kept]))
    assert strict.mean == pytest.approx(sum(i / N for i in kept) / len(CASE))
    assert (official.n, strict.n, strict.imputed) == (len(kept), len(CASE), 2)
    assert official.scored == strict.scored == len(kept)
    assert strict.reasons == {"missing: missing_file": 2}
    assert strict.complete
    assert not cells[STRICT, ("edit", "digits")].complete
    for cell in cells.values():
        assert cell.planned == cell.scored + sum(cell.reasons.values())


def test_an_absent_metric_says_so_in_every_stratum(run: Any) -> None:
    cells = by_strata(run(), ["judge.Avg"], resamples=200)
    assert {c.state for c in cells.values()} == {"unavailable"}
    assert {c.note for c in cells.values()} == {"judge is absent here; install judge"}
    assert {c.mean for c in cells.values()} == {None}


def test_a_label_of_all_samples_is_the_summary_cell(run: Any) -> None:
    whole = labelled(run(), {"kind": "any"})
    summary = summarise(whole, resamples=200)
    cells = by_strata(whole, resamples=200)
    assert len(cells) == len({column for column, _ in summary.cells})
    for (column, _), cell in cells.items():
        want = summary.cells[column, ()]
        assert (cell.mean, cell.low, cell.high) == (want.mean, want.low, want.high)
        assert replace(cell, stratum=None) == replace(want, macro=None)


def test_groups_as_labels_give_the_cells_of_the_groups(run: Any) -> None:
    made = run()
    by_group = replace(
        made, samples=tuple({**s, "strata": {"top": s["group"][0]}} for s in made.samples)
    )
    cells = by_strata(by_group, [STRICT], resamples=200)
    summary = summarise(by_group, resamples=200)
    assert {value for _, (_, value) in cells} == {"Virtual", "Real"}
    for (column, (_, top)), cell in cells.items():
        want = summary.cells[column, (top,)]
        assert [cell.mean, cell.low, cell.high] == pytest.approx([want.mean, want.low, want.high])
        assert (cell.n, cell.planned) == (want.n, want.planned)


def test_samples_without_a_label_are_in_none_of_its_strata(run: Any) -> None:
    some = labelled(run(), {"accent": "yes"}, None)
    assert by_strata(some, [STRICT], resamples=200)[STRICT, ("accent", "yes")].planned == N // 2
    assert by_strata(labelled(run(), None), resamples=200) == {}


def test_one_sample_has_a_mean_and_no_interval(run: Any) -> None:
    labels = [{"accent": "yes"}, *[{"accent": "no"}] * (N - 1)]
    cell = by_strata(labelled(run(), *labels), [STRICT], resamples=200)[STRICT, ("accent", "yes")]
    assert (cell.mean, cell.low, cell.high, cell.n) == (0.0, None, None, 1)
    assert "no interval" in cell.note


def test_labels_in_order_of_appearance_and_values_by_size() -> None:
    rows = [{"edit": "text", "source": "short"}, {"edit": "case", "source": "long"},
            {"edit": "case", "source": "short"}, {"source": "long"}]  # fmt: skip
    assert strata_of([{"strata": r} for r in rows]) == (
        ("edit", "case"), ("edit", "text"), ("source", "long"), ("source", "short"),
    )  # fmt: skip
    assert strata_of([{}, {"strata": None}]) == ()
