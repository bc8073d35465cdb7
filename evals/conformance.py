"""Replaying vectors recorded from official scorers against ours, function by function.

A vector file is one JSON object::

    {"schema": 1, "benchmark": "textedit", "source": "...", "note": "...",
     "functions": {"<name>": {"tolerance": 1e-9,
                              "cases": [{"id": "...", "input": ..., "expected": ...}]}}}

The module of a benchmark publishes ``CONFORMANCE``: name -> callable from a case's input to what
the official code returned. ``name:variant`` is a name of its own whose callable gets the same
input. Floats are compared to the tolerance, relative or absolute, everything else exactly. An
expected ``{"error": "Type"}`` asks for an exception of that type name, ``"NaN"``, ``"Infinity"``
and ``"-Infinity"`` stand for the floats that JSON lacks, and ``"__RANDOM_CHOICE__"`` for a place
where the official code draws at random, which matches anything. Where it raises or draws, ours may
raise `evals.core.errors.Deviation`: the status it answers instead. Such cases are counted apart,
and fail a replay in which they are more than `DECLARED_LIMIT` of all cases.
"""

from __future__ import annotations

import importlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from evals.core.errors import Deviation, UserError

SCHEMA = 1
RANDOM = "__RANDOM_CHOICE__"
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
EXAMPLES = 3
DECLARED_LIMIT = 0.02
"""Largest share of declared deviations in all cases of a replay."""

Scorers: TypeAlias = "Mapping[str, Callable[[Any], Any]]"


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionReport:
    """How one function did on one vector file.

    Attributes:
        benchmark: as the file names it.
        function: with its variant, if it has one.
        cases: how many there are.
        mismatches: how many differ; 0 when the function is not covered.
        largest_deviation: largest absolute difference of two compared numbers, mismatches included.
        examples: the first mismatches in words, or why the function is not covered.
        covered: False when there is no callable for it; nothing was compared then.
        declared: erratum -> cases in which ours answers a status where the official code raised or
            drew at random.
        file: the vector file.
    """

    benchmark: str
    function: str
    cases: int
    mismatches: int = 0
    largest_deviation: float = 0.0
    examples: tuple[str, ...] = ()
    covered: bool = True
    declared: Mapping[str, int] = field(default_factory=dict)
    file: str = ""

    @property
    def failed(self) -> bool:
        """Whether the replay as a whole must fail: something differs, or was not compared."""
        return self.mismatches > 0 or not self.covered


@dataclass(frozen=True, slots=True)
class _Case:
    id: str
    input: Any
    expected: Any


@dataclass(frozen=True, slots=True)
class _Vectors:
    path: Path
    benchmark: str
    functions: Mapping[str, tuple[float, tuple[_Case, ...]]]


def run_conformance(
    paths: Sequence[Path], table: Mapping[str, str] | None = None
) -> list[FunctionReport]:
    """Replay every function of every vector file.

    Args:
        paths: files, or folders whose ``*.json`` files at any depth are all vector files.
        table: benchmark -> ``"module"`` or ``"module:MAPPING"``, imported when a file asks for it;
            by default that of `benchmarks.catalog`.

    Returns:
        One report per function, in the order of the files; none is ever left out.

    Raises:
        UserError: no such file, nothing in a folder, or a file that is not a vector file.
    """
    known = default_table() if table is None else table
    files = [read_vectors(p) for p in vector_files(paths)]
    return [
        _replay(file, name, _scorers(file.benchmark, known)) for file in files
        for name in file.functions
    ]  # fmt: skip


def default_table() -> dict[str, str]:
    """Benchmark -> module, from the catalog; its own ``CONFORMANCE`` table comes first."""
    catalog = importlib.import_module("benchmarks.catalog")
    modules = {name: place.partition(":")[0] for name, place in catalog.BENCHMARKS.items()}
    return {**modules, **getattr(catalog, "CONFORMANCE", {})}


def _scorers(benchmark: str, table: Mapping[str, str]) -> Scorers | None:
    """What the benchmark's module publishes, or None when it has no module or publishes nothing."""
    if benchmark not in table:
        return None
    module, _, attribute = table[benchmark].partition(":")
    scorers: Scorers | None = getattr(
        importlib.import_module(module), attribute or "CONFORMANCE", None
    )
    return scorers


