"""From prompts and images to what the decoder is conditioned on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from evals.core.errors import UserError
from model.internvlu.decoder import Span
from model.internvlu.prompts import CONTEXT as CONTEXT_WORD
from model.internvlu.prompts import SPECIAL, START, TURN, Turn, expand
from model.internvlu.vlm import Tokens, VisionLanguageModel

WASTE = 1.125
"""Rows run together while padding makes them at most so many times longer in all."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One sequence for the language model.

    Attributes:
        ids: token ids, all of them attended to.
        pixels: of its images, each (3, side, side).
    """

    ids: tuple[int, ...]
    pixels: tuple[Tensor, ...] = field(default=(), compare=False)


def find_tokens(tokenizer: Any, where: str) -> Tokens:
    """The ids that the model must know.

    Raises:
        UserError: the tokenizer lacks one.
    """
    words = (*SPECIAL, TURN)
    ids = dict(zip(words, tokenizer.convert_tokens_to_ids(list(words)), strict=True))
    absent = [w for w, i in ids.items() if i is None or i == tokenizer.unk_token_id]
    if absent or tokenizer.eos_token_id is None:
        raise UserError(
            f"The tokenizer in {where} has no token {', '.join(absent) or 'to end with'}; it is of "
            "another model."
        )
    pad = tokenizer.pad_token_id
    return Tokens(
        special=tuple(ids[w] for w in SPECIAL), start=ids[START], context=ids[CONTEXT_WORD],
        turn=ids[TURN], stop=tokenizer.eos_token_id,
        pad=tokenizer.eos_token_id if pad is None else pad,
    )  # fmt: skip


def tokenize(
    tokenizer: Any, turn: Turn, tokens_per_image: int, *, compat: bool = False
) -> tuple[int, ...]:
    """Token ids of a request, its images' places included."""
    return tuple(tokenizer(expand(turn, tokens_per_image, compat=compat))["input_ids"])


def batches(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Indices of rows to run together: those of like length, so that little is padding."""
    order = sorted(range(len(rows)), key=lambda n: len(rows[n].ids))
    batch: list[int] = []
    for n in order:
        lengths = [len(rows[m].ids) for m in (*batch, n)]
        if batch and max(lengths) * len(lengths) > WASTE * sum(lengths):
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def padded(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Ids and mask, padded on the left, and the pixels of all images."""
    longest = max(len(r.ids) for r in rows)
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for n, row in enumerate(rows):
        ids[n, longest - len(row.ids) :] = torch.tensor(row.ids)
        mask[n, longest - len(row.ids) :] = 1
    pixels = [p for row in rows for p in row.pixels]
    return ids, mask, torch.stack(pixels) if pixels else None


@torch.no_grad()
def spans(vlm: VisionLanguageModel, rows: Sequence[Row], layers: Sequence[int]) -> list[Span]:
    """What the language model says of each row, from the user's turn to the closing ``<img>``.

    Args:
        vlm: the language model.
        rows: each with ``<img>`` as its last token. Equal rows without images are run once.
        layers: indices of the hidden states that are joined, in this order.
    """
    found: dict[int, Span] = {}
    first: dict[tuple[int, ...], int] = {}
    same = [n if row.pixels else first.setdefault(row.ids, n) for n, row in enumerate(rows)]
    wanted = sorted(set(same))
    grid = (vlm.config.grid, vlm.config.grid)
    for batch in batches([rows[n] for n in wanted]):
        some = [rows[wanted[k]] for k in batch]
        ids, mask, pixels = padded(some, vlm.tokens.pad)
        device = vlm.device
        states = vlm.hidden_states(
            ids.to(device), mask.to(device), None if pixels is None else pixels.to(device)
        )
        joined = torch.cat([states[layer] for layer in layers], dim=-1)
        for place, k in enumerate(batch):
            row = some[place]
            begin = _user_turn(row.ids, vlm.tokens.turn) - len(row.ids)
            part = torch.tensor(row.ids[begin:])
            found[wanted[k]] = Span(
                states=joined[place, begin:],
                is_image=part == vlm.tokens.context,
                images=(grid,) * len(row.pixels),
            )
    return [found[n] for n in same]


def _user_turn(ids: Sequence[int], turn: int) -> int:
    """Where the second turn begins: the first is the system's."""
    return [n for n, i in enumerate(ids) if i == turn][1]
