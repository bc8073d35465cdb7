"""What was found in a picture (boxes, scores, classes, masks), and how it follows from logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """The pixels of an object, cut to its box.

    Attributes:
        left: column of the cut's first pixel, px.
        top: row of it, px.
        bits: (height, width) bool.
    """

    left: int
    top: int
    bits: NDArray[np.bool_]

    def full(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """(height, width) bool for a picture of `size` (width, height)."""
        width, height = size
        whole = np.zeros((height, width), np.bool_)
        rows, columns = self.bits.shape
        whole[self.top : self.top + rows, self.left : self.left + columns] = self.bits
        return whole


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections:
    """Everything found in one picture, in any order and without a threshold of a benchmark.

    Attributes:
        boxes: (n, 4) float32, (x0, y0, x1, y1) in px of the upright picture, x1 and y1 exclusive.
        scores: (n,) float32 in [0, 1].
        labels: (n,) int64, index of the class.
        masks: n masks; None where only the box is known.
        attributes: n words of a classifier that ran elsewhere; empty when none did.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: tuple[Mask | None, ...]
    attributes: tuple[str, ...] = ()

    def rows(self, label: int) -> tuple[NDArray[np.float32], list[int]]:
        """The (k, 5) boxes and scores of a class, and their indices here."""
        indices = np.flatnonzero(self.labels == label)
        rows = np.concatenate([self.boxes[indices], self.scores[indices, None]], axis=1)
        return rows.astype(np.float32), indices.tolist()


def instances(
    classes: torch.Tensor,
    masks: torch.Tensor,
    *,
    padded: tuple[int, int],
    inner: tuple[int, int],
    size: tuple[int, int],
    top: int,
    min_score: float,
) -> Detections:
    """Objects of one picture from the logits of its queries.

    Args:
        classes: (queries, classes + 1) logits, the last one for no object.
        masks: (queries, h, w) logits over the padded picture, at any resolution.
        padded: (height, width) that went into the network.
        inner: (height, width) of it that is picture.
        size: (width, height) of the picture as it is.
        top: most pairs of query and class.
        min_score: objects of a lower score are dropped.

    Source: the instance branch of Mask2Former, as in facebookresearch/Mask2Former and mmdetection.
    """
    chances = classes.float().softmax(-1)[:, :-1]
    best = chances.flatten().topk(min(top, chances.numel()))
    boxes, scores, labels, kept = [], [], [], []
    # A mask's mean probability is at most 1, so what the class alone does not reach is not drawn.
    for chance, pair in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        if chance < min_score:
            break  # sorted
        query, label = divmod(pair, chances.shape[1])
        drawn = _drawn(masks[query], padded, inner, size)
        inside = drawn > 0
        count = int(inside.sum())
        if not count:
            continue
        score = chance * float(drawn.sigmoid()[inside].sum() / (count + 1e-6))
        if score < min_score:
            continue
        box, mask = _cut(inside.cpu().numpy())
        boxes.append(box)
        scores.append(score)
        labels.append(label)
        kept.append(mask)
    return Detections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels, np.int64),
        masks=tuple(kept),
    )


def _drawn(
    mask: torch.Tensor, padded: tuple[int, int], inner: tuple[int, int], size: tuple[int, int]
) -> torch.Tensor:
    """(height, width) logits over the picture as it is."""
    from torch.nn.functional import interpolate

    whole = interpolate(
        mask[None, None].float(), size=padded, mode="bilinear", align_corners=False
    )[:, :, : inner[0], : inner[1]]
    drawn = interpolate(whole, size=(size[1], size[0]), mode="bilinear", align_corners=False)
    return drawn[0, 0]


def _cut(inside: NDArray[np.bool_]) -> tuple[tuple[int, int, int, int], Mask]:
    """Tight box of a mask that is not empty, and the mask cut to it."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    bits = inside[top:bottom, left:right].copy()
    return (int(left), int(top), int(right), int(bottom)), Mask(int(left), int(top), bits)
