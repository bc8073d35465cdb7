"""Text of the model: decoding in batches, and reading what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from model.internvlu.conditioning import Row, batches, padded
from model.internvlu.loading import Parts
from model.internvlu.vlm import Sampling


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Text of the model.

    Attributes:
        text: without special tokens.
        ids: of the tokens kept.
        prompt_tokens: length of the prompt.
        complete: whether it ended by itself, before the limit.
    """

    text: str
    ids: tuple[int, ...]
    prompt_tokens: int
    complete: bool


@torch.no_grad()
def write(parts: Parts, rows: Sequence[Row], how: Sampling, seeds: Sequence[int]
          ) -> list[list[int]]:  # fmt: skip
    """New token ids of each row, the stop token included where there is one."""
    vlm = parts.vlm
    found: list[list[int]] = [[] for _ in rows]
    with parts.on_device("vlm"):
        for group in batches(rows):
            some = padded([rows[n] for n in group], vlm)
            new = vlm.write(
                some.ids, some.mask, some.pixels, how, places=some.places,
                seeds=[seeds[n] for n in group],
            )  # fmt: skip
            for n, row in zip(group, new.tolist(), strict=True):
                found[n] = row
    return found


def read(parts: Parts, row: Row, new: Sequence[int], *, cut: bool = False) -> Answer:
    """What was written before the first stop token.

    Args:
        parts: of the checkpoint.
        row: the prompt.
        new: from `write`.
        cut: as the reference cuts reasoning: the last token that was written is dropped, two where
            none ended it.
    """
    tokens = parts.vlm.tokens
    stops = [n for n, i in enumerate(new) if i in (tokens.stop, tokens.start)]
    end = stops[0] if stops else len(new)
    if cut:
        end = max(0, (stops[0] if stops else len(new) - 1) - 1)
    kept = tuple(new[:end])
    text = parts.tokenizer.decode(kept, skip_special_tokens=True)
    return Answer(text=text.strip(), ids=kept, prompt_tokens=len(row.ids), complete=bool(stops))
