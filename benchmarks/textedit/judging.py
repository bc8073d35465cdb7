"""From the judge's reply to numbers: the released arithmetic, and the one without its defects.

Five questions, each answered with 1 to 5: Q1 text accuracy (TA), Q2 text preservation (TP), Q3
scene integrity (SI), Q4 local realism (LR), Q5 visual coherence (VC). `official_reply` and
`official_report` repeat `vlm_metrics_eval_step1.py` and `vlm_metrics_eval_step2.py` of
open-compass/TextEdit@0ca14ba with their defects (J1 to J16 in docs/errata.md); the `strict_`
functions are what this project scores with. The rubric itself belongs to the judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from judges.parsing import parse_reply

QUESTIONS = ("Q1", "Q2", "Q3", "Q4", "Q5")
COLUMNS = ("TA", "TP", "SI", "LR", "VC")
TITLES = ("Text Accuracy", "Text Preservation", "Scene Integrity", "Local Realism",
          "Visual Coherence")  # fmt: skip
WEIGHTS = (0.4, 0.3, 0.1, 0.1, 0.1)
NORMALISATION: Mapping[int, float] = {5: 1.0, 4: 0.8, 3: 0.6, 2: 0.2, 1: 0.0}
"""Uneven on purpose of the authors: from 3 to 2 costs .4."""
CUTOFF = 4
"""With the cut-off, a Q1 below this makes Q2 to Q5 count 0."""


DROPS = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What an odd line can raise: not JSON, no object, a path or a score of another type."""


# --- the released scripts ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficialReply:
    """What the released script makes of one reply.

    Attributes:
        outcome: ``ok``; ``dropped`` (the sample leaves every mean, J4); or ``crash`` (the class of
            the sample and all later ones of the model are lost, J8).
        score: whatever stood under ``score``, unchecked; None unless ``ok``.
    """

    outcome: Literal["ok", "dropped", "crash"]
    score: Any = None


def official_reply(reply: str) -> OfficialReply:
    """Parse a reply as released: `json_repair.loads`, kept when it has ``score`` and ``reason``."""
    import json_repair

    if not reply:
        return OfficialReply(outcome="dropped")
    try:
        parsed: Any = json_repair.loads(reply)
    except Exception:  # the released script drops the sample on any error of the parser
        return OfficialReply(outcome="dropped")
    try:
        # A string, a number or a list passes or fails these tests in its own way (J8).
        if parsed and "score" in parsed and "reason" in parsed:
            score = parsed["score"]
            parsed["reason"]
            return OfficialReply(outcome="ok", score=score)
    except TypeError:
        return OfficialReply(outcome="crash")
    return OfficialReply(outcome="dropped")


def _official_row(
    line: str, weights: Sequence[float], enable_cutoff: bool
) -> tuple[bool, float, list[float]]:
    """(is Virtual, weighted score, normalised Q1..Q5) of one line.

    Raises:
        Exception: one of `DROPS`; the released script then drops the line.
    """
    item = json.loads(line)
    path = item.get("path", {})
    place = path.get("original_image", "") or path.get("gt_image", "")
    virtual = "/1." in place
    answers = item.get("gemini_eval_score", {})
    if not answers or not isinstance(answers, dict):
        raise ValueError("no scores")
    first = answers.get("Q1", 0)
    values: list[Any] = [NORMALISATION.get(first)]
    cut = enable_cutoff and first < CUTOFF
    values += [0.0 if cut else NORMALISATION.get(answers.get(q, 0)) for q in QUESTIONS[1:]]
    # One None among them makes the product fail, and the line is dropped (J11).
    return virtual, float(np.sum(np.array(values) * np.array(weights))), values


def official_report(
    answers: Mapping[str, Mapping[str, Sequence[str]]],
    weights: Sequence[float] = WEIGHTS,
    enable_cutoff: bool = False,
) -> dict[str, Any]:
    """The JSON report of the released step 2.

    Args:
        answers: model -> file name -> lines of that file.
        weights: of Q1 to Q5; not checked and not normalised (J12).
        enable_cutoff: as the shipped shell script does.

    Returns:
        model -> ``Virtual`` and ``Real`` -> means of the usable samples, rounded to 4 decimals, and
        their count. A group without usable samples is all 0.
    """
    report = {}
    # The script finds folders and files with patterns that skip hidden names.
    for model in sorted(m for m in answers if not m.startswith(".")):
        rows: dict[bool, list[tuple[float, list[float]]]] = {True: [], False: []}
        for name, lines in answers[model].items():
            if name.startswith(".") or not name.endswith(".jsonl"):
                continue
            for line in filter(str.strip, lines):
                try:
                    virtual, weighted, values = _official_row(line, weights, enable_cutoff)
                except DROPS:  # J4 and J11: as released, whatever is odd about it drops the line
                    continue
                rows[virtual].append((weighted, values))
        report[model] = {
            "Virtual": _official_group(rows[True]),
            "Real": _official_group(rows[False]),
        }
    return report


def _official_group(rows: Sequence[tuple[float, list[float]]]) -> dict[str, Any]:
    if not rows:
        means = [0.0] * 5
    else:
        means = [float(np.round(np.mean([v[i] for _, v in rows]), 4)) for i in range(5)]
    names = [f"{q}_{t.replace(' ', '_')}" for q, t in zip(QUESTIONS, TITLES, strict=True)]
    return {
        "Weighted Score": round(float(np.mean([w for w, _ in rows])), 4) if rows else 0.0,
        "Detail Metrics": dict(zip(names, means, strict=True)),
        "Count": len(rows),
    }


