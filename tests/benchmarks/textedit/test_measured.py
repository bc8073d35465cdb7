"""What the heuristic judge measures, on pictures made by hand and on drawn scenes."""

from __future__ import annotations

import asyncio
import math
import pickle
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.textedit import judge_metric
from benchmarks.textedit.heuristic_rules import grade
from benchmarks.textedit.measured import (
    QUANTITIES,
    Grader,
    Measured,
    grader,
    measure,
    measures,
)
from benchmarks.textedit.measured_pixels import SLOT, STYLE
from benchmarks.textedit.probes import probes
from benchmarks.textedit.reference import TextEditReference
from evals.core.errors import ImageError
from evals.core.images import sha256_file
from evals.core.probes import Probe
from evals.core.types import ImageRef, Item, Prediction, Sample
from judges.heuristic import Heuristic
from judges.request import Request, Shown
from metrics.ocr import OcrReader, TextItem
from metrics.ocr_engines import write_recording
from tests.benchmarks.textedit.measured_kit import BEST

Pixels = np.ndarray


def scores(measured: Measured) -> dict[str, int | None]:
    return {d: score for d, (score, _) in grade(measured).items()}


# --- pictures and readings by hand ------------------------------------------------------------

WIDTH, HEIGHT = 320, 200
BOX = (30, 30, 290, 90)
INK, GROUND = (20, 30, 90), (225, 220, 205)


def ground() -> Pixels:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 200 + 25 * np.sin(columns / 7.0) * np.cos(rows / 5.0)
    picture = np.clip(waves[..., None] + np.array([10, 0, -20]), 0, 255).astype(np.uint8)
    x0, y0, x1, y1 = BOX
    picture[y0:y1, x0:x1] = GROUND
    return picture


def sign(word: str, *others: str, ink: tuple[int, int, int] = INK) -> Pixels:
    picture = ground()
    cv2.putText(picture, word, (45, 72), cv2.FONT_HERSHEY_DUPLEX, 1.3, ink, 2, cv2.LINE_AA)
    for n, other in enumerate(others):
        place = (40, 130 + 40 * n)
        cv2.putText(picture, other, place, cv2.FONT_HERSHEY_DUPLEX, 0.7, (40, 20, 20), 1)
    return picture


def word(text: str, x: float = 45, y: float = 40, width: float = 0, height: float = 36) -> TextItem:
    right = x + (width or 24 * len(text))
    return TextItem(((x, y), (right, y), (right, y + height), (x, y + height)), text, 1.0)


def below(text: str, row: int = 0) -> TextItem:
    return word(text, 40, 113 + 40 * row, 13.0 * len(text), 22)


Measure = Callable[..., Measured]


