"""DPG-Bench as a benchmark: its data, its layouts, and a run from grids to numbers."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.generation.dpg import BENCHMARK
from benchmarks.generation.dpg.data import DpgReference, source_of
from benchmarks.generation.dpg.judging import metric, scripts
from evals.core.errors import UserError
from evals.core.protocols import JudgeSettings, ScoringSettings
from tests.benchmarks.generation import dense_kit as kit
from tests.benchmarks.generation.dense_kit import BLACK, BLUE, GREEN, RED
from tests.benchmarks.kit import check_declared, write_json
from tests.judge_server import JudgeServer

SUITE = BENCHMARK.suites["full"]
HEAD = ("item_id", "text", "keywords", "proposition_id", "dependency", "category_broad",
        "category_detailed", "tuple", "question_natural_language")  # fmt: skip
ROWS = (
    ("lost", 1, "0", "entity - whole (thing)", "Is anything there?"),
    ("cube1", 1, "0", "entity - whole (cube)", "Is there a colour?"),
    ("cube1", 2, "1", "attribute - color (cube, red)", "Is it red?"),
    ("cube1", 3, "2", "other - count (cube, ==1)", "Is there a colour again?"),
    ("226", 1, "0", "attribute - color (it, blue)", "Is it blue?"),
)


def write_csv(path: Path, rows: tuple[tuple[object, ...], ...] = ROWS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(HEAD)
        for item, number, dependency, kind, question in rows:
            table.writerow([item, f"A {item}.", "", number, dependency, "", "", kind, question])


def test_official_prompts(official_data: Path, tmp_path: Path) -> None:
    root = official_data / "dpgbench"
    samples = SUITE.load(kit.source(root, tmp_path))
    assert len(samples) == SUITE.size == 1065
    assert sum(source_of(s.id) == "partiprompts" for s in samples) == 324
    assert not [p for p in SUITE.verify(kit.source(root, tmp_path)) if p.fatal]


def test_another_revision_is_refused_unless_named(tmp_path: Path) -> None:
    write_json(tmp_path / "dpgbench_prompts.json", {"1.txt": "A cat."})
    with pytest.raises(UserError, match="another revision than open-compass") as refused:
        SUITE.load(kit.source(tmp_path, tmp_path))
    digest = str(refused.value).rpartition("sha256:")[2].rstrip(".")
    (sample,) = SUITE.load(kit.source(tmp_path, tmp_path, f"sha256:{digest}"))
    assert sample.reference == DpgReference(questions=(), official=())


def test_the_table_alone_is_enough(tmp_path: Path) -> None:
    write_csv(tmp_path / "dpg_bench" / "dpg_bench.csv")
    samples = {s.id: s for s in SUITE.load(kit.source(tmp_path, tmp_path))}
    assert list(samples) == ["lost", "cube1", "226"]
    lost: DpgReference = samples["lost"].reference
    assert (len(lost.questions), lost.official) == (1, ())
    assert [p.path for p in samples["226"].places] == [
        "226.png", "dpgbench/images/226/{trial}.png", "dpgbench/images/226.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((("a", 1, "x", "global - (a)", "?"),), "no list of numbers"),
        ((("a", "one", "0", "global - (a)", "?"),), "no whole number in 'proposition_id'"),
    ],
)
def test_a_broken_table_is_refused(
    tmp_path: Path, rows: tuple[tuple[object, ...], ...], message: str
) -> None:
    write_csv(tmp_path / "dpg_bench.csv", rows)
    with pytest.raises(UserError, match=message):
        SUITE.load(kit.source(tmp_path, tmp_path))


def test_prompts_and_table_must_be_about_the_same(tmp_path: Path, official_data: Path) -> None:
    text = (official_data / "dpgbench" / "dpgbench_prompts.json").read_bytes()
    (tmp_path / "dpgbench_prompts.json").write_bytes(text)
    write_csv(tmp_path / "dpg_bench.csv")
    with pytest.raises(UserError, match="about different prompts"):
        SUITE.load(kit.source(tmp_path, tmp_path))


def answer(words: str, colour: kit.Colour) -> str:
    if "Is it red?" in words:
        return "Yes." if colour == RED else "no"
    if "Is it blue?" in words:
        return "yes" if colour == BLUE else "no"
    return "no" if colour == BLACK else "yes"


def test_from_grids_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "dpg")
    data, outputs = tmp_path / "data", tmp_path / "outputs"
    write_csv(data / "dpg_bench.csv")
    kit.write_grid(outputs / "cube1.png", (RED, RED, GREEN, BLACK))
    kit.write_grid(outputs / "226.png", (BLUE, GREEN, GREEN, BLUE))
    with JudgeServer(kit.looking(answer)) as server:
        run = kit.run("dpg", "full", outputs, data, tmp_path / "out", server.url)
    parts = {(s, t): score.parts for (s, t, _), score in run.scores.items()}
    assert [parts["cube1", t]["score"] for t in range(4)] == [1, 1, 1 / 3, 0]
    assert run.scores["cube1", 2, "judge"].parts["other_yes_official"] is None
    found = kit.numbers(run)
    # cube1: (1 + 1 + 1/3 + 0) / 4; 226: 2 of 4; the prompt without a picture leaves the mean.
    assert found["score"] == pytest.approx(100 * (7 / 12 + 1 / 2) / 2)
    assert found["score_strict"] == pytest.approx(100 * (7 / 12 + 1 / 2 + 0) / 3)
    # The last image of cube1 is black, that of 226 is blue; raw answers.
    assert found["attribute"] == found["attribute_color"] == pytest.approx(50.0)
    assert found["entity"] == 0.0
    assert found["attribute_strict"] == pytest.approx(100 * (2 + 2) / 8)
    assert found["global"] is None


def test_an_unreadable_reply_fails_the_image_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    kit.register(monkeypatch, "dpg")
    data, outputs = tmp_path / "data", tmp_path / "outputs"
    write_csv(data / "dpg_bench.csv", (ROWS[0], ROWS[4]))
    kit.write_grid(outputs / "226.png", (BLUE, GREEN, BLACK, BLUE))

    def muttering(words: str, colour: kit.Colour) -> str:
        return "hm" if colour == BLACK else answer(words, colour)

    with JudgeServer(kit.looking(muttering)) as server:
        run = kit.run("dpg", "full", outputs, data, tmp_path / "out", server.url)
    score = run.scores["226", 2, "judge"]
    assert score.status == "failed"
    assert "q1" in score.reason
    assert score.parts["score"] is None
    assert score.parts["score_official"] == 0.0, "the released script takes it for a no"


def test_without_a_judge_it_says_what_to_do() -> None:
    (judge,) = BENCHMARK.metrics(ScoringSettings())
    assert "--judge" in str(judge.absence())


def test_an_official_prompt_is_stamped(tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("{question}", encoding="utf-8")
    settings = ScoringSettings(judging=JudgeSettings(prompt=path))
    asked = metric(settings)
    assert asked.wording != metric(ScoringSettings()).wording
    assert "official prompt (prompt.txt" in asked.wording[1]
    path.write_text("What is this?", encoding="utf-8")
    with pytest.raises(UserError, match="does not hold"):
        metric(settings)
    assert scripts()["question"].text({"question": "Is it red?"})[1].count("Is it red?") == 1


def test_what_is_declared_is_there() -> None:
    check_declared(BENCHMARK)
    assert BENCHMARK.trials == len(BENCHMARK.seeds) == 4
    (row,) = [r for r in BENCHMARK.published() if r.model == "InternVL-U"]
    assert json.loads(json.dumps(replace(row, note="").values[""]))["=score"] > 80