def official_csv_row(report: Mapping[str, Any]) -> tuple[list[str], list[float]]:
    """Heading and values of the released CSV for one model, which do not belong together (J2).

    The heading interleaves Real and Virtual, the values are Real Q1 to Q5, then Virtual Q1 to Q5.

    Args:
        report: one model's part of `official_report`.
    """
    heading = ["AVG (R)", "AVG (V)", *(f"{t} ({g})" for t in TITLES for g in "RV")]
    groups = report["Real"], report["Virtual"]
    values = [g["Weighted Score"] for g in groups]
    values += [v for g in groups for v in g["Detail Metrics"].values()]
    return heading, values


# --- strict -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class StrictReply:
    """A reply read with care.

    Attributes:
        status: ``ok`` or ``failed``; a failed reply stays a failure and is asked again.
        reason: why it failed, one sentence; empty when ``ok``.
        scores: Q1 to Q5, integers from 1 to 5; empty when it failed.
        reasons: what the judge said about each question, where it did.
    """

    status: Literal["ok", "failed"]
    reason: str = ""
    scores: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def strict_reply(reply: str) -> StrictReply:
    """Read one reply: five integers from 1 to 5, unambiguous, see `judges.parsing` (J11, J16).

    >>> text = '{"score": {"Q1": 5, "Q2": 4, "Q3": 5, "Q4": 4, "Q5": "3"}, "reason": {}}'
    >>> strict_reply(text).scores["Q5"]
    3
    >>> strict_reply('{"score": {"Q1": 5}, "reason": {}}').reason
    'the reply has no usable answer to Q2, Q3, Q4, Q5'
    """
    parsed = parse_reply(reply, QUESTIONS, 1, 5)
    if parsed.status != "ok":
        return StrictReply(status="failed", reason=parsed.reason)
    return StrictReply(
        status="ok", scores={k: int(v) for k, v in parsed.scores.items()}, reasons=parsed.reasons
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeScores:
    """Numbers of one sample, each in [0, 1], higher is better.

    Attributes:
        values: TA, TP, SI, LR and VC after the cut-off, if there is one.
        weighted: sum of weight times value, with weights that sum to 1.
    """

    values: Mapping[str, float]
    weighted: float


def check_weights(weights: Sequence[float]) -> tuple[float, ...]:
    """The weights of Q1 to Q5, if they are not negative and sum to 1 (J12).

    Raises:
        ValueError: they are something else.
    """
    if len(weights) != 5 or any(not w >= 0 for w in weights) or abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"judge weights are five numbers from 0 on that sum to 1, not {weights}")
    return tuple(weights)


Cutoff = Literal["hard", "none", "soft"]


def judge_scores(
    scores: Mapping[str, int], *, cutoff: Cutoff = "hard", weights: Sequence[float] = WEIGHTS
) -> JudgeScores:
    """Numbers of one verdict.

    Args:
        scores: Q1 to Q5, each from 1 to 5.
        cutoff: ``hard`` as published (Q1 below 4 sets the others to 0); ``none``; ``soft`` (the
            others are multiplied by the normalised Q1, which has no cliff, J13).
        weights: see `check_weights`.

    >>> bad = {"Q1": 3, "Q2": 5, "Q3": 5, "Q4": 5, "Q5": 5}
    >>> [round(judge_scores(bad, cutoff=c).weighted, 2) for c in ("hard", "none", "soft")]
    [0.24, 0.84, 0.6]
    """
    values = [NORMALISATION[scores[q]] for q in QUESTIONS]
    factor = {"hard": float(scores["Q1"] >= CUTOFF), "none": 1.0, "soft": values[0]}[cutoff]
    values = [values[0], *(v * factor for v in values[1:])]
    total = sum(w * v for w, v in zip(check_weights(weights), values, strict=True))
    return JudgeScores(values=dict(zip(COLUMNS, values, strict=True)), weighted=min(total, 1.0))


def paper_value(score: float) -> float:
    """(score - 1) / 4, the even scale that the paper prints; the released code has another one.

    >>> paper_value(3)
    0.5
    """
    return (score - 1) / 4


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeGroup:
    """Means of one group.

    Attributes:
        values: TA to VC and ``weighted``; empty when no sample has a verdict.
        scored: samples with a verdict.
        failed: samples without one, by id, with the reason.
        complete: whether every planned sample has a verdict; a mean that is not complete must be
            shown as such.
    """

    values: Mapping[str, float]
    scored: int
    failed: Mapping[str, str]
    complete: bool


def strict_report(
    verdicts: Iterable[tuple[str, str, StrictReply]],
    *,
    cutoff: Cutoff = "hard",
    weights: Sequence[float] = WEIGHTS,
) -> dict[str, JudgeGroup]:
    """Means per group over samples; failures are kept and counted, never dropped (J4).

    Args:
        verdicts: (group, sample id, reply), where the group comes from the record's sub-class and
            never from a path (J1).
        cutoff: see `judge_scores`.
        weights: see `check_weights`.
    """  # fmt: skip
    rows: dict[str, dict[str, StrictReply]] = {}
    for group, sample, reply in verdicts:
        rows.setdefault(group, {})[sample] = reply
    report = {}
    for group, replies in rows.items():
        good = [
            judge_scores(r.scores, cutoff=cutoff, weights=weights)
            for r in replies.values()
            if r.status == "ok"
        ]
        means = {c: sum(s.values[c] for s in good) / len(good) for c in COLUMNS if good}
        if good:
            means["weighted"] = sum(s.weighted for s in good) / len(good)
        failed = {s: r.reason for s, r in replies.items() if r.status != "ok"}
        report[group] = JudgeGroup(
            values=means, scored=len(good), failed=failed, complete=not failed
        )
    return report