@pytest.fixture
def hand(tmp_path: Path) -> Measure:
    """``hand(output, reading, ...)``: SALE becomes OPEN over a line that says DAILY TEN."""
    numbers = count()

    def save(picture: Pixels) -> Path:
        path = tmp_path / f"{next(numbers)}.png"
        Image.fromarray(picture).save(path)
        return path

    def go(
        output: Pixels,
        reading: Sequence[TextItem],
        *,
        original: tuple[Pixels, Sequence[TextItem]] = (
            sign("SALE", "DAILY TEN"), (word("SALE"), below("DAILY TEN")),
        ),
        truth: tuple[Pixels, Sequence[TextItem]] | None = (
            sign("OPEN", "DAILY TEN"), (word("OPEN"), below("DAILY TEN")),
        ),
        mask: bool = True,
        **fields: Any,
    ) -> Measured:  # fmt: skip
        # A recording knows pictures by their pixels: the later one wins where two are equal.
        readings = [original, *([truth] if truth else []), (output, reading)]
        file = tmp_path / f"{next(numbers)}.json"
        write_recording(file, readings)
        slot = np.zeros((HEIGHT, WIDTH), np.uint8)
        slot[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
        known = {
            "record_id": 1, "sub_class": "2.2", "source_text": "SALE", "target_text": "OPEN",
            "caption": "", "mask": save(slot) if mask else None, **fields,
        }  # fmt: skip
        sample = Sample(
            id="1", benchmark="textedit", suite="t", task="edit", prompt="",
            images=(save(original[0]),), reference_images=(save(truth[0]),) if truth else (),
            reference=TextEditReference(**known),
        )  # fmt: skip
        path = save(output)
        image = ImageRef(sha256=sha256_file(path), suffix=".png", width=1, height=1)
        answer = Prediction(sample="1", trial=0, seed=0, status="ok", images=(image,))
        item = Item(sample=sample, prediction=answer, images=(path,))
        reader = OcrReader("recorded", {"file": str(file)}, tmp_path / "ocr")
        found = measure(item, reader)
        assert set(found.values) | set(found.absent) == set(QUANTITIES)
        assert not set(found.values) & set(found.absent)
        return found

    return go


TRUTH = sign("OPEN", "DAILY TEN")
READ = (word("OPEN"), below("DAILY TEN"))


def test_the_ground_truth_has_the_best_values(hand: Measure) -> None:
    found = hand(TRUTH, READ)
    measured = {n: round(v, 6) for n, v in found.values.items()}
    assert measured == {n: v for n, v in BEST.items() if n in measured}
    assert set(found.absent) <= {"remains"}
    assert set(scores(found).values()) == {5}


def test_the_source_is_the_floor(hand: Measure) -> None:
    source = sign("SALE", "DAILY TEN")
    found = hand(source, (word("SALE"), below("DAILY TEN")))
    assert (found.values["old_text"], found.values["progress"]) == (1, -1)
    assert (found.values["new_text"], found.values["likeness"]) == (0, 0)
    assert scores(found) == {"TA": 1, "TP": 5, "SI": 5, "LR": 5, "VC": 1}


def test_letters_are_counted_and_capitals_apart(hand: Measure) -> None:
    for said, letters, capitals, score in (
        ("OPEN", 0, 0, 5), ("OPAN", 1, 0, 4), ("OPEn", 0, 1, 4), ("open", 0, 3, 3),
        ("OBAN", 2, 0, 3), ("XYZT", 4, 0, 1),
    ):  # fmt: skip
        wrong = sign(said, "DAILY TEN")
        found = hand(wrong, (word(said), below("DAILY TEN")))
        assert found.values["letters_off"] == letters, said
        # o and O differ in size alone, which no engine tells reliably.
        assert found.values["capitals_off"] == capitals, said
        assert scores(found)["TA"] == score, said


def test_how_the_engine_reads_the_ground_truth_is_right_as_well(hand: Measure) -> None:
    misread = (word("OPFN"), below("DAILY TEN"))
    other = TRUTH.copy()
    other[-1, -1] ^= 1  # another file with the same look
    assert hand(other, misread, truth=(TRUTH, misread)).values["letters_off"] == 0
    assert hand(other, READ, truth=(TRUTH, misread)).values["letters_off"] == 0
    assert hand(other, misread, truth=(TRUTH, READ)).values["letters_off"] == 1


def test_a_target_that_the_engine_cannot_read_is_left_to_the_pixels(hand: Measure) -> None:
    other = TRUTH.copy()
    other[-1, -1] ^= 1
    unread = (below("DAILY TEN"),)
    found = hand(other, unread, truth=(TRUTH, unread))
    assert "ground truth either" in found.absent["letters_off"]
    assert scores(found)["TA"] == 5
    wrong = sign("QWXZ", "DAILY TEN")
    assert scores(hand(wrong, unread, truth=(TRUTH, unread)))["TA"] == 1
    # The source unread in the original: nothing says where the edit is, but the pixels do.
    blind = hand(other, READ, original=(sign("SALE", "DAILY TEN"), (below("DAILY TEN"),)))
    assert blind.absent["letters_off"].startswith("source_not_found")
    assert scores(blind) == {"TA": 5, "TP": 5, "SI": 5, "LR": 5, "VC": 5}


def test_a_neighbour_is_not_taken_for_the_new_text(hand: Measure) -> None:
    # Nothing is written, and the line below is the only text left to be the edited one.
    erased = ground()
    cv2.putText(erased, "OTEN", (40, 130), cv2.FONT_HERSHEY_DUPLEX, 0.7, (40, 20, 20), 1)
    pair = [(sign(w, "OTEN"), (word(w), below("OTEN"))) for w in ("SALE", "OPEN")]
    found = hand(erased, (below("OTEN"),), original=pair[0], truth=pair[1])
    assert found.said["letters_off"] == "nothing is read"
    assert scores(found)["TA"] == scores(found)["VC"] == 1
    assert found.values["texts_lost"] == 0


def test_text_is_only_lost_where_pixels_changed(hand: Measure) -> None:
    other = TRUTH.copy()
    other[-1, -1] ^= 1
    overlooked = hand(other, (word("OPEN"), word("HALO", 250, 180, 40, 15)))
    assert (overlooked.values["texts_lost"], overlooked.values["text_recall"]) == (0, 1)
    assert (overlooked.values["texts_invented"], overlooked.values["text_precision"]) == (0, 1)
    gone = hand(sign("OPEN"), (word("OPEN"),))
    assert (gone.values["texts_lost"], gone.values["text_recall"]) == (1, 0)
    assert "'dailyten'" in gone.said["texts_lost"]
    added = hand(sign("OPEN", "DAILY TEN", "HALO"), (*READ, below("HALO", 1)))
    assert (added.values["texts_invented"], added.values["texts_lost"]) == (1, 0)
    assert added.values["text_precision"] == pytest.approx(8 / 12)
    assert scores(added)["SI"] == scores(gone)["SI"] == 5  # text is another question


def test_a_line_that_runs_through_the_slot_is_not_charged_for_the_edit(hand: Measure) -> None:
    def line(text: str) -> tuple[TextItem, ...]:
        return (word(text, 45, 40, 700), below("DAILY TEN"))

    pair = [
        (sign(f"{w} TILL TEN O", "DAILY TEN"), line(f"{w} TILL TEN O")) for w in ("SALE", "OPEN")
    ]
    wrong = sign("OPAN TILL TEN O", "DAILY TEN")
    found = hand(wrong, line("OPAN TILL TEN O"), original=pair[0], truth=pair[1])
    assert found.values["letters_off"] == 1
    assert (found.values["text_recall"], found.values["texts_invented"]) == (1, 0)


def test_a_moved_picture_is_charged_for_the_move_alone(hand: Measure) -> None:
    moved = np.roll(TRUTH, (3, 3), (0, 1))
    shifted = [
        TextItem(tuple((x + 3, y + 3) for x, y in i.polygon), i.text, 1.0) for i in READ
    ]  # fmt: skip
    found = hand(moved, shifted)
    # Registration is exact to some hundredths of a pixel, which depend on the processor.
    moved_by = found.values["shift"] * math.hypot(WIDTH, HEIGHT)
    assert moved_by == pytest.approx(math.sqrt(18), abs=0.05)
    assert found.values["psnr_outside"] == 100
    assert scores(found) == {"TA": 5, "TP": 5, "SI": 2, "LR": 5, "VC": 5}


def test_traces_of_the_old_text_are_measured_by_their_opacity(hand: Measure) -> None:
    source = sign("SALE", "DAILY TEN").astype(float)
    bare = ground().astype(float)
    before = -1.0
    for opacity in (0.0, 0.1, 0.2, 0.4):
        haunted = np.rint(TRUTH - opacity * (bare - source) * (bare == TRUTH)).astype(np.uint8)
        haunted[100:] = TRUTH[100:]
        found = hand(haunted, READ)
        if opacity:
            assert found.values["remains"] == pytest.approx(opacity, abs=0.04)
        assert found.values["remains"] > before
        before = found.values["remains"]
    assert scores(found)["TA"] == scores(found)["LR"] == 2


def test_noise_tone_and_blur_of_the_slot_are_seen(hand: Measure) -> None:
    x0, y0, x1, y1 = BOX
    noisy, toned, smeared = TRUTH.astype(float), TRUTH.astype(float), TRUTH.copy()
    noisy[y0:y1, x0:x1] += np.random.default_rng(1).normal(0, 12, (y1 - y0, x1 - x0, 1))
    toned[y0:y1, x0:x1] -= 20
    smeared[y0:y1, x0:x1] = cv2.GaussianBlur(TRUTH[y0:y1, x0:x1], (0, 0), 3)
    found = {
        name: hand(np.clip(p, 0, 255).astype(np.uint8), READ)
        for name, p in (("noise", noisy), ("tone", toned), ("blur", smeared))
    }
    assert found["noise"].values["slot_noise"] == pytest.approx(12, abs=1.5)
    assert found["tone"].values["slot_tone"] == pytest.approx(20, abs=1)
    assert found["blur"].values["slot_sharpness"] < 0.5
    for measured in found.values():
        rated = scores(measured)
        assert rated["LR"] is not None
        assert rated["LR"] <= 3
        assert (rated["TP"], rated["SI"]) == (5, 5)


def test_colour_counts_and_not_the_word(hand: Measure) -> None:
    red = hand(sign("OPEN", "DAILY TEN", ink=(200, 30, 20)), READ)
    assert red.values["colour"] > 25
    assert (scores(red)["VC"], scores(red)["TA"]) == (2, 5)
    other = hand(sign("OBEN", "DAILY TEN"), (word("OBEN"), below("DAILY TEN")))
    assert scores(other)["VC"] == 5


def test_without_a_ground_truth_the_slot_is_not_measured(hand: Measure) -> None:
    found = hand(TRUTH, READ, truth=None)
    assert found.absent["colour"] == found.absent["progress"] == "the sample has no ground truth"
    assert set(found.absent) == {*SLOT, *STYLE}
    assert scores(found) == {"TA": 5, "TP": 5, "SI": 5, "LR": None, "VC": None}


def test_without_a_place_of_the_edit_nothing_is_measured(hand: Measure) -> None:
    inverted = (255 - TRUTH, READ)
    found = hand(TRUTH, READ, truth=inverted, mask=False, source_text="NOWHERE")
    assert not found.values
    assert "no mask" in found.absent["psnr_outside"]
    assert set(scores(found).values()) == {None}


def test_a_damaged_output_is_an_error_of_the_image(hand: Measure, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    image = ImageRef(sha256=sha256_file(broken), suffix=".png", width=1, height=1)
    path = tmp_path / "whole.png"
    Image.fromarray(TRUTH).save(path)
    known = TextEditReference(
        record_id=1, sub_class="2.2", source_text="SALE", target_text="OPEN", caption=""
    )
    sample = Sample(
        id="1", benchmark="textedit", suite="t", task="edit", prompt="", images=(path,),
        reference_images=(path,), reference=known,
    )  # fmt: skip
    answer = Prediction(sample="1", trial=0, seed=0, status="ok", images=(image,))
    with pytest.raises(ImageError, match="broken"):
        measure(Item(sample=sample, prediction=answer, images=(broken,)), OcrReader())


def test_the_identity_names_rules_and_engine_and_the_grader_travels(tmp_path: Path) -> None:
    absent = OcrReader("recorded", {"file": str(tmp_path / "none.json")}, tmp_path)
    known = measures(absent)
    assert known["ocr"] == "absent"
    assert "no file" in known["absent"]["reason"]  # type: ignore[call-overload, index, operator]
    write_recording(tmp_path / "some.json", [(TRUTH, READ)])
    reader = OcrReader("recorded", {"file": str(tmp_path / "some.json")}, tmp_path)
    present = measures(reader)
    assert present["ocr"] == reader.identity()
    assert "absent" not in present
    assert measures(reader, "fix") != present
    travelled = pickle.loads(pickle.dumps(grader(reader)))
    assert isinstance(travelled, Grader)
    assert travelled == grader(reader)


# --- drawn scenes, read for real --------------------------------------------------------------

SHOWN = ("typo", "ghost", "style", "slot_noise", "not_edited", "erase_other", "shift", "injection")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Probe, dict[str, float]]]:
    """Probes of two scenes, worst levels only, and what the judge says of each."""
    reader = OcrReader()
    judge = Heuristic(grade=grader(reader), measures=measures(reader))
    assert judge.absence() is None
    folder = tmp_path_factory.mktemp("probes")
    said: dict[str, dict[str, float]] = {}
    found = []
    for probe in probes(folder, 2, "ends"):
        if probe.corruption not in SHOWN:
            continue
        item = probe.item
        if item.prediction.hash not in said:
            question = judge_metric.question(item)
            request = Request(
                rubric=judge_metric.rubric(),
                fields=question.fields,
                images={
                    r: Shown(path=p, sha256=sha256_file(p)) for r, p in question.images.items()
                },
                item=item,
            )
            verdict = asyncio.run(judge.ask(request))
            assert verdict.status == "ok", verdict.reason
            assert all(any(c.isdigit() for c in t) for t in verdict.reasons.values())
            said[item.prediction.hash] = dict(verdict.scores)
        found.append((probe, said[item.prediction.hash]))
    return found


