"""What `classical` draws: hand-made prompts, both built-in suites, and any text at all."""

from __future__ import annotations

import importlib
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.common.drawn_score import ShapesMetric
from evals.core.protocols import DataSource
from evals.core.types import Item, Prediction, Sample
from metrics.shapes import Shape, read_shapes
from metrics.shapes_rules import sides
from model.adapters import classical_drawing, classical_scene, classical_words
from model.adapters.classical import make
from model.adapters.classical_drawing import SIDE, arrange, draw
from model.adapters.classical_scene import MOST, Group, Scene, parse_scene
from model.adapters.classical_words import COLOURS, SHAPES

VOCABULARY = (
    "a", "the", "two", "no", "7", "red", "blue", "grey", "and", ",", ".", ":", "star", "stars",
    "circle", "crosses", "left", "right", "of", "to", "above", "below", "it", "background", "on",
    "in", "painted", "with", "is", "six-pointed", "☃", "every",
)  # fmt: skip
WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=40).map(" ".join)


def asked(prompt: str) -> list[tuple[int, str, str]]:
    return [(g.count, g.colour, g.shape) for g in parse_scene(prompt).groups]


def seen(prompt: str) -> Counter[tuple[str, str]]:
    return Counter((s.colour, s.name) for s in read_shapes(draw(parse_scene(prompt))).shapes)


@pytest.mark.parametrize(
    ("prompt", "groups"),
    [
        ("a red star", [(1, "red", "star")]),
        ("THREE GRAY CIRCLES!", [(3, "grey", "circle")]),
        ("12 crosses", [(12, "", "cross")]),
        ("twelve shiny big violet crosses", [(12, "purple", "cross")]),
        ("stars", [(2, "", "star")]),
        ("a dozen discs", [(12, "", "circle")]),
        ("a pair of stars", [(2, "", "star")]),
        ("a red and a blue star", [(1, "red", "star"), (1, "blue", "star")]),
        ("two red and three blue stars", [(2, "red", "star"), (3, "blue", "star")]),
        ("red, green and blue stars", [(1, c, "star") for c in ("red", "green", "blue")]),
        ("in red, the star", [(1, "red", "star")]),
        ("a star in red and a circle", [(1, "red", "star"), (1, "", "circle")]),
        ("a star that is painted red", [(1, "red", "star")]),
        ("the circle is filled with green", [(1, "green", "circle")]),
        ("a star with red circles", [(1, "", "star"), (2, "red", "circle")]),
        ("a circle without a star", [(1, "", "circle")]),
        ("no stars", []),
        ("a six-pointed star", [(1, "", "star")]),
        ("12 apples and a star", [(1, "", "star")]),
        ("as red as a rose, a star", [(1, "", "star")]),
        ("a red star. The star is large.", [(1, "red", "star")]),
        ("a red star and the blue star", [(1, "red", "star"), (1, "blue", "star")]),
        ("a photo of a bench", []),
        ("a starling crosses the squared circle", [(2, "", "cross"), (1, "", "circle")]),
        ("99999999999999999999 stars and a circle", [(MOST, "", "star")]),
        ("", []),
        ("٣ 🌟 星 \x00 \ud800", []),
    ],
)
def test_groups(prompt: str, groups: list[tuple[int, str, str]]) -> None:
    assert asked(prompt) == groups


@pytest.mark.parametrize(
    ("prompt", "links"),
    [
        ("a star to the left of a circle", [(0, "left", 1)]),
        ("a star on the right side of a circle", [(0, "right", 1)]),
        ("a star on top of a circle", [(0, "above", 1)]),
        ("a star underneath a circle", [(0, "below", 1)]),
        ("a star and below it a circle", [(1, "below", 0)]),
        ("To the left of a star is a circle.", [(1, "left", 0)]),
        ("a star above a circle, and the circle above a cross", [(0, "above", 1), (1, "above", 2)]),
        ("a star. Left of a circle", []),
        ("a star left of the star", []),
    ],
)
def test_sides(prompt: str, links: list[tuple[int, str, int]]) -> None:
    assert parse_scene(prompt).links == links


@pytest.mark.parametrize(
    ("prompt", "ground"),
    [
        ("a red star", "white"),
        ("a red star on a black background", "black"),
        ("on a plain, pink ground: a star", "pink"),
        ("a pink star, on the ground: a circle", "white"),
        ("a star in red. The background is grey.", "grey"),
        ("a background of teal", "teal"),
    ],
)
def test_grounds(prompt: str, ground: str) -> None:
    scene = parse_scene(prompt)
    assert scene.ground == ground
    assert tuple(draw(scene)[0, 0]) == COLOURS[ground]


def test_every_shape_and_colour_is_read_as_what_it_is() -> None:
    for shape in SHAPES:
        assert seen(f"a green {shape}") == {("green", shape): 1}
    for colour in set(COLOURS) - {"white"}:
        assert seen(f"a {colour} circle") == {(colour, "circle"): 1}
    assert seen("a white star on a black ground") == {("white", "star"): 1}


