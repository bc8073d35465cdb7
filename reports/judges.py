"""The judges of a section: who they were, how often they failed, and how far they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.core.store import StoredRun
from evals.core.types import Score
from reports.columns import NO_VALUE, count, number
from reports.judged import RULES, by_rules, judged, served, several, singles
from reports.sections import Section

Agreement = Mapping[Path, Mapping[str, Any]]
"""Run folder -> what repeats and panels say of its judges, as `judges.reliability` gives it."""

_AGGREGATES = {
    "median": "the median of the verdicts",
    "mean": "the mean of the verdicts",
    "majority": "the most frequent score of the verdicts",
}


@dataclass(kw_only=True)
class _Calls:
    """What `verdicts.jsonl` says of one judge."""

    made: int = 0
    dollars: float = 0.0
    unpriced: int = 0
    served: Counter[str] = field(default_factory=Counter)


# --- facts of one run -------------------------------------------------------------------------


def _by_metric(run: StoredRun) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = {}
    for score in judged(run):
        found.setdefault(score.metric, []).append(score)
    return found


def _calls(run: StoredRun, metric: str, scores: Sequence[Score]) -> dict[str, _Calls]:
    """Calls by judge, of those whose verdicts stand behind the present scores."""
    rubrics = {s.evidence.get("rubric") for s in scores}
    keys = {j.get("name"): j.get("key") for j in _identity(run).get("judges", ())}
    repeats = int(_settings(run).get("judge_repeats", 1))
    calls: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    decided: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    row: Mapping[str, Any]
    for row in run.verdicts():
        prediction = run.predictions.get((row["sample"], row["trial"]))
        if row["metric"] != metric or row["rubric"] not in rubrics or row["repeat"] >= repeats:
            continue
        if prediction is None or prediction.hash != row["prediction"]:
            continue
        if row["judge"] != keys.get(row["name"], row["judge"]):
            continue
        calls[row["judge"], row["request"], row["number"], row["time"]] = row
        unit = (row["sample"], row["trial"], row["judge"], row["repeat"])
        before = decided.get(unit, {}).get("verdict", {}).get("status")
        if row.get("verdict") and before != "ok":  # the first that parses decides
            decided[unit] = row
    found: dict[str, _Calls] = {}
    for row in calls.values():
        own = found.setdefault(str(row["name"]), _Calls())
        own.made += 1
        if row["cost"] is not None:
            own.dollars += float(row["cost"])
        elif row["status"] == "answered" or row.get("usage"):
            own.unpriced += 1
    for row in decided.values():
        if row.get("served"):
            found[str(row["name"])].served[str(row["served"])] += 1
    return found


def _identity(run: StoredRun) -> Mapping[str, Any]:
    value = run.manifest.get("settings", {}).get("judge")
    return value if isinstance(value, Mapping) else {}


def _settings(run: StoredRun) -> Mapping[str, Any]:
    value = run.manifest.get("settings", {}).get("judging")
    return value if isinstance(value, Mapping) else {}


def _statuses(scores: Iterable[Score]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for score in scores:
        for judge, status, _ in singles(score):
            found.setdefault(judge, Counter())[status] += 1
    return found


def served_counts(scores: Iterable[Score]) -> Counter[str]:
    """Models as served -> samples that they gave a score."""
    return Counter(" + ".join(m) for s in scores if s.status == "ok" and (m := served(s)))


# --- warnings ---------------------------------------------------------------------------------


def judge_warnings(section: Section) -> list[dict[str, str]]:
    """Judge tracks that no language model stands behind, and judges served by several models."""
    made = []
    names = [
        section.name_of(row.run)
        for row in section.board.rows
        if any(by_rules(c.rpartition(".")[0]) for t in row.headline.tracks for c in t.columns)
    ]
    if names:
        where = "in all runs" if len(names) == len(section.shown) else f"in {', '.join(names)}"
        made.append(
            {"title": "Judge track: measured by rules, no MLLM.",
             "text": f"{RULES} stands in for an MLLM judge {where}. It notices what its rules "
             "measure and nothing else; its headlines are partial and rank among themselves."}
        )  # fmt: skip
    told: dict[str, list[str]] = {}
    for name, run in zip(section.names, section.runs, strict=True):
        for metric, scores in _by_metric(run).items():
            counts = served_counts(scores).most_common()
            if len(counts) > 1:
                told.setdefault(_mixed(metric, counts, run), []).append(name)
    for text, own in told.items():
        where = "all runs" if len(own) == len(section.shown) else ", ".join(own)
        made.append({"title": f"Several models answered for one judge in {where}.", "text": text})
    return made


def _mixed(metric: str, counts: Sequence[tuple[str, int]], run: StoredRun) -> str:
    models = " and ".join(f"{model} ({count(n)})" for model, n in counts)
    if _settings(run).get("pool_judges"):
        return f"{metric} was served as {models}; all are averaged, as asked (--pool-judges)."
    return (
        f"{metric} was served as {models}; only the scores of {counts[0][0]} are averaged, the "
        "others stay open."
    )


# --- panel ------------------------------------------------------------------------------------


def judges_panel(section: Section, agreement: Agreement) -> dict[str, Any] | None:
    """Who judged, by what, how often it failed and what it cost; None where nobody did.

    Args:
        section: whose runs were judged.
        agreement: of the runs for which it was computed; empty for none.
    """
    rows: list[dict[str, Any]] = []
    facts: dict[tuple[str, str], list[str]] = {}
    for name, run in zip(section.names, section.runs, strict=True):
        for metric, scores in _by_metric(run).items():
            rows += _rows(name, run, metric, scores)
            facts.setdefault((metric, _protocol(run, scores)), []).append(name)
    if not rows:
        return None
    return {
        "rows": rows,
        "facts": [
            (metric, text + ("" if len(own) == len(section.shown) else f" ({', '.join(own)})"))
            for (metric, text), own in facts.items()
        ],
        "agreement": [
            _agreement(name, agreement[run.folder])
            for name, run in zip(section.names, section.runs, strict=True)
            if run.folder in agreement
        ],
    }


def _protocol(run: StoredRun, scores: Sequence[Score]) -> str:
    """Prompt, rubric, repeats and what becomes of several verdicts, in one line."""
    prompts = dict.fromkeys(
        (str(s.evidence["prompt"]), str(s.evidence.get("rubric", "")))
        for s in scores
        if s.evidence.get("prompt")
    )
    told = [
        f"{p if p.startswith('official prompt') else f'our own rubric {p}'}, hash {r}"
        for p, r in prompts
    ] or ["the prompt is not known"]
    settings, times = _settings(run), int(_settings(run).get("judge_repeats", 1))
    panel = any(several(s) for s in scores)
    if not panel and not by_rules(scores[0].metric):
        told.append("asked once")
    if panel:
        told.append(f"each judge asked {times} times" if times > 1 else "each judge asked once")
        told.append(_AGGREGATES.get(str(settings.get("judge_aggregate")), "several verdicts"))
    return "; ".join(told)


def _rows(name: str, run: StoredRun, metric: str, scores: Sequence[Score]) -> list[dict[str, Any]]:
    """One row per judge of a metric of a run."""
    statuses, calls = _statuses(scores), _calls(run, metric, scores)
    scored, planned = sum(s.status == "ok" for s in scores), len(run.samples) * run.trials
    rows = []
    for judge in statuses or {NO_VALUE: Counter[str]()}:
        own = statuses.get(judge, Counter())
        known = calls.get(judge, _Calls())
        models = known.served or (served_counts(scores) if len(statuses) == 1 else Counter())
        bad = {s: n for s, n in own.most_common() if s != "ok"}
        rows.append(
            {
                "model": name, "metric": metric, "judge": judge, "rules": by_rules(metric),
                "served": [
                    model if len(models) == 1 else f"{model} ({count(n)})"
                    for model, n in models.most_common()
                ],
                "verdicts": count(own.total()),
                "failed": ", ".join(f"{count(n)} {s}" for s, n in bad.items()) or "none",
                "coverage": f"{count(scored)}/{count(planned)}", "part": scored < planned,
                "calls": count(known.made) if known.made and not by_rules(metric) else NO_VALUE,
                "cost": NO_VALUE if by_rules(metric) else _cost(known),
            }
        )  # fmt: skip
    return rows


def _cost(calls: _Calls) -> str:
    """``$1.20``, with the calls whose price is not known; a dash where nothing is known."""
    if not calls.made or calls.unpriced == calls.made:
        return f"{count(calls.unpriced)} without a price" if calls.unpriced else NO_VALUE
    text = f"${calls.dollars:.2f}"
    return f"{text} + {count(calls.unpriced)} without a price" if calls.unpriced else text


# --- agreement --------------------------------------------------------------------------------


def _agreement(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Dimension by dimension, only with the columns that this run can fill."""
    judges = found["judges"]
    known = [(f"sd{at}", "SD of repeats", j["name"], _SD) for at, j in enumerate(judges)]
    rows = []
    for dimension in found["dimensions"]:
        what, pairs = dimension["name"], dimension["pairs"]
        sds = [j["within_sd"].get(what) for j in judges]
        rows.append(
            {
                "name": f"{what} (0 to 1)" if what == "headline" else what,
                "alpha": [_estimate(dimension["alpha"])],
                "kappa": [_pair(p, "kappa", len(pairs) > 1) for p in pairs],
                "spearman": [_pair(p, "spearman", len(pairs) > 1) for p in pairs],
                "share": [_share(dimension["share"]["share"])],
                **{f"sd{at}": [number(sd, 2)] for at, sd in enumerate(sds)},
            }
        )
    columns = [
        {"key": key, "label": label, "below": below if len(judges) > 1 else "", "doc": doc}
        for key, label, below, doc in (*known, *_AGREEMENT)
        if any(r[key] not in ([], [NO_VALUE]) for r in rows)
    ]
    legend = {c["label"]: c["doc"] for c in columns}
    return {"model": name, "columns": columns, "rows": rows, "legend": legend}


