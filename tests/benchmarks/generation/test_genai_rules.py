"""GenAI-Bench's numbers per skill: recorded vectors, torch's additions, and cases by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.generation.genai.conformance import CONFORMANCE
from benchmarks.generation.genai.rules import (
    ALL,
    GROUPS,
    float32_mean,
    official_cell,
    official_table,
    strict_table,
)
from evals.conformance import run_conformance
from evals.core.errors import UserError

SKILLS = {
    "basic": [0, 1], "advanced": [2, 3], "attribute": [0], "scene": [0, 1],
    "spatial relation": [1], "action relation": [0], "part relation": [1], "counting": [2],
    "comparison": [3], "differentiation": [2, 3], "negation": [3], "universal": [2],
}  # fmt: skip
SCORES = {0: 0.5, 1: 1.0, 2: 0.25, 3: 0.25, 4: 0.75}


def test_all_recorded_functions_agree(conformance_dir: Path, official_data: Path) -> None:
    path = conformance_dir / "genai.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    reports = run_conformance([path], {"genai": "benchmarks.generation.genai.conformance"})
    assert {r.function for r in reports} == set(CONFORMANCE)
    assert [(r.function, r.examples) for r in reports if r.failed or r.declared] == []


def test_absent_official_map_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_DATA", str(tmp_path))
    with pytest.raises(UserError, match="UMM_EVALS_DATA"):
        CONFORMANCE["show_performance_per_skill"](
            {"prompt_ids": "range(2)", "skills": "eval_prompts/a/b.json", "scores": [0, 1]}
        )


def test_seven_official_prompts_have_no_skill(official_data: Path) -> None:
    place = official_data / "genai" / "genai1600" / "genai_skills.json"
    skills = json.loads(place.read_text())
    named = {number for numbers in skills.values() for number in numbers}
    assert set(range(1600)) - named == {719, 721, 730, 733, 739, 743, 951}
    assert set(skills) | {ALL} == {name for names in GROUPS.values() for name in names}


def test_additions_are_torchs() -> None:
    """The order that decides the sixth decimal, for every remainder of lanes and chains."""
    torch = pytest.importorskip("torch")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("torch adds in another order on this processor")
    rng = np.random.default_rng(0)
    for size in (*range(1, 150), 527, 1593, 1600, 5000, 32767):
        values = rng.random(size).astype(np.float32)
        assert float32_mean(values) == float(torch.from_numpy(values).mean()), size


def test_released_table() -> None:
    table = official_table(SCORES, SKILLS)
    assert {g: tuple(cells) for g, cells in table.items()} == dict(GROUPS)
    assert table["overall"][ALL].mean == 0.5
    assert table["basic"]["basic"].deviation == pytest.approx(math.sqrt(0.125))
    assert table["basic"]["attribute"].printed() == {"mean": "0.500000", "std": "nan"}


def test_a_skill_without_prompts_ends_the_released_script_or_silences_it() -> None:
    with pytest.raises(KeyError):
        official_table(SCORES, {**SKILLS, "scene": []})
    assert official_table(SCORES, {**SKILLS, "universal": []}) == {}
    with pytest.raises(KeyError):
        official_table({0: 0.5}, SKILLS)


def test_all_is_added_up_in_the_order_of_a_set() -> None:
    """Sets of few large numbers do not ascend, and float32 sums depend on the order."""
    scores = dict.fromkeys(range(65), 1.0) | {64: 2.0**-24, 1: 2.0**-24}
    skills = {name: [1, 2, 64] for name in SKILLS}
    assert list({1, 2, 64}) == [64, 1, 2]
    larger, smaller = (np.float32(x) / np.float32(3) for x in (1 + 2.0**-23, 1.0))
    assert official_table(scores, skills)["overall"][ALL].mean == larger
    assert official_cell([scores[n] for n in (1, 2, 64)]).mean == smaller


def test_strict_counts_every_planned_prompt() -> None:
    table = strict_table({0: 0.5, 4: 1.0}, {**SKILLS, "counting": [7]}, planned=[0, 1, 4])
    assert table["scene"].mean == 0.25
    assert table[ALL].mean == 0.5
    assert table[ALL].count == 3
    assert {"counting", "advanced"}.isdisjoint(table)


def test_scores_become_float32() -> None:
    assert official_cell([0.1]).mean == float(np.float32(0.1)) != 0.1
