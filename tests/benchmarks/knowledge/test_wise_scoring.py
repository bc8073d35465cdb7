"""WISE, legacy and Verified: recorded vectors, the tables by hand, and replies of every kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.knowledge.wise import replies, tables
from benchmarks.knowledge.wise.conformance import CONFORMANCE, CONFORMANCE_VERIFIED
from benchmarks.knowledge.wise.editions import CATEGORIES, DIMENSIONS, LEGACY, VERIFIED, wiscore
from evals.conformance import run_conformance

MODULE = "benchmarks.knowledge.wise.conformance"
PIECES = st.sampled_from(
    ["Consistency", "realism", "Aesthetic Quality", "**", ": ", "：", " = ", "2", "0.5", "10", "-1",
     "/2", "/10", "(0-2)", "|", "\n", " ", "Score", "1", "٢", "9" * 400, "is fine. "]
)  # fmt: skip
REPLIES = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=120))


@pytest.mark.parametrize(
    ("name", "place", "scorers"),
    [("wise", MODULE, CONFORMANCE),
     ("wise_verified", f"{MODULE}:CONFORMANCE_VERIFIED", CONFORMANCE_VERIFIED)],
)  # fmt: skip
def test_all_recorded_functions_agree(
    conformance_dir: Path, name: str, place: str, scorers: dict[str, Any]
) -> None:
    path = conformance_dir / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {name: place})
    assert {r.function for r in reports} == set(scorers)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


@pytest.mark.parametrize("edition", [LEGACY, VERIFIED])
def test_an_edition_is_whole(edition: Any) -> None:
    assert [i for c in CATEGORIES for i in edition.ranges[c]] == list(range(1, 1001))
    assert sum(edition.weights.values()) == pytest.approx(1)
    assert edition.category(0) is None


@pytest.mark.parametrize(
    ("reply", "official", "strict"),
    [
        ("Consistency: 2\nRealism: 1\nAesthetic Quality: 0", (2, 1, 0), (2, 1, 0)),
        ("**Consistency:** 2\n**Realism:** 1\n**Aesthetic Quality:** 0", (), (2, 1, 0)),
        ("Consistency：2\nRealism：1\nAesthetic Quality：0", (), (2, 1, 0)),
        ("Consistency (0-2): 2\nRealism (0-2): 1\nAesthetic  Quality (0-2): 0", (), (2, 1, 0)),
        ('{"consistency": 2, "realism": 1, "aesthetic_quality": 0}', (), (2, 1, 0)),
        ("Consistency: 1/2\nRealism: 1 / 2\nAesthetic Quality: 2/2", (1, 1, 2), (1, 1, 2)),
        ("Consistency: 0\nRealism: 1\nAesthetic Quality: 1\nConsistency: 2", (2, 1, 1), (2, 1, 1)),
        ("Consistency: 10\nRealism: 1\nAesthetic Quality: 1", (1, 1, 1), ()),
        ("Consistency: 7\nRealism: 1\nAesthetic Quality: 1", (7, 1, 1), ()),
        ("Consistency: 1.5\nRealism: 1\nAesthetic Quality: 1", (1, 1, 1), ()),
        ("Consistency: 2/10\nRealism: 1\nAesthetic Quality: 1", (2, 1, 1), ()),
        ("Consistency: 2\nRealism: 1", (2, 1), ()),
        ("I cannot help with that.", (), ()),
    ],
)
def test_readings(reply: str, official: tuple[int, ...], strict: tuple[int, ...]) -> None:
    found = replies.official_scores(reply)
    assert tuple(found[d] for d in DIMENSIONS if d in found) == official
    reading = replies.strict_scores(reply)
    assert tuple(reading.scores.values()) == strict
    assert bool(reading.reason) != bool(strict)


@pytest.mark.parametrize(
    ("reply", "official", "strict"),
    [
        ("Score: 1", 1, 1),
        ("Reason: ok\n0", 0, 0),
        ("**Score:** 1", None, 1),
        ("Score：0", None, 0),
        ("Score: 1/1", 1, 1),
        ("Score: 0.5", 0, None),
        ("Score: 0, Score: 1", 0, None),
        ("1\n0", None, None),
        ("ok\r1", None, 1),
        ("ok\r\n 1 \r\n", 1, 1),
        ("Score: 2", None, None),
        ("Score: 10", None, None),
        ("", None, None),
    ],
)
def test_verified_readings(reply: str, official: int | None, strict: int | None) -> None:
    assert replies.official_verified(reply).get("score") == official
    assert replies.strict_verified(reply).scores.get("score") == strict


@given(reply=REPLIES)
def test_no_reply_gives_a_score_out_of_range(reply: str) -> None:
    replies.official_scores(reply)
    assert set(replies.official_verified(reply).values()) <= {0.0, 1.0}
    for read, names, highest in (
        (replies.strict_scores, set(DIMENSIONS), 2),
        (replies.strict_verified, {"score"}, 1),
    ):
        reading = read(reply)
        assert bool(reading.scores) != bool(reading.reason)
        assert set(reading.scores) in (set(), names)
        assert all(0 <= v <= highest for v in reading.scores.values())
        assert read(reply) == reading


def _line(prompt: Any, *scores: Any) -> str:
    return json.dumps({"prompt_id": prompt, **dict(zip(DIMENSIONS, scores, strict=True))})


def test_a_file_by_hand() -> None:
    lines = [
        _line(1, 2, 2, 2),
        _line(1, 2, 1, 0),
        _line(2, "2", 2, 2),
        "{bad",
        _line(1001, 2, 2, 2),
    ]
    segment = tables.official_segment(lines, LEGACY)
    assert segment is not None
    assert segment.scores == {"CULTURE": [wiscore(2, 2, 2), wiscore(2, 1, 0)]}
    assert segment.ids == {1, 2, 1001}
    assert tables.official_segment([*lines, "[1]"], LEGACY) is None
    assert tables.official_segment(lines, LEGACY, "culture") is None
    assert tables.official_table([None], LEGACY).means is None
    assert tables.official_table([segment], LEGACY).aborted
    means = tables.official_table([segment], LEGACY, "culture").means
    assert means == {"CULTURE": ((1 + wiscore(2, 1, 0)) / 2, 2)}


def test_overall_by_hand() -> None:
    """All 2 but culture: .6 x 1 + .4 x .5."""
    lines = [_line(i, *((1, 1, 1) if i <= 400 else (2, 2, 2))) for i in range(1, 1001)]
    table = tables.official_table([tables.official_segment(lines, LEGACY)], LEGACY)
    assert table.overall == pytest.approx(0.8)
    assert tables.weighted({"CULTURE": 0.5}, LEGACY) is None


def test_bagel_counts_otherwise() -> None:
    scores = {"consistency": 2, "realism": 2, "aesthetic_quality": 0}
    kinds = ("different view", "Horizontal time", "Longitudinal time")
    lines = [json.dumps({**scores, "Subcategory": kind}) for kind in kinds]
    lines[2] = json.dumps({**scores, "Subcategory": kinds[2], "aesthetic_quality": 1})
    means = tables.bagel_means(lines, 3, tables.bagel_time_or_space)
    assert means is not None
    assert list(means) == ["Space", "Time"]
    assert list(means.values()) == pytest.approx([0.9, (0.9 + 0.95) / 2])
    assert tables.bagel_means(lines, 4, tables.bagel_time_or_space) is None
    failed = [*lines, json.dumps({**scores, "Subcategory": "", "realism": tables.SENTINEL})]
    assert tables.bagel_means(failed, 3, tables.bagel_time_or_space) is None
    overall = tables.bagel_overall([means, {"Cultural": 0.5}])
    assert overall == pytest.approx((0.9 + 0.925 + 0.5) / 3)
    assert tables.bagel_overall([means, None]) is None
    assert [tables.bagel_science({"prompt_id": i}) for i in (700, 701, 900, 1000, 1001, 800.5)] == [
        "?", "Biology", "Physics", "Chemistry", "?", "?"
    ]  # fmt: skip
