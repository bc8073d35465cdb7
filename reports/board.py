"""The leaderboard of a section and its verdict in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evals.core.headline import HeadlineValue, TrackValue
from evals.core.leaderboard import Board, Row
from evals.core.pairs import Pair
from evals.core.trend import step_of
from reports.cells import CellView, Footnotes, cell_view
from reports.charts import scale_of, whisker
from reports.columns import (
    NO_VALUE,
    Column,
    count,
    half_width,
    number,
    probability,
    sentence,
    spread,
)
from reports.judged import by_rules, is_judge
from reports.sections import Section

if TYPE_CHECKING:
    from markupsafe import Markup

SHARED = 4
"""Names in the sentence on who shares the first rank; further ones are counted."""
MAX_COLUMNS = 8
"""Columns beside the headline; all others are in the table of every metric."""


def board_columns(section: Section) -> list[Column]:
    """Official columns, which published rows have too; the primary ones where none was measured."""
    official = [c for c in section.columns if c.profile == "official"]
    if not any(section.measured(c.key) for c in official):
        official = [c for c in section.columns if c.primary] or official
    # A headline that is one column stands there already; its metric's other numbers explain it.
    plain = section.head.key if section.head else ""
    others = [c for c in official if c.key != plain]
    if not others:
        others = [c for c in section.columns if plain.startswith(f"{c.metric}.") and c.key != plain]
    return others[:MAX_COLUMNS]


def _coverage_of(value: HeadlineValue) -> str:
    return f"{count(value.n)}/{count(value.planned)}"


def _reason_of(value: HeadlineValue) -> str:
    return value.reason or "the headline cannot be made of these runs"


def headline_cell(value: HeadlineValue, name: str, notes: Footnotes, digits: int = 3) -> CellView:
    """The headline with interval and coverage; a dash and the reason where there is none."""
    if value.value is None:
        why = _reason_of(value)
        small = "" if value.supported else "not supported"
        refs = (notes.number(why),)
        return CellView(column="headline", model=name, small=small, tip=why, refs=refs)
    cover = [_coverage_of(value)] if value.n < value.planned else []
    if not value.complete:
        cover.append("not final")
    tip = [f"{value.name} = {number(value.value, digits)}"]
    if value.low is not None:
        tip.append(f"95 % CI [{number(value.low, digits)}, {number(value.high, digits)}]")
    tip.append(f"n = {_coverage_of(value)}")
    tip += [f"{t.name} = {number(t.value, digits)}" for t in value.tracks]
    tip += [f"{t} missing or substituted: {why}" for t, why in value.missing_reasons.items()]
    return CellView(
        column="headline", model=name, value=value.value, text=number(value.value, digits),
        small=spread(value.low, value.high, digits), cover=" · ".join(cover), tip="; ".join(tip),
        refs=(notes.number(value.note),) if value.note else (),
    )  # fmt: skip


def track_cell(value: HeadlineValue, track: str, name: str, notes: Footnotes) -> CellView:
    """One part of the headline, after anchoring; its columns and what was left out in the tip."""
    found = next((t for t in value.tracks if t.name == track), None)
    key = f"track:{track}"
    if found is None or found.value is None:
        own = value.missing_reasons.get(track)
        whole = own or _reason_of(value)
        why = f"{track}: {_plain(value, own)}" if own else whole
        raw = "" if found is None or found.raw is None else f"raw {number(found.raw)}"
        return CellView(column=key, model=name, small=raw, tip=whole, refs=(notes.number(why),))
    part = found.n < value.planned
    return CellView(
        column=key,
        model=name,
        value=found.value,
        text=number(found.value),
        small=spread(found.low, found.high),
        cover=f"{count(found.n)}/{count(value.planned)}" if part else "",
        tip=_track_tip(found),
        refs=tuple(notes.number(text) for text in _track_notes(found, value)),
    )


def _track_tip(track: TrackValue) -> str:
    parts = [f"{track.name} = {number(track.value)}", f"before anchoring {number(track.raw)}"]
    parts += [f"n = {count(track.n)}", f"made of {', '.join(track.columns)}"]
    return "; ".join(parts)


def _plain(value: HeadlineValue, why: str) -> str:
    """A reason without the model's name, so that equal reasons share a footnote."""
    for before in (f" in {value.model}", f" of {value.model}"):
        why = why.removesuffix(before).replace(f"{before} (", " (")
    return re.sub(r" is not a column$", " was not measured in these runs", why)


