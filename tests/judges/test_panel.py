"""Several verdicts as one: medians, means, majorities, and what one that fails does to the rest."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import Halt
from evals.core.protocols import Aggregate
from evals.core.verdicts import Attempt, Verdict
from judges.panel import Panel, combine, one_of
from judges.request import Request, Shown
from judges.rubric import Rubric, load_rubric
from judges.verdict import judged

TOML = """
name = "r"
version = "1"
scale = [1, 2]
system = "s"
task = "t"
images = [{role = "edited", label = "result"}]
fields = []
[[dimensions]]
key = "A"
name = "TA"
title = "T"
ask = "Q"
[normalise]
1 = 0.0
2 = 1.0
[weights]
TA = 1.0
"""
RUBRIC: Rubric = load_rubric(TOML)
AGGREGATES: tuple[Aggregate, ...] = ("median", "mean", "majority")

scores = st.lists(st.integers(1, 5), min_size=1, max_size=9)


def verdict(
    judge: str = "j", status: Any = "ok", served: str = "", **given_scores: float
) -> Verdict:
    attempt = Attempt(
        request="r", judge=judge, name=judge, asked="m", status="answered", served=served, cost=0.5
    )
    return Verdict(
        judge=judge, status=status, scores=given_scores if status == "ok" else {},
        reason="" if status == "ok" else f"{judge} was {status}", attempts=(attempt,),
        reasons={n: f"{judge} saw {n}" for n in given_scores if status == "ok"},
    )  # fmt: skip


def of(values: Sequence[float], aggregate: Aggregate) -> float:
    made = combine("p", [verdict(f"j{n}", TA=v) for n, v in enumerate(values)], aggregate)
    return made.scores["TA"]


@pytest.mark.parametrize(
    ("values", "median", "mean", "majority"),
    [
        ([4], 4, 4, 4),
        ([3, 4], 3.5, 3.5, 3.5),
        ([1, 5, 5], 5, 11 / 3, 5),
        ([1, 2, 5], 2, 8 / 3, 2),
        ([1, 1, 5, 5], 3, 3, 3),
        ([1, 1, 4, 5, 5], 4, 3.2, 4),
        ([1, 1, 2, 5], 1.5, 2.25, 1),
        ([5, 3, 1, 1, 3, 3], 3, 16 / 6, 3),
        ([1, 2, 3, 4], 2.5, 2.5, 2.5),
    ],
)
def test_scores_as_one(values: list[float], median: float, mean: float, majority: float) -> None:
    assert of(values, "median") == median
    assert of(values, "mean") == pytest.approx(mean)
    assert of(values, "majority") == majority


def test_every_dimension_for_itself() -> None:
    made = combine("p", [verdict("a", TA=1, TP=5), verdict("b", TA=3, TP=2)], "median")
    assert made.scores == {"TA": 2, "TP": 3.5}
    assert (made.judge, made.status, made.reason) == ("p", "ok", "")
    assert made.reasons == {"TA": "a saw TA / b saw TA", "TP": "a saw TP / b saw TP"}


@settings(deadline=None)
@given(scores, st.randoms(), st.sampled_from(AGGREGATES))
def test_the_order_does_not_matter(values: list[int], random: Any, aggregate: Aggregate) -> None:
    turned = list(values)
    random.shuffle(turned)
    assert of(values, aggregate) == of(turned, aggregate)


@settings(deadline=None)
@given(scores, st.sampled_from(AGGREGATES))
def test_the_sum_lies_among_the_scores(values: list[int], aggregate: Aggregate) -> None:
    made = one_of(values, aggregate)
    assert min(values) <= made <= max(values)
    if aggregate == "median":
        assert made == statistics.median(values)
    if aggregate == "majority" and made not in values:
        assert len(set(statistics.multimode(values))) > 1
    assert one_of(values * 2, aggregate) == pytest.approx(made)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_fails_fails_the_whole_with_its_reason(aggregate: Aggregate, place: int) -> None:
    members = [verdict("a", TA=5), verdict("b", TA=4)]
    members.insert(place, verdict("c", "timeout"))
    made = combine("p", members, aggregate)
    assert (made.status, made.scores, made.reasons) == ("timeout", {}, {})
    assert made.reason == "1 of 3 verdicts failed, first c: c was timeout"
    assert made.members == tuple(members)  # what was paid for is kept
    assert made.singles == tuple(members)


def test_of_several_that_fail_the_first_speaks() -> None:
    silent = Verdict(judge="b", status="missing")
    made = combine("p", [silent, verdict("c", "refused"), verdict("d", TA=1)], "mean")
    assert (made.status, made.reason) == ("missing", "2 of 3 verdicts failed, first b: missing")


def test_served_models_stand_once_per_judge_in_the_order_of_the_panel() -> None:
    members = [
        verdict("a", served="m-2", TA=1), verdict("a", served="m-2", TA=1),
        verdict("b", served="m-1", TA=1), verdict("c", served="m-2", TA=1),
        verdict("d", served="", TA=1),
    ]  # fmt: skip
    assert combine("p", members, "mean").served == ("m-2", "m-1", "m-2")
    assert verdict("a", served="m", TA=1).served == ("m",)
    assert Verdict(judge="a", status="missing").served == ()


def test_a_panel_costs_what_its_members_cost() -> None:
    made = combine("p", [verdict("a", TA=1), verdict("b", TA=2)], "mean")
    assert made.cost == 1.0
    free = Attempt(request="r", judge="c", name="c", asked="m", status="answered", cost=None)
    unknown = Verdict(judge="c", status="ok", scores={"TA": 1}, attempts=(free,))
    assert combine("p", [verdict("a", TA=1), unknown], "mean").cost is None
    assert combine("p", [Verdict(judge="z", status="missing")] * 2, "mean").cost == 0


# --- asking -------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Member:
    """Answers with one score per repeat; an exception is raised."""

    name: str
    says: Sequence[int | BaseException]
    asked: list[Request] = field(default_factory=list)
    together: list[int] = field(default_factory=list)

    async def ask(self, request: Request) -> Verdict:
        self.asked.append(request)
        await asyncio.sleep(0)
        self.together.append(len(self.asked))
        answer = self.says[request.repeat]
        if isinstance(answer, BaseException):
            raise answer
        attempt = Attempt(
            request=request.hash, judge=self.name, name=self.name, asked="m", status="answered",
            served=f"{self.name}-1", raw=f'{{"A": {answer}}}', repeat=request.repeat,
        )  # fmt: skip
        return judged(request, attempt)


def request() -> Request:
    shown = Shown(path=Path("x.png"), sha256="00" * 32)
    return Request(rubric=RUBRIC, fields={}, images={"edited": shown})


def test_repeats_are_different_questions_and_equal_ones_across_judges() -> None:
    a, b = Member(name="a", says=[1, 2, 2]), Member(name="b", says=[1, 1, 1])
    panel = Panel(judges=[a, b], repeats=3, aggregate="mean")
    made = asyncio.run(panel.ask(request()))
    assert panel.name == "a + b"
    assert [r.repeat for r in a.asked] == [0, 1, 2]
    hashes = [r.hash for r in a.asked]
    assert len(set(hashes)) == 3
    assert [r.hash for r in b.asked] == hashes
    assert hashes[0] == request().hash
    assert made.scores == {"TA": pytest.approx(8 / 6)}
    assert made.served == ("a-1", "b-1")
    assert [v.attempts[0].repeat for v in made.members] == [0, 1, 2, 0, 1, 2]
    assert made.fresh
    assert a.together == [3, 3, 3]  # all are asked before anybody answers


def test_a_single_judge_asked_once_is_no_panel() -> None:
    alone = Member(name="a", says=[2])
    made = asyncio.run(Panel(judges=[alone]).ask(request()))
    assert (made.judge, made.members, made.scores) == ("a", (), {"TA": 2})


def test_a_member_whose_reply_cannot_be_read_fails_the_panel() -> None:
    panel = Panel(judges=[Member(name="a", says=[2, 9])], repeats=2)
    made = asyncio.run(panel.ask(request()))
    assert (made.status, made.scores) == ("unparsed", {})
    assert "1 of 2 verdicts failed, first a: " in made.reason
    assert "9 is not from 1 to 2" in made.reason


def test_when_one_stops_the_run_the_others_are_still_waited_for() -> None:
    one, other = Member(name="a", says=[Halt("spent")]), Member(name="b", says=[1])
    with pytest.raises(Halt, match="spent"):
        asyncio.run(Panel(judges=[one, other]).ask(request()))
    assert other.together == [1]
