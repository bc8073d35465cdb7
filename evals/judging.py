"""The commands about judges themselves: tapes, agreement, calibration, bridge, validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.config_judging import parse_judge
from evals.console import out, print_json, say, show_list, show_table
from evals.core.columns import cluster_labels
from evals.core.errors import UserError
from evals.core.protocols import JudgeSettings, ScoringSettings, default_cache
from evals.core.store import StoredRun, find_runs

if TYPE_CHECKING:
    from judges.agreement import Estimate
    from judges.metric import RubricMetric
    from judges.tape import Tape

# --- tapes ------------------------------------------------------------------------------------


def tapes(places: Sequence[Path]) -> list[Tape]:
    """The tapes that are named, or all in the cache.

    Raises:
        UserError: there is none.
    """
    from judges.replay import find_tape
    from judges.tape import Tape

    if places:
        return [Tape(find_tape(p.expanduser())) for p in places]
    folder = default_cache() / "tapes"
    found = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    if not found:
        raise UserError(f"No judge has been asked yet: {folder} holds no tape.")
    return [Tape(p) for p in found]


def show_tapes(places: Sequence[Path], *, as_json: bool) -> int:
    """What is on tapes, judge by judge; 1 when a tape has damaged lines."""
    from judges.tape import inspect

    found = tapes(places)
    rows = [{"tape": str(t.path), **asdict(f)} for t in found for f in inspect(t)]
    damaged = {str(t.path): t.damaged for t in found if t.damaged}
    if as_json:
        print_json({"judges": rows, "damaged_lines": damaged})
        return 1 if damaged else 0
    show_table(
        ["judge", "served as", "questions", "attempts", "tokens in", "tokens out", "dollars",
         "first", "last"],
        [
            [r["name"], _counts(r["served"]) or "—", f"{r['questions']:,}", _counts(r["statuses"]),
             f"{r['tokens'][0]:,}", f"{r['tokens'][1]:,}",
             f"{r['dollars']:.2f}" + (f" + {r['unpriced']} unpriced" if r["unpriced"] else ""),
             r["first"], r["last"]]
            for r in rows
        ],
    )  # fmt: skip
    for tape in found:
        say(f"{tape.path}: {len(tape):,} attempts")
    for path, lines in damaged.items():
        say(f"{path}: {lines} lines are damaged and were skipped")
    return 1 if damaged else 0


def _counts(counts: Mapping[str, int]) -> str:
    """``gpt-4.1 (12), other (1)``; the bare name where there is one."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({n:,})" for name, n in counts.items())


def merge_tapes(places: Sequence[Path], target: Path, *, as_json: bool) -> int:
    """Append the attempts of tapes, or of run folders, to one; also how a tape is exported."""
    from judges.tape import Tape, merge

    sources = tapes(places)
    into = Tape(target.expanduser())
    if any(s.path.resolve() == into.path.resolve() for s in sources):
        raise UserError(f"{target} is among the tapes to be merged; name another --out.")
    added = merge(sources, into)
    if as_json:
        print_json({"tape": str(into.path), "added": added, "attempts": len(into)})
    else:
        out.print(f"{into.path}: {added:,} attempts added, {len(into):,} in all", markup=False,
                  soft_wrap=True)  # fmt: skip
    return 0


# --- how far a judge can be trusted -----------------------------------------------------------


def metric_of(run: StoredRun, name: str = "") -> RubricMetric:
    """The judge's metric that a run was scored with: its rubric and what a verdict amounts to.

    Raises:
        UserError: the run was not judged.
    """
    from evals.plan import benchmarks
    from judges.metric import RubricMetric
    from judges.stored import judge_metric

    wanted = judge_metric(run, name)
    # `judge_heuristic` exists only where measuring was asked for.
    judges = (parse_judge("heuristic"),) if wanted == "judge_heuristic" else ()
    settings = ScoringSettings(judging=JudgeSettings(judges=judges))
    for metric in benchmarks().get(run.benchmark).metrics(settings):
        if metric.name == wanted and isinstance(metric, RubricMetric):
            return metric
    raise UserError(f"The benchmark {run.benchmark} has no judge's metric {wanted!r}.")


