"""ImgEdit's arithmetic: released parser and overalls, strict readings."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.editing.imgedit import scoring
from benchmarks.editing.imgedit.conformance import CONFORMANCE

GOOD = "Brief reasoning: fine.\nStyle Fidelity: 4\nContent Preservation: 3\nRendering Quality: 4"


def lines(*scores: object, edit_type: str = "style") -> str:
    named = zip(scoring.DIMENSIONS[edit_type], scores, strict=True)
    return "\n".join(f"{name}: {score}" for name, score in named)


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (GOOD, 3.67),
        (GOOD + "\nOverall: 5", 4.0),  # IMGEDIT-2
        ("Brief reasoning: 4\n" + lines(3, 5, 1), 3.25),  # IMGEDIT-2
        (lines(9, 9, 12), 10.0),  # IMGEDIT-3
        (lines("４", "４", "４"), 4.0),
        ("a: b: 4\nStyle Fidelity: 2", 2.0),
    ],
)
def test_official_mean_of_a_reply(reply: str, value: float) -> None:
    assert scoring.official_reading(reply).value == value


@pytest.mark.parametrize("written", ["4.", "4/5", "4.5", " 4", "four", "-4", ""])
def test_official_parser_does_not_see(written: str) -> None:  # IMGEDIT-1
    assert scoring.official_reading(lines(*[written] * 3)).outcome == "unparsed"


def test_a_superscript_ends_the_released_run() -> None:  # IMGEDIT-4
    reading = scoring.official_reading(lines("²", 4, 4))
    assert (reading.outcome, reading.error, reading.value) == ("crash", "ValueError", None)


def test_three_overalls_differ() -> None:
    averages = {"a": 1.0, "b": 2.0, "c": 5.0, "d": 4.0}
    by_type = scoring.official_types(averages, {"a": "add", "b": "add", "c": "style"})
    assert by_type == {"add": 1.5, "style": 5.0}
    assert scoring.official_macro(by_type) == 3.25
    assert scoring.official_micro(averages) == 3.0  # d has no type, and counts


def test_nothing_parsed_is_no_number() -> None:
    assert scoring.official_macro({}) is None
    assert scoring.official_micro({}) is None
    with pytest.raises(ZeroDivisionError):
        CONFORMANCE["aggregate:macro_overall"]({"meta": {}, "replies": {}})


@pytest.mark.parametrize(
    "written",
    [
        "4",
        "4.",
        "4/5",
        "**4**",
        " 4",
        "4 out of 5",
        '"4"',
        "4 (two flaws)",
        "4/5, mostly",
        "4\n\n1. x",
    ],
)
def test_strict_reading_takes_every_honest_form(written: str) -> None:
    parsed = scoring.strict_reading(lines(written, 4, 4), "style")
    assert parsed.scores["Style Fidelity"] == 4


@pytest.mark.parametrize(
    "written",
    ["6", "0", "-4", "4.5", "4,5", "4-5", "4 or 5", "3, 4", "4/10", "4%", "four", "٤", "²", ""],
)
def test_strict_reading_takes_nothing_else(written: str) -> None:
    parsed = scoring.strict_reading(lines(written, 4, 4), "style")
    assert (parsed.status, dict(parsed.scores)) == ("unparsed", {})
    assert parsed.reason


def test_strict_reading_knows_names_not_places() -> None:
    reply = "**Rendering Quality（1-5）: 2\n- style fidelity：5\n> Content  Preservation: 3/5"
    parsed = scoring.strict_reading(reply.replace("（1-5）", " (1-5)"), "style")
    assert parsed.scores == {
        "Style Fidelity": 5, "Content Preservation": 3, "Rendering Quality": 2,
    }  # fmt: skip
    one_line = "Style Fidelity: 5 Content Preservation: 3 Rendering Quality: 2"
    assert scoring.strict_reading(one_line, "style").scores == parsed.scores
    assert scoring.strict_reading(GOOD, "add").status == "unparsed"


def test_two_different_scores_are_none_and_thoughts_do_not_count() -> None:
    assert "several" in scoring.strict_reading(GOOD + "\nStyle Fidelity: 2", "style").reason
    assert scoring.strict_reading(GOOD + "\nStyle Fidelity: 4", "style").status == "ok"
    assert scoring.strict_reading(f"<think>{lines(1, 1, 1)}</think>{GOOD}", "style").status == "ok"
    echoed = "Style Fidelity: A number from 1 to 5.\n" + GOOD
    assert scoring.strict_reading(echoed, "style").status == "ok"


def test_strict_score_is_not_rounded_and_a_broken_cap_is_told() -> None:  # IMGEDIT-6
    scores = scoring.strict_reading(GOOD.replace("y: 4", "y: 2", 1), "style").scores
    assert scoring.strict_score(scores) == 3
    assert "Content Preservation, Rendering Quality" in scoring.broken_cap(scores, "style")
    assert scoring.broken_cap(scoring.strict_reading(GOOD, "style").scores, "style") == ""


def test_upstream_calls_one_type_adjust() -> None:
    reply = lines(4, 4, 4, edit_type="alter")
    assert scoring.strict_reading(reply, "adjust") == scoring.strict_reading(reply, "alter")


PIECES = st.sampled_from(
    [*scoring.DIMENSIONS["style"], ": ", ":", "：", "\n", "4", "5/5", "9", ".5", "²", "٣", "**",
     "<think>", "</think>", "-", "Overall", '"', "1" * 5000]
)  # fmt: skip
REPLIES = st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join))


@settings(deadline=None)
@given(REPLIES)
def test_no_reply_breaks_a_parser(reply: str) -> None:
    official = scoring.official_reading(reply)
    assert (official.value is not None) == (official.outcome == "ok")
    strict = scoring.strict_reading(reply, "style")
    assert strict == scoring.strict_reading(reply, "style")
    assert all(1 <= s <= 5 for s in strict.scores.values())
    assert (len(strict.scores) == 3) == (strict.status == "ok")


@pytest.mark.parametrize("filler", [" ", "*", "_", "\n", "\t", "1", "(", "4 "])
def test_degenerate_replies_take_no_time(filler: str) -> None:
    reply = "Style Fidelity" + filler * 50_000
    begun = time.process_time()
    scoring.official_reading(reply)
    assert scoring.strict_reading(reply, "style").status == "unparsed"
    assert scoring.strict_reading(f"Style Fidelity: 4{filler * 50_000}", "style").scores == {}
    assert time.process_time() - begun < 1
