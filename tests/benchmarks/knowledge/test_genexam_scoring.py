"""GenExam: recorded vectors, scores by hand, and replies of every kind."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.knowledge.genexam import replies, scoring
from benchmarks.knowledge.genexam.conformance import CONFORMANCE
from benchmarks.knowledge.genexam.replies import GLOBALS, strict_reading
from evals.conformance import run_conformance

SCALAR = st.sampled_from([0, 1, 2, 3, -1, 1.0, 0.5, True, None, "1", "2", "x", float("nan")])
ENTRY = st.one_of(SCALAR, st.fixed_dictionaries({"answer": SCALAR}), st.just([1]))
OBJECT = st.fixed_dictionaries(
    {},
    optional={
        "answers": st.one_of(SCALAR, st.lists(ENTRY, max_size=3)),
        "global_evaluation": st.one_of(
            SCALAR,
            st.dictionaries(
                st.sampled_from(list(GLOBALS.values())),
                st.one_of(SCALAR, st.fixed_dictionaries({"score": SCALAR})),
            ),
        ),
    },
)
DRESS = st.sampled_from(["{}", "```json\n{}\n```", "```\n{}\n```", "Sure! {}", "{} and {}", "{{{}"])
REPLIES = st.one_of(
    st.tuples(DRESS, OBJECT.map(json.dumps)).map(lambda t: t[0].replace("{}", t[1])),
    OBJECT.map(repr),
    st.text(max_size=80),
)


def _reply(answers: list[Any], scores: tuple[Any, Any, Any] = (2, 2, 2)) -> str:
    overall = {name: {"score": s} for name, s in zip(GLOBALS.values(), scores, strict=True)}
    marks = [{"answer": a} for a in answers]
    return json.dumps({"answers": marks, "global_evaluation": overall})


def test_all_recorded_functions_agree(conformance_dir: Path) -> None:
    path = conformance_dir / "genexam.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {"genexam": "benchmarks.knowledge.genexam.conformance"})
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


@pytest.mark.parametrize(
    ("reply", "official", "strict"),
    [
        (_reply([1, 0]), True, (1, 0)),
        (f"So:\n```json\n{_reply([1, 0])}\n```\nDone.", True, (1, 0)),
        (f"```\n{_reply([1, 0])}\n```", False, (1, 0)),
        (f"Sure! {_reply([1, 0])}", False, (1, 0)),
        (_reply([True, "0"]), False, (1, 0)),
        (_reply([1, 0], (2, 2, 5)), True, ()),
        (_reply([1, 0], (2, 2, None)), True, ()),
        (_reply([1, 2]), False, ()),
        (_reply([1]), False, ()),
        (_reply([1, 0]) + _reply([1, 1]), False, ()),
        (f"```json\n{_reply([1, 1])}\n``` no: ```json\n{_reply([1, 0])}\n```", True, ()),
        (_reply([1, 0]).replace('"', "'"), True, (1, 0)),
        ("", False, ()),
    ],
)
def test_readings(reply: str, official: bool, strict: tuple[int, ...]) -> None:
    try:
        replies.official_reply(reply, 2)
        accepted = True
    except replies.Unusable:
        accepted = False
    assert accepted == official
    assert strict_reading(reply, 2).answers == strict


@given(reply=REPLIES, points=st.integers(1, 3))
def test_no_reply_gives_more_or_other_answers(reply: str, points: int) -> None:
    reading = strict_reading(reply, points)
    assert bool(reading.answers) != bool(reading.reason)
    assert len(reading.answers) in {0, points}
    assert set(reading.answers) <= {0, 1}
    assert set(reading.globals) in (set(), set(GLOBALS))
    assert set(reading.globals.values()) <= {0, 1, 2}
    assert strict_reading(reply, points) == reading
    with contextlib.suppress(replies.Unusable):
        replies.official_reply(reply, points)


def test_scores_by_hand() -> None:
    """Official: semantics to 4, relaxed to 3 decimals; strict: nothing rounded."""
    weights = (1 / 3, 2 / 3)
    official = scoring.official_scores((1, 0), scoring.weight_met((1, 0), weights), 2, 1, 0)
    assert official.semantic_correctness == 0.3333
    assert official.relaxed_score == 0.383
    strict = scoring.strict_scores(
        (1, 0), weights, {"spelling": 2, "readability": 1, "logical_consistency": 0}
    )
    assert strict.relaxed_score == pytest.approx(0.7 / 3 + 0.15)
    assert (official.strict_score, strict.strict_score) == (0, 0)
    best = {"spelling": 2, "readability": 2, "logical_consistency": 2}
    assert scoring.strict_scores((1, 1), weights, best).strict_score == 1
    assert scoring.strict_scores((1, 0), weights, best).strict_score == 0


def test_an_emoji_written_in_two_halves_is_one_in_the_record() -> None:
    """In a Python literal, which a trailing comma makes of the reply, each half is a character."""
    reply = _reply([1, 0]).replace("{", '{"note": "\\ud83c\\udfa8", ', 1).replace("}}}", "}},}")
    assert len(replies.official_reply(reply, 2)["note"]) == 2
    found = CONFORMANCE["eval_single_reply_parsing"]({"replies": [reply], "n_scoring_points": 2})
    assert found["note"] == "\N{ARTIST PALETTE}"


def test_macro_and_micro_differ() -> None:
    full = scoring.official_scores((1,), 1.0, 2, 2, 2)
    none = scoring.official_scores((0,), 0.0, 0, 0, 0)
    samples = [("Music", full), ("Biology", none), ("Biology", none)]
    assert scoring.averages(samples, "macro")["strict_score"] == 0.5
    assert scoring.averages(samples, "micro")["strict_score"] == pytest.approx(1 / 3)
    assert scoring.averages([], "micro")["strict_score"] is None


def test_a_refused_reply_gives_the_same_reason_every_time() -> None:
    with pytest.raises(replies.Unusable) as error:
        replies.official_reply("{answers}", 1)
    assert "0x" not in str(error.value)
