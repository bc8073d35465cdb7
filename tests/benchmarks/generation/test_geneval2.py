"""GenEval 2 as a benchmark: prompts, the metric over known replies, runs by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.generation.geneval2 import BENCHMARK
from benchmarks.generation.geneval2.metric import QUANTITIES, SoftTifa, metrics
from benchmarks.generation.geneval2.rules import (
    SKILLS,
    analyse,
    geometric_mean,
    official_totals,
    strict_totals,
)
from evals.core.errors import ImageError, UserError
from evals.core.protocols import ScoringSettings
from evals.core.summary import summarise
from evals.core.types import JSON, Absence
from evals.core.variants import check_variants
from metrics.vqa_probability import FirstToken, Question
from metrics.wording import wording
from tests.benchmarks.generation.detector_kit import listed, replayed, samples
from tests.benchmarks.kit import item, noise, write_lines
from tests.tiny_vlm import tiny_vlm
from tests.variant_runs import MISSING, memory_run

PROMPTS: list[dict[str, Any]] = [
    {"prompt": "two red kites", "atom_count": 3,
     "vqa_list": [["How many kites are there?", "two"], ["Are the kites red?", "Yes"],
                  ["Are there any kites?", "Yes"]],
     "skills": ["count", "attribute", "object"]},
    {"prompt": "a boat below four lamps", "atom_count": 4,
     "vqa_list": [["How many boats are there?", "one"], ["Are there any boats?", "Yes"],
                  ["How many lamps are there?", "four"], ["Are there any lamps?", "Yes"],
                  ["Is the boat below?", "Yes"]],
     "skills": ["count", "object", "count", "object", "position"]},
]  # fmt: skip
COLUMNS = [f"soft_tifa.{q.name}" for q in QUANTITIES]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    listed(monkeypatch, "geneval2", BENCHMARK, len(PROMPTS))
    return write_lines(tmp_path / "data" / "geneval2_data.jsonl", PROMPTS).parent


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for number, prompt in enumerate(PROMPTS):
        noise(folder / f"{prompt['prompt']}.png", number)
    return folder


# --- prompts ----------------------------------------------------------------------------------


def test_official_prompts(official_data: Path) -> None:
    found = samples(BENCHMARK, "full", official_data / "geneval2")
    assert len(found) == BENCHMARK.suites["full"].size == 800
    assert len({s.output_path for s in found}) == 800
    assert not any("/" in s.output_path for s in found if s.output_path)
    atoms = [a for s in found for a in s.reference.atoms]
    assert len(atoms) == 6012
    counts = {skill: sum(a.skill == skill for a in atoms) for skill in SKILLS}
    assert counts == {"object": 2025, "attribute": 1214, "count": 2025, "position": 662, "verb": 86}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"atom_count": 11}, "has 11 atoms"),
        ({"skills": ["count", "object"]}, "different length"),
        ({"skills": ["count", "object", "mood"]}, "none of the skills"),
        ({"vqa_list": [["a", "Yes"], ["b", "no"], ["c", "Yes"]]}, "neither Yes nor a number"),
        ({"vqa_list": [["a", "Yes"], "b", ["c", "Yes"]]}, "for a question and its answer"),
        ({"prompt": 3}, "no text in 'prompt'"),
    ],
)
def test_malformed_prompts_name_their_line(data: Path, change: dict[str, Any], why: str) -> None:
    write_lines(data / "geneval2_data.jsonl", [PROMPTS[0], PROMPTS[0] | change])
    with pytest.raises(UserError, match=rf"jsonl:2.*{why}"):
        samples(BENCHMARK, "full", data)


# --- the metric -------------------------------------------------------------------------------


class Known:
    """A model that begins with the right answer with a probability that it was told."""

    def __init__(self, *chances: float) -> None:
        self.chances = list(chances)
        self.asked: list[Question] = []

    def identity(self) -> dict[str, JSON]:
        return {"model": "known"}

    def absence(self) -> Absence | None:
        return None

    def ask(self, questions: Any) -> list[FirstToken | ImageError]:
        self.asked += questions
        found: list[FirstToken | ImageError] = []
        for question, chance in zip(questions, self.chances, strict=True):
            if chance < 0:
                found.append(ImageError("truncated", "it is cut short."))
                continue
            tokens = {s: n for n, s in enumerate(question.spellings)}
            found.append(
                FirstToken(
                    tokens=tokens,
                    probabilities={n: chance if n == 0 else 0.0 for n in tokens.values()},
                    greedy=question.spellings[0] if chance > 0.5 else "maybe",
                )
            )
        return found


def scored(data: Path, outputs: Path, model: Known) -> list[Any]:
    metric = SoftTifa(model=model, words=wording("{question} One word.", "{question}", None, ""))
    found = samples(BENCHMARK, "full", data)
    return metric.score([item(s, outputs / str(s.output_path)) for s in found])


def test_every_atom_is_asked_once(data: Path, outputs: Path) -> None:
    model = Known(0.9, 0.8, 0.4, 1, 1, 1, 1, 0)
    one, two = scored(data, outputs, model)
    assert [q.text for q in model.asked[:2]] == [
        "How many kites are there? One word.", "Are the kites red? One word.",
    ]  # fmt: skip
    assert model.asked[0].spellings[:6] == ("two", "Two", " two", " Two", "2", " 2")
    assert "seven" in model.asked[0].spellings
    assert set(model.asked[1].spellings[4:]) == {"No", "no", " No", " no"}
    assert one.parts["am"] == pytest.approx(0.7)
    assert one.parts["gm"] == pytest.approx(geometric_mean([0.9, 0.8, 0.4]))
    assert one.parts["gm_strict"] == one.parts["gm"]
    assert one.parts["tifa"] == pytest.approx(2 / 3)
    assert one.evidence["atoms"] == [0.9, 0.8, 0.4]
    assert two.parts["gm"] == 0.0
    assert two.parts["am"] == pytest.approx(0.8)
    assert (two.parts["count_sum"], two.parts["count_atoms"]) == (2.0, 2.0)
    assert (two.parts["position_sum"], two.parts["verb_atoms"]) == (0.0, 0.0)


def test_a_broken_picture_fails_alone(data: Path, outputs: Path) -> None:
    one, two = scored(data, outputs, Known(0.9, -1, 0.4, 1, 1, 1, 1, 1))
    assert (one.status, one.value) == ("failed", None)
    assert one.reason == "truncated: it is cut short."
    assert two.value == 1.0


# --- runs -------------------------------------------------------------------------------------


def test_a_run_with_a_real_loader(data: Path, outputs: Path, tmp_path: Path) -> None:
    """A tiny checkpoint that says Yes to everything: sure of objects, of no number."""
    pytest.importorskip("transformers")
    says = tiny_vlm(tmp_path / "yes", says="Yes")
    run = replayed("geneval2/full", data, outputs, tmp_path / "runs", "--weights", f"vqa={says}")
    cells = summarise(run, resamples=100).cells
    assert run.scores["0000", 0, "soft_tifa"].parts["tifa"] == pytest.approx(2 / 3)
    assert cells["=object", ()].mean == pytest.approx(100, abs=2)
    number = cells["=count", ()].mean
    assert number is not None
    assert number < 5
    assert cells["=verb", ()].mean is None


def test_a_run_over_imported_values(data: Path, outputs: Path, tmp_path: Path) -> None:
    values = write_lines(
        tmp_path / "values.jsonl",
        [{"sample": "0000", "trial": 0, "scores": [0.5, 0.5, 0.25], "greedy": [1, 0, 0]},
         {"sample": "0001", "trial": 0, "scores": [1, 1, 1, 1, 0]}],
    )  # fmt: skip
    run = replayed(
        "geneval2/full", data, outputs, tmp_path / "runs", "--weights", f"soft_tifa_values={values}"
    )
    cells = summarise(run, resamples=100).cells
    totals = official_totals([[0.5, 0.5, 0.25], [1, 1, 1, 1, 0]])
    assert cells["=gm", ()].mean == pytest.approx(totals.gm, abs=1e-9)
    assert cells["=am", ()].mean == pytest.approx(totals.am, abs=1e-9)
    assert run.scores["0001", 0, "soft_tifa"].parts["tifa"] is None


@pytest.mark.parametrize(
    "record", [{}, {"scores": [1, 1]}, {"scores": [1, 1, 2]}, {"scores": [1, 1, 1], "greedy": [1]}]
)
def test_malformed_values_are_no_score(
    data: Path, outputs: Path, tmp_path: Path, record: dict[str, Any]
) -> None:
    path = write_lines(tmp_path / "values.jsonl", [{"sample": "0000", **record}])
    settings = ScoringSettings(cache=tmp_path / "cache", weights={"soft_tifa_values": str(path)})
    (metric,) = metrics(settings)
    found = samples(BENCHMARK, "full", data)
    one, two = metric.score([item(s, outputs / str(s.output_path)) for s in found])
    assert (one.status, one.value) == ("failed", None)
    assert (two.status, two.value) == ("unavailable", None)


# --- the benchmark ----------------------------------------------------------------------------


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def made(**weights: str) -> SoftTifa:
        return metrics(ScoringSettings(cache=tmp_path, weights=weights))[0]

    absence = made().absence()
    assert absence is not None
    assert "hf download Qwen/Qwen3-VL-8B-Instruct" in absence.fix
    (tmp_path / "words.txt").write_text("{question} Reply briefly.\n")
    (tmp_path / "bad.txt").write_text("What is it?")
    own = made(soft_tifa_prompt=str(tmp_path / "words.txt"))
    assert own.words.put("Is it red?") == "Is it red? Reply briefly."
    assert own.fingerprint() != made().fingerprint()
    with pytest.raises(UserError, match=r"soft_tifa_prompt, does not hold \{question\}"):
        made(soft_tifa_prompt=str(tmp_path / "bad.txt"))
    absence = made(soft_tifa_values=str(tmp_path / "no.json")).absence()
    assert absence is not None
    assert "weights.soft_tifa_values" in absence.fix


def test_variants_read_declared_columns() -> None:
    check_variants(BENCHMARK.variants, BENCHMARK.headline, COLUMNS, BENCHMARK.groups)
    assert BENCHMARK.published() == ()


def test_variants_are_the_released_numbers() -> None:
    rng = np.random.default_rng(1)
    levels = [n for n in range(3, 11) for _ in range(4)]
    skills = [[str(s) for s in rng.choice(SKILLS, n + 1)] for n in levels]
    scores = [rng.random(n + 1).tolist() for n in levels]
    columns: dict[str, list[float]] = {c: [] for c in COLUMNS}
    for names, values in zip(skills, scores, strict=True):
        mean, product = float(np.mean(values)), geometric_mean(values)
        parts = {"am": mean, "am_strict": mean, "gm": product, "gm_strict": product, "tifa": 1.0}
        for skill in SKILLS:
            own = [v for s, v in zip(names, values, strict=True) if s == skill]
            parts |= {f"{skill}_sum": sum(own), f"{skill}_atoms": float(len(own))}
        for name, value in parts.items():
            columns[f"soft_tifa.{name}"].append(value)
    groups = [(str(n),) for n in levels]
    wide = {c: (0.0, 99.0) for c in COLUMNS if c.endswith(("_sum", "_atoms"))}
    run = memory_run(groups, columns, variants=BENCHMARK.variants, ranges=wide)
    cells = summarise(run, resamples=100).cells
    totals = official_totals(scores)
    found = analyse(zip(levels, skills, scores, strict=True))
    assert cells["=gm", ()].mean == pytest.approx(totals.gm, abs=1e-9)
    assert cells["=am", ()].mean == pytest.approx(totals.am, abs=1e-9)
    for skill, expected in found.skills.items():
        assert cells[f"={skill}", ()].mean == pytest.approx(expected, abs=1e-9)
    for level, expected in found.levels.items():
        assert cells["=gm", (str(level),)].mean == pytest.approx(expected, abs=1e-9)
    lost = memory_run(
        groups, columns, variants=BENCHMARK.variants, ranges=wide, faults={5: MISSING}
    )
    strict = strict_totals([None if n == 5 else s for n, s in enumerate(scores)])
    got = summarise(lost, resamples=100).cells["=gm_strict", ()].mean
    assert got == pytest.approx(strict.gm, abs=1e-9)


def test_prompts_are_file_names(data: Path) -> None:
    assert json.loads((data / "geneval2_data.jsonl").read_text().splitlines()[0]) == PROMPTS[0]
    assert samples(BENCHMARK, "full", data)[0].output_path == "two red kites.png"
