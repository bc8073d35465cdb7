"""GenAI-Bench as a benchmark: prompts and skills, the metric, runs by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.generation.genai import BENCHMARK
from benchmarks.generation.genai.data import SKILLS
from benchmarks.generation.genai.metric import VqaScore, metrics
from benchmarks.generation.genai.rules import official_table, strict_table
from evals.core.errors import ImageError, UserError
from evals.core.protocols import ScoringSettings
from evals.core.summary import summarise
from evals.core.types import JSON, Absence
from evals.core.variants import check_variants
from metrics.vqa_probability import NO, YES, FirstToken, Question
from metrics.wording import wording
from tests.benchmarks.generation.detector_kit import listed, replayed, samples
from tests.benchmarks.kit import item, noise, write_lines
from tests.tiny_vlm import tiny_vlm
from tests.variant_runs import MISSING, memory_run

IMAGES = {
    f"{n:05d}": {"id": f"{n:05d}", "prompt": p, "models": {}}
    for n, p in enumerate(("A red kite.", "Two boats, one larger.", "No birds at all."))
}
MAP = {s: [1] if s not in ("basic", "attribute", "scene") else [0] for s in SKILLS}


def write(folder: Path, images: Any = IMAGES, skills: Any = MAP) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "genai_image.json").write_text(json.dumps(images))
    (folder / "genai_skills.json").write_text(json.dumps(skills))
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    listed(monkeypatch, "genai", BENCHMARK, len(IMAGES))
    return write(tmp_path / "data")


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for number in range(len(IMAGES)):
        noise(folder / f"{number:09d}.jpg", number)
    return folder


# --- prompts ----------------------------------------------------------------------------------


def test_official_prompts(official_data: Path) -> None:
    found = samples(BENCHMARK, "genai1600", official_data / "genai")
    assert len(found) == BENCHMARK.suites["genai1600"].size == 1600
    kinds = [s.group[0] for s in found]
    assert [kinds.count(k) for k in ("basic", "advanced", "untagged")] == [722, 871, 7]
    assert sum(s.strata.get("counting") == "yes" for s in found) == 340
    assert sum(s.strata["skills"] == "some" for s in found) == 1593
    assert found[719].output_path == "000000719.jpg"


@pytest.mark.parametrize(
    ("images", "skills", "why"),
    [
        ([], MAP, "no JSON object"),
        ({"a": {"prompt": "x"}}, {s: [] for s in SKILLS}, "no numbered prompt"),
        (IMAGES, {"basic": [0]}, "does not map the twelve skills"),
        (IMAGES, MAP | {"scene": [77]}, "'scene' names prompts"),
        (IMAGES, MAP | {"advanced": [0]}, "both basic and advanced"),
    ],
)
def test_malformed_data_is_named(data: Path, images: Any, skills: Any, why: str) -> None:
    write(data, images, skills)
    with pytest.raises(UserError, match=why):
        samples(BENCHMARK, "genai1600", data)


# --- the metric -------------------------------------------------------------------------------


class Known:
    """A model with given probabilities of Yes, of `` Yes`` and of No."""

    def __init__(self, *chances: tuple[float, float, float] | None, shared: bool = False) -> None:
        self.chances = chances
        self.shared = shared
        self.asked: list[Question] = []

    def identity(self) -> dict[str, JSON]:
        return {"model": "known"}

    def absence(self) -> Absence | None:
        return None

    def ask(self, questions: Any) -> list[FirstToken | ImageError]:
        self.asked += questions
        tokens = {s: n for n, s in enumerate((*YES, *NO))}
        if self.shared:
            tokens |= {s: 99 for s in tokens if s.startswith(" ")}
        found: list[FirstToken | ImageError] = []
        for chance in self.chances:
            if chance is None:
                found.append(ImageError("truncated", "it is cut short."))
                continue
            known = dict.fromkeys(tokens.values(), 0.0)
            for spelling, value in zip(("Yes", " Yes", "No"), chance, strict=True):
                known[tokens[spelling]] = value
            found.append(FirstToken(tokens=tokens, probabilities=known, greedy="Yes"))
        return found


def scored(data: Path, outputs: Path, model: Known) -> list[Any]:
    metric = VqaScore(model=model, words=wording("See {prompt}?", "{prompt}", None, ""))
    found = samples(BENCHMARK, "genai1600", data)
    return metric.score([item(s, outputs / str(s.output_path)) for s in found])


def test_the_score_is_the_probability_of_yes(data: Path, outputs: Path) -> None:
    model = Known((0.5, 0.1, 0.2), None, (0.0, 0.0, 0.0))
    one, two, three = scored(data, outputs, model)
    assert model.asked[0].text == "See A red kite.?"
    assert one.parts == {"score": 0.5, "yes_share": pytest.approx(0.6 / 0.8)}
    assert (two.status, two.reason) == ("failed", "truncated: it is cut short.")
    assert three.parts == {"score": 0.0, "yes_share": None}


def test_a_space_that_begins_both_says_neither(data: Path, outputs: Path) -> None:
    model = Known(*[(0.3, 0.4, 0.1)] * 3, shared=True)
    assert scored(data, outputs, model)[0].parts["yes_share"] == pytest.approx(0.75)


# --- runs -------------------------------------------------------------------------------------


def test_a_run_with_a_real_loader(data: Path, outputs: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    says = tiny_vlm(tmp_path / "yes", says="Yes")
    (outputs / "000000002.jpg").unlink()
    run = replayed("genai/genai1600", data, outputs, tmp_path / "runs", "--weights", f"vqa={says}")
    cells = summarise(run, resamples=100).cells
    assert cells["=basic", ()].mean == pytest.approx(1, abs=0.02)
    assert cells["=all", ()].mean == pytest.approx(1, abs=0.02)
    # The prompt without a skill has no image: that counts in the strict number only.
    assert cells["=all_strict", ()].mean == pytest.approx(2 / 3, abs=0.02)


def test_a_run_over_imported_values(data: Path, outputs: Path, tmp_path: Path) -> None:
    values = write_lines(
        tmp_path / "values.jsonl",
        [{"sample": "00000", "score": 0.25}, {"sample": "00001", "score": "high"}],
    )
    given = f"vqascore_values={values}"
    run = replayed("genai/genai1600", data, outputs, tmp_path / "runs", "--weights", given)
    found = {s.sample: s for s in run.scores.values()}
    assert found["00000"].parts["score"] == 0.25
    assert (found["00001"].status, found["00002"].status) == ("failed", "unavailable")


# --- the benchmark ----------------------------------------------------------------------------


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (metric,) = metrics(ScoringSettings(cache=tmp_path))
    absence = metric.absence()
    assert absence is not None
    assert "--weights vqa=" in absence.fix
    (tmp_path / "bad.txt").write_text("Is it shown?")
    weights = {"vqascore_prompt": str(tmp_path / "bad.txt")}
    with pytest.raises(UserError, match=r"vqascore_prompt, does not hold \{prompt\}"):
        metrics(ScoringSettings(cache=tmp_path, weights=weights))


def test_variants_are_the_released_numbers() -> None:
    """To float32's precision: the released means are float32 sums."""
    rng = np.random.default_rng(2)
    kinds = [("basic",) if n % 2 else ("advanced",) for n in range(60)] + [("untagged",)]
    own = [
        {k[0]} | {str(s) for s in rng.choice(SKILLS[2:7], 2)} if k != ("untagged",) else set()
        for k in kinds
    ]  # fmt: skip
    own[0] |= set(SKILLS) - {"basic", "advanced"}
    scores = rng.random(61).tolist()
    strata = [
        dict.fromkeys(o, "yes") | {"skills": "some" if o else "none"} for o in own
    ]  # fmt: skip
    run = memory_run(
        kinds, {"vqascore.score": scores}, variants=BENCHMARK.variants, strata=strata
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    skills = {s: [n for n, o in enumerate(own) if s in o] for s in SKILLS}
    table = official_table(dict(enumerate(scores)), skills)
    flat = {name: cell for group in table.values() for name, cell in group.items()}
    for name, cell in flat.items():
        got = cells[f"={name.replace(' ', '_')}", ()].mean
        assert got == pytest.approx(cell.mean, abs=1e-6), name
    lost = memory_run(
        kinds, {"vqascore.score": scores}, variants=BENCHMARK.variants, strata=strata,
        faults={60: MISSING, 4: MISSING},
    )  # fmt: skip
    left = {n: s for n, s in enumerate(scores) if n not in (4, 60)}
    strict = strict_table(left, skills, range(61))["all"].mean
    got = summarise(lost, resamples=100).cells["=all_strict", ()].mean
    assert got == pytest.approx(strict, abs=1e-9)


def test_variants_read_declared_columns(tmp_path: Path) -> None:
    (metric,) = metrics(ScoringSettings(cache=tmp_path))
    columns = [f"{metric.name}.{q.name}" for q in metric.quantities]
    check_variants(BENCHMARK.variants, BENCHMARK.headline, columns, BENCHMARK.groups)
