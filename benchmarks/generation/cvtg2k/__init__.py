"""CVTG-2K: several texts in one image, read back by OCR.

2,000 prompts with two to five texts, one image each (dnkdnk/CVTG-2K, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.generation.cvtg2k.data import FULL, GROUPS, NAME
from benchmarks.generation.cvtg2k.scoring import REGIONS
from evals.core.aggregation import STRICT_POLICY, Headline, Policy, Term, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import PublishedRow


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """Words by OCR, CLIPScore, the aesthetic score, VQAScore and P(Yes); loads nothing."""
    from benchmarks.generation.cvtg2k.metrics import metrics as made

    return made(settings)


def _accuracy(regions: int) -> Variant:
    term = Term(
        column="ocr.correct_official", over="ocr.asked_official", where={"regions": str(regions)}
    )
    return Variant(
        name=f"word_accuracy_{regions}", title=f"word accuracy, {regions} texts",
        label=f"WordAcc {regions}", terms=(term,),
        doc=f"Correct words over asked words in images with {regions} texts, both subsets.",
    )  # fmt: skip


VARIANTS = (
    Variant(
        name="word_accuracy", title="word accuracy", label="WordAcc",
        terms=(Term(column="ocr.correct_official", over="ocr.asked_official"),),
        doc="Correct words over asked words, pooled over all images: what tables print as average.",
    ),
    *(_accuracy(n) for n in REGIONS),
    Variant(
        name="ned", title="NED", label="NED",
        terms=(Term(column="ocr.similarity_sum_official", over="ocr.asked_official"),),
        doc="Similarity of the nearest read word, mean over all asked words.",
    ),
    Variant(
        name="clipscore", title="CLIPScore", label="CLIPScore", range=(0.0, 2.5),
        terms=(Term(column="clip.CLIPScore"),), doc="Mean over images.",
    ),
    Variant(
        name="vqascore", title="VQAScore", label="VQAScore",
        terms=(Term(column="vqascore.vqascore"),), doc="Mean over images.",
    ),
    Variant(
        name="yes_strict", title="P(Yes), not CLIP-FlanT5", label="P(Yes)", profile="strict",
        terms=(Term(column="yes.score"),),
        doc="Mean over images of the probability that a modern vision-language model says yes to "
        "the prompt. CLIP-FlanT5's VQAScore is another scale: never compare the two.",
    ),
    Variant(
        name="aesthetic", title="aesthetic score", label="AES", unit="points",
        range=(float("-inf"), float("inf")), terms=(Term(column="aes.aesthetic"),),
        doc="Mean over images.",
    ),
    Variant(
        name="word_accuracy_strict", title="word accuracy, every image counts", profile="strict",
        label="WordAcc strict", terms=(Term(column="ocr.accuracy"),),
        doc="Mean over images of the share of the asked words that were read, each read word "
        "serving once; an image that the model did not make has none of them.",
    ),
    Variant(
        name="ned_strict", title="NED, every image counts", profile="strict", label="NED strict",
        terms=(Term(column="ocr.similarity"),),
        doc="Mean over images of the similarity of the nearest read word, by edit distance.",
    ),
)  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """Printed word accuracies, NED and CLIPScore."""
    words = {f"WordAcc {n} regions": ("", f"=word_accuracy_{n}", 1.0) for n in REGIONS}
    read = ", ".join(["=word_accuracy", "=ned", *(c for _, c, _ in words.values())])
    return printed_rows(
        Printed(
            table="CVTG-2K",
            suite="full",
            columns={
                "NED": ("", "=ned", 1.0),
                "CLIPScore": ("", "=clipscore", 1.0),
                **words,
                "WordAcc average": ("", "=word_accuracy", 1.0),
            },
            differences=(
                f"ocr[{read}]: read with PaddleOCR 2.x, English models and angle classifier; "
                "engines differ by whole points",
            ),
        )
    )


OFFICIAL = Policy(
    profile="official",
    model_fault="drop",
    infrastructure_fault="drop",
    doc="As the released script: an image that is not there leaves the mean. One that cannot be "
    "read does so as well, where the script counts all its words as wrong.",
)

BENCHMARK = Benchmark(
    name=NAME,
    title="CVTG-2K",
    task="generate",
    version="1",
    licence="prompts Apache-2.0 (dnkdnk/CVTG-2K); code of TextCrafter: none stated",
    citation="TextCrafter, arXiv:2503.23461; scorer as carried by "
    "github.com/CIawevy/TextPecker at e9cc98b",
    suites={"full": FULL},
    default_suite="full",
    metrics=metrics,
    headline=Headline(name="word accuracy, every image counts, v1", variant="word_accuracy_strict"),
    variants=VARIANTS,
    groups=GROUPS,
    policies=(OFFICIAL, STRICT_POLICY),
    published=published,
    needs=(
        "an OCR engine; published rows used PaddleOCR 2.x",
        "CLIP ViT-L/14 (weights.clip) for CLIPScore and the aesthetic score",
        "values of CLIP-FlanT5-XXL (weights.cvtg2k_vqascore_values) for VQAScore",
        "a vision-language checkpoint (weights.vqa) for P(Yes), which is not VQAScore's scale",
    ),
    cost="no judge; OCR, CLIP and one question over 2,000 images",
    defects=(
        "CVTG2K-1: an apostrophe in a prompt counts as a quote.",
        "CVTG2K-2: one read word serves any number of asked ones.",
        "CVTG2K-3: the nearest word is not the one at the least edit distance.",
        "CVTG2K-4: failed or absent OCR scores 0 without an error.",
    ),
    doc="Can a model write several texts into one image, each where it belongs? A prompt quotes "
    "two to five texts; OCR reads the image, and asked words are looked for among the read ones. "
    "Word accuracy and NED pool words, CLIPScore and the others are means over images. Where the "
    "texts stand is not looked at.",
)
