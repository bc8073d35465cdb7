"""The metric classes over real image files and recorded readings."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.textedit import ocr_metrics as module
from benchmarks.textedit.official import ocr_metrics
from benchmarks.textedit.reference import TextEditReference
from benchmarks.textedit.views import changed_boxes, official_views, strict_views
from evals.core.protocols import Metric, ScoringSettings
from evals.core.types import ImageRef, Item, Prediction, Sample, Score
from metrics.ocr import OcrReader, OcrView, TextItem
from metrics.ocr_engines import write_recording
from tests.reading_kit import column

SIZE = (120, 90)
COLOURS = {"original": (200, 60, 20), "output": (20, 90, 200), "small": (0, 120, 40)}

Score4 = dict[str, Score]
Run = Callable[..., Score4]


def paint(path: Path, name: str, size: tuple[int, int] = SIZE) -> np.ndarray:
    Image.new("RGB", size, COLOURS[name]).save(path)
    return np.full((size[1], size[0], 3), COLOURS[name], np.uint8)


def item_of(original: Path, output: Path, **changes: object) -> Item:
    reference = TextEditReference(
        record_id=1, sub_class="2.1", source_text="TEA", target_text="COFFEE", caption=""
    )
    sample = Sample(
        id="1", benchmark="textedit", suite="full", task="edit", prompt="", images=(original,),
        reference=dataclasses.replace(reference, **changes),  # type: ignore[arg-type]
    )  # fmt: skip
    image = ImageRef(sha256="0" * 64, suffix=".png", width=SIZE[0], height=SIZE[1])
    prediction = Prediction(sample="1", trial=0, seed=0, status="ok", images=(image,))
    return Item(sample=sample, prediction=prediction, images=(output,))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``run(original reading, output reading, policy=..., size=...)`` -> scores by metric."""
    count = itertools.count()

    def go(
        before: Sequence[TextItem],
        after: Sequence[TextItem],
        policy: str = "off",
        size: tuple[int, int] = SIZE,
        **changes: object,
    ) -> Score4:
        # A folder per call: a recording must not change under a reader that knows its hash.
        folder = tmp_path / str(next(count))
        folder.mkdir()
        original, output = folder / "original.png", folder / "output.png"
        first = paint(original, "original")
        paint(output, "output", size)
        second = np.full((SIZE[1], SIZE[0], 3), COLOURS["output"], np.uint8)
        file = folder / "readings.json"
        write_recording(file, [(first, before), (second, after)])
        reader = OcrReader("recorded", {"file": str(file)}, folder / "cache")
        metrics = module.metrics(ScoringSettings(errata=policy), reader)  # type: ignore[arg-type]
        found = {}
        for metric in pickle.loads(pickle.dumps(metrics)):
            (score,) = metric.score([item_of(original, output, **changes)])
            found[metric.name] = score
        return found

    return go


def test_all_four_score_the_same_two_readings(run: Run) -> None:
    before, after = column("TEA", "MENU"), column("COFFEE", "MENU")
    scores = run(before, after)
    assert list(scores) == ["ocr_official", "ocr_strict", "ocr_paper", "text_exact"]
    assert {name: s.status for name, s in scores.items()} == dict.fromkeys(scores, "ok")
    direct = ocr_metrics("TEA", "COFFEE", before, after)
    assert scores["ocr_official"].parts == {
        "OA": direct.OA, "OP": direct.OP, "OR": direct.OR, "F1": direct.F1, "NED": direct.NED,
    }  # fmt: skip
    assert scores["ocr_official"].value == direct.OA
    assert scores["text_exact"].parts["exact_match"] == 1.0
    assert scores["ocr_strict"].parts["source_erased"] == 1.0


def test_strict_evidence_shows_what_was_read_and_chosen(run: Run) -> None:
    evidence = run(column("TEA", "MENU"), column("COFFEF", "PORK"))["ocr_strict"].evidence
    assert evidence["slot"] == "COFFEF"
    assert (evidence["expected_line"], evidence["edited_line"]) == ("COFFEE", "COFFEF")
    assert evidence["region"] == [10.0, 10.0, 40.0, 30.0]
    assert (evidence["lost"], evidence["invented"]) == (["menu"], ["pork"])
    assert evidence["output_items"][0] == {"text": "COFFEF", "box": [10.0, 10.0, 70.0, 30.0]}


def test_official_zero_exits_are_values_with_a_note(run: Run) -> None:
    for before, after, word in (
        ([], column("COFFEE"), "no_text_in_original"),
        (column("XQZ"), column("COFFEE"), "no_source_line"),
        (column("TEA"), [], "no_text_in_output"),
    ):
        score = run(before, after)["ocr_official"]
        assert (score.status, score.value) == ("ok", 0.0)
        assert score.notes["exit"].startswith(word)


def test_an_unreadable_source_is_not_applicable_in_strict(run: Run) -> None:
    scores = run(column("XQZ"), column("COFFEE"))
    for name in ("ocr_strict", "text_exact"):
        assert scores[name].status == "not_applicable"
        assert scores[name].reason.startswith("source_not_found")
    assert run([], [])["ocr_strict"].reason.startswith("no_text_in_original")


def test_text_exact_tells_case_and_punctuation_apart(run: Run) -> None:
    parts = run(column("TEA"), column("Coffee"))["text_exact"].parts
    assert (parts["exact_match"], parts["exact_folded"]) == (0.0, 1.0)
    assert parts["CER"] == pytest.approx(5 / 6)
    nothing = run(column("TEA"), [])["text_exact"].parts
    assert (nothing["CER"], nothing["WER"], nothing["char_precision"]) == (1.0, 1.0, 0.0)


