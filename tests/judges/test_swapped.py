"""Pairwise rubrics: both orders are asked, and a liking for a place cancels out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evals.core.verdicts import Attempt, Verdict
from judges.panel import Swapped
from judges.request import Request, Shown
from judges.rubric import Rubric, load_rubric

TOML = """
name = "pair"
version = "1"
scale = [1, 5]
swap = ["a", "b"]
system = "Compare."
task = "1: the first is better, 5: the second is."
images = [{ role = "a", label = "first" }, { role = "b", label = "second" }]
fields = []
normalise = { 1 = 0.0, 2 = 0.25, 3 = 0.5, 4 = 0.75, 5 = 1.0 }
weights = { better = 1.0 }
[[dimensions]]
key = "Q1"
name = "better"
title = "Better"
ask = "Which?"
"""


@pytest.fixture
def rubric() -> Rubric:
    return load_rubric(TOML)


@pytest.fixture
def request_(rubric: Rubric) -> Request:
    images = {r: Shown(path=Path(r), sha256=r * 64) for r in ("a", "b")}
    return Request(rubric=rubric, fields={}, images=images)


@dataclass
class Fake:
    """Scores by what is shown first; None fails."""

    by_first: dict[str, int | None]
    name: str = "fake"
    asked: list[str] = field(default_factory=list)

    async def ask(self, request: Request) -> Verdict:
        first = request.shown[0].sha256[0]
        self.asked.append(request.hash)
        score = self.by_first[first]
        attempt = Attempt(
            request=request.hash, judge="k", name="fake", asked="m", status="answered"
        )
        if score is None:
            return Verdict(judge="fake", status="refused", reason="no", attempts=(attempt,))
        return Verdict(judge="fake", status="ok", scores={"better": score}, attempts=(attempt,))


def ask(judge: Fake, request: Request) -> Verdict:
    return asyncio.run(Swapped(judge=judge).ask(request))


def test_a_judge_of_candidates_is_believed(request_: Request) -> None:
    judge = Fake({"a": 5, "b": 1})  # b is better, wherever it stands
    verdict = ask(judge, request_)
    assert verdict.scores == {"better": 5}
    assert len(set(judge.asked)) == 2, "two different questions, each paid once"
    assert len(verdict.singles) == 2


def test_a_judge_of_places_ends_in_a_tie(request_: Request) -> None:
    assert ask(Fake({"a": 1, "b": 1}), request_).scores == {"better": 3}
    assert ask(Fake({"a": 4, "b": 5}), request_).scores == {"better": 2.5}


def test_one_order_that_fails_fails_the_whole(request_: Request) -> None:
    verdict = ask(Fake({"a": 5, "b": None}), request_)
    assert (verdict.status, verdict.scores) == ("refused", {})
    assert "1 of 2" in verdict.reason


def test_swap_names_two_images_that_are_shown() -> None:
    with pytest.raises(ValueError, match="swap"):
        load_rubric(TOML.replace('["a", "b"]', '["a", "c"]'))


def test_swapping_is_part_of_the_rubrics_identity(rubric: Rubric) -> None:
    assert load_rubric(TOML.replace('swap = ["a", "b"]', "")).hash != rubric.hash
