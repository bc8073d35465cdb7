"""What a row of training data holds: the columns of ScaleEdit-12M, then ours."""

from __future__ import annotations

from typing import Any

from evals.core.errors import MissingExtra

IMAGES = ("source_image", "edited_image", "mask")
NUMBERS = (
    "source_image_width", "source_image_height", "edited_image_width", "edited_image_height",
    "instruction_following_score", "editing_consistency_score", "generation_quality_score",
)  # fmt: skip
COLUMNS = (
    "id", "edit_task", "edit_instruction", "source_image", "edited_image", *NUMBERS, "answer",
    "reasoning", "mask", "source_text", "target_text", "split", "spec_sha256", "generator",
)  # fmt: skip
"""All but images and numbers are text; any may be null but ``id`` and ``edit_instruction``."""


def schema() -> Any:
    """The Arrow schema of the columns, as a `pyarrow.Schema`.

    Images are structs of bytes and path, as `datasets` has them, which then shows them as images.

    Raises:
        MissingExtra: `datasets` is not installed.
    """
    try:
        from datasets import Features, Image, Value
    except ImportError as error:
        raise MissingExtra("datasets", "data", "Writing training data") from error

    kinds = {name: Image() for name in IMAGES} | {name: Value("int32") for name in NUMBERS}
    return Features({name: kinds.get(name, Value("string")) for name in COLUMNS}).arrow_schema


__all__ = ["COLUMNS", "IMAGES", "NUMBERS", "schema"]
