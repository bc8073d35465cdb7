"""KRIS-Bench's arithmetic: the released parsers and summary, strict readings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.editing.kris import replies, scoring
from benchmarks.editing.kris.replies import Reading

BARE = '{\n"reasoning": 1. Detect 2. Match\n"quality_score": 4\n}'
"""The form that the released rubric shows: it is no JSON."""


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ('{"quality_score": 4, "reasoning": "fine"}', Reading(score=4, reason="fine")),
        ('{"quality_score": 9}', Reading(score=9)),  # KRIS-2
        ('{"quality_score": 4.9}', Reading(score=4)),  # KRIS-2
        ('{"quality_score": true}', Reading(score=1)),  # KRIS-2
        (BARE, Reading(score=1)),  # KRIS-1
        ('{"quality_score": 4, "reasoning": "a {b} 2"}', Reading(score=4)),
        ("3 flaws, quality score 2", Reading(score=2)),
        ("3 flaws, 2/5", Reading(score=2)),
        ("3 flaws", Reading(score=3)),  # KRIS-1
        ('{"quality_score": null}', Reading()),
        ("", Reading()),
    ],
)
def test_official_reading(reply: str, reading: Reading) -> None:
    assert replies.official_reading(reply, "quality") == reading


def test_families_differ() -> None:
    reply = '{"consistency_score": 4, "reasoning": "why", "consistency_reasoning": "because"}'
    read = {
        family: replies.official_reading(reply, "consistency", family)
        for family in ("common", "temporal", "multi_element")
    }
    assert {r.score for r in read.values()} == {4}
    assert [r.reason for r in read.values()] == [None, "why", "because"]  # KRIS-4
    labelled = "3 flaws, quality_score: 2"
    assert replies.official_reading(labelled, "quality", "temporal").score == 3
    null = '{"quality_score": null, "reasoning": "2 flaws"}'
    assert replies.official_reading(null, "quality").score == 2
    assert replies.official_knowledge(null, "quality") == Reading(reason="2 flaws")


def test_two_scores_in_one_reply() -> None:
    reply = '{"instruction_score": 4, "knowledge_score": "2", "knowledge_reasoning": "no"}'
    both = replies.official_dual(reply)
    assert both == {"instruction": Reading(score=4), "knowledge": Reading(score=2, reason="no")}
    spoilt = reply.replace('"2"', '"two"')
    assert [r.score for r in replies.official_dual(spoilt).values()] == [None, None]
    lines = "Instruction score: 3\ninstruction_reasoning: a\nknowledge_reasoning: b"
    assert replies.official_dual(lines) == {
        "instruction": Reading(score=3, reason="a"), "knowledge": Reading(reason="b"),
    }  # fmt: skip


def test_summary_is_the_flat_mean_of_single_scores() -> None:  # KRIS-5, KRIS-6
    full = {"consistency": 5, "quality": 5, "instruction": 5, "knowledge": 5}
    three = {"consistency": 1, "quality": 1, "instruction": 1, "knowledge": 5}
    samples: dict[str, list[scoring.Scores]] = {
        "biology": [full],
        "color_change": [three, {"quality": 3, "instruction": None}],
    }
    types, inside, metas, overall = scoring.official_summary(samples)
    assert types == {
        "Attribute Perception": {"VC": 0, "VQ": 25, "IF": 0, "AVG": 12.5},
        "Natural Science": {"VC": 100, "VQ": 100, "IF": 100, "KP": 100, "AVG": 100},
    }
    assert inside["Attribute Perception"] == {"color_change": {"VC": 0, "VQ": 25, "IF": 0}}
    assert metas == {"Factual Knowledge": 12.5, "Conceptual Knowledge": 100}
    assert overall == pytest.approx(450 / 8)
    assert scoring.official_summary({}) == ({}, {}, {}, None)


def test_per_sample_every_edit_weighs_the_same() -> None:
    assert scoring.sample_score({"consistency": 5, "quality": 1, "instruction": 3}) == 50


def test_taxonomy() -> None:
    assert len(scoring.TYPE_OF) == 20
    assert sum(scoring.SIZES.values()) == 1267
    assert sorted(t for kinds in scoring.METAS.values() for t in kinds) == sorted(scoring.TYPES)
    assert "knowledge" in scoring.metrics("Logical Reasoning")
    assert scoring.metrics("Spatial Perception") == ("consistency", "quality", "instruction")


@pytest.mark.parametrize(
    "reply",
    ['{"quality_score": 4, "reasoning": "2 {odd} flaws"}', BARE,
     '```json\n{"quality_score": "4"}\n```', "There are 2 flaws.\nquality_score: 4/5",
     "**Quality score**: 4", '{"a": {"quality_score": 4}}'],
)  # fmt: skip
def test_strict_reading(reply: str) -> None:
    assert replies.strict_reading(reply, ["quality"]).scores == {"quality": 4}


@pytest.mark.parametrize(
    "reply",
    ["4", "3/5", "I would give 4 out of 5", '{"quality_score": 6}', '{"quality_score": 4.5}',
     '{"quality_score": true}', '{"quality_score": null, "reasoning": "2"}', "",
     '{"quality_score": 4} {"quality_score": 3}', "quality_score: 4, quality_score: 3"],
)  # fmt: skip
def test_strict_reading_takes_nothing_else(reply: str) -> None:
    parsed = replies.strict_reading(reply, ["quality"])
    assert (parsed.status, dict(parsed.scores)) == ("unparsed", {})


def test_strict_reading_needs_both_scores() -> None:
    metrics = ("instruction", "knowledge")
    good = '{"instruction_score": 4, "knowledge_score": 2}'
    assert replies.strict_reading(good, metrics).scores == {"instruction": 4, "knowledge": 2}
    assert replies.strict_reading('{"instruction_score": 4}', metrics).status == "unparsed"


PIECES = st.sampled_from(
    ["{", "}", '"', "quality", "_score", "instruction_score", "knowledge_score", "reasoning", ":",
     " ", "\n", "4", "9", ".5", "/5", "true", "null", "1e999", "NaN", "٣", ",",
     "[" * 1200, "1" * 5000]
)  # fmt: skip
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join))


@settings(deadline=None)
@given(REPLIES)
def test_no_reply_breaks_a_parser(reply: str) -> None:
    for family in ("common", "temporal", "multi_element"):
        replies.official_reading(reply, "quality", family)
    replies.official_knowledge(reply, "quality")
    assert set(replies.official_dual(reply)) == {"instruction", "knowledge"}
    for metrics in (("quality",), ("instruction", "knowledge")):
        strict = replies.strict_reading(reply, metrics)
        assert strict == replies.strict_reading(reply, metrics)
        assert all(1 <= s <= 5 for s in strict.scores.values())
        assert (set(strict.scores) == set(metrics)) == (strict.status == "ok")
