"""How the numbers were made and where the runs came from, as the last part of the page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.core.columns import policies
from reports.columns import Column, count, number, sentence
from reports.sections import Section

Fact = tuple[str, str]

_RULES = {
    "drop": "leaves the mean",
    "zero": "counts as 0",
    "worst": "counts as the worst value",
    "incomplete": "leaves the run incomplete",
}


def flat(value: Any, name: str = "") -> Iterator[Fact]:
    """Nested settings as (dotted name, text) pairs, in the order stored.

    >>> list(flat({"a": {"b": 1, "c": [1, 2]}, "d": None}))
    [('a.b', '1'), ('a.c', '1, 2'), ('d', 'none')]
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and all(not isinstance(v, Mapping | list) for v in value):
        yield name, ", ".join(str(v) for v in value) or "none"
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from flat(inner, f"{name}.{at}")
    else:
        yield name, "none" if value is None else str(value)


def formula(section: Section) -> str:
    """The headline's formula in words."""
    rule = section.headline
    if rule.get("variant"):
        head = section.head
        title, profile = (head.name, head.profile) if head else (rule["variant"], "unknown")
        return f"the variant “{title}”, under the {profile} profile"
    if not section.tracks:
        return f"the mean of {rule.get('column') or 'nothing'} under the strict profile"
    parts = " × ".join(str(t["name"]) for t in section.tracks)
    root = {2: "square root", 3: "cube root"}.get(len(section.tracks), "geometric mean")
    return (
        f"{root} of {parts}. Each part is the geometric mean of its columns per sample, then "
        "rescaled in every sub-class so that the floor anchor is 0 and the ceiling anchor 1, and "
        "clipped to 0..1 before it is multiplied. A missing part makes the headline partial: it is "
        "made of the parts that are there, and never ranked with a full one."
    )


def _headline(section: Section) -> dict[str, Any] | None:
    rule = section.headline
    if not rule:
        return None
    tracks = []
    for track in section.tracks:
        text = f"{track.get('doc', '')} Columns: {', '.join(track['columns'])}."
        if track.get("substitute"):
            text += f" Where they are unavailable: {', '.join(track['substitute'])}, and named."
        tracks.append({"name": track["name"], "text": text.strip()})
    anchors = (
        f"floor {rule['floor'] or 'none'} = 0, ceiling {rule['ceiling'] or 'none'} = 1; a "
        f"sub-class whose ceiling is less than {rule.get('min_gap', 0.05)} above its floor is "
        "left out and named"
        if section.tracks
        else "none"
    )
    return {"name": rule["name"], "formula": formula(section), "tracks": tracks, "anchors": anchors}


def _range(column: Column) -> str:
    low = number(column.low, 0) if column.low > float("-inf") else "−∞"
    high = number(column.high, 0 if column.high == round_or_self(column.high) else 1)
    return f"{low} to {high if column.high < float('inf') else '∞'} {column.unit}".strip()


def round_or_self(value: float) -> float:
    """A value rounded to a whole number; an infinity stays."""
    return value if value in {float("inf"), float("-inf")} else float(round(value))


def method_panel(section: Section) -> dict[str, Any]:
    """Formula, policies, settings and the glossary of columns of one section."""
    first = section.runs[0]
    used = {c.profile for c in (*section.columns, *section.variants)}
    rules = []
    for policy in policies(first).values():
        if policy.profile not in used:
            continue
        text = (
            f"A model's fault {_RULES[policy.model_fault]}; a fault of the infrastructure "
            f"{_RULES[policy.infrastructure_fault]}."
        )
        extra = [f"{kind} {_RULES[rule]}" for kind, rule in policy.by_kind.items()]
        if extra:
            text += f" Exceptions: {'; '.join(extra)}."
        rules.append({"profile": policy.profile, "doc": policy.doc, "rules": text})
    benchmark, suite = first.manifest["benchmark"], first.manifest["suite"]
    facts: list[Fact] = [
        ("Benchmark", f"{section.benchmark} {benchmark.get('version', '')}"),
        ("Suite", f"{suite.get('title', suite['name'])}, version {suite.get('version', '')}, "
                  f"{count(int(suite.get('size', section.planned)))} samples"),
        ("Licence", str(benchmark.get("licence", ""))),
        ("Citation", str(benchmark.get("citation", ""))),
        ("Intervals", "95 %, cluster bootstrap over source images, stratified by "
                      f"{section.group_word}; printed as half the width"),
        *flat({k: v for k, v in first.manifest.get("settings", {}).items() if k != "judging"}),
    ]  # fmt: skip
    return {
        "heading": section.heading,
        "headline": _headline(section),
        "policies": rules,
        "variants": [
            {"name": c.label, "title": c.name, "text": f"{sentence(c.doc)} Profile {c.profile}."}
            for c in section.variants
        ],
        "facts": [(k, v) for k, v in facts if v],
        "differences": _differences(section),
        "columns": [
            {"key": c.key, "profile": c.profile, "range": _range(c), "arrow": c.arrow,
             "direction": c.direction, "doc": c.doc}
            for c in section.columns
        ],
    }  # fmt: skip


def _differences(section: Section) -> list[str]:
    found: dict[str, None] = {}
    for run in section.runs:
        found.update(dict.fromkeys(str(d) for d in run.manifest.get("differences", ())))
    return list(found)


def provenance_panel(sections: Sequence[Section]) -> dict[str, Any]:
    """Command, code, packages and machine of every run; what all runs share is told once."""
    made: list[dict[str, Any]] = []
    for section in sections:
        for name, run in zip(section.names, section.runs, strict=True):
            stored = dict(run.manifest.get("provenance") or {})
            command = stored.pop("command", "")
            if isinstance(command, list):
                command = shlex.join(str(word) for word in command)
            facts: list[Fact] = [
                ("created", str(run.manifest.get("created", "unknown"))),
                ("umm-evals", str(run.manifest.get("version", "unknown"))),
                ("finished", "yes" if run.manifest.get("finished") else "no"),
                ("trials", str(run.trials)),
                ("seed", str(run.manifest.get("seed", "unknown"))),
                *flat(run.manifest["model"], "model"),
                *flat(run.manifest.get("fingerprints", {}), "scorer"),
                *flat(stored),
            ]
            seconds = sum(p.seconds for p in run.predictions.values())
            facts.append(("model time", f"{number(seconds, 1)} s over {len(run.predictions):,} "
                          "predictions"))  # fmt: skip
            made.append(
                {"title": f"{section.heading}: {name}", "command": str(command), "facts": facts}
            )
    if len(made) < 2:
        return {"runs": made, "common": [], "count": len(made)}
    common = [f for f in made[0]["facts"] if all(f in other["facts"] for other in made[1:])]
    for one in made:
        one["facts"] = [f for f in one["facts"] if f not in common]
    return {"runs": made, "common": common, "count": len(made)}
