"""Which items exist: stable, unambiguous, and disjoint between the splits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evals.core.errors import UserError
from synth.draw import Draw
from synth.textedit import PER_CLASS, Spec, specs
from synth.textedit.classes import CLASSES
from synth.textedit.edits import KINDS, edit, filled
from synth.textedit.spec import GENERATOR_VERSION, normal
from synth.typeface import font_file, load
from synth.words import SPLITS, belongs, bucket, vocabulary

GOLDEN = Path(__file__).with_name("golden_specs.json")
OFFICIAL_CLASSES = [
    "1.1.1", "1.1.2", "1.1.3", "1.2.1", "1.2.2", "1.3.1", "1.3.2", "1.4.1", "1.4.2", "1.4.3",
    "1.4.4", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7",
]  # fmt: skip


@pytest.fixture(scope="module")
def bench() -> list[Spec]:
    return specs()


def test_every_official_class_has_its_items_in_class_order(bench: list[Spec]) -> None:
    assert [s.sub_class for s in bench[::PER_CLASS]] == OFFICIAL_CLASSES
    assert [s.sub_class for s in bench] == [c for c in OFFICIAL_CLASSES for _ in range(PER_CLASS)]
    assert len({s.sha256 for s in bench}) == len(bench)


def test_specs_are_the_recorded_ones(bench: list[Spec]) -> None:
    """A change here changes the benchmark: raise GENERATOR_VERSION and record the hashes anew."""
    golden = json.loads(GOLDEN.read_text())
    assert golden["generator"] == GENERATOR_VERSION
    assert [s.sha256 for s in bench] == golden["sha256"]


def test_specs_do_not_depend_on_the_process(bench: list[Spec]) -> None:
    code = "from synth.textedit import specs; print([s.sha256 for s in specs(per_class=2)])"
    out = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert out.stdout.strip() == str([s.sha256 for s in bench if s.index < 2])


def test_first_items_do_not_depend_on_how_many_follow(bench: list[Spec]) -> None:
    assert [s for s in specs(per_class=8) if s.index < PER_CLASS] == bench


def test_any_field_changes_the_hash(bench: list[Spec]) -> None:
    from dataclasses import replace

    spec = bench[0]
    for name, value in (
        ("target", "OTHER"), ("layout", "x"), ("split", "val"), ("index", 1), ("trap", "x"),
        ("strings", (*spec.strings[:-1], ("price", "$1"))),
    ):  # fmt: skip
        assert replace(spec, **{name: value}).sha256 != spec.sha256, name


@pytest.mark.parametrize("split", SPLITS)
def test_instructions_are_unambiguous(split: str) -> None:
    for spec in specs(split, 12):
        assert spec.source != spec.target
        assert spec.prompt == f"Replace the text '{spec.source}' with '{spec.target}'."
        assert "'" not in spec.source + spec.target
        assert all(spec.said[role] == spec.source for role in spec.edited)
        for role, string in spec.strings:
            if role not in spec.edited:
                words = [normal(w) for w in string.split()]
                assert normal(spec.source) not in words, (spec, role)
                assert normal(spec.target) not in words, (spec, role)


def test_splits_share_no_word_in_edits() -> None:
    words: dict[str, set[str]] = {}
    for split in SPLITS:
        found = words.setdefault(split, set())
        for spec in specs(split, 25):
            found.update(re.findall(r"[^\W\d_]{3,}", f"{spec.source} {spec.target}".lower()))
        assert all(belongs(w, split) for w in found)
    assert not words["bench"] & words["train"]
    assert not words["bench"] & words["val"]
    assert not words["val"] & words["train"]
    assert min(len(w) for w in words.values()) > 60


def test_drawn_words_of_other_strings_belong_to_the_split() -> None:
    for split in SPLITS:
        for seed in range(40):
            draw = Draw("other strings", seed)
            string = filled("{word} {Word} {WORD} {name} {Name} {NAME} {sound}", draw, split)
            assert all(belongs(w, split) for w in string.split()), string


def test_benchmark_layouts_and_fonts_are_held_out() -> None:
    for group in CLASSES:
        assert group.bench_layouts
        assert group.train_layouts
        assert not set(group.bench_layouts) & set(group.train_layouts)
    roles = ("sans", "bold", "condensed", "display", "serif", "serif-bold", "hand", "chalk",
             "marker", "sound", "pixel", "mono")  # fmt: skip
    families = [{font_file(s, r).split("/")[0] for r in roles} for s in ("bench", "train")]
    assert not families[0] & families[1]
    assert {font_file("val", r) for r in roles} == {font_file("train", r) for r in roles}


def test_fonts_lie_beside_their_licence_and_load() -> None:
    from synth.typeface import FOLDER

    files = sorted(FOLDER.rglob("*.woff"))
    assert len(files) >= 20
    assert sum(f.stat().st_size for f in files) < 1_500_000
    readme = (FOLDER / "README.md").read_text()
    for file in files:
        licence = (file.parent / "LICENSE").read_text()
        assert "SIL Open Font License" in licence or "Apache License" in licence
        assert "with Reserved Font Name" not in licence
        assert f"`{file.parent.name}`" in readme
        box = load(file.relative_to(FOLDER).as_posix(), 40).getbbox("HarÉé09")
        assert box[2] > 60


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("split", SPLITS)
def test_every_kind_of_edit_is_what_it_says(kind: str, split: str) -> None:
    for seed in range(25):
        source, target = edit(kind, Draw(kind, seed), split)
        assert source != target
        assert source.strip() == source
        assert target.strip() == target
        if kind == "case":
            assert source.lower() == target.lower()
        if kind == "near":
            assert len(source) == len(target)
            assert sum(a != b for a, b in zip(source, target, strict=True)) == 1
        if kind == "multi":
            assert " " in source
            assert " " in target
        if kind == "accent":
            assert not target.isascii()
        if kind in {"digit", "digits"}:
            assert (source + target).isdigit()
        if kind == "short":
            assert len(source) <= 2
            assert len(target) <= 2
        if kind in {"upper", "brand", "accent", "multi"}:
            assert source == source.upper()
            assert target == target.upper()


def test_benchmark_covers_the_hard_kinds_and_resembles_the_official_lengths(
    bench: list[Spec],
) -> None:
    kinds = {s.kind for s in bench}
    assert {"case", "near", "accent", "multi", "short", "digits", "time", "price", "code"} <= kinds
    longer = sum(len(s.target) > len(s.source) for s in bench)
    shorter = sum(len(s.target) < len(s.source) for s in bench)
    assert longer >= 14
    assert shorter >= 9
    assert len(bench) - longer - shorter >= 14
    mean = sum(len(normal(s.source)) for s in bench) / len(bench)
    assert 4.5 < mean < 7.5, "official mean: 6.1"
    for sub_class, share in (("2.4", 0.39), ("1.4.4", 0.62)):
        digits = [normal(s.source).isdigit() for s in bench if s.sub_class == sub_class]
        assert abs(sum(digits) / PER_CLASS - share) <= 0.25


def test_the_same_word_stands_twice_where_the_trap_says_so(bench: list[Spec]) -> None:
    twice = [s for s in bench if len(s.edited) == 2]
    assert {s.sub_class for s in twice} == {"1.3.1"}
    assert len(twice) == 2


def test_unknown_split_and_empty_class_are_refused() -> None:
    with pytest.raises(UserError, match="bench"):
        specs("bensch")
    with pytest.raises(ValueError, match="at least 1"):
        specs(per_class=0)


def test_word_lists_are_lower_case_and_big_enough() -> None:
    for split, least in (("bench", 120), ("val", 40), ("train", 200)):
        words = vocabulary(split)
        assert len(words) >= least
        assert all(w == w.lower() and " " not in w for w in words)
    assert bucket("Éclair") == bucket("ÉCLAIR")
