"""OneIG-Bench as a benchmark: its data, its side files, and a run from grids to numbers."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generation.oneig import BENCHMARK
from benchmarks.generation.oneig.data import FOLDERS, OneigReference
from benchmarks.generation.oneig.judging import metric
from evals.core.errors import UserError
from evals.core.protocols import JudgeSettings, ScoringSettings
from tests.benchmarks.generation import dense_kit as kit
from tests.benchmarks.generation.dense_kit import BLACK, BLUE, GREEN, RED
from tests.benchmarks.kit import check_declared, write_json
from tests.judge_server import JudgeServer

SUITE = BENCHMARK.suites["en"]
PROMPTS = (
    ("Anime_Stylization", "000", "A red thing, as line art", "line art"),
    ("Portrait", "000", "A person", ""),
    ("Text_Rendering", "000", "A sign that says Open and Tea", "menu"),
    ("Knowledge_Reasoning", "000", "What does a plant need?", "biology"),
)
QUESTIONS = {"1": "Is there a thing?", "2": "Is it red?"}


def write_data(root: Path, *, sides: bool = True, **changes: Any) -> Path:
    """Our own prompts in the kit's layout, with the repository's side files."""
    rows = [
        {"category": c, "id": i, "prompt_en": p, "type": "NP", "prompt_length": "short",
         "class": k or "None", **changes}
        for c, i, p, k in PROMPTS
    ]  # fmt: skip
    write_json(root / "OneIG-Bench" / "OneIG-Bench.json", rows)
    if not sides:
        return root
    graph = {"question": json.dumps(QUESTIONS), "dependency": json.dumps({"1": [0], "2": [1]})}
    for folder in ("anime", "human", "object"):
        write_json(root / f"scripts/alignment/Q_D/{folder}.json", {"000": graph})
    write_json(root / "scripts/reasoning/gt_answer.json", {"000": "Light and water"})
    text = root / "scripts/text/text_content.csv"
    text.parent.mkdir(parents=True)
    with text.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("id", "text_content"), ("000", "['Open', 'Tea']")])
    return root


@pytest.mark.parametrize(("suite", "size"), [("en", 1120), ("zh", 1320)])
def test_official_prompts(official_data: Path, tmp_path: Path, suite: str, size: int) -> None:
    source = kit.source(official_data / "oneig", tmp_path)
    samples = BENCHMARK.suites[suite].load(source)
    assert len(samples) == size
    counts = Counter(s.group[0] for s in samples)
    assert counts["Anime_Stylization"] == 245
    assert counts["Multilingualism"] == (200 if suite == "zh" else 0)
    assert sum(s.strata["styled"] == "yes" for s in samples) == 114
    assert {s.group for s in samples} <= {g.path for g in BENCHMARK.groups}
    problems = BENCHMARK.suites[suite].verify(source)
    assert problems
    assert not any(p.fatal for p in problems)
    assert "Q_D/anime" in problems[0].message


def test_side_files_are_read(tmp_path: Path) -> None:
    samples = {s.id: s for s in SUITE.load(kit.source(write_data(tmp_path), tmp_path))}
    assert list(samples) == ["anime-000", "human-000", "text-000", "reasoning-000"]
    anime: OneigReference = samples["anime-000"].reference
    assert anime.questions == {1: "Is there a thing?", 2: "Is it red?"}
    assert anime.dependencies == {1: (0,), 2: (1,)}
    assert anime.style == "line_art"
    assert samples["text-000"].reference.text_content == "['Open', 'Tea']"
    assert samples["reasoning-000"].reference.answer == "Light and water"
    assert set(SUITE.identity(kit.source(tmp_path, tmp_path))) >= {  # type: ignore[misc]
        "OneIG-Bench.json", "scripts/text/text_content.csv",
    }  # fmt: skip


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    write_data(tmp_path)
    write_json(tmp_path / "scripts/alignment/Q_D/anime.json", {"001": {}})
    with pytest.raises(UserError, match="the questions on 000 cannot be read"):
        SUITE.load(kit.source(tmp_path, tmp_path))
    write_data(tmp_path / "b", category="Songs")
    with pytest.raises(UserError, match="unknown category 'Songs'"):
        SUITE.load(kit.source(tmp_path / "b", tmp_path))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "OneIG-Bench.csv").write_text("category,id\n", encoding="utf-8")
    with pytest.raises(UserError, match="is of another revision than OneIG-Bench"):
        SUITE.load(kit.source(tmp_path / "c", tmp_path))


def answer(words: str, colour: kit.Colour) -> str:
    if "Is it red?" in words:
        return "Yes" if colour == RED else "no."
    if "Is there a thing?" in words:
        return "No" if colour == BLACK else "Yes."
    return {RED: "Open Tea", GREEN: "Open Te"}.get(colour, "No text recognized")


def write_outputs(root: Path) -> Path:
    kit.write_grid(root / "anime" / "000.webp", (RED, GREEN, BLACK, RED))
    kit.write_grid(root / "human" / "000.webp", (BLUE, BLUE, BLUE, BLUE))
    kit.write_grid(root / "text" / "000.webp", (RED, GREEN, BLUE, RED))
    kit.write_grid(root / "reasoning" / "000.webp", (RED, RED, RED, RED))
    return root


def values_file(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def test_from_grids_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "oneig")
    data, outputs = write_data(tmp_path / "data"), write_outputs(tmp_path / "outputs")
    every = [{"sample": f"{folder}-000", "value": 0.5} for folder in FOLDERS.values()]
    each = [{"sample": "reasoning-000", "trial": t, "value": 0.1 * t} for t in range(4)]
    style = [{"sample": "anime-000", "trial": t, "value": 0.4} for t in range(4)]
    with JudgeServer(kit.looking(answer)) as server:
        run = kit.run(
            "oneig", "en", outputs, data, tmp_path / "out", server.url,
            "--weights", f"oneig_diversity_values={values_file(tmp_path / 'd.jsonl', *every)}",
            "--weights", f"oneig_reasoning_values={values_file(tmp_path / 'r.jsonl', *each)}",
            "--weights", f"oneig_style_values={values_file(tmp_path / 's.jsonl', *style)}",
        )  # fmt: skip
    found = kit.numbers(run)
    # anime: 1, 1/2, black, 1; human: 1/2 each. The released script drops the black image.
    assert found["alignment"] == pytest.approx(((1 + 0.5 + 1) / 3 + 0.5) / 2)
    assert found["alignment_strict"] == pytest.approx(((1 + 0.5 + 0 + 1) / 4 + 0.5) / 2)
    # "Open Tea" of 8 characters: right twice, one character short, and three other words.
    phrase = run.scores["text-000", 2, "judge"].parts["ED_official"]
    assert phrase is not None
    assert found["ED"] == pytest.approx((0 + 1 + phrase + 0) / 4)
    assert found["CR"] == pytest.approx(2 / 4)
    assert found["WAC"] == pytest.approx((2 + 1 + 0 + 2) / 8)
    assert found["text"] == pytest.approx(1 - (found["ED"] or 0) * 0.5 * 0.375 / 100)
    assert found["text_strict"] == pytest.approx(1 - (0 + 1 + 8 + 0) / 4 / 100 * 0.5 * 0.375)
    assert found["reasoning"] == pytest.approx(0.15)
    assert found["style"] == pytest.approx(0.4)
    assert found["diversity"] == pytest.approx(0.5)
    five = [found[d] or 0 for d in ("alignment", "text", "reasoning", "style", "diversity")]
    assert found["overall"] == pytest.approx(sum(five) / 5)


def test_without_the_other_models_there_is_no_overall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "oneig")
    data = write_data(tmp_path / "data", sides=False)
    outputs = write_outputs(tmp_path / "outputs")
    with JudgeServer(kit.looking(answer)) as server:
        run = kit.run("oneig", "en", outputs, data, tmp_path / "out", server.url)
    found = kit.numbers(run)
    assert found["overall"] is None
    assert found["overall_strict"] is None
    assert "oneig_style_values" in str(run.manifest["absences"]["style"])
    score = run.scores["anime-000", 0, "judge"]
    assert score.status == "not_applicable"
    assert "clone OneIG-Benchmark" in score.reason


def test_official_prompts_are_stamped(tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    write_json(path, {"alignment": "{question}", "text": "Read."})
    official = metric(ScoringSettings(judging=JudgeSettings(prompt=path)))
    assert official.wording[1].count("official prompt (prompts.json") == 2
    write_json(path, {"alignment": "{question}"})
    with pytest.raises(UserError, match="text"):
        metric(ScoringSettings(judging=JudgeSettings(prompt=path)))


def test_what_is_declared_is_there() -> None:
    check_declared(BENCHMARK)