def _track_notes(track: TrackValue, value: HeadlineValue) -> list[str]:
    found = []
    if track.substituted:
        why = _plain(value, value.missing_reasons.get(track.name, "its columns are unavailable"))
        found.append(f"{track.name} is substituted by {', '.join(track.columns)}: {why}")
    if track.skipped_groups:
        names = sorted(track.skipped_groups)
        plural = "es" if len(names) > 1 else ""
        found.append(
            f"{track.name} leaves out {len(names)} sub-class{plural} that cannot be "
            "anchored (the ceiling is too near the floor, or nothing was measured): "
            f"{', '.join(names)}"
        )
    return found


# --- the table --------------------------------------------------------------------------------


def _badges(section: Section, row: Row, at: int) -> list[dict[str, str]]:
    value = row.headline
    made = []
    if why := row.run.unsupported:
        made.append({"text": "unsupported", "css": "", "tip": why})
    if mark := section.mark(at):
        made.append({"text": mark, "css": "", "tip": row.note or "anchor: not ranked"})
    if value.partial and value.value is not None and not row.anchor:
        gone = ", ".join(value.missing_reasons) or "a part"
        made.append({"text": "partial", "css": "partial-badge",
                     "tip": f"made without, or with a substitute for: {gone}"})  # fmt: skip
    if not section.runs[at].manifest.get("finished", True):
        made.append({"text": "unfinished", "css": "warn", "tip": "the run has not ended"})
    elif row.note and not row.anchor and value.supported:
        made.append({"text": "see note", "css": "warn", "tip": row.note})
    return made


def _board_row(
    section: Section, board: Board, row: Row, notes: Footnotes, scale: tuple[float, float]
) -> dict[str, Any]:
    at = next(i for i, r in enumerate(section.runs) if r is row.run)
    name, value, summary = section.names[at], row.headline, section.summaries[at]
    shared = row.rank is not None and sum(r.rank == row.rank for r in board.rows) > 1
    if row.note and not row.anchor and row.note != value.reason:
        notes.number(f"{name}: {row.note}")
    ok = summary.statuses.get("ok", 0)
    total = sum(summary.statuses.values())
    other = [f"{count(n)} {s}" for s, n in summary.statuses.items() if s != "ok"]
    css = ["anchor"] if row.anchor else []
    css += ["partial"] if value.partial else []
    css += ["unsupported"] if not value.supported else []
    return {
        "at": at,
        "name": name,
        "css": " ".join(css),
        "badges": _badges(section, row, at),
        "rank": "" if row.rank is None else f"{row.rank}{'=' if shared else ''}",
        "rank_order": "" if row.rank is None else row.rank,
        "headline": headline_cell(value, name, notes, section.digits),
        "whisker": whisker(value.value, value.low, value.high, scale),
        "tracks": [track_cell(value, t["name"], name, notes) for t in section.tracks],
        "cells": [
            cell_view(summary.cells.get((c.key, ())), c, name, notes)
            for c in board_columns(section)
        ],
        "coverage": NO_VALUE if not value.supported else f"{count(ok)}/{count(total)}",
        "scored_share": repr(ok / total if total else 1.0),
        "statuses": "" if not value.supported else " · ".join(other),
    }


