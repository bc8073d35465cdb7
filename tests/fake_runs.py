"""Small but complete run folders, written by the real `RunWriter`, for tests of what reads runs.

Load it by path (tests are no package)::

    spec = importlib.util.spec_from_file_location("fake_runs", TESTS / "fake_runs.py")

or use the fixture `make_run` of tests/core/conftest.py.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.textedit.reference import TextBox, TextEditReference
from evals.core.aggregation import OFFICIAL_POLICY, PAPER_POLICY, STRICT_POLICY, Headline, Track
from evals.core.types import Fault, Output, Prediction, Quantity, Sample, Score
from evals.core.writing import RunWriter

INF = math.inf
GROUPS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Virtual",), "Virtual"),
    (("Virtual", "1.1.1"), "Activities & Promotions Posters"),
    (("Virtual", "1.2.2"), "Onomatopoeia & Special-effects Text"),
    (("Real",), "Real-world"),
    (("Real", "2.1"), "Objects Surface"),
    (("Real", "2.7"), "Paper Media Surface"),
)
LEAVES = tuple(path for path, _ in GROUPS if len(path) == 2)


def _share(name: str, doc: str, profile: Any = "strict", worst: float | None = 0.0) -> Quantity:
    return Quantity(
        name=name, range=(0.0, 1.0), direction="higher", doc=doc, profile=profile, worst=worst
    )


METRICS: dict[str, tuple[Quantity, ...]] = {
    "ocr_official": tuple(
        _share(n, f"{n} as the released script has it.", "official")
        for n in ("OA", "OP", "OR", "F1", "NED")
    ),
    "ocr_paper": (_share("OA", "OA as the paper prints it.", "paper"),),
    "ocr_strict": (
        _share("target", "The target is written."),
        _share("background", "Other text is kept."),
    ),
    "fidelity": (
        Quantity(
            name="lpips_region", range=(0.0, 1.0), direction="lower", worst=1.0,
            doc="LPIPS to the ground truth inside the edit region.",
        ),
        Quantity(
            name="psnr_background", range=(0.0, INF), direction="higher", unit="dB",
            doc="PSNR outside the edit region.",
        ),
    ),
    "pixels": (_share("ssim_region", "SSIM to the ground truth inside the edit region."),),
    "clip": (
        Quantity(
            name="CLIP", range=(0.0, 2.5), direction="higher", profile="official",
            doc="2.5 times the cosine of image and caption.",
        ),
    ),
    "aes_official": (
        Quantity(
            name="AES", range=(-INF, INF), direction="higher", profile="official",
            doc="Aesthetic score with the activation of the released script.",
        ),
    ),
    "judge": tuple(
        _share(f"{n}{end}", f"Judge: {n}.", profile)
        for end, profile in (("", "strict"), ("_official", "official"))
        for n in ("TA", "TP", "SI", "LR", "VC", "Avg")
    ),
}  # fmt: skip

HEADLINE = Headline(
    name="hybrid v1",
    tracks=(
        Track(
            name="text", columns=("ocr_strict.target", "ocr_strict.background"),
            doc="The target is written and other text is kept.",
        ),
        Track(
            name="fidelity", columns=("fidelity.lpips_region",),
            substitute=("pixels.ssim_region",), doc="The picture equals the ground truth.",
        ),
        Track(name="judge", columns=("judge.Avg",), doc="An MLLM judge's opinion."),
    ),
    floor="copy-source",
    ceiling="ground-truth",
    min_gap=0.05,
)  # fmt: skip

MISSING = Fault(kind="missing_file", message="No output for this sample.", origin="model")
TIMEOUT = Fault(kind="timeout", message="The endpoint did not answer.", origin="infrastructure")


def png(seed: int, text: str) -> bytes:
    """A 64 x 48 picture: a colour, a disc and a word; the same bytes for the same arguments."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (64, 48), tuple(int(v) for v in rng.integers(60, 255, 3)))
    draw = ImageDraw.Draw(image)
    x, y = (int(v) for v in rng.integers(0, 30, 2))
    draw.ellipse((x, y, x + 18, y + 18), fill=tuple(int(v) for v in rng.integers(0, 200, 3)))
    draw.text((4, 30), text[:10], fill=(0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def make_samples(
    data: Path, n: int, suite: str = "synth", *, clusters: int | None = None
) -> list[Sample]:
    """`n` samples spread over the leaves in turn, with their images written below `data`."""
    samples = []
    for i in range(n):
        leaf = LEAVES[i % len(LEAVES)]
        source, target = f"OLD{i}", f"New{i}"
        paths = {}
        for kind, text in (("original", source), ("gt", target)):
            path = data / suite / kind / f"{i:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(png(i, text))
            paths[kind] = path.resolve()
        cluster = "" if clusters is None else f"c{i % clusters}"
        samples.append(
            Sample(
                id=f"{leaf[-1]}/{i:04d}", benchmark="textedit", suite=suite, task="edit",
                prompt=f"Replace the text '{source}' with '{target}'.",
                images=(paths["original"],), reference_images=(paths["gt"],),
                reference=TextEditReference(
                    record_id=i + 1, sub_class=leaf[-1], source_text=source, target_text=target,
                    caption=f"A picture with the text {target}.",
                    texts=(TextBox(text=source, polygon=((4, 30), (40, 30), (40, 42), (4, 42))),),
                ),
                group=leaf, cluster=cluster, strata={"edit": "digits" if i % 3 else "case"},
            )
        )  # fmt: skip
    return samples


def manifest_for(
    *,
    model: str,
    role: str,
    suite: str,
    synthetic: bool,
    size: int,
    trials: int,
    metrics: Mapping[str, Sequence[Quantity]],
    absences: Mapping[str, Mapping[str, str]],
    engine: str,
    judge_model: str,
    headline: Headline,
    finished: bool,
) -> dict[str, Any]:
    """A run.json as the runner writes it."""
    return {
        "version": "0.1.0",
        "created": "2026-01-02T03:04:05Z",
        "identity": {"model": model, "benchmark": "textedit", "suite": suite},
        "model": {
            "name": model, "adapter": "fake", "role": role, "describe": {"revision": "abc123"},
        },
        "benchmark": {
            "name": "textedit", "title": "TextEdit", "version": "1", "licence": "MIT",
            "citation": "arXiv:2603.09877", "task": "edit",
        },
        "suite": {
            "name": suite, "title": suite.title(), "version": "1", "synthetic": synthetic,
            "size": size,
        },
        "trials": trials,
        "seed": 0,
        "limit": None,
        "planned_ids": None,
        "fingerprints": {m: fingerprint_of(m, engine, judge_model) for m in metrics},
        "absences": dict(absences),
        "metrics": [
            {"name": m, "quantities": [dataclasses.asdict(q) for q in quantities]}
            for m, quantities in metrics.items()
        ],
        "policies": [
            dataclasses.asdict(p) for p in (OFFICIAL_POLICY, STRICT_POLICY, PAPER_POLICY)
        ],
        "groups": [{"path": list(path), "title": title} for path, title in GROUPS],
        "headline": dataclasses.asdict(headline),
        "anchors": ["copy-source", "ground-truth"],
        "published": [],
        "differences": ["ocr: read with another engine than the official kit"],
        "settings": {
            "ocr": {"engine": engine, "version": "1.0", "models": {"det": "00ff"}},
            "judge": {"model": judge_model},
        },
        "provenance": {
            "command": "umm-evals run --model fake", "git": "0" * 40, "packages": {},
            "hardware": "cpu", "python": "3.11", "platform": "linux",
        },
        "finished": finished,
    }  # fmt: skip


def fingerprint_of(metric: str, engine: str, judge_model: str) -> str:
    """Fingerprint of a fake scorer: changes with the engine or judge that it uses."""
    uses = engine if metric.startswith("ocr") else judge_model if metric == "judge" else ""
    return hashlib.sha256(f"{metric}:{uses}".encode()).hexdigest()[:16]


def fake_values(
    metrics: Mapping[str, Sequence[Quantity]], sample: str, trial: int, model: str, seed: int,
    quality: float,
) -> dict[str, dict[str, float | None]]:  # fmt: skip
    """metric -> quantity -> value: worse than quality by a difficulty that all models share.

    Quality 0 and 1 are exact (the anchors); in between there is noise of model and trial.
    """
    key = hashlib.sha256(sample.encode()).digest()
    hard = np.random.default_rng(list(key[:4])).uniform(0, 0.3)
    own = np.random.default_rng([*key[:8], *model.encode(), trial, seed])
    out: dict[str, dict[str, float | None]] = {}
    for metric, quantities in metrics.items():
        parts: dict[str, float | None] = {}
        for q in quantities:
            noise = 0.0 if quality in {0.0, 1.0} else float(own.normal(0, 0.08)) - hard
            share = float(np.clip(quality + noise, 0.0, 1.0))
            low, high = q.range
            low, high = (low if math.isfinite(low) else 4.0), (high if math.isfinite(high) else 40)
            value = low + (high - low) * share
            parts[q.name] = low + high - value if q.direction == "lower" else value
        out[metric] = parts
    return out


def make_run(
    folder: Path,
    model: str = "m",
    n: int = 20,
    seed: int = 0,
    *,
    quality: float = 0.6,
    role: str = "model",
    suite: str = "synth",
    synthetic: bool | None = None,
    trials: int = 1,
    clusters: int | None = None,
    engine: str = "rapidocr",
    judge: bool = False,
    judge_model: str = "fake-judge-1",
    absent: Collection[str] = (),
    faults: Mapping[int, tuple[Any, Fault]] | None = None,
    unpredicted: Collection[int] = (),
    unscored: Mapping[str, Collection[int]] | None = None,
    not_applicable: Mapping[str, Mapping[int, str]] | None = None,
    failed: Mapping[str, Mapping[int, str]] | None = None,
    values: Mapping[str, Sequence[float | None]] | None = None,
    headline: Headline = HEADLINE,
    manifest: Mapping[str, Any] | None = None,
    finished: bool = True,
) -> Path:
    """Write a whole, plausible run of textedit/synth and return its folder.

    Samples are named by their index in the keyword arguments below.

    Args:
        folder: the run folder; input images go to `folder.parent / "data"`, shared by all runs.
        quality: 0 is the floor model, 1 the ceiling, both without noise.
        role: ``"model"`` or ``"anchor"``.
        clusters: number of clusters; None for one per sample.
        engine: OCR engine named in the settings; changes the fingerprints of the OCR metrics.
        judge: whether the judge metric was there; False puts it among the absences.
        absent: further metrics that are unavailable here.
        faults: index -> (status, fault) of predictions that are not ok.
        unpredicted: samples with no prediction yet.
        unscored: metric -> samples with no score yet.
        not_applicable: metric -> sample -> reason.
        failed: metric -> sample -> reason.
        values: column -> one value per sample, overriding the made-up ones; None is a part that
            does not apply.
        manifest: entries that replace those of run.json.
    """
    gone = {*absent, *(() if judge else ("judge",))}
    absences = {m: {"reason": f"{m} is absent here", "fix": f"install {m}"} for m in sorted(gone)}
    samples = make_samples(folder.parent / "data", n, suite, clusters=clusters)
    run_json = manifest_for(
        model=model, role=role, suite=suite, size=n, trials=trials, metrics=METRICS,
        synthetic=suite == "synth" if synthetic is None else synthetic, absences=absences,
        engine=engine, judge_model=judge_model, headline=headline, finished=finished,
    )  # fmt: skip
    with RunWriter(folder, {**run_json, **(manifest or {})}) as writer:
        writer.write_samples(samples)
        for trial in range(trials):
            for i, sample in enumerate(samples):
                if i in unpredicted:
                    continue
                status, fault = (faults or {}).get(i, ("ok", None))
                prediction = _predict(writer, sample, i, trial, model, status, fault)
                writer.add_predictions([prediction])
                if status != "ok":
                    continue
                made = fake_values(METRICS, sample.id, trial, model, seed, quality)
                for column, given in (values or {}).items():
                    metric, _, name = column.partition(".")
                    made[metric][name] = given[i]
                writer.add_scores(
                    [
                        _score(m, sample, prediction, parts, run_json, i, not_applicable, failed)
                        for m, parts in made.items()
                        if m not in gone and i not in (unscored or {}).get(m, ())
                    ]
                )
    return folder


def _predict(
    writer: RunWriter, sample: Sample, i: int, trial: int, model: str, status: Any,
    fault: Fault | None,
) -> Prediction:  # fmt: skip
    output = Output(
        status=status,
        images=(png(i, f"{model}{trial}"),) if status == "ok" else (),
        usage={"tokens": 7.0},
        fault=fault,
    )
    return Prediction(
        sample=sample.id, trial=trial, seed=1000 * trial + i, status=output.status,
        images=tuple(writer.add_image(image) for image in output.images), usage=output.usage,
        seconds=0.25, fault=output.fault,
    )  # fmt: skip


def _score(
    metric: str, sample: Sample, prediction: Prediction, parts: Mapping[str, float | None],
    run_json: Mapping[str, Any], i: int,
    not_applicable: Mapping[str, Mapping[int, str]] | None,
    failed: Mapping[str, Mapping[int, str]] | None,
) -> Score:  # fmt: skip
    common: dict[str, Any] = {
        "sample": sample.id, "trial": prediction.trial, "metric": metric,
        "fingerprint": run_json["fingerprints"][metric], "prediction": prediction.hash,
    }  # fmt: skip
    none: dict[str, float | None] = dict.fromkeys(parts)
    for status, table in (("not_applicable", not_applicable), ("failed", failed)):
        reason = (table or {}).get(metric, {}).get(i)
        if reason is not None:
            return Score(**common, value=None, status=status, reason=reason, parts=none)  # type: ignore[arg-type]
    primary = parts[next(iter(parts))]
    evidence: dict[str, Any] = {}
    if metric.startswith("ocr"):
        box = [[4.0, 30.0], [40.0, 30.0], [40.0, 42.0], [4.0, 42.0]]
        evidence = {"edited": [{"text": f"New{i}", "polygon": box, "confidence": 0.98}]}
    return Score(
        **common,
        value=primary,
        status="ok" if primary is not None else "not_applicable",
        reason="" if primary is not None else "does not apply here",
        parts=parts,
        notes={k: "does not apply here" for k, v in parts.items() if v is None},
        evidence=evidence,
    )
