"""The words around a prompt: data that the weights were trained on, so equal to the byte.

Source: OpenGVLab/InternVL-U at 018a59c, template ``qwen2_5-chat-v3``; recorded in
``expected/prompts.json`` of the parity fixtures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Branch = Literal["full", "partial", "blank"]
BRANCHES: tuple[Branch, ...] = ("full", "partial", "blank")
"""Conditions of guidance: everything; the images without the text; nothing."""

IDENTITY = (
    "你是书生·万象，英文名是InternVL，"
    "是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"
)
DESCRIBE = (
    "请通过详细描述图像中物体和背景的颜色、形状、大小、纹理、"
    "数量、文字内容以及空间位置关系等来对图像进行全面描述："
)
EXPLAIN = (
    "请描述输入图像的关键特征（颜色、形状、大小、纹理、物体、背景等），"
    "然后解释用户的文本指令应该如何改变或修改图像，"
    "从而生成一个满足用户要求的新图像，并适当保持与原始输入的一致性。："
)
BLANK = "Here is a random image <img_uncond>:"
IMAGES_ALONE = "Generate an image based on reference images."

IMAGE = "<image>"
START, END, CONTEXT = "<img>", "</img>", "<IMG_CONTEXT>"
TURN, STOP = "<|im_start|>", "<|im_end|>"
SPECIAL = (
    "</box>", "<box>", CONTEXT, END, START, "</quad>", "<quad>", "</ref>", "<ref>", "<img_uncond>",
)  # fmt: skip
"""Tokens with embeddings of their own, in the order of the rows of ``special_token_embedding``."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One request to the language model, before it is tokenised.

    Attributes:
        text: with ``<image>`` where an image goes.
        images: how many ``<image>`` stand for images; one more than that is plain text.
    """

    text: str
    images: int


def user_text(prompt: str, images: int) -> str:
    r"""The user's text with a slot per image, closed by a full stop, its first letter upper-case.

    A slot is put in front for each image that has none, so that with images it is the slot that
    begins the text. ``。`` is not taken for an end: the reference adds its full stop there too.

    >>> user_text("make it blue", 1)
    '<image>\nmake it blue.'
    """
    text = ((IMAGE + "\n") * max(0, images - prompt.count(IMAGE)) + prompt).strip()
    if not text:
        return text
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?,:;" else text + "."


def _template(system: str, user: str) -> str:
    # The reference leaves the turn of an empty message open.
    said = f"{user}{STOP}\n" if user else ""
    return f"{TURN}system\n{system}{STOP}\n{TURN}user\n{said}{TURN}assistant\n"


def question(prompt: str, images: int, system: str | None = None) -> Turn:
    """A request for text."""
    return Turn(
        text=_template(IDENTITY if system is None else system, user_text(prompt, images)),
        images=images,
    )


def picture(
    prompt: str, images: int, branch: Branch, *, editing: bool, system: str | None = None
) -> Turn:
    """A request for an image in one branch of guidance, without the closing ``<img>``.

    Args:
        prompt: of the user; only the full branch holds it.
        images: how many condition images there are.
        branch: what the request still holds.
        editing: whether the system text is that of editing, in every branch.
        system: in place of the official system text.
    """
    if branch == "blank" or (branch == "partial" and not images):
        user, images = user_text(BLANK, 0), 0
    else:
        user = user_text(IMAGES_ALONE if branch == "partial" else prompt, images)
    words = IDENTITY + (EXPLAIN if editing else DESCRIBE) if system is None else system
    return Turn(text=_template(words, user), images=images)


def expand(turn: Turn, tokens_per_image: int, *, compat: bool = False) -> str:
    """The text with each image's slot replaced by its visual tokens.

    An ``<image>`` beyond the images is the user's text and stays it; in the reference it becomes
    one ``<IMG_CONTEXT>``, and does so here with `compat`.
    """
    text = turn.text.replace(IMAGE, START + CONTEXT * tokens_per_image + END, turn.images)
    return text.replace(IMAGE, CONTEXT) if compat else text