def board_panel(section: Section, board: Board) -> dict[str, Any]:
    """One board as the template draws it."""
    notes = Footnotes()
    ends = [v for r in board.rows for v in (r.headline.low, r.headline.high, r.headline.value)]
    low, high = (section.head.low, section.head.high) if section.head else (0.0, 1.0)
    scale = scale_of(ends, low, high)
    rows = [_board_row(section, board, r, notes, scale) for r in board.rows]
    columns = board_columns(section)
    heads = _heads(section, board, columns)
    profile = columns[0].profile if columns else ""
    bands = [
        {"title": "headline" + (" and its parts, anchored" if section.tracks else ""),
         "span": 1 + len(section.tracks)},
        {"title": f"{profile} profile", "span": len(columns)},
        {"title": "coverage", "span": 1},
    ]  # fmt: skip
    return {
        "lede": _lede(section, board), "heads": heads,
        "bands": [b for b in bands if b["span"]], "rows": rows, "notes": notes.texts,
        "columns": columns, "partial": board.partial,
    }  # fmt: skip


def _heads(section: Section, board: Board, columns: Sequence[Column]) -> list[dict[str, str]]:
    better = f"the headline; {board.direction} is better"
    unit = f" ({section.head.unit})" if section.head and section.head.unit else ""
    made = [_head(f"{board.name}{unit}{' (partial)' if board.partial else ''}", "rule", better)]
    made += [
        _head(str(t["name"]), "num", str(t.get("doc", "")), _stand_in(section, board, t["name"]))
        for t in section.tracks
    ]
    before = ""
    for at, c in enumerate(columns):
        short, css = f"{c.label} {c.arrow}", "num rule" if at == 0 else "num"
        head = _head(short, css, f"{c.key}: {c.doc}", c.metric if is_judge(c.metric) else "")
        # One line of text is narrow: what a run of columns shares is told at its first.
        made.append({**head, "label": short} if c.metric == before else head)
        before = c.metric
    return [*made, _head("Predictions", "num rule", "ok of those planned")]


def _head(short: str, css: str, doc: str, below: str = "") -> dict[str, str]:
    """A heading with what stands below it in small print; `label` is both in one line."""
    label = f"{short} ({below})" if below else short
    return {"label": label, "short": short, "below": below, "css": css, "doc": doc}


def _stand_in(section: Section, board: Board, track: str) -> str:
    """What a track is measured by where its own columns are not there; empty where they are."""
    found = next(
        (t for r in board.rows for t in r.headline.tracks if t.name == track and t.substituted),
        None,
    )
    if found is None:
        return ""
    labels = {c.key: c.label for c in section.columns}
    names = []
    for key in found.columns:
        metric = key.rpartition(".")[0]
        names.append(metric if by_rules(metric) else labels.get(key, key))
    return f"by {', '.join(names)}"


def _lede(section: Section, board: Board) -> str:
    rule = section.headline
    text = ""
    if section.tracks:
        names = [t for t, _ in board.columns] or [str(t["name"]) for t in section.tracks]
        text = (
            f"{board.name}: geometric mean of {', '.join(names)}, each rescaled so that "
            f"{rule['floor']} is 0 and {rule['ceiling']} is 1. "
        )
    elif rule.get("variant") and section.head:
        text = f"{board.name}: {sentence(section.head.doc)} {board.direction.title()} is better. "
    elif rule.get("column"):
        text = f"{board.name}: the mean of {rule['column']}; {board.direction} is better. "
    if any(step_of(row.run) for row in board.rows):
        text += "Steps of one training stand together, where its best one stands. "
    if board.pairs:
        text += (
            f"Models share a rank unless their paired difference is significant (permutation test, "
            f"Holm over {len(board.pairs)} pair{'s' if len(board.pairs) > 1 else ''}). "
        )
    if board.mdd is not None:
        text += f"Differences below {section.score(board.mdd)} would often go unseen here."
    return text.strip()


def comparison_rows(section: Section) -> list[dict[str, str]]:
    """Every paired comparison of the section's boards."""
    return [_comparison(section, p) for board in section.board.boards for p in board.pairs]


def _comparison(section: Section, pair: Pair) -> dict[str, str]:
    score = section.score
    interval = "" if pair.low is None else f"[{score(pair.low)}, {score(pair.high)}]"
    reading: str = pair.verdict
    if pair.verdict == "not separable" and pair.mdd is not None:
        reading += f" (differences from {score(pair.mdd)} would be found)"
    sign = "+" if pair.difference > 0 else ""
    return {
        "a": pair.a, "b": pair.b, "difference": sign + score(pair.difference),
        "interval": interval, "p": probability(pair.adjusted), "n": count(pair.n),
        "reading": reading,
    }  # fmt: skip


