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
from reports.cells import CellView
from reports.columns import count, number, probability
from reports.sections import Section, sections_of


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
    """One table per board: what may be compared stands together, nothing else does.

    Raises:
        UserError: a run has no headline rule, or holds a score that is no number.
    """
    return tuple(
        board_table(section, board)
        for section in sections_of(runs)
        for board in section.board.boards
    )


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


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"[{number(low)}, {number(high)}]"


def _comparison_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    reason = f": {row['reason']}" if row.get("reason") else ""
    return (
        _where(row),
        number(row["mean_a"]),
        number(row["mean_b"]),
        number(row["difference"]),
        _interval(row["low"], row["high"]),
        "" if row["adjusted"] is None else probability(row["adjusted"]),
        count(row["n"]),
        f"{row['verdict']}{reason}",
    )


def _published_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = "; ".join(row["reasons"])
    return (
        _where(row),
        number(row["mean"]),
        number(row["published"], 2),
        number(row["difference"]),
        _interval(row["low"], row["high"]),
        f"{row['verdict']}{f': {reasons}' if reasons else ''}",
    )
