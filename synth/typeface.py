"""The fonts of the package, by role. `bench` and the training splits share no family."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from PIL import ImageFont

FOLDER = Path(__file__).parent / "fonts"

Role = Literal[
    "sans", "bold", "condensed", "display", "serif", "serif-bold", "hand", "chalk", "marker",
    "sound", "pixel", "mono",
]  # fmt: skip

_BENCH: dict[Role, str] = {
    "sans": "barlow/barlow-latin-500-normal.woff",
    "bold": "barlow/barlow-latin-700-normal.woff",
    "condensed": "barlow-condensed/barlow-condensed-latin-600-normal.woff",
    "display": "anton/anton-latin-400-normal.woff",
    "serif": "crimson-pro/crimson-pro-latin-500-normal.woff",
    "serif-bold": "crimson-pro/crimson-pro-latin-700-normal.woff",
    "hand": "comic-neue/comic-neue-latin-700-normal.woff",
    "chalk": "schoolbell/schoolbell-latin-400-normal.woff",
    "marker": "permanent-marker/permanent-marker-latin-400-normal.woff",
    "sound": "bangers/bangers-latin-400-normal.woff",
    "pixel": "jersey-10/jersey-10-latin-400-normal.woff",
    "mono": "jetbrains-mono/jetbrains-mono-latin-500-normal.woff",
}
_TRAIN: dict[Role, str] = {
    "sans": "inter/inter-latin-500-normal.woff",
    "bold": "inter/inter-latin-700-normal.woff",
    "condensed": "oswald/oswald-latin-600-normal.woff",
    "display": "bebas-neue/bebas-neue-latin-400-normal.woff",
    "serif": "roboto-slab/roboto-slab-latin-500-normal.woff",
    "serif-bold": "roboto-slab/roboto-slab-latin-700-normal.woff",
    "hand": "patrick-hand/patrick-hand-latin-400-normal.woff",
    "chalk": "patrick-hand/patrick-hand-latin-400-normal.woff",
    "marker": "luckiest-guy/luckiest-guy-latin-400-normal.woff",
    "sound": "luckiest-guy/luckiest-guy-latin-400-normal.woff",
    "pixel": "silkscreen/silkscreen-latin-400-normal.woff",
    "mono": "space-mono/space-mono-latin-700-normal.woff",
}


def font_file(split: str, role: Role) -> str:
    """Path of the font of a role below the fonts folder, for a split."""
    return (_BENCH if split == "bench" else _TRAIN)[role]


@lru_cache(maxsize=512)
def load(file: str, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels; the basic layout engine, so that no system library matters."""
    return ImageFont.truetype(str(FOLDER / file), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=512)
def cap_height(file: str, size: int) -> int:
    """Height of a capital H in pixels."""
    return -ink(file, size, "H")[1]


@lru_cache(maxsize=8192)
def ink(file: str, size: int, string: str) -> tuple[int, int, int, int]:
    """Box of the pixels a string touches, relative to the start of its baseline.

    `ImageFont.getbbox` is not that: it reaches to the end of the advance.
    """
    mask, offset = load(file, size).getmask2(string, "L", anchor="ls")
    box = mask.getbbox() or (0, 0, 0, 0)
    x, y = int(offset[0]), int(offset[1])
    return x + box[0], y + box[1], x + box[2], y + box[3]


@lru_cache(maxsize=1)
def digest() -> str:
    """SHA-256 over names and bytes of all font files."""
    total = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*.woff")):
        total.update(path.relative_to(FOLDER).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()
