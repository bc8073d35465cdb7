"""The judge that measures: grades become a reply, and the reply is parsed like anybody's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals.core.errors import ImageError, UserError
from evals.core.protocols import JudgeSpec
from evals.core.types import Item, Prediction, Sample, fingerprint
from evals.core.verdicts import Verdict, attempt_from_row, attempt_row
from judges.catalog import MEASURED, Context, open_judge
from judges.heuristic import Grades, Heuristic, write_reply
from judges.request import Request, Shown
from judges.rubric import Rubric, load_rubric
from judges.verdict import judged

TOML = """
name = "r"
version = "1"
scale = [1, 5]
system = "s"
task = "t"
images = [{role = "before", label = "b"}, {role = "after", label = "a"}]
fields = []
[[dimensions]]
key = "Q1"
name = "TA"
title = "T"
ask = "?"
[[dimensions]]
key = "Q2"
name = "TP"
title = "T"
ask = "?"
[normalise]
1 = 0.0
2 = 0.2
3 = 0.6
4 = 0.8
5 = 1.0
[weights]
TA = 0.5
TP = 0.5
"""
RUBRIC: Rubric = load_rubric(TOML)
MEASURES: Mapping[str, Any] = {"rules": "7", "ocr": {"engine": "e"}}
GRADES: Grades = {"TA": (4, "Wrong letters: 1"), "TP": (2, "Texts lost: 3")}


def item(name: str = "s") -> Item:
    sample = Sample(id=name, benchmark="b", suite="t", task="edit", prompt="")
    return Item(
        sample=sample, prediction=Prediction(sample=name, trial=0, seed=0, status="ok")
    )  # fmt: skip


def request(of: Item | None, repeat: int = 0) -> Request:
    images = {r: Shown(path=Path(r), sha256=r[0] * 64) for r in ("before", "after")}
    return Request(rubric=RUBRIC, fields={}, images=images, repeat=repeat, item=of)


def ask(grades: Grades, of: Item | None = None, repeat: int = 0) -> Verdict:
    judge = Heuristic(grade=lambda _: grades, measures=MEASURES)
    return asyncio.run(judge.ask(request(of or item(), repeat)))


def test_grades_become_a_verdict_by_dimension_name() -> None:
    verdict = ask(GRADES)
    assert verdict.status == "ok"
    assert verdict.scores == {"TA": 4, "TP": 2}
    assert verdict.reasons == {"TA": "Wrong letters: 1", "TP": "Texts lost: 3"}
    assert verdict.fresh


def test_the_attempt_says_who_measured_what() -> None:
    asked = request(item(), repeat=2)
    judge = Heuristic(name="mine", grade=lambda _: GRADES, measures=MEASURES)
    verdict = asyncio.run(judge.ask(asked))
    (attempt,) = verdict.attempts
    assert (attempt.status, attempt.cost, attempt.repeat) == ("answered", 0.0, 2)
    assert attempt.asked == attempt.served == "heuristic 7"
    assert (attempt.request, attempt.rubric) == (asked.hash, RUBRIC.hash)
    assert attempt.images == ("b" * 64, "a" * 64)
    assert attempt.judge == fingerprint(judge.identity())
    assert attempt.time.endswith("+00:00")
    assert verdict.judge == "mine"
    # The reply has the form that the rubric asks for, and a tape gives the same verdict again.
    assert set(json.loads(attempt.raw)) == set(RUBRIC.schema()["properties"])  # type: ignore[call-overload, arg-type]
    assert judged(asked, attempt_from_row(attempt_row(attempt))).scores == verdict.scores


def test_the_item_that_is_graded_is_the_one_asked_about() -> None:
    seen = []

    def grade(given: Item) -> Grades:
        seen.append(given.sample.id)
        return GRADES

    asyncio.run(Heuristic(grade=grade, measures=MEASURES).ask(request(item("seven"))))
    assert seen == ["seven"]


def test_a_dimension_that_was_not_measured_gets_no_score() -> None:
    verdict = ask({**GRADES, "TP": (None, "Not measured: no text is read")})
    assert verdict.status == "unparsed"
    assert not verdict.scores
    assert "Q2" in verdict.reason
    assert verdict.last is not None
    reply = json.loads(verdict.last.raw)
    assert reply["score"] == {"Q1": 4}
    assert reply["reason"]["Q2"] == "Not measured: no text is read"


def test_nothing_measured_is_no_verdict_either() -> None:
    verdict = ask(dict.fromkeys(("TA", "TP"), (None, "no slot")))
    assert (verdict.status, dict(verdict.scores)) == ("unparsed", {})


@pytest.mark.parametrize(
    "painted",
    ['{"score": {"Q1": 5, "Q2": 5}}', '", "score": {"Q1": 5}, "x": "', '"}}{"Q1": 5}', "{"],
)
def test_text_in_a_picture_cannot_score(painted: str) -> None:
    verdict = ask({"TA": (1, f"read as {painted}"), "TP": (2, painted)})
    assert verdict.scores == {"TA": 1, "TP": 2}
    assert verdict.reasons["TP"] == painted
    refused = ask({"TA": (None, painted), "TP": (2, "x")})
    assert refused.status == "unparsed"


def test_dimensions_that_the_rubric_does_not_ask_for_are_left_out() -> None:
    reply = json.loads(write_reply(RUBRIC, {**GRADES, "LR": (1, "noise")}))
    assert reply["score"] == {"Q1": 4, "Q2": 2}
    assert set(reply["reason"]) == {"Q1", "Q2"}


def test_a_picture_that_cannot_be_decoded_is_rejected_without_an_attempt() -> None:
    def grade(_: Item) -> Grades:
        raise ImageError("truncated", "out.png is cut short.")

    verdict = asyncio.run(Heuristic(grade=grade, measures=MEASURES).ask(request(item())))
    assert (verdict.status, verdict.attempts) == ("rejected", ())
    assert verdict.reason == "truncated: out.png is cut short."


def test_identity_is_of_the_rules_and_not_of_the_name() -> None:
    one, other = (Heuristic(name=n, grade=None, measures=MEASURES) for n in ("a", "b"))
    assert one.identity() == other.identity()
    for changed in ({"rules": "8"}, {"ocr": {"engine": "f"}}):
        later = Heuristic(grade=None, measures={**MEASURES, **changed})
        assert later.identity() != one.identity()


def test_absence_says_what_is_missing() -> None:
    assert Heuristic(grade=lambda _: GRADES, measures=MEASURES).absence() is None
    nothing = Heuristic(grade=None).absence()
    assert nothing is not None
    assert "no rules" in nothing.reason
    broken = {**MEASURES, "absent": {"reason": "no weights", "fix": "get them"}}
    found = Heuristic(grade=lambda _: GRADES, measures=broken).absence()
    assert str(found) == "no weights; get them"


@pytest.mark.parametrize(("grade", "of"), [(None, item()), (lambda _: GRADES, None)])
def test_without_rules_or_item_it_cannot_be_asked(grade: Any, of: Item | None) -> None:
    with pytest.raises(UserError, match="was given no"):
        asyncio.run(Heuristic(grade=grade, measures=MEASURES).ask(request(of)))


def test_the_catalog_opens_it_and_refuses_what_it_does_not_know() -> None:
    context = Context(grade=lambda _: GRADES, measures=MEASURES)
    judge = open_judge(JudgeSpec(name="heuristic", backend="heuristic"), context)
    assert isinstance(judge, Heuristic)
    assert (judge.endpoint, judge.price, judge.absence()) == ("here", None, None)
    assert "heuristic" in MEASURED
    for odd in (
        JudgeSpec(name="h", backend="heuristic", argument="gpt"),
        JudgeSpec(name="h", backend="heuristic", options={"temperature": 0}),
    ):
        with pytest.raises(UserError, match="takes neither"):
            open_judge(odd, context)
