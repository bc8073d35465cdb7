"""Why two runs may not stand beside each other: a list of named reasons, empty when they may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evals.core.store import StoredRun


def kind_of(suite: Mapping[str, Any]) -> str:
    """``"synthetic"`` or ``"official"``.

    >>> kind_of({"synthetic": True})
    'synthetic'
    """
    return "synthetic" if suite.get("synthetic") else "official"


def data_differences(a: StoredRun, b: StoredRun) -> tuple[str, ...]:
    """Reasons that lie in the data: nothing of the two runs can be compared."""
    one, two = a.manifest, b.manifest
    out = []
    if a.benchmark != b.benchmark:
        out.append(f"benchmark differs: {a.benchmark} and {b.benchmark}")
    elif one["benchmark"].get("version") != two["benchmark"].get("version"):
        versions = one["benchmark"].get("version"), two["benchmark"].get("version")
        out.append(f"benchmark version differs: {versions[0]} and {versions[1]}")
    if kind_of(one["suite"]) != kind_of(two["suite"]):
        out.append(f"one suite is {kind_of(one['suite'])}, the other {kind_of(two['suite'])}")
    if a.suite != b.suite:
        out.append(f"suite differs: {a.suite} and {b.suite}")
    elif one["suite"].get("version") != two["suite"].get("version"):
        versions = one["suite"].get("version"), two["suite"].get("version")
        out.append(f"data version differs: {versions[0]} and {versions[1]}")
    errata = [run.manifest.get("settings", {}).get("errata", "off") for run in (a, b)]
    if errata[0] != errata[1]:
        out.append(f"data errata are treated differently: {errata[0]} and {errata[1]}")
    return tuple(out)


def _setting(run: StoredRun, name: str, word: str) -> dict[str, Any]:
    """A setting as an object: a bare name stands under `word`, options beside it."""
    settings = run.manifest.get("settings", {})
    value = settings.get(name) or {}
    options = settings.get(f"{name}_options") or {}
    if isinstance(value, Mapping):
        return {**value, **options}
    return {word: value, **options}


def engine_name(run: StoredRun) -> str:
    """Name of the OCR engine in the run's settings; empty when it used none."""
    return str(_setting(run, "ocr", "engine").get("engine", ""))


def judge_name(run: StoredRun) -> str:
    """Name of the judge model in the run's settings; empty when it used none."""
    return str(_setting(run, "judge", "model").get("model", ""))


def ocr_difference(a: StoredRun, b: StoredRun) -> str:
    """How the OCR settings differ; empty when they are the same."""
    one, two = _setting(a, "ocr", "engine"), _setting(b, "ocr", "engine")
    if one == two:
        return ""
    if engine_name(a) != engine_name(b):
        return f"OCR engine differs: {engine_name(a) or 'none'} and {engine_name(b) or 'none'}"
    keys = sorted(k for k in {*one, *two} if one.get(k) != two.get(k))
    return f"OCR engine {engine_name(a)} differs in {', '.join(keys)}"


def served_models(run: StoredRun, metric: str) -> tuple[str, ...]:
    """Models that answered for a judge's metric, as they called themselves; empty for others."""
    found = {
        tuple(score.evidence.get("served", ()))
        for (_, _, name), score in run.scores.items()
        if score.evidence and name == metric and score.status == "ok"
    }
    return tuple(sorted({" + ".join(models) for models in found} - {""}))


def scorer_differences(a: StoredRun, b: StoredRun, metrics: Iterable[str]) -> dict[str, str]:
    """Metric -> reason, for the metrics that two runs have scored with different scorers."""
    one, two = a.manifest.get("fingerprints", {}), b.manifest.get("fingerprints", {})
    out = {}
    pooled = all(_setting(r, "judging", "").get("pool_judges") for r in (a, b))
    for metric in metrics:
        if metric in one and metric in two and one[metric] != two[metric]:
            out[metric] = f"scorer of {metric} differs: {one[metric]} and {two[metric]}"
            continue
        # One name of a judge may hide two models.
        served = served_models(a, metric), served_models(b, metric)
        if all(served) and served[0] != served[1] and not pooled:
            names = " and ".join(", ".join(s) for s in served)
            out[metric] = f"judge as served differs for {metric}: {names}"
    return out


def scorer_reasons(a: StoredRun, b: StoredRun, metrics: Iterable[str]) -> tuple[str, ...]:
    """Reasons that lie in how the named metrics were scored.

    Another OCR engine counts only where it can have made a difference: when a fingerprint
    differs, or when one is unknown.
    """
    wanted = list(metrics)
    out = list(scorer_differences(a, b, wanted).values())
    known = set(a.manifest.get("fingerprints", {})) & set(b.manifest.get("fingerprints", {}))
    ocr = ocr_difference(a, b)
    if ocr and (out or not known.issuperset(wanted)):
        out.insert(0, ocr)
    return tuple(out)


def separations(a: StoredRun, b: StoredRun, metrics: Iterable[str]) -> tuple[str, ...]:
    """Every reason why two runs cannot share a leaderboard.

    Args:
        a: one run.
        b: another.
        metrics: those whose values the board uses.
    """
    out = list(data_differences(a, b))
    if not out and {s["id"] for s in a.samples} != {s["id"] for s in b.samples}:
        out.append(f"planned samples differ: {len(a.samples)} and {len(b.samples)}")
    return (*out, *scorer_reasons(a, b, metrics))
