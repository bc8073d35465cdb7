"""MathVista, MathVerse, LogicVista and MM-Vet: from a table through a judge to a number."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding.asking import own_scripts, scripts_for
from evals.core.errors import UserError
from evals.core.protocols import ScoringSettings
from tests.benchmarks.understanding.judged.rows import ROWS
from tests.benchmarks.understanding.kit import (
    JUDGED,
    answering,
    asking,
    benchmark,
    item,
    load,
    numbers,
    run,
)
from tests.judge_replies import completion
from tests.judge_server import JudgeServer

ALL = {name: benchmark(name) for name in JUDGED}


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMM_EVALS_CACHE", str(tmp_path / "cache"))


# --- through a judge --------------------------------------------------------------------------


def _vista(text: str) -> str:
    return "[2007, 2008]" if "[2007, 2008]" in text else "none"


def _verse(text: str) -> str:
    if "right answer" in text:
        return "Judgement: 1" if "twelve" in text else "0"
    return "A" if "12 cm" not in text else "twelve"


def _logic(text: str) -> str:
    return "BD" if "B, D" in text else "A"


def _vet(text: str) -> str:
    return "Correctness: 0.5" if "a cat\\n[end" in text else "1.0"


@pytest.mark.parametrize(
    ("name", "judge", "floor", "ceiling"),
    [
        # The floor says A to everything. VLMEvalKit never finds a list right.
        ("mathvista", _vista, {"strict": 100 / 3, "official": 100 / 3, "nearest": 100 / 3},
         {"strict": 100.0, "official": 200 / 3, "nearest": 100.0}),
        # "Judgement: 1" is not in the released form: the sample leaves the official mean.
        ("mathverse", _verse, {"strict": 50.0, "official": 50.0},
         {"strict": 100.0, "official": 100.0}),
        ("logicvista", _logic, {"strict": 50.0, "official": 50.0},
         {"strict": 100.0, "official": 100.0}),
        ("mmvet", _vet, {"strict": 75.0, "official": 100.0}, {"strict": 75.0, "official": 100.0}),
    ],
)  # fmt: skip
def test_runs_end_in_the_expected_numbers(
    tmp_path: Path, name: str, judge: Any, floor: dict[str, float], ceiling: dict[str, float]
) -> None:
    with JudgeServer(answering(judge)) as server:
        words = ("--judge", "openai:test-judge", "--judge-option", f"base_url={server.url}",
                 "--workers", "1")  # fmt: skip
        for model, wanted in (("builtin", floor), ("ground-truth", ceiling)):
            stored = run(name, ROWS[name], (), tmp_path / model, *words, model=model)
            found = numbers(stored)
            assert {v: found[v] for v in wanted} == pytest.approx(wanted), model


# --- single replies ---------------------------------------------------------------------------


def score(tmp_path: Path, name: str, at: int, reply: str, judge: Any, judges: int = 1) -> Any:
    sample = load(name, ROWS[name], tmp_path)[at]
    with JudgeServer(judge) as server:
        metric = ALL[name].metrics(asking(server.url, tmp_path / "tape", judges=judges))[0]
        (made,) = metric.score([item(sample, reply)])
        return made, len(server.calls)


def test_a_reply_that_rules_can_read_costs_nothing(tmp_path: Path) -> None:
    made, calls = score(tmp_path, "mathvista", 0, "The answer is (A).", completion("B"))
    assert calls == 0
    assert (made.value, made.parts["prefetched"]) == (1.0, 1.0)


def test_an_extraction_that_cannot_be_read_is_a_failure_and_no_zero(tmp_path: Path) -> None:
    made, calls = score(tmp_path, "mathvista", 1, "seven or eight", completion("7 or 8"))
    assert calls == 1
    assert made.status == "failed"
    assert made.parts["accuracy"] is None
    assert made.parts["official"] == 0.0, "the released rules take any text for an answer"
    assert "names several numbers" in made.reason


def test_an_empty_reply_is_wrong_without_asking(tmp_path: Path) -> None:
    for name in ALL:
        (tmp_path / name).mkdir()
        made, calls = score(tmp_path / name, name, 0, " ", completion("1"))
        assert calls == 0
        assert (made.status, made.value) == ("ok", 0.0), name


def test_a_judge_that_leaves_the_released_form_leaves_no_official_number(tmp_path: Path) -> None:
    made, _ = score(tmp_path, "logicvista", 1, "both B and D", completion("B, D"))
    assert made.value == 1.0
    assert made.parts["official"] is None
    assert "four more times" in made.notes["official"]


def test_nan_is_no_grade(tmp_path: Path) -> None:
    made, _ = score(tmp_path, "mmvet", 1, "a cat", completion("nan"))
    assert made.status == "failed"
    assert made.parts == {"grade": None, "official": None}
    assert "nan" in made.notes["official"]


def test_a_panel_has_strict_numbers_for_both(tmp_path: Path) -> None:
    judge = answering(lambda text: "0.4")
    made, calls = score(tmp_path, "mmvet", 1, "a cat", judge, judges=2)
    assert calls == 2
    assert made.parts == {"grade": 0.4, "official": 0.4}


def _compares(extracted: str, text: str) -> str:
    return "0" if "right answer" in text else extracted


def test_mathverse_compares_only_what_has_to_be_compared(tmp_path: Path) -> None:
    for extracted, calls, value in (("A", 1, 1.0), ("none", 1, 0.0), ("B", 2, 0.0)):
        (tmp_path / extracted).mkdir()
        judge = answering(partial(_compares, extracted))
        made, asked = score(tmp_path / extracted, "mathverse", 0, "It is that.", judge)
        assert (asked, made.value) == (calls, value)


def test_rules_need_no_judge(tmp_path: Path) -> None:
    for name, at, reply, value in (
        ("mathvista", 1, "There are 14.", 1.0), ("mathvista", 1, "7 or 14", 0.0),
        ("logicvista", 1, "D, B", 1.0), ("logicvista", 0, "The answer is A.", 1.0),
        ("logicvista", 0, "hard to say", 0.0),
    ):  # fmt: skip
        root = tmp_path / f"{name}{reply}"
        root.mkdir()
        rules = ALL[name].metrics(ScoringSettings(cache=tmp_path))[1]
        assert rules.absence() is None
        (made,) = rules.score([item(load(name, ROWS[name], root)[at], reply)])
        assert made.value == value


# --- words ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ALL))
def test_an_official_prompt_is_stamped(tmp_path: Path, name: str) -> None:
    own = own_scripts(name)
    words = {k: " ".join(f"{{{f.name}}}" for f in s.fields) for k, s in own.items()}
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps(words), encoding="utf-8")
    theirs = scripts_for(name, asking("http://x", tmp_path, prompt=path))
    for key, script in theirs.items():
        assert script.hash != own[key].hash
        assert "official prompt (prompts.json" in script.prompt
        system, text, _ = script.text({f.name: f"<{f.name}>" for f in script.fields})
        assert (system, text) == ("", " ".join(f"<{f.name}>" for f in script.fields))
    path.write_text(json.dumps(dict.fromkeys(own, "no place")), encoding="utf-8")
    with pytest.raises(UserError, match="does not hold"):
        scripts_for(name, asking("http://x", tmp_path, prompt=path))


def test_the_right_answer_is_shown_only_to_who_compares() -> None:
    shown = {
        f"{name}.{key}": {f.name for f in script.fields}
        for name in ALL
        for key, script in own_scripts(name).items()
    }
    assert {k for k, fields in shown.items() if "answer" in fields} == {
        "mathverse.compare", "mmvet.grade",
    }  # fmt: skip
