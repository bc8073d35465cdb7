"""What is installed here, what is missing for what, and the exact command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.core.protocols import ScoringSettings

OURS = ("evals", "benchmarks", "model", "judges", "metrics", "synth", "reports")

EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "core": (("numpy", "pandas", "scipy", "PIL", "cv2", "skimage", "rapidfuzz", "rapidocr",
              "onnxruntime", "jinja2"), "the demo, OCR metrics, pixels, statistics, reports"),
    "metrics": (("torch", "torchvision", "lpips", "open_clip", "torchmetrics"),
                "LPIPS, CLIP and AES"),
    "models": (("torch", "transformers", "diffusers", "accelerate"), "running checkpoints"),
    "judges": (("openai",), "MLLM judges behind an endpoint"),
    "paddle": (("paddleocr",), "the official OCR engine"),
    "data": (("datasets", "huggingface_hub"), "official data from the hub"),
    "finetune": (("peft", "yaml"), "fine-tuning"),
    "ray": (("ray",), "several machines"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding.

    Attributes:
        state: ``ok``; ``missing`` for something optional; ``broken`` for what must be mended.
        name: what was looked at.
        detail: what was found, and what it is for.
        fix: the command that mends it; empty when ok.
    """

    state: Literal["ok", "missing", "broken"]
    name: str
    detail: str
    fix: str = ""


def shadowed() -> list[Check]:
    """Packages of ours that Python would import from somewhere else.

    OpenAI's distribution `evals` installs a package of that name too, and `metrics`, `judges` and
    `reports` exist on the package index as well.
    """
    home = Path(__file__).resolve().parent.parent
    found = []
    for name in OURS:
        spec = importlib.util.find_spec(name)
        places = (
            [Path(p).resolve() for p in (spec.submodule_search_locations or [])] if spec else []
        )
        if home / name not in places[:1]:
            where = str(places[0]) if places else "nowhere"
            found.append(
                Check(
                    state="broken",
                    name=f"package {name}",
                    detail=f"Python finds it in {where}, not in {home / name}{_owner(name)}",
                    fix="use a virtual environment of its own for umm-evals",
                )
            )
    return found


def _owner(package: str) -> str:
    names = importlib.metadata.packages_distributions().get(package, [])
    others = sorted({n for n in names if n != "umm-evals"})
    return f" (installed by {', '.join(others)})" if others else ""


def _extras() -> list[Check]:
    found = []
    for extra, (modules, purpose) in EXTRAS.items():
        missing = [m for m in modules if importlib.util.find_spec(m) is None]
        target = "umm-evals" if extra == "core" else f"umm-evals[{extra}]"
        found.append(
            Check(
                state="ok" if not missing else ("broken" if extra == "core" else "missing"),
                name=f"extra {extra}",
                detail=purpose + (f"; missing: {', '.join(missing)}" if missing else ""),
                fix=f"pip install '{target}'" if missing else "",
            )
        )
    return found


def _engines(settings: ScoringSettings) -> list[Check]:
    from metrics.ocr import ENGINES, make_engine

    found = []
    for name in ENGINES:
        if name == "recorded":
            continue
        options = settings.ocr_options if name == settings.ocr else {}
        absence = make_engine(name, options).absence()
        found.append(
            Check(
                state="missing" if absence else "ok",
                name=f"OCR engine {name}",
                detail=absence.reason if absence else "ready",
                fix=absence.fix if absence else "",
            )
        )
    return found


def _metrics(settings: ScoringSettings) -> list[Check]:
    from evals.plan import benchmarks

    found = []
    registry = benchmarks()
    for name in registry:
        for metric in registry.get(name).metrics(settings):
            absence = metric.absence()
            found.append(
                Check(
                    state="missing" if absence else "ok",
                    name=f"metric {name}.{metric.name}",
                    detail=absence.reason
                    if absence
                    else ", ".join(q.label or q.name for q in metric.quantities),
                    fix=absence.fix if absence else "",
                )
            )
    return found


def diagnose(settings: ScoringSettings | None = None) -> list[Check]:
    """All findings, the broken ones first."""
    settings = settings or ScoringSettings()
    checks = [*shadowed(), *_extras(), *_engines(settings), *_metrics(settings)]
    order = {"broken": 0, "missing": 1, "ok": 2}
    return sorted(checks, key=lambda c: order[c.state])
