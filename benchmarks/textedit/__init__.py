"""TextEdit: replace one text in an image by another, and change nothing else.

2,148 pictures in 18 sub-classes, each with the edited ground truth (open-compass/TextEdit@0ca14ba,
MIT). Read this file from top to bottom: suites, metrics, headline, policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.textedit import data, taxonomy, verify
from benchmarks.textedit.published import published
from evals.core.aggregation import PAPER_POLICY, STRICT_POLICY, Headline, Policy, Track
from evals.core.probes import Probe
from evals.core.protocols import Benchmark, Metric, ScoringSettings, Suite
from synth.textedit import GENERATOR_VERSION, PER_CLASS

SUITES = (
    Suite(
        name="synth",
        title="drawn here, with exact ground truth and masks; not comparable with TextEdit",
        version=GENERATOR_VERSION,
        synthetic=True,
        size=PER_CLASS * len(taxonomy.SUB_CLASSES),
        load=data.load_synth,
        verify=partial(verify.verify, "synth"),
    ),
    Suite(
        name="val",
        title="validation split of synth, drawn here: for curves while a model is trained; not "
        "comparable with TextEdit, nor with synth",
        version=GENERATOR_VERSION,
        synthetic=True,
        size=PER_CLASS * len(taxonomy.SUB_CLASSES),
        load=data.load_val,
        verify=partial(verify.verify, "val"),
        validation=True,
    ),
    Suite(
        name="mini",
        title="the official subset, about 23 % of each sub-class",
        version="0ca14ba",
        synthetic=False,
        size=taxonomy.MINI_SIZE,
        load=data.load_mini,
        verify=partial(verify.verify, "mini"),
    ),
    Suite(
        name="full",
        title="the whole official set",
        version="0ca14ba",
        synthetic=False,
        size=taxonomy.FULL_SIZE,
        load=data.load_full,
        verify=partial(verify.verify, "full"),
    ),
)


def metrics(settings: ScoringSettings) -> tuple[Metric, ...]:
    """All metrics of TextEdit, over one reader, so that each image is read once."""
    from benchmarks.textedit import judge_metric, ocr_metrics, pixel_metrics, second_engine
    from metrics.ocr import OcrReader

    reader = OcrReader(settings.ocr, settings.ocr_options, settings.cache)
    return (
        *ocr_metrics.metrics(settings, reader),
        *second_engine.metrics(settings, reader),
        *pixel_metrics.metrics(settings, reader),
        *judge_metric.metrics(settings, reader),
    )


def draw_probes(folder: Path, scenes: int, levels: str) -> Sequence[Probe]:
    """Graded wrong answers for `umm-evals judge validate`, see `benchmarks.textedit.probes`."""
    from benchmarks.textedit.probes import probes as draw

    return draw(folder, scenes, levels)


HEADLINE = Headline(
    name="hybrid v1",
    tracks=(
        Track(
            name="text",
            columns=("ocr_strict.OA", "ocr_strict.source_erased"),
            doc="The target can be read where the source was, and the source is gone.",
        ),
        Track(
            name="fidelity",
            columns=("lpips.lpips_slot", "lpips.lpips_background"),
            substitute=("fidelity.ssim_slot", "fidelity.ssim_background_gt"),
            doc="The slot looks like the ground truth's, and everything else is untouched.",
        ),
        Track(
            name="judge",
            columns=("judge.Avg",),
            substitute=("judge_heuristic.Avg",),
            doc="An MLLM's verdict on accuracy, preservation, scene, realism and coherence.",
        ),
    ),
    floor="copy-source",
    ceiling="ground-truth",
)

OFFICIAL = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    by_kind={"unreadable_output": "zero", "near_match": "drop"},
    doc="As the released script: a sample without an output of exactly the expected name leaves "
    "the mean, an output that cannot be read scores 0.",
)

BENCHMARK = Benchmark(
    name="textedit",
    title="TextEdit",
    task="edit",
    version="1",
    licence="MIT",
    citation="InternVL-U, arXiv:2603.09877; github.com/open-compass/TextEdit at 0ca14ba",
    suites={s.name: s for s in SUITES},
    default_suite="synth",
    metrics=metrics,
    headline=HEADLINE,
    groups=taxonomy.groups(),
    policies=(OFFICIAL, STRICT_POLICY, PAPER_POLICY),
    anchors=("copy-source", "ground-truth"),
    published=published,
    probes=draw_probes,
    needs=("OCR engine", "LPIPS and CLIP weights for those columns", "an MLLM judge for its track"),
    cost="one judge call of three pictures per sample and judge (2,148 in full, 500 in mini); OCR "
    "of each picture, about a second on one core",
    defects=(
        "C1 to C24, J1 to J16 of docs/errata.md: the edited line is found by a substring, letter "
        "case is ignored, an unchanged copy scores F1 of about .5, odd judge replies are dropped.",
    ),
    doc="Replace one text in an image by another and change nothing else: 18 sub-classes of "
    "virtual and real scenes. Scored by reading the edited image (OA OP OR F1 NED), by pixels "
    "inside and outside the edited slot, by CLIP and an aesthetic head, and by MLLM judges (TA TP "
    "SI LR VC). Profiles: official (the script to 1e-9), strict (its defects mended, "
    "docs/errata.md), paper (the printed formulas).",
)
