"""The commands over stored runs: report, outputs, compare; no model, data or network is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.console import out, print_json, say, show_table
from evals.core.errors import UserError
from evals.core.store import StoredRun, find_runs

if TYPE_CHECKING:
    from reports.tables import Table


def show_one(table: Table) -> None:
    """Print a table with its notes."""
    show_table(table.headers, table.rows, title=table.title)
    for note in table.notes:
        out.print(f"  {note}", markup=False, style="dim", soft_wrap=True)


def report(
    places: Sequence[Path],
    page: Path,
    *,
    embed: str,
    title: str | None,
    export: Path | None,
    as_json: bool,
) -> int:
    """Write the tables when asked, and the HTML page that links them."""
    from reports.html import write_report

    if embed not in {"thumbs", "link", "none"}:
        raise UserError(f"--embed {embed!r} is unknown; choose thumbs, link or none.")
    runs = [StoredRun.read(f) for f in find_runs(places)]
    files = export_to(runs, export)
    path = write_report(
        runs, page, embed=embed, title=title, downloads=files, judging=reliability_of(runs),  # type: ignore[arg-type]
    )  # fmt: skip
    if as_json:
        print_json({"report": str(path), "exports": [str(f) for f in files]})
    else:
        say_written(path, files)
    return 0


def reliability_of(runs: Sequence[StoredRun]) -> dict[Path, dict[str, Any]]:
    """How far the judges of runs agree, for the page, which must not compute it.

    Only of runs whose MLLM judge gave several verdicts on one question: one verdict agrees with
    nobody.
    """
    from evals.judging import headline_of, metric_of
    from judges.reliability import reliability

    found = {}
    for run in runs:
        judged = (s for (_, _, m), s in run.scores.items() if m == "judge")
        if not any(len(s.evidence.get("verdicts", ())) > 1 for s in judged):
            continue
        with contextlib.suppress(UserError):  # a benchmark that is no longer here
            asked = metric_of(run, "judge")
            scale = asked.rubric.low, asked.rubric.high
            facts = reliability(run, scale, metric=asked.name, headline=headline_of(asked))
            found[run.folder] = asdict(facts)
    return found


def export_to(runs: Sequence[StoredRun], folder: Path | None) -> tuple[Path, ...]:
    """Write the tables of runs as files, where a folder is named."""
    if folder is None:
        return ()
    from reports.export import write_exports

    return write_exports(runs, folder)


def say_written(page: Path | None, files: Sequence[Path]) -> None:
    """Say where the page and the exports are."""
    if page is not None:
        out.print(f"report: {page.resolve()}", markup=False, soft_wrap=True)
    for file in files:
        out.print(f"export: {file}", markup=False, soft_wrap=True)


def outputs(run: Path, folder: Path, layout: str, *, as_json: bool) -> int:
    """Write a run's images in another layout; 1 when some samples have none."""
    from evals.outputs import write_outputs

    written = write_outputs(StoredRun.read(run), layout, folder)
    if as_json:
        told = {"folder": str(folder), "files": written.files, "left": written.left}
        print_json(told | {"model": written.model})
        return 1 if written.left else 0
    out.print(f"{folder}: {written.files:,} images", markup=False, soft_wrap=True)
    if written.model:
        say(f"the layout repeats the model's name: give its scripts {written.model}")
    if written.left:
        name, why = next(iter(written.left.items()))
        say(f"{len(written.left)} images are not there, first {name}: {why}")
    return 1 if written.left else 0


def compare(a: Path, b: str, columns: Sequence[str], *, as_json: bool) -> int:
    """Compare a run with another, or with a published row."""
    from evals.compare import compare_published, compare_runs

    first = StoredRun.read(a)
    if b.startswith("published:"):
        rows = [p for p in first.manifest["published"] if p["model"] == b.partition(":")[2]]
        if not rows:
            from evals.core.errors import unknown

            names = {p["model"] for p in first.manifest["published"]}
            raise unknown(f"published row of {first.benchmark}/{first.suite}", b[10:], names)
        result: Any = [compare_published(first, row) for row in rows]
    else:
        result = [compare_runs(first, StoredRun.read(Path(b)), columns or None)]
    if as_json:
        print_json([r.to_json() for r in result])
        return 0
    from reports.tables import comparison_table

    for item in result:
        show_one(comparison_table(item.to_json()))
    return 0
