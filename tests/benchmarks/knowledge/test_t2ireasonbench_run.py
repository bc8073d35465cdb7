"""T2I-ReasonBench: prompts and questions, output layouts, and a run through a judge."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import catalog
from benchmarks.common.files import Folder
from benchmarks.common.judged import by_name, in_words
from benchmarks.knowledge.t2ireasonbench import BENCHMARK, data, judge
from benchmarks.knowledge.t2ireasonbench.data import FILES, Check
from benchmarks.knowledge.t2ireasonbench.scoring import DIMENSIONS, official_reasoning
from evals import cli
from evals.core.errors import UserError
from evals.core.images import sha256_file
from evals.core.protocols import DataSource, JudgeSettings, JudgeSpec, ScoringSettings
from evals.core.summary import summarise
from evals.core.types import ImageRef, Item, Prediction, Sample, Score
from tests.judge_replies import Asked, Reply, completion
from tests.judge_server import JudgeServer
from tests.variant_runs import memory_run

SUITE = BENCHMARK.suites["full"]
TWO = 2
"""Prompts of each dimension in the made-up data."""


def questions(n: int, field: str) -> dict[str, Any]:
    return {
        key: text
        for i in range(1, n + 1)
        for key, text in ((f"q{i}", f"Is {i} there ({field})?"), (f"c{i}", {"1": "yes", "0": "no"}))
    }


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two prompts per dimension with 3 questions in the first stage, and 2 in the others."""
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))
    place = "benchmarks.knowledge.t2ireasonbench:BENCHMARK"
    monkeypatch.setitem(catalog.BENCHMARKS, BENCHMARK.name, place)
    monkeypatch.setattr(data, "SIZE", TWO)
    monkeypatch.setattr(Folder, "problems", lambda *_: [])
    home = tmp_path / "T2I-ReasonBench"
    (home / "prompts").mkdir(parents=True)
    (home / "deepseek_evaluation_qs").mkdir()
    for d in DIMENSIONS.values():
        rows = [
            {"id": i, "prompt": f"{d.short} {i}", "tag": "physics: x"} for i in range(1, TWO + 1)
        ]
        write(home / "prompts" / f"{d.name}.json", rows)
        fields = [data._FIELDS[s] for s in d.stages]
        checks = {f: questions(3 if n == 0 else 2, f) for n, f in enumerate(fields)}
        rows = [{"id": i, **checks} for i in range(1, TWO + 1)]
        write(home / "deepseek_evaluation_qs" / f"evaluation_{d.short}.json", rows)
    return home


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def load(root: Path) -> list[Sample]:
    return SUITE.load(DataSource(root=root))


# --- data -------------------------------------------------------------------------------------


def test_official_prompts(official_data: Path, tmp_path: Path) -> None:
    source = DataSource(root=official_data / "t2ireasonbench", cache=tmp_path)
    samples = SUITE.load(source)
    assert Counter(s.group for s in samples) == {g.path: 200 for g in BENCHMARK.groups}
    assert len({s.id for s in samples}) == SUITE.size == 800
    assert Counter(s.strata.get("kind") for s in samples if s.group == ("textual_image",)) == {
        "Real-world textual images": 80, "Infographic": 40, "Poster": 40, "Document": 20,
        "Table": 10, "Diagram": 10,
    }  # fmt: skip
    assert all(s.reference.stages == () for s in samples)
    assert SUITE.verify(source) == []


def test_another_revision_is_refused_with_its_hash(official_data: Path, tmp_path: Path) -> None:
    names = [f"{d.name}.json" for d in DIMENSIONS.values()]
    for name in names:
        (tmp_path / name).write_bytes((official_data / "t2ireasonbench" / name).read_bytes())
    path = tmp_path / names[2]
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(UserError, match=sha256_file(path)):
        load(tmp_path)
    assert "KaiyueSun98/T2I-ReasonBench@efc1d20" in FILES.missing()


def test_questions_are_read_stage_by_stage(root: Path) -> None:
    samples = load(root)
    assert [len(s) for s in samples[0].reference.stages] == [3, 2]
    assert [len(s) for s in samples[-1].reference.stages] == [3, 2, 2]
    assert samples[0].reference.stages[0][0] == Check(
        question="Is 1 there (reason_evaluation)?", criterion="1: yes; 0: no"
    )
    assert [judge.calls(s) for s in samples] == [3, 3, 3, 3, 4, 4, 4, 4]
    assert samples[2].output_path == "textual_image_design/0001.png"
    assert samples[2].places[0].path == "t2ireasonbench/textual_image_design/0001.png"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda rows: [rows[0], rows[0]], "has the id 1; ids count from 1"),
        (lambda rows: [rows[0], {"id": 2, "tag": "x"}], "no text in 'prompt'"),
        (lambda rows: {"rows": rows}, "no JSON list of objects"),
    ],
)
def test_broken_prompts_are_named(root: Path, spoil: Callable[[Any], Any], says: str) -> None:
    path = root / "prompts" / "entity_reasoning.json"
    write(path, spoil(json.loads(path.read_text())))
    with pytest.raises(UserError, match=says):
        load(root)


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        (None, "no questions in 'quality_evaluation'"),
        ({"q1": "a", "q3": "b"}, "do not count from q1"),
        ({}, "do not count from q1"),
    ],
)
def test_broken_questions_are_named(root: Path, stage: Any, says: str) -> None:
    path = root / "deepseek_evaluation_qs" / "evaluation_idiom.json"
    rows = json.loads(path.read_text())
    rows[1]["quality_evaluation"] = stage
    write(path, rows)
    with pytest.raises(UserError, match=says) as told:
        load(root)
    assert "record 2" in str(told.value)


