"""Which questions exist, that their answers are true of the picture, balanced, and exactly one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evals.core.errors import UserError
from synth.questions import GENERATOR_VERSION, KINDS, PER_KIND, Question, paint, questions
from synth.questions import pictures as module
from synth.questions.kinds import CHOICES, COLOURS
from synth.questions.paint import _PAINTS
from synth.questions.pictures import ensure_pictures, pictures_key
from synth.questions.spec import SIZE, Bars, Label, Shape
from synth.words import SPLITS, belongs

GOLDEN = "c5448fe7cb24ff9b"


@pytest.fixture(scope="module")
def bench() -> list[Question]:
    return questions()


def digest(items: list[Question]) -> str:
    return hashlib.sha256(" ".join(q.sha256 for q in items).encode()).hexdigest()[:16]


def of(items: list[Question], kind: str) -> list[Question]:
    return [q for q in items if q.kind == kind]


def shapes(question: Question) -> dict[str, Shape]:
    return {s.name: s for s in question.shows if isinstance(s, Shape)}


def test_questions_are_the_recorded_ones(bench: list[Question]) -> None:
    """A change here changes the benchmark: raise GENERATOR_VERSION and record the hash anew."""
    assert GENERATOR_VERSION == "rendered-qa/1"
    assert digest(bench) == GOLDEN
    assert len({q.sha256 for q in bench}) == len(bench) == PER_KIND * len(KINDS) == 48
    assert len({q.id for q in bench}) == 48
    assert [q.kind for q in bench] == [k for k in KINDS for _ in range(PER_KIND)]


def test_questions_do_not_depend_on_the_process(bench: list[Question]) -> None:
    code = "from synth.questions import questions; print([q.sha256 for q in questions()])"
    out = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert out.stdout.strip() == str([q.sha256 for q in bench])


def test_first_items_do_not_depend_on_how_many_follow(bench: list[Question]) -> None:
    assert [q for q in questions(per_kind=19) if q.index < PER_KIND] == bench


def test_any_field_changes_the_hash(bench: list[Question]) -> None:
    question = bench[0]
    for name, value in (
        ("answer", "X"), ("text", "x"), ("split", "val"), ("index", 9), ("ground", 9),
        ("shows", question.shows[1:]), ("version", "rendered-qa/2"),
    ):  # fmt: skip
        assert replace(question, **{name: value}).sha256 != question.sha256, name


@pytest.mark.parametrize("split", SPLITS)
def test_no_constant_answer_scores(split: str) -> None:
    items = questions(split)
    assert max(Counter(q.answer.casefold() for q in items).values()) <= len(items) / 12
    for kind in KINDS:
        own = Counter(q.answer for q in of(items, kind))
        most = {"choice": PER_KIND // CHOICES, "yes_no": PER_KIND // 2}
        assert max(own.values()) <= most.get(of(items, kind)[0].form, 1), kind


def test_guessing_evenly_gets_a_sixth(bench: list[Question]) -> None:
    chance = {"choice": 1 / CHOICES, "yes_no": 1 / 2}
    assert sum(chance.get(q.form, 0.0) for q in bench) / len(bench) == pytest.approx(1 / 6)
    assert Counter(q.form for q in bench) == {"choice": 16, "yes_no": 8, "number": 16, "text": 8}


@pytest.mark.parametrize("split", SPLITS)
def test_answers_are_true_of_what_is_shown(split: str) -> None:
    for question in questions(split, 16):
        CHECKS[question.kind](question)
        if question.form == "choice":
            assert len(set(question.choices)) == CHOICES == len(question.choices)
            assert question.answer in "ABCD"
            assert f"\n{question.answer}. " in question.prompt
        else:
            assert question.choices == ()


def right(question: Question) -> str:
    return question.choices["ABCD".index(question.answer)]


def check_read(question: Question) -> None:
    texts = [t for t in question.shows if isinstance(t, Label)]
    if "largest" in question.text:
        first, second = sorted(texts, key=lambda t: -t.size)[:2]
        assert (first.text, first.size > 1.4 * second.size) == (question.answer, True)
    else:
        name = question.text.removeprefix("What is written beside ").removesuffix("?")
        (asked,) = [t for t in texts if t.text == name]
        (beside,) = [t for t in texts if t.y == asked.y and t is not asked]
        assert beside.text == question.answer
    assert len({t.text for t in texts}) == len(texts)


def check_count(question: Question) -> None:
    words = question.text.split()
    colour, name = words[2], words[3].removesuffix("es" if "crosses" in words else "s")
    shown = [s for s in question.shows if isinstance(s, Shape)]
    hits = sum(s.colour == colour and s.name == name for s in shown)
    assert str(hits) == question.answer
    assert any(s.colour == colour and s.name != name for s in shown)
    assert any(s.colour != colour and s.name == name for s in shown)


def check_colour(question: Question) -> None:
    name = question.text.split()[-1].removesuffix("?")
    shown = [s for s in question.shows if isinstance(s, Shape)]
    assert len({s.name for s in shown}) == len({s.colour for s in shown}) == len(shown) == 4
    assert shapes(question)[name].colour == right(question)
    assert set(question.choices) == {s.colour for s in shown}


def check_position(question: Question) -> None:
    words = question.text.removesuffix("?").split()
    a, b = shapes(question)[words[2]], shapes(question)[words[-1]]
    sign = {"left": b.x - a.x, "right": a.x - b.x, "above": b.y - a.y, "below": a.y - b.y}
    by = next(v for k, v in sign.items() if k in words)
    assert (by > 0) == (question.answer == "yes")
    assert abs(by) > a.radius + b.radius, "a clear distance"


def check_chart(question: Question) -> None:
    (bars,) = question.shows
    assert isinstance(bars, Bars)
    asked = question.text.removeprefix("What is the value of ").removesuffix("?")
    value = dict(zip(bars.labels, bars.values, strict=True))[asked]
    assert right(question) == str(value)
    assert len(set(bars.values)) == len(set(bars.labels)) == 4
    assert sum(c in {str(v) for v in bars.values} for c in question.choices) == 3


def check_arithmetic(question: Question) -> None:
    (written,) = question.shows
    assert isinstance(written, Label)
    a, sign, b, equals, unknown = written.text.split()
    by = {"+": int(a) + int(b), "−": int(a) - int(b), "×": int(a) * int(b)}
    assert (str(by[sign]), equals, unknown) == (question.answer, "=", "?")
    assert not any(c.isdigit() for c in question.prompt), "the picture alone says it"
    assert by[sign] > 0


CHECKS = {
    "read": check_read, "count": check_count, "colour": check_colour,
    "position": check_position, "chart": check_chart, "arithmetic": check_arithmetic,
}  # fmt: skip


def test_shapes_do_not_touch_and_lie_inside() -> None:
    for question in questions(per_kind=16):
        shown = [s for s in question.shows if isinstance(s, Shape)]
        for at, a in enumerate(shown):
            assert a.radius <= a.x <= SIZE[0] - a.radius
            assert a.radius <= a.y <= SIZE[1] - a.radius
            for b in shown[at + 1 :]:
                assert np.hypot(a.x - b.x, a.y - b.y) > a.radius + b.radius


def test_splits_share_no_drawn_word() -> None:
    for split in SPLITS:
        for question in questions(split, 16):
            words = [t.text for t in question.shows if isinstance(t, Label)]
            words += [w for b in question.shows if isinstance(b, Bars) for w in b.labels]
            if question.kind == "chart" or "largest" in question.text:
                assert words
                assert all(belongs(w, split) for w in words)


def test_pictures_show_what_the_question_says(bench: list[Question]) -> None:
    for question in bench:
        picture = paint(question)
        assert picture.shape == (SIZE[1], SIZE[0], 3)
        for shape in shapes(question).values():
            assert tuple(picture[shape.y, shape.x]) == _PAINTS[shape.colour], question.id
        for text in question.shows:
            if isinstance(text, Label):
                box = picture[text.y - text.size // 2 : text.y + text.size // 2]
                assert (box.astype(int).sum(axis=2) < 250).sum() > 60, "dark letters"
                assert (picture[:, :4].astype(int).sum(axis=2) > 600).all(), "nothing is cut off"
                assert (picture[:, -4:].astype(int).sum(axis=2) > 600).all()


def test_bars_are_as_high_as_their_values() -> None:
    for question in of(questions(per_kind=8), "chart"):
        (bars,) = question.shows
        assert isinstance(bars, Bars)
        blue = (paint(question) == _PAINTS["blue"]).all(axis=2)
        columns = np.flatnonzero(blue.any(axis=0))
        heights = [blue[:, run].any(axis=1).sum() for run in np.split(
            columns, np.flatnonzero(np.diff(columns) > 1) + 1)]  # fmt: skip
        assert len(heights) == 4
        for height, value in zip(heights, bars.values, strict=True):
            assert height == pytest.approx(2.7 * value, abs=4)


def test_painting_again_gives_the_same_pixels(bench: list[Question], tmp_path: Path) -> None:
    some = bench[::7]
    paths = ensure_pictures(tmp_path, some)
    for question, path in zip(some, paths, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), paint(question))


def test_the_cache_draws_once_and_again_what_is_gone(
    bench: list[Question], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ensure_pictures(tmp_path / "deep" / "cache", bench[:3])
    assert pictures_key() in str(first[0])
    before = [p.stat().st_mtime_ns for p in first]
    first[1].unlink()
    assert ensure_pictures(tmp_path / "deep" / "cache", bench[:3]) == first
    after = [p.stat().st_mtime_ns for p in first]
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] != before[1]
    monkeypatch.setattr(module, "paint", None)
    assert ensure_pictures(tmp_path / "deep" / "cache", bench[:3]) == first


def test_an_interrupted_drawing_leaves_no_half_file(
    bench: list[Question], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.paint

    def stop(question: Question) -> object:
        if question.index == 2:
            raise KeyboardInterrupt
        return real(question)

    monkeypatch.setattr(module, "paint", stop)
    with pytest.raises(KeyboardInterrupt):
        ensure_pictures(tmp_path, bench[:3])
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["read-0.png", "read-1.png"]


def test_an_unwritable_cache_is_a_user_error(bench: list[Question], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        ensure_pictures(tmp_path / "file", bench[:1])


def test_the_colours_are_told_apart() -> None:
    paints = [np.array(_PAINTS[c]) for c in COLOURS]
    gaps = [np.abs(a - b).sum() for i, a in enumerate(paints) for b in paints[:i]]
    assert min(gaps) > 80


def test_unknown_split_and_no_items_are_refused() -> None:
    with pytest.raises(UserError, match="bench"):
        questions("bensch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        questions(per_kind=0)
