"""The words around a prompt: equal to the byte, and what users put into them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.internvlu.conditioning import tokenize
from model.internvlu.pipeline import InternVLUPipeline
from model.internvlu.prompts import (
    BLANK,
    BRANCHES,
    CONTEXT,
    DESCRIBE,
    END,
    EXPLAIN,
    IDENTITY,
    IMAGE,
    IMAGES_ALONE,
    SPECIAL,
    START,
    Turn,
    expand,
    picture,
    question,
    user_text,
)
from tests.model.internvlu.kit import recordings

TEMPLATE = (
    "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)


def test_recorded_prompts() -> None:
    recorded = json.loads((recordings() / "expected" / "prompts.json").read_text("utf-8"))
    assert list(SPECIAL) == recorded["special_token_list"]
    names = dict(zip(("none", "text", "all"), BRANCHES, strict=True))
    for row in recorded["rows"]:
        prompt, count = row["prompt"], row["num_images"]
        if row["user_content"]:  # of an empty one no turn is written
            assert user_text(prompt, count) == row["user_content"]
        assert question(prompt, count).text == row["text_mode"]
        for name, branch in names.items():
            ours = picture(prompt, count, branch, editing=count > 0).text
            assert ours + START == row[f"image_mode.{name}"]


@pytest.mark.parametrize(
    ("prompt", "images", "text"),
    [
        ("a red panda", 0, "A red panda."),
        ("a red panda", 1, "<image>\na red panda."),
        ("  a cat ", 0, "A cat."),
        ("  a cat ", 2, "<image>\n<image>\n  a cat."),
        ("Why?", 0, "Why?"),
        ("done;", 1, "<image>\ndone;"),
        ("画。", 0, "画。."),
        ("3)", 0, "3)."),
        ("ßx", 0, "SSx."),
        ("put <image> here", 1, "Put <image> here."),
        ("put <image> here", 2, "<image>\nput <image> here."),
        ("<image> and <image>", 1, "<image> and <image>."),
        ("\U0001f600", 0, "\U0001f600."),
    ],
)
def test_the_users_words(prompt: str, images: int, text: str) -> None:
    assert user_text(prompt, images) == text


def test_branches_of_an_image_from_text() -> None:
    def of(branch: str) -> str:
        return picture("a cat", 0, branch, editing=False).text  # type: ignore[arg-type]

    assert of("full") == TEMPLATE.format(IDENTITY + DESCRIBE, "A cat.")
    assert of("partial") == of("blank") == TEMPLATE.format(IDENTITY + DESCRIBE, BLANK)


def test_branches_of_an_edit() -> None:
    system = IDENTITY + EXPLAIN
    wanted = {
        "full": "<image>\n<image>\nmake it blue.",
        "partial": f"<image>\n<image>\n{IMAGES_ALONE}",
        "blank": BLANK,
    }
    for branch in BRANCHES:
        turn = picture("make it blue", 2, branch, editing=True)
        assert turn.text == TEMPLATE.format(system, wanted[branch])
        assert turn.images == (0 if branch == "blank" else 2)


@pytest.mark.parametrize("words", ["You paint.", ""])
def test_a_system_text_replaces_that_of_every_branch(words: str) -> None:
    assert question("a cat", 0, words).text == TEMPLATE.format(words, "A cat.")
    for branch in BRANCHES:
        for images in (0, 1):
            text = picture("a cat", images, branch, editing=True, system=words).text
            assert text.startswith(f"<|im_start|>system\n{words}<|im_end|>\n<|im_start|>user\n")


def test_slots_become_visual_tokens() -> None:
    text = expand(Turn(text="a <image> b <image> c", images=2), 3)
    one = START + 3 * CONTEXT + END
    assert text == f"a {one} b {one} c"


def test_a_slot_without_an_image_is_text_and_a_visual_token_in_the_reference() -> None:
    turn = Turn(text="<image> and <image>", images=1)
    one = START + 3 * CONTEXT + END
    assert expand(turn, 3) == f"{one} and <image>"
    assert expand(turn, 3, compat=True) == f"{one} and {CONTEXT}"
    assert expand(Turn(text="an <image>", images=0), 3, compat=True) == f"an {CONTEXT}"


@given(st.text(max_size=40), st.integers(0, 3))
def test_there_is_a_slot_for_each_image_and_an_end(prompt: str, images: int) -> None:
    text = user_text(prompt, images)
    if not prompt.strip() and not images:
        assert text == ""
        return
    assert text.count(IMAGE) >= images
    assert text[-1] in ".!?,:;"
    assert text == text.strip()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30), st.integers(0, 2))
def test_ids_hold_as_many_visual_tokens_as_the_images_have(
    pipe: InternVLUPipeline, prompt: str, images: int
) -> None:
    tokens, each = pipe.parts.vlm.tokens, pipe.parts.config.vlm.tokens_per_image
    ids = tokenize(pipe.parts.tokenizer, question(prompt, images), each)
    assert ids.count(tokens.context) == images * each
    assert ids.count(tokens.start) == images
    assert ids.count(tokens.turn) == 3


def test_control_words_of_the_user_are_tokens_but_do_not_move_the_span(
    pipe: InternVLUPipeline,
) -> None:
    """As in the reference; the span begins at the user's turn, whatever is in it."""
    from model.internvlu.conditioning import close, spans

    tokens = pipe.parts.vlm.tokens
    plain, odd = (
        pipe.requests([prompt], [()])[0] for prompt in ("a b", "a <|im_start|> <|im_end|> <img> b")
    )
    prefix = plain[0].ids.index(tokens.turn, 1)
    flat = close([plain, odd], [None, None], tokens)
    found = spans(pipe.parts.vlm, flat, (-1,))
    for n in (0, 3):
        assert flat[n].ids[:prefix] == plain[0].ids[:prefix]
        assert len(found[n].states) == len(flat[n].ids) - prefix
        assert flat[n].ids[prefix] == tokens.turn
        assert flat[n].ids[-1] == tokens.start
