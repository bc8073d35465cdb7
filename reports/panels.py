"""Tables below the leaderboard: every metric, and what is absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.core.summary import Summary
from reports.cells import CellView, Footnotes, cell_view
from reports.columns import PROFILE_ORDER, PROFILE_TITLES, Column, side_by_side
from reports.sections import Section

# --- every metric ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity over all models."""

    key: str
    label: str
    doc: str
    unit: str
    arrow: str
    profile: str
    profile_title: str
    first: bool
    cells: tuple[CellView, ...]


def _mark_best(
    cells: Sequence[CellView], column: Column, anchors: Sequence[bool]
) -> list[CellView]:
    """The best printed value among models in bold; anchors do not compete."""
    known = [c.value for c, a in zip(cells, anchors, strict=True) if c.value is not None and not a]
    if len(known) < 2:
        return list(cells)
    top = max(known) if column.direction == "higher" else min(known)
    best = column.text(top)
    return [
        replace(c, best=True) if not a and c.value is not None and c.text == best else c
        for c, a in zip(cells, anchors, strict=True)
    ]


def _shown(section: Section) -> list[tuple[str, Summary]]:
    return [(section.names[i], section.summaries[i]) for i in section.shown]


def _metric_rows(section: Section, group: tuple[str, ...], notes: Footnotes) -> list[Row]:
    anchors = [section.roles[i] == "anchor" for i in section.shown]
    rows = []
    for label, columns in side_by_side([c for c in section.columns if section.measured(c.key)]):
        for column in columns:
            cells = [
                cell_view(s.cells.get((column.key, group)), column, name, notes, "/".join(group))
                for name, s in _shown(section)
            ]
            rows.append(
                Row(
                    key=column.key,
                    label=label,
                    doc=column.doc,
                    unit=column.unit,
                    arrow=column.arrow,
                    profile=column.profile,
                    profile_title=PROFILE_TITLES.get(column.profile, ""),
                    first=column is columns[0],
                    cells=tuple(_mark_best(cells, column, anchors)),
                )
            )
    return rows + _absent_rows(section, group, notes)


def _absent_rows(section: Section, group: tuple[str, ...], notes: Footnotes) -> list[Row]:
    """Quantities that no run has: one row per metric and profile, dashes with their reason."""
    gathered: dict[tuple[str, str], list[Column]] = {}
    for column in section.columns:
        if not section.measured(column.key):
            gathered.setdefault((column.metric, column.profile), []).append(column)
    return [
        Row(
            key=metric,
            label=", ".join(dict.fromkeys(c.label for c in columns)),
            doc="; ".join(c.doc for c in columns),
            unit="",
            arrow="",
            profile=profile,
            profile_title=PROFILE_TITLES.get(profile, ""),
            first=True,
            cells=tuple(
                replace(
                    cell_view(s.cells.get((columns[0].key, group)), columns[0], name, notes),
                    column=metric,
                    group="/".join(group),
                )
                for name, s in _shown(section)
            ),
        )
        for (metric, profile), columns in gathered.items()
    ]


def metrics_panel(section: Section) -> dict[str, Any]:
    """All quantities of all profiles: one table for all samples and one per top-level group."""
    notes = Footnotes()
    top = [g for g in section.groups if len(g.path) == 1]
    wanted: list[tuple[tuple[str, ...], str]] = [((), "All samples")]
    wanted += [(g.path, g.title) for g in top] if len(top) > 1 else []
    heads = section.model_heads()
    models = [heads[i] for i in section.shown]
    tables = [
        {
            "group": "/".join(path),
            "title": title,
            "models": models,
            "rows": _metric_rows(section, path, notes),
        }
        for path, title in wanted
    ]
    found = {c.profile for c in section.columns}
    profiles = [{"name": p, "doc": PROFILE_TITLES[p]} for p in PROFILE_ORDER if p in found]
    lede = (
        "Each mean with half the width of its 95 % interval and, wherever not every planned sample "
        "was measured, the samples scored of those planned. Bold is the best model of a row; "
        "whether a difference is more than chance is said by the ranks above."
    )
    return {
        "tables": tables, "profiles": profiles, "lede": lede, "notes": notes.texts,
    }  # fmt: skip


# --- what is absent -------------------------------------------------------------------------


def absences_panel(section: Section) -> list[dict[str, str]]:
    """What runs could not compute, why, and the command that brings it; equal reasons once."""
    lacking: dict[tuple[str, str, str], list[str]] = {}
    for name, run in zip(section.names, section.runs, strict=True):
        for metric, absence in run.manifest.get("absences", {}).items():
            lacking.setdefault((metric, absence["reason"], absence["fix"]), []).append(name)
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (metric, reason, fix), models in lacking.items():
        found.setdefault((reason, fix, tuple(models)), []).append(metric)
    return [
        # The fix is there to be copied: "run: " before a command would come along.
        {"metric": ", ".join(metrics), "reason": reason, "fix": fix.removeprefix("run: "),
         "models": "all" if len(models) == len(section.runs) else ", ".join(models)}
        for (reason, fix, models), metrics in found.items()
    ]  # fmt: skip
