"""How the released judge loops go on, and that variants are the released numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.understanding import logicvista, mathverse, mathvista, mmvet
from benchmarks.understanding.conformance.judged import MATHVERSE, MATHVISTA, MMVET
from evals.core.protocols import Benchmark
from evals.core.summary import summarise
from tests.variant_runs import memory_run


def test_extraction_asks_again_when_the_endpoint_fails_only() -> None:
    line = {"question_type": "free_form", "answer_type": "integer", "answer": "0", "choices": "[]",
            "prediction": "0"}  # fmt: skip
    replies = ["Failed to obtain answer via API.", "nothing useful"]
    result = MATHVISTA["vlmevalkit.auxeval"]({"line": line, "judge_replies": replies})
    assert result["judge_calls"] == 2, "a right 0 does not count as found"
    assert result["ok"]["res"] == "nothing useful"
    line = {**line, "answer": "7", "prediction": "7"}
    result = MATHVISTA["vlmevalkit.auxeval"]({"line": line, "judge_replies": replies})
    assert result == {"ok": {"log": "Prefetch succeed", "res": 7}, "judge_calls": 0}


def test_mathverse_extraction_gives_up_after_five_failures() -> None:
    given = {"line": {"prediction": "p"}, "judge_replies": ["Failed to obtain answer via API."]}
    result = MATHVERSE["vlmevalkit.auxeval_extract"](given)
    assert result["judge_calls"] == 5
    assert result["ok"]["extract"] == ""


def test_mmvet_ends_like_the_released_script() -> None:
    with pytest.raises(ZeroDivisionError):
        MMVET["vlmevalkit.MMVet_acc"]({"rows": [{"category": "rec", "score": 1}]})
    with pytest.raises(UnboundLocalError):
        MMVET["vlmevalkit.MMVet_acc"]({"rows": []})


def test_lmms_variant_takes_the_nearest_choice() -> None:
    record = {"question_type": "multi_choice", "answer_type": "text", "answer": "12 cm",
              "choices": ["10 cm", "12 cm", "140 cm"], "answer_option": "B"}  # fmt: skip
    call = MATHVISTA["lmms_eval.extract_normalize_equal"]

    def result(response: str, judge: str = "") -> tuple[str, bool]:
        given = {"problem": record, "response": response, "judge_reply_if_asked": judge}
        found = call(given)
        return found["normalized"], found["equal"]

    assert result("12 cm") == ("12 cm", True)
    assert result("It is B", "(b)") == ("12 cm", True)
    assert result("It is B", "b") == ("10 cm", False), "a small letter is compared as a text"
    assert result("") == ("10 cm", False), "an empty reply answers with the first shortest choice"


def test_lmms_variant_reads_numbers() -> None:
    call = MATHVISTA["lmms_eval.extract_normalize_equal"]

    def equal(kind: str, answer: str, response: str, judge: str, precision: float) -> bool:
        record = {"question_type": "free_form", "answer_type": kind, "answer": answer,
                  "choices": None, "precision": precision}  # fmt: skip
        given = {"problem": record, "response": response, "judge_reply_if_asked": judge}
        return bool(call(given)["equal"])

    assert equal("integer", "14", "There are 14.", "14.9", 0)
    assert equal("float", "1.5", "1.46", "", 1)
    assert not equal("float", "1.5", "1.46", "", 1.0), "decimals of 1.0 end in no answer"
    assert not equal("float", "1.5", "about 1.5", "about 1.5", 1)
    assert equal("list", "[1, 2]", "1 and 2", "[1, 2] ", 0)


def test_lmms_variant_can_take_what_is_quoted() -> None:
    record = {"question_type": "free_form", "answer_type": "list", "answer": "[1]", "choices": []}
    given = {"problem": record, "response": 'The answer is "[1]".', "judge_reply_if_asked": "j"}
    found = MATHVISTA["lmms_eval.extract_normalize_equal"](given)
    assert found["quick_extraction"] == "[1]"
    assert found["extraction"] == "j"


@pytest.mark.parametrize(
    ("benchmark", "function", "column"),
    [
        (mathvista.BENCHMARK, "vlmevalkit.MathVista_acc", "judge.official"),
        (logicvista.BENCHMARK, "vlmevalkit.evaluate_logicvista", "judge.official"),
        (mmvet.BENCHMARK, "vlmevalkit.MMVet_acc", "judge.official"),
    ],
)
def test_variants_are_the_released_overall(
    conformance_dir: Path, benchmark: Benchmark, function: str, column: str
) -> None:
    vectors = json.loads((conformance_dir / f"{benchmark.name}.json").read_text())
    for case in vectors["functions"][function]["cases"]:
        rows, lines = case["input"]["rows"], case["expected"]
        if benchmark.name == "mathvista":
            values = [float(MATHVISTA["vlmevalkit.post_check:final"]({"line": r})) for r in rows]
        else:
            values = [float(r["hit" if "hit" in r else "score"]) for r in rows]
        if benchmark.name == "mmvet":
            lines = lines[0]
        (overall,) = [x["acc"] for x in lines if "Overall" in x.values()]
        variants = [v for v in benchmark.variants if v.name == "official"]
        run = memory_run([("all",)] * len(rows), {column: values}, variants=variants)
        cell = summarise(run, resamples=100).cells["=official", ()]
        assert cell.mean == pytest.approx(overall, abs=1e-9)


def test_variants_are_the_released_number_of_a_version(conformance_dir: Path) -> None:
    vectors = json.loads((conformance_dir / "mathverse.json").read_text())
    for case in vectors["functions"]["vlmevalkit.MathVerse_acc"]["cases"]:
        rows = case["input"]["rows"]
        run = memory_run(
            [(r["problem_version"], "Functions") for r in rows],
            {"judge.official": [float(r["score"]) for r in rows]},
            variants=[v for v in mathverse.BENCHMARK.variants if v.name == "official"],
        )
        cells = summarise(run, resamples=100).cells
        for line in case["expected"]:
            found = cells["=official", (line["split"],)].mean
            assert found == pytest.approx(line["Overall"], abs=1e-9)
