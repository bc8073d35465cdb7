"""Where official scripts and GenEditEvalKit keep images: found by `replay`, written by `outputs`.

The kit's paths are those of its inference scripts (`image_save_path`), open-compass/GenEditEvalKit
at 103b283 for generation and 15d5731 for GEdit, and what its scripts make of them before scoring.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.knowledge.wise.editions import VERIFIED
from evals.config import BenchmarkSpec
from evals.core.protocols import DataSource
from evals.core.store import StoredRun
from evals.core.types import Output, Prediction, Sample
from evals.core.writing import RunWriter
from evals.outputs import write_outputs
from evals.plan import find_suite
from model.adapters.existing import MAX_DEPTH
from model.adapters.replay import Replay
from tests.benchmarks.editing import kit as editing
from tests.benchmarks.generation.test_cvtg2k_run import write_data as cvtg2k
from tests.benchmarks.generation.test_tiif_benchmark import write_data as tiif
from tests.benchmarks.knowledge import test_genexam_benchmark as genexam
from tests.benchmarks.knowledge.test_wise_benchmark import write as wise

SLUG = "model-x"
COLOURS = ("red", "green", "blue", "white")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is expected of one sample.

    Attributes:
        suite: ``benchmark/suite``.
        sample: id.
        official: path of each image, or of the one grid, in the released layout.
        kit: the same in GenEditEvalKit's; empty where it does not make these images.
        found: further files that hold the same images.
        data: folder of the official data, or what writes data of our own in its layout.
    """

    suite: str
    sample: str
    official: Sequence[str]
    kit: Sequence[str] = ()
    found: Sequence[Sequence[str]] = ()
    data: str | Callable[[Path], object]


def four(path: str, first: int = 0) -> list[str]:
    return [path.format(n) for n in range(first, first + 4)]


CASES = (
    Case(suite="geneval/full", sample="00012", data="geneval",
         official=four("00012/samples/0000{}.png"),
         kit=four("geneval/images/00012/samples/0000{}.png"),
         found=[four("00012/samples/000{}.png")]),
    Case(suite="geneval2/full", sample="0000", data="geneval2", official=["{prompt}.png"],
         kit=["geneval2/images/{prompt}.png"]),
    Case(suite="dpg/full", sample="partiprompts97", data="dpgbench",
         official=["partiprompts97.png"], kit=four("dpgbench/images/partiprompts97/{}.png"),
         found=[["dpgbench/images/partiprompts97.png"]]),
    Case(suite="genai/genai1600", sample="00719", data="genai", official=["000000719.jpg"],
         kit=["genai/images/000000719.jpg"]),
    Case(suite="hpsv2/full", sample="concept-art-0001", data="hpsv2",
         official=["concept-art/00001.jpg"], kit=["hpsv2/images/concept-art/00001.jpg"]),
    Case(suite="longtext/en", sample="0007", data="longtext", official=four("0007_{}.png", 1),
         kit=four("longtext/text_prompts/0007_{}.jpg", 1)),
    Case(suite="longtext/zh", sample="0007", data="longtext", official=four("0007_{}.png", 1),
         kit=four("longtext/text_prompts_zh/0007_{}.jpg", 1)),
    Case(suite="oneig/en", sample="human-003", data="oneig",
         official=[f"images/human/{SLUG}/003.webp"],
         kit=four(f"oneig/images_before_combination/human/{SLUG}/003_{{}}.png"),
         found=[[f"oneig/images/human/{SLUG}/003.webp"], [f"human/{SLUG}/003.webp"],
                ["human/003.webp"]]),
    Case(suite="oneig/zh", sample="multilingualism-003", data="oneig",
         official=[f"images/multilingualism/{SLUG}/003.webp"]),
    Case(suite="tiif/testmini", sample="style.0.short", data=lambda p: tiif(p, suite="testmini"),
         official=[f"style/{SLUG}/short_description/0.png"],
         kit=["tiff/style_prompts/short_description/0.png"],
         found=[["style/short_description/0.png"], ["style_prompts/short_description/0.png"]]),
    Case(suite="tiif/test", sample="style.0.long", data=tiif,
         official=[f"style/{SLUG}/long_description/0.png"]),
    Case(suite="unigenbench/en", sample="3", data="unigenbench", official=four("3_{}.png"),
         kit=four("unigenbench/test_prompts_en/samples/3_{}.png")),
    Case(suite="unigenbench/zh", sample="3", data="unigenbench", official=four("3_{}.png"),
         kit=four("unigenbench/test_prompts_zh/samples/3_{}.png")),
    Case(suite="cvtg2k/full", sample="CVTG-Style-2-40", data=cvtg2k,
         official=["CVTG-Style/2/40.png"]),
    Case(suite="t2i-reasonbench/full", sample="entity-0004", data="t2ireasonbench",
         official=["entity_reasoning/0004.png"],
         kit=["t2ireasonbench/entity_reasoning/0004.png"]),
    Case(suite="wise/full", sample="17", data="wise", official=["17.png"],
         kit=["wise/images/17.png"]),
    Case(suite="wise-verified/full", sample="17", data=lambda p: wise(p, VERIFIED),
         official=["17.png"]),
    Case(suite="genexam/full", sample="b",
         data=lambda p: genexam.write(p, [genexam.row(n) for n in "ab"]), official=["b.png"],
         kit=["genexam/images/b.png"]),
    Case(suite="imgedit/full", sample="3", data=editing.imgedit, official=["3.png"],
         kit=["imgedit/images/3.png"]),
    Case(suite="gedit/cn", sample="ps_human-k4", data=editing.gedit,
         official=["fullset/ps_human/cn/k4.png"],
         kit=["gedit/images/fullset/ps_human/cn/k4.png"]),
    Case(suite="rise/full", sample="causal_2", data=editing.rise,
         official=["images/causal_reasoning/causal_2.png"],
         kit=[f"rise/outputs/{SLUG}/images/causal_reasoning/causal_2.png"]),
    Case(suite="kris/full", sample="color_change-1", data=editing.kris,
         official=["color_change/1.jpg"], kit=[f"krisbench/images/{SLUG}/color_change/1.jpg"]),
    Case(suite="wiseedit/full", sample="Awareness_2-7-cn", data=editing.wiseedit,
         official=["Awareness_2/cn/7.png"], kit=[f"wiseedit/{SLUG}/Awareness_2/cn/7.png"]),
)  # fmt: skip
BY_SUITE: Mapping[str, Case] = {case.suite: case for case in CASES}


