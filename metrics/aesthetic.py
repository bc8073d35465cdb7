"""The LAION aesthetic score: one linear layer on a unit CLIP ViT-L/14 image feature."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.core.images import sha256_file
from metrics.clip import unit

HEAD_FILE = Path(__file__).parent / "weights" / "aesthetic_vit_l_14_linear.npz"
"""Ships with this package; see NOTICE.md beside it."""

DIMENSION = 768


@functools.cache
def head() -> tuple[NDArray[np.float64], float]:
    """Weight (768,) and bias of the linear layer."""
    with np.load(HEAD_FILE, allow_pickle=False) as file:
        weight = np.asarray(file["weight"], np.float64).reshape(DIMENSION)
        return weight, float(np.asarray(file["bias"]).reshape(()))


@functools.cache
def head_sha256() -> str:
    """Identity of the head's file."""
    return sha256_file(HEAD_FILE)


def aesthetic_score(feature: ArrayLike) -> float:
    """How pleasing people would find a picture, by its CLIP ViT-L/14 image feature.

    Args:
        feature: (768,), normalised or not.

    Returns:
        An unbounded value, higher is better; photographs lie around 4 to 6. People rated from 1
        to 10.

    Raises:
        ValueError: a feature of another length, so of another CLIP.

    Source: LAION-AI/aesthetic-predictor, `sa_0_4_vit_l_14_linear`.

    >>> round(aesthetic_score(np.zeros(768)), 3)  # the bias
    3.529
    """
    vector = unit(feature)
    if vector.shape != (DIMENSION,):
        raise ValueError(f"the aesthetic head needs {DIMENSION} features, not {vector.shape}")
    weight, bias = head()
    return float(vector @ weight) + bias
