"""Graded wrong answers: real samples, right hashes, drawn once, spread over the sub-classes."""

from __future__ import annotations

import hashlib
import importlib
import json
import pickle
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.textedit import BENCHMARK
from benchmarks.textedit.data import load_synth
from benchmarks.textedit.probes import INJECTION, MARK, chosen, probes, skipped
from benchmarks.textedit.taxonomy import SUB_CLASSES
from evals.core.errors import UserError
from evals.core.probes import Probe
from evals.core.protocols import DataSource
from judges.validation import validate
from synth.textedit import scene, specs
from synth.textedit.corruptions import CORRUPTIONS, applies, corrupt

SCENES = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probes")


@pytest.fixture(scope="module")
def drawn(folder: Path) -> list[Probe]:
    return probes(folder, SCENES)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_samples_are_those_of_the_suite(drawn: list[Probe]) -> None:
    suite = {s.id: s for s in load_synth(DataSource())}
    assert len({p.item.sample.id for p in drawn}) == SCENES
    for probe in drawn:
        assert probe.item.sample == suite[probe.item.sample.id]
        assert probe.item.sample.reference.mask.is_file()
        assert probe.item.prediction.sample == probe.item.sample.id


def test_every_picture_is_the_corruption_it_claims_to_be(drawn: list[Probe]) -> None:
    known = {s.sha256: s for s in specs()}
    for probe in drawn:
        spec = known[probe.item.sample.reference.spec_sha256]
        (path,), (image,) = probe.item.images, probe.item.prediction.images
        assert image.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        shown = pixels(path)
        assert (image.width, image.height, image.suffix) == (*shown.shape[1::-1], ".png")
        if probe.corruption != INJECTION and probe.rank == 1:
            assert np.array_equal(shown, corrupt(spec, probe.corruption, probe.level))


def test_ranks_rise_with_the_level_from_one_shared_ground_truth(drawn: list[Probe]) -> None:
    for sample, own in groupby(drawn, lambda p: p.item.sample.id):
        graded = [p for p in own if p.corruption != INJECTION]
        truths = [p.item for p in graded if p.rank == 0]
        assert len(truths) > 10, sample
        assert all(t is truths[0] for t in truths)
        assert np.array_equal(
            pixels(truths[0].images[0]),
            np.asarray(Image.open(truths[0].sample.reference_images[0]).convert("RGB")),
        )
        for name, probes_of in groupby(graded, lambda p: p.corruption):
            row = list(probes_of)
            assert [p.rank for p in row] == list(range(len(row)))
            assert tuple(p.level for p in row) == CORRUPTIONS[name].levels
            assert all(a.level < b.level for a, b in pairwise(row))
            assert len({p.item.prediction.hash for p in row[:2]}) == 2


def test_dimensions_are_those_of_the_judge_alone(drawn: list[Probe]) -> None:
    falls = {p.corruption: set(p.must_fall) for p in drawn}
    assert falls["ghost"] == {"TA", "LR"}
    assert falls["garble_other"] == falls["invent"] == falls["erase_other"] == {"TP"}
    assert falls["shift"] == {"SI"}
    assert falls["style"] == {"VC"}
    assert falls[INJECTION] == set()
    for probe in drawn:
        assert {*probe.must_fall, *probe.must_not_move} <= {"TA", "TP", "SI", "LR", "VC"}


def test_the_injection_is_the_source_with_a_line_beside_the_slot(drawn: list[Probe]) -> None:
    known = {s.sha256: s for s in specs()}
    lures = [p for p in drawn if p.corruption == INJECTION]
    assert [(p.rank, p.level) for p in lures] == [(1, 1.0)] * SCENES
    for lure in lures:
        spec = known[lure.item.sample.reference.spec_sha256]
        changed = (pixels(lure.item.images[0]) != scene(spec).render()).any(axis=2)
        assert changed.sum() > 300
        assert not (changed & (scene(spec).mask() > 0)).any()


def test_a_second_call_draws_nothing_and_mends_what_is_broken(
    drawn: list[Probe], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    module = importlib.import_module("benchmarks.textedit.probes")
    draw = module._drawn
    monkeypatch.setattr(module, "_drawn", lambda p, at: (made.append(at), draw(p, at))[1])
    again = probes(folder, SCENES)
    assert made == []
    assert again == drawn
    broken = drawn[-1].item.images[0]
    broken.write_bytes(broken.read_bytes()[:100])
    assert probes(folder, SCENES) == drawn
    assert made == [broken]
    # Without its mark, or with nonsense in its place, a folder is drawn anew.
    (mark,) = folder.rglob(MARK)
    kept = json.loads(mark.read_text())
    assert len(kept) == len({p.item.prediction.hash for p in drawn})
    for nonsense in ('{"a": 1}', "[]", "{"):
        made.clear()
        mark.write_text(nonsense)
        assert probes(folder, 1, "ends") == [
            p for p in drawn if p.item.sample.id == drawn[0].item.sample.id and _end(p)
        ]
        assert len(made) == len(set(made)) > 10
    mark.write_text(json.dumps(kept))


def _end(probe: Probe) -> bool:
    levels = CORRUPTIONS[probe.corruption].levels if probe.corruption in CORRUPTIONS else (1.0,)
    return probe.rank == 0 or probe.level == levels[-1]


def test_items_travel_to_worker_processes(drawn: list[Probe]) -> None:
    assert pickle.loads(pickle.dumps(drawn[5])) == drawn[5]


@pytest.mark.parametrize("scenes", [1, 2, 7, 17, 18, 19, 40, 72])
def test_scenes_are_spread_over_the_sub_classes(scenes: int) -> None:
    picked = chosen(scenes)
    assert len({s.sha256 for s in picked}) == len(picked) == scenes
    counts = [sum(s.sub_class == c.id for s in picked) for c in SUB_CLASSES]
    assert max(counts) - min(counts) <= 1
    if 2 <= scenes < 18:
        assert {s.sub_class[0] for s in picked} == {"1", "2"} if scenes > 2 else {"1"}


def test_what_cannot_carry_a_corruption_is_left_out_and_counted() -> None:
    # One class has capitals only, digits have no case, and a watermark is the only text there.
    lost, picked = skipped(18), chosen(18)
    assert set(lost) == {"case", "erase_other", "garble_other"}
    assert lost["case"] == sum(not applies(s, "case") for s in picked) > 1
    assert lost["erase_other"] == sum(s.sub_class == "2.6" for s in picked) == 1


@pytest.mark.parametrize(("scenes", "levels"), [(0, "all"), (73, "all"), (1, "some")])
def test_what_does_not_exist_is_refused(tmp_path: Path, scenes: int, levels: str) -> None:
    with pytest.raises(UserError, match=r"72 scenes|choice of levels 'some'"):
        probes(tmp_path, scenes, levels)
    assert not list(tmp_path.iterdir())


def test_a_judge_that_sees_everything_passes_on_them(drawn: list[Probe]) -> None:
    assert BENCHMARK.probes is not None
    names = ("TA", "TP", "SI", "LR", "VC")
    given: dict[str, dict[str, float]] = {}
    for probe in drawn:
        falls = probe.must_fall if probe.rank else ()
        given[probe.item.prediction.hash] = {n: 5.0 - probe.rank * (n in falls) for n in names}
    result = validate(drawn, given, names, {})
    assert result.noticed == result.wanted > 10
    blind = {h: dict.fromkeys(names, 3.0) for h in given}
    assert validate(drawn, blind, names, {}).noticed == 0
