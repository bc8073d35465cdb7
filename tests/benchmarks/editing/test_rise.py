"""RISEBench's arithmetic: released parser, scores, completion before and after the fix, strict."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.editing.rise import scoring
from benchmarks.editing.rise.conformance import CONFORMANCE
from benchmarks.editing.rise.scoring import CAUSAL, LOGICAL, SPATIAL, TEMPORAL, Points
from benchmarks.editing.rise.table import Row, official_table, table_text


@pytest.mark.parametrize(
    ("reply", "numbers"),
    [
        ("**Final Score:** **4/5**", [4]),
        ("final score 3", [3]),
        ("Final Score: none. Final Score: 2", [2]),
        ("Final Scores: 1, 0", [1, 0]),
        ("**Final Score:** **4**\n\n1. extra", [4, 1]),  # RISE-3
        ("Final Score: 4.5", [4]),
        ("Final Scores: none", []),
        ("Score: 4", None),
    ],
)
def test_official_numbers_of_a_reply(reply: str, numbers: list[int] | None) -> None:
    reading = scoring.official_reading(reply)
    assert reading.value == numbers
    assert (reading.outcome == "ok") == bool(numbers)


def test_points_are_placed_by_their_count() -> None:
    assert scoring.official_points([4], [3], [5]) == Points(C=4, R=3, V=5)
    assert scoring.official_points(None, [3], [5]) == Points(C=None, R=3, V=5)
    assert scoring.official_points([0], [7], None) == Points(C=1, R=5)
    assert scoring.official_points([4], [], [5]) == Points()
    assert scoring.official_points([1, 3], [1], None) == Points(C=1, R=3, V=1)  # a logical sample
    assert scoring.official_points([4, 1], [3], [5]) is None  # RISE-3


def test_official_score() -> None:
    points = Points(C=2, R=4, V=5)
    assert scoring.official_score(points, CAUSAL, False) == pytest.approx(3.6)
    assert scoring.official_score(points, CAUSAL, True) == pytest.approx(4.2)
    assert scoring.official_score(Points(C=1, R=5), LOGICAL, True) == pytest.approx(3.8)
    assert scoring.official_score(Points(C=5, R=1, V=5), SPATIAL, False) == pytest.approx(1.5)
    assert scoring.official_score(Points(C=1, R=1, V=1), TEMPORAL, False) == 1
    assert math.isnan(scoring.official_score(Points(R=5, V=5), CAUSAL, False))


def test_completion_before_and_after_the_fix() -> None:  # RISE-2
    free = Points(C=None, R=5, V=5)
    assert not scoring.official_complete(free, CAUSAL)
    assert scoring.official_complete(free, CAUSAL, free=True)
    assert not scoring.official_complete(Points(C=4, R=5, V=5), CAUSAL)
    assert scoring.official_complete(Points(C=5, R=5), LOGICAL)
    assert not scoring.official_complete(Points(C=1, R=5), LOGICAL, free=True)


def run(*samples: tuple[str, Any, tuple[Any, ...]], variant: str = "genediteval") -> dict[str, Any]:
    """The released run over (category, flag, answers); a flag of ... is absent."""
    data, judges = [], {}
    for n, (category, flag, answers) in enumerate(samples):
        record = {"index": str(n), "category": category, "subtask": "Puzzle Solving"}
        data.append(record if flag is ... else record | {"consistency_free": flag})
        judges[str(n)] = {
            f"judge{q}": None if a is None else f"Final Score: {a}"
            for q, a in enumerate(answers, 1)
        }
    ran: dict[str, Any] = CONFORMANCE[f"aggregate:{variant}"]({"data": data, "judges": judges})
    return ran


def scores(ran: dict[str, Any]) -> list[float]:
    return [round(s["score"], 6) for s in ran["per_sample"].values()]


def test_one_flag_in_the_data_changes_every_score() -> None:  # RISE-1
    plain = (CAUSAL, ..., (1, 4, 5))
    assert scores(run(plain, (LOGICAL, ..., (1, 0)))) == [3.3, 1.1]
    assert scores(run(plain, (CAUSAL, True, (None, 5, 5)))) == [4.2, 5]
    # null beside a flag stays false, null beside an absent one is true
    assert scores(run((CAUSAL, None, (1, 4, 5)), (CAUSAL, True, (None, 5, 5)))) == [3.3, 5]
    assert scores(run((CAUSAL, None, (1, 4, 5)), plain)) == [4.2, 4.2]


def test_variants_differ_in_accuracy_only() -> None:  # RISE-2
    samples = ((CAUSAL, ..., (5, 5, 5)), (CAUSAL, True, (None, 5, 5)))
    before, after = run(*samples), run(*samples, variant="upstream_2026_04")
    assert before["score_csv"][1] == ["Overall", "5.0", "100.0", "0.5"]
    assert after["score_csv"][1] == ["Overall", "5.0", "100.0", "1.0"]


def test_how_a_released_run_ends() -> None:
    good = (CAUSAL, ..., (5, 5, 5))
    assert run(good, (CAUSAL, ..., (5, "3, 4", 5))) == {"status": {"error": "ValueError"}}  # RISE-3
    assert run((LOGICAL, True, (None, 1))) == {"status": {"error": "KeyError"}}  # RISE-5
    assert run((CAUSAL, ..., ("x", 4, 4))) == {"status": {"error": "TypeError"}}  # RISE-5


def test_a_point_that_no_sample_has_is_none_and_not_nan() -> None:
    alone = run((LOGICAL, ..., (1, 1)))["per_sample"]["0"]
    assert (alone["VisualPlausibility"], alone["Reasoning"]) == (None, 5)
    beside = run((LOGICAL, ..., (1, 1)), (CAUSAL, ..., (5, 5, 5)))["per_sample"]["0"]
    assert math.isnan(beside["VisualPlausibility"])


def test_table_leaves_out_what_is_nan() -> None:  # RISE-4
    rows = [
        Row(category=CAUSAL, subtask="State Transition", points=Points(C=5, R=5, V=5), score=5,
            complete=True),
        Row(category=CAUSAL, subtask="State Transition", points=Points(), score=math.nan,
            complete=False),
    ]  # fmt: skip
    text = {line[0]: line[1:] for line in table_text(official_table(rows))}
    assert text["Causal"] == ["5.0", "100.0", "0.5"]
    assert text["Causal-State Transition"] == ["5.0", "100.0", "0.5"]
    assert text["Logical"] == ["", "", ""]
    assert "Logical_Quality" not in text


def test_subtask_means_are_compensated() -> None:
    values = [0.1] * 10
    rows = [
        Row(category=CAUSAL, subtask="State Transition", points=Points(), score=v, complete=False)
        for v in values
    ]
    assert sum(values) / 10 != 0.1
    assert official_table(rows)["Causal-State Transition"][0] == 0.1


@pytest.mark.parametrize(
    "reply",
    ["**Final Score:** **4/5**", "### Final Score\n**4**", "final score 4", "Final Scores: 4",
     "The final score is **Final Score:** **4**", "**Final Score:** **4**\n\n1. extra",
     "Final Score: 4 (of 3 objects one is off)", "Final Score (1-5): 4", '"Final Score": 4'],
)  # fmt: skip
def test_strict_reading(reply: str) -> None:
    assert scoring.strict_reading(reply, SPATIAL).scores == {"score": 4}


@pytest.mark.parametrize(
    "reply",
    ["", "Score: 4", "Final Score: 6", "Final Score: 0", "Final Score: 4.5", "Final Score: 3, 4",
     "Final Score: **2** **3**", "Final Score: 3-4", "Final Score: 2\nFinal Score: 4",
     "Final Score: four", "Failed to obtain answer via API. "],
)  # fmt: skip
def test_strict_reading_takes_nothing_else(reply: str) -> None:
    parsed = scoring.strict_reading(reply, TEMPORAL)
    assert (parsed.status, dict(parsed.scores)) == ("unparsed", {})


def test_logical_samples_have_a_scale_of_their_own() -> None:
    assert scoring.strict_reading("Final Score: 1", LOGICAL).scores == {"score": 1}
    assert scoring.strict_reading("Final Score: 4", LOGICAL).status == "unparsed"


def test_strict_score_leaves_consistency_out_only_where_it_was_not_asked() -> None:
    assert scoring.questions(CAUSAL, False) == ("C", "R", "V")
    assert scoring.questions(CAUSAL, True) == ("R", "V")
    assert scoring.questions(LOGICAL, False) == ("C", "R")
    plain = scoring.strict_score({"C": 1, "R": 5, "V": 5}, CAUSAL, False)
    assert [plain.score, plain.percent, plain.complete] == pytest.approx([3.8, 70, 0])
    assert scoring.strict_score({"R": 5, "V": 5}, CAUSAL, True).complete == 1
    assert scoring.strict_score({"C": 1, "R": 1}, LOGICAL, False).percent == 100
    assert scoring.strict_score({"R": 1}, LOGICAL, True).percent == 100
    assert scoring.strict_score({"C": 1, "R": 0}, LOGICAL, False).score == pytest.approx(1.1)


PIECES = st.sampled_from(
    ["Final Score", "Final Scores", ":", "**", " ", "\n", "4", "5/5", ",", ".", "-", "٣", "²",
     "<think>", "or", "#", "(1-5)", "1" * 5000]
)  # fmt: skip
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=20).map("".join))


@settings(deadline=None)
@given(REPLIES, st.sampled_from(scoring.CATEGORIES))
def test_no_reply_breaks_a_parser(reply: str, category: str) -> None:
    official = scoring.official_reading(reply)
    assert bool(official.value) == (official.outcome == "ok")
    strict = scoring.strict_reading(reply, category)
    assert strict == scoring.strict_reading(reply, category)
    low, high = (0, 1) if category == LOGICAL else (1, 5)
    assert all(low <= s <= high for s in strict.scores.values())
    assert bool(strict.scores) == (strict.status == "ok")
