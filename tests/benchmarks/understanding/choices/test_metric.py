"""What a reply to a multiple-choice question is worth, by every rule, and with a judge."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.understanding import ai2d, mmbench, mmmu, mmstar, realworldqa, seed
from benchmarks.understanding.choices.judge import choice_judge, read_letter
from benchmarks.understanding.choices.metric import EXACT, choice_metric
from benchmarks.understanding.choices.questions import ChoiceReference, right_texts
from benchmarks.understanding.prompts import prompt
from evals.core.protocols import JudgeSettings, JudgeSpec, Metric, ScoringSettings
from evals.core.types import Item, Prediction, Sample, Score

CHOICE = ChoiceReference(answer="B", question="What?", options=("cat", "dog", "None"))
OPEN = ChoiceReference(answer="12.5", question="How long?", answers=("12.5",), written="12.5")
WORDS = ChoiceReference(
    answer="New York", question="Where?", answers=("New York", "NYC"), written="['New York', 'NYC']"
)
RULES = (EXACT, seed.LMMS, mmmu.AUTHORS)


def item(reply: str | None, reference: ChoiceReference) -> Item:
    sample = Sample(
        id="s", benchmark="b", suite="s", task="understand", prompt="?", reference=reference
    )
    return Item(sample=sample, prediction=Prediction(sample="s", trial=0, seed=0, status="ok",
                                                     text=reply))  # fmt: skip


def score(reply: str | None, reference: ChoiceReference = CHOICE) -> Score:
    return choice_metric(RULES).score([item(reply, reference)])[0]


@pytest.mark.parametrize(
    ("reply", "accuracy", "parsed", "exact", "lmms", "authors"),
    [
        ("B", 1, 1, 1, 1, 1),
        ("b.", 1, 1, 0, 1, 0),  # VLMEvalKit and MMMU's authors read capitals only
        ("It is the dog.", 1, 1, 0, 0, 0),
        ("dog", 1, 1, 1, 0, 0),
        ("Because I say so: A", 0, 1, 0, 1, 0),  # "Because" begins with B
        ("A or B", 0, 0, 0, 0, 1),
        ("C", 0, 1, 0, 0, 0),
        ("", 0, 0, 0, 0, 0),
        (None, 0, 0, 0, 0, 0),
    ],
)
def test_a_reply_by_all_rules(
    reply: str | None, accuracy: int, parsed: int, exact: int, lmms: int, authors: int
) -> None:
    made = score(reply)
    found = [made.parts[n] for n in ("accuracy", "parsed", "exact", "lmms", "authors")]
    assert found == [accuracy, parsed, exact, lmms, authors]
    assert made.value == accuracy
    assert ("accuracy" in made.notes) == (not parsed)


def test_an_option_that_pandas_does_not_see() -> None:
    third = ChoiceReference(answer="C", question="What?", options=CHOICE.options)
    made = score("C", third)
    assert (made.parts["accuracy"], made.parts["exact"], made.parts["exact_parsed"]) == (1, 0, 0)
    assert made.evidence == {"answer": "C", "expected": "C", "VLMEvalKit": ""}
    assert "C. None" in prompt("internvl", "seed", "What?", CHOICE.options)


@pytest.mark.parametrize(
    ("reply", "reference", "accuracy", "exact", "authors"),
    [
        ("12.5 cm", OPEN, 1, 1, 1),
        ("about 12.46", OPEN, 1, 0, 0),
        ("It is 12.5 or 13.", OPEN, 0, 1, 1),
        ("A", OPEN, 0, 1, 0),  # the option that VLMEvalKit makes of the answer
        ("new york", WORDS, 1, 0, 1),
        ("It is nyc!", WORDS, 1, 0, 1),
        ("Newyorkshire", WORDS, 0, 0, 0),
    ],
)
def test_open_questions(
    reply: str, reference: ChoiceReference, accuracy: int, exact: int, authors: int
) -> None:
    parts = score(reply, reference).parts
    assert (parts["accuracy"], parts["exact"], parts["authors"]) == (accuracy, exact, authors)


def test_right_texts_are_one_or_a_list() -> None:
    assert right_texts("['a', 'b']") == ["a", "b"]
    assert right_texts("[1, 2]") == ["[1, 2]"]
    assert right_texts("[(") == ["[("]


def test_rules_of_lmms_eval() -> None:
    rules = (mmbench.LMMS, mmstar.LMMS, ai2d.LMMS, realworldqa.LMMS)
    told = {
        reply: [int(r.right(reply, CHOICE)) for r in rules]
        for reply in ("B.", "(B)", "The answer is B", "say B) or so", "Because")
    }
    assert told == {
        "B.": [1, 1, 1, 1],
        "(B)": [1, 1, 1, 1],
        "The answer is B": [1, 1, 0, 1],
        "say B) or so": [1, 1, 0, 1],
        "Because": [1, 1, 0, 1],
    }
    # An absent option is the text nan, which is in banana: two options then, and any B will do.
    fruit = ChoiceReference(answer="A", question="What?", options=("banana", "plum"))
    assert not mmbench.LMMS.right("Banana, a", fruit)
    assert realworldqa.LMMS.right("Two.", ChoiceReference(answer="two", question="?",
                                                          answers=("two",)))  # fmt: skip


@given(st.text(), st.sampled_from([CHOICE, OPEN, WORDS]))
def test_any_reply_has_a_score(reply: str, reference: ChoiceReference) -> None:
    rules = (*RULES, mmbench.LMMS, mmstar.LMMS, ai2d.LMMS, realworldqa.LMMS)
    names = [rule.right(reply, reference) for rule in rules]
    assert all(isinstance(right, bool) for right in names)
    made = score(reply, reference)
    assert made.status == "ok"
    assert all(value in (0.0, 1.0) for value in made.parts.values())


def test_the_metric_travels() -> None:
    metric = choice_metric(RULES)
    assert isinstance(metric, Metric)
    assert pickle.loads(pickle.dumps(metric)) == metric
    assert metric.fingerprint() != choice_metric().fingerprint()


# --- with a judge -----------------------------------------------------------------------------


def judged(reply: str, said: str, reference: ChoiceReference, tmp_path: Path, **more: Any) -> Score:
    """What the metric makes of a reply when the judge says this of it."""
    script = tmp_path / "judge.json"
    script.write_text(json.dumps({"*": said}))
    judges = (JudgeSpec(name="j", backend="scripted", argument=str(script)),)
    settings = ScoringSettings(
        judging=JudgeSettings(judges=judges, **more), cache=tmp_path / "cache"
    )
    (made,) = choice_judge(settings).score([item(reply, reference)])
    return made


@pytest.mark.parametrize(
    ("reply", "said", "reference", "parts"),
    [
        # Rules read the reply, so that nobody is asked.
        ("B", "A", CHOICE, {"accuracy": 1, "exact": 1, "asked": 0}),
        ("", "B", CHOICE, {"accuracy": 0, "exact": 0, "asked": 0}),
        ("the barking one", "B", CHOICE, {"accuracy": 1, "exact": 1, "asked": 1}),
        ("the barking one", "Z", CHOICE, {"accuracy": 0, "exact": 0, "asked": 1}),
        # The strict rule reads this one, and VLMEvalKit's do not.
        ("It is the dog.", "A", CHOICE, {"accuracy": 1, "exact": 0, "asked": 1}),
        # The other way round.
        ("A or B: the answer is B or A", "A", CHOICE, {"accuracy": 0, "exact": 1, "asked": 1}),
        ("a dozen and a half", "A", OPEN, {"accuracy": 1, "exact": 1, "asked": 1}),
        ("a dozen and a half", "B", OPEN, {"accuracy": 0, "exact": 0, "asked": 1}),
        ("12.5", "B", OPEN, {"accuracy": 1, "exact": 1, "asked": 0}),
    ],
)
def test_a_judge_reads_what_rules_cannot(
    reply: str, said: str, reference: ChoiceReference, parts: dict[str, int], tmp_path: Path
) -> None:
    made = judged(reply, said, reference, tmp_path)
    assert (made.status, made.parts) == ("ok", parts)


def test_a_judge_that_names_no_option_fails_the_sample(tmp_path: Path) -> None:
    made = judged("the barking one", "Option A", CHOICE, tmp_path)
    assert (made.status, made.value) == ("failed", None)
    assert made.reason.startswith(
        "unparsed: option: the reply is not one of the letters A, B, C, Z"
    )
    assert made.parts["accuracy"] is None
    # The released script would read the letter A; where it reads none it draws one.
    assert made.parts["exact"] == 0.0
    drawn = judged("the barking one", "neither", CHOICE, tmp_path)
    assert drawn.parts["exact"] is None
    assert "at random" in drawn.notes["exact"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("(b).", "B"),
        ("<think>A?</think> **B**", "B"),
        ("D", ""),
        ("A, B", ""),
        ("", ""),
    ],
)
def test_letters_of_a_judge(reply: str, letter: str) -> None:
    found = read_letter(reply, "ABZ")
    assert [c for c, share in found.scores.items() if share] == list(letter)
    assert (found.status == "ok") == bool(letter)


def test_the_official_prompt_of_the_user_is_stamped(tmp_path: Path) -> None:
    own = judged("the barking one", "B", CHOICE, tmp_path)
    path = tmp_path / "kit.txt"
    path.write_text("Q {question} O {options} A {prediction}")
    made = judged("the barking one", "B", CHOICE, tmp_path, prompt=path)
    assert made.parts == own.parts
    assert made.fingerprint != own.fingerprint
    prompts = choice_judge(ScoringSettings(judging=JudgeSettings(prompt=path))).wording
    assert "official prompt (kit.txt" in prompts[1]