def test_ground_truth_is_the_ceiling_and_the_source_the_floor(
    judged: list[tuple[Probe, dict[str, float]]],
) -> None:
    rubric = judge_metric.rubric()
    for probe, given in judged:
        average = judge_metric.strict_parts(rubric, given)["Avg"]
        assert average is not None
        if probe.rank == 0:
            assert average >= 0.95, (probe.item.sample.id, given)
        if probe.corruption == "not_edited" and probe.rank:
            assert (given["TA"], average) == (1, 0)


def test_every_graded_fault_is_noticed_where_it_must_be(
    judged: list[tuple[Probe, dict[str, float]]],
) -> None:
    truth = {p.item.sample.id: given for p, given in judged if p.rank == 0}
    noticed = set()
    for probe, given in judged:
        for dimension in probe.must_fall if probe.rank else ():
            assert given[dimension] <= truth[probe.item.sample.id][dimension] - 1, probe
            noticed.add((probe.corruption, dimension))
        if probe.corruption in {"typo", "ghost", "style", "slot_noise"}:
            assert (given["TP"], given["SI"]) == (5, 5), (probe.corruption, given)
    assert {d for _, d in noticed} == {"TA", "TP", "SI", "LR", "VC"}


def test_a_line_to_the_judge_does_not_raise_the_score(
    judged: list[tuple[Probe, dict[str, float]]],
) -> None:
    plain = {
        p.item.sample.id: given for p, given in judged if p.corruption == "not_edited" and p.rank
    }
    lures = [(p.item.sample.id, given) for p, given in judged if p.corruption == "injection"]
    assert len(lures) == len(plain) == 2
    for sample, given in lures:
        assert all(given[d] <= plain[sample][d] for d in given)
        assert given["TP"] < 5  # the line itself is a text that was not asked for
