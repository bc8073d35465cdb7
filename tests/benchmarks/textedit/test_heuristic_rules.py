"""The table of the heuristic judge: monotone, complete, and every sentence names its number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.textedit import judging
from benchmarks.textedit.heuristic_rules import NEEDED, RULES, Rule, grade
from benchmarks.textedit.measured import QUANTITIES, TEXT, Measured
from tests.benchmarks.textedit.measured_kit import BEST

EVERY = [(d, r) for d, rules in RULES.items() for r in rules]


WORST: Mapping[str, float] = {
    **{n: 0 for n, v in BEST.items() if v},
    **{n: 50 for n, v in BEST.items() if not v},
    "progress": -1, "slot_edges": 50,
}  # fmt: skip


def scores(measured: Measured) -> dict[str, int | None]:
    return {d: score for d, (score, _) in grade(measured).items()}


@pytest.mark.parametrize(("dimension", "rule"), EVERY, ids=lambda x: getattr(x, "quantity", x))
def test_limits_are_in_order_and_scores_never_rise_with_the_fault(
    dimension: str, rule: Rule
) -> None:
    steps = list(rule.limits if not rule.higher else (-v for v in rule.limits))
    assert steps == sorted(steps), dimension
    assert rule.score(BEST[rule.quantity]) == 5
    assert rule.score(WORST[rule.quantity]) < 5
    sweep = np.linspace(BEST[rule.quantity], WORST[rule.quantity], 400)
    given = [rule.score(float(v)) for v in sweep]
    assert all(a >= b for a, b in pairwise(given))
    for score, limit in zip((5, 4, 3, 2), rule.limits, strict=True):
        if math.isfinite(limit):
            beyond = np.nextafter(limit, -math.inf if rule.higher else math.inf)
            assert rule.score(limit) >= score > rule.score(float(beyond))


def test_every_quantity_has_a_rule_and_every_rule_a_quantity() -> None:
    assert {r.quantity for _, r in EVERY} == set(QUANTITIES) == set(BEST)
    assert set(NEEDED) == set(RULES) == set(judging.COLUMNS)
    for dimension, names in NEEDED.items():
        assert set(names) <= {r.quantity for r in RULES[dimension]}


def test_the_best_values_earn_five_everywhere() -> None:
    assert set(scores(Measured(values=BEST)).values()) == {5}


@pytest.mark.parametrize("name", sorted(BEST))
def test_one_fault_lowers_its_own_dimensions_and_is_named_with_its_value(name: str) -> None:
    own = {d for d, r in EVERY if r.quantity == name and not r.stands_in}
    rated = grade(Measured(values={**BEST, name: WORST[name]}))
    assert {d for d, (score, _) in rated.items() if score != 5} == own
    for dimension in own:
        rule = next(r for r in RULES[dimension] if r.quantity == name)
        sentence = rated[dimension][1]
        assert sentence.lower().startswith(rule.label.lower())
        assert f"{rule.label}: {format(WORST[name], rule.form)}".lower() in sentence.lower()


def test_what_was_read_stands_beside_the_number() -> None:
    rated = grade(
        Measured(values={**BEST, "letters_off": 1}, said={"letters_off": "read as 'HAT'"})
    )
    assert rated["TA"] == (4, rated["TA"][1])
    assert "wrong letters: 1 (read as 'hat')" in rated["TA"][1].lower()


def test_pixels_stand_in_where_nothing_is_read_and_the_sentence_says_so() -> None:
    unread = {n: v for n, v in BEST.items() if n not in TEXT}
    why = dict.fromkeys(TEXT, "the engine is blind")
    given = {}
    for value in (1.0, 0.8, 0.6, 0.4, 0.0, -1.0):
        score, sentence = grade(Measured(values={**unread, "progress": value}, absent=why))["TA"]
        assert "wrong letters: not measured (the engine is blind)" in sentence.lower()
        given[value] = score
    assert list(given.values()) == [5, 4, 3, 2, 1, 1]
    # Where there is a reading, half a likeness of the pixels takes nothing away.
    assert scores(Measured(values={**BEST, "progress": 0.0}))["TA"] == 5


@pytest.mark.parametrize("dimension", RULES)
def test_a_dimension_without_its_quantities_is_not_scored(dimension: str) -> None:
    values = {n: v for n, v in BEST.items() if n not in NEEDED[dimension]}
    why = dict.fromkeys(NEEDED[dimension], "for a reason")
    score, sentence = grade(Measured(values=values, absent=why))[dimension]
    assert score is None
    assert sentence.startswith("Not measured:")
    assert "for a reason" in sentence
