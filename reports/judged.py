"""What judges said, read from the evidence of scores: who, which scores, in which words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.core.store import StoredRun
from evals.core.types import Score

JUDGE, RULES = "judge", "judge_heuristic"
"""The metrics of judges: language models, and rules over measured quantities."""
EVIDENCE = frozenset(
    {"judge", "served", "scores", "reasons", "rubric", "prompt", "verdicts", "reply"}
)
"""What a judge's score keeps, and what is therefore not told again as plain evidence."""
APART = 2
"""From this difference of two verdicts on one dimension on, judges disagree."""
MAX_REASON = 600


def by_rules(metric: str) -> bool:
    """Whether a judge's metric is measured, so that no language model stands behind it."""
    return metric == RULES


def is_judge(metric: str, evidence: Mapping[str, Any] | None = None) -> bool:
    """Whether a metric is a judge's: by its name, or by the evidence of one of its scores."""
    if metric in {JUDGE, RULES}:
        return True
    found = evidence or {}
    return all(isinstance(found.get(k), Mapping) for k in ("scores", "reasons"))


def has_verdict(score: Score) -> bool:
    """Whether a judge was to give this score, and did or failed to."""
    return score.status in {"ok", "failed"} and is_judge(score.metric, score.evidence)


def judged(run: StoredRun) -> Iterator[Score]:
    """The scores of a run that a judge gave, or failed to."""
    return (s for s in run.scores.values() if has_verdict(s))


def singles(score: Score) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Judge, status and scores of each verdict behind a score; none where nothing was asked."""
    evidence = score.evidence
    rows = evidence.get("verdicts")
    if isinstance(rows, list):
        return [
            (str(r.get("judge", "")), str(r.get("status", "")), _mapping(r.get("scores")))
            for r in rows
            if isinstance(r, Mapping)
        ]
    if "judge" not in evidence:
        return []
    status = "ok" if score.status == "ok" else failure(score)[0]
    return [(str(evidence["judge"]), status, _mapping(evidence.get("scores")))]


def failure(score: Score) -> tuple[str, str]:
    """Status and reason of a failed verdict, which are stored as ``status: reason``."""
    status, _, reason = score.reason.partition(": ")
    return (status, reason) if reason else ("failed", status)


def served(score: Score) -> tuple[str, ...]:
    """Models that answered, as they called themselves."""
    found = score.evidence.get("served")
    return tuple(str(s) for s in found) if isinstance(found, list) else ()


def several(score: Score) -> bool:
    """Whether more than one verdict stands behind a score."""
    return len(singles(score)) > 1


class JudgeTable:
    """What judges said, for the page's script; who judged by what is kept once for all samples.

    Attributes:
        rows: who judged by what, and the dimensions.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}

    def said(self, score: Score) -> dict[str, Any]:
        """What was said of one sample; ``by`` is the place of its judge in `rows`."""
        evidence = score.evidence
        verdicts = singles(score) if several(score) else []
        final, reasons = _mapping(evidence.get("scores")), _mapping(evidence.get("reasons"))
        names = list(dict.fromkeys([*final, *(d for _, _, own in verdicts for d in own)]))
        made: dict[str, Any] = {
            "by": self._number(score, names),
            "scores": [_score(final.get(n)) for n in names],
            "reasons": [_clipped(str(reasons.get(n, ""))) for n in names],
        }
        if verdicts:
            made["each"] = _side_by_side(verdicts, names)
            made["apart"] = [_apart(verdicts, n) for n in names]
        if score.status == "failed":
            made["failed"], made["reason"] = failure(score)
            made["reply"] = str(evidence.get("reply", ""))
        return made

    def _number(self, score: Score, names: list[str]) -> int:
        evidence, models = score.evidence, served(score)
        judge = str(evidence.get("judge", ""))
        row = {
            "metric": score.metric, "rules": by_rules(score.metric), "judge": judge,
            "served": "" if models in {(), (judge,)} else " + ".join(models),
            "prompt": str(evidence.get("prompt", "")), "rubric": str(evidence.get("rubric", "")),
            "names": names,
        }  # fmt: skip
        key = json.dumps(row)
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(row)
        return self._numbers[key]


def _side_by_side(
    verdicts: Sequence[tuple[str, str, Mapping[str, Any]]], names: Sequence[str]
) -> list[list[Any]]:
    """Per judge its name and, per verdict, the scores in the order of `names`, or its status."""
    found: dict[str, list[Any]] = {}
    for judge, status, scores in verdicts:
        own = [_score(scores.get(n)) for n in names] if status == "ok" else status
        found.setdefault(judge, []).append(own)
    return [[judge, own] for judge, own in found.items()]


def _apart(verdicts: Sequence[tuple[str, str, Mapping[str, Any]]], name: str) -> bool:
    found = [s for _, _, scores in verdicts if (s := _score(scores.get(name))) is not None]
    return bool(found) and max(found) - min(found) >= APART


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _score(value: object) -> float | None:
    """A score as the page prints it: whole where it is, else with two decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else round(float(value), 2)


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}…"
