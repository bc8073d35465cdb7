"""What tests of the measured judges share."""

from __future__ import annotations

from collections.abc import Mapping

BEST: Mapping[str, float] = {
    "letters_off": 0, "capitals_off": 0, "likeness": 1, "old_text": 0,
    "texts_lost": 0, "texts_invented": 0, "text_recall": 1, "text_precision": 1,
    "text_similarity": 1, "psnr_outside": 100, "ssim_outside": 1, "changed_outside": 0,
    "sharpness_outside": 1, "shift": 0, "aspect_error": 0, "progress": 1, "remains": 0,
    "slot_noise": 0, "slot_edges": 1, "slot_tone": 0, "slot_sharpness": 1, "new_text": 1,
    "colour": 0, "height_ratio": 1, "stroke_ratio": 1, "angle": 0, "vertical_shift": 0,
}  # fmt: skip
"""What the ground truth has."""
