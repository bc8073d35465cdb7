"""The gallery's data: every sample and prediction of a section as plain values for the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from evals.core.store import StoredRun
from evals.core.types import Prediction, Score
from reports.columns import Column

MAX_TEXT = 2_000
"""Longest string of evidence in the page, in characters; the run folder holds all of it."""

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
    """The recognised text of the edited region, when a metric's evidence says it."""
    for name in ("read", "recognised", "edited_text", "region_text", "found"):
        value = evidence.get(name)
        if isinstance(value, str):
            return value
    return None


def all_lines(evidence: Mapping[str, Any]) -> list[str]:
    """Every recognised line of the output, when a metric's evidence says it."""
    for name in ("lines", "edited_lines", "edited", "items"):
        value = evidence.get(name)
        if isinstance(value, list) and value:
            texts = [v.get("text") if isinstance(v, Mapping) else v for v in value]
            return [clip_text(t, 200) for t in texts if isinstance(t, str)]
    return []


def _plain_evidence(evidence: Mapping[str, Any]) -> str:
    return clip_text(json.dumps(evidence, ensure_ascii=False, sort_keys=True, indent=1))


def _note_of(score: Score) -> str:
    state = "" if score.status == "ok" else f"{score.status}: {score.reason}"
    notes = [f"{name}: {text}" for name, text in sorted(score.notes.items()) if text]
    return clip_text("; ".join(filter(None, [state, *notes])), 400)


# --- entries ----------------------------------------------------------------------------------


def sample_texts(sample: Mapping[str, Any]) -> tuple[str, str]:
    """Source and target text of a text edit; empty for other tasks."""
    reference = sample.get("reference")
    if not isinstance(reference, Mapping):
        return "", ""
    return str(reference.get("source_text") or ""), str(reference.get("target_text") or "")


def sample_entry(sample: Mapping[str, Any], image: ImageIndex) -> dict[str, Any]:
    """One sample as the page's script reads it."""
    source, target = sample_texts(sample)
    return {
        "id": sample["id"],
        "prompt": clip_text(str(sample.get("prompt", ""))),
        "group": list(sample.get("group", ())),
        "strata": {str(k): str(v) for k, v in (sample.get("strata") or {}).items()},
        "source": source,
        "target": target,
        "in": [image(Path(p)) for p in sample.get("images", ())],
        "ref": [image(Path(p)) for p in sample.get("reference_images", ())],
    }


def entry(
    run: StoredRun,
    prediction: Prediction,
    columns: Sequence[Column],
    target: str,
    image: ImageIndex,
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
    return made


def _evidence_of(scores: Mapping[str, Score], target: str) -> dict[str, Any]:
    """Recognised text with its difference to the target, all lines, and the rest as stored."""
    made: dict[str, Any] = {}
    rest: dict[str, str] = {}
    for name, score in scores.items():
        if not score.evidence:
            continue
        read = read_text(score.evidence)
        if read is not None and target and "read" not in made:
            made["read"] = text_diff(target, clip_text(read, 400))
            made["reader"] = name
        lines = all_lines(score.evidence)
        if lines and "lines" not in made:
            made["lines"] = lines[:60]
        rest[name] = _plain_evidence(score.evidence)
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
    for at, run in enumerate(runs):
        for sample in run.samples:
            name = str(sample["id"])
            for trial in range(run.trials):
                prediction = run.predictions.get((name, trial)) or _absent(name, trial)
                target = rows[numbers[name]]["target"]
                made = entry(run, prediction, columns, target, image)
                entries.append({"sample": numbers[name], "model": at, **made})
    return {"samples": rows, "entries": entries}


def _absent(sample: str, trial: int) -> Prediction:
    from evals.core.types import Fault

    fault = Fault(kind="not_run", message="no prediction in the run yet", origin="infrastructure")
    return Prediction(sample=sample, trial=trial, seed=0, status="missing", fault=fault)