_SD = "Standard deviation of one judge's repeats of one question, pooled over questions."
_AGREEMENT = (
    ("alpha", "Alpha", "", "Krippendorff's ordinal alpha of all judges: 1 agree, 0 as by chance."),
    ("kappa", "Kappa", "", "Cohen's, of two judges, quadratic weights: 1 agree, 0 as by chance."),
    ("spearman", "Spearman", "", "Rank correlation of two judges."),
    ("share", "Judge's share", "", "Part of the variance behind the interval of this run's mean "
     "that is the judges' noise, and that more repeats would take away."),
)  # fmt: skip
"""Key of a row, heading, what stands below it, and what it says."""


def _estimate(value: Mapping[str, Any] | None) -> str:
    if value is None or value["value"] is None:
        return NO_VALUE
    text = number(value["value"], 2)
    if value["low"] is None or value["high"] is None:
        return text
    return f"{text} [{number(value['low'], 2)}, {number(value['high'], 2)}]"


def _pair(pair: Mapping[str, Any], what: str, named: bool) -> str:
    text = _estimate(pair[what])
    return f"{pair['a']} ~ {pair['b']}: {text}" if named else text


def _share(share: float | None) -> str:
    return NO_VALUE if share is None else f"{100 * share:.0f} %"


def gallery_choices(section: Section) -> dict[str, bool]:
    """Which filters on verdicts the gallery offers: whether anything was judged, and repeatedly."""
    scores = [s for run in section.runs for s in judged(run)]
    return {"judged": bool(scores), "several": any(several(s) for s in scores)}
