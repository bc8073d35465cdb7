"""The judge's arithmetic: released defects J1 to J16 beside what strict does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.textedit.judging import (
    QUESTIONS,
    StrictReply,
    check_weights,
    judge_scores,
    official_csv_row,
    official_reply,
    official_report,
    paper_value,
    strict_reply,
    strict_report,
)

ALL_FIVE = dict.fromkeys(QUESTIONS, 5)


def line(scores: Any, image: str = "2.1/image/original/7.0.jpg") -> str:
    return json.dumps({"id": 1, "path": {"original_image": image}, "gemini_eval_score": scores})


def report(*lines: str, **options: Any) -> dict[str, Any]:
    return official_report({"model": {"2.1.jsonl": list(lines)}}, **options)["model"]


def reply(**scores: Any) -> str:
    return json.dumps({"score": {**ALL_FIVE, **scores}, "reason": {"Q1": "because"}})


def test_J1_virtual_is_guessed_from_a_path() -> None:
    relative = report(line(ALL_FIVE, "1.1.1/image/original/7.0.jpg"))
    assert (relative["Virtual"]["Count"], relative["Real"]["Count"]) == (0, 1)
    unlucky = report(line(ALL_FIVE, "/v/1.0/2.1/image/original/7.0.jpg"))
    assert (unlucky["Virtual"]["Count"], unlucky["Real"]["Count"]) == (1, 0)
    ours = strict_report([("Virtual", "1", strict_reply(reply()))])
    assert set(ours) == {"Virtual"}


def test_J2_the_csv_heading_and_its_values_do_not_belong_together() -> None:
    good = line(ALL_FIVE)
    bad = line(dict.fromkeys(QUESTIONS, 1), "/d/1.1.1/x.jpg")
    heading, values = official_csv_row(report(good, bad))
    printed = dict(zip(heading, values, strict=True))
    assert printed["Text Accuracy (V)"] == 1.0  # which is Real's second question
    assert printed["Local Realism (V)"] == 0.0


def test_J3_every_model_is_in_our_report() -> None:
    models = official_report({"bagel": {}, "other": {}})
    assert list(models) == ["bagel", "other"]


def test_J4_a_lost_verdict_leaves_the_official_mean_and_stays_in_ours() -> None:
    official = report(line(ALL_FIVE), line(None))
    assert (official["Real"]["Count"], official["Real"]["Weighted Score"]) == (1, 1.0)
    ours = strict_report(
        [
            ("Real", "1", strict_reply(reply())),
            ("Real", "2", StrictReply(status="failed", reason="timeout")),
        ]
    )["Real"]
    assert (ours.scored, ours.complete, dict(ours.failed)) == (1, False, {"2": "timeout"})


@pytest.mark.parametrize("text", ['"score and reason"', "5", "true", '["score","reason"]'])
def test_J8_a_bare_value_crashes_the_script_and_is_a_failure_of_ours(text: str) -> None:
    assert official_reply(text).outcome == "crash"
    assert strict_reply(text).status == "failed"


@pytest.mark.parametrize(
    ("answer", "official_count", "ours"),
    [("4", 0, 4), (4.0, 1, 4), (4.5, 0, None), (0, 0, None), (6, 0, None), (True, 1, None),
     (None, 0, None), ([4], 0, None)],
)  # fmt: skip
def test_J11_odd_values(answer: Any, official_count: int, ours: int | None) -> None:
    assert report(line({**ALL_FIVE, "Q3": answer}))["Real"]["Count"] == official_count
    read = strict_reply(reply(Q3=answer))
    assert read.scores.get("Q3") == ours
    assert (read.status == "failed") == (ours is None)


def test_J11_junk_behind_the_cut_off_is_not_looked_at() -> None:
    rows = line({"Q1": 1, "Q2": "junk"})
    assert report(rows, enable_cutoff=True)["Real"]["Count"] == 1
    assert report(rows)["Real"]["Count"] == 0


def test_J12_weights_are_not_checked_officially() -> None:
    heavy = line({**ALL_FIVE, "Q1": 2})
    assert report(heavy, weights=[1] * 5)["Real"]["Weighted Score"] == pytest.approx(4.2)
    for weights in ([1.0] * 5, [0.5, 0.5], [1.2, -0.2, 0, 0, 0]):
        with pytest.raises(ValueError, match="sum to 1"):
            check_weights(weights)


def test_J13_the_cut_off_is_a_cliff_and_the_soft_one_is_not() -> None:
    def value(first: int, cutoff: Any) -> float:
        return judge_scores({**ALL_FIVE, "Q1": first}, cutoff=cutoff).weighted

    assert [round(value(q, "hard"), 2) for q in (3, 4)] == [0.24, 0.92]
    assert round(value(3, "none"), 2) == 0.84
    steps = [value(q, "soft") for q in (1, 2, 3, 4, 5)]
    assert steps == pytest.approx([0.0, 0.2, 0.6, 0.8, 1.0])
    assert report(line({**ALL_FIVE, "Q1": 3}), enable_cutoff=True)["Real"]["Weighted Score"] == 0.24


@pytest.mark.parametrize(
    "text",
    [
        '<think>{"score": {"Q1": 1}}</think>' + reply(),
        json.dumps({"evaluation": {"score": ALL_FIVE, "reason": {}}}),
        json.dumps([{"score": ALL_FIVE, "reason": {}}]),
        json.dumps({"Score": {k.lower(): v for k, v in ALL_FIVE.items()}, "Reason": {}}),
    ],
)
def test_J16_replies_that_the_script_drops_can_be_read(text: str) -> None:
    assert official_reply(text).outcome == "dropped"
    assert strict_reply(text).scores == ALL_FIVE


def test_J16_two_verdicts_are_ambiguous() -> None:
    both = reply() + reply(Q1=1)
    assert official_reply(both).score["Q1"] == 1
    assert strict_reply(both).reason == "the reply holds several different verdicts"
    assert strict_reply(reply() + reply()).status == "ok"


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{reply()}\n```",
        f"Sure!\n{reply()}\nDone.",
        reply()[:-3],
        reply().replace('"', "'"),
    ],
)
def test_damaged_replies_that_both_read(text: str) -> None:
    assert official_reply(text).outcome == "ok"
    assert strict_reply(text).scores == ALL_FIVE


def test_reasons_are_kept() -> None:
    assert strict_reply(reply()).reasons == {"Q1": "because"}


@given(st.text(max_size=60))
def test_no_reply_breaks_the_reader(text: str) -> None:
    read = strict_reply(text)
    assert (read.status == "ok") == (set(read.scores) == set(QUESTIONS))
    assert bool(read.reason) == (read.status == "failed")


@given(st.fixed_dictionaries({q: st.integers(1, 5) for q in QUESTIONS}))
def test_values_stay_in_range_and_the_cut_offs_are_ordered(scores: dict[str, int]) -> None:
    hard, soft, none = (judge_scores(scores, cutoff=c).weighted for c in ("hard", "soft", "none"))
    assert 0.0 <= hard <= 1.0
    assert soft <= none + 1e-12
    assert hard <= none + 1e-12
    assert paper_value(scores["Q1"]) in {0.0, 0.25, 0.5, 0.75, 1.0}
