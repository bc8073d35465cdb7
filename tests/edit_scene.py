"""A drawn sign whose word is replaced, and ways to spoil the answer, for the pixel metrics."""

from __future__ import annotations

import cv2
import numpy as np

from evals.core.protocols import Metric
from evals.core.types import Item, Score

WIDTH, HEIGHT = 240, 160
SLOT = (40, 50, 200, 100)  # x0, y0, x1, y1


def ground() -> np.ndarray:
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 190 + 30 * np.sin(columns / 9.0) * np.cos(rows / 6.0)
    picture = np.repeat(waves[..., None], 3, axis=2) + np.array([10, 0, -25])
    picture += rng.normal(0, 3, picture.shape)
    picture[50:100, 40:200] = (230, 225, 200)  # the sign that carries the text
    return np.clip(picture, 0, 255).astype(np.uint8)


def write(text: str, ink: tuple[int, int, int] = (20, 30, 120), thickness: int = 4) -> np.ndarray:
    picture = ground()
    cv2.putText(picture, text, (58, 88), cv2.FONT_HERSHEY_SIMPLEX, 1.2, ink, thickness)
    return picture


ORIGINAL, TRUTH = write("SALE"), write("OPEN")


def damaged_background(picture: np.ndarray) -> np.ndarray:
    """Blurred, but for the slot."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 3)
    x0, y0, x1, y1 = SLOT
    blurred[y0:y1, x0:x1] = picture[y0:y1, x0:x1]
    return blurred


def noisy_slot(picture: np.ndarray) -> np.ndarray:
    x0, y0, x1, y1 = SLOT
    inside = picture[y0:y1, x0:x1]
    noise = np.random.default_rng(0).normal(0, 50, inside.shape)
    spoilt = picture.copy()
    spoilt[y0:y1, x0:x1] = np.clip(inside + noise, 0, 255)
    return spoilt


def one(metric: Metric, item: Item) -> Score:
    (score,) = metric.score([item])
    return score


def part(score: Score, name: str) -> float:
    value = score.parts[name]
    assert value is not None, score.notes
    return value
