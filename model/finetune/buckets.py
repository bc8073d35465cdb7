"""Sizes that images are learnt at, and which of them an image gets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.core.errors import UserError
from model.finetune.config import Resolution

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]
"""Height and width in pixels."""

NO_BUCKET = -1
"""Stands for an image that is not there."""

_PIECE = 1 << 18
"""Images whose buckets are found together, so that millions of them take little memory."""


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Several areas, several aspect ratios of each.

    Attributes:
        levels: (area in pixels, sizes of about that area), smallest area first.
    """

    levels: tuple[tuple[int, tuple[Size, ...]], ...]

    @classmethod
    def of(cls, resolution: Resolution) -> Buckets:
        """The buckets of a configuration.

        The areas are those of squares with the sides min, min + step, ... and max. Of each the
        ratios are those of diffusers, from 1:2 to 2:1, as far as the bounds allow. What would be
        longer than `resolution.side` is made smaller as a whole.

        Raises:
            UserError: the bounds leave nothing.
        """
        from diffusers.training_utils import generate_aspect_ratio_buckets

        if resolution.min > resolution.max:
            raise UserError(
                f"resolution.min {resolution.min} is over resolution.max {resolution.max}; "
                "exchange them."
            )
        sides = [*range(resolution.min, resolution.max, resolution.step), resolution.max]
        levels = []
        for side in sides:
            raw = generate_aspect_ratio_buckets(side, resolution.multiple)
            held = (_held(height, width, resolution) for height, width in raw)
            sizes = tuple(dict.fromkeys(size for size in held if size))
            if not sizes:
                raise UserError(_none(side, resolution))
            levels.append((side * side, sizes))
        return cls(levels=tuple(levels))

    @cached_property
    def sizes(self) -> tuple[Size, ...]:
        """All sizes, each once; the id of a bucket is its place here."""
        return tuple(dict.fromkeys(size for _, sizes in self.levels for size in sizes))

    def assign(self, height: int, width: int) -> Size:
        """The bucket of an image: the largest area that is not over its own, the nearest ratio.

        An image smaller than all gets the smallest area and is enlarged.

        Raises:
            ValueError: a side is below 1.
        """
        if min(height, width) < 1:
            raise ValueError(f"an image of {width} x {height} pixels has no bucket")
        return self.sizes[int(self.assign_all(np.array([[height, width]]))[0])]

    def assign_all(self, sizes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Ids of the buckets of many images; `NO_BUCKET` where there is none.

        Args:
            sizes: (images, 2), height and width in pixels; (0, 0) for no image.
        """
        result = np.full(len(sizes), NO_BUCKET, np.int32)
        for start in range(0, len(sizes), _PIECE):
            piece = slice(start, start + _PIECE)
            result[piece] = self._ids(np.asarray(sizes[piece], np.int64))
        return result

    def _ids(self, sizes: NDArray[np.int64]) -> NDArray[np.int32]:
        areas = sizes[:, 0] * sizes[:, 1]
        bounds = np.array([area for area, _ in self.levels])
        level = np.maximum(np.searchsorted(bounds, areas, side="right") - 1, 0)
        result = np.full(len(sizes), NO_BUCKET, np.int32)
        ids = {size: n for n, size in enumerate(self.sizes)}
        for n, (_, choices) in enumerate(self.levels):
            mine = np.flatnonzero((level == n) & (areas > 0))
            if len(mine):
                known = np.array([ids[size] for size in choices], np.int32)
                result[mine] = known[_nearest(sizes[mine], choices)]
        return result


def _none(side: int, resolution: Resolution) -> str:
    longest = f" and no side over {resolution.side}" if resolution.side else ""
    return (
        f"No image size of about {side} x {side} pixels in multiples of {resolution.multiple} has "
        f"a width / height from {resolution.aspect_min:g} to {resolution.aspect_max:g}{longest}; "
        "widen aspect_min and aspect_max of resolution, raise side, or lower multiple."
    )


def _held(height: int, width: int, resolution: Resolution) -> Size | None:
    """A size within the bounds, made smaller by one step where rounding took it over them.

    Rounding up may give more pixels than max x max, which memory was planned for, or make 1:2 a
    little narrower than it is.
    """
    step = resolution.multiple
    height, width = _shortened(height, width, resolution)
    shrunk = (height - step * (height >= width), width - step * (width >= height))
    for rows, columns in ((height, width), shrunk):
        if (
            min(rows, columns) > 0
            and rows * columns <= resolution.max**2
            and resolution.aspect_min <= columns / rows <= resolution.aspect_max
        ):
            return rows, columns
    return None


def _shortened(height: int, width: int, resolution: Resolution) -> Size:
    """A size whose longest side is not over `resolution.side`, its ratio nearly kept."""
    longest, side = max(height, width), resolution.side
    if side is None or longest <= side:
        return height, width
    step = resolution.multiple
    by = side // step * step / longest
    rows, columns = (round(x * by / step) * step for x in (height, width))
    return rows, columns


def _nearest(sizes: NDArray[np.int64], choices: tuple[Size, ...]) -> NDArray[np.int64]:
    """`diffusers.training_utils.find_nearest_bucket` for many images; the last of equals wins."""
    best = np.zeros(len(sizes), np.int64)
    least = np.full(len(sizes), np.iinfo(np.int64).max)
    for n, (height, width) in enumerate(choices):
        off = np.abs(sizes[:, 0] * width - sizes[:, 1] * height)
        better = off <= least
        best[better], least[better] = n, off[better]
    return best


def fit(image: Image.Image, bucket: Size) -> Image.Image:
    """An image at the size of a bucket: resized to cover it, then cut around its centre.

    Args:
        image: of any size.
        bucket: height and width in pixels.
    """
    from PIL import Image

    height, width = bucket
    if (image.height, image.width) == bucket:
        return image
    scale = max(height / image.height, width / image.width)
    # What covers, in pixels of the image: one resize of that part, and no pixel is rounded twice.
    rows, columns = min(image.height, height / scale), min(image.width, width / scale)
    top, left = (image.height - rows) / 2, (image.width - columns) / 2
    return image.resize(
        (width, height), Image.Resampling.BICUBIC, box=(left, top, left + columns, top + rows)
    )


__all__ = ["NO_BUCKET", "Buckets", "Size", "fit"]
