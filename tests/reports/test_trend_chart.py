"""Scales, ticks and places of a curve."""

from __future__ import annotations

import itertools
import math

import pytest

from reports.trend_chart import (
    BOTTOM,
    FLAT,
    LEFT,
    RIGHT,
    STRETCH,
    TOP,
    Anchor,
    Curve,
    Plot,
    Point,
    chart,
    scale_of,
    ticks,
)


def curve(*values: float | None, spread: float = 0.0) -> Curve:
    points = [
        Point(step=10 * n, value=v, low=None if v is None else v - spread,
              high=None if v is None else v + spread)
        for n, v in enumerate(values)
    ]  # fmt: skip
    return Curve(css="m0", marker="circle", points=tuple(points))


def anchor(value: float, name: str = "copy-source") -> Anchor:
    return Anchor(name=name, css="floor", value=value, text=f"{value:.3f}")


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.311, 0.329), (-3.4, 1), (7.6, 9.9), (0, 12_500), (1e-5, 3e-5)]
)
@pytest.mark.parametrize("most", [3, 4, 5, 8])
def test_ticks_are_few_even_and_inside(low: float, high: float, most: int) -> None:
    found = ticks(low, high, most)
    assert 1 <= len(found) <= most
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in found)
    gaps = {round(b - a, 12) for a, b in itertools.pairwise(found)}
    assert len(gaps) <= 1
    assert len(ticks(low, high, 5)) >= 2


def test_no_scale_has_one_tick() -> None:
    assert ticks(3.0, 3.0) == [3.0]


def test_near_anchors_are_in_the_scale_and_far_ones_are_not() -> None:
    curves = [curve(0.2, 0.4)]
    near, far = scale_of(curves, [anchor(0.0)], 0, 1), scale_of(curves, [anchor(100.0)], 0, 100)
    assert near[0] <= 0.0
    assert far[1] < 10
    edge = 0.2 + (STRETCH + 0.1) * 0.2
    assert scale_of(curves, [anchor(edge)], 0, math.inf)[1] < edge


def test_a_flat_curve_does_not_fill_the_plot_with_noise() -> None:
    low, high = scale_of([curve(50.0, 50.01)], [], 0, 100)
    assert high - low >= FLAT * 100
    assert low < 50 < high
    low, high = scale_of([curve(0.0, 0.0)], [], -math.inf, 1)
    assert 0 < high - low < 1


def test_no_tick_is_beyond_what_can_be() -> None:
    made = chart([curve(0.0, 0.0, 0.0)], [], (0, 20), (0.0, 1.0))
    assert made["rows"][0]["text"] == "0.00"
    made = chart([curve(1.0, 1.0)], [], (0, 10), (0.0, 1.0))
    assert max(float(r["text"]) for r in made["rows"]) == 1.0


def test_what_was_seen_outside_of_a_range_is_shown() -> None:
    low, high = scale_of([curve(-2.4, -3.3, spread=0.6)], [], 0, 1)
    assert low < -3.9
    assert high > -1.8


def test_places_are_in_the_plot() -> None:
    plot = Plot((0, 100), (0.0, 1.0))
    assert plot.x(0) > LEFT
    assert plot.x(100) < RIGHT
    assert (plot.y(0.0), plot.y(1.0)) == (BOTTOM, TOP)
    assert (plot.y(-5.0), plot.y(5.0)) == (BOTTOM, TOP), "cut off at the edge"
    assert Plot((5, 5), (0.0, 1.0)).x(5) == (LEFT + RIGHT) / 2


def test_names_of_anchors_do_not_lie_on_each_other() -> None:
    both = [anchor(0.50), anchor(0.52, "ground-truth")]
    made = chart([curve(0.2, 0.45)], both, (0, 10), (0.0, 1.0))
    ys = [a["text_y"] for a in made["anchors"]]
    assert len(ys) == 2
    assert abs(ys[0] - ys[1]) >= 12


def test_a_name_stands_where_the_curve_is_not() -> None:
    rising = chart([curve(0.1, 0.9)], [anchor(0.0), anchor(1.0)], (0, 10), (0.0, 1.0))
    top, bottom = rising["anchors"]
    assert (top["anchor"], bottom["anchor"]) == ("start", "end")
    far = chart([curve(0.9, 0.89, 0.2)], [anchor(-40.0)], (0, 20), (-math.inf, 1.0))
    assert far["outside"][0]["text"].startswith("↓ copy-source")
    assert far["outside"][0]["anchor"] == "start"


def test_steps_have_whole_numbers() -> None:
    made = chart([curve(0.1, 0.2)], [], (0, 2), (0.0, 1.0))
    assert [s["text"] for s in made["steps"]] == ["0", "1", "2"]
    made = chart([curve(0.1, 0.2)], [], (0, 40_000), (0.0, 1.0))
    assert made["steps"][-1]["text"] == "40,000"
