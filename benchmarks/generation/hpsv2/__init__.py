"""HPSv2 and v2.1: how much people would like a picture for its prompt, by a reward model.

Read on in `data` (suite), `metric`, `rules` (the released printout).
"""

from __future__ import annotations

from benchmarks.generation.hpsv2.data import NAME, SUITES, TITLES
from benchmarks.generation.hpsv2.metric import metrics
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark
from evals.core.types import Group, Profile


def _mean(name: str, label: str, metric: str, profile: Profile, doc: str) -> Variant:
    return Variant(
        name=name, title=f"{label} average", label=label, profile=profile, range=(-100, 100),
        unit="points", terms=(Term(column=f"{metric}.reward"),), doc=doc,
    )  # fmt: skip


_STRICT = (
    "Plain mean over the images, within a group that of the style. A reward has no worst value, so "
    "a missing image is left out and said to be missing."
)
_OFFICIAL = (
    "The 'Average' of the released script: plain mean over the images there are. Its mean of a "
    "style is one of chunks of 80, which is the same number when no image is missing."
)

VARIANTS = (
    _mean("v2_1_strict", "HPSv2.1 strict", "hps_v2_1", "strict", _STRICT),
    _mean("v2_0_strict", "HPSv2 strict", "hps_v2", "strict", _STRICT),
    _mean("v2_1", "HPSv2.1", "hps_v2_1", "official", _OFFICIAL),
    _mean("v2_0", "HPSv2", "hps_v2", "official", _OFFICIAL),
)

POLICY = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released script: a missing image leaves every mean.",
)

BENCHMARK = Benchmark(
    name=NAME,
    title="HPSv2",
    task="generate",
    version="1",
    licence="Apache-2.0 (code); the card of the prompts was not seen",
    citation="arXiv:2306.09341; tgxs002/HPSv2@866735e",
    suites=SUITES,
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="HPSv2.1 strict v1", variant="v2_1_strict"),
    variants=VARIANTS,
    seeds=(42,),
    groups=tuple(Group(path=(style,), title=title) for style, title in TITLES.items()),
    policies=(POLICY, STRICT_POLICY),
    needs=(
        "HPS_v2.1_compressed.pt and HPS_v2_compressed.pt of xswu/HPSv2, in the hub's cache or as "
        "weights.hpsv2_1 and weights.hpsv2",
        "or rewards computed elsewhere as weights.hps_v2_1_values and weights.hps_v2_values",
    ),
    cost="no judge; 3,200 images through a ViT-H/14 of a billion parameters, 4 GB in float32",
    defects=(
        "HPSV2-1: missing images move the borders of the chunks, and a short last chunk weighs as "
        "much as a whole one.",
        "HPSV2-2: missing images leave every mean.",
        "HPSV2-3: pictures are resized as tensors, whose default changed with torchvision 0.17.",
    ),
    doc="3,200 prompts, 800 of each of four styles, one image each. The reward is 100 times the "
    "cosine of picture and prompt in a CLIP ViT-H/14 that was tuned on people's choices; v2.0 and "
    "v2.1 are two scales. Stock open_clip runs the released weights in float32 (the script: half "
    "precision on a GPU), and pictures are prepared as the script does with a recent torchvision: "
    "longest side to 224 px, black bars. Styles differ by several points, so compare within one.",
)
