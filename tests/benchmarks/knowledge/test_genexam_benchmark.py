"""GenExam as a benchmark: loader, judge, variants and published rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.knowledge.genexam import BENCHMARK, numbers, scoring
from benchmarks.knowledge.genexam.conformance import CONFORMANCE
from benchmarks.knowledge.genexam.data import SUBJECTS
from benchmarks.knowledge.genexam.replies import GLOBALS
from evals.core.errors import UserError
from evals.core.protocols import DataSource, ScoringSettings
from evals.core.summary import summarise
from evals.core.types import Sample
from tests.benchmarks.judged_kit import judge, run_cli, settings
from tests.benchmarks.kit import check_declared, picture
from tests.variant_runs import memory_run


def row(name: str, subject: str = "Music", weights: Sequence[float] = (0.25, 0.75)) -> Any:
    points = [{"question": f"Is part {n} there?", "score": w} for n, w in enumerate(weights)]
    return {"id": name, "prompt": f"Draw {name}.", "image_path": f"{subject}/{name}.png",
            "scoring_points": points, "taxonomy": "a/b", "img_type": "diagrams",
            "subject": subject, "difficulty": "hard"}  # fmt: skip


def write(root: Path, rows: Sequence[Any], mini: Sequence[str] = ()) -> Path:
    """The official layout, reference pictures included."""
    place = root / "annotations" / "All_Subjects.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    (root / "mini_sample_ids.txt").write_text("\n".join(mini) + "\n", encoding="utf-8")
    for number, made in enumerate(rows):
        picture(root / "images" / made.get("image_path", "x.png").lstrip("/."), 100 + number)
    return root


def load(root: Path, suite: str = "full") -> list[Sample]:
    return BENCHMARK.suites[suite].load(DataSource(root=root, cache=root / "cache"))


def reply(answers: Sequence[Any], scores: Sequence[Any] = (2, 2, 2)) -> str:
    overall = {name: {"score": s} for name, s in zip(GLOBALS.values(), scores, strict=True)}
    return json.dumps({"answers": [{"answer": a} for a in answers], "global_evaluation": overall})


def test_both_suites_of_the_official_layout(tmp_path: Path) -> None:
    root = write(tmp_path / "GenExam" / "data", [row("a"), row("b", "History")], ["b"])
    for folder in (root, root.parent):
        full, mini = load(folder), load(folder, "mini")
        assert [s.id for s in full] == ["a", "b"]
        assert [s.id for s in mini] == ["b"]
        assert full[0].reference_images == (root / "images" / "Music" / "a.png",)
        assert full[0].reference_images[0].is_file()
    assert full[0].reference.weights == (0.25, 0.75)
    assert [p.path for p in full[1].places] == ["b.png", "genexam/images/b.png"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r | {"scoring_points": []}, "no list of scoring points"),
        (lambda r: row("b", weights=(0.5, 0.6)), "do not sum to 1"),
        (lambda r: row("b", weights=(1.5, -0.5)), "do not sum to 1"),
        (lambda r: r | {"subject": "Alchemy"}, "unknown subject"),
        (lambda r: r | {"image_path": "../../b.png"}, "which is not below"),
        (lambda r: r | {"id": "a"}, "occurs more than once"),
        (lambda r: {"id": "b"}, "no text in 'subject'"),
    ],
)
def test_broken_lines_are_named(change: Callable[[Any], Any], message: str, tmp_path: Path) -> None:
    root = write(tmp_path, [row("a"), change(row("b"))])
    with pytest.raises(UserError, match=message):
        load(root)


def test_a_mini_list_with_unknown_ids_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, [row("a")], ["a", "zz"])
    with pytest.raises(UserError, match="lists 'zz'"):
        load(root, "mini")


def test_absent_data_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="OpenGVLab/GenExam"):
        BENCHMARK.suites["full"].load(DataSource(root=None, cache=tmp_path))


def test_one_reply_is_read_strictly_and_as_released(tmp_path: Path) -> None:
    samples = load(write(tmp_path, [row(n) for n in "abcd"]))
    replies = dict(zip("abcd", (
        reply([1, 1]),
        "Sure! " + reply([0, 1], (2, 1, 1)),
        reply([1, 0], (2, 2, 5)),
        reply([1, 0], (2, 2, "2")),
    ), strict=True))  # fmt: skip
    found = judge(BENCHMARK, samples, replies, tmp_path)
    best, wordy, five, text = (found[n] for n in "abcd")
    assert (best.value, best.parts["strict"], best.parts["relaxed_official"]) == (1.0, 1.0, 1.0)
    assert wordy.value == pytest.approx(0.7 * 0.75 + 0.2)
    assert wordy.parts["relaxed_official"] is None
    assert "ask again" in wordy.notes["relaxed_official"]
    assert (five.status, five.value) == ("failed", None)
    assert five.parts["relaxed_official"] == pytest.approx(0.625)
    assert text.value == pytest.approx(0.7 * 0.25 + 0.3)
    assert "ends the released run" in text.notes["relaxed_official"]


def test_the_official_words_get_the_released_fields(tmp_path: Path) -> None:
    official = tmp_path / "eval_prompt.py"
    official.write_text(
        'prompt_for_eval = """{prompt} {scoring_points} {{"answers": []}}"""\n', encoding="utf-8"
    )
    (metric,) = BENCHMARK.metrics(settings(tmp_path / "a", {}, prompt=official))
    script = metric.scripts[0]
    _, told, _ = script.text({"prompt": "Draw.", "listed": "['Is it?']"})
    assert told == "Draw. ['Is it?'] {\"answers\": []}"
    assert script.policy.max_side == 768
    assert BENCHMARK.metrics(ScoringSettings())[0].absence() is not None


def test_published_rows_name_columns_that_exist() -> None:
    check_declared(BENCHMARK)


def test_variants_make_the_released_numbers(conformance_dir: Path) -> None:
    path = conformance_dir / "genexam.json"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    functions = json.loads(path.read_bytes())["functions"]
    for average, function in (("macro", "calculate_score:macro"),
                              ("micro", "calculate_score:upstream_micro")):  # fmt: skip
        for case in functions[function]["cases"]:
            scores = [CONFORMANCE["cal_score_single"]({"eval_result": r})
                      for r in case["input"]["eval_results"]]  # fmt: skip
            groups = [(r.get("subject", "all"),) for r in case["input"]["eval_results"]]
            columns = {
                f"judge.{short}{end}": [float(s[f"{short}_score"]) for s in scores]
                for short in ("strict", "relaxed") for end in ("", "_official")
            }  # fmt: skip
            run = memory_run(groups, columns, variants=numbers.VARIANTS)
            cells = summarise(run, resamples=100).cells
            for short in ("strict", "relaxed"):
                wanted = 100 * case["expected"][f"{short}_score"]
                assert cells[f"={short}_{average}", ()].mean == pytest.approx(wanted, abs=1e-9)


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two subjects; one image of three is missing, one has half of its weight."""
    root = write(tmp_path / "data", [row("a"), row("b"), row("c", "History")])
    samples = load(root)
    outputs = tmp_path / "model"
    for number, sample in enumerate(samples[1:]):
        picture(outputs / sample.places[1].path, number)
    run = run_cli(
        monkeypatch, tmp_path, place="benchmarks.knowledge.genexam:BENCHMARK",
        suite="genexam/full", data=root, outputs=outputs,
        replies={"b": reply([1, 0]), "c": reply([1, 1])},
    )  # fmt: skip
    cells = summarise(run, resamples=100).cells
    half = 100 * (0.7 * 0.25 + 0.3)
    assert cells["=relaxed_macro_counted", ()].mean == pytest.approx((half / 2 + 100) / 2)
    assert cells["=relaxed_macro", ()].mean == pytest.approx((half + 100) / 2)
    assert cells["=strict_micro_counted", ()].mean == pytest.approx(100 / 3)
    assert set(SUBJECTS) == {g.path[0] for g in BENCHMARK.groups}
    assert scoring.COLUMNS[0] == "strict_score"