# --- files ------------------------------------------------------------------------------------


def vector_files(paths: Iterable[Path]) -> list[Path]:
    """The files meant by paths, each once, folders sorted.

    Raises:
        UserError: a path does not exist, or a folder holds no ``*.json``.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*.json"))
            if not inside:
                raise UserError(f"{path} holds no *.json files; pass a folder of vector files.")
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            raise UserError(f"{path} does not exist; pass a vector file or a folder of them.")
    return list(found)


def read_vectors(path: Path) -> _Vectors:
    """Read and check one vector file.

    Raises:
        UserError: it is not one; the message says where and what is expected.
    """
    try:
        data: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}); record the vectors again.") from error
    except OSError as error:
        raise UserError(f"Cannot read {path} ({error}); check its permissions.") from error
    if not isinstance(data, dict):
        raise _malformed(path, "the file", "one JSON object")
    if data.get("schema") != SCHEMA:
        raise _malformed(path, f"schema {data.get('schema')!r}", f'"schema": {SCHEMA}')
    benchmark, functions = data.get("benchmark"), data.get("functions")
    if not isinstance(benchmark, str) or not benchmark:
        raise _malformed(path, "'benchmark'", "the name of a benchmark")
    if not isinstance(functions, dict) or not functions:
        raise _malformed(path, "'functions'", "an object of at least one function")
    return _Vectors(
        path, benchmark, {name: _read_function(path, name, f) for name, f in functions.items()}
    )


def _malformed(path: Path, where: str, expected: str) -> UserError:
    return UserError(f"{path}: {where} is not as it must be; expected {expected}.")


def _read_function(path: Path, name: str, value: Any) -> tuple[float, tuple[_Case, ...]]:
    if not isinstance(value, dict):
        raise _malformed(path, name, 'an object with "tolerance" and "cases"')
    tolerance, cases = value.get("tolerance", 0.0), value.get("cases")
    plain = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not plain or not 0 <= tolerance < math.inf:
        raise _malformed(path, f"the tolerance of {name}", "a number from 0 on")
    if not isinstance(cases, list) or not cases:
        raise _malformed(path, f"'cases' of {name}", "a list of at least one case")
    for number, case in enumerate(cases):
        if not isinstance(case, dict) or not {"input", "expected"} <= set(case):
            raise _malformed(path, f"case {number} of {name}", '"id", "input" and "expected"')
    read = (_Case(str(c.get("id", n)), c["input"], c["expected"]) for n, c in enumerate(cases))
    return float(tolerance), tuple(read)


# --- replay -----------------------------------------------------------------------------------


def _replay(file: _Vectors, function: str, scorers: Scorers | None) -> FunctionReport:
    tolerance, cases = file.functions[function]
    scorer = None if scorers is None else scorers.get(function)
    if scorer is None:
        lacking = (
            f"there is no scorer for the benchmark {file.benchmark!r}"
            if scorers is None
            else f"the benchmark {file.benchmark!r} publishes no function {function!r}"
        )
        return FunctionReport(
            benchmark=file.benchmark, function=function, cases=len(cases), covered=False,
            examples=(lacking,), file=str(file.path),
        )  # fmt: skip
    mismatches, largest = 0, 0.0
    examples: list[str] = []
    declared: Counter[str] = Counter()
    for case in cases:
        difference = _run_case(scorer, case, tolerance)
        declared[difference.erratum] += 1
        largest = max(largest, difference.deviation)
        if difference.text:
            mismatches += 1
            if len(examples) < EXAMPLES:
                examples.append(f"case {case.id}{difference.text}")
    return FunctionReport(
        benchmark=file.benchmark, function=function, cases=len(cases), mismatches=mismatches,
        largest_deviation=largest, examples=tuple(examples), file=str(file.path),
        declared={name: n for name, n in declared.items() if name},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference of two values in words, empty when they agree, and the largest one."""

    text: str = ""
    deviation: float = 0.0
    erratum: str = ""


def _expected_error(expected: Any) -> str | None:
    if isinstance(expected, dict) and set(expected) == {"error"}:
        name = expected["error"]
        return name if isinstance(name, str) else None
    return None


