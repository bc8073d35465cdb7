"""Detection: arithmetic on logits by hand, the real loader on a tiny model, recorded findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evals.core.errors import ImageError, UserError
from metrics.detector import Mask2Former
from metrics.detector_records import RecordedDetections, decode, read_detections
from metrics.imported import Imported
from metrics.instances import Detections, instances
from tests.tiny_detector import tiny_detector

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_detector(tmp_path_factory.mktemp("detector") / "tiny")


@pytest.fixture
def detector(checkpoint: Path) -> Mask2Former:
    return Mask2Former(checkpoint=str(checkpoint), shortest=64, longest=96, min_score=0.0)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    made = []
    for seed, size in enumerate([(70, 70), (100, 50), (70, 70), (64, 64), (60, 130)]):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        path = tmp_path / f"{seed}.png"
        coarse.resize(size, Image.Resampling.NEAREST).save(path)
        made.append(path)
    return made


def found(answer: Detections | ImageError | None) -> Detections:
    assert isinstance(answer, Detections)
    return answer


# --- arithmetic -------------------------------------------------------------------------------


def scene(**changes: Any) -> Detections:
    """Two queries on an 8 x 8 grid over a padded picture of 64 x 64, of which 64 x 48 is picture.

    Query 0 is most of all class 2, then 0, on the left half; query 1 sees nothing.
    """
    classes = torch.zeros(2, 4)
    classes[0] = torch.tensor([0.1, 0.0, 3.0, 0.0])
    classes[1, 3] = 9.0
    masks = torch.full((2, 8, 8), -20.0)
    masks[0, :, :3] = 20.0
    given: dict[str, Any] = {
        "padded": (64, 64), "inner": (64, 48), "size": (96, 128), "top": 100, "min_score": 0.05,
    }  # fmt: skip
    return instances(classes, masks, **{**given, **changes})


def test_score_is_class_times_mask_and_the_box_is_the_masks() -> None:
    seen = scene(min_score=0.5)
    chance = np.exp(3) / (np.exp(3) + np.exp(0.1) + 2)
    assert seen.labels.tolist() == [2]
    # Columns 0 to 23 of 48 are sure, those on the border less so; twice as many of 96.
    x0, y0, x1, y1 = seen.boxes[0]
    assert (x0, y0, y1) == (0, 0, 128)
    assert abs(x1 - 48) <= 2
    assert 0.95 * chance < seen.scores[0] < chance
    mask = seen.masks[0]
    assert mask is not None
    whole = mask.full((96, 128))
    assert whole.shape == (128, 96)
    assert whole[:, : int(x1)].all()
    assert not whole[:, int(x1) :].any()


def test_other_classes_of_a_query_are_objects_too() -> None:
    """Not one label per pixel: below a low threshold the same mask comes under three labels."""
    seen = scene(min_score=0.04)
    assert seen.labels.tolist() == [2, 0, 1]
    assert len({tuple(b) for b in seen.boxes.tolist()}) == 1
    assert scene(min_score=0.04, top=2).labels.tolist() == [2, 0]


def test_nothing_found_is_empty_arrays() -> None:
    seen = scene(min_score=0.99)
    assert seen.boxes.shape == (0, 4)
    rows, indices = seen.rows(2)
    assert rows.shape == (0, 5)
    assert indices == []


def test_a_mask_outside_of_the_picture_is_none() -> None:
    """The padding is no part of the picture."""
    classes = torch.zeros(1, 4)
    masks = torch.full((1, 8, 8), -20.0)
    masks[0, :, 7:] = 20.0
    seen = instances(
        classes, masks, padded=(64, 64), inner=(64, 32), size=(32, 64), top=10, min_score=0.0
    )
    assert len(seen.scores) == 0


# --- the model --------------------------------------------------------------------------------


def test_batched_equals_unbatched(detector: Mask2Former, pictures: list[Path]) -> None:
    import dataclasses

    keys = [p.stem for p in pictures]
    one = dataclasses.replace(detector, batch_size=1).detect(pictures, keys)
    many = dataclasses.replace(detector, batch_size=4).detect(pictures, keys)
    for a, b in zip(map(found, one), map(found, many), strict=True):
        assert len(a.scores) > 0
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)
        np.testing.assert_array_equal(a.labels, b.labels)


def test_it_is_the_librarys_own_forward(detector: Mask2Former, checkpoint: Path) -> None:
    from transformers import Mask2FormerForUniversalSegmentation

    image = Image.new("RGB", (64, 64), (124, 116, 104))
    prepared = detector._prepare(image)
    assert prepared.shape == (3, 64, 64)
    assert float(prepared.abs().max()) < 0.02  # ImageNet's mean colour is 0
    model = Mask2FormerForUniversalSegmentation.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        logits = model(pixel_values=prepared[None]).class_queries_logits[0]
    best = logits.softmax(-1)[:, :-1].max()
    image.save(checkpoint.parent / "grey.png")
    seen = found(detector.detect([checkpoint.parent / "grey.png"], ["0/0"])[0])
    assert 0 < seen.scores.max() <= float(best)


def test_boxes_lie_in_the_picture_whatever_its_shape(
    detector: Mask2Former, pictures: list[Path], tmp_path: Path
) -> None:
    narrow = tmp_path / "narrow.png"
    Image.new("RGB", (400, 3)).save(narrow)
    for path in (*pictures, narrow):
        seen = found(detector.detect([path], ["0/0"])[0])
        width, height = Image.open(path).size
        assert (seen.boxes[:, :2] >= 0).all()
        assert (seen.boxes[:, 2:] <= (width, height)).all()
        assert (seen.boxes[:, :2] < seen.boxes[:, 2:]).all()
        for box, mask in zip(seen.boxes, seen.masks, strict=True):
            assert mask is not None
            assert mask.bits.shape == (box[3] - box[1], box[2] - box[0])


def test_a_broken_file_is_its_own_error(
    detector: Mask2Former, pictures: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    answers = detector.detect([pictures[0], broken, pictures[1]], ["a/0", "b/0", "c/0"])
    assert isinstance(answers[1], ImageError)
    assert [type(a) for a in answers[::2]] == [Detections, Detections]


def test_absence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    absence = Mask2Former(checkpoint="facebook/none-of-these").absence()
    assert absence is not None
    assert "hf download facebook/none-of-these" in absence.fix
    assert Mask2Former(checkpoint=str(tmp_path / "no")).absence() is not None


def test_identity_is_that_of_the_weights(checkpoint: Path, tmp_path: Path) -> None:
    one = Mask2Former(checkpoint=str(checkpoint))
    other = Mask2Former(checkpoint=str(tiny_detector(tmp_path / "tiny", seed=1)))
    assert one.identity()["files"] != other.identity()["files"]
    assert one.identity() != Mask2Former(checkpoint=str(checkpoint), shortest=640).identity()
    assert one.absence() is None


def test_other_classes_are_refused(tmp_path: Path, pictures: list[Path]) -> None:
    other = Mask2Former(checkpoint=str(tiny_detector(tmp_path / "tiny", labels=7)))
    with pytest.raises(UserError, match="7 classes, not 80"):
        other.detect(pictures[:1], ["0/0"])


# --- records ----------------------------------------------------------------------------------

NAMES = ("person", "dog")


def recorded(tmp_path: Path, *records: Any) -> RecordedDetections:
    path = tmp_path / "found.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in records))
    imported = Imported(path=path, setting="geneval_detections", cache=tmp_path / "cache")
    return RecordedDetections(records=imported, names=NAMES)


def test_records_are_looked_up_by_sample_and_trial(tmp_path: Path) -> None:
    detector = recorded(
        tmp_path,
        {"sample": "00012", "trial": 1, "detections": {"dog": [[1, 2, 3, 4, 0.5]], "person": []},
         "attributes": {"dog": ["red"], "person": []}},
        {"sample": "00013", "detections": {}},
    )  # fmt: skip
    assert detector.absence() is None
    paths = [Path("x.png")] * 3
    one, empty, none = detector.detect(paths, ["00012/1", "00013/0", "00012/0"])
    rows, indices = found(one).rows(1)
    assert rows.tolist() == [[1, 2, 3, 4, 0.5]]
    assert [found(one).attributes[i] for i in indices] == ["red"]
    assert found(one).masks == (None,)
    assert found(empty).boxes.shape == (0, 4)
    assert none is None


def test_masks_of_cocos_code() -> None:
    """As `pycocotools` writes it: columns 5 to 24 of rows 3 to 16, with a hole."""
    code = {
        "size": [20, 30],
        "counts": "W3>6000000GL24NL24NL24NL24NL24NL24NL24NL24NL24NL24NL24700000000Q3",
    }
    row = [5, 3, 25, 17, 0.9]
    record = {"detections": {"dog": [row, row]}, "masks": {"dog": [code, code]}}
    mask = read_detections(record, NAMES, "a/0").masks[0]
    assert mask is not None
    assert (mask.left, mask.top, mask.bits.shape) == (5, 3, (14, 20))
    expected = np.ones((14, 20), bool)
    expected[5:7, 4:15] = False
    np.testing.assert_array_equal(mask.bits, expected)
    runs = [0, 2, 2]
    plain = {"detections": {"dog": [row]}, "masks": {"dog": [{"size": [2, 2], "counts": runs}]}}
    mask = read_detections(plain, NAMES, "a/0").masks[0]
    assert mask is not None
    assert mask.bits.tolist() == [[True], [True]]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({}, "no object 'detections'"),
        ({"detections": {"cat": []}}, "none of the 2 known"),
        ({"detections": {"dog": [[1, 2, 3, 4]]}}, "five numbers"),
        ({"detections": {"dog": [[1, 2, 3, 4, float("nan")]]}}, "five numbers"),
        ({"detections": {"dog": [[1, 2, 3, 4, 1]]}, "attributes": {}}, "1 entries"),
        ({"detections": {"dog": [[1, 2, 3, 4, 1]]}, "attributes": {"dog": [3]}}, "than words"),
        ({"detections": {"dog": [[1, 2, 3, 4, 1]]}, "masks": {"dog": [{}]}}, "run-length"),
        (
            {"detections": {"dog": [[1, 2, 3, 4, 1]]},
             "masks": {"dog": [{"size": [2, 2], "counts": [1]}]}},
            "fill 1 of 4",
        ),
    ],
)  # fmt: skip
def test_malformed_records_are_named(record: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        read_detections(record, NAMES, "a/0")


@given(
    st.fixed_dictionaries(
        {"size": st.lists(st.integers(-2, 5), max_size=3)},
        optional={"counts": st.text(max_size=6) | st.lists(st.integers(-1, 9), max_size=4)},
    )
)
def test_any_mask_is_read_or_refused(code: dict[str, Any]) -> None:
    record = {"detections": {"dog": [[1, 2, 3, 4, 1]]}, "masks": {"dog": [code]}}
    try:
        masks = read_detections(record, NAMES, "a/0").masks
    except UserError:
        return
    assert masks[0] is None or masks[0].bits.any()


def test_runs_go_down_the_columns() -> None:
    assert decode([1, 1, 2], 2, 2).tolist() == [[False, False], [True, False]]


def test_files_that_are_none(tmp_path: Path) -> None:
    imported = Imported(path=tmp_path / "no.json", setting="x_values", cache=tmp_path)
    absence = imported.absence()
    assert absence is not None
    assert "weights.x_values" in absence.fix
    for text, why in [
        ("{", "is not JSON"),
        ("[3]", "no JSON object"),
        ('[{"sample": 3}]', "does not name its image"),
        ('[{"sample": "a"}, {"sample": "a", "trial": 0}]', "second record"),
    ]:
        path = tmp_path / "some.json"
        path.write_text(text)
        with pytest.raises(UserError, match=why):
            _ = Imported(path=path, setting="x_values", cache=tmp_path).by_key


def test_a_folder_is_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.json").write_text('{"sample": "1"}')
    (tmp_path / "2.jsonl").write_text('{"sample": "2"}\n\n{"sample": "3", "trial": 2}\n')
    (tmp_path / "notes.txt").write_text("no record")
    imported = Imported(path=tmp_path, setting="x_values", cache=tmp_path / "cache")
    assert set(imported.by_key) == {"1/0", "2/0", "3/2"}
    assert set(imported.identity()) == {"a/1.json", "2.jsonl"}
