"""`umm-evals show benchmark`: one benchmark whole, for the terminal; its page is `evals.pages`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evals.console import out, print_json, show_list
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import PublishedRow
from evals.listing import range_text, replace_callables


def show_benchmark(name: str, *, as_json: bool) -> int:
    """Protocol, numbers, defects and published rows."""
    from evals.plan import benchmarks

    b: Benchmark = benchmarks().get(name)
    metrics = list(b.metrics(ScoringSettings()))
    if as_json:
        print_json(_as_json(b, metrics))
        return 0
    say(f"{b.title} ({b.name} {b.version})", style="bold")
    say(b.doc.strip())
    say(b.citation, style="dim")
    say(f"licence: {b.licence}", style="dim")
    _show_protocol(b)
    _show_numbers(b, metrics)
    for defect in b.defects:
        say(f"known defect, {defect}")
    _show_published(b.published())
    return 0


def say(text: str, style: str | None = None) -> None:
    """A line that may be long."""
    out.print(text, style=style, markup=False, soft_wrap=True)


def _as_json(b: Benchmark, metrics: Sequence[Metric]) -> dict[str, Any]:
    return {
        "name": b.name, "title": b.title, "task": b.task, "area": b.kind, "version": b.version,
        "licence": b.licence, "citation": b.citation, "doc": b.doc,
        "suites": [replace_callables(asdict(s)) for s in b.suites.values()],
        "trials": b.trials, "seeds": b.seeds, "needs": b.needs, "cost": b.cost,
        "metrics": [{"name": m.name, "quantities": m.quantities} for m in metrics],
        "policies": b.policies, "headline": b.headline, "variants": b.variants,
        "groups": b.groups, "defects": b.defects, "published": b.published(),
    }  # fmt: skip


def _show_protocol(b: Benchmark) -> None:
    show_list(
        ["suite", "samples", "what"],
        [[s.name, f"{s.size:,}", s.title] for s in b.suites.values()],
    )
    if b.trials > 1:
        seeds = f", seeds {', '.join(map(str, b.seeds))}" if b.seeds else ""
        say(f"images per prompt: {b.trials}{seeds}")
    for need in b.needs:
        say(f"needs: {need}")
    if b.cost:
        say(f"cost of one model: {b.cost}")
    for policy in b.policies:
        say(f"profile {policy.profile}: {policy.doc}")


def _show_numbers(b: Benchmark, metrics: Sequence[Metric]) -> None:
    """Columns, variants and the headline."""
    shown = [(m, q) for m in metrics for q in m.quantities if not q.auxiliary]
    show_list(
        ["column", "profile", "range", "better", "what"],
        [[f"{m.name}.{q.name}", q.profile, range_text(q), q.direction, q.doc] for m, q in shown],
    )
    counts = sum(len(m.quantities) for m in metrics) - len(shown)
    if counts:
        say(f"and {counts} counts that variants are made of (--json lists them)")
    if b.variants:
        show_list(
            ["variant", "profile", "range", "better", "what"],
            [[v.column, v.profile, range_text(v), v.direction, f"{v.title}. {v.doc}"]
             for v in b.variants],
        )  # fmt: skip
    for track in b.headline.tracks:
        say(f"{b.headline.name}, track {track.name}: {', '.join(track.columns)}. {track.doc}")
    if b.headline.column:
        say(f"headline {b.headline.name}: the mean of {b.headline.column}")
    if b.headline.variant:
        say(f"headline {b.headline.name}: the variant ={b.headline.variant}")


def _show_published(rows: Sequence[PublishedRow]) -> None:
    """Rows with their numbers; what they differ in is said once."""
    if not rows:
        say("no published rows")
        return
    columns = common_columns(rows)
    say(f"{len(rows)} published rows:")
    show_list(
        ["model", "suite", *headings(columns), "kind", "source"],
        [
            [p.model, p.suite, *(value_text(p, c) for c in columns),
             "corrected" if p.corrected else "as printed", p.source]
            for p in rows
        ],
    )  # fmt: skip
    for difference in dict.fromkeys(d for p in rows for d in p.differences):
        say(f"differs in {difference}")


def common_columns(rows: Sequence[PublishedRow], most: int = 8) -> list[tuple[str, str]]:
    """(group, column) of printed numbers: those of the whole first, then the most frequent."""
    found = Counter((g, c) for r in rows for g, values in r.values.items() for c in values)
    return sorted(found, key=lambda k: (k[0] != "", -found[k]))[:most]


def headings(places: Sequence[tuple[str, str]]) -> list[str]:
    """What such columns are called: a group alone where it has one column only."""
    groups = Counter(group for group, _ in places)
    return [
        column if not group else group if groups[group] == 1 else f"{group} {column}"
        for group, column in places
    ]


def value_text(row: PublishedRow, place: tuple[str, str]) -> str:
    """A printed number; empty where the row has none."""
    value = row.values.get(place[0], {}).get(place[1])
    return "" if value is None else f"{value:g}"
