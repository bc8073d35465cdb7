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


def close(
    rows: Sequence[Sequence[Row]], said: Sequence[Sequence[int] | None], tokens: Tokens, *,
    compat: bool = False,
) -> list[Row]:  # fmt: skip
    """Requests with the reasoning in their full branch and ``<img>`` behind, in one list.

    Args:
        rows: of each sample, the request of each branch, the full one first.
        said: ids of the reasoning of each sample; None where there was none.
        tokens: of the model.
        compat: attend to the padding that the full request had in its batch, as the reference does.
    """
    longest = max(len(row.ids) for some in rows for row in some)
    flat: list[Row] = []
    for (full, *others), words in zip(rows, said, strict=True):
        front = longest - len(full.ids) if compat and words is not None else 0
        ids = (*(tokens.pad,) * front, *full.ids, *(words or ()), tokens.start)
        flat.append(Row(ids=ids, pixels=full.pixels))
        flat += [Row(ids=(*row.ids, tokens.start), pixels=row.pixels) for row in others]
    return flat


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


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows side by side, on the language model's device.

    Attributes:
        ids: (rows, length), padded on the left.
        mask: (rows, length), 1 where there is a token.
        pixels: (images, 3, side, side) of all rows; None when there are none.
        places: (rows, length) bool, where the visual tokens of these images go. A model can write
            ``<IMG_CONTEXT>`` into its reasoning, which is no place of an image.
    """

    ids: Tensor
    mask: Tensor
    pixels: Tensor | None
    places: Tensor


def padded(rows: Sequence[Row], vlm: VisionLanguageModel) -> Batch:
    """One batch of rows of any length."""
    longest = max(len(r.ids) for r in rows)
    ids = torch.full((len(rows), longest), vlm.tokens.pad)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    places = torch.zeros(len(rows), longest, dtype=torch.bool)
    for n, row in enumerate(rows):
        ids[n, longest - len(row.ids) :] = torch.tensor(row.ids)
        mask[n, longest - len(row.ids) :] = 1
        found = (ids[n] == vlm.tokens.context).nonzero().flatten()
        places[n, found[: len(row.pixels) * vlm.config.tokens_per_image]] = True
    pixels = [p for row in rows for p in row.pixels]
    return Batch(
        ids=ids.to(vlm.device), mask=mask.to(vlm.device), places=places.to(vlm.device),
        pixels=torch.stack(pixels).to(vlm.device) if pixels else None,
    )  # fmt: skip


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
    for batch in batches([rows[n] for n in wanted]):
        some = [rows[wanted[k]] for k in batch]
        filled = padded(some, vlm)
        states = vlm.hidden_states(filled.ids, filled.mask, filled.pixels, filled.places)
        joined = torch.cat([states[layer] for layer in layers], dim=-1)
        for place, k in enumerate(batch):
            found[wanted[k]] = span_of(vlm, some[place], joined[place], filled.places[place])
    return [found[n] for n in same]


def span_of(vlm: VisionLanguageModel, row: Row, states: Tensor, places: Tensor) -> Span:
    """The part of one row that the decoder sees.

    Args:
        vlm: the language model.
        row: with ``<img>`` as its last token.
        states: (length, channels), padded on the left.
        places: (length,) bool, where the visual tokens of its images are.
    """
    begin = _user_turn(row.ids, vlm.tokens.turn) - len(row.ids)
    grid = (vlm.config.grid, vlm.config.grid)
    return Span(
        states=states[begin:], is_image=places[begin:].cpu(), images=(grid,) * len(row.pixels)
    )


def _user_turn(ids: Sequence[int], turn: int) -> int:
    """Where the second turn begins: the first is the system's."""
    return [n for n, i in enumerate(ids) if i == turn][1]
