"""What calls cost, and a purse that is never overdrawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.budget import Budget
from evals.core.errors import Halt, UserError
from judges.prices import Price, expected_tokens, find_price

OWN = '[models."gpt-4.1"]\ninput = 1\noutput = 2.5\n[models."mine"]\ninput = 0\noutput = 0.0\n'


def known(model: str, table: Path | None = None) -> Price:
    price = find_price(model, table)
    assert price is not None
    return price


# --- finding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("snapshot", "base"),
    [
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("gpt-4.1-20250414", "gpt-4.1"),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("gemini-2.5-pro-preview", "gemini-2.5-pro"),
        ("gemini-2.5-pro-latest", "gemini-2.5-pro"),
        ("gemini-2.5-pro-002", "gemini-2.5-pro"),
    ],
)
def test_a_snapshot_costs_what_its_model_costs(snapshot: str, base: str) -> None:
    assert known(snapshot) == known(base)


@pytest.mark.parametrize(
    "variant",
    ["gpt-4.1-huge", "gpt-4.1-mini-high", "gpt-5-nano", "gpt-5-pro", "gpt-5-codex", "gpt-5.1",
     "gpt-4", "gpt-4o-audio-preview", "gpt-4o-2024-08-06-fast", "gpt-4o-mini-search-preview",
     "gemini-2.5-flash", "gemini-2.5-pro-exp", "GPT-4.1", "openai/gpt-4.1", "", "-2025-04-14",
     "gpt-4.1-1", "gpt-4.1-12b"],
)  # fmt: skip
def test_a_variant_is_another_model(variant: str) -> None:
    assert find_price(variant) is None


@pytest.mark.parametrize("variant", ["gemini-2.5-pro-preview-tts", "gpt-4.1-preview-mini"])
def test_a_variant_of_a_preview_is_another_model(variant: str) -> None:
    assert find_price(variant) is None


def test_models_of_our_table_differ() -> None:
    assert known("gpt-4.1") == Price(input=2.0, output=8.0)
    assert known("gpt-4.1-mini") != known("gpt-4.1")


def test_the_table_of_the_user_goes_first(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(OWN)
    assert known("gpt-4.1", table) == Price(input=1.0, output=2.5)
    assert known("gpt-4.1-2025-04-14", table) == Price(input=1.0, output=2.5)
    assert known("mine", table) == Price(input=0.0, output=0.0)
    assert known("gpt-4o", table) == known("gpt-4o")  # ours, where theirs says nothing
    assert find_price("unheard-of", table) is None
    assert find_price("mine") is None


def test_a_snapshot_may_have_a_price_of_its_own(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(OWN + '[models."gpt-4.1-2025-04-14"]\ninput = 7\noutput = 7\n')
    assert known("gpt-4.1-2025-04-14", table).input == 7
    assert known("gpt-4.1-2026-01-01", table).input == 1


BAD = {
    "": "names no model",
    "[models]\n": "names no model",
    "models = 5\n": "names no model",
    '["gpt-4.1"]\ninput = 1\noutput = 1\n': "names no model",
    "models = { m = 5 }\n": r'models\."m" needs input and output',
    "[models.m]\ninput = 1\n": r'models\."m" needs input and output',
    '[models.m]\ninput = "1"\noutput = 1\n': "needs input and output",
    "[models.m]\ninput = true\noutput = 1\n": "needs input and output",
    "[models.m]\ninput = -0.1\noutput = 1\n": "needs input and output",
    "[models.m]\ninput = [1]\noutput = 1\n": "needs input and output",
    "[models.m\n": "cannot be read",
    '{"models": {}}': "cannot be read",
}


@pytest.mark.parametrize("text", BAD, ids=[f"table {n}" for n in range(len(BAD))])
def test_a_bad_table_is_one_sentence(tmp_path: Path, text: str) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(text)
    with pytest.raises(UserError, match=BAD[text]) as told:
        find_price("gpt-4.1", table)
    message = str(told.value)
    assert "prices.toml" in message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_table_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    for name in ("absent.toml", "latin.toml", "."):
        with pytest.raises(UserError, match="cannot be read"):
            find_price("gpt-4.1", tmp_path / name)


@pytest.mark.parametrize("number", ["nan", "inf", "+inf"])
def test_a_price_is_a_finite_number(tmp_path: Path, number: str) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(f"[models.m]\ninput = {number}\noutput = 1\n")
    with pytest.raises(UserError, match="needs input and output"):
        find_price("m", table)


# --- counting -----------------------------------------------------------------------------------


def test_the_cost_of_a_call() -> None:
    price = Price(input=2.0, output=8.0)
    usage = {"input_tokens": 1_000_000.0, "output_tokens": 250_000.0}
    assert price.cost(usage) == 4.0
    assert price.cost({"input_tokens": 0, "output_tokens": 0}) == 0.0
    assert price.cost({**usage, "cached_tokens": 9e9}) == 4.0


@pytest.mark.parametrize("usage", [{}, {"input_tokens": 5.0}, {"output_tokens": 5.0}])
def test_a_call_of_unknown_size_has_no_cost(usage: dict[str, float]) -> None:
    assert Price(input=2.0, output=8.0).cost(usage) is None


def test_what_a_request_is_expected_to_take() -> None:
    assert expected_tokens("", ()) == 1
    assert expected_tokens("x" * 400, ()) == 101
    assert expected_tokens("", ((28, 28), (280, 280))) == 102
    assert expected_tokens("x" * 400, ((280, 280),)) == 201


# --- the purse ----------------------------------------------------------------------------------


def test_without_a_limit_everything_is_affordable_and_counted() -> None:
    purse = Budget()
    assert purse.reserve(1e9)
    purse.settle(1e9, 3.0)
    assert (purse.spent, purse.reserved) == (3.0, 0.0)


def test_what_is_set_aside_cannot_be_set_aside_twice() -> None:
    purse = Budget(1.0)
    assert purse.reserve(0.6)
    assert not purse.reserve(0.6)  # the call under way may turn out cheaper
    assert purse.reserved == 0.6
    purse.settle(0.6, 0.1)
    assert (purse.spent, purse.reserved) == (0.1, 0.0)
    assert purse.reserve(0.6)
    assert purse.reserve(0.25)


def test_what_cannot_be_afforded_any_more_stops_the_run() -> None:
    purse = Budget(1.0)
    with pytest.raises(Halt, match="--max-cost 1 "):
        purse.reserve(1.5)
    assert purse.reserve(0.5)
    purse.settle(0.5, 0.75)
    with pytest.raises(Halt, match=r"\$0\.5000 and \$0\.75 of --max-cost 1 are spent.*raise"):
        purse.reserve(0.5)
    assert (purse.spent, purse.reserved) == (0.75, 0.0)
    assert purse.reserve(0.25)  # what is left may be spent to the last cent


def test_a_call_that_failed_costs_nothing() -> None:
    purse = Budget(1.0)
    assert purse.reserve(1.0)
    purse.settle(1.0, 0.0)
    assert purse.reserve(1.0)


def test_a_purse_of_nothing_pays_for_what_is_free() -> None:
    assert Budget(0.0).reserve(0.0)
    with pytest.raises(Halt):
        Budget(0.0).reserve(0.0001)


@settings(deadline=None)
@given(
    st.floats(0, 10),
    st.lists(st.tuples(st.floats(0, 4), st.floats(0, 1), st.integers(0, 3)), max_size=30),
)
def test_calls_that_keep_to_their_reservation_never_overdraw(
    limit: float, calls: list[tuple[float, float, int]]
) -> None:
    purse = Budget(limit)
    under_way: list[tuple[float, float]] = []
    paid = 0.0
    for most, share, finished in calls:
        try:
            if purse.reserve(most):
                under_way.append((most, most * share))
        except Halt:
            assert purse.spent + most > limit
        assert purse.spent + purse.reserved <= limit + 1e-9
        for reserved, cost in under_way[:finished]:
            purse.settle(reserved, cost)
            paid += cost
        del under_way[:finished]
    assert purse.spent == pytest.approx(paid)
    assert purse.spent <= limit + 1e-9
    assert purse.reserved == pytest.approx(sum(r for r, _ in under_way), abs=1e-9)
