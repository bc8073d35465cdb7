"""Names of flat colours: the nearest of many known shades, in a space made for how eyes see.

The space is OKLab (Björn Ottosson, 2020, https://bottosson.github.io/posts/oklab/, public domain):
lightness in [0, 1] and two axes of colour.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CODE = 1
"""Raised whenever the same colour could get another name."""

UNKNOWN = "unknown"

REJECT = 0.13
"""Distance to the nearest shade beyond which a colour has no name."""

_SHADES: dict[str, str] = {
    "black": "000000 1b1b1b 2b2b2b 363636",
    "grey": "555555 707070 808080 969696 a9a9a9 c0c0c0 d3d3d3",
    "white": "ffffff f4f4f4",
    "red": "ff0000 d62828 e6194b dc143c b22222 cc0000 a00000 8b0000 e74c3c f44336 ff3b30",
    "orange": "ffa500 ff8c00 f58a1f ff7f00 e67e22 ff6600 ff9800 f39c12 ef6c00 e65100 cc5500",
    "yellow": "ffff00 ffc107 f7d117 ffd700 ffe135 fdd835 f1c40f ffeb3b ffff66 e6c200 fbc02d d4af37",
    "green": "008000 00ff00 2e9e44 228b22 4caf50 27ae60 32cd32 006400 90ee90 7cfc00 6b8e23 00a86b",
    "blue": "0000ff 2469d6 1e90ff 000080 4169e1 2196f3 3498db 00008b 87ceeb 6495ed 5b9bd5 00308f "
            "64b5f6 90caf9 3f51b5 283593",
    "purple": "800080 8a3fb0 9b59b6 8a2be2 6a0dad a020f0 9932cc 4b0082 9c27b0 673ab7 9966cc "
              "b57edc 7b1fa2 5b2c83",
    "brown": "7b4a24 8b4513 a0522d 5d4037 795548 654321 964b00 6f4e37 8b5a2b 5c3317 954535 "
             "8d6e63 6d4c41 4e342e 3e2723",
    "pink": "ffc0cb ff69b4 ff1493 f8bbd0 e75480 ffb6c1 f48fb1",
    "magenta": "ff00ff e91e9b c71585",
    "cyan": "00ffff 40e0d0 00bcd4 1abc9c 00ced1 7fffd4",
    "teal": "008080 00796b 20757b",
    "beige": "d2b48c f5deb3 e8d5b0 c8ad7f",
}  # fmt: skip
_TO_LMS = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip


def oklab(rgb: ArrayLike) -> Floats:
    """Colours in OKLab.

    Args:
        rgb: (..., 3) sRGB values from 0 to 255.

    >>> oklab([255, 0, 0]).round(2).tolist()
    [0.63, 0.22, 0.13]
    """
    value = np.asarray(rgb)
    linear = _levels()[value] if value.dtype == np.uint8 else _linear(value)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T, np.float64)


def _linear(value: NDArray[np.generic]) -> Floats:
    """Light of sRGB values from 0 to 255, in [0, 1]."""
    share = np.asarray(value, np.float64) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


@lru_cache(maxsize=1)
def _levels() -> Floats:
    return _linear(np.arange(256))


def name_colour(lab: ArrayLike) -> tuple[str, float]:
    """Name of a colour, and how clearly it is that and no other one.

    Args:
        lab: (3,) OKLab.

    Returns:
        A colour word, or `UNKNOWN` for what is near to no shade; and a certainty in [0, 1], 0 where
        two names are equally near.

    >>> name_colour(oklab([214, 40, 40]))[0], name_colour(oklab([30, 30, 30]))[0]
    ('red', 'black')
    """
    names, shades = _known()
    away = np.linalg.norm(shades - np.asarray(lab, np.float64), axis=1)
    best = int(np.argmin(away))
    if away[best] > REJECT:
        return UNKNOWN, 0.0
    other = min(d for d, n in zip(away.tolist(), names, strict=True) if n != names[best])
    return names[best], float((other - away[best]) / (other + away[best]))


@lru_cache(maxsize=1)
def _known() -> tuple[tuple[str, ...], Floats]:
    pairs = [(name, code) for name, codes in _SHADES.items() for code in codes.split()]
    rgb = [[int(code[at : at + 2], 16) for at in (0, 2, 4)] for _, code in pairs]
    return tuple(name for name, _ in pairs), oklab(rgb)
