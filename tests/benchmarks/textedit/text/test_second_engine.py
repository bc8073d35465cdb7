"""The second opinion: what two engines say of one output."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.textedit import metrics as textedit_metrics
from benchmarks.textedit.ocr_metrics import OcrStrict
from benchmarks.textedit.second_engine import OcrSecond, metrics
from evals.core.protocols import ScoringSettings
from evals.core.types import Item, Score
from metrics.ocr import OcrReader, TextItem
from metrics.ocr_engines import write_recording
from tests.benchmarks.textedit.text.test_ocr_metrics import item_of, paint
from tests.reading_kit import column

Readings = tuple[Sequence[TextItem], Sequence[TextItem]]
Both = Callable[..., tuple[Score, OcrSecond, Item]]
"""``both(first, second, **sample)``, each a reading of original and output."""


@pytest.fixture
def both(tmp_path: Path) -> Both:
    count = itertools.count()

    def go(one: Readings, two: Readings, **changes: object) -> tuple[Score, OcrSecond, Item]:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        original, output = folder / "original.png", folder / "output.png"
        pixels = paint(original, "original"), paint(output, "output")
        files = []
        for name, readings in (("one", one), ("two", two)):
            files.append(folder / f"{name}.json")
            write_recording(files[-1], list(zip(pixels, readings, strict=True)))
        settings = ScoringSettings(
            ocr="recorded", ocr_options={"file": str(files[0])}, ocr_second="recorded",
            ocr_second_options={"file": str(files[1])}, cache=folder / "cache",
        )  # fmt: skip
        first = OcrReader(settings.ocr, settings.ocr_options, settings.cache)
        (metric,) = pickle.loads(pickle.dumps(metrics(settings, first)))
        item = item_of(original, output, **changes)
        (score,) = metric.score([item])
        return score, metric, item

    return go


TEA, COFFEE, COFFEF = column("TEA", "MENU"), column("COFFEE", "MENU"), column("COFFEF", "MENU")


def test_engines_that_read_the_same_agree(both: Both) -> None:
    score, metric, _ = both((TEA, COFFEE), (TEA, COFFEE))
    assert score.status == "ok"
    assert score.parts == {
        "OA": 1.0, "F1": 1.0, "median_OA": 1.0, "agreement": 1.0, "disputed": 0.0,
    }  # fmt: skip
    assert score.fingerprint == metric.fingerprint()


def test_the_numbers_are_the_second_engines(both: Both) -> None:
    score, metric, item = both((TEA, COFFEE), (TEA, COFFEF))
    (strict,) = OcrStrict(reader=metric.reader).score([item])
    assert (score.parts["OA"], score.parts["F1"]) == (strict.parts["OA"], strict.parts["F1"])
    assert 0.8 < (score.value or 0) < 1.0
    assert score.parts["median_OA"] == pytest.approx((1.0 + (score.value or 0)) / 2)
    assert score.parts["agreement"] == pytest.approx(1 - 1 / 10)
    assert score.parts["disputed"] == 0.0
    assert score.evidence["first_OA"] == 1.0
    assert (score.evidence["first_slot"], score.evidence["second_slot"]) == ("COFFEE", "COFFEF")
    assert score.evidence["output_items"][0]["text"] == "COFFEF"


def test_a_dispute_is_told(both: Both) -> None:
    score, _, _ = both((TEA, COFFEE), (TEA, column("TEA", "MENU")))
    assert score.parts["disputed"] == 1.0
    assert (score.parts["agreement"] or 0) < 0.6


def test_a_source_that_one_engine_cannot_read_is_no_dispute_but_is_said(both: Both) -> None:
    score, _, _ = both((TEA, COFFEE), (column("XQZ"), COFFEE))
    assert (score.status, score.value) == ("not_applicable", None)
    assert "source_not_found" in score.reason
    assert score.parts["agreement"] == 1.0
    assert score.parts["disputed"] is score.parts["median_OA"] is None
    assert score.notes["disputed"].startswith("recorded: source_not_found")
    score, _, _ = both((column("XQZ"), COFFEE), (TEA, COFFEE))
    assert (score.status, score.value, score.parts["median_OA"]) == ("ok", 1.0, None)
    assert "source_not_found" in score.notes["median_OA"]


def test_each_image_is_read_once_per_engine(both: Both, tmp_path: Path) -> None:
    _, metric, item = both((TEA, COFFEE), (TEA, COFFEF))
    cached = sorted(metric.reader.cache.rglob("ocr/*/??/*.json"))
    assert len(cached) == 4
    OcrStrict(reader=metric.first).score([item])
    OcrStrict(reader=metric.reader).score([item])
    assert sorted(metric.reader.cache.rglob("ocr/*/??/*.json")) == cached


def test_the_metric_exists_only_when_asked_for() -> None:
    without = [m.name for m in textedit_metrics(ScoringSettings())]
    asked = [m.name for m in textedit_metrics(ScoringSettings(ocr_second="paddleocr-onnx"))]
    assert "ocr_second" not in without
    assert sorted(asked) == sorted([*without, "ocr_second"])


def test_an_absent_engine_is_an_absence_with_its_own_flag(tmp_path: Path) -> None:
    settings = ScoringSettings(ocr_second="paddleocr-official", cache=tmp_path)
    (metric,) = metrics(settings, OcrReader("rapidocr", {}, tmp_path))
    absence = metric.absence()
    assert absence is not None
    assert "paddleocr-official" in absence.reason
    assert "--ocr-second-option det=FOLDER" in absence.fix
    assert metric.fingerprint()
    first = OcrReader("recorded", {"file": str(tmp_path / "none.json")}, tmp_path)
    (metric,) = metrics(ScoringSettings(ocr_second="rapidocr", cache=tmp_path), first)
    assert "OCR engine recorded" in str(metric.absence())


def test_both_engines_are_in_the_fingerprint(both: Both) -> None:
    prints = {
        both(one, two)[1].fingerprint()
        for one, two in itertools.product([(TEA, COFFEE), (TEA, COFFEF)], repeat=2)
    }
    assert len(prints) == 4
