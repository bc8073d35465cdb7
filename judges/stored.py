"""Verdicts out of a run folder: what each judge said of each prediction, repeat by repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.core.errors import UserError
from evals.core.store import StoredRun


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredVerdict:
    """One verdict of one judge.

    Attributes:
        sample: id.
        trial: of the prediction.
        judge: name as configured.
        key: hash of the judge.
        served: model as served.
        repeat: 0, 1, ...
        scores: dimension -> score; empty when it failed.
        status: see `evals.core.verdicts.VerdictStatus`.
    """

    sample: str
    trial: int
    judge: str
    key: str
    served: str
    repeat: int
    scores: Mapping[str, float]
    status: str


def judge_metric(run: StoredRun, metric: str = "") -> str:
    """The judge's metric of a run: the one named, else ``judge``, else ``judge_heuristic``.

    Raises:
        UserError: the run has no such metric.
    """
    have = [m["name"] for m in run.manifest.get("metrics", ())]
    scored = {name for _, _, name in run.scores}
    for name in (metric,) if metric else ("judge", "judge_heuristic"):
        if name in have and name in scored:
            return name
    raise UserError(
        f"{run.folder} was not judged; judge it with: umm-evals score {run.folder} --judge "
        "openai:MODEL (or heuristic)."
    )


def stored_verdicts(run: StoredRun, metric: str = "") -> list[StoredVerdict]:
    """The verdicts that stand behind the run's present scores, one per judge and repeat.

    Raises:
        UserError: the run was not judged.
    """
    name = judge_metric(run, metric)
    rubric = {s.evidence.get("rubric") for (_, _, m), s in run.scores.items() if m == name}
    settled = run.manifest.get("settings", {}).get("judge") or {}
    # A run that was judged again holds the verdicts of its earlier judges, too.
    now = {j["key"] for j in settled.get("judges", ())}
    repeats = int(settled.get("repeats", 1))
    found: dict[tuple[str, int, str, str], StoredVerdict] = {}
    for row in run.verdicts():
        verdict = row.get("verdict")
        prediction = run.predictions.get((row["sample"], row["trial"]))
        if not verdict or row["metric"] != name or row["rubric"] not in rubric:
            continue
        if prediction is None or prediction.hash != row.get("prediction"):
            continue
        if name == "judge" and now and (row["judge"] not in now or row["repeat"] >= repeats):
            continue
        key = (row["sample"], row["trial"], row["judge"], row["request"])
        before = found.get(key)
        if before is not None and before.status == "ok":
            continue  # the first that parses decides
        found[key] = StoredVerdict(
            sample=row["sample"], trial=row["trial"], judge=row["name"], key=row["judge"],
            served=row["served"], repeat=row["repeat"], scores=verdict["scores"],
            status=verdict["status"],
        )  # fmt: skip
    return list(found.values())


def panel_scores(run: StoredRun, metric: str = "") -> dict[tuple[str, int], dict[str, float]]:
    """(sample, trial) -> dimension -> score of the judge or panel, as it stands in the scores.

    Raises:
        UserError: the run was not judged.
    """
    name = judge_metric(run, metric)
    return {
        (sample, trial): {str(k): float(v) for k, v in score.evidence.get("scores", {}).items()}
        for (sample, trial, m), score in run.scores.items()
        if m == name and score.status == "ok"
    }