def test_many_shapes_fit_and_do_not_touch() -> None:
    for number in (1, 2, 7, 20, MOST):
        assert seen(f"{number} red stars") == {("red", "star"): number}
    assert seen("9 red stars left of 5 blue circles") == {
        ("red", "star"): 9, ("blue", "circle"): 5,
    }  # fmt: skip


def test_shapes_without_a_colour_differ_and_avoid_the_ground() -> None:
    assert seen("a star and a circle on a blue background") == {
        ("red", "star"): 1, ("green", "circle"): 1,
    }  # fmt: skip


def test_chains_of_sides_are_kept() -> None:
    scene = parse_scene(
        "a red star left of a blue circle, the circle above a green cross and, below it, a "
        "black square"
    )
    shapes = {s.name: s for s in read_shapes(draw(scene)).shapes}
    assert len(scene.links) == 3
    for first, side, second in scene.links:
        names = [scene.groups[at].shape for at in (first, second)]
        a, b = (shapes[name] for name in names)
        assert side in sides(a, b)


def test_sides_that_contradict_each_other_still_give_a_picture() -> None:
    scene = parse_scene("a star left of a circle. The circle left of the star.")
    assert scene.links == [(0, "left", 1), (1, "left", 0)]
    star, circle = sorted(read_shapes(draw(scene)).shapes, key=_name, reverse=True)
    assert sides(star, circle) == ("left",)


def _name(shape: Shape) -> str:
    return shape.name


@given(st.text(max_size=300) | WORDS)
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_scene_whose_shapes_lie_inside(prompt: str) -> None:
    scene = parse_scene(prompt)
    assert parse_scene(prompt) == scene
    assert sum(g.count for g in scene.groups) <= MOST
    for group, spots in zip(scene.groups, arrange(scene), strict=True):
        assert len(spots) == group.count >= 1
        for x, y, r in spots:
            assert r >= 2
            assert r <= min(x, y)
            assert max(x, y) + r <= SIDE


@given(WORDS)
@settings(max_examples=15, deadline=None)
def test_any_words_can_be_drawn(prompt: str) -> None:
    assert draw(parse_scene(prompt)).shape == (SIDE, SIDE, 3)


def test_the_most_crowded_scene_and_a_very_long_prompt_are_drawn() -> None:
    groups = [Group("star") for _ in range(MOST)]
    chain = Scene(groups=groups, links=[(at, "left", at + 1) for at in range(MOST - 1)])
    assert draw(chain).shape == (SIDE, SIDE, 3)
    assert asked("a red star above a circle and " * 20_000)[:1] == [(1, "red", "star")]


def test_the_adapter_draws_png_of_512_pixels_whatever_the_seed(tmp_path: Path) -> None:
    model = make(None, {})
    sample = Sample(id="1", benchmark="b", suite="s", task="generate", prompt="two red stars")
    first, second = (model.generate([sample], [seed])[0] for seed in (0, 1))
    assert first == second
    assert first.usage == {"shapes": 2.0}
    (data,) = first.images
    assert isinstance(data, bytes)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (SIDE, SIDE), "RGB")
    nothing = Sample(id="2", benchmark="b", suite="s", task="generate", prompt="a photo of a dog")
    (plain,) = model.generate([nothing], [0])[0].images
    assert isinstance(plain, bytes)
    with Image.open(io.BytesIO(plain)) as image:
        assert np.asarray(image).min() == 255
    assert model.check([sample, nothing]) == [
        "1 of 2 prompts name no flat shape (first: sample 2); classical draws a plain ground for "
        "those."
    ]


@pytest.mark.parametrize(
    ("module", "least", "most"),
    [
        ("benchmarks.generation.rendered_scenes", 0.9, 1.0),
        ("benchmarks.knowledge.rendered_facts", 0.02, 0.3),
    ],
)
def test_on_the_built_in_suites(module: str, least: float, most: float, tmp_path: Path) -> None:
    """Plain words are followed; facts are not known, and right only where the words suffice."""
    suite = importlib.import_module(module).BENCHMARK.suites["synth"]
    samples = suite.load(DataSource(cache=tmp_path))
    outputs = make(None, {}).generate(samples, [0] * len(samples))
    items = []
    for sample, output in zip(samples, outputs, strict=True):
        (data,) = output.images
        assert isinstance(data, bytes)
        path = tmp_path / f"{sample.id}.png"
        path.write_bytes(data)
        prediction = Prediction(sample=sample.id, trial=0, seed=0, status="ok")
        items.append(Item(sample=sample, prediction=prediction, images=(path,)))
    right = sum(s.parts["correct"] or 0 for s in ShapesMetric().score(items))
    assert least <= right / len(samples) <= most


def test_no_knowledge_of_the_suites_is_in_the_code() -> None:
    for module in (classical_words, classical_scene, classical_drawing):
        assert module.__file__ is not None
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert "synth.scenes" not in source
        for fact in ("octopus", "clock", "north", "flag", "tricycle", "amethyst", "chessboard"):
            assert re.search(rf"\b{fact}\b", source, re.IGNORECASE) is None
