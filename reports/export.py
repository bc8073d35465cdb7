"""Results as files beside the page: CSV, JSON, Markdown and LaTeX, all from the same summaries."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.headline import HeadlineValue
from evals.core.leaderboard import Board, Row
from evals.core.store import StoredRun
from evals.core.summary import Cell
from evals.core.writing import write_atomic
from reports.cells import why_none
from reports.columns import Column
from reports.overview import wanted
from reports.sections import Section, sections_of
from reports.tables import Table, overview_table, section_tables

LEADERBOARD, CELLS, MARKDOWN, LATEX, SUMMARY = (
    "leaderboard.csv", "cells.csv", "leaderboard.md", "leaderboard.tex", "summary.json",
)  # fmt: skip


def write_exports(runs: Sequence[StoredRun], folder: Path) -> tuple[Path, ...]:
    """Write every export, each whole or not at all, and return their paths.

    Raises:
        UserError: a run cannot be summarised, or the folder cannot be written.
    """
    sections = sections_of(runs)
    files = {
        LEADERBOARD: leaderboard_csv(sections),
        CELLS: cells_csv(sections),
        MARKDOWN: markdown(sections),
        LATEX: latex(sections),
        SUMMARY: json.dumps(_summary(sections), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n",
    }
    for name, text in files.items():
        write_atomic(folder / name, text.encode("utf-8", "replace"))
    return tuple(folder / name for name in files)


# --- CSV --------------------------------------------------------------------------------------


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_safe(v) for v in header])
    writer.writerows([[_safe(v) for v in row] for row in rows])
    return stream.getvalue()


def _safe(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets a quote in front; numbers stay."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


def _boards(sections: Sequence[Section]) -> Iterable[tuple[Section, Board, Row, int]]:
    for section in sections:
        for board in section.board.boards:
            for row in board.rows:
                at = next(i for i, r in enumerate(section.runs) if r is row.run)
                yield section, board, row, at


def leaderboard_csv(sections: Sequence[Section]) -> str:
    """Wide: one row per run and board, every column of every section with its interval."""
    columns: dict[str, Column] = {}
    tracks: dict[str, None] = {}
    for section in sections:
        for c in (*section.every_column, *section.variants):
            columns.setdefault(c.key, c)
        tracks.update(dict.fromkeys(str(t["name"]) for t in section.tracks))
    header = ["benchmark", "suite", "synthetic", "model", "role", "rank", "headline_name",
              "headline", "headline_low", "headline_high", "headline_n", "planned", "partial",
              "complete", "reason", "supported"]  # fmt: skip
    header += [f"track.{t}" for t in tracks]
    for key in columns:
        header += [key, f"{key}.low", f"{key}.high", f"{key}.n", f"{key}.scored"]
    rows = []
    for section, _, row, at in _boards(sections):
        value, summary = row.headline, section.summaries[at]
        line: list[object] = [
            section.runs[at].benchmark, section.suite, section.synthetic, section.names[at],
            section.roles[at], row.rank, value.name, value.value, value.low, value.high, value.n,
            value.planned, value.partial, value.complete, value.reason, value.supported,
        ]  # fmt: skip
        found = {t.name: t.value for t in value.tracks}
        line += [found.get(t) for t in tracks]
        for key in columns:
            cell = summary.cells.get((key, ()))
            line += [None] * 5 if cell is None else [
                cell.mean, cell.low, cell.high, cell.n, cell.scored
            ]  # fmt: skip
        rows.append(line)
    return _csv(header, rows)


def cells_csv(sections: Sequence[Section]) -> str:
    """Long: one row per run, column, and group or stratum, with everything that is known of it.

    Rows of a stratum hold ``label=value`` and no group; rows of a group no stratum.
    """
    header = ["benchmark", "suite", "synthetic", "model", "column", "profile", "group",
              "stratum", "mean", "low", "high", "n", "scored", "planned", "imputed", "complete",
              "state", "reason", "note"]  # fmt: skip
    rows = []
    for section in sections:
        profiles = {c.key: c.profile for c in (*section.every_column, *section.variants)}
        for at, (run, name) in enumerate(zip(section.runs, section.names, strict=True)):
            cells = [*section.summaries[at].cells.values(), *section.strata_cells[at].values()]
            for cell in cells:
                rows.append(
                    [run.benchmark, section.suite, section.synthetic, name, cell.column,
                     profiles[cell.column], "/".join(cell.group), "=".join(cell.stratum or ()),
                     cell.mean, cell.low, cell.high, cell.n, cell.scored,
                     cell.planned, cell.imputed, cell.complete, cell.state,
                     "" if cell.mean is not None else why_none(cell), cell.note]
                )  # fmt: skip
    return _csv(header, rows)


# --- Markdown and LaTeX -----------------------------------------------------------------------


def markdown(sections: Sequence[Section]) -> str:
    """The overview, every board and the variants beside it as Markdown tables with their notes."""
    tables = [overview_table(sections, sources=True)] if wanted(sections) else []
    tables += [t for s in sections for t in section_tables(s)]
    return "\n".join(table_markdown(t) for t in tables)


def _md(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text).replace("\n", " ")


def table_markdown(table: Table) -> str:
    r"""A table as Markdown; whatever a name contains, it stays text.

    >>> print(table_markdown(Table(title="T", headers=("a", "b"), rows=(("x|y", "1"),))))
    ### T
    <BLANKLINE>
    | a | b |
    | :-- | --: |
    | x\|y | 1 |
    <BLANKLINE>
    """
    lines = [f"### {_md(table.title)}", ""]
    lines.append("| " + " | ".join(_md(h) for h in table.headers) + " |")
    lines.append("| " + " | ".join([":--", *["--:"] * (len(table.headers) - 1)]) + " |")
    lines += ["| " + " | ".join(_md(c) for c in row) + " |" for row in table.rows]
    if table.notes:
        lines += ["", *[f"- {_md(n)}" for n in table.notes]]
    return "\n".join(lines) + "\n"


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "−": "$-$", "±": r"$\pm$", "—": "---", "\n": " ",
}  # fmt: skip


def tex(text: str) -> str:
    r"""A text with everything LaTeX would read as a command escaped.

    >>> tex("50% of a_b")
    '50\\% of a\\_b'
    """
    return "".join(_TEX.get(char, char) for char in text)


def latex(sections: Sequence[Section]) -> str:
    """Every board as a booktabs table: half width as subscript, best model bold."""
    parts = ["% needs \\usepackage{booktabs}"]
    for section in sections:
        for board in section.board.boards:
            parts.append(_board_tex(section, board))
    return "\n\n".join(parts) + "\n"


def _board_tex(section: Section, board: Board) -> str:
    from reports.board import board_panel

    panel = board_panel(section, board)
    rows = panel["rows"]
    models = [i for i, r in enumerate(board.rows) if not r.anchor]
    grid = [[r["headline"], *r["tracks"], *r["cells"]] for r in rows]
    heads = [str(h["label"]) for h in panel["heads"][:-1]]
    lower = [board.direction == "lower", *[False] * len(section.tracks)]
    lower += [c.direction == "lower" for c in panel["columns"]]
    best = [_best([grid[i][at].value for i in models], lower[at]) for at in range(len(heads))]
    lines = [
        r"\begin{table}", r"\centering", r"\begin{tabular}{l" + "r" * len(heads) + "}",
        r"\toprule", " & ".join(["Model", *map(tex, heads)]) + r" \\", r"\midrule",
    ]  # fmt: skip
    for i, row in enumerate(rows):
        cells = []
        for at, cell in enumerate(grid[i]):
            text = tex(cell.text)
            if cell.value is not None and i in models and cell.value == best[at]:
                text = rf"\textbf{{{text}}}"
            if cell.small.startswith("±"):
                text += rf"$_{{\pm {cell.small[1:]}}}$"
            cells.append(text)
        lines.append(" & ".join([tex(row["name"]), *cells]) + r" \\")
    caption = f"{section.heading}."
    if section.caveat:
        caption += f" {section.caveat}"
    if board.partial:
        caption += " The headline is partial."
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{tex(caption)}}}", r"\end{table}"]
    notes = [f"% [{at}] {_comment(n)}" for at, n in enumerate(panel["notes"], 1)]
    return "\n".join([*lines, *notes])


def _comment(text: str) -> str:
    return " ".join(text.split())


def _best(values: Sequence[float | None], lower: bool) -> float | None:
    known = [v for v in values if v is not None]
    if len(known) < 2:
        return None
    return min(known) if lower else max(known)


# --- JSON -------------------------------------------------------------------------------------


def summary_json(runs: Sequence[StoredRun]) -> dict[str, Any]:
    """Everything the page prints, as plain objects.

    Raises:
        UserError: a run cannot be summarised.
    """
    return _summary(sections_of(runs))


def _summary(sections: Sequence[Section]) -> dict[str, Any]:
    return {"schema": 1, "sections": [_section_json(s) for s in sections]}


def _section_json(section: Section) -> dict[str, Any]:
    rows = []
    for _, board, row, at in _boards([section]):
        summary = section.summaries[at]
        rows.append(
            {
                "model": section.names[at],
                "role": section.roles[at],
                "rank": row.rank,
                "note": row.note,
                "supported": row.headline.supported,
                "partial_board": board.partial,
                "headline": _headline_json(row.headline),
                "statuses": dict(summary.statuses),
                "absences": dict(section.runs[at].manifest.get("absences", {})),
                "cells": [_cell_json(c) for c in summary.cells.values()],
                "strata": [_cell_json(c) for c in section.strata_cells[at].values()],
            }
        )
    return {
        "benchmark": section.runs[0].benchmark,
        "suite": section.suite,
        "synthetic": section.synthetic,
        "rows": rows,
        "comparisons": [
            {"a": p.a, "b": p.b, "difference": p.difference, "low": p.low, "high": p.high,
             "p": p.p, "adjusted": p.adjusted, "mdd": p.mdd, "n": p.n, "verdict": p.verdict}
            for b in section.board.boards for p in b.pairs
        ],
        "separations": list(section.board.separations),
    }  # fmt: skip


def _headline_json(value: HeadlineValue) -> dict[str, Any]:
    return {
        "name": value.name, "value": value.value, "low": value.low, "high": value.high,
        "n": value.n, "planned": value.planned, "partial": value.partial,
        "complete": value.complete, "reason": value.reason,
        "missing": dict(value.missing_reasons),
        "tracks": [
            {"name": t.name, "value": t.value, "low": t.low, "high": t.high, "raw": t.raw,
             "n": t.n, "columns": list(t.columns), "substituted": t.substituted,
             "skipped_groups": dict(t.skipped_groups)}
            for t in value.tracks
        ],
    }  # fmt: skip


def _cell_json(cell: Cell) -> Mapping[str, Any]:
    macro = None if cell.macro is None else {
        "mean": cell.macro.mean, "low": cell.macro.low, "high": cell.macro.high, "n": cell.macro.n,
    }  # fmt: skip
    return {
        "column": cell.column, "group": list(cell.group), "mean": cell.mean, "low": cell.low,
        "high": cell.high, "n": cell.n, "scored": cell.scored, "planned": cell.planned,
        "imputed": cell.imputed, "reasons": dict(cell.reasons), "complete": cell.complete,
        "state": cell.state, "note": cell.note, "macro": macro,
        "stratum": list(cell.stratum) if cell.stratum else None,
    }  # fmt: skip
