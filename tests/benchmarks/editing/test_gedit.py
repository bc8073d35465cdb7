"""GEdit-Bench's arithmetic: the released VIEScore parser and tables, strict readings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.editing.common import OfficialReading
from benchmarks.editing.gedit import replies, scoring
from benchmarks.editing.gedit.conformance import CONFORMANCE
from benchmarks.editing.gedit.scoring import Row
from evals.core.errors import Deviation

PAIR = '{"reasoning": "fine", "score": [8, 6]}'


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (PAIR, [8, 6]),
        ("7", [7]),  # GEDIT-3
        ("so [11, 3]", [11, 3]),  # GEDIT-4
        ('{"score": 5}', [5]),
        ('{"score": []}', []),
        ('{"score": ["9", "10"]}', ["9", "10"]),
        ("||V^=^V||" + PAIR + "||V^=^V|| {", [8, 6]),
        ("{score: 5, reasoning: good}", [5]),
    ],
)
def test_official_parser_checks_nothing(reply: str, score: list[object]) -> None:
    assert replies.official_reading(reply).value["score"] == score


@pytest.mark.parametrize(
    "reply", ["", "no", "12", "{score: [5, 6]}", '{"scores": [1, 2]}', "[1, 2, 3]"]
)
def test_official_parser_gives_up(reply: str) -> None:
    assert replies.official_reading(reply).outcome == "unparsed"


def test_a_bare_key_is_made_of_letters_only() -> None:
    assert replies.official_reading("{score: 5, note2: x}").value == {"score": [5], "note2": "x"}
    assert replies.official_reading("{score: 5, no½te: x}").outcome == "unparsed"


def test_an_odd_list_ends_the_released_run() -> None:
    assert replies.official_reading("[07, 3]").error == "JSONDecodeError"


def read(*pair: str) -> OfficialReading:
    return scoring.official_sample(*map(replies.official_reading, pair))


def test_a_sample_is_the_smaller_of_each_pair() -> None:
    assert read(PAIR, "[9, 4]").value == [6, 4, math.sqrt(24)]
    assert read("nothing", "[9, 4]").outcome == "unparsed"  # GEDIT-1: never a guess
    assert read("nothing", "[07, 3]").error == "JSONDecodeError"
    with pytest.raises(Deviation, match="GEDIT-1"):
        CONFORMANCE["viescore_evaluate"]({"sc_reply": "nothing", "pq_reply": "[9, 4]"})


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ('{"score": ["9", "10"]}', "TypeError"),
        ('{"score": null}', "TypeError"),
        ('{"score": []}', "ValueError"),
        ("rate_limit_exceeded", "ValueError"),
        ('{"score": [-1, 4]}', "ValueError"),
        ("{other: 5}", "KeyError"),
    ],
)
def test_what_ends_the_released_run(reply: str, error: str) -> None:
    assert (read(reply, "[9, 4]").outcome, read(reply, "[9, 4]").error) == ("crash", error)


def rows(semantics: float, quality: float, **changes: object) -> list[Row]:
    plain = {"language": "en", "intersection": True} | changes
    return [Row(semantics=semantics, quality=quality, **plain)]  # type: ignore[arg-type]


def test_average_is_over_groups_and_o_is_not_made_of_averages() -> None:
    table = {group: rows(0, 8) for group in scoring.GROUPS}
    table["ps_human"] = rows(4, 9) + rows(9, 4) + rows(9, 9, language="cn")
    means = scoring.official_table(table, "en")
    assert means["overall"]["ps_human"] == 6
    assert means["overall"]["avg_overall"] == pytest.approx(6 / 11)
    assert means["semantics"]["avg_semantics"] == pytest.approx(6.5 / 11)
    assert scoring.official_table(table, "cn")["overall"]["ps_human"] == 9


def test_a_group_without_a_row_makes_the_average_nan() -> None:  # GEDIT-6
    table = {group: rows(5, 5) for group in scoring.GROUPS}
    table["ps_human"] = rows(5, 5, intersection=False)
    assert scoring.official_table(table, "en")["quality"]["avg_quality"] == 5
    assert math.isnan(
        scoring.official_table(table, "en", intersection=True)["quality"]["avg_quality"]
    )


@pytest.mark.parametrize(
    "reply",
    [PAIR, "[8, 6]", f"```json\n{PAIR}\n```", f"||V^=^V||\n{PAIR}\n||V^=^V||",
     "```json\n[8, 6]\n```", PAIR + PAIR, f'<think>{{"score": [1, 1]}}</think>{PAIR}'],
)  # fmt: skip
def test_strict_reading(reply: str) -> None:
    parsed = replies.strict_reading(reply, replies.SEMANTICS)
    assert parsed.scores == {"success": 8, "overediting": 6}


@pytest.mark.parametrize(
    "reply",
    ["7", '{"score": [8]}', '{"score": [8, 6, 4]}', '{"score": [8, 11]}', '{"score": [8, -1]}',
     '{"score": ["8", 6]}', '{"score": [true, 6]}', '{"score": [NaN, 6]}', '{"score": 8}', "",
     "[8, 6, 4]", PAIR + '{"score": [8, 5]}', '{"scores": [8, 6]}', "I give [8, 6]"],
)  # fmt: skip
def test_strict_reading_needs_two_numbers(reply: str) -> None:
    parsed = replies.strict_reading(reply, replies.QUALITY)
    assert (parsed.status, dict(parsed.scores)) == ("unparsed", {})
    assert parsed.reason


PIECES = st.sampled_from(
    [PAIR, "{", "}", '"score"', "score:", "[", "]", "[4, 5]", "[07, 5]", "||V^=^V||", "7", "NaN",
     "1e999", "-", '"', ",", "true", "null", "\n", "1" * 5000, "[" * 1200]
)  # fmt: skip
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@settings(deadline=None)
@given(REPLIES, REPLIES)
def test_no_reply_breaks_a_parser(first: str, second: str) -> None:
    sample = read(first, second)
    assert sample.outcome in {"ok", "unparsed", "crash"}
    assert bool(sample.error) == (sample.outcome == "crash")
    strict = replies.strict_reading(first, replies.QUALITY)
    assert strict == replies.strict_reading(first, replies.QUALITY)
    assert all(0 <= s <= 10 for s in strict.scores.values())
    assert (len(strict.scores) == 2) == (strict.status == "ok")
