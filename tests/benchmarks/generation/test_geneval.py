"""GenEval as a benchmark: prompts, the metric over known detections, colours, a run by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.generation.geneval import BENCHMARK
from benchmarks.generation.geneval.classes import NAMES
from benchmarks.generation.geneval.colours import GREY, ColourNamer, Object, cut
from benchmarks.generation.geneval.metric import Objects, metrics
from benchmarks.generation.geneval.recorded import OfficialResults
from benchmarks.generation.geneval.rules import COLOURS, TAGS
from benchmarks.generation.geneval.summary import Row, strict_overall, summarise
from evals.core.errors import ImageError, UserError
from evals.core.protocols import ScoringSettings
from evals.core.summary import summarise as table
from evals.core.types import JSON, Absence, Score
from evals.core.variants import check_variants
from metrics.clip import TowerSpec
from metrics.imported import Imported
from metrics.instances import Detections, Mask
from tests.benchmarks.generation.detector_kit import listed, replayed, samples
from tests.benchmarks.kit import item, write_lines
from tests.tiny_weights import tiny_clip
from tests.variant_runs import MISSING, memory_run

PROMPTS: list[dict[str, Any]] = [
    {"tag": "single_object", "include": [{"class": "tie", "count": 1}], "prompt": "a tie here"},
    {"tag": "counting", "include": [{"class": "tie", "count": 2}],
     "exclude": [{"class": "tie", "count": 3}], "prompt": "two ties here"},
    {"tag": "colors", "include": [{"class": "dog", "count": 1, "color": "red"}],
     "prompt": "one red dog"},
    {"tag": "position", "include": [{"class": "dog", "count": 1},
     {"class": "tie", "count": 1, "position": ["left of", 0]}], "prompt": "a tie left of a dog"},
]  # fmt: skip
TIE, DOG = NAMES.index("tie"), NAMES.index("dog")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    listed(monkeypatch, "geneval", BENCHMARK, len(PROMPTS))
    return write_lines(tmp_path / "data" / "evaluation_metadata.jsonl", PROMPTS).parent


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (100, 60), (200, 30, 30)).save(path)
    return path


# --- prompts ----------------------------------------------------------------------------------


def test_official_prompts(official_data: Path) -> None:
    found = samples(BENCHMARK, "full", official_data / "geneval")
    assert len(found) == BENCHMARK.suites["full"].size == 553
    assert {s.group[0] for s in found} == set(TAGS)
    assert found[12].id == "00012"
    assert [p.path.format(trial=3) for p in found[12].places] == [
        "00012/samples/00003.png", "00012/samples/0003.png",
        "geneval/images/00012/samples/00003.png",
    ]  # fmt: skip
    names = (official_data / "geneval" / "prompts" / "object_names.txt").read_text().split("\n")
    assert [n for n in names if n] == list(NAMES)
    assert BENCHMARK.suites["full"].size * BENCHMARK.trials == 2212


def test_another_file_is_refused_by_its_hash(official_data: Path, tmp_path: Path) -> None:
    place = official_data / "geneval" / "prompts" / "evaluation_metadata.jsonl"
    lines = place.read_text().splitlines()
    copy = tmp_path / "data" / "evaluation_metadata.jsonl"
    copy.parent.mkdir()
    copy.write_text("\n".join(lines[:10]))
    with pytest.raises(UserError, match=r"djghosh13/geneval@af4902f.*sha256:") as refused:
        samples(BENCHMARK, "full", copy.parent)
    knowingly = str(refused.value).rpartition("@")[2].rstrip(".")
    assert len(samples(BENCHMARK, "full", copy.parent, knowingly)) == 10


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"include": [{"class": "unicorn", "count": 1}]}, "no class of COCO"),
        ({"include": [{"class": "tie", "count": 1, "color": "teal"}]}, "none of the ten colours"),
        ({"tag": "style"}, "none of the six tasks"),
        ({"prompt": None}, "no text in 'prompt'"),
        ({"include": [{"class": "tie"}]}, "without class, count"),
    ],
)
def test_malformed_prompts_name_their_line(data: Path, change: dict[str, Any], why: str) -> None:
    write_lines(data / "evaluation_metadata.jsonl", [PROMPTS[0], PROMPTS[0] | change])
    with pytest.raises(UserError, match=rf"jsonl:2.*{why}"):
        samples(BENCHMARK, "full", data)


def test_rewritten_prompts_are_a_suite_of_their_own(tmp_path: Path) -> None:
    write_lines(tmp_path / "data" / "evaluation_metadata_long.jsonl", PROMPTS)
    assert [s.suite for s in samples(BENCHMARK, "long", tmp_path / "data")] == ["long"] * 4


# --- the metric -------------------------------------------------------------------------------


class Known:
    """A detector that finds what it was told."""

    def __init__(self, *answers: Detections | ImageError | None) -> None:
        self.answers = list(answers)

    def identity(self) -> dict[str, JSON]:
        return {"detector": "known"}

    def absence(self) -> Absence | None:
        return None

    def detect(self, paths: Any, keys: Any) -> list[Detections | ImageError | None]:
        return self.answers


def seen(*rows: tuple[int, tuple[float, ...]], words: tuple[str, ...] = ()) -> Detections:
    values = np.array([row for _, row in rows], np.float32).reshape(-1, 5)
    return Detections(
        boxes=values[:, :4], scores=values[:, 4],
        labels=np.array([label for label, _ in rows], np.int64),
        masks=(None,) * len(rows), attributes=words,
    )  # fmt: skip


def scored(
    data: Path, picture: Path, number: int, answer: Detections | ImageError | None,
    tower: Path | None = None,
) -> Score:  # fmt: skip
    namer = ColourNamer(tower=TowerSpec(weights=tower, cache=data / "cache"))
    metric = Objects(detector=Known(answer), namer=namer)
    return metric.score([item(samples(BENCHMARK, "full", data)[number], picture)])[0]


def test_a_verdict_with_its_evidence(data: Path, picture: Path) -> None:
    one = (TIE, (1, 2, 30, 40, 0.95))
    score = scored(data, picture, 1, seen(one, (DOG, (0, 0, 9, 9, 0.5))))
    assert score.parts == {"correct": 0.0, "present": 0.0}
    # Counting has its own threshold, so the dog is not there either.
    assert score.evidence["kept"] == {"tie": [[1, 2, 30, 40, 0.95]]}
    assert score.evidence["reasons"] == ["expected tie>=2, found 1"]
    two = scored(data, picture, 1, seen(one, (TIE, (40, 2, 60, 40, 0.92))))
    assert two.parts == {"correct": 1.0, "present": 1.0}


def test_colours_of_another_classifier_are_taken(data: Path, picture: Path) -> None:
    rows = ((DOG, (1, 2, 30, 40, 0.5)), (DOG, (40, 2, 60, 40, 0.9)))
    right = scored(data, picture, 2, seen(*rows, words=("blue", "red")))
    assert right.value == 1.0
    assert right.evidence["colours"] == {"dog": ["red"]}
    assert scored(data, picture, 2, seen(*rows, words=("red", "blue"))).value == 0.0


def test_without_clip_only_colours_have_no_score(
    data: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(data))
    dog = seen((DOG, (1, 2, 30, 40, 0.9)))
    score = scored(data, picture, 2, dog)
    assert (score.status, score.value) == ("unavailable", None)
    assert "weights.clip" in score.reason
    # No dog, no colour to name: the verdict stands without CLIP.
    assert scored(data, picture, 2, seen()).value == 0.0
    assert scored(data, picture, 0, seen((TIE, (1, 2, 30, 40, 0.9)))).value == 1.0


def test_what_went_wrong_is_never_a_number(data: Path, picture: Path) -> None:
    score = scored(data, picture, 0, ImageError("truncated", "it is cut short."))
    assert (score.status, score.reason) == ("failed", "truncated: it is cut short.")
    score = scored(data, picture, 0, None)
    assert (score.status, score.value) == ("unavailable", None)
    assert "no record of 00000/0" in score.reason


# --- colours ----------------------------------------------------------------------------------


def test_outside_of_the_mask_is_grey(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10), (255, 0, 0))
    bits = np.ones((4, 6), bool)
    bits[0] = False
    wanted = Object(tmp_path, "dog", np.array([5, 3, 11, 7], np.float32), Mask(5, 3, bits))
    pixels = np.asarray(cut(picture, wanted))
    assert pixels.shape == (4, 6, 3)
    assert (pixels[0] == GREY).all()
    assert (pixels[1:] == (255, 0, 0)).all()
    bare = Object(tmp_path, "dog", np.array([5.4, 3, 5.45, 3], np.float32), None)
    assert cut(picture, bare).size == (1, 1)
    outside = Object(tmp_path, "dog", np.zeros(4, np.float32), Mask(18, 3, bits))
    with pytest.raises(ValueError):
        cut(picture, outside)


def test_the_nearest_of_ten_colours(tmp_path: Path, picture: Path) -> None:
    """The arithmetic of zero-shot classification, with a tiny random CLIP."""
    open_clip, torch = pytest.importorskip("open_clip"), pytest.importorskip("torch")
    tower = tiny_clip(tmp_path / "clip")
    namer = ColourNamer(tower=TowerSpec(weights=tower, cache=tmp_path / "cache"))
    boxes = [(0, 0, 50, 60), (20, 10, 100, 60), (0, 0, 9, 9)] * 7  # more than a batch
    objects = [Object(picture, "hot dog", np.array(b, np.float32), None) for b in boxes]
    found = namer.name(objects)
    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{tower}")
    model.eval()
    tokenize = open_clip.get_tokenizer("ViT-L-14")
    with torch.no_grad():
        names = []
        for colour in COLOURS:
            texts = [f"a photo of a {colour} hot dog", f"a photo of a {colour}-colored hot dog",
                     f"a photo of a {colour} object"]  # fmt: skip
            mean = model.encode_text(tokenize(texts), normalize=True).mean(0)
            names.append(mean / mean.norm())
        for wanted, word in zip(objects[:3], found[:3], strict=True):
            image = prepare(cut(Image.open(picture), wanted))[None]
            similar = torch.stack(names) @ model.encode_image(image, normalize=True)[0]
            assert COLOURS[int(similar.argmax())] == word
    assert found == found[:3] * 7


# --- results of the released script -------------------------------------------------------------


def row(number: int, trial: int, details: Any, correct: bool, reason: str = "") -> dict[str, Any]:
    prompt = PROMPTS[number]
    return {
        "filename": f"/some/where/{number:05d}/samples/{trial:04d}.png", "tag": prompt["tag"],
        "prompt": prompt["prompt"], "correct": correct, "reason": reason,
        "metadata": json.dumps(prompt), "details": json.dumps(details),
    }  # fmt: skip


BOX = [1.0, 2.0, 30.0, 40.0]
RESULTS = [
    row(0, 0, {"tie": [[*BOX, 0.5]]}, True),
    row(0, 1, {}, False, "expected tie>=1, found 0"),
    row(1, 0, {"tie": [[*BOX, 0.95], [*BOX, 0.91]]}, True),
    row(2, 0, {"dog": [[*BOX, 0.9], [*BOX, 0.8]]}, True),
    row(2, 1, {"dog": [[*BOX, 0.9]]}, False, "expected red dog>=1, found 0 red; and 1 blue"),
    row(3, 0, {"dog": [[60, 2, 90, 40, 0.9]], "tie": [[*BOX, 0.8]]}, True),
]  # fmt: skip


def test_a_run_over_the_released_scripts_results(data: Path, tmp_path: Path) -> None:
    """From a folder in the official layout, by command: the exact number, without a detector."""
    outputs = tmp_path / "model"
    for result in RESULTS:
        place = outputs / "/".join(Path(result["filename"]).parts[-3:])
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (9, len(place.parts), 9)).save(place)
    results = write_lines(tmp_path / "results.jsonl", RESULTS)
    run = replayed(
        "geneval/full", data, outputs, tmp_path / "runs", "--trials", "2",
        "--weights", f"geneval_results={results}",
    )  # fmt: skip
    cells = table(run, resamples=100).cells
    verdicts = {(s.sample, s.trial): s.value for s in run.scores.values()}
    assert verdicts == {
        ("00000", 0): 1.0, ("00000", 1): 0.0, ("00001", 0): 1.0, ("00002", 0): 1.0,
        ("00002", 1): 0.0, ("00003", 0): 1.0,
    }  # fmt: skip
    rows = [Row(tag=r["tag"], prompt=r["prompt"], correct=r["correct"]) for r in RESULTS]
    assert cells["=overall", ()].mean == pytest.approx(summarise(rows).overall, abs=1e-9)
    planned = dict.fromkeys(("single_object", "counting", "colors", "position"), 2)
    strict = cells["=overall_strict", ()]
    assert strict.mean == pytest.approx(strict_overall(rows, planned), abs=1e-9)
    assert cells["=overall", ("colors",)].mean == 0.5


def official(tmp_path: Path, *rows: dict[str, Any]) -> OfficialResults:
    path = write_lines(tmp_path / "results.jsonl", rows)
    return OfficialResults(
        records=Imported(path=path, setting="geneval_results", cache=tmp_path / "cache")
    )


def test_a_verdict_that_contradicts_its_boxes_fails(
    data: Path, picture: Path, tmp_path: Path
) -> None:
    namer = ColourNamer(tower=TowerSpec(cache=tmp_path / "cache"))
    metric = Objects(detector=official(tmp_path, row(0, 0, {}, True)), namer=namer)
    score = metric.score([item(samples(BENCHMARK, "full", data)[0], picture)])[0]
    assert score.status == "failed"
    assert "its boxes give False" in score.reason


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"filename": "x.png"}, "has the filename"),
        ({"details": "{"}, "no readable metadata"),
        ({"metadata": "[]"}, "no readable metadata"),
        ({"details": {"unicorn": []}}, "none of the 80 known"),
        ({"reason": "expected red dog>=1, found 0 red; and nothing"}, "does not name 1 colours"),
    ],
)
def test_malformed_results_are_named(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    given = row(2, 0, {"dog": [[*BOX, 0.9]]}, False) | change
    with pytest.raises(UserError, match=why):
        official(tmp_path, given).detect([Path()], ["00002/0"])


def test_two_results_of_one_image_are_refused(tmp_path: Path) -> None:
    """GENEVAL-2: stale results of another run."""
    again = row(0, 0, {}, False)
    with pytest.raises(UserError, match="second row of the image 00000/0"):
        official(tmp_path, again, again).verdict("00000/0")


# --- the benchmark ----------------------------------------------------------------------------


def test_settings_choose_the_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (plain,) = metrics(ScoringSettings(cache=tmp_path))
    absence = plain.absence()
    assert absence is not None
    assert "hf download facebook/mask2former-swin-small-coco-instance" in absence.fix
    given = {}
    for name in ("geneval_results", "geneval_detections"):
        weights = {name: str(tmp_path / "no.json")}
        (metric,) = metrics(ScoringSettings(cache=tmp_path, weights=weights))
        absence = metric.absence()
        assert absence is not None
        assert f"weights.{name}" in absence.fix
        given[name] = metric.fingerprint()
    assert len({*given.values(), plain.fingerprint()}) == 3


def test_variants_read_declared_columns_and_rows_name_them(tmp_path: Path) -> None:
    (metric,) = metrics(ScoringSettings(cache=tmp_path))
    columns = [f"{metric.name}.{q.name}" for q in metric.quantities]
    check_variants(BENCHMARK.variants, BENCHMARK.headline, columns, BENCHMARK.groups)
    rows = BENCHMARK.published()
    names = {v.column for v in BENCHMARK.variants}
    groups = {"/".join(g.path) for g in BENCHMARK.groups} | {""}
    assert {c for r in rows for v in r.values.values() for c in v} <= names
    assert {g for r in rows for g in r.values} <= groups
    assert {"BAGEL", "InternVL-U"} <= {r.model for r in rows}


def test_overall_is_the_released_scripts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tags = [str(t) for t in rng.choice(TAGS[:5], 60)]
    right = [bool(v) for v in rng.integers(0, 2, 60)]
    run = memory_run(
        [(t,) for t in tags], {"objects.correct": [float(v) for v in right]},
        variants=BENCHMARK.variants, faults={3: MISSING, 17: MISSING},
    )  # fmt: skip
    rows = [
        Row(tag=t, prompt=n, correct=c)
        for n, (t, c) in enumerate(zip(tags, right, strict=True))
        if n not in (3, 17)
    ]
    summary, cells = summarise(rows), table(run, resamples=100).cells
    assert cells["=overall", ()].mean == pytest.approx(summary.overall, abs=1e-9)
    assert cells["=images", ()].mean == pytest.approx(summary.correct_images, abs=1e-9)
    planned = {t: tags.count(t) for t in dict.fromkeys(tags)}
    strict = strict_overall(rows, planned)
    assert cells["=overall_strict", ()].mean == pytest.approx(strict, abs=1e-9)