# --- single images ----------------------------------------------------------------------------


def scored(
    root: Path, tmp_path: Path, sample: Sample, scenario: Any, judges: int = 1
) -> tuple[Score, int]:
    path = tmp_path / "made.png"
    Image.new("RGB", (16, 16), "red").save(path)
    ref = ImageRef(sha256=sha256_file(path), suffix=".png", width=16, height=16)
    prediction = Prediction(sample=sample.id, trial=0, seed=0, status="ok", images=(ref,))
    item = Item(sample=sample, prediction=prediction, images=(path,))
    with JudgeServer(scenario) as server:
        options: dict[str, Any] = {"base_url": server.url, "concurrency": 4, "timeout": 20}
        specs = tuple(
            JudgeSpec(name=f"j{n}", backend="openai", argument=f"m{n}", options=options)
            for n in range(judges)
        )
        settings = ScoringSettings(cache=tmp_path / "tape", judging=JudgeSettings(judges=specs))
        (metric,) = BENCHMARK.metrics(settings)
        (score,) = metric.score([item])
        return score, len(server.calls)


def replies(*stages: str) -> Callable[[Asked], Reply]:
    """A description, and then a reply by how many questions are asked."""

    def decide(asked: Asked) -> Reply:
        text = json.dumps(asked.payload["messages"])
        if "Describe the picture" in text:
            return completion("A red picture.")
        assert "A red picture." in text
        return completion(stages[0] if "3. Is 3 there" in text else stages[1])

    return decide


def test_an_image_is_described_and_then_asked_about(root: Path, tmp_path: Path) -> None:
    entity = load(root)[4]
    said = replies('{"reason": [], "score": [1, 0.5, 0]}', '{"reason": [], "score": [1, "0.5"]}')
    score, calls = scored(root, tmp_path, entity, said)
    assert calls == 4
    assert score.parts == pytest.approx(
        {"reasoning": 0.7 * 0.5 + 0.3 * 0.75, "quality": 0.75,
         "reasoning_official": 0.7 * 0.5 + 0.3 * 0.75, "quality_official": 0.75}
    )  # fmt: skip


def test_scores_off_the_scale_are_official_only(root: Path, tmp_path: Path) -> None:
    said = replies('{"score": [2, 2, 2]}', '{"score": [1, 1]}')
    score, _ = scored(root, tmp_path, load(root)[0], said)
    assert score.status == "failed"
    assert "score 2 of question 1 is none of 0, 0.5, 1" in score.reason
    assert score.parts == {"reasoning": None, "quality": None, "reasoning_official": 2.0,
                           "quality_official": 1.0}  # fmt: skip


def test_a_reply_that_ends_the_released_script_has_no_official_number(
    root: Path, tmp_path: Path
) -> None:
    said = replies('{"reason": ["{a}"], "score": [1, 1, 1]}', '{"score": [1, 0]}')
    score, _ = scored(root, tmp_path, load(root)[0], said)
    assert (score.status, score.parts["reasoning"], score.parts["quality"]) == ("ok", 1.0, 0.5)
    assert score.parts["reasoning_official"] is None
    assert "UnboundLocalError" in score.notes["reasoning_official"]
    # The script of the other dimension reads to the last brace.
    score, _ = scored(root, tmp_path, load(root)[2], said)
    assert score.parts["reasoning_official"] == 1.0


def test_nan_is_no_official_number(root: Path, tmp_path: Path) -> None:
    said = replies('{"score": [NaN, 1, 1]}', '{"score": [1, 0]}')
    score, _ = scored(root, tmp_path, load(root)[0], said)
    assert score.parts["reasoning_official"] is None
    assert score.status == "failed"


def test_a_panel_gives_strict_numbers_for_both(root: Path, tmp_path: Path) -> None:
    said = replies('{"score": [1, 0, 0.5]}', '{"score": [1, 0]}')
    score, calls = scored(root, tmp_path, load(root)[0], said, judges=2)
    assert calls == 6
    assert score.parts["reasoning_official"] == score.parts["reasoning"] == 0.5


