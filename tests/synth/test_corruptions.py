"""Graded wrong answers change what they claim, more with every level, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from evals.core.errors import UserError
from synth.draw import Draw
from synth.scene import slot_mask
from synth.textedit import Spec, scene, specs
from synth.textedit.build import build
from synth.textedit.corruptions import CORRUPTIONS, applies, corrupt, misspelt

PICKED = [s for s in specs() if s.index == int(s.sub_class.replace(".", "")) % 5]
"""One item of every class, of all kinds of edit."""

FEW = PICKED[::3]


def mask(spec: Spec) -> NDArray[np.bool_]:
    return scene(spec).mask() > 0


def truth(spec: Spec) -> NDArray[np.uint8]:
    return scene(spec).render(spec.answer)


def changed(spec: Spec, name: str, level: float) -> NDArray[np.bool_]:
    return (corrupt(spec, name, level) != truth(spec)).any(axis=2)


def error(spec: Spec, name: str, level: float, where: NDArray[np.bool_]) -> float:
    """Mean squared difference to the ground truth in a region."""
    wrong = corrupt(spec, name, level).astype(float) - truth(spec)
    return float((wrong[where] ** 2).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_level_zero_is_the_truth(name: str) -> None:
    for spec in FEW:
        if applies(spec, name):
            first = corrupt(spec, name, CORRUPTIONS[name].levels[0])
            assert first.dtype == np.uint8
            assert np.array_equal(first, truth(spec))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_only_the_claimed_region_changes_and_every_item_shows_it(name: str) -> None:
    corruption = CORRUPTIONS[name]
    for spec in PICKED:
        if not applies(spec, name):
            continue
        worst = changed(spec, name, corruption.levels[-1])
        assert worst.sum() > 20, (name, spec.sub_class)
        if corruption.region == "slot":
            assert not (worst & ~mask(spec)).any(), (name, spec.sub_class)
        if corruption.region == "background":
            assert not (worst & mask(spec)).any(), (name, spec.sub_class)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_item_gives_the_same_answer(name: str) -> None:
    spec = next(s for s in PICKED if applies(s, name))
    level = CORRUPTIONS[name].levels[-1]
    first = corrupt(spec, name, level)
    build.cache_clear()
    assert np.array_equal(first, corrupt(spec, name, level))


@pytest.mark.parametrize(
    ("name", "slot"),
    [("ghost", True), ("slot_noise", True), ("background_blur", False), ("erase_other", False),
     ("invent", False), ("garble_other", False)],
)  # fmt: skip
def test_the_error_grows_with_the_level(name: str, slot: bool) -> None:
    for spec in FEW:
        where = mask(spec) if slot else ~mask(spec)
        errors = [error(spec, name, level, where) for level in CORRUPTIONS[name].levels]
        assert errors[0] == 0
        assert 0 < errors[1] <= errors[-1]
        assert all(a <= b * 1.0001 for a, b in pairwise(errors)), errors


@pytest.mark.parametrize("name", ["shift", "resolution"])
def test_the_mean_error_of_whole_picture_faults_grows(name: str) -> None:
    levels = CORRUPTIONS[name].levels
    means = [
        np.mean([error(s, name, level, np.ones_like(mask(s))) for s in FEW]) for level in levels
    ]
    assert means[0] == 0
    assert all(a < b for a, b in pairwise(means))


def test_misspelling_counts_letters_and_keeps_the_earlier_ones() -> None:
    for string in ("HARBOR", "Café 06:50", "P-38", "x"):
        before = string
        for count in range(len(string) + 2):
            wrong = misspelt(string, count, Draw("t", string))
            differing = [i for i, (a, b) in enumerate(zip(string, wrong, strict=True)) if a != b]
            assert len(differing) == min(count, sum(c.isalnum() for c in string))
            assert all(wrong[i] == before[i] for i in range(len(string)) if before[i] != string[i])
            assert all(string[i].isdigit() == wrong[i].isdigit() for i in differing)
            assert all(string[i].isupper() == wrong[i].isupper() for i in differing)
            before = wrong


def test_not_edited_is_the_source_and_erased_has_no_text() -> None:
    for spec in FEW:
        assert np.array_equal(corrupt(spec, "not_edited", 1), scene(spec).render())
        own = scene(spec)
        assert np.array_equal(
            corrupt(spec, "erased", 1), own.render(dict.fromkeys(spec.edited, ""))
        )


def test_invented_words_stand_on_no_text() -> None:
    for spec in PICKED:
        own = scene(spec)
        slots = slot_mask(own.size, tuple(t.slot for t in own.texts)) > 0
        wrong = changed(spec, "invent", 3)
        # The camera spreads a letter by two pixels; the slots here are dilated by six.
        assert not (wrong & slots).any(), spec.sub_class


def test_case_does_not_apply_to_digits_and_capital_fonts() -> None:
    for spec in specs():
        if not any(c.isalpha() for c in spec.target) or spec.sub_class == "1.2.2":
            assert not applies(spec, "case")
            with pytest.raises(ValueError, match="does not apply"):
                corrupt(spec, "case", 1)
    assert sum(applies(s, "case") for s in specs()) > 50


def test_the_table_covers_the_documented_corruptions_and_contradicts_itself_nowhere() -> None:
    assert {
        "typo", "ghost", "background_blur", "shift", "erase_other", "invent", "garble_other",
        "style", "case", "slot_noise", "resolution",
    } <= set(CORRUPTIONS)  # fmt: skip
    for name, corruption in CORRUPTIONS.items():
        assert corruption.name == name
        assert corruption.must_fall
        assert not set(corruption.must_fall) & set(corruption.must_not_move)
        assert list(corruption.levels) == sorted(set(corruption.levels))
        background = {c for c in corruption.must_not_move if "background" in c}
        slot = {c for c in corruption.must_not_move if "slot" in c}
        assert not background or corruption.region == "slot"
        assert not slot or corruption.region == "background"


def test_unknown_corruption_names_the_nearest() -> None:
    with pytest.raises(UserError, match="ghost"):
        corrupt(PICKED[0], "gost", 1)


def test_the_columns_of_the_table_exist() -> None:
    from benchmarks.textedit import metrics
    from evals.core.protocols import ScoringSettings

    known = {f"{m.name}.{q.name}" for m in metrics(ScoringSettings()) for q in m.quantities}
    known |= {f"judge.{q}" for q in ("TA", "TP", "SI", "LR", "VC")}
    for corruption in CORRUPTIONS.values():
        assert set(corruption.must_fall + corruption.must_not_move) <= known, corruption.name
