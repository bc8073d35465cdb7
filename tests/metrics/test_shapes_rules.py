"""Clauses about shapes: hand-made readings, each right or wrong in one way."""

from __future__ import annotations

import pytest

from metrics.shapes import Shape
from metrics.shapes_rules import Side, Wanted, clauses, sides, told


def shape(name: str, colour: str, x: float = 100, y: float = 100, size: float = 40) -> Shape:
    half = size / 2
    return Shape(
        name=name, colour=colour, box=(x - half, y - half, x + half, y + half), centre=(x, y),
        area=size**2, certainty=1.0,
    )  # fmt: skip


def failed(wanted: list[Wanted], shapes: list[Shape], side: Side | None = None) -> list[str]:
    return [str(c) for c in clauses(wanted, side, shapes) if not c.met]


RED = Wanted(name="circle", colour="red")
BLUE = Wanted(name="square", colour="blue")


def test_all_that_was_asked_for_and_nothing_else() -> None:
    both = [shape("square", "blue"), shape("circle", "red", 300)]
    assert failed([RED, BLUE], both) == []
    assert len(clauses([RED, BLUE], None, both)) == 5
    assert len(clauses([RED, BLUE], "left", both)) == 6
    assert failed([Wanted(name="circle")], [shape("circle", "mixed")]) == []
    assert len(clauses([Wanted(name="circle")], None, [])) == 2


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([], ["3 x star: 0 seen", "3 x green star: 0 seen", "nothing else: nothing at all"]),
        ([shape("star", "green")] * 2, ["3 x star: 2 seen", "3 x green star: 2 seen"]),
        ([shape("star", "green")] * 4, ["3 x star: 4 seen", "3 x green star: 4 seen"]),
        ([shape("star", "green")] * 2 + [shape("star", "red")], ["3 x green star: 2 seen"]),
        ([shape("star", "green")] * 3 + [shape("star", "red")], ["3 x star: 4 seen"]),
        ([shape("star", "green")] * 3 + [shape("other", "black")],
         ["nothing else: 1 x black other"]),
        ([shape("hollow star", "green")] * 3,
         ["3 x star: 0 seen", "3 x green star: 0 seen", "nothing else: 3 x green hollow star"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(shapes: list[Shape], expected: list[str]) -> None:
    assert failed([Wanted(name="star", colour="green", count=3)], shapes) == expected


def test_swapped_colours_fail_the_colours_alone() -> None:
    swapped = [shape("circle", "blue"), shape("square", "red", 300)]
    assert failed([RED, BLUE], swapped) == ["1 x red circle: 0 seen", "1 x blue square: 0 seen"]


def test_one_name_in_two_colours_is_counted_together() -> None:
    wanted = [Wanted(name="star", colour="red", count=2), Wanted(name="star", colour="blue")]
    right = [shape("star", "red"), shape("star", "blue"), shape("star", "red")]
    assert failed(wanted, right) == []
    assert failed(wanted, right[:2]) == ["3 x star: 2 seen", "2 x red star: 1 seen"]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 100, ["left"]), (200, 100, ["right"]), (100, 0, ["above"]), (100, 200, ["below"]),
        (0, 0, ["left", "above"]), (200, 200, ["right", "below"]),
        (100, 100, []), (103, 100, []), (107.9, 100, []), (300, 130, ["right"]),
    ],
)  # fmt: skip
def test_sides_by_the_offset_of_the_centres(x: float, y: float, expected: list[str]) -> None:
    assert list(sides(shape("circle", "red", x, y), shape("square", "blue"))) == expected


def test_the_side_needs_both_and_every_pair() -> None:
    left, right = shape("circle", "red", 50), shape("square", "blue", 200)
    assert failed([RED, BLUE], [left, right], "left") == []
    assert failed([RED, BLUE], [left, right], "above") == ["circle above of square: left"]
    said = failed([RED, BLUE], [left, shape("square", "green", 200)], "left")
    assert said == ["1 x blue square: 0 seen", "circle left of square: not both are there"]
    third = shape("square", "blue", 10)
    assert "circle left of square: right and left" in failed([RED, BLUE], [left, third, right],
                                                             "left")  # fmt: skip
    near = [shape("circle", "red", 199), shape("square", "blue", 200)]
    assert failed([RED, BLUE], near, "left") == ["circle left of square: on no side"]


def test_shapes_in_words() -> None:
    assert told([shape("star", "red"), shape("other", "mixed"), shape("star", "red")]) == (
        "2 x red star, 1 x mixed other"
    )
