"""Reading answers: what people take a reply to say, and what must not be guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.answers import Form, Reading, folded, read_answer, same_answer

COLOURS = ["red", "blue", "green", "dark blue"]
FORMS: tuple[Form, ...] = ("choice", "yes_no", "number", "text")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"), ("b", "B"), (" (B) ", "B"), ("B.", "B"), ("B)", "B"), ("**B**", "B"),
        ("B: because of the sky", "B"), ("B, because", "B"), ("B. blue", "B"), ("B blue", "B"),
        ("Ｂ", "B"), ("Option B", "B"), ("\\boxed{B}", "B"), ("$\\boxed{\\text{B}}$", "B"),
        ("Answer: B", "B"), ("**Answer:** (B)", "B"), ("Final answer = B", "B"),
        ("The answer is C. Because the sky is blue", "C"),
        ("The correct answer is D, not A, I think", "D"),
        ("A cat is shown, so the answer is C", "C"),
        ("I think it is C", "C"), ("C is correct", "C"), ("A is right", "A"), ("a", "A"),
        ("Not A but B", "B"), ("B) blue. It is not A.", "B"),
        ("A. red\nB. blue\nC. green\nThe answer is B", "B"),
        ("<think>A? B? no: </think>C", "C"), ("thoughts without a start</think>\n\nC", "C"),
        ("blue", "B"), ("It is BLUE!", "B"), ("The star is red.", "A"), ("dark blue", "D"),
        ("The answer is dark blue.", "D"), ("A because it is red", "A"),
    ],
)  # fmt: skip
def test_a_choice_is_read(reply: str, letter: str) -> None:
    assert read_answer(reply, "choice", COLOURS) == Reading(value=letter)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("A or B", "it names several choices: A, B"),
        ("A, B", "it names several choices: A, B"),
        ("A) red B) blue", "it names several choices: A, B"),
        ("Option B is right, Option A is wrong", "it names several choices: B, A"),
        ("it's not red, it's green", "it names several choices: A, C"),
        ("A cat", "it names none of the choices"),
        ("I cannot say", "it names none of the choices"),
        ("E", "it names none of the choices"), ("Z.", "it names none of the choices"),
        ("The answer is not A.", "it names none of the choices"),
        ("reddish", "it names none of the choices"), ("Answer:", "it names none of the choices"),
        ("<think> It must be B", "it ends before its thoughts do"),
        ("", "it is empty"), ("  \n", "it is empty"), ("<think>B</think>", "it is empty"),
        (None, "it is empty"),
    ],
)  # fmt: skip
def test_a_choice_is_not_guessed(reply: str | None, reason: str) -> None:
    found = read_answer(reply, "choice", COLOURS)
    if "several" in reason:
        assert set(found.reason) == set(reason)
        reason = found.reason
    assert found == Reading(reason=reason)


def test_numbers_as_choices_are_whole_numbers() -> None:
    choices = ["15", "150", "1.5", "50"]
    for reply, letter in (("150", "B"), ("15", "A"), ("It is 1.5", "C"), ("The value is 50.", "D")):
        assert read_answer(reply, "choice", choices).value == letter


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("Yes", "yes"), ("no.", "no"), ("**No**", "no"), ("No, there is no circle", "no"),
        ("Yes, there is no doubt", "yes"), ("I think yes", "yes"), ("The answer is: No", "no"),
        ("Answer: yes because no circle is there", "yes"), ("YES!", "yes"),
    ],
)  # fmt: skip
def test_yes_and_no_are_read(reply: str, said: str) -> None:
    assert read_answer(reply, "yes_no") == Reading(value=said)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("yes or no", "it says both yes and no"), ("Yes/No", "it says both yes and no"),
        ("not sure", "it says neither yes nor no"), ("nothing", "it says neither yes nor no"),
        ("yesterday", "it says neither yes nor no"),
    ],
)  # fmt: skip
def test_yes_and_no_are_not_guessed(reply: str, reason: str) -> None:
    assert read_answer(reply, "yes_no") == Reading(reason=reason)


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("65", "65"), ("65.", "65"), ("48 + 17 = 65", "65"), ("$65", "65"), ("65%", "65"),
        ("5cm", "5"), ("-3", "-3"), ("−3", "-3"), ("1,250", "1,250"), ("1.50", "1.50"),
        (".5", ".5"), ("1e5", "1e5"), ("three", "3"), ("There are seven circles", "7"),
        ("The answer is 5 because 3+2=5", "5"), ("The answer is 5, since 2 are hidden", "5"),
        ("5 circles; yes, 5", "5"), ("I count 4. No: the answer is **5**", "5"),
    ],
)  # fmt: skip
def test_a_number_is_read(reply: str, number: str) -> None:
    assert read_answer(reply, "number") == Reading(value=number)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("There are 3 red circles and 2 blue", "several numbers: 3, 2"),
        ("10-15", "several numbers: 10, 15"), ("3/4", "several numbers: 3, 4"),
        ("The answer is 3 or 4", "several numbers: 3, 4"),
        ("1,2500", "several numbers: 1, 2500"), ("twenty one", "several numbers: 20, 1"),
        ("1 2 3 4 5 6 7 8", "several numbers: 1, 2, 3, 4, 5, 6 and 2 more"),
        ("none of them", "no number"), ("K7", "no number"), ("0x10", "no number"),
    ],
)  # fmt: skip
def test_a_number_is_not_guessed(reply: str, words: str) -> None:
    found = read_answer(reply, "number")
    assert found.value == ""
    assert words in found.reason


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("HARBOR", "HARBOR"), (" Harbor. ", "Harbor"), ("The word is HARBOR.", "HARBOR"),
        ('It says "Harbor", I think', "Harbor"), ("“Harbor”", "Harbor"),
        ("The answer is: X7", "X7"), ("**P55**", "P55"), ("The", "The"),
    ],
)  # fmt: skip
def test_a_text_is_read(reply: str, text: str) -> None:
    assert read_answer(reply, "text") == Reading(value=text)


def test_a_text_without_a_letter_is_none() -> None:
    assert read_answer("!?", "text") == Reading(reason="it holds no letter or digit")


def test_sameness() -> None:
    assert same_answer("22C", "22 c.", "text")
    assert not same_answer("22C", "22CD", "text")
    assert same_answer("Café", "CAFE\u0301", "text")
    assert not same_answer("café", "cafe", "text"), "another word in some languages"
    assert same_answer("B", "B", "choice")
    assert not same_answer("yes", "no", "yes_no")
    assert same_answer("5", "5.0", "number")
    assert same_answer("0.3", "0.30000000000000004", "number")
    assert not same_answer("5", "5.01", "number")
    assert same_answer("100", "104.9", "number", 0.05)
    assert not same_answer("100", "105.1", "number", 0.05)
    assert same_answer("0", "0", "number", 0.05)
    assert not same_answer("0", "0.001", "number", 0.05)
    assert not same_answer("5", "9" * 5000, "number")
    assert folded("Ⅳ ²") == "iv2"


@given(st.text(max_size=300), st.lists(st.text(max_size=12), max_size=6))
def test_no_reply_is_an_exception(reply: str, choices: list[str]) -> None:
    for form in FORMS:
        found = read_answer(reply, form, choices)
        assert bool(found.value) != bool(found.reason)
        if found.value:
            assert same_answer(found.value, found.value, form)
        if form == "choice" and found.value:
            assert ord(found.value) - ord("A") < len(choices)


@given(st.sampled_from("ABCD"), st.sampled_from(["{}", "({})", "**{}**.", "Answer: {}", "{}) x"]))
def test_every_letter_is_read_in_every_dress(letter: str, dress: str) -> None:
    assert read_answer(dress.format(letter), "choice", COLOURS).value == letter


@pytest.mark.parametrize(
    "reply",
    ["A " * 20_000, "answer is " * 10_000, "1," * 20_000, "=" * 50_000, '"' * 50_001,
     "<think>" * 10_000, "no " * 20_000, "the " * 20_000, "-" * 50_000, "e5" * 20_000],
)  # fmt: skip
def test_long_replies_end(reply: str) -> None:
    for form in FORMS:
        read_answer(reply, form, COLOURS)
