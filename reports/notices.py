"""What a reader must be warned of before the numbers of a section."""

from __future__ import annotations

from collections.abc import Mapping

from evals.core.summary import Cell
from reports.cells import reasons_text
from reports.columns import Column, count, sentence
from reports.judges import judge_warnings
from reports.sections import Section

Cells = Mapping[tuple[str, tuple[str, ...]], Cell]


def warnings(section: Section) -> list[dict[str, str]]:
    """What a reader must know before the numbers: states, coverage, absences, separations."""
    made: list[dict[str, str]] = []
    size = int(section.runs[0].manifest["suite"].get("size") or section.planned)
    if section.planned < size:
        text = f"{count(section.planned)} of its {count(size)} samples were planned; "
        made.append(_warning("Part of the suite:", text + "these are not the suite's numbers."))
    told: dict[str, list[str]] = {}
    idle = [n for n, r in zip(section.names, section.runs, strict=True) if r.unsupported]
    if idle:
        verb, whose = ("does", "its row has") if len(idle) == 1 else ("do", "their rows have")
        text = (
            f"{', '.join(idle)} {verb} not do the task {section.task!r}; {whose} no numbers here."
        )
        made.append(_warning("Not supported:", text))
    for name, run, summary in zip(section.names, section.runs, section.summaries, strict=True):
        if run.unsupported:
            continue
        bad = {s: n for s, n in summary.statuses.items() if s != "ok"}
        parts = [sentence(str(r)) for r in run.manifest.get("remarks") or ()]
        if bad:
            total = count(sum(summary.statuses.values()))
            parts.append(f"{reasons_text(bad)}, of {total} predictions.")
        parts += _coverage_sentences(section, summary.cells, bool(bad))
        if parts:
            told.setdefault(" ".join(parts), []).append(name)
    made += _unfinished(section)
    made += [_warning(f"{', '.join(names)}:", text) for text, names in told.items()]
    absent = sorted({m for r in section.runs for m in r.manifest.get("absences", {})})
    if absent:
        text = f"{', '.join(absent)}: shown as a dash; what brings them is listed below."
        many = "metrics were" if len(absent) > 1 else "metric was"
        made.append(_warning(f"{len(absent)} {many} not measured.", text))
    made += judge_warnings(section)
    made += [_warning("Kept apart:", f"{why}.") for why in section.board.separations]
    return made


def _counted(section: Section) -> list[Column]:
    """Columns whose coverage is told; of a metric of nothing but auxiliary ones, those."""
    shown = {c.metric for c in section.columns}
    return [c for c in section.every_column if not c.auxiliary or c.metric not in shown]


def _unfinished(section: Section) -> list[dict[str, str]]:
    names = [
        name
        for name, run in zip(section.names, section.runs, strict=True)
        if not run.manifest.get("finished", True)
    ]
    if not names:
        return []
    verb, whose = ("is", "Its") if len(names) == 1 else ("are", "Their")
    return [_warning(f"{', '.join(names)} {verb} not finished.", f"{whose} numbers are not final.")]


def _warning(title: str, text: str) -> dict[str, str]:
    return {"title": title, "text": text}


def _coverage_sentences(section: Section, cells: Cells, said: bool) -> list[str]:
    """Coverage below 100 %, once per different count and not once per column.

    Args:
        section: of the run.
        cells: of the run's summary.
        said: whether the reasons are already told by the statuses of the predictions.
    """
    found: dict[int, dict[str, None]] = {}
    worst: dict[int, dict[str, None]] = {}
    whys: dict[int, str] = {}
    for column in _counted(section):
        cell = cells.get((column.key, ()))
        if cell is None or cell.mean is None or cell.scored == cell.planned:
            continue
        found.setdefault(cell.scored, {})[column.metric] = None
        whys.setdefault(cell.scored, reasons_text(cell.reasons))
        if cell.imputed:
            worst.setdefault(cell.imputed, {})[column.metric] = None
    made = []
    for scored, metrics in found.items():
        text = f"Scored {count(scored)}/{count(section.planned)} in {', '.join(metrics)}"
        made.append(f"{text}." if said and len(found) == 1 else f"{text} ({whys[scored]}).")
    for imputed, metrics in worst.items():
        made.append(f"{count(imputed)} count as the worst value in {', '.join(metrics)}.")
    return made