def test_without_questions_nothing_is_scored_and_the_reason_is_told(
    root: Path, tmp_path: Path
) -> None:
    (root / "deepseek_evaluation_qs" / "evaluation_idiom.json").unlink()
    score, calls = scored(root, tmp_path, load(root)[0], completion("x"))
    assert calls == 0
    assert score.status == "failed"
    assert "holds no deepseek_evaluation_qs/evaluation_idiom.json" in score.reason


def test_the_users_prompts_are_stamped(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write(path, {"describe": "Say.", "questions": "Given {description}: {questions}"})
    settings = ScoringSettings(judging=JudgeSettings(prompt=path))
    theirs = in_words(judge.own_scripts(), settings, by_name)
    own = judge.own_scripts()
    assert all(theirs[k].hash != own[k].hash for k in own)
    assert "official prompt (mine.json questions" in theirs["questions"].prompt
    write(path, {"describe": "Say.", "questions": "{questions}"})
    with pytest.raises(UserError, match="description"):
        in_words(judge.own_scripts(), settings, by_name)


# --- a run ------------------------------------------------------------------------------------


def test_a_folder_of_images_becomes_numbers(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "model"
    samples = load(root)
    for n, sample in enumerate(samples[:-1]):  # the last one is missing
        path = outputs / str(sample.output_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (n * 30, 0, 0)).save(path)
    said = replies('{"score": [1, 1, 0.5]}', '{"score": [1, 0]}')
    with JudgeServer(said) as server:
        with pytest.raises(SystemExit) as stop:
            cli.main([
                "run", "-m", f"replay:{outputs}", "-b", BENCHMARK.name, "--data",
                f"{BENCHMARK.name}={root}", "--out", str(tmp_path / "runs"), "--judge",
                "openai:test-judge", "--judge-option", f"base_url={server.url}", "--workers", "1",
                "--no-report", "--json",
            ])  # fmt: skip
        assert stop.value.code in {0, None}
        assert len(server.calls) == 4 * 3 + 3 * 4
    (section,) = json.loads(capsys.readouterr().out)["summary"]["sections"]
    (row,) = section["rows"]
    means = {(c["column"], "/".join(c["group"])): c["mean"] for c in row["cells"]}
    plain, mixed = 100 * 2.5 / 3, 100 * (0.7 * 2.5 / 3 + 0.3 * 0.5)
    rounded = [round(plain, 2), round(plain, 2), round(mixed, 2), round(mixed, 2)]
    assert means["=reasoning_official", ""] == pytest.approx(sum(rounded) / 4, abs=1e-9)
    assert means["=reasoning_official", "idiom"] == round(plain, 2)
    assert means["=quality_official", ""] == 50.0
    # The missing image of the last dimension counts in the strict profile.
    assert means["=reasoning", ""] == pytest.approx((2 * plain + mixed + mixed / 2) / 4)
    assert means["=quality", "scientific"] == 25.0


def test_variants_are_the_released_numbers_of_a_dimension(conformance_dir: Path) -> None:
    vectors = json.loads((conformance_dir / "t2ireasonbench.json").read_text())
    variants = [v for v in BENCHMARK.variants if v.profile == "official"]
    for case in vectors["functions"]["model_score"]["cases"]:
        short, rows = case["input"]["dimension"], case["input"]["rows"]
        stages = len(DIMENSIONS[short].stages)
        columns: dict[str, list[float | None]] = {
            "judge.reasoning_official": [], "judge.quality_official": [],
        }  # fmt: skip
        for row in rows:
            cells = row[-stages:]
            whole = all(isinstance(c, float | int) for c in cells)
            both = official_reasoning(DIMENSIONS[short], cells[:-1]) if whole else None
            columns["judge.reasoning_official"].append(both)
            columns["judge.quality_official"].append(cells[-1] if whole else None)
        run = memory_run([(short,)] * len(rows), columns, variants=variants)
        found = summarise(run, resamples=100).cells
        for name, wanted in (
            ("reasoning", case["expected"].get("reasoning_accuracy")),
            ("quality", case["expected"].get("image_quality")),
        ):
            mean = found[f"={name}_official", ()].mean
            assert mean is None if wanted is None else mean == pytest.approx(wanted, abs=1e-9)


def test_columns_of_variants_exist() -> None:
    (metric,) = BENCHMARK.metrics(ScoringSettings())
    columns = {f"{metric.name}.{q.name}" for q in metric.quantities}
    assert {t.column for v in BENCHMARK.variants for t in v.terms} <= columns
    assert BENCHMARK.headline.variant in {v.name for v in BENCHMARK.variants}
    assert "no MLLM judge is chosen" in str(metric.absence())
    assert {g.path[0] for g in BENCHMARK.groups} == set(DIMENSIONS)