def _run_case(scorer: Callable[[Any], Any], case: _Case, tolerance: float) -> Difference:
    wanted = _expected_error(case.expected)
    try:
        got = scorer(case.input)
    except Deviation as deviation:
        if wanted is not None or _has_open_place(case.expected):
            return Difference(erratum=deviation.erratum)
        return Difference(f": expected {_short(case.expected)}, but ours deviates: {deviation}")
    except Exception as error:
        name = type(error).__name__
        if wanted == name or case.expected == RANDOM:
            return Difference()
        return Difference(f": expected {_short(case.expected)}, raised {name}: {error}"[:300])
    if wanted is not None:
        return Difference(f": expected {wanted} to be raised, got {_short(got)}")
    return compare(case.expected, got, tolerance)


def _has_open_place(expected: Any) -> bool:
    """Whether the official code raised or drew at random somewhere in a recorded value."""
    if isinstance(expected, Mapping):
        return set(expected) == {"error"} or any(map(_has_open_place, expected.values()))
    if isinstance(expected, list):
        return any(map(_has_open_place, expected))
    return bool(expected == RANDOM)


def compare(expected: Any, got: Any, tolerance: float, where: str = "") -> Difference:
    """Compare a recorded value with ours.

    Args:
        expected: as read from JSON.
        got: JSON-like; tuples count as lists, NumPy scalars and arrays as what they hold, and
            mapping keys as their text.
        tolerance: for numbers of which at least one is a float; relative or absolute.
        where: path of the value within the case, for the message.

    >>> compare({"a": [1.0, "NaN"]}, {"a": (1.0 + 1e-12, float("nan"))}, 1e-9).text
    ''
    >>> compare({"a": [1.0]}, {"a": [2.0]}, 1e-9).text
    ' at .a[0]: expected 1.0, got 2.0'
    >>> compare(1, True, 1e-9).text
    ': expected 1, got True'
    """
    got = got.tolist() if hasattr(got, "tolist") else got
    if isinstance(expected, str) and expected in NON_FINITE and isinstance(got, float):
        expected = NON_FINITE[expected]
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return _compare_mappings(expected, got, tolerance, where)
    if isinstance(expected, list) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            return _differs(expected, got, where)
        pairs = enumerate(zip(expected, got, strict=True))
        return _first(compare(e, g, tolerance, f"{where}[{n}]") for n, (e, g) in pairs)
    if _is_number(expected) and _is_number(got) and float in {type(expected), type(got)}:
        return _compare_numbers(expected, got, tolerance, where)
    same = expected == RANDOM or (type(expected) is type(got) and expected == got)
    return Difference() if same else _differs(expected, got, where)


def _compare_mappings(
    expected: Mapping[str, Any], got: Mapping[Any, Any], tolerance: float, where: str
) -> Difference:
    ours = {str(k): v for k, v in got.items()}
    if set(expected) != set(ours):
        return _differs(sorted(expected), sorted(ours), f"{where} (keys)")
    return _first(compare(v, ours[k], tolerance, f"{where}.{k}") for k, v in expected.items())


def _compare_numbers(expected: float, got: float, tolerance: float, where: str) -> Difference:
    try:
        deviation = abs(float(expected) - float(got))
        neither = math.isnan(expected) and math.isnan(got)
    except OverflowError:  # a whole number beyond the range of floats
        return _differs(expected, got, where)
    if expected == got or neither:
        return Difference()
    if not math.isfinite(deviation):
        return _differs(expected, got, where)
    if deviation <= tolerance or deviation <= tolerance * abs(expected):
        return Difference(deviation=deviation)
    return Difference(_differs(expected, got, where).text, deviation)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _first(differences: Iterable[Difference]) -> Difference:
    """The first text and the largest deviation of several differences."""
    found = list(differences)
    text = next((d.text for d in found if d.text), "")
    return Difference(text, max((d.deviation for d in found), default=0.0))


def _differs(expected: Any, got: Any, where: str) -> Difference:
    place = f" at {where}" if where else ""
    return Difference(f"{place}: expected {_short(expected)}, got {_short(got)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