def headline_of(metric: RubricMetric) -> Callable[[Mapping[str, float]], float]:
    """Scores of one verdict -> the metric's primary quantity."""
    from evals.core.verdicts import Verdict

    first = metric.quantities[0].name

    def headline(scores: Mapping[str, float]) -> float:
        verdict = Verdict(judge="", status="ok", scores=scores)
        value = metric.mark(metric.rubric, verdict).parts[first]
        return float("nan") if value is None else value

    return headline


def agreement(places: Sequence[Path], *, metric: str, as_json: bool) -> int:
    """Repeats, agreement between judges, failures and cost of runs that were judged."""
    from judges.reliability import reliability

    found = []
    for folder in find_runs(places):
        run = StoredRun.read(folder)
        asked = metric_of(run, metric)
        scale = (asked.rubric.low, asked.rubric.high)
        found.append(reliability(run, scale, metric=asked.name, headline=headline_of(asked)))
    if as_json:
        print_json([asdict(f) for f in found])
        return 0
    show_table(
        ["model", "judge", "served as", "verdicts", "without scores", "spread of repeats (SD)"],
        [
            [f.model, j.name, _counts(j.served) or "—", f"{j.verdicts:,}",
             _counts({s: n for s, n in j.statuses.items() if s != "ok"}) or "0",
             ", ".join(f"{d} {sd:.2f}" for d, sd in j.within_sd.items()) or "asked once"]
            for f in found for j in f.judges
        ],
        title="judges",
    )  # fmt: skip
    rows = [
        [f.model, d.name, _estimate(d.alpha), _pairs(d.pairs, "kappa"), _pairs(d.pairs, "spearman"),
         "—" if d.share.share is None else f"{100 * d.share.share:.0f} %"]
        for f in found for d in f.dimensions
    ]  # fmt: skip
    show_table(
        ["model", "dimension", "alpha", "kappa (quadratic)", "Spearman", "judge's share of the CI"],
        rows, title="agreement, with 95 % intervals",
    )  # fmt: skip
    for f in found:
        cost = "unknown" if f.dollars is None else f"${f.dollars:.2f}"
        say(f"{f.model}: {f.calls:,} calls, cost {cost}")
    say("one judge asked once has neither agreement nor spread: add --judge or --judge-repeats")
    return 0


def _pairs(pairs: Sequence[Any], what: str) -> str:
    shown = [f"{p.a} ~ {p.b}: " if len(pairs) > 1 else "" for p in pairs]
    return "; ".join(
        s + _estimate(getattr(p, what)) for s, p in zip(shown, pairs, strict=True)
    ) or ("—")


def _estimate(estimate: Estimate | None, digits: int = 2) -> str:
    """``0.71 [0.65, 0.77]``."""
    if estimate is None or estimate.value is None:
        return "—"
    text = f"{estimate.value:.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def calibrate(labels: Path, places: Sequence[Path], *, metric: str, as_json: bool) -> int:
    """Agreement of the judge of runs with people's scores."""
    from judges.calibrate import calibrate as compare
    from judges.labels import read_labels
    from judges.stored import panel_scores

    runs = [StoredRun.read(f) for f in find_runs(places)]
    asked = metric_of(runs[0], metric)
    rubric = asked.rubric
    names = [d.name for d in rubric.dimensions]
    verdicts = {
        (run.model, sample, trial): scores
        for run in runs
        for (sample, trial), scores in panel_scores(run, asked.name).items()
    }
    result = compare(
        read_labels(labels, names, rubric.low, rubric.high), verdicts, names, rubric.low,
        rubric.high, _clusters(runs),
    )  # fmt: skip
    if as_json:
        print_json(asdict(result))
        return 0
    show_table(
        ["dimension", "judged of labelled", "judge less people", "exact", "within one",
         "kappa (quadratic)", "Spearman", "people among themselves (alpha)"],
        [
            [d.name, f"{d.judged}/{d.labelled}", _estimate(d.agreement.difference),
             _estimate(d.agreement.exact), _estimate(d.agreement.within_one),
             _estimate(d.agreement.kappa), _estimate(d.agreement.spearman),
             _estimate(d.human_alpha) if d.raters > 1 else "one rater"]
            for d in result.dimensions
        ],
        title=f"{', '.join(r.model for r in runs)}: {asked.name} beside {labels.name}, with 95 % "
        "intervals",
    )  # fmt: skip
    if result.unjudged:
        keys = ", ".join(f"{m} {s}" for m, s, _ in result.unjudged_keys)
        say(f"{result.unjudged} of {result.labels} labels have no verdict, first: {keys}")
    return 0


