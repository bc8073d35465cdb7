"""Draws with one seed per row: their distribution is the softmax, and rows are independent."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from model.token_draw import Draw

LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0, float("-inf"), 2.5])


def drawn(logits: torch.Tensor, n: int, **settings: float) -> torch.Tensor:
    """Shares of the tokens in n draws."""
    settings = {"temperature": 1.0, **settings}
    rows = logits.expand(n, -1)
    found = Draw(range(n), **settings)(None, rows).argmax(1)
    return torch.bincount(found, minlength=len(logits)) / n


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    n = 20_000
    shares = drawn(LOGITS, n, temperature=temperature)
    wanted = torch.softmax(LOGITS / temperature, 0)
    # Five standard deviations of a share.
    assert bool(((shares - wanted).abs() <= 5 * (wanted * (1 - wanted) / n).sqrt() + 1e-9).all())
    assert shares[4] == 0, "a forbidden token is never drawn"


def test_top_p_keeps_the_most_probable() -> None:
    wanted = torch.softmax(LOGITS, 0)
    assert wanted[1] + wanted[5] > 0.7 > wanted[1]
    shares = drawn(LOGITS, 2000, top_p=0.7)
    assert set(shares.nonzero().flatten().tolist()) == {1, 5}


def test_a_row_depends_on_its_seed_alone() -> None:
    rows = torch.randn(3, 500, generator=torch.Generator().manual_seed(0))
    before = torch.random.get_rng_state()
    together = Draw([5, 6, 7], 1.0)
    first, second = together(None, rows), together(None, rows)
    alone = Draw([6], 1.0)
    assert torch.equal(alone(None, rows[1:2])[0], first[1])
    assert torch.equal(alone(None, rows[1:2])[0], second[1])
    assert not torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)
