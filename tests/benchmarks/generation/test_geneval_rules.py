"""GenEval's rules: recorded vectors, recorded detections of a real run, and cases by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generation.geneval.boxes import RELATIONS, iou, relations
from benchmarks.generation.geneval.conformance import CONFORMANCE
from benchmarks.generation.geneval.rules import (
    COLOURS,
    TAGS,
    Clause,
    Found,
    Options,
    Spec,
    judge,
    keep,
    kept_of,
    read_spec,
)
from benchmarks.generation.geneval.summary import Row, ordered, printed, strict_overall, summarise
from evals.conformance import run_conformance

OPTIONS = Options()


def no_colours(name: str, objects: Sequence[Found]) -> list[str]:
    raise AssertionError(f"nobody asked for the colour of {name}")


def found(*boxes: tuple[float, ...]) -> list[Found]:
    return [
        Found(index=n, row=np.array([*box, 0.95][:5], np.float32)) for n, box in enumerate(boxes)
    ]


# --- recorded ---------------------------------------------------------------------------------


def test_all_recorded_functions_agree(conformance_dir: Path) -> None:
    path = conformance_dir / "geneval.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {"geneval": "benchmarks.generation.geneval.conformance"})
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


def recorded(official_data: Path) -> list[dict[str, Any]]:
    path = official_data / "geneval" / "real_detections.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
    return cases


def test_every_verdict_of_a_real_run_without_colours_is_the_same(official_data: Path) -> None:
    cases = recorded(official_data)
    assert len(cases) == 1106
    seen: Counter[str] = Counter()
    for case in cases:
        if case["tag"] in ("colors", "color_attr"):
            continue  # neither the colours nor the detections were stored
        spec = read_spec(case["metadata"])
        detections = {n: np.array(r, np.float32) for n, r in case["kept_detections"].items()}
        kept = kept_of(detections, spec.tag, OPTIONS)
        # What was stored had passed the threshold already, best first.
        assert {n: len(f) for n, f in kept.items()} == {n: len(r) for n, r in detections.items()}
        verdict = judge(spec, kept, no_colours, OPTIONS)
        assert verdict.correct == case["correct"], case["id"]
        assert "\n".join(verdict.reasons) == case["reason"], case["id"]
        seen[spec.tag] += 1
    assert seen == {"single_object": 160, "two_object": 198, "counting": 160, "position": 200}


def test_official_metadata_is_read(official_data: Path) -> None:
    path = official_data / "geneval" / "prompts" / "evaluation_metadata.jsonl"
    specs = [read_spec(json.loads(line)) for line in path.read_text().splitlines()]
    assert Counter(s.tag for s in specs) == dict(zip(TAGS, (80, 99, 80, 94, 100, 100), strict=True))


# --- by hand ----------------------------------------------------------------------------------


def test_score_on_the_threshold_is_dropped_and_the_best_come_first() -> None:
    rows = np.array([[0, 0, 9, 9, s] for s in (0.3, 0.31, 0.8, 0.5)], np.float32)
    assert [f.index for f in keep(rows, 0.3, OPTIONS)] == [2, 3, 1]
    assert keep(np.empty((0, 5), np.float32), 0.3, OPTIONS) == []
    assert [f.index for f in keep(rows, 0.3, Options(max_objects=2))] == [2, 3]


def test_no_number_is_no_detection() -> None:
    rows = np.array([[0, 0, 9, 9, np.nan], [0, 0, 9, 9, 0.5]], np.float32)
    assert [f.index for f in keep(rows, 0.3, OPTIONS)] == [1]


def test_weaker_overlap_is_dropped_from_the_limit_on() -> None:
    half = [[0, 0, 9, 9, 0.9], [0, 0, 9, 4, 0.8], [20, 0, 29, 9, 0.7]]
    rows = np.array(half, np.float32)
    assert iou(rows[0], rows[1]) == 0.5
    assert [f.index for f in keep(rows, 0.3, Options(max_overlap=0.5))] == [0, 2]
    assert [f.index for f in keep(rows, 0.3, Options(max_overlap=0.51))] == [0, 1, 2]


def test_an_overlap_on_the_limit_is_compared_in_float32() -> None:
    rows = np.array([[0, 0, 9, 9, 0.9], [0, 0, 9, 6, 0.8]], np.float32)
    assert iou(rows[0], rows[1]) < 0.7  # 0.7 in float32
    assert [f.index for f in keep(rows, 0.3, Options(max_overlap=0.7))] == [0]


def test_the_cap_comes_before_overlaps() -> None:
    rows = np.array([[0, 0, 9, 9, 0.9], [0, 0, 9, 9, 0.8], [50, 50, 59, 59, 0.7]], np.float32)
    assert [f.index for f in keep(rows, 0.3, Options(max_overlap=0.5, max_objects=2))] == [0]


def test_iou_counts_the_last_pixel() -> None:
    assert iou([0, 0, 0, 0], [0, 0, 0, 0]) == 1.0
    assert iou([0, 0, 1, 1], [1, 1, 2, 2]) == pytest.approx(1 / 7)
    assert iou([5, 5, 3, 3], [0, 0, -1, -1]) == 0.0


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (100, 0, 110, 10), ["left of"]),
        ((100, 0, 110, 10), (0, 0, 10, 10), ["right of"]),
        ((0, 0, 10, 10), (0, 100, 10, 110), ["above"]),
        ((0, 0, 10, 10), (100, 100, 110, 110), ["left of", "above"]),
        ((0, 0, 10, 10), (0, 0, 10, 10), []),
        # 10 px apart, sizes 10 + 10: 8 of 10 px remain; at sizes 60 + 60 nothing does.
        ((0, 0, 10, 10), (10, 0, 20, 10), ["left of"]),
        ((0, 0, 60, 60), (10, 0, 70, 60), []),
    ],
)
def test_relations(a: tuple[int, ...], b: tuple[int, ...], expected: list[str]) -> None:
    assert relations(a, b) == expected


def test_none_may_hold_though_the_objects_are_apart() -> None:
    """Half of the offset goes to the sizes: what is left of neither axis passes one half."""
    assert relations([0, 0, 40, 40], [14, 14, 54, 54]) == []


def test_only_the_most_confident_are_asked_for_their_colour() -> None:
    asked: list[int] = []

    def red_then_blue(name: str, objects: Sequence[Found]) -> list[str]:
        asked.append(len(objects))
        return ["red", "blue"][: len(objects)]

    kept = {"tie": found((0, 0, 9, 9), (20, 0, 29, 9), (40, 0, 49, 9))}
    spec = Spec(tag="colors", include=(Clause(name="tie", count=2, colour="red"),))
    verdict = judge(spec, kept, red_then_blue, OPTIONS)
    assert asked == [2]
    assert verdict.reasons == ("expected red tie>=2, found 1 red; and 1 red, 1 blue",)


def test_a_target_that_failed_is_no_target() -> None:
    spec = Spec(
        tag="position",
        include=(
            Clause(name="dog", count=1, colour="red"),
            Clause(name="tie", count=1, relation="left of", target=0),
        ),
    )
    kept = {"dog": found((100, 0, 109, 9)), "tie": found((0, 0, 9, 9))}
    assert judge(spec, kept, lambda n, o: ["red"], OPTIONS).correct
    failed = judge(spec, kept, lambda n, o: ["blue"], OPTIONS)
    assert failed.reasons[-1] == "no target for tie to be left of"


def test_every_pair_must_stand_so() -> None:
    spec = Spec(
        tag="position",
        include=(
            Clause(name="dog", count=2),
            Clause(name="tie", count=1, relation="left of", target=0),
        ),
    )
    kept = {"dog": found((100, 0, 109, 9), (-90, 0, -81, 9)), "tie": found((0, 0, 9, 9))}
    verdict = judge(spec, kept, no_colours, OPTIONS)
    assert verdict.reasons == ("expected tie left of target, found right of target",)


def test_too_many_is_wrong() -> None:
    spec = Spec(
        tag="counting",
        include=(Clause(name="tie", count=1),),
        exclude=(Clause(name="tie", count=2),),
    )
    assert judge(spec, {"tie": found((0, 0, 9, 9))}, no_colours, OPTIONS).correct
    two = judge(spec, {"tie": found((0, 0, 9, 9), (20, 0, 29, 9))}, no_colours, OPTIONS)
    assert two.reasons == ("expected tie<2, found 2",)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"tag": "colors", "include": "tie"},
        {"tag": "colors", "include": ["tie"]},
        {"tag": "colors", "include": [{"class": "tie"}]},
        {"tag": "colors", "include": [{"class": "tie", "count": True}]},
        {"tag": "position", "include": [{"class": "a", "count": 1, "position": ["left of", 0]}]},
        {"tag": "position", "include": [{"class": "a", "count": 1, "position": ["inside", 0]}]},
    ],
)
def test_a_record_that_is_none_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_spec(record)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4) | st.sampled_from(TAGS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("tag", "include", "exclude", "class", "count", "color", "position")),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(("tag", "include", "exclude")), ANY))
def test_records_are_read_or_refused(record: dict[str, Any]) -> None:
    try:
        spec = read_spec(record)
    except ValueError:
        return
    assert all(c.relation in ("", *RELATIONS) for c in spec.include)


BOX = st.lists(st.floats(-2000, 2000, width=32), min_size=4, max_size=4)


@settings(max_examples=200)
@given(BOX, BOX)
def test_boxes_of_any_kind(a: list[float], b: list[float]) -> None:
    one, other = np.array(a, np.float32), np.array(b, np.float32)
    assert iou(one, other) >= 0
    sides = relations(one, other)
    assert len(set(sides)) == len(sides) <= 2
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    assert [opposite[s] for s in sides] == relations(other, one)


# --- summary ----------------------------------------------------------------------------------


def test_a_task_without_images_raises_the_released_mean_and_lowers_the_strict_one() -> None:
    rows = [Row(tag="position", prompt=n, correct=n == 0) for n in range(4)]
    rows += [Row(tag="colors", prompt=9, correct=True)] * 2
    summary = summarise(rows)
    assert summary.overall == (0.25 + 1.0) / 2
    assert summary.correct_images == 0.5
    assert summary.correct_prompts == 2 / 5
    assert ordered(summary) == ["colors", "position"]
    planned = {"position": 4, "colors": 4, "counting": 4}
    assert strict_overall(rows, planned) == pytest.approx((0.25 + 0.5 + 0) / 3)
    assert printed(summary)[-1] == "Overall score (avg. over tasks): 0.62500"


def test_no_verdict_is_no_number() -> None:
    with pytest.raises(ValueError):
        summarise([])
    with pytest.raises(ValueError):
        strict_overall([Row(tag="position", prompt=0, correct=True)], {"colors": 1})


def test_colour_words_are_the_prompts_own(official_data: Path) -> None:
    path = official_data / "geneval" / "prompts" / "evaluation_metadata.jsonl"
    specs = [read_spec(json.loads(line)) for line in path.read_text().splitlines()]
    assert {c.colour for s in specs for c in s.include if c.colour} == set(COLOURS)
