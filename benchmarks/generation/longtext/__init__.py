"""LongText-Bench, English and Chinese: long texts in images, read back by a model.

160 prompts per language, four images each (X-Omni-Team/X-Omni@2b8237b, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.published import Printed, printed_rows
from benchmarks.generation.longtext.data import FILES, GROUPS, NAME, SUITES
from evals.core.aggregation import OFFICIAL_POLICY, STRICT_POLICY, Headline, Term, Variant
from evals.core.protocols import Benchmark, Metric, ScoringSettings
from evals.core.types import PublishedRow

JUDGE = "Qwen2.5-VL-7B-Instruct"


def metrics(settings: ScoringSettings) -> Sequence[Metric]:
    """The text as a judge reads it, and as an OCR engine reads it.

    Raises:
        UserError: the official prompt file cannot be used.
    """
    from benchmarks.generation.longtext.metrics import metrics as made

    return made(settings)


VARIANTS = (
    Variant(
        name="text_score", title="Text Score", label="Text Score",
        terms=(Term(column="judge.matched_official", over="judge.asked_official"),),
        doc="Words (characters in Chinese) read over those asked for, pooled over all images: what "
        "tables print. Recall only.",
    ),
    Variant(
        name="recall_strict", title="recall, every prompt counts", profile="strict",
        label="recall", terms=(Term(column="judge.recall"),),
        doc="Mean over prompts of the share of the asked text that was read; an image that the "
        "model did not make has none of it. Pooled counts could not count such an image.",
    ),
    Variant(
        name="precision_strict", title="precision", profile="strict", label="precision",
        terms=(Term(column="judge.precision"),),
        doc="Mean over prompts of the share of the read text that was asked for, which the "
        "released score does not look at.",
    ),
    Variant(
        name="ocr_recall", title="recall by OCR", profile="strict", label="OCR recall",
        terms=(Term(column="ocr.recall"),),
        doc="The same recall over what an OCR engine reads; another protocol than the printed one.",
    ),
)  # fmt: skip


def published() -> tuple[PublishedRow, ...]:
    """Printed Text Scores of both languages."""
    return printed_rows(
        *(
            Printed(
                table="LongText-Bench",
                suite=suite,
                columns={suite.upper(): ("", "=text_score", 1.0)},
                judge=JUDGE,
                differences=(
                    "judge: read by Qwen2.5-VL, 7B in the released script and 32B in "
                    "GenEditEvalKit; tables do not say which",
                    "images: GenEditEvalKit saves them as JPEG of quality 75 before they are read",
                ),
            )
            for suite in FILES
        )
    )


BENCHMARK = Benchmark(
    name=NAME,
    title="LongText-Bench",
    task="generate",
    version="1",
    licence="prompts and code Apache-2.0 (X-Omni)",
    citation="X-Omni; github.com/X-Omni-Team/X-Omni at 2b8237b",
    suites=SUITES,
    default_suite="en",
    metrics=metrics,
    headline=Headline(name="recall, every prompt counts, v1", variant="recall_strict"),
    variants=VARIANTS,
    trials=4,
    seeds=(43, 44, 45, 46),
    groups=GROUPS,
    policies=(OFFICIAL_POLICY, STRICT_POLICY),
    published=published,
    needs=(
        f"a judge that reads text in images; the released script uses {JUDGE}",
        "for the official words: --judge-prompt with a text file that holds them",
        "an OCR engine for the column ocr",
    ),
    cost="one judge call per image: 640 per language",
    defects=(
        "LONGTEXT-1: a reply that says there is no text counts as three words.",
        "LONGTEXT-2: letters outside CJK, ASCII and French vanish on both sides.",
        "LONGTEXT-3: a text without any of its letters ends the run.",
    ),
    doc="Can a model write long texts? Eight kinds of picture with texts of 10 to 66 English words "
    "or 14 to 111 Chinese characters. A model reads the image; the score is the share of the asked "
    "words or characters among what it read, whatever their order, and words too many cost "
    "nothing. Columns: judge is the released protocol and its strict reading, ocr the same over an "
    "OCR engine.",
)
