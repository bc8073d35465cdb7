"""Replaying vectors: what counts as equal, what is reported, and which files are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.conformance import compare, run_conformance
from evals.core.errors import UserError

HERE = "tests.test_conformance"


class OddError(Exception):
    """An exception that the official code is said to raise."""


def _raise(given: Any) -> Any:
    raise OddError(given)


SCORERS: dict[str, Callable[[Any], Any]] = {
    "double": lambda given: {"out": given["x"] * 2},
    "raises": _raise,
    "same:a": lambda given: given["a"],
    "same:b": lambda given: given["b"],
}
TABLE = {"toy": f"{HERE}:SCORERS", "mute": "json"}


def vectors(path: Path, benchmark: str = "toy", **functions: Any) -> Path:
    cases = {
        name: {"tolerance": 1e-9, "cases": [{"id": str(n), **c} for n, c in enumerate(cases)]}
        for name, cases in functions.items()
    }
    data = {"schema": 1, "benchmark": benchmark, "source": "", "note": "", "functions": cases}
    path.write_text(json.dumps(data))
    return path


def test_matches_mismatches_and_the_largest_deviation(tmp_path: Path) -> None:
    file = vectors(
        tmp_path / "v.json",
        double=[
            {"input": {"x": 1.0}, "expected": {"out": 2.0}},
            {"input": {"x": 1.0}, "expected": {"out": 2.25}},
            {"input": {"x": 1.0}, "expected": {"out": 2.0 + 1e-12}},
        ],
    )
    (report,) = run_conformance([file], TABLE)
    assert (report.benchmark, report.function, report.cases) == ("toy", "double", 3)
    assert (report.mismatches, report.largest_deviation) == (1, 0.25)
    assert report.examples == ("case 1 at .out: expected 2.25, got 2.0",)
    assert report.failed


def test_errors_are_expected_by_their_type_name(tmp_path: Path) -> None:
    file = vectors(
        tmp_path / "v.json",
        raises=[
            {"input": 1, "expected": {"error": "OddError"}},
            {"input": 1, "expected": {"error": "ValueError"}},
            {"input": 1, "expected": 3},
        ],
        double=[{"input": {"x": 1}, "expected": {"error": "OddError"}}],
    )
    raises, double = run_conformance([file], TABLE)
    assert (raises.mismatches, double.mismatches) == (2, 1)
    assert "raised OddError" in raises.examples[1]
    assert "expected OddError to be raised" in double.examples[0]


def test_variants_are_functions_of_their_own(tmp_path: Path) -> None:
    case = {"input": {"a": 1, "b": 2}}
    file = vectors(
        tmp_path / "v.json",
        **{"same:a": [{**case, "expected": 1}], "same:b": [{**case, "expected": 2}]},
    )
    assert [r.mismatches for r in run_conformance([file], TABLE)] == [0, 0]


@pytest.mark.parametrize("benchmark", ["toy", "mute", "nobody"])
def test_what_is_not_covered_is_reported(tmp_path: Path, benchmark: str) -> None:
    file = vectors(tmp_path / "v.json", benchmark, unknown=[{"input": 1, "expected": 1}])
    (report,) = run_conformance([file], TABLE)
    assert (report.covered, report.cases, report.mismatches) == (False, 1, 0)
    assert report.failed
    assert benchmark in report.examples[0]


def test_folders_are_searched_at_any_depth_and_files_read_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.json", "a.json", "deep/c.json"):
        vectors(tmp_path / name, double=[{"input": {"x": 1}, "expected": {"out": 2}}])
    reports = run_conformance([tmp_path, tmp_path / "a.json"], TABLE)
    assert [Path(r.file).name for r in reports] == ["a.json", "b.json", "c.json"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "one JSON object"),
        ('{"schema": 2}', '"schema": 1'),
        ('{"schema": 1, "benchmark": 3}', "'benchmark'"),
        ('{"schema": 1, "benchmark": "toy", "functions": {}}', "'functions'"),
        ('{"schema": 1, "benchmark": "toy", "functions": {"f": []}}', "f is not"),
        ('{"schema": 1, "benchmark": "toy", "functions": {"f": {"tolerance": "x"}}}', "tolerance"),
        ('{"schema": 1, "benchmark": "toy", "functions": {"f": {"cases": []}}}', "'cases'"),
        ('{"schema": 1, "benchmark": "toy", "functions": {"f": {"cases": [{"id": 1}]}}}', "case 0"),
    ],
)
def test_malformed_files_are_refused_with_the_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(UserError, match=complaint) as caught:
        run_conformance([file], TABLE)
    assert "bad.json" in str(caught.value)


def test_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        run_conformance([tmp_path / "nothing.json"], TABLE)
    with pytest.raises(UserError, match="holds no"):
        run_conformance([tmp_path], TABLE)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("NaN", math.nan),
        ("-Infinity", -math.inf),
        ("__RANDOM_CHOICE__", 17),
        ({"a": ["__RANDOM_CHOICE__", 1]}, {"a": [None, 1]}),
        ([1, 2.0], (1, 2.0)),
        ([1.5], np.array([1.5])),
        (1.5, np.float64(1.5)),
        ({"5": 1.0}, {5: 1.0}),
        (1.0, 1),
        (1e12, 1e12 + 1e-2),
        (None, None),
        ("NaN", "NaN"),
    ],
)
def test_equal(expected: Any, got: Any) -> None:
    assert compare(expected, got, 1e-9).text == ""


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, True),
        (True, 1),
        (1, 2),
        (0, 1e-12 + 1),
        ("a", "A"),
        ("1", 1),
        (None, 0),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ("NaN", 1.0),
        (1.0, math.nan),
        ("Infinity", -math.inf),
        ({}, []),
        (10**400, 1.0),
    ],
)
def test_different(expected: Any, got: Any) -> None:
    assert compare(expected, got, 1e-9).text != ""
