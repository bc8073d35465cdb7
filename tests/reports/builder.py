"""Run folders with real rendered pictures, made by the real writer, for the report's tests."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from evals.core.store import StoredRun
from evals.core.types import Fault, Prediction, Sample, Score
from evals.core.writing import RunWriter

TAXONOMY = {
    "Virtual": {
        "1.1.1": "Activities & Promotions Posters", "1.1.2": "Product & Advertising Posters",
        "1.1.3": "Movie & Art Posters", "1.2.1": "Dialogue & Narration",
        "1.2.2": "Onomatopoeia & Special-effects Text", "1.3.1": "Titles & Subtitles",
        "1.3.2": "Charts & Explanatory Text", "1.4.1": "Game Interfaces",
        "1.4.2": "Browser Interfaces", "1.4.3": "App Interfaces",
        "1.4.4": "Operating-System Desktops",
    },
    "Real": {
        "2.1": "Objects Surface", "2.2": "Signage Surface", "2.3": "Board-like Media Surface",
        "2.4": "Personal Accessories Surface", "2.5": "Transport Surface", "2.6": "Watermarks",
        "2.7": "Paper Media Surface",
    },
}  # fmt: skip
PAIRS = [
    ("OPEN", "CLOSED"), ("SPRING", "AUTUMN"), ("COFFEE", "MATCHA"), ("2023", "2026"),
    ("Gate 4", "Gate 17"), ("SALE", "FRESH"), ("MAINE", "Maine"), ("Café", "Bistro"),
]  # fmt: skip
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'\u2028\u202e<!--&amp;\x00😀"
)
PALETTE = ["#e8ded1", "#20304a", "#f2c14e", "#7a9e7e", "#c8553d", "#f7f3ec", "#40514e", "#d6e5e3"]


def _q(name: str, doc: str, profile: str, **more: Any) -> dict[str, Any]:
    base = {"name": name, "range": [0.0, 1.0], "direction": "higher", "doc": doc, "unit": "",
            "profile": profile, "worst": 0.0, "label": ""}  # fmt: skip
    return {**base, **more}


OCR_DOC = {
    "OA": "Similarity of the edited text to the target.",
    "OP": "Precision of target and background text.",
    "OR": "Recall of target and background text.",
    "F1": "Harmonic mean of OP and OR.",
    "NED": "Similarity of the nearest item to the target.",
}
METRICS: list[dict[str, Any]] = [
    {"name": f"ocr_{p}", "quantities": [_q(n, d, p) for n, d in OCR_DOC.items()]}
    for p in ("official", "strict", "paper")
] + [
    {"name": "text_exact", "quantities": [_q("exact", "Exact match with case.", "strict")]},
    {"name": "background", "quantities": [
        _q("ssim", "Structural similarity outside the edit.", "strict", label="SSIM outside"),
        _q("psnr", "Peak signal-to-noise ratio outside the edit.", "strict", unit="dB",
           range=[0.0, "Infinity"], worst=None, label="PSNR outside"),
        _q("changed", "Share of outside pixels changed.", "strict", direction="lower", worst=1.0,
           label="changed outside")]},
    {"name": "slot", "quantities": [
        _q("ssim", "Structural similarity to the reference inside the edit.", "strict",
           label="SSIM slot")]},
    {"name": "lpips", "quantities": [
        _q("lpips", "Learned distance to the reference inside the edit.", "strict",
           direction="lower", label="LPIPS slot", worst=1.0)]},
    {"name": "clip", "quantities": [
        _q("CLIP", "2.5 times the cosine of image and caption.", "official", range=[0.0, 2.5]),
        _q("aes_official", "Aesthetic score, GELU as released.", "official", label="AES",
           range=["-Infinity", "Infinity"], worst=None),
        _q("aes", "Aesthetic score, QuickGELU.", "strict", range=["-Infinity", "Infinity"],
           worst=None, label="AES")]},
    {"name": "judge", "quantities": [
        _q(n, f"Judge: {n}.", "strict") for n in ("Avg", "TA", "TP", "SI", "LR", "VC")]},
]  # fmt: skip
POLICIES = [
    {"profile": "official", "model_fault": "drop", "infrastructure_fault": "drop",
     "by_kind": {"unreadable_output": "zero"},
     "doc": "As the released script: samples without an output leave the mean."},
    {"profile": "strict", "model_fault": "worst", "infrastructure_fault": "incomplete",
     "by_kind": {}, "doc": "Every planned sample counts: a model's fault scores worst."},
    {"profile": "paper", "model_fault": "drop", "infrastructure_fault": "drop", "by_kind": {},
     "doc": "The formulas printed in the paper, over the samples that have an output."},
]  # fmt: skip
ABSENCES = {
    "judge": {"reason": "no judge endpoint is configured",
              "fix": "umm-evals score RUN --judge openai:URL"},
    "lpips": {"reason": "LPIPS needs the package 'lpips'",
              "fix": "pip install 'umm-evals[metrics]'"},
    "clip": {"reason": "the CLIP weights are not here",
             "fix": "umm-evals data fetch clip-vit-l14"},
}  # fmt: skip
HEADLINE = {
    "name": "hybrid v1",
    "tracks": [
        {"name": "text", "columns": ["ocr_strict.OA", "ocr_strict.F1"], "substitute": [],
         "doc": "Is the new text there and the other text kept."},
        {"name": "fidelity", "columns": ["lpips.lpips"], "substitute": ["slot.ssim"],
         "doc": "Is the picture that of the reference."},
        {"name": "judge", "columns": ["judge.Avg"], "substitute": [],
         "doc": "What an MLLM judge says."},
    ],
    "column": "", "floor": "copy-source", "ceiling": "ground-truth", "min_gap": 0.05,
}  # fmt: skip


@dataclass(kw_only=True)
class FakeModel:
    """How good a made-up model is, and what it fails at."""

    name: str
    skill: float
    keeps: float
    role: str = "model"
    faults: dict[int, Fault] = field(default_factory=dict)
    statuses: dict[int, str] = field(default_factory=dict)


MODELS = [
    FakeModel(name="copy-source", skill=0.04, keeps=1.0, role="anchor"),
    FakeModel(name="ground-truth", skill=0.93, keeps=0.995, role="anchor"),
    FakeModel(name="internvl-u", skill=0.80, keeps=0.95),
    FakeModel(name="bagel", skill=0.55, keeps=0.86),
    FakeModel(name="classical-inpaint", skill=0.70, keeps=0.99),
]


def _font(size: int) -> Any:
    return ImageFont.load_default(size=size)


def scene(seed: int, text: str, *, noise: float = 0.0) -> Image.Image:
    """A poster-like picture with one word to edit and two lines that must stay."""
    rng = random.Random(seed)
    width, height = rng.choice([(640, 480), (480, 640), (560, 560), (720, 405)])
    ground, ink = rng.sample(PALETTE, 2)
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y = rng.randrange(width), rng.randrange(height)
        r = rng.randrange(20, 140)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.choice(PALETTE))
    if noise:
        image = image.filter(ImageFilter.GaussianBlur(noise * 12))
        draw = ImageDraw.Draw(image)
    box = (width * 0.1, height * 0.36, width * 0.9, height * 0.62)
    draw.rounded_rectangle(box, 18, fill=ground, outline=ink, width=4)
    draw.text((width / 2, height * 0.49), text, fill=ink, font=_font(64), anchor="mm")
    draw.text((24, 20), f"No. {seed % 97}", fill=ink, font=_font(26))
    draw.text((width / 2, height * 0.86), "every day until late", fill=ink, font=_font(28),
              anchor="mm")  # fmt: skip
    return image


def _misread(rng: random.Random, text: str, skill: float) -> str:
    if rng.random() < skill:
        return text
    letters = list(text)
    for _ in range(rng.randrange(1, 3)):
        letters[rng.randrange(len(letters))] = rng.choice("aeiltrso")
    return "".join(letters)


def make_samples(folder: Path, per_class: int, suite: str = "mini") -> list[Sample]:
    """Samples of all 18 sub-classes with their source and reference pictures."""
    made = []
    for group, classes in TAXONOMY.items():
        for at, name in enumerate(classes):
            for k in range(per_class):
                seed = hash_seed(group, name, k)
                source, target = PAIRS[(at + k) % len(PAIRS)]
                paths = []
                for kind, text in (("original", source), ("gt", target)):
                    path = folder / name / kind / f"{seed}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if not path.exists():
                        scene(seed, text).save(path, quality=90)
                    paths.append(path)
                made.append(
                    Sample(
                        id=f"{name}/{seed}", benchmark="textedit", suite=suite, task="edit",
                        prompt=f"Replace the text '{source}' with '{target}'.",
                        images=(paths[0],), reference_images=(paths[1],),
                        reference={"record_id": seed, "sub_class": name,
                                   "size": scene(seed, source).size, "source_text": source,
                                   "target_text": target, "caption": "a poster"},
                        group=(group, name), cluster=str(seed),
                        strata={"edit": "digits" if source.isdigit() else "word"},
                    )
                )  # fmt: skip
    return made


def hash_seed(*words: object) -> int:
    """A small stable number from words."""
    import zlib

    return zlib.crc32("/".join(map(str, words)).encode()) % 100_000


def manifest(model: FakeModel, samples: list[Sample], **changes: Any) -> dict[str, Any]:
    """A `run.json` as the runner writes it."""
    groups = [{"path": [g], "title": g} for g in TAXONOMY]
    groups += [
        {"path": [g, k], "title": f"{k} {t}"} for g, c in TAXONOMY.items() for k, t in c.items()
    ]
    value: dict[str, Any] = {
        "version": "0.1.0", "created": "2026-03-20T10:00:00+00:00",
        "identity": {"model": model.name, "suite": "mini"},
        "model": {"name": model.name, "adapter": model.name, "role": model.role,
                  "describe": {"checkpoint": f"{model.name}-rev1", "steps": 20}},
        "benchmark": {"name": "textedit", "title": "TextEdit", "version": "0ca14ba",
                      "licence": "MIT", "citation": "TextEdit, 2026", "task": "edit"},
        "suite": {"name": "mini", "title": "TextEdit mini (500)", "version": "0ca14ba",
                  "synthetic": False, "size": len(samples)},
        "trials": 1, "seed": 0, "limit": None, "planned_ids": None,
        "fingerprints": {m["name"]: "fp-" + m["name"] for m in METRICS},
        "absences": ABSENCES, "metrics": METRICS, "policies": POLICIES, "groups": groups,
        "headline": HEADLINE, "anchors": ["copy-source", "ground-truth"],
        "published": published_rows(),
        "differences": ["ocr[ocr_official]: read with RapidOCR, not with PaddleOCR 2.10.0",
                        "judge: none configured"],
        "settings": {"ocr": {"engine": "rapidocr", "version": "3.4.0", "models":
                             {"det": "a" * 64, "rec": "b" * 64}}},
        "provenance": {"command": ["umm-evals", "run", "--models", model.name],
                       "git": {"commit": "c0ffee" * 6, "dirty": False},
                       "packages": {"numpy": "2.1.0", "pillow": "11.0"},
                       "hardware": {"cores": 2}, "python": "3.11.9", "platform": "Linux"},
        "finished": True,
    }  # fmt: skip
    value.update(changes)
    return value


DIFFERENCES = [
    "ocr[ocr_official]: read with PaddleOCR 2.10.0",
    "aesthetic[clip.aes_official]: features of ViT-L-14 built with GELU",
    "judge[judge]: a closed model; its snapshot is not printed",
    "missing: samples without an output left the mean",
    "seed: not known",
]
ERRATUM = "errata[judge.TA, judge.TP]: the printed columns are permuted"
_PRINTED = {
    "BAGEL": {
        "Real": ([0.54, 0.55, 0.72], [0.53, 0.68, 0.61, 0.38, 0.34, 0.59], [0.36, 0.61]),
        "Virtual": ([0.57, 0.57, 0.75], [0.54, 0.36, 0.52, 0.69, 0.64, 0.40], [0.34, 0.64]),
    },
    "InternVL-U": {
        "Real": ([0.77, 0.71, 0.76], [0.89, 0.94, 0.91, 0.72, 0.73, 0.75], [0.88, 0.91]),
        "Virtual": ([0.74, 0.70, 0.79], [0.79, 0.88, 0.87, 0.90, 0.78, 0.57], [0.73, 0.78]),
    },
}  # fmt: skip


def published_rows(suite: str = "mini") -> list[dict[str, Any]]:
    """Rows in the shape of `PublishedRow`, each as printed and as corrected."""
    classic = ["ocr_official.OA", "ocr_official.F1", "clip.CLIP"]
    judged = [f"judge.{n}" for n in ("Avg", "TA", "TP", "SI", "LR", "VC")]
    rows: list[dict[str, Any]] = []
    for model, groups in _PRINTED.items():
        for corrected in (False, True):
            values = {}
            for group, (first, second, mended) in groups.items():
                values[group] = dict(zip([*classic, *judged], [*first, *second], strict=True))
                if corrected:
                    values[group] |= {"judge.TP": mended[0], "judge.SI": mended[1]}
            rows.append(
                {"model": model, "suite": suite, "values": values, "params": "7B+7B",
                 "source": "TextEdit README @ 0ca14ba", "corrected": corrected,
                 "judge": "gemini-3-pro-preview",
                 "differences": DIFFERENCES if corrected else [ERRATUM, *DIFFERENCES],
                 "note": "judge columns put back in order" if corrected else "as printed"}
            )  # fmt: skip
    return rows


def _evidence(metric: str, read: str, size: tuple[int, int]) -> dict[str, Any]:
    if metric == "background":
        return {"original_size": list(size)}
    if metric != "ocr_strict":
        return {}
    w, h = size
    texts = {"No. 4": [24, 20, 100, 50], read: [w * 0.2, h * 0.42, w * 0.8, h * 0.56],
             "every day until late": [w / 2 - 130, h * 0.83, w / 2 + 130, h * 0.9]}  # fmt: skip
    return {"slot": read, "edited_line": read, "region": [w * 0.1, h * 0.36, w * 0.9, h * 0.62],
            "output_items": [{"text": t, "box": b} for t, b in texts.items()]}  # fmt: skip


def _scores(
    model: FakeModel, sample: Sample, prediction: Prediction, read: str, skill: float
) -> list[Score]:
    rng = random.Random(f"{model.name}{sample.id}")
    target = sample.reference["target_text"]
    oa = sum(a == b for a, b in zip(read, target, strict=False)) / max(len(read), len(target))
    background = min(1.0, model.keeps * rng.uniform(0.9, 1.02))
    parts: dict[str, dict[str, float | None]] = {}
    for p, shift in (("official", 0.0), ("strict", -0.01), ("paper", -0.03)):
        v = max(0.0, oa + shift)
        op = 0.5 * v + 0.5 * background
        parts[f"ocr_{p}"] = {"OA": v, "OP": op, "OR": op, "F1": op, "NED": v * 0.95}
    parts["text_exact"] = {"exact": float(read == target)}
    parts["background"] = {"ssim": background * 0.99, "psnr": 20 + 20 * background,
                           "changed": 1 - background}  # fmt: skip
    inside = 0.98 * background if read == target else rng.uniform(0.45, 0.75) * background
    parts["slot"] = {"ssim": 0.3 * background if model.name == "copy-source" else inside}
    made = []
    for metric in METRICS:
        name = metric["name"]
        names = [q["name"] for q in metric["quantities"]]
        absent = name in ABSENCES
        values = dict.fromkeys(names) if absent else parts[name]
        made.append(
            Score(
                sample=sample.id, trial=0, metric=name, value=values[names[0]],
                status="unavailable" if absent else "ok",
                reason=ABSENCES[name]["reason"] if absent else "", parts=values,
                evidence=_evidence(name, read, sample.reference["size"]),
                fingerprint="fp-" + name, prediction=prediction.hash,
            )
        )  # fmt: skip
    return made


Judging = Callable[[FakeModel, Sample, Prediction], list[Score]]
"""Scores of judges, which take the place of those of the same metric."""


def make_run(
    folder: Path, model: FakeModel, samples: list[Sample], *, judging: Judging | None = None,
    **changes: Any,
) -> StoredRun:  # fmt: skip
    """Write one run and read it back."""
    rng = random.Random(model.name)
    with RunWriter(folder, manifest(model, samples, **changes)) as writer:
        writer.write_samples(samples)
        for at, sample in enumerate(samples):
            status: Any = model.statuses.get(at, "ok")
            fault = model.faults.get(at)
            if status != "ok":
                prediction = Prediction(sample=sample.id, trial=0, seed=at, status=status,
                                        fault=fault)  # fmt: skip
                writer.add_predictions([prediction])
                continue
            reference = sample.reference
            target, source = reference["target_text"], reference["source_text"]
            read = source if model.name == "copy-source" else _misread(rng, target, model.skill)
            picture = scene(reference["record_id"], read, noise=1 - model.keeps)
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=90)
            image = writer.add_image(stream.getvalue())
            prediction = Prediction(sample=sample.id, trial=0, seed=at, status="ok",
                                    images=(image,), seconds=1.5 + rng.random())  # fmt: skip
            writer.add_predictions([prediction])
            scores = {s.metric: s for s in _scores(model, sample, prediction, read, model.skill)}
            if judging:
                scores.update({s.metric: s for s in judging(model, sample, prediction)})
            writer.add_scores(list(scores.values()))
    return StoredRun.read(folder)


def make_runs(folder: Path, *, per_class: int = 2, **changes: Any) -> list[StoredRun]:
    """All models of `MODELS` on the same samples."""
    samples = make_samples(folder / "data", per_class)
    models = {m.name: m for m in MODELS}
    bagel = models["bagel"]
    bagel.statuses = {0: "refused", 7: "missing", 11: "error"}
    bagel.faults = {
        0: Fault(kind="refused", message="the model declined to edit a logo", origin="model"),
        7: Fault(kind="missing_file", message="no file 1.2.1/5.jpg", origin="model"),
        11: Fault(kind="exception", message="CUDA out of memory", origin="infrastructure"),
    }
    return [make_run(folder / "runs" / m.name, m, samples, **changes) for m in MODELS]