def _clusters(runs: Sequence[StoredRun]) -> dict[str, str]:
    return {
        str(sample["id"]): label
        for run in runs
        for sample, label in zip(run.samples, cluster_labels(run.samples), strict=True)
    }


def bridge(old: Path, new: Path, *, metric: str, as_json: bool) -> int:
    """The offset between two judges, over runs of the same outputs."""
    from judges.bridge import bridge as compare
    from judges.stored import panel_scores

    runs = [StoredRun.read(find_runs([p])[0]) for p in (old, new)]
    asked = metric_of(runs[0], metric)
    other = metric_of(runs[1], metric)
    rubrics = [_rubrics(r, m.name) for r, m in zip(runs, (asked, other), strict=True)]
    if rubrics[0] != rubrics[1]:
        raise UserError(
            f"{old} and {new} were judged by different rubrics ({', '.join(rubrics[0])} and "
            f"{', '.join(rubrics[1])}): an offset between them would not be the judges'."
        )
    names = [_judge_name(r, m.name) for r, m in zip(runs, (asked, other), strict=True)]
    scores = []
    for run, metric_used in zip(runs, (asked, other), strict=True):
        own = panel_scores(run, metric_used.name)
        # The same output, not only the same sample: its content's hash is part of the key.
        scores.append({(run.predictions[k].hash, *k): v for k, v in own.items()})
    headline = headline_of(asked)
    values = tuple({k: headline(v) for k, v in own.items()} for own in scores)
    result = compare(
        scores[0], scores[1], [d.name for d in asked.rubric.dimensions], asked.rubric.low,
        asked.rubric.high, _clusters(runs), names=(names[0], names[1]),
        values=(values[0], values[1]),
    )  # fmt: skip
    if as_json:
        print_json(asdict(result))
        return 0
    offsets = [*result.dimensions, *([result.headline] if result.headline else [])]
    show_table(
        ["dimension", "n", "offset (new - old)", "SD", "95 % of single differences",
         "kappa (quadratic)", "Spearman", "exact"],
        [
            [o.name, str(o.n), _estimate(o.agreement.difference, 3), _number(o.sd),
             "—" if o.limits is None else f"{o.limits[0]:.2f} to {o.limits[1]:.2f}",
             _estimate(o.agreement.kappa), _estimate(o.agreement.spearman),
             _estimate(o.agreement.exact)]
            for o in offsets
        ],
        title=f"{names[1]} beside {names[0]}",
    )  # fmt: skip
    for o in offsets:
        say(f"{o.name}: {o.verdict}")
    only = [
        f"{o.only_old} only by {names[0]}, {o.only_new} only by {names[1]}" for o in offsets[:1]
    ]
    say(f"judged by one alone: {only[0]}")
    return 0


def _judge_name(run: StoredRun, metric: str) -> str:
    found = {
        " + ".join(s.evidence.get("served") or [str(s.evidence.get("judge", ""))])
        for (_, _, m), s in run.scores.items()
        if m == metric and s.evidence
    }
    return ", ".join(sorted(found)) or metric


def _rubrics(run: StoredRun, metric: str) -> list[str]:
    """``textedit 1 (109c0054362af546)`` for every rubric that stands behind a run's scores."""
    found = {
        f"{s.evidence.get('prompt')} ({s.evidence.get('rubric')})"
        for (_, _, m), s in run.scores.items()
        if m == metric and s.evidence
    }
    return sorted(found)


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


def list_judges(*, as_json: bool) -> int:
    """The judge backends with what they are."""
    import importlib

    from judges.catalog import JUDGES

    rows = []
    for name, place in JUDGES.items():
        module = importlib.import_module(place.partition(":")[0])
        doc = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        rows.append([name, doc])
    if as_json:
        print_json([{"name": n, "doc": d} for n, d in rows])
    else:
        show_list(["backend", "what it is"], rows)
    return 0