@pytest.fixture(scope="module")
def samples(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[Case], list[Sample]]:
    known: dict[str, list[Sample]] = {}

    def load(case: Case) -> list[Sample]:
        if case.suite not in known:
            folder = tmp_path_factory.mktemp("data")
            root = folder / "data"
            if isinstance(case.data, str):
                root = request.getfixturevalue("official_data") / case.data
                if not root.is_dir():
                    pytest.skip(f"no {root}")
            else:
                case.data(root)
            benchmark, suite = find_suite(BenchmarkSpec.parse(case.suite))
            made = suite.load.__self__  # type: ignore[attr-defined]
            if not isinstance(case.data, str):  # of our own, so of no known revision
                made = dataclasses.replace(made, files=dataclasses.replace(made.files, known={}))
            found = made.load(DataSource(root=root, cache=folder / "cache"))
            trials = range(benchmark.trials)
            known[case.suite] = [dataclasses.replace(s, trial=t) for s in found for t in trials]
        return known[case.suite]

    return load


def one(case: Case, planned: Sequence[Sample]) -> list[Sample]:
    mine = [s for s in planned if s.id == case.sample]
    assert mine, f"{case.suite} has no {case.sample}"
    return mine


def put(folder: Path, paths: Sequence[str], trials: int) -> None:
    """Four colours: a file each, or the cells of one grid, or the first of them alone."""
    tiles = [Image.new("RGB", (16, 8), colour) for colour in COLOURS]
    whole = Image.new("RGB", (32, 16))
    for at, tile in enumerate(tiles):
        whole.paste(tile, (at % 2 * 16, at // 2 * 8))
    images = [whole] if len(paths) < trials else tiles
    for path, image in zip(paths, images, strict=False):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        image.save(folder / path, lossless=True)  # JPEG knows no such word, and does not mind


def colours(outputs: Sequence[Output]) -> list[str]:
    """The nearest of the four colours for each image; JPEG moves them a little."""
    from evals.core.images import load_rgb

    named = []
    for output in outputs:
        assert output.fault is None, output.fault
        assert output.usage == {}, "the name is the layout's own"
        pixels = np.asarray(load_rgb(output.images[0]), float).reshape(-1, 3)
        values = {c: np.array(Image.new("RGB", (1, 1), c).getpixel((0, 0))) for c in COLOURS}
        far = {c: np.abs(pixels - v).max() for c, v in values.items()}
        named.append(min(far, key=lambda c: far[c]))
        assert far[named[-1]] < 12
    return named


def filled(paths: Sequence[str], sample: Sample) -> list[str]:
    return [p.replace("{prompt}", sample.prompt) for p in paths]


def layouts(case: Case) -> list[Sequence[str]]:
    return [case.official, *([case.kit] if case.kit else []), *case.found]


@pytest.mark.parametrize("suite", BY_SUITE)
def test_images_are_found_where_each_layout_keeps_them(
    suite: str, samples: Callable[[Case], list[Sample]], tmp_path: Path
) -> None:
    case = BY_SUITE[suite]
    every = samples(case)
    mine = one(case, every)
    planned = [*mine, *(s for s in every[:: max(1, len(every) // 200)] if s.id != case.sample)]
    for number, paths in enumerate(layouts(case)):
        home = tmp_path / str(number) / SLUG
        put(home, filled(paths, mine[0]), len(mine))
        model = Replay(home)
        told = model.check(planned)
        assert colours(model.generate(mine, [0] * len(mine))) == list(COLOURS[: len(mine)])
        used = {str(m.sample) for m in model.matches(planned) if m.found}
        assert used == {case.sample}, "nobody else takes it"
        assert not any("belong to no planned sample" in t or "another name" in t for t in told)
        # Under any other folder's name as well, as long as it is the only one.
        (tmp_path / str(number) / "other").mkdir()
        home.rename(tmp_path / str(number) / "other" / "outputs of X")
        moved = Replay(tmp_path / str(number) / "other" / "outputs of X")
        moved.check(planned)
        assert colours(moved.generate(mine, [0] * len(mine))) == list(COLOURS[: len(mine)])


@pytest.mark.parametrize("suite", BY_SUITE)
def test_images_are_written_where_each_layout_keeps_them(
    suite: str, samples: Callable[[Case], list[Sample]], tmp_path: Path
) -> None:
    case = BY_SUITE[suite]
    mine = one(case, samples(case))
    run = stored(tmp_path / "run", mine)
    for layout, wanted in (("official", case.official), ("kit", case.kit)):
        if not wanted:
            assert not any(p.layout == layout for p in mine[0].places)
            continue
        home = tmp_path / layout / SLUG
        written = write_outputs(run, layout, home)
        assert written.left == {}
        paths = sorted(p.relative_to(home).as_posix() for p in home.rglob("*.*") if p.is_file())
        assert paths == sorted(filled(wanted, mine[0]))
        assert colours(Replay(home).generate(mine, [0] * len(mine))) == list(COLOURS[: len(mine)])


def test_the_deepest_layout_is_scanned() -> None:
    depths = [path.count("/") for case in CASES for paths in layouts(case) for path in paths]
    assert max(depths) <= MAX_DEPTH


def stored(folder: Path, trials: Sequence[Sample]) -> StoredRun:
    """A run of one sample, of the model `model x`."""
    manifest = {
        "benchmark": {"name": trials[0].benchmark, "title": "T", "task": "generate",
                      "version": "1"},
        "suite": {"name": trials[0].suite, "version": "1", "synthetic": True, "size": 1},
        "model": {"name": "model x", "role": "model"},
        "identity": {"a": 1}, "trials": len(trials), "metrics": [], "fingerprints": {},
    }  # fmt: skip
    with RunWriter(folder, manifest) as writer:
        writer.write_samples([trials[0]])
        for sample, colour in zip(trials, COLOURS, strict=False):
            Image.new("RGB", (16, 8), colour).save(folder / "new.png")
            ref = writer.add_image(folder / "new.png")
            prediction = Prediction(
                sample=sample.id, trial=sample.trial, seed=0, status="ok", images=(ref,)
            )
            writer.add_predictions([prediction])
    return StoredRun.read(folder)