def test_output_of_another_size_is_brought_to_the_originals(run: Run) -> None:
    score = run(column("TEA"), column("COFFEE"), size=(60, 40))["ocr_official"]
    assert score.value == 1.0
    assert score.evidence["output_resized_to"] == list(SIZE)


def test_errata_fix_and_exclude(run: Run) -> None:
    record = {
        "record_id": 365, "source_text": "Season4", "target_text": "Spencer",
        "errata": ("cut_at_apostrophe",),
    }  # fmt: skip
    before, after = column("Season4"), column("Spencer's")
    off = run(before, after, **record)["text_exact"]
    assert off.parts["exact_match"] == 0.0
    assert run(before, after, "fix", **record)["text_exact"].parts["exact_match"] == 1.0
    excluded = run(before, after, "exclude", **record)
    assert {s.status for s in excluded.values()} == {"not_applicable"}
    assert "cut_at_apostrophe" in excluded["ocr_official"].reason


def test_slots_of_the_data_decide_which_word_is_meant(run: Run) -> None:
    before, after = column("TEA", "TEA"), column("TEA", "COFFEE")
    slot = ((10.0, 10.0), (40.0, 10.0), (40.0, 30.0), (10.0, 30.0))
    assert run(before, after)["ocr_strict"].parts["OA"] == 1.0
    assert (run(before, after, slots=(slot,))["ocr_strict"].parts["OA"] or 0) < 0.2


def test_a_broken_output_is_a_failure_not_a_zero(tmp_path: Path) -> None:
    original, output = tmp_path / "a.png", tmp_path / "b.png"
    pixels = paint(original, "original")
    output.write_bytes(b"not an image")
    file = tmp_path / "readings.json"
    write_recording(file, [(pixels, column("TEA"))])
    reader = OcrReader("recorded", {"file": str(file)}, tmp_path / "cache")
    for metric in module.metrics(ScoringSettings(), reader):
        (score,) = metric.score([item_of(original, output)])
        assert (score.status, score.value) == ("failed", None)
        assert "not_an_image" in score.reason


def test_an_absent_engine_is_reported_and_changes_the_fingerprint(tmp_path: Path) -> None:
    reader = OcrReader("recorded", {"file": str(tmp_path / "none.json")}, tmp_path)
    file = tmp_path / "there.json"
    write_recording(file, [])
    other = OcrReader("recorded", {"file": str(file)}, tmp_path)
    for absent, there in zip(
        module.metrics(ScoringSettings(), reader), module.metrics(ScoringSettings(), other),
        strict=True,
    ):  # fmt: skip
        assert isinstance(absent, Metric)
        assert absent.absence() is not None
        assert there.absence() is None
        assert absent.fingerprint() != there.fingerprint()


def test_fingerprints_tell_metrics_and_errata_apart(tmp_path: Path) -> None:
    file = tmp_path / "there.json"
    write_recording(file, [])
    reader = OcrReader("recorded", {"file": str(file)}, tmp_path)
    prints = [
        m.fingerprint()
        for errata in ("off", "fix")
        for m in module.metrics(ScoringSettings(errata=errata), reader)
    ]
    assert len(set(prints)) == 8


def test_quantities_are_declared_with_worst_values() -> None:
    reader = OcrReader()
    for metric in module.metrics(ScoringSettings(), reader):
        for quantity in metric.quantities:
            low, high = quantity.range
            assert quantity.worst == (low if quantity.direction == "higher" else high)
            assert quantity.doc.endswith(".")


# --- how images are prepared ------------------------------------------------------------------


def test_plain_images_share_one_view(tmp_path: Path) -> None:
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    paint(a, "original")
    paint(b, "output")
    assert official_views(a, b, swap_rb=False) == strict_views(a, b) == (OcrView(), OcrView())
    assert official_views(a, b, swap_rb=True)[1] == OcrView(swap_rb=True)


def test_C16_alpha_is_dropped_from_the_output_and_laid_on_white_in_the_original(
    tmp_path: Path,
) -> None:
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    for path in (a, b):
        Image.new("RGBA", SIZE, (0, 0, 0, 0)).save(path)
    assert official_views(a, b, swap_rb=False) == (OcrView(), OcrView(as_official=True))
    assert strict_views(a, b) == (OcrView(), OcrView())


def test_rotation_is_ignored_officially_and_seen_by_people(tmp_path: Path) -> None:
    a, b = tmp_path / "a.jpg", tmp_path / "b.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", SIZE, COLOURS["original"]).save(a, exif=exif)
    paint(b, "output", (SIZE[1], SIZE[0]))
    assert official_views(a, b, swap_rb=False) == (
        OcrView(as_official=True), OcrView(size=SIZE),
    )  # fmt: skip
    assert strict_views(a, b) == (OcrView(), OcrView())


def test_changed_boxes_are_where_the_ground_truth_differs(tmp_path: Path) -> None:
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    pixels = paint(a, "original")
    pixels[30:60, 20:70] = (255, 255, 255)
    Image.fromarray(pixels).save(b)
    item = item_of(a, b)
    assert changed_boxes(item) == []
    item = dataclasses.replace(item, sample=dataclasses.replace(item.sample, reference_images=(b,)))
    ((x0, y0, x1, y1),) = changed_boxes(item)
    assert (abs(x0 - 20), abs(y0 - 30), abs(x1 - 70), abs(y1 - 60)) <= (8, 8, 8, 8)
