"""The page of a benchmark, made from what it declares: `docs/benchmarks/<name>.md`.

    python -m evals.pages docs/benchmarks     # writes all pages and their index

Nothing on a page is written by hand, so that it cannot tell another story than the code.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from evals.core.aggregation import Headline, Term, Variant
from evals.core.protocols import Benchmark, ScoringSettings
from evals.core.types import Quantity
from evals.core.writing import write_atomic
from evals.showing import common_columns, headings, value_text

SHOWN_ROWS = 12
"""Published rows on a page; the others are in the data file and in every report."""
FIRST = ("BAGEL", "InternVL-U")
"""Models whose rows stand first."""


def benchmark_page(benchmark: Benchmark) -> str:
    """Markdown of one page."""
    b = benchmark
    parts = [
        f"# {b.title}",
        f"`{b.name}`, version {b.version}. Task: {b.task}. Licence: {b.licence}.",
        b.doc,
        f"Source: {b.citation}.",
        *_protocol(b),
        *_variants(b),
        *_columns(b),
        *_defects(b),
        *_published(b),
    ]
    return "\n\n".join(p.strip() for p in parts if p.strip()) + "\n"


def _protocol(b: Benchmark) -> list[str]:
    suites = [
        [f"`{s.name}`" + (" (default)" if s.name == b.default_suite else ""), f"{s.size:,}",
         "built in" if s.synthetic else "official", s.version, s.title]
        for s in b.suites.values()
    ]  # fmt: skip
    facts = []
    if b.trials > 1:
        facts.append(f"{b.trials} images per prompt")
    if b.seeds:
        facts.append(f"seeds {', '.join(map(str, b.seeds))}")
    lines = [f"* {need}" for need in b.needs]
    if b.cost:
        lines.append(f"* cost of one model: {b.cost}")
    if facts:
        lines.insert(0, f"* {'; '.join(facts)}")
    data = next((s.missing for s in b.suites.values() if s.missing), "")
    return [
        "## Suites",
        _table(["suite", "samples", "data", "version", "what"], suites),
        data,
        "## What it takes" if lines else "",
        "\n".join(lines),
        "\n".join(f"* profile {p.profile}: {p.doc}" for p in b.policies),
    ]


def _variants(b: Benchmark) -> list[str]:
    head = ["## Numbers of the benchmark", _headline(b.headline)]
    if not b.variants:
        return head
    rows = [
        [f"`={v.name}`", v.title, v.profile, _range(v.range, v.unit), _formula(v), v.doc]
        for v in b.variants
    ]
    return [*head, _table(["column", "what", "profile", "range", "made of", "notes"], rows)]


def _headline(rule: Headline) -> str:
    if rule.tracks:
        made = "; ".join(f"{t.name} ({', '.join(t.columns)})" for t in rule.tracks)
        return (
            f"Headline **{rule.name}**: {made}. The formula is in [statistics](../statistics.md)."
        )
    if rule.variant:
        return f"Headline **{rule.name}**: the variant `={rule.variant}`."
    return f"Headline **{rule.name}**: the mean of `{rule.column}` over all samples."


def _formula(variant: Variant) -> str:
    joined = {"mean": "mean of ", "sum": "sum of ", "noisy_or": "1 − Π(1 − x) of "}
    parts = [f"`={n}`" for n in variant.of] or [_term(t) for t in variant.terms]
    counted = [f"{n} × {p}" if n > 1 else p for p, n in Counter(parts).items()]
    if len(parts) == 1:
        return counted[0]
    return joined[variant.combine] + ", ".join(counted)


def _term(term: Term) -> str:
    text = f"`{term.column}`"
    if term.over:
        text = f"Σ{text} / Σ`{term.over}`"
    if term.key:
        text += f", all of one {term.key} or nothing"
    if term.under:
        text += f" in {'/'.join(term.under)}"
    text += "".join(f", {k} = {v}" for k, v in term.where.items())
    if term.levels:
        how = "sum" if term.total else "weighted sum" if term.weights else "mean"
        text += f", {how} over groups of depth {' then '.join(map(str, term.levels))}"
    if term.scale != 1 or term.offset:
        text += f", × {term.scale:.6g}" + (f" + {term.offset:.6g}" if term.offset else "")
    if term.clip:
        text += f", clipped to {term.clip[0]:g}..{term.clip[1]:g}"
    if term.digits is not None:
        text += f", rounded to {term.digits}"
    return text


def _columns(b: Benchmark) -> list[str]:
    rows = [
        [f"`{m.name}.{q.name}`", q.profile, _range(q.range, q.unit), q.direction, _worst(q), q.doc]
        for m in b.metrics(ScoringSettings())
        for q in m.quantities
        if not q.auxiliary
    ]
    head = ["column", "profile", "range", "better", "a model's fault scores", "what"]
    return ["## Numbers of a sample", _table(head, rows)]


def _worst(quantity: Quantity) -> str:
    return "—" if quantity.worst is None else f"{quantity.worst:g}"


def _range(ends: tuple[float, float], unit: str) -> str:
    low, high = (f"{v:g}".replace("inf", "∞") for v in ends)
    return f"{low} to {high}" + (f" {unit}" if unit else "")


def _defects(b: Benchmark) -> list[str]:
    if not b.defects:
        return []
    lines = "\n".join(f"* {d}" for d in b.defects)
    return ["## Known defects of the official script", lines, "All: [errata](../errata.md)."]


def _published(b: Benchmark) -> list[str]:
    rows = b.published()
    if not rows:
        return ["## Published numbers", "None are carried here."]
    chosen = sorted(rows, key=lambda r: not any(f in r.model for f in FIRST))[:SHOWN_ROWS]
    columns = common_columns(chosen)
    table = [
        [r.model + (" (corrected)" if r.corrected else ""), r.suite,
         *(value_text(r, c) for c in columns), r.source]
        for r in chosen
    ]  # fmt: skip
    differences = dict.fromkeys(d for r in rows for d in r.differences)
    told = f"{len(chosen)} of {len(rows)} rows" if len(rows) > len(chosen) else f"{len(rows)} rows"
    return [
        "## Published numbers",
        f"As printed; {told}. `umm-evals show benchmark {b.name}` lists all.",
        _table(["model", "suite", *(f"`{h}`" for h in headings(columns)), "source"], table),
        "A run here differs from them in:" if differences else "",
        "\n".join(f"* {d}" for d in differences),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return (
            "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
        )

    return "\n".join([line(head), line(["---"] * len(head)), *(line(r) for r in rows)])


# --- all pages --------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """File name -> Markdown, the index included."""
    from evals.plan import benchmarks

    registry = benchmarks()
    found = {name: registry.get(name) for name in registry}
    made = {f"{name}.md": benchmark_page(b) for name, b in found.items()}
    return {"README.md": _index(list(found.values())), **made}


def _index(found: Sequence[Benchmark]) -> str:
    rows = [
        [f"[{b.title}]({b.name}.md)", b.task, f"{b.suites[b.default_suite].size:,}", str(b.trials),
         "; ".join(b.needs) or "nothing", b.licence]
        for b in found
    ]  # fmt: skip
    return (
        "\n\n".join(
            [
                "# Benchmarks",
                "One page each, made from the code by `python -m evals.pages docs/benchmarks`. How "
                "to add one: [add-a-benchmark](../add-a-benchmark.md). Defects of official "
                "scripts: [errata](../errata.md).",
                _table(["benchmark", "task", "samples", "images each", "needs", "licence"], rows),
            ]
        )
        + "\n"
    )


def main(folder: Path) -> None:
    """Write all pages, and remove those of benchmarks that are gone."""
    made = pages()
    for name, text in made.items():
        write_atomic(folder / name, text.encode())
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description="Write the pages of all benchmarks.")
    words.add_argument("folder", type=Path, help="where the pages go, e.g. docs/benchmarks")
    main(words.parse_args().folder)
