"""Looking for everything that is wrong with the data of a suite, before a run finds out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.textedit.data import (
    PROMPT_FOLDERS,
    SPLITS,
    Layout,
    SuiteName,
    find_layout,
    read_records,
)
from benchmarks.textedit.records import Record, parse_file
from benchmarks.textedit.taxonomy import SUB_CLASSES
from evals.core.errors import ImageError, UserError
from evals.core.images import inspect_image
from evals.core.protocols import DataProblem, DataSource

Progress = Callable[[int, int], None]
"""Called with (images looked at, images in all), from the calling thread."""


def verify(
    suite: SuiteName, source: DataSource, progress: Progress | None = None
) -> list[DataProblem]:
    """Every problem of a suite's data; an empty list means that a run can start.

    Each image is decoded completely, as only that finds a file that was cut short.

    Args:
        suite: ``full``, ``mini``, ``synth`` or ``val``.
        source: where the data is read from.
        progress: told how far it has come.

    Raises:
        UserError: there is no such data at all (no folder, no prompt files).
    """
    layout = find_layout(suite, source)
    problems: list[DataProblem] = []
    records = list(
        read_records(
            layout,
            lambda p: problems.append(
                DataProblem(kind=p.kind, where=p.where, message=f"The line {p.message}")
            ),
        )
    )
    problems += _count_problems(layout, records)
    problems += _shared_paths(layout, records)
    problems += _image_problems(layout, records, progress)
    problems += _unexpected(layout, records)
    return problems


def verify_full(source: DataSource) -> list[DataProblem]:
    """Problems of the full set."""
    return verify("full", source)


def verify_mini(source: DataSource) -> list[DataProblem]:
    """Problems of the mini set."""
    return verify("mini", source)


def verify_synth(source: DataSource) -> list[DataProblem]:
    """Problems of our own suite in the cache."""
    return verify("synth", source)


def image_problem_summary(problems: Iterable[DataProblem], examples: int = 3) -> list[str]:
    """One line per kind: how many, and the first few places.

    >>> image_problem_summary([DataProblem(kind="missing", where="a.jpg", message="gone")])
    ['1 missing: a.jpg']
    """
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.kind, []).append(problem.where)
    return [
        f"{len(places)} {kind}: {', '.join(places[:examples])}"
        + (f" and {len(places) - examples} more" if len(places) > examples else "")
        for kind, places in found.items()
    ]


def _count_problems(layout: Layout, records: list[tuple[str, Record]]) -> list[DataProblem]:
    """Sub-classes with fewer or more records than the official suite has.

    Not fatal: a part of the suite can be run, but its means are not those of the suite.
    """
    if layout.suite in SPLITS:
        return []
    counts = Counter(name for name, _ in records)
    folder = layout.root / "eval_prompts" / PROMPT_FOLDERS[layout.suite]
    return [
        DataProblem(
            kind="missing" if counts[c.id] < wanted else "unexpected",
            where=str(folder / f"{c.id}.jsonl"),
            message=f"Sub-class {c.id} has {counts[c.id]} usable records instead of {wanted}; its "
            "means are not comparable with the official suite.",
            fatal=False,
        )
        for c in SUB_CLASSES
        if counts[c.id] != (wanted := c.full if layout.suite == "full" else c.mini)
    ]


def _paths(record: Record) -> list[str]:
    return [record.original_image, record.gt_image] + ([record.mask] if record.mask else [])


def _shared_paths(layout: Layout, records: list[tuple[str, Record]]) -> list[DataProblem]:
    """Records that name the same file, or whose outputs would overwrite each other."""
    problems = []
    first: dict[str, str] = {}
    outputs: dict[str, tuple[str, str]] = {}
    for name, record in records:
        where = f"{layout.prompts[name]}:{record.line}"
        for path in dict.fromkeys(_paths(record)):
            if path in first:
                message = f"{path} is already used by {first[path]}; each record has its own files."
                problems.append(DataProblem(kind="duplicate", where=where, message=message))
            first.setdefault(path, where)
        output = f"{name}/{record.original_image.rpartition('/')[2]}"
        before, original = outputs.setdefault(output, (where, record.original_image))
        if original != record.original_image:
            message = f"Its output {output} would overwrite that of {before}."
            problems.append(DataProblem(kind="duplicate", where=where, message=message))
    return problems


def _image_problems(
    layout: Layout, records: list[tuple[str, Record]], progress: Progress | None
) -> list[DataProblem]:
    paths = list(dict.fromkeys(path for _, record in records for path in _paths(record)))
    problems: list[DataProblem] = []
    # Pillow decodes without holding the interpreter's lock, so threads are enough.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        looks = pool.map(lambda path: _look_at(layout.images, path), paths)
        for done, problem in enumerate(looks, 1):
            if problem is not None:
                problems.append(problem)
            if progress is not None:
                progress(done, len(paths))
    return problems


def _look_at(images: Path, relative: str) -> DataProblem | None:
    path = images / relative
    try:
        inspect_image(path)
    except ImageError as error:
        if error.kind == "not_found":
            message = f"There is no file {relative} below {images}; download it again."
            return DataProblem(kind="missing", where=str(path), message=message)
        return DataProblem(kind="corrupt", where=str(path), message=str(error))
    except OSError as error:
        message = f"{relative} cannot be read ({error.strerror or error}); mend its permissions."
        return DataProblem(kind="corrupt", where=str(path), message=message)
    return None


def _unexpected(layout: Layout, records: list[tuple[str, Record]]) -> list[DataProblem]:
    """Files in the image folders that no record of any suite in this root names."""
    known = {path for _, record in records for path in _paths(record)} | _other_suites(layout)
    folders = sorted({path.rpartition("/")[0] for path in known})
    problems = []
    for folder in folders:
        place = layout.images / folder
        if not place.is_dir():
            continue
        for file in sorted(place.iterdir()):
            relative = f"{folder}/{file.name}"
            if file.is_file() and relative not in known:
                message = f"No record names {relative}; it is not used."
                problems.append(
                    DataProblem(kind="unexpected", where=str(file), message=message, fatal=False)
                )
    return problems


def _other_suites(layout: Layout) -> set[str]:
    """Image paths of the sibling prompt folders: the mini set lies among the full set's files."""
    found: set[str] = set()
    for folder in PROMPT_FOLDERS.values():
        for path in sorted((layout.root / "eval_prompts" / folder).glob("*.jsonl")):
            if path in layout.prompts.values():
                continue
            try:
                siblings, _ = parse_file(path)
            except OSError as error:
                raise UserError(f"Cannot read {path} ({error.strerror or error}).") from error
            found |= {p for record in siblings for p in _paths(record)}
    return found
