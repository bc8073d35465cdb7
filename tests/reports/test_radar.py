"""Radars: geometry against points worked out by hand, gaps, orientation, kinds kept apart."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest

from reports.html import build_report
from reports.overview import Suite, model_names, suites_of
from reports.radar import (
    HEIGHT,
    MARKERS,
    MOST_MODELS,
    RADIUS,
    SIDE,
    angle,
    mark_path,
    outline_path,
    point,
    radar_panels,
    too_many,
    wrapped,
)
from reports.sections import sections_of
from tests.reports.sweep_runs import SKILLS, SUITES, FakeSuite, make_sweep, run_of

CENTRE = (SIDE / 2, HEIGHT / 2)


def panels(runs: Sequence[Any]) -> list[dict[str, Any]]:
    suites = suites_of(sections_of(runs))
    return radar_panels(suites, model_names(suites)[0])


def only(runs: Sequence[Any]) -> Suite:
    (suite,) = suites_of(sections_of(runs))
    return suite


# --- geometry -----------------------------------------------------------------------------------


def test_axes_go_clockwise_from_the_top() -> None:
    x, y = CENTRE
    assert [point(1.0, at, 4) for at in range(4)] == [
        (x, y - RADIUS), (x + RADIUS, y), (x, y + RADIUS), (x - RADIUS, y)
    ]  # fmt: skip
    third = point(1.0, 1, 3)
    assert third == (round(x + RADIUS * math.sqrt(3) / 2, 1), round(y + RADIUS / 2, 1))
    assert point(0.0, 2, 5) == CENTRE
    assert angle(3, 12) == pytest.approx(math.pi / 2)


def test_a_whole_outline_is_closed() -> None:
    x, y = CENTRE
    r = RADIUS
    assert outline_path([1.0, 0.5, 0.0, 0.25]) == (
        f"M{x:g} {y - r:g}L{x + r / 2:g} {y:g}L{x:g} {y:g}L{x - r / 4:g} {y:g}Z"
    )


def test_no_line_leads_to_a_missing_value() -> None:
    x, y, r = *CENTRE, RADIUS
    top, right, bottom = f"{x:g} {y - r:g}", f"{x + r:g} {y:g}", f"{x:g} {y + r:g}"
    left = f"{x - r:g} {y:g}"
    assert outline_path([1.0, 1.0, 1.0, None]) == f"M{top}L{right}L{bottom}"
    assert outline_path([1.0, None, 1.0, 1.0]) == f"M{bottom}L{left}L{top}"
    assert outline_path([1.0, None, 1.0, None]) == "", "points alone: their marks stand for them"
    assert outline_path([None, 1.0, None, None]) == ""
    assert outline_path([None] * 4) == ""
    six = outline_path([1.0, 1.0, None, 1.0, 1.0, None])
    assert (six.count("M"), six.count("L"), six.count("Z")) == (2, 2, 0)


def test_marks_differ_and_stay_at_their_point() -> None:
    shapes = {m: mark_path(m, (100.0, 50.0)) for m in MARKERS}
    assert len(set(shapes.values())) == len(MARKERS) == MOST_MODELS
    for path in shapes.values():
        x, y = (float(v) for v in re.match(r"M(\S+) (\S+?)[a-zA-Z]", path).groups())
        assert abs(x - 100) < 6
        assert abs(y - 50) < 6


def test_labels_break_at_spaces() -> None:
    assert wrapped("GenEval full") == ["GenEval full"]
    assert wrapped("Rendered questions synth") == ["Rendered", "questions synth"]
    assert wrapped("A-name-that-is-very-long full") == ["A-name-that-is-very-long", "full"]


# --- values -------------------------------------------------------------------------------------


def test_values_are_shares_of_the_declared_range() -> None:
    points = only([run_of(SUITES[0], "m", 0.6)])
    value = points.rows["m"][1].headline.value
    assert value is not None
    assert points.share("m") == pytest.approx(value / 2000)
    scale = only([run_of(SUITES[8], "m", 0.6)])
    value = scale.rows["m"][1].headline.value
    assert value is not None
    assert scale.share("m") == pytest.approx((value - 1) / 4)
    assert scale.share("nobody") is None


def test_outside_is_better_where_lower_is() -> None:
    suite = only([run_of(SUITES[11], "good", 0.95), run_of(SUITES[11], "bad", 0.2)])
    good, bad = suite.share("good"), suite.share("bad")
    assert good is not None
    assert bad is not None
    assert good > bad
    value = suite.rows["good"][1].headline.value
    assert value is not None
    assert good == pytest.approx(1 - value)


def test_anchored_headlines_are_cut_off_at_the_ends() -> None:
    suite = only([run_of(SUITES[3], "m", 0.6)])
    for value, share in ((-0.4, 0.0), (1.3, 1.0)):
        row = suite.board.rows[0]
        moved = dataclasses.replace(row, headline=dataclasses.replace(row.headline, value=value))
        board = dataclasses.replace(suite.board, rows=(moved,))
        made = Suite(section=suite.section, board=board)
        object.__setattr__(made, "__dict__", {**made.__dict__, "rows": {"m": (board, moved)}})
        assert made.share("m") == share


def test_a_model_without_a_value_has_a_gap_and_no_zero() -> None:
    runs = make_sweep(SUITES[5:9], {"a": 0.8, "b": 0.7, "c": 0.6, "d": 0.5})
    (radar,) = panels(runs)
    by_name = {o.name: o for o in radar["outlines"]}
    assert by_name["a"].path.endswith("Z")
    gone = by_name["c"]
    assert len(gone.points) == 3, "it does no editing"
    assert not gone.path.endswith("Z")
    assert (*CENTRE,) not in {(x, y) for x, y, _ in gone.points}
    assert all("ImgEdit" not in tip for _, _, tip in gone.points)
    assert "A gap is a missing value, not a zero." in radar["caption"]


# --- which radars ---------------------------------------------------------------------------


def test_two_axes_are_no_radar() -> None:
    assert panels(make_sweep(SUITES[:2], {"m": 0.5})) == []
    assert "<figure" not in build_report(make_sweep(SUITES[:2], {"m": 0.5}), embed="none")


def synthetic(count: int) -> list[FakeSuite]:
    return [
        FakeSuite(title=f"Toy {at}", area="generation", name="synth", synthetic=True)
        for at in range(count)
    ]


def test_official_and_synthetic_suites_share_no_radar() -> None:
    runs = make_sweep(SUITES[:4], {"m": 0.5}) + make_sweep(synthetic(3), {"m": 0.6})
    official, other = panels(runs)
    assert [a["title"] for a in official["axes"]] == [
        "MME full", "MMMU val", "ChartQA test", "GenEval full"
    ]  # fmt: skip
    assert [a["title"] for a in other["axes"]] == ["Toy 0 synth", "Toy 1 synth", "Toy 2 synth"]
    assert (official["synthetic"], other["synthetic"]) == (False, True)
    few = make_sweep(SUITES[:4], {"m": 0.5}) + make_sweep(synthetic(2), {"m": 0.6})
    assert len(panels(few)) == 1, "two synthetic axes are no radar"


def test_more_suites_than_a_radar_holds_make_one_per_area() -> None:
    more = [*SUITES, FakeSuite(title="One more", area="editing")]
    made = panels(make_sweep(more, {"m": 0.5, "n": 0.4}))
    assert [r["title"] for r in made] == [
        "Official suites of understanding", "Official suites of generation",
        "Official suites of editing",
    ]  # fmt: skip
    assert [len(r["axes"]) for r in made] == [3, 3, 5], "the two of knowledge are no radar"
    assert len({r["id"] for r in made}) == 3
    assert all(r["arcs"] == [] for r in made), "a band would name one area all around"
    many = [FakeSuite(title=f"Many {at}", area="editing") for at in range(13)]
    runs = make_sweep([*SUITES[:3], *many], {"m": 0.5, "n": 0.4})
    assert [r["title"] for r in panels(runs)] == ["Official suites of understanding"]
    assert too_many(suites_of(sections_of(runs))) == [
        "13 official suites of editing are more than a radar has room for (12); "
        "the table has them all."
    ]
    assert "13 official suites of editing are" in build_report(runs, embed="none")


def test_a_suite_without_an_end_or_a_value_has_no_axis_and_is_named() -> None:
    endless = dataclasses.replace(SUITES[3], title="Endless")
    runs = make_sweep([*SUITES[:3], endless, SUITES[4]], {"m": 0.5})
    for run in runs:
        if run.benchmark == "endless":
            for variant in run.manifest["variants"]:
                variant["range"] = [0.0, math.inf]
        if run.benchmark == "dpg-bench":
            run.manifest["absences"] = {"answer": {"reason": "no weights", "fix": "get them"}}
            run.scores.clear()
    (radar,) = panels(runs)
    assert [a["title"] for a in radar["axes"]] == ["MME full", "MMMU val", "ChartQA test"]
    assert radar["caption"].endswith("end of its scale: Endless full, DPG-Bench full.")


def test_six_models_at_most_the_best_ranked_first() -> None:
    runs = make_sweep()
    suites = suites_of(sections_of(runs))
    names = model_names(suites)[0]
    (radar,) = panels(runs)
    drawn = [o for o in radar["outlines"] if o.marker]
    assert [o.name for o in drawn] == names[:MOST_MODELS]
    assert [o.css for o in drawn] == [f"m{at}" for at in range(MOST_MODELS)]
    assert f"6 of {len(SKILLS)} models: those on top of the table." in radar["caption"]
    ends = [(o.name, o.marker) for o in radar["outlines"] if not o.marker]
    assert ends == [("floor", ""), ("ceiling", "")]
    ceiling = next(o for o in radar["outlines"] if o.name == "ceiling")
    assert len(ceiling.points) == 4, "of the suites that have one"


def test_axes_are_grouped_by_area() -> None:
    (radar,) = panels(make_sweep())
    areas = [a["area"] for a in radar["axes"]]
    assert [a["area"] for a in radar["arcs"]] == list(dict.fromkeys(areas))
    assert areas == sorted(areas, key=list(dict.fromkeys(areas)).index)


# --- the drawing ----------------------------------------------------------------------------


def boxes(radar: dict[str, Any]) -> list[tuple[str, float, float, float, float]]:
    """About where each label lies: letters of 7.6 units in lines of 14."""
    found = []
    for axis in radar["axes"]:
        width = max(len(text) for _, _, text in axis["lines"]) * 7.6
        x, top = axis["lines"][0][0], axis["lines"][0][1] - 11
        left = {"start": x, "end": x - width, "middle": x - width / 2}[axis["anchor"]]
        bottom = axis["lines"][-1][1] + 3
        found.append((axis["title"], left, top, left + width, bottom))
    return found


@pytest.mark.parametrize("axes", range(3, 13))
def test_labels_neither_overlap_nor_leave_the_drawing(axes: int) -> None:
    (radar,) = panels(make_sweep(SUITES[:axes], {"m": 0.5}))
    made = boxes(radar)
    for title, left, top, right, bottom in made:
        assert left >= 0, title
        assert right <= SIDE, title
        assert top >= 0, title
        assert bottom <= HEIGHT, title
    for a, b in combinations(made, 2):
        apart = a[3] <= b[1] or b[3] <= a[1] or a[4] <= b[2] or b[4] <= a[2]
        assert apart, (a, b)


def test_points_lie_within_the_rim() -> None:
    for radar in panels(make_sweep()):
        for outline in radar["outlines"]:
            for x, y, tip in outline.points:
                assert math.dist((x, y), CENTRE) <= RADIUS + 0.1, tip


def test_the_drawing_can_be_read_without_seeing_it() -> None:
    text = build_report(make_sweep(), embed="none")
    svg = text.split('<svg viewBox="0 0 640 440"')[1].split("</svg>")[0]
    assert 'role="img" aria-labelledby="radar-0-title radar-0-desc"' in svg
    assert '<title id="radar-0-title">Official suites</title>' in svg
    assert "Radar of 12 suites: MME full, " in svg
    assert "The table above holds its numbers." in svg
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'textPath href="#([^"]+)"', svg)) <= set(ids)
    value = only([r for r in make_sweep() if r.benchmark == "geneval"]).text("internvl-u")
    assert f"<title>internvl-u, GenEval full: {value}</title>" in svg
    assert "style=" not in svg
