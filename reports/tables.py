"""Results as plain tables of text, for the terminal, Markdown and LaTeX.

A table says everything in words: values with their interval, coverage where it is not complete,
and a dash with a numbered reason where there is no value, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.core.leaderboard import Board
from evals.core.store import StoredRun
from reports.board import board_panel
from reports.cells import CellView, Footnotes
from reports.columns import NO_VALUE, count, digits_for, number, printed, probability, sentence
from reports.overview import wanted
from reports.printed import headline_twin, printed_rows, told_rows, value_of
from reports.sections import Section, sections_of
from reports.sweep import overview_panel
from reports.variants import variant_cell


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text.

    Attributes:
        title: one line above it.
        headers: column headings.
        rows: one text per heading; the first column is the name.
        notes: numbered footnotes, and what a reader must know.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def cell_text(cell: CellView) -> str:
    """A cell in one line: value, half width, coverage, footnotes.

    >>> cell_text(CellView(column="m.q", model="a", text="0.712", small="±0.031", cover="9/10"))
    '0.712 ±0.031 (9/10)'
    >>> cell_text(CellView(column="m.q", model="a", refs=(1,)))
    '— [1]'
    """
    parts = [cell.text]
    if cell.small:
        parts.append(cell.small)
    if cell.cover:
        parts.append(f"({cell.cover})")
    if cell.refs:
        parts.append("[" + ",".join(str(n) for n in cell.refs) + "]")
    return " ".join(parts)


def leaderboard_tables(runs: Sequence[StoredRun]) -> tuple[Table, ...]:
    """One table per board, and one per section of the benchmark's variants if it has any.

    What may be compared stands together, nothing else does. Where there is more than one benchmark,
    the last table is the overview of all suites.

    Raises:
        UserError: a run has no headline rule, or holds a score that is no number.
    """
    sections = sections_of(runs)
    made = tuple(t for section in sections for t in section_tables(section))
    return (*made, overview_table(sections)) if wanted(sections) else made


def overview_table(sections: Sequence[Section], *, sources: bool = False) -> Table:
    """The overview as text: a row per model with its headline and rank on every suite.

    Args:
        sections: of the report.
        sources: tell of each printed number where it is from and how its protocol differs, in place
            of where this is told.
    """
    panel = overview_panel(sections)
    rows = [
        (
            f"{row['name']} ({', '.join(row['marks'])})" if row["marks"] else str(row["name"]),
            *(p.text for p in row["places"]),
        )
        for row in (*panel["rows"], *panel["anchors"])
    ]
    rows += [
        (f"{row['name']} (printed)", *(_printed_text(c, sources) for c in row["cells"]))
        for row in panel["published"]
    ]
    every = all(s["synthetic"] for s in panel["suites"])
    heads = [
        f"{s['title']}{' (synthetic)' if s['synthetic'] and not every else ''}"
        for s in panel["suites"]
    ]
    scales = [f"{s['title']} {s['scale']}" for s in panel["suites"]]
    told = [
        f"{s['area']}{', synthetic' if s['synthetic'] else ''}: {s['text'].striptags()}"
        for s in panel["sentences"]
    ]
    notes = [f"[{at}] {text}" for at, text in enumerate(panel["notes"], 1)]
    if sources:
        notes += [f"[{at}] {text}" for at, text in panel["sources"]]
    elif panel["sources"]:
        notes.append("Printed numbers: where they are from and how they differ is in the report.")
    notes += [f"Scales: {'; '.join(scales)}. # is the rank on that suite; nothing is averaged."]
    return Table(
        title=f"Overview{', all suites synthetic' if every else ''}",
        headers=("model", *heads),
        rows=tuple(rows),
        notes=(*notes, *told),
    )


def _printed_text(cell: CellView | None, refs: bool) -> str:
    return NO_VALUE if cell is None else cell_text(cell) if refs else cell.text


def section_tables(section: Section) -> tuple[Table, ...]:
    """The boards of a section, and the variants where the benchmark has any."""
    boards = tuple(board_table(section, b) for b in section.board.boards)
    return (*boards, variants_table(section)) if section.variants else boards


def leaderboard_table(runs: Sequence[StoredRun]) -> Table:
    """The only board of runs that can all be compared.

    Raises:
        UserError: they need more than one board, because they may not be ranked together.
    """
    from evals.core.leaderboard import leaderboard

    leaderboard(runs, one_board=True)
    return leaderboard_tables(runs)[0]


def board_table(section: Section, board: Board) -> Table:
    """A board as text."""
    panel = board_panel(section, board)
    headers = ["model", "rank", *(str(h["label"]) for h in panel["heads"])]
    rows = []
    for row in panel["rows"]:
        name = row["name"]
        marks = [b["text"] for b in row["badges"] if b["text"] != "partial"]
        done = row["coverage"] + (f" ({row['statuses']})" if row["statuses"] else "")
        rows.append(
            (
                f"{name} ({', '.join(marks)})" if marks else name,
                row["rank"],
                cell_text(row["headline"]),
                *(cell_text(c) for c in row["tracks"]),
                *(cell_text(c) for c in row["cells"]),
                done,
            )
        )
    notes = [f"[{at}] {text}" for at, text in enumerate(panel["notes"], 1)]
    if section.caveat:
        notes.insert(0, section.caveat)
    if panel["lede"]:
        notes.append(panel["lede"])
    return Table(
        title=f"{section.heading}{', partial headlines' if board.partial else ''}",
        headers=tuple(headers),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def variants_table(section: Section) -> Table:
    """The variants as text: a row per model, and then those of few published rows."""
    notes = Footnotes()
    rows = [
        (
            section.names[at],
            *(cell_text(variant_cell(section, at, c, notes)) for c in section.variants),
        )
        for at in section.shown
    ]
    published, twin = printed_rows(section), headline_twin(section)
    few = told_rows(published, section.variants, twin.key if twin else "")
    for row in few:
        state = "corrected" if row.get("corrected") else "as printed"
        values = (printed(value_of(row, c.key), c.digits) for c in section.variants)
        rows.append((f"{row['model']} (published, {state})", *values))
    told = [f"{c.label} ({c.profile}): {sentence(c.doc)}" for c in section.variants]
    if more := len(published) - len(few):
        told.insert(0, f"{more} more published row{'s' if more > 1 else ''}: see the report")
    return Table(
        title=f"{section.heading}, variants",
        headers=("model", *(c.heading for c in section.variants)),
        rows=tuple(rows),
        notes=(*(f"[{at}] {text}" for at, text in enumerate(notes.texts, 1)), *told),
    )


# --- comparisons ------------------------------------------------------------------------------


def comparison_table(comparison: Mapping[str, Any]) -> Table:
    """A comparison of two runs, or of a run with a published row, as text.

    Args:
        comparison: what `evals.compare` and `evals.published` give as JSON.
    """
    if comparison.get("kind") == "published":
        state = "corrected" if comparison.get("corrected") else "as printed"
        title = f"{comparison['run']} beside published {comparison['published']} ({state})"
        notes = [f"source: {comparison['source']}", *comparison.get("differences", ())]
        if comparison.get("note"):
            notes.append(comparison["note"])
        return Table(
            title=title,
            headers=("column", "run", "published", "difference", "95 % interval", "reading"),
            rows=tuple(_published_row(r) for r in comparison["rows"]),
            notes=(*comparison.get("reasons", ()), *notes),
        )
    return Table(
        title=f"{comparison['a']} against {comparison['b']}",
        headers=("column", "a", "b", "a − b", "95 % interval", "p (Holm)", "n", "reading"),
        rows=tuple(_comparison_row(r) for r in comparison["rows"]),
        notes=(*comparison.get("reasons", ()), *comparison.get("notes", ())),
    )


def _where(row: Mapping[str, Any]) -> str:
    group = row.get("group") or ""
    path = group if isinstance(group, str) else "/".join(group)
    return f"{row['column']} ({path})" if path else str(row["column"])


def _interval(low: float | None, high: float | None, digits: int) -> str:
    return "" if low is None else f"[{number(low, digits)}, {number(high, digits)}]"


def _comparison_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    reason = f": {row['reason']}" if row.get("reason") else ""
    digits = digits_for(row["mean_a"], row["mean_b"])
    return (
        _where(row),
        number(row["mean_a"], digits),
        number(row["mean_b"], digits),
        number(row["difference"], digits),
        _interval(row["low"], row["high"], digits),
        "" if row["adjusted"] is None else probability(row["adjusted"]),
        count(row["n"]),
        f"{row['verdict']}{reason}",
    )


def _published_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = "; ".join(row["reasons"])
    digits = digits_for(row["mean"], row["published"])
    return (
        _where(row),
        number(row["mean"], digits),
        printed(row["published"]),
        number(row["difference"], digits),
        _interval(row["low"], row["high"], digits),
        f"{row['verdict']}{f': {reasons}' if reasons else ''}",
    )