# --- words ------------------------------------------------------------------------------------


def named(text: str) -> Markup:
    """A name from a run, kept apart from the direction of the text around it."""
    from markupsafe import Markup

    return Markup("<bdi>{}</bdi>").format(text)


def strong(text: str) -> Markup:
    """A name or number that stands out."""
    from markupsafe import Markup

    return Markup("<strong><bdi>{}</bdi></strong>").format(text)


def listed(parts: Sequence[Markup]) -> Markup:
    """Parts in a row of words, the last after an ``and``."""
    from markupsafe import Markup

    if len(parts) < 2:
        return Markup("").join(parts)
    return Markup("{} and {}").format(Markup(", ").join(parts[:-1]), parts[-1])


def _first(names: Sequence[Markup]) -> list[Markup]:
    """Names of those who share the first rank; of many, as the steps of a training, a few."""
    from markupsafe import Markup

    more = len(names) - SHARED
    return [*names[:SHARED], Markup("{} more").format(more)] if more > 1 else list(names)


def verdict(section: Section) -> list[Markup]:
    """What the section found, in one or two sentences."""
    from markupsafe import Markup

    board = section.board.boards[0]
    first = [r for r in board.rows if r.rank == 1]
    if not first:
        notes = [
            Markup("{} is not, {}").format(strong(section.name_of(r.run)), r.note)
            for r in board.rows
            if r.note and not r.anchor and not r.run.unsupported
        ]
        idle = any(r.run.unsupported for r in board.rows)
        nobody = "no model here does its task" if idle else "it holds anchors only"
        told = Markup("; ").join(notes[:3]) or nobody
        return [Markup("No model can be ranked on {}: {}.").format(section.heading, told)]
    lower = board.direction == "lower"
    best = (min if lower else max)(first, key=lambda r: r.headline.value or 0.0)
    value = best.headline
    kind = f"partial {board.name}" if board.partial else board.name
    names = listed(_first([strong(section.name_of(r.run)) for r in first]))
    half = half_width(value.low, value.high)
    unit = f" {section.head.unit}" if section.head and section.head.unit else ""
    score = section.score(value.value) + ("" if half is None else f" ± {section.score(half)}")
    score += unit
    basis = f"n = {_coverage_of(value)} samples"
    ranked = sum(r.rank is not None for r in board.rows)
    if ranked == 1:
        text = Markup("{} reaches {} on {} in {} ({}).")
        made = [text.format(names, strong(score), section.heading, kind, basis)]
    elif len(first) == 1:
        text = Markup("{} leads {} with {} in {} ({}).")
        made = [text.format(names, section.heading, strong(score), kind, basis)]
    else:
        text = Markup("{} share the first rank on {}: the best has {} in {} ({}).")
        made = [text.format(names, section.heading, strong(score), kind, basis)]
    rest = [_against(section, p, len(first) > 1) for p in board.pairs[:1]]
    if board.partial:
        swapped = [t.name for t in value.tracks if t.substituted]
        parts = [f"{', '.join(swapped)} substituted"] if swapped else []
        if value.missing_tracks:
            parts.append(f"{', '.join(value.missing_tracks)} missing")
        text = Markup("The headline is partial ({}): it must not be compared with a full one.")
        rest.append(text.format("; ".join(parts)))
    if rest:
        made.append(Markup(" ").join(rest))
    return made


def _against(section: Section, pair: Pair, shared: bool) -> Markup:
    from markupsafe import Markup

    sign = "+" if pair.difference > 0 else ""
    p = f"paired, {probability(pair.adjusted)} after Holm"
    if pair.verdict == "not separable":
        text = Markup("{} and {} are not separable: {} ({}).")
        gap = sign + section.score(pair.difference)
        return text.format(strong(pair.a), strong(pair.b), gap, p)
    text = Markup("That is {} over {} ({}).") if not shared else Markup("{} over {} ({}).")
    return text.format(sign + section.score(pair.difference), strong(pair.b), p)
