"""How questions are worded: families are data, and each is a suite of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.understanding import prompts
from benchmarks.understanding.prompts import DEFAULT, families, families_of, prompt
from tests.benchmarks.understanding.kit import CHOICES, KEYS, benchmark, load, numbers, png, run

OPTIONS = dict(zip("ABCD", ("cat", "dog", "", "fish"), strict=True))


@pytest.mark.parametrize("name", KEYS)
def test_the_default_family_words_every_benchmark(name: str) -> None:
    assert families_of(name)[0] == DEFAULT
    assert "Is it?" in prompt(DEFAULT, name, "Is it?")
    assert set().union(*(f.wordings for f in families().values())) == set(KEYS)
    assert all(f.title and "@" in f.source for f in families().values())


def test_options_are_worded_by_family() -> None:
    asked = ("mmstar", "What?", list(OPTIONS.values()), "Look.")
    assert prompt("internvl", *asked) == (
        "Look.\nWhat?\nA. cat\nB. dog\nD. fish\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert prompt("vlmevalkit", *asked) == (
        "Hint: Look.\nQuestion: What?\nOptions:\nA. cat\nB. dog\nD. fish\n"
        "Please select the correct answer from the options above."
    )
    assert prompt("vlmevalkit", "mmstar", "What?", ["a", "b"]).startswith("Question: What?\n")
    assert prompt("vlmevalkit", "mmmu", "What?") == "Question: What?"


@pytest.mark.parametrize(
    ("question", "options", "hint", "end"),
    [
        ("这是什么?", ["a"], "", "请直接回答选项字母。"),
        ("What?", ["猫"], "", "请直接回答选项字母。"),
        ("What?", [], "看", "请直接回答问题。"),
        ("What?", [], "", "Answer the question directly."),
    ],
)
def test_chinese_is_asked_in_chinese(
    question: str, options: list[str], hint: str, end: str
) -> None:
    assert prompt("internvl", "mmbench", question, options, hint).endswith("\n" + end)


def test_braces_of_a_question_are_text() -> None:
    assert prompt("internvl", "mmvet", "f{x} = {question}?") == "f{x} = {question}?"
    assert "{hint}" in prompt("internvl", "seed", "{hint}", ["{}"], "{options}")


def test_families_that_harnesses_word_otherwise() -> None:
    told = "Look, please directly answer the question and give the letter."
    assert prompt("internvl", "mathverse", told) == "Look, please give the letter."
    assert prompt("vlmevalkit", "mathverse", told) == told
    assert prompt("lmms", "chartqa", "q") == "q\nAnswer the question with a single word."
    assert prompt("lmms", "ocrbench", "q") == "q"
    with pytest.raises(KeyError):
        prompt("lmms", "mmvet", "q")


def test_a_mistake_in_the_file_is_named() -> None:
    base = {"title": "t", "source": "s", "one": {"of": ["a"], "lines": ["{question}"]}}
    with pytest.raises(ValueError, match=r"f\.one in prompts\.toml: .*'line'"):
        prompts._family("f", {"one": {"of": ["a"], "line": []}})
    with pytest.raises(ValueError, match=r"f\.two in prompts\.toml: .*'a'"):
        prompts._family("f", {**base, "two": {"of": ["a"], "lines": []}})


# --- suites -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEYS)
def test_every_family_is_a_suite_beside_the_default(name: str) -> None:
    made = benchmark(name)
    others = [f for f in families_of(name) if f != DEFAULT]
    assert bool(others) == (name in {*CHOICES, "mathverse", "chartqa", "ocrbench"})
    base = [s for s in made.suites if not s.endswith(tuple(f"-{f}" for f in families()))]
    assert set(made.suites) == {*base, *(f"{s}-{f}" for s in base for f in others)}
    assert made.default_suite in base
    for suite in base:
        for family in others:
            other, own = made.suites[f"{suite}-{family}"], made.suites[suite]
            assert (other.size, other.version) == (own.size, own.version)
            assert other.title == f"{own.title}; {families()[family].title}"
    assert {row.suite for row in made.published()} <= set(base)


@pytest.mark.parametrize("name", CHOICES)
def test_only_the_prompt_differs(name: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "What?", "answer": "B", **OPTIONS, "split": "validation", "image": png(1)}
    ] * 2
    rows = [{**row, "index": n} for n, row in enumerate(rows)]
    suite = benchmark(name).default_suite
    own = load(name, rows, tmp_path)
    other = load(name, rows, tmp_path, f"{suite}-vlmevalkit")
    assert [s.suite for s in other] == [f"{suite}-vlmevalkit"] * 2
    assert [s.id for s in own] == [s.id for s in other]
    for a, b in zip(own, other, strict=True):
        assert (a.group, a.cluster, a.keys, a.strata) == (b.group, b.cluster, b.keys, b.strata)
        assert a.reference == b.reference
        assert [p.name for p in a.images] == [p.name for p in b.images]
        assert a.prompt.startswith("What?\n")
        assert b.prompt.startswith("Question: What?\nOptions:\n")


def test_a_run_in_another_wording(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"question": "What?", "answer": "B", **OPTIONS}] * 2
    stored = run("realworldqa", rows, ["B", "A"], tmp_path, suite="full-vlmevalkit")
    assert numbers(stored)["strict"] == 50
    assert stored.samples[0]["prompt"].endswith("from the options above.")
