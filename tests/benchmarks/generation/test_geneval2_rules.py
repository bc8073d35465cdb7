"""GenEval 2's arithmetic: recorded vectors, and cases by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation.geneval2.conformance import CONFORMANCE
from benchmarks.generation.geneval2.rules import (
    LEVELS,
    NUMBERS,
    SKILLS,
    OfficialStop,
    analyse,
    arithmetic_mean,
    digits,
    geometric_mean,
    hard,
    official_totals,
    soft,
    softmax,
    spellings,
    strict_soft,
    strict_totals,
)
from evals.conformance import run_conformance
from metrics.vqa_probability import FirstToken

COUNT, YES = spellings("How many cats are there?", "five"), spellings("Is it red?", "Yes")


def test_all_recorded_functions_agree(conformance_dir: Path) -> None:
    path = conformance_dir / "geneval2.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {"geneval2": "benchmarks.generation.geneval2.conformance"})
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


def test_official_data_holds_nothing_else(official_data: Path) -> None:
    lines = (official_data / "geneval2" / "geneval2_data.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 800
    for row in rows:
        assert row["atom_count"] in LEVELS
        assert set(row["skills"]) <= set(SKILLS)
        assert len(row["skills"]) == len(row["vqa_list"])
        for question, answer in row["vqa_list"]:
            assert answer == "Yes" or digits(answer) != "other"
            assert (answer != "Yes") == (len(spellings(question, answer)) == 6)


def test_spellings() -> None:
    assert COUNT == ["five", "Five", " five", " Five", "5", " 5"]
    assert YES == spellings("Are there any cats?", "whatever") == ["Yes", "yes", " yes", " Yes"]
    assert spellings("How many cats are there?", "dozen")[-2:] == ["other", " other"]
    assert [digits(w) for w in NUMBERS] == [str(n) for n in range(1, 11)]


def test_a_token_of_two_spellings_counts_twice_officially_and_once_strictly() -> None:
    reply = FirstToken(tokens=dict.fromkeys(YES, 7) | {"yes": 8}, probabilities={7: 0.4, 8: 0.1},
                  greedy="Yes")  # fmt: skip
    assert soft(reply, YES) == pytest.approx(1.3)
    assert strict_soft(reply, YES) == pytest.approx(0.5)


def test_a_token_that_begins_every_number_says_nothing() -> None:
    """A vocabulary without a token for " 5" begins it with a bare space, and " 4" as well."""
    tokens = {s: n for n, s in enumerate(COUNT)} | {" 5": 99, " 4": 99, "four": 50}
    reply = FirstToken(tokens=tokens, probabilities={0: 0.2, 1: 0, 2: 0, 3: 0, 4: 0.1, 99: 0.6},
                  greedy=" ")  # fmt: skip
    assert soft(reply, COUNT) == pytest.approx(0.9)
    assert strict_soft(reply, COUNT) == pytest.approx(0.3)
    assert hard(reply, COUNT) == 0


@pytest.mark.parametrize(
    ("greedy", "answer", "right"),
    [("FIVE", "five", 1), (" Five", "five", 1), ("Other", "dozen", 1), ("One", "One", 0)],
)
def test_the_likeliest_token_is_compared_in_lower_case(
    greedy: str, answer: str, right: int
) -> None:
    reply = FirstToken(tokens={}, probabilities={}, greedy=greedy)
    assert hard(reply, spellings("How many cats are there?", answer)) == right


def test_softmax_is_float32_and_survives_large_logits() -> None:
    shares = softmax([1000.0, 1000.0, -1000.0])
    assert shares.dtype == np.float32
    assert shares.tolist() == [0.5, 0.5, 0.0]


def test_means_of_a_prompt() -> None:
    assert arithmetic_mean([0.5, 1.0, 0.0]) == 0.5
    assert geometric_mean([0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert geometric_mean([1.0, 1.0, 0.0]) == 0.0
    for bad in ([], [-0.1, 0.5]):
        with pytest.raises(ValueError):
            geometric_mean(bad)
    with pytest.raises(ValueError):
        arithmetic_mean([])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_geometric_mean_is_not_above_the_arithmetic_one(scores: list[float]) -> None:
    assert 0 <= geometric_mean(scores) <= arithmetic_mean(scores) + 1e-12


def test_a_missing_image_ends_the_released_run_and_costs_its_share_in_ours() -> None:
    scores = [[0.25, 1.0], None]
    with pytest.raises(OfficialStop):
        official_totals(scores)
    totals = strict_totals(scores)
    assert totals.am == pytest.approx(31.25)
    assert totals.gm == pytest.approx(25.0)
    with pytest.raises(ValueError):
        strict_totals([])


@pytest.mark.parametrize(
    ("row", "error"), [({"skills": ["colour"]}, Exception), ({"atom_count": 2}, KeyError)]
)
def test_a_skill_or_level_that_is_none_ends_the_released_analysis(
    row: dict[str, Any], error: type[Exception]
) -> None:
    given = {"rows": [{"atom_count": 3, "skills": ["count"], **row}], "score_lists": [[1.0]]}
    with pytest.raises(Exception, match="unknown") as caught:
        CONFORMANCE["analysis"](given)
    assert caught.type is error


def test_analysis_leaves_a_cell_empty_where_there_is_nothing() -> None:
    found = analyse([(3, ["count", "object"], [0.0, 1.0]), (3, ["object"], [0.5])])
    assert found.skills["object"] == 75.0
    assert found.skills["verb"] is None
    assert found.levels[3] == 25.0
    assert found.levels[10] is None
    with pytest.raises(ValueError):
        analyse([(3, ["count"], [])])
    with pytest.raises(ValueError):
        analyse([(3, ["colour"], [0.5])])


@given(st.text(max_size=20), st.text(max_size=8))
def test_any_question_has_spellings(question: str, answer: str) -> None:
    found = spellings(question, answer)
    assert len(found) in (4, 6)
    assert found == spellings(question, answer)


def test_probabilities_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    assert math.isclose(softmax(rng.normal(size=1000)).sum(), 1, abs_tol=1e-5)
