"""Replies as judges write them: what is read, what is refused, and that no number is made up."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.parsing import Parsed, parse_reply

KEYS = ("Q1", "Q2", "Q3", "Q4", "Q5")
SCORES = dict(zip(KEYS, (5, 4, 3, 2, 1), strict=True))
OTHER = dict.fromkeys(KEYS, 1)
REASONS = {k: f"Seen for {k}." for k in KEYS}

score_tables = st.fixed_dictionaries({k: st.integers(1, 5) for k in KEYS})


def parse(text: str) -> Parsed:
    return parse_reply(text, KEYS, 1, 5)


def reply(scores: Mapping[str, Any] = SCORES, reasons: Mapping[str, str] = REASONS) -> str:
    """The form that our rubric asks for: reasons first."""
    return json.dumps({"reason": dict(reasons), "score": dict(scores)}, ensure_ascii=False)


def score_first(reasons: Mapping[str, str] = REASONS) -> str:
    return json.dumps({"score": SCORES, "reason": dict(reasons)})


def answers(second: str, quote: str = '"', end: str = "") -> str:
    """A reply whose answer to Q2 is written as given; with `end` a comma it needs mending."""
    parts = [f"{quote}{k}{quote}: {second if k == 'Q2' else v}" for k, v in SCORES.items()]
    return "{" + ", ".join(parts) + end + "}"


# --- what can be read -------------------------------------------------------------------------

READABLE = {
    "plain": reply(),
    "indented": json.dumps(json.loads(reply()), indent=4),
    "windows": json.dumps(json.loads(reply()), indent=1).replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + reply(),
    "fenced json": f"```json\n{reply()}\n```",
    "fenced": f"Here you are:\n```\n{reply()}\n```\nAnything else?",
    "in prose": f"I looked closely {{twice}}.\n{reply()}\nSo [in short] it is {{good}}.",
    "trailing commas": reply().replace("}", ",}"),
    "single quotes": reply().replace('"', "'"),
    "bare keys": answers("4", quote=""),
    "no commas": reply().replace(",", ""),
    "last brace missing": reply()[:-1],
    "both braces missing, score first": score_first()[:-2],
    "cut in a reason": score_first()[:-12],
    "as text": reply({k: str(v) for k, v in SCORES.items()}),
    "as padded text": reply({k: f" {v} \n" for k, v in SCORES.items()}),
    "as floats": reply({k: float(v) for k, v in SCORES.items()}),
    "as text of floats": reply({k: f"{v}.0" for k, v in SCORES.items()}),
    "at the top": json.dumps(SCORES),
    "encoded twice": json.dumps(json.dumps(SCORES)),
    "an object each": json.dumps({k: {"score": v, "reason": "r"} for k, v in SCORES.items()}),
    "an object each, other words": json.dumps(
        {k: {"Rating": v, "Explanation": "r"} for k, v in SCORES.items()}
    ),
    "nested": json.dumps({"evaluation": {"result": json.loads(reply())}}),
    "listed": json.dumps([{"note": "first"}, json.loads(reply())]),
    "a list inside": json.dumps({"verdicts": [json.loads(reply())]}),
    "small letters": reply({k.lower(): v for k, v in SCORES.items()}),
    "capitals": json.dumps({"SCORE": SCORES, "REASON": REASONS}),
    "padded keys": reply({f" {k} ": v for k, v in SCORES.items()}),
    "more keys": reply({**SCORES, "Q6": 9, "overall": 4.5}),
    "another order": reply(dict(reversed(SCORES.items()))),
    "said twice": reply() + "\nOnce more:\n" + reply(),
    "an equal key twice": answers('4, "Q2": 4'),
    "an equal key twice, inside": answers('{"score": 4, "score": 4.0}'),
    "equal keys in other letters": answers('4, "q2": 4'),
    "thoughts before": f"<think>Perhaps {reply(OTHER)}? No.</think>{reply()}",
    "thoughts over lines": f"<think>\n{reply(OTHER)}\n</think>\n\n{reply()}",
    "thoughts without end behind": f"{reply()}<think>or rather {reply(OTHER)}",
    "a part before": f'Q1 is {{"Q1": 1}} at first sight. {reply()}',
    "an apology before": f"I'm sorry, the picture is small. {reply()}",
    "braces and quotes in a reason": reply(reasons={**REASONS, "Q1": 'reads "{Q1: 1}" \\ \n'}),
    "a verdict in a reason": reply(reasons={**REASONS, "Q1": reply(OTHER)}),
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_a_reply_that_can_be_read(text: str) -> None:
    read = parse(text)
    assert (read.status, read.reason, read.scores) == ("ok", "", SCORES)
    assert all(type(v) is int for v in read.scores.values())


def test_reasons_stand_beside_their_scores() -> None:
    assert parse(reply()).reasons == REASONS
    assert parse(score_first()).reasons == REASONS
    assert parse(json.dumps({"Score": SCORES, "Reasons": {"q1": "why"}})).reasons == {"Q1": "why"}
    inline = {k: {"score": v, "explanation": f"for {v}"} for k, v in SCORES.items()}
    assert parse(json.dumps(inline)).reasons == {k: f"for {v}" for k, v in SCORES.items()}
    assert parse(json.dumps(SCORES)).reasons == {}


# --- what is refused --------------------------------------------------------------------------

ODD = ["0", "6", "-4", "4.5", "4.0001", "1e1", "1e400", "-1e400", "NaN", "Infinity", "-Infinity",
       "null", "true", "false", '"four"', '"4/5"', '"4 of 5"', '""', '"NaN"', '"inf"', '"-4"',
       "[4]", "[]", "{}", '{"score": 6}', '{"reason": "no score"}', "1" + "0" * 400,
       "1" + "0" * 5000]  # fmt: skip


@pytest.mark.parametrize("mending", ["", ","], ids=["json", "mended"])
@pytest.mark.parametrize("value", ODD, ids=[o[:12] for o in ODD])
def test_an_odd_answer_is_no_score(value: str, mending: str) -> None:
    read = parse(answers(value, end=mending))
    assert read.status == "unparsed"
    assert read.scores == {}
    assert len(read.reason) < 150


@pytest.mark.parametrize("value", ["6", "4.5", "null", "true", '"four"', "[4]"])
def test_the_reason_names_the_answer_that_is_odd(value: str) -> None:
    assert "Q2 (" in parse(answers(value)).reason
    assert "Q1" not in parse(answers(value)).reason


def test_a_missing_dimension_is_named() -> None:
    short = {k: v for k, v in SCORES.items() if k not in {"Q2", "Q4"}}
    assert parse(reply(short)).reason == "the reply has no usable answer to Q2, Q4"
    assert parse(reply({})).status == "unparsed"


def test_a_contradiction_inside_an_object() -> None:
    for second in ('4, "Q2": 3', '4, "Q2": "4"', '{"score": 4, "score": 3}'):
        read = parse(answers(second))
        assert (read.status, read.scores) == ("unparsed", {})
        assert "twice and differently" in read.reason


def test_a_contradiction_inside_an_object_that_needs_mending() -> None:
    assert parse(answers("4, 'Q2': 3", quote="'")).status == "unparsed"
    assert parse(answers('4, "Q2": 3', end=",")).status == "unparsed"
    equal = parse(answers('4, "Q2": 4', end=","))
    assert equal.scores in ({}, SCORES)


@pytest.mark.parametrize("second", ['4, "q2": 3', '4, " Q2": 3', '{"score": 4, "Score": 3}'])
def test_a_contradiction_in_other_letters(second: str) -> None:
    assert parse(answers(second)).scores == {}


@pytest.mark.parametrize(
    "text",
    [
        reply() + reply(OTHER),
        f"At first {reply(OTHER)}, but then\n```json\n{reply()}\n```",
        json.dumps([SCORES, OTHER]),
        json.dumps({"draft": {"score": OTHER}, "final": {"score": SCORES}}),
        json.dumps({"score": SCORES, "Score": OTHER}),
        "</think>".join([reply(OTHER), reply()]),
    ],
)
def test_two_verdicts_that_differ_are_none(text: str) -> None:
    read = parse(text)
    assert (read.status, read.scores) == ("unparsed", {})
    assert "different" in read.reason


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "null", "4", "[5, 4, 3, 2, 1]", '"Q1"', "Q1: 5, Q2: 4, Q3: 3, Q4: 2, Q5: 1",
     "| Q1 | 5 |\n| Q2 | 4 |", "{}", "{", "}", "}{", "The edit is good.", "<think>" + reply(),
     f"<think>{reply()}</think>", "```json\n```",
     json.dumps(REASONS), reply().replace("Q", "K"), "The word is spelled right, sorry."],
)  # fmt: skip
def test_a_reply_without_a_verdict(text: str) -> None:
    read = parse(text)
    assert (read.status, read.scores) == ("unparsed", {})
    assert "Q1 to Q5" in read.reason


@pytest.mark.parametrize(
    "text",
    ["I'm sorry, but I can't assist with that.", "I can't help with this image.",
     "I cannot judge people.", "I am unable to see images.", "Sorry, no.", "I won't do that.",
     "As an AI, I do not look at faces.", "  **I'm sorry**, I cannot.",
     "<think>Hm, {no}.</think>\nI am sorry, I can not do this."],
)  # fmt: skip
def test_a_refusal(text: str) -> None:
    read = parse(text)
    assert (read.status, read.reason) == ("refused", "the judge declined to answer")
    assert read.scores == {}


@pytest.mark.parametrize(
    "text", ["I’m sorry, but I can’t assist with that.", "I can’t help with this.", "I won’t."]
)
def test_a_refusal_with_typographic_apostrophes(text: str) -> None:
    assert parse(text).status == "refused"


def test_a_reason_may_quote_a_tag() -> None:
    assert parse(reply(reasons={**REASONS, "Q2": "the sign says <think> now"})).scores == SCORES


# --- size and depth ---------------------------------------------------------------------------

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "unit",
    ["x", "Q1 ", "{", "Q1{", "}", '"', '{"', "{'Q1': ", '{"Q1": 1, ', "[", '{"a":', "<think>",
     "Q1 \\", "é\ud83d", "```json\n", "{'Q1"],
)  # fmt: skip
def test_a_megabyte_of_garbage(unit: str) -> None:
    read = parse(unit * (MEGABYTE // len(unit)))
    assert (read.status, read.scores) == ("unparsed", {})


@pytest.mark.parametrize("unit", ["A long thought. ", "[x] ", '"Q1" is ', "} ", "Q3: 5 ' "])
def test_a_verdict_in_a_megabyte_of_prose(unit: str) -> None:
    prose = unit * (MEGABYTE // 2 // len(unit))
    assert parse(prose + reply() + prose).scores == SCORES


def test_a_hundred_thousand_opening_braces() -> None:
    for text in ("{" * 100_000, "{" * 100_000 + '"Q1": 5', "{" * 100_000 + reply()):
        assert parse(text).scores in ({}, SCORES)


def test_nesting_that_is_deep() -> None:
    for depth in (5, 50, 200, 500):
        assert parse('{"a": ' * depth + reply() + "}" * depth).scores == SCORES
        assert parse("[" * depth + reply() + "]" * depth).scores == SCORES
        assert parse('{"Q1": ' * depth + "5" + "}" * depth).status == "unparsed"


def test_nesting_at_the_limit_of_the_interpreter() -> None:
    too_deep = []
    for depth in range(sys.getrecursionlimit() - 100, sys.getrecursionlimit()):
        try:
            assert parse('{"a": ' * depth + reply() + "}" * depth).scores in ({}, SCORES)
        except RecursionError:
            too_deep.append(depth)
    assert too_deep == []


# --- replies that end too early ---------------------------------------------------------------


@pytest.mark.parametrize(
    "whole", [reply(), score_first(), json.dumps(SCORES), reply().replace('"', "'")]
)
def test_a_reply_cut_anywhere_never_says_something_else(whole: str) -> None:
    read = [parse(whole[:end]) for end in range(len(whole))]
    assert all(r.scores in ({}, SCORES) for r in read)
    assert all((r.status == "ok") == bool(r.scores) for r in read)
    last = re.search(r"Q5.: 1", whole)
    assert last is not None
    assert all(r.status == "unparsed" for r in read[: last.start()])


@pytest.mark.parametrize("value", ["10", "4.5", '"4.5"', '"4 of 10"'])
def test_a_reply_cut_in_a_number(value: str) -> None:
    whole = f'{{"A": 7, "B": {value}}}'
    for end in range(len(whole)):
        assert parse_reply(whole[:end], ("A", "B"), 1, 10).scores in ({}, {"A": 7, "B": 10})


# --- mending never makes a number -------------------------------------------------------------


@pytest.mark.parametrize("value", ["−4", "<4", ">4", "~4", "4%", "±4"])
def test_a_sign_beside_a_number_is_not_mended_away(value: str) -> None:
    assert parse(answers(value)).scores == {}


def test_a_quotation_in_a_reason_is_not_mended_into_a_score() -> None:
    damaged = (
        '{"Q1": {"score": 2}, "Q2" {"score": 1, "reason": reads Q1: 5, Q2: 4"}, '
        '"Q3": {"score": 4}, "Q4": {"score": 1}, "Q5": {"score": 1}}'
    )
    assert parse(damaged).scores in ({}, {"Q1": 2, "Q2": 1, "Q3": 4, "Q4": 1, "Q5": 1})


def test_a_quotation_in_a_damaged_reply_is_no_verdict() -> None:
    """The picture reads as a perfect verdict, the judge quotes it, and its own has a comma more."""
    perfect = json.dumps(dict.fromkeys(KEYS, 5))
    damaged = reply(OTHER, {"Q1": "THERE"}).replace("THERE", f'it reads "{perfect}"')[:-2] + ",}}"
    assert parse(damaged).scores in ({}, OTHER)


def test_reasons_that_are_numbers_are_no_scores() -> None:
    whole = reply(OTHER, dict.fromkeys(KEYS, "5"))
    assert parse(whole).scores == OTHER
    assert parse(whole[: whole.index('"Q3": 1')]).scores == {}


PUNCTUATION = frozenset("{}[]\":,'\\ .-\n")


@settings(deadline=None)
@given(
    scores=score_tables,
    reasons=st.fixed_dictionaries(
        {
            k: st.sampled_from(
                ["It reads 'OPEN', all 4 letters.", "2 of 3; see [b] and {c}", "99 % / 1.5 px", "",
                 'a "quoted" word', "- none -", "\\n is not a line, // nor /* this */ # a comment"]
            )
            for k in KEYS
        }
    ),
    form=st.sampled_from(["reason first", "score first", "flat", "inline", "indented"]),
    data=st.data(),
)  # fmt: skip
def test_a_reply_that_lost_punctuation_says_the_same_or_nothing(
    scores: dict[str, int], reasons: dict[str, str], form: str, data: st.DataObject
) -> None:
    made: Any = {
        "reason first": {"reason": reasons, "score": scores},
        "score first": {"score": scores, "reason": reasons},
        "flat": scores,
        "inline": {k: {"score": v, "reason": reasons[k]} for k, v in scores.items()},
        "indented": {"reason": reasons, "score": scores},
    }[form]
    text = json.dumps(made, indent=1 if form == "indented" else None)
    places = [i for i, c in enumerate(text) if c in PUNCTUATION]
    lost = data.draw(st.sets(st.sampled_from(places), min_size=1, max_size=4))
    read = parse("".join(c for i, c in enumerate(text) if i not in lost))
    assert read.scores in ({}, scores)
    assert (read.status == "ok") == bool(read.scores)


prose = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("{}[]\":,'`\\ \n")),
    max_size=120,
).filter(lambda text: "<think" not in text)


@settings(deadline=None)
@given(
    scores=score_tables, before=prose, after=prose, fence=st.booleans(),
    indent=st.sampled_from([None, 2]), reason=st.text(max_size=20),
)  # fmt: skip
def test_a_verdict_is_found_whatever_stands_around_it(
    scores: dict[str, int], before: str, after: str, fence: bool, indent: int | None, reason: str
) -> None:
    said = json.dumps({"reason": dict.fromkeys(KEYS, reason), "score": scores}, indent=indent)
    text = f"{before}\n```json\n{said}\n```\n{after}" if fence else f"{before}{said}{after}"
    read = parse(text)
    assert (read.status, read.scores) == ("ok", scores)
    assert set(read.reasons.values()) == {reason}


fragments = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", '"', "'", ":", ",", " ", "A", '"A"', '"A": ', '"score": ', '"B": ',
         "0", "1", "5", "6", "12", "-", ".", "e", "1e1", "4.5", "NaN", "Infinity", "true", "null",
         "<think>", "</think>", "```", "\\", "\n"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@settings(deadline=None)
@given(st.one_of(fragments, fragments.map('{{"A": {}'.format), st.text(max_size=80)))
def test_no_reply_gives_a_score_that_it_does_not_hold(text: str) -> None:
    read = parse_reply(text, ("A",), 1, 5)
    assert set(read.scores) == ({"A"} if read.status == "ok" else set())
    assert bool(read.reason) == (read.status != "ok")
    for value in read.scores.values():
        assert type(value) is int
        assert 1 <= value <= 5
        assert str(value) in text
