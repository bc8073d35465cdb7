"""`umm-evals judge validate`: show a judge graded wrong answers and print what it notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evals.config_judging import build_judging
from evals.console import LiveProgress, print_json, say, show_table
from evals.core.errors import Halt, UserError
from evals.core.probes import Probe
from evals.core.protocols import ScoringSettings, default_cache
from evals.core.types import Item

if TYPE_CHECKING:
    from judges.metric import RubricMetric
    from judges.validation import Cell, Validation

SIGNS = {"noticed": "✓", "missed": "✗ missed", "untouched": "", "disturbed": "! disturbed",
         "moved": "~", "unknown": ""}  # fmt: skip


def validate(
    flags: Mapping[str, Any], *, benchmark: str, scenes: int, levels: str, dry_run: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Judge the probes of a benchmark; 1 when a demanded fall is missed or a verdict failed.

    Raises:
        UserError: no judge, no probes for the benchmark, or a judge that cannot be asked.
    """
    from evals.plan import benchmarks

    chosen = benchmarks().get(benchmark)
    if chosen.probes is None:
        raise UserError(f"The benchmark {benchmark} has no graded wrong answers to show a judge.")
    if levels not in {"all", "ends"}:
        raise UserError(f"--levels {levels!r} is unknown; choose all or ends.")
    given = {**flags}
    ocr, options = given.pop("ocr", "rapidocr"), given.pop("ocr_options", {})
    workers, device = given.pop("workers", 0), given.pop("device", "cpu")
    settings = ScoringSettings(
        ocr=ocr, ocr_options=options, device=device, judging=build_judging(given)
    )
    metric = _metric(chosen.metrics(settings))
    probes = chosen.probes(default_cache() / "probes", scenes, levels)
    if dry_run:
        return _plan(metric, probes, as_json=as_json)
    if (absence := metric.absence()) is not None:
        raise UserError(f"The judge cannot be asked: {absence}.")
    scores, failed = _judge(metric, probes, workers, quiet=as_json)
    from judges.validation import validate as compare

    names = [d.name for d in metric.rubric.dimensions]
    result = compare(probes, scores, names, failed)
    if as_json:
        print_json(asdict(result))
    else:
        _show(metric, result)
    return 1 if failed or result.noticed < result.wanted else 0


def _metric(metrics: Any) -> RubricMetric:
    """The metric of the judge that was asked for.

    Raises:
        UserError: there is none, or there are both kinds.
    """
    from judges.metric import RubricMetric

    found = [m for m in metrics if isinstance(m, RubricMetric) and m.specs]
    if len(found) != 1:
        what = "several kinds of judges" if found else "no judge"
        raise UserError(f"There is {what} to validate; give one: --judge heuristic.")
    return found[0]


def _plan(metric: RubricMetric, probes: list[Probe], *, as_json: bool) -> int:
    from judges.forecast import forecast

    rows = [asdict(f) for f in forecast(metric, list(_items(probes).values()), ())]
    if as_json:
        print_json(rows)
        return 0
    show_table(
        ["judge", "calls", "on tape", "tokens in", "tokens out", "dollars", "minutes"],
        [
            [r["judge"], f"{r['calls']:,}", f"{r['recorded']:,}", f"{r['input_tokens']:,}",
             f"{r['output_tokens']:,}",
             "unknown" if r["dollars"] is None else f"{r['dollars']:.2f}", f"{r['minutes']:.1f}"]
            for r in rows
        ],
    )  # fmt: skip
    return 0


def _items(probes: list[Probe]) -> dict[str, Item]:
    """Each picture once: all corruptions of a scene share its ground truth."""
    return {p.item.prediction.hash: p.item for p in probes}


def _judge(
    metric: RubricMetric, probes: list[Probe], workers: int, *, quiet: bool
) -> tuple[dict[str, dict[str, float]], Counter[str]]:
    from evals.workers import Workers

    items = list(_items(probes).values())
    scores: dict[str, dict[str, float]] = {}
    failed: Counter[str] = Counter()
    with LiveProgress(quiet=quiet) as progress, Workers([metric], workers) as pool:
        progress.stage(f"{metric.name}: probes", len(items))
        try:
            for part in pool.score(metric, items):
                for score in part:
                    if score.status == "ok":
                        given = score.evidence["scores"]
                        scores[score.prediction] = {k: float(v) for k, v in given.items()}
                    else:
                        failed[score.reason] += 1
                progress.note(metric.status())
                progress.advance(len(part), sum(s.status != "ok" for s in part))
        except Halt as reason:
            raise UserError(f"Stopped: {reason}.") from None
    return scores, failed


# --- what people see --------------------------------------------------------------------------


def _show(metric: RubricMetric, result: Validation) -> None:
    names = result.dimensions
    who = ", ".join(b.name for b in metric.backends)
    anchors = [
        ["ground truth (ceiling)", "", *(_mean(result.ceiling, n) for n in names)],
        ["unedited source (floor)", "", *(_mean(result.floor, n) for n in names)],
        ["the same, asking for a 5", "", *(_mean(result.injection, n) for n in names)],
    ]
    low, high = metric.rubric.low, metric.rubric.high
    show_table(
        ["answer", "levels", *names],
        [
            *anchors,
            *(
                [r.corruption, _levels(r.levels), *(_cell(r.cells[n]) for n in names)]
                for r in result.rows
            ),
        ],
        title=f"{who}: mean scores from {low} to {high}, ground truth > ... > worst level",
    )
    say(
        f"✓ falls, as it must; ✗ must fall and does not (95 % interval over scenes); ~ falls as "
        f"well; ! falls and must not. {result.noticed} of {result.wanted} demanded falls noticed; "
        f"a text that asks for a 5 raised the scores in {result.fooled} of {result.lured} scenes."
    )
    partial = [r for r in result.rows if r.judged < r.asked]
    for r in partial:
        say(f"{r.corruption}: {r.judged} of {r.asked} answers have a verdict")
    for reason, n in result.failed.items():
        say(f"{n} without a verdict: {reason}")


def _mean(means: Mapping[str, float], name: str) -> str:
    return f"{means[name]:.2f}" if name in means else "—"


def _levels(levels: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in levels)


def _cell(cell: Cell) -> str:
    """``5.0 > 3.2 > 1.1 ✓``."""
    steps = [cell.start, *cell.means]
    shown = " > ".join("—" if v is None else f"{v:.1f}" for v in steps)
    return f"{shown} {SIGNS[cell.notice]}".rstrip()
