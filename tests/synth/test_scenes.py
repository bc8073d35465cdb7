"""Which scenes and facts exist, that they are true, balanced, and drawn as they are told."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import UserError
from synth.scenes import (
    FACT_KINDS,
    FACTS_VERSION,
    PER_KIND,
    SCENE_KINDS,
    SCENES_VERSION,
    Kinds,
    Spec,
    ensure_pictures,
    facts,
    paint,
    scenes,
)
from synth.scenes import pictures as module
from synth.scenes.spec import NUMBERS, SHAPES, SIDES, SIZE
from synth.shapes import COLOURS, PAINTS, plural

Make = Callable[..., list[Spec]]
SUITES: dict[str, tuple[Make, Kinds]] = {
    "scenes": (scenes, SCENE_KINDS),
    "facts": (facts, FACT_KINDS),
}
GOLDEN = {"scenes": "b4b059f7395c78b0", "facts": "f68bc29c7a273d8b"}
EDITIONS = range(6)

suites = pytest.mark.parametrize("suite", SUITES)


def digest(items: list[Spec]) -> str:
    return hashlib.sha256(" ".join(s.sha256 for s in items).encode()).hexdigest()[:16]


def all_of(suite: str) -> list[Spec]:
    return [s for edition in EDITIONS for s in SUITES[suite][0](edition)]


@suites
def test_items_are_the_recorded_ones(suite: str) -> None:
    """A change here changes the benchmark: raise the version and record the hash anew."""
    make, kinds = SUITES[suite]
    assert (SCENES_VERSION, FACTS_VERSION) == ("rendered-scenes/1", "rendered-facts/1")
    assert digest(make()) == GOLDEN[suite]
    assert [s.kind for s in make()] == [k for k in kinds for _ in range(PER_KIND)]
    assert len({s.id for s in make()}) == len({s.prompt for s in make()}) == 48


def test_items_do_not_depend_on_the_process() -> None:
    code = "from synth.scenes import *; print([s.sha256 for s in (*scenes(), *facts())])"
    out = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert out.stdout.strip() == str([s.sha256 for s in (*scenes(), *facts())])


def test_any_field_changes_the_hash() -> None:
    spec = scenes()[8]
    for name, value in (
        ("phrase", "x"), ("wanted", spec.wanted[1:]), ("side", "left"), ("edition", 1),
        ("index", 9), ("shows", spec.shows[1:]), ("version", "rendered-scenes/2"),
    ):  # fmt: skip
        assert replace(spec, **{name: value}).sha256 != spec.sha256, name


@suites
def test_one_picture_is_right_for_one_prompt(suite: str) -> None:
    """But for a shape of any colour, which may be asked for in a colour as well."""
    for edition in EDITIONS:
        items = SUITES[suite][0](edition)
        fits = [sum(a.allows(b) for b in items) for a in items]
        assert max(fits) <= (2 if suite == "scenes" else 1)
        assert all(
            s.kind in {"single", "colour"} for s, n in zip(items, fits, strict=True) if n > 1
        )


@suites
def test_shapes_and_colours_are_balanced(suite: str) -> None:
    make, kinds = SUITES[suite]
    for kind in kinds:
        own = [s for s in make() if s.kind == kind]
        first = [s.wanted[0] for s in own]
        assert {w.name for w in first} == set(SHAPES), kind
        most = Counter(w.colour for w in first)
        if kind in {"single", "two"}:
            assert most == {"": 8}
        else:
            assert max(most.values()) <= (2 if kind == "mixing" else 1), kind
            assert set(most) <= set(COLOURS)
        if own[0].side:
            assert Counter(s.side for s in own) == dict.fromkeys(SIDES, 2)
    numbers = {k: sorted(s.wanted[0].count for s in make() if s.kind == k) for k in kinds}
    if suite == "scenes":
        assert set(numbers["count"]) == {2, 3, 4, 5, 6}
        assert max(Counter(numbers["count"]).values()) == 2
    else:
        assert numbers["number"] == numbers["arithmetic"] == [1, 2, 3, 4, 5, 6, 7, 8]


@suites
def test_drawings_hold_what_is_wanted(suite: str) -> None:
    for spec in all_of(suite):
        shown = Counter(s.name for s in spec.shows)
        assert shown == {w.name: w.count for w in spec.wanted}
        for wanted in spec.wanted:
            own = {s.colour for s in spec.shows if s.name == wanted.name}
            assert own == {wanted.colour} if wanted.colour else len(own) == 1
        if len(spec.wanted) == 2:
            assert len({s.colour for s in spec.shows}) == 2


@suites
def test_shapes_stand_clear_inside_and_on_their_side(suite: str) -> None:
    for spec in all_of(suite):
        for at, a in enumerate(spec.shows):
            assert a.radius + 2 <= a.x <= SIZE[0] - a.radius - 2, spec.id
            assert a.radius + 2 <= a.y <= SIZE[1] - a.radius - 2, spec.id
            for b in spec.shows[at + 1 :]:
                assert np.hypot(a.x - b.x, a.y - b.y) > a.radius + b.radius + 8, spec.id
        if spec.side:
            a, b = spec.shows
            across, down = a.x - b.x, a.y - b.y
            along = {"left": -across, "right": across, "above": -down, "below": down}[spec.side]
            off = down if spec.side in {"left", "right"} else across
            assert along > 1.2 * abs(off), spec.id
            assert along > a.radius + b.radius, spec.id


def test_several_arrangements_are_used() -> None:
    many = [s for s in all_of("facts") if len(s.shows) > 4]
    rows = {len({s.y for s in spec.shows}) == 1 for spec in many}
    sizes = {len({s.radius for s in spec.shows}) > 1 for spec in many}
    assert rows <= {False}
    assert sizes == {True, False}
    few = [s for s in all_of("scenes") if len(s.shows) == 3]
    assert any(len({s.y for s in spec.shows}) == 1 for spec in few)


# --- words ------------------------------------------------------------------------------------


def test_scenes_are_told_outright() -> None:
    for spec in all_of("scenes"):
        assert spec.phrase == spec.answer
        assert spec.prompt.endswith(f": {spec.phrase}.")
        assert "nothing else" in spec.prompt
        assert "plain white background" in spec.prompt
        for wanted in spec.wanted:
            name = wanted.name if wanted.count == 1 else plural(wanted.name)
            assert f"{wanted.colour} {name}".strip() in spec.phrase
            if wanted.count > 1:
                assert spec.phrase.startswith(NUMBERS[wanted.count])


COUNTED = {
    "moons": 1, "horns": 1, "bicycle": 2, "eyes": 2, "tricycle": 3, "corners": 3, "horse": 4,
    "violin": 4, "Olympic": 5, "fingers": 5, "cube": 6, "insect": 6, "week": 7, "spider": 8,
    "octopus": 8,
}  # fmt: skip
HUES = {
    "strawberry": "red", "stop": "red", "pumpkin": "orange", "tangerine": "orange",
    "banana": "yellow", "lemon": "yellow", "grass": "green", "spinach": "green", "sky": "blue",
    "cornflower": "blue", "amethyst": "purple", "lavender": "purple", "chocolate": "brown",
    "chestnut": "brown", "coal": "black", "raven": "black",
}  # fmt: skip
FORMS = {
    "equally far": "circle", "full moon": "circle", "right angles": "square",
    "chessboard": "square", "three sides": "triangle", "Giza": "triangle",
    "United States": "star", "hotels": "star", "playing cards": "diamond",
    "Switzerland": "cross", "plus sign": "cross", "five corners": "pentagon",
    "Department of Defense": "pentagon", "six corners": "hexagon", "honeycomb": "hexagon",
}  # fmt: skip
TURNS = {
    "north of": "above", "south of": "below", "west of": "left", "east of": "right",
    "where the 12": "above", "where the 6": "below", "where the 9": "left",
    "where the 3": "right",
}  # fmt: skip
MIXED = {"green": {"blue", "yellow"}, "orange": {"red", "yellow"}, "purple": {"red", "blue"}}


def only(table: dict[str, object], phrase: str) -> object:
    """The one entry whose key stands in the phrase."""
    (found,) = [value for key, value in table.items() if key in phrase]
    return found


def test_facts_are_true_and_do_not_tell_the_answer() -> None:
    for spec in all_of("facts"):
        CHECKS[spec.kind](spec)


def check_number(spec: Spec) -> None:
    assert only(COUNTED, spec.phrase.rpartition(" as ")[2]) == spec.wanted[0].count
    assert not any(c.isdigit() for c in spec.prompt)


def check_arithmetic(spec: Spec) -> None:
    a, sign, b = spec.phrase.removesuffix(" gives").rpartition(" as ")[2].split()
    x, y, result = int(a), int(b), spec.wanted[0].count
    by = {"+": x + y, "−": x - y, "×": x * y, "÷": x / y}
    assert by[sign] == result
    assert sign == "÷" or str(result) not in {a, b}


def check_colour(spec: Spec) -> None:
    assert only(HUES, spec.phrase) == spec.wanted[0].colour
    assert spec.wanted[0].colour not in spec.phrase
    assert spec.wanted[0].name in spec.phrase


def check_shape(spec: Spec) -> None:
    assert only(FORMS, spec.phrase) == spec.wanted[0].name
    assert spec.wanted[0].name not in spec.phrase.replace("clubs, hearts", "")
    assert spec.phrase.startswith(f"in {spec.wanted[0].colour}, ")


def check_direction(spec: Spec) -> None:
    assert only(TURNS, spec.phrase) == spec.side
    first, second = (spec.phrase.index(w.words) for w in spec.wanted)
    assert first < second
    if "clock" in spec.phrase:
        assert (spec.shows[1].x, spec.shows[1].y) == (SIZE[0] // 2, SIZE[1] // 2)


def check_mixing(spec: Spec) -> None:
    named = [c for c in COLOURS if c in spec.phrase]
    colour = spec.wanted[0].colour
    if "makes" in spec.phrase:
        (made,) = [c for c in named if c in MIXED]
        assert MIXED[made] == {colour, *(set(named) - {made})}
    else:
        assert MIXED[colour] == set(named)
    assert colour not in named


CHECKS = {
    "number": check_number, "arithmetic": check_arithmetic, "colour": check_colour,
    "shape": check_shape, "direction": check_direction, "mixing": check_mixing,
}  # fmt: skip


# --- drawings ---------------------------------------------------------------------------------


@suites
def test_drawings_show_the_shapes(suite: str) -> None:
    for spec in SUITES[suite][0]()[::3]:
        picture = paint(spec)
        assert picture.shape == (SIZE[1], SIZE[0], 3)
        assert (picture[0] == 255).all()
        assert (picture[:, -1] == 255).all()
        for shape in spec.shows:
            assert tuple(picture[shape.y, shape.x]) == PAINTS[shape.colour], spec.id


def test_the_cache_draws_once_and_both_suites_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [scenes()[0], facts()[0], facts(1)[0]]
    paths = ensure_pictures(tmp_path / "cache", some)
    assert len({p.parent for p in paths}) == 3
    for spec, path in zip(some, paths, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), paint(spec))
    paths[1].unlink()
    before = paths[0].stat().st_mtime_ns
    assert ensure_pictures(tmp_path / "cache", some) == paths
    assert paths[0].stat().st_mtime_ns == before
    monkeypatch.setattr(module, "paint", None)
    assert ensure_pictures(tmp_path / "cache", some) == paths
    assert module.pictures_key(SCENES_VERSION) != module.pictures_key(FACTS_VERSION)


def test_an_unwritable_cache_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        ensure_pictures(tmp_path / "file", scenes()[:1])


@suites
def test_editions_are_other_items(suite: str) -> None:
    make = SUITES[suite][0]
    assert not {s.sha256 for s in make(1)} & {s.sha256 for s in make(0)}
    with pytest.raises(ValueError, match="at least 0"):
        make(-1)
