"""WiseEdit's arithmetic: released parser and tables, strict readings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.editing.wiseedit import scoring
from benchmarks.editing.wiseedit.scoring import Mismatch, Sheet


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ('{"score": 8, "reason": "fine"}', (8, "fine")),
        ('{"score": 10.9}', (10, None)),  # WISEEDIT-2
        ('{"score": true}', (1, None)),  # WISEEDIT-2
        ('{"score": 11, "reason": "8/10"}', (None, "8/10")),
        ('{"score": [7]}', (7, None)),
        ("'score': 7", (7, None)),
        ("Rating: 7, 3/10", (7, None)),
        ("15/10", (5, None)),  # WISEEDIT-1
        ("3 flaws", (3, None)),  # WISEEDIT-1
        ("30 flaws", (None, None)),
    ],
)
def test_official_reading(reply: str, read: tuple[int | None, Any]) -> None:
    assert scoring.official_reading(reply) == read


def row(idx: str, score: object = 10, **changes: object) -> dict[str, Any]:
    columns = [f"{m}_score_{lang}" for m in scoring.NAMES for lang in scoring.LANGUAGES]
    return {"idx": idx, **dict.fromkeys(columns, str(score)), **changes}


def sheets(**changes: Sheet) -> dict[str, Sheet]:
    plain = Sheet(ids=["1"], rows=[row("1")])
    return dict.fromkeys(scoring.SINGLE, plain) | changes


def summary(**changes: Sheet) -> dict[str, float]:
    result = scoring.official_summary(sheets(**changes), complex_too=False)
    assert result is not None
    return result


def test_a_metric_is_rounded_before_categories_are_averaged() -> None:
    rows = [row("1", 4), row("2", 3, CF_score_cn="2"), row("3", 3)]
    result = summary(Imagination_1=Sheet(ids=["1", "2", "3"], rows=rows))
    assert result["Imagination_detail_preserving_en"] == 25.9
    assert result["Imagination_creative_fusion_cn"] == 22.2
    assert result["Imagination_overall_cn"] == pytest.approx((3 * 25.9 + 22.2) / 4)
    assert result["basic_overall_en"] == pytest.approx((25.9 + 100 + 100) / 3)
    assert result["WiseEdit_Complex_overall"] == 0  # WISEEDIT-6
    assert "Awareness_creative_fusion_en" not in result


@pytest.mark.parametrize("cell", ["0", "", "  ", None])
def test_one_empty_cell_drops_the_sample_in_both_languages(cell: object) -> None:  # WISEEDIT-3
    rows = [row("1", 1, DP_score_cn=cell), row("2", 10)]
    result = summary(Awareness_1=Sheet(ids=["1", "2"], rows=rows))
    assert result["Awareness_overall_en"] == result["Awareness_overall_cn"] == 100
    # a column that the category does not use may be empty
    rows = [row("1", 1, CF_score_cn=cell), row("2", 10)]
    assert summary(Awareness_1=Sheet(ids=["1", "2"], rows=rows))["Awareness_overall_en"] == 50


def test_odd_cells() -> None:  # WISEEDIT-5
    rows = [row("1", 10, DP_score_cn="7.5", IF_score_cn="-3", VQ_score_cn="00", KF_score_cn=" 4 "),
            row("2", 10)]  # fmt: skip
    result = summary(Awareness_1=Sheet(ids=["1", "2"], rows=rows))
    assert result["Awareness_detail_preserving_cn"] == 50
    assert result["Awareness_instruction_following_cn"] == 100
    assert result["Awareness_visual_quality_cn"] == 100
    assert result["Awareness_knowledge_fidelity_cn"] == 66.7


def test_a_subset_without_scores_counts_one_everywhere() -> None:  # WISEEDIT-4
    full = sheets(
        Imagination_2=Sheet(ids=["1", "2", "2"]),
        WiseEdit_Complex_2=Sheet(ids=["1"], rows=[row("1", 10)]),
    )
    result = scoring.official_summary(full)
    assert result is not None
    assert result["Imagination_overall_en"] == 33.3
    assert result["WiseEdit_Complex_overall"] == 100


def test_how_a_released_run_ends() -> None:
    with pytest.raises(Mismatch):
        summary(Awareness_1=Sheet(ids=["1", "2"], rows=[row("1")]))
    dropped = Sheet(ids=["1"], rows=[row("1", 0)])
    assert scoring.official_summary(sheets(Awareness_1=dropped), complex_too=False) is None
    assert scoring.official_summary(sheets()) is None  # no complex sample at all


@pytest.mark.parametrize(
    "reply",
    ['{"score": 7, "reason": "3 {odd} flaws"}', '{"score": "7"}', "3 flaws; score: 7",
     "Score：7/10", '{"score": 7, "reason": 1. bad}', "**Score:** 7 out of 10",
     '<think>score: 2</think>{"score": 7}'],
)  # fmt: skip
def test_strict_reading(reply: str) -> None:
    assert scoring.strict_reading(reply).scores == {"score": 7}


@pytest.mark.parametrize(
    "reply",
    ["7", "7/10", "Rating: 7", '{"score": 7.9}', '{"score": 0}', '{"score": 11}', '{"score": true}',
     '{"score": [7]}', '{"score": null, "reason": "7"}', '{"score": 7} {"score": 8}', "score: 7/5",
     '{"IF_score": 7}', ""],
)  # fmt: skip
def test_strict_reading_takes_nothing_else(reply: str) -> None:
    parsed = scoring.strict_reading(reply)
    assert (parsed.status, dict(parsed.scores)) == ("unparsed", {})


def test_strict_score_uses_the_metrics_of_the_category() -> None:
    scores = {"DP": 10, "IF": 10, "VQ": 10, "KF": 1, "CF": 1}
    assert scoring.strict_score(scores, "Imagination") == 75
    assert scoring.strict_score(scores, "WiseEdit_Complex") == 60
    assert scoring.category("WiseEdit_Complex_4") == "WiseEdit_Complex"


PIECES = st.sampled_from(
    ["{", "}", '"', "score", "rating", "reason", ":", "：", " ", "\n", "7", "10", "/10", ".5", "-",
     " out of 10", "true", "null", "1e999", "٣", ",", "[" * 1200, "1" * 5000]
)  # fmt: skip
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join))


@settings(deadline=None)
@given(REPLIES)
def test_no_reply_breaks_a_parser(reply: str) -> None:
    score, _ = scoring.official_reading(reply)
    assert score is None or 1 <= score <= 10
    strict = scoring.strict_reading(reply)
    assert strict == scoring.strict_reading(reply)
    assert all(1 <= s <= 10 for s in strict.scores.values())
    assert bool(strict.scores) == (strict.status == "ok")
