"""The gallery's data: every sample and prediction of a section as plain values for the page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from evals.core.store import StoredRun
from evals.core.types import Prediction, Score
from reports.columns import Column
from reports.judged import EVIDENCE, JudgeTable, has_verdict

ANSWER = ("answer", "expected")
"""Evidence of a reply in words: the answer that was read out of it, and the right one."""
MAX_TEXT = 2_000
"""Longest string of evidence in the page, in characters; the run folder holds all of it."""
SHOWN = frozenset({"slot", "output_items", "original_items", "original_size"})
"""Evidence that is drawn, or too long to repeat for every sample; the run folder holds it."""
MAX_ITEMS = 60
"""Most recognised texts of one output in the page."""

ImageIndex = Callable[[Path], int]
"""Number of an image in the page's table, or -1 where the file is not on this machine."""


def clip_text(text: str, limit: int = MAX_TEXT) -> str:
    """A text cut to `limit` characters, with what was cut said at its end.

    >>> clip_text("abcdef", 4)
    'abcd… (2 more characters)'
    """
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def text_diff(target: str, found: str) -> list[list[str]]:
    """What was read against what should stand there, character by character.

    Returns:
        Pieces ``[kind, text]`` in reading order: ``=`` in both, ``-`` only in the target
        (missing), ``+`` only in what was read (extra).

    >>> text_diff("Spring", "Sprlng")
    [['=', 'Spr'], ['-', 'i'], ['+', 'l'], ['=', 'ng']]
    """
    pieces: list[list[str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, target, found, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(["=", target[a:b]])
            continue
        if b > a:
            pieces.append(["-", target[a:b]])
        if d > c:
            pieces.append(["+", found[c:d]])
    return pieces


# --- evidence ---------------------------------------------------------------------------------


def read_text(evidence: Mapping[str, Any]) -> str | None:
    """The text that stands for the target (`slot`), when a metric's evidence says it."""
    value = evidence.get("slot")
    return value if isinstance(value, str) else None


def output_items(evidence: Mapping[str, Any]) -> list[tuple[str, list[float] | None]]:
    """Every text read in the output with its box (x0, y0, x1, y1), when the evidence says it."""
    value = evidence.get("output_items")
    found: list[tuple[str, list[float] | None]] = []
    for item in value if isinstance(value, list) else ():
        text = item.get("text") if isinstance(item, Mapping) else None
        box = item.get("box") if isinstance(item, Mapping) else None
        if isinstance(text, str):
            found.append((clip_text(text, 200), _numbers(box, 4)))
    return found


def _numbers(value: object, size: int) -> list[float] | None:
    """A list of that many finite numbers, or None."""
    if not isinstance(value, list) or len(value) != size:
        return None
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in value):
        return None
    return [float(v) for v in value]


def _plain_evidence(evidence: Mapping[str, Any]) -> str:
    """One line per entry, so that boxes do not fill the screen."""
    lines = [
        f"{name}: {json.dumps(evidence[name], ensure_ascii=False, sort_keys=True)}"
        for name in sorted(evidence)
    ]
    return clip_text("\n".join(lines))


def _note_of(score: Score) -> str:
    # What is absent for all samples alike is told once, above the gallery.
    if score.status == "unavailable":
        return ""
    # Why a judge failed stands with its verdict.
    silent = score.status == "ok" or has_verdict(score)
    state = "" if silent else f"{score.status}: {score.reason}"
    gathered: dict[str, list[str]] = {}
    for name, text in sorted(score.notes.items()):
        if text:
            gathered.setdefault(text, []).append(name)
    notes = [f"{', '.join(names)}: {text}" for text, names in gathered.items()]
    return clip_text("; ".join(filter(None, [state, *notes])), 400)


# --- entries ----------------------------------------------------------------------------------


def sample_texts(sample: Mapping[str, Any]) -> tuple[str, str]:
    """Source and target text of a text edit; empty for other tasks."""
    reference = sample.get("reference")
    if not isinstance(reference, Mapping):
        return "", ""
    return str(reference.get("source_text") or ""), str(reference.get("target_text") or "")


def sample_answer(sample: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Exact answer of a question and what its letters stand for; empty for other tasks."""
    reference = sample.get("reference")
    if not isinstance(reference, Mapping) or not isinstance(reference.get("answer"), str):
        return "", []
    choices = reference.get("choices")
    named = choices if isinstance(choices, list) else []
    return clip_text(reference["answer"], 400), [clip_text(str(c), 400) for c in named]


def sample_entry(sample: Mapping[str, Any], image: ImageIndex) -> dict[str, Any]:
    """One sample as the page's script reads it."""
    source, target = sample_texts(sample)
    answer, choices = sample_answer(sample)
    return {
        "id": sample["id"],
        "prompt": clip_text(str(sample.get("prompt", ""))),
        "group": list(sample.get("group", ())),
        "strata": {str(k): str(v) for k, v in (sample.get("strata") or {}).items()},
        "source": source,
        "target": target,
        "answer": answer,
        "choices": choices,
        "in": [image(Path(p)) for p in sample.get("images", ())],
        "ref": [image(Path(p)) for p in sample.get("reference_images", ())],
    }


def entry(
    run: StoredRun,
    prediction: Prediction,
    columns: Sequence[Column],
    target: str,
    image: ImageIndex,
    judges: JudgeTable,
) -> dict[str, Any]:
    """One prediction with its scores as the page's script reads it.

    Values are in the order of `columns`; a value that does not exist is null, and `notes` says
    why, metric by metric.
    """
    values: list[float | None] = []
    scores: dict[str, Score | None] = {}
    for column in columns:
        if column.metric not in scores:
            key = (prediction.sample, prediction.trial, column.metric)
            scores[column.metric] = run.scores.get(key)
        score = scores[column.metric]
        values.append(None if score is None else score.parts.get(column.name))
    found = {name: s for name, s in scores.items() if s is not None}
    notes = {name: note for name, s in found.items() if (note := _note_of(s))}
    fault = prediction.fault
    made: dict[str, Any] = {
        "trial": prediction.trial,
        "status": prediction.status,
        "fault": f"{fault.kind}: {clip_text(fault.message, 400)}" if fault else "",
        "text": None if prediction.text is None else clip_text(prediction.text),
        "out": [image(run.image_path(i)) for i in prediction.images],
        "values": [None if v is None else round(v, 6) for v in values],
        "notes": notes,
    }
    made.update(_evidence_of(found, target))
    if said := [judges.said(s) for s in found.values() if has_verdict(s)]:
        made["judged"] = said
    return made


def _evidence_of(scores: Mapping[str, Score], target: str) -> dict[str, Any]:
    """Recognised text with its difference to the target, boxes, and the rest as stored."""
    made: dict[str, Any] = {}
    rest: dict[str, str] = {}
    for name, score in scores.items():
        if not score.evidence:
            continue
        hidden = SHOWN | EVIDENCE if has_verdict(score) else SHOWN
        if "said" not in made and all(isinstance(score.evidence.get(k), str) for k in ANSWER):
            hidden = hidden.union(ANSWER)
            made["said"] = clip_text(score.evidence["answer"], 400)
            if score.value in {0.0, 1.0}:
                made["right"] = score.value == 1.0
        read = read_text(score.evidence)
        if read is not None and target and "read" not in made:
            made["read"] = text_diff(target, clip_text(read, 400))
        items = output_items(score.evidence)
        if items and "lines" not in made:
            made["lines"] = [text for text, _ in items[:MAX_ITEMS]]
            made["boxes"] = [box for _, box in items[:MAX_ITEMS]]
            made["region"] = _numbers(score.evidence.get("region"), 4)
        size = _numbers(score.evidence.get("original_size"), 2)
        if size:
            made["size"] = size
        other = {k: v for k, v in score.evidence.items() if k not in hidden}
        if other:
            rest[name] = _plain_evidence(other)
    if rest:
        made["evidence"] = rest
    return made


def section_images(runs: Sequence[StoredRun]) -> list[Path]:
    """Every image file that the section shows, in order of appearance, each once."""
    found: dict[Path, None] = {}
    for run in runs:
        for sample in run.samples:
            for name in (*sample.get("images", ()), *sample.get("reference_images", ())):
                found[Path(name)] = None
        for prediction in run.predictions.values():
            for ref in prediction.images:
                found[run.image_path(ref)] = None
    return list(found)


def section_gallery(
    runs: Sequence[StoredRun], columns: Sequence[Column], image: ImageIndex
) -> dict[str, Any]:
    """Samples (each once) and, per run and sample, the predictions with their scores.

    Samples are ordered as planned, predictions by trial; a planned prediction that is not there
    yet has the status ``missing`` and says so.
    """
    samples: dict[str, Mapping[str, Any]] = {}
    for run in runs:
        for sample in run.samples:
            samples.setdefault(str(sample["id"]), sample)
    numbers = {name: at for at, name in enumerate(samples)}
    rows = [sample_entry(s, image) for s in samples.values()]
    entries: list[dict[str, Any]] = []
    judges = JudgeTable()
    for at, run in enumerate(runs):
        # Nothing was asked of a model that does not do the task; its row says so.
        for sample in () if run.unsupported else run.samples:
            name = str(sample["id"])
            for trial in range(run.trials):
                prediction = run.predictions.get((name, trial)) or _absent(name, trial)
                target = rows[numbers[name]]["target"]
                made = entry(run, prediction, columns, target, image, judges)
                entries.append({"sample": numbers[name], "model": at, **made})
    return {"samples": rows, "entries": entries, "judging": judges.rows}


def _absent(sample: str, trial: int) -> Prediction:
    from evals.core.types import Fault

    fault = Fault(kind="not_run", message="no prediction in the run yet", origin="infrastructure")
    return Prediction(sample=sample, trial=trial, seed=0, status="missing", fault=fault)
