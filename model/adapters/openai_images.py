"""Images to and from OpenAI-compatible endpoints, by either of the two routes in use.

`images` is the Images API: ``/images/generations`` takes JSON, ``/images/edits`` a form with the
input images as files. `chat` is Chat Completions that answer with images, as data URLs in the parts
of a message; vLLM-Omni reads sizes and steps at the top level of such a request. Parameters that
only servers of one's own know (steps, guidance, seed) have the names that vLLM-Omni and SGLang use.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.core.types import Sample
from judges.images import Encoded, encode, upright_size
from judges.openai_wire import Completion, read_completion, tokens
from judges.rubric import ImagePolicy
from model.adapters.openai_calls import File, Unusable

AS_THEY_ARE = ImagePolicy(max_side=1 << 30, quality=100)
"""Files go out byte for byte. Only those that are rotated by EXIF, transparent or of an odd type
are written anew, as a person sees them; see `judges.images`."""

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a reply brought.

    Attributes:
        images: encoded files, as received; at least one.
        usage: tokens in and out, as far as the endpoint says.
    """

    images: tuple[bytes, ...]
    usage: Mapping[str, float]


def encoded(sample: Sample) -> list[Encoded]:
    """The input images of a sample as they are sent.

    Raises:
        ImageError: one of them cannot be decoded.
    """
    return [encode(path, AS_THEY_ARE) for path in sample.images]


def size_of(sample: Sample, wanted: str) -> tuple[int, int] | None:
    """(width, height) to ask for; None to leave it to the endpoint.

    Args:
        sample: whose first input image counts when `wanted` is ``input``.
        wanted: ``auto``, ``input`` or ``WIDTHxHEIGHT``.

    Raises:
        ImageError: the input image cannot be decoded.
    """
    if wanted == "auto":
        return None
    if wanted == "input":
        return upright_size(sample.images[0])
    width, _, height = wanted.partition("x")
    return int(width), int(height)


def as_files(images: Sequence[Encoded]) -> list[File]:
    """Input images as files of a form; the names say nothing about where they come from."""
    field = "image" if len(images) == 1 else "image[]"
    return [
        (field, (f"image-{n}.{image.mime.partition('/')[2]}", image.data, image.mime))
        for n, image in enumerate(images)
    ]


def as_messages(
    text: str, images: Sequence[Encoded], *, system: str, detail: str
) -> list[dict[str, Any]]:
    """Input images and then the text, as messages of Chat Completions."""
    content: list[dict[str, Any]] = []
    for image in images:
        url = f"data:{image.mime};base64,{base64.b64encode(image.data).decode('ascii')}"
        content.append({"type": "image_url", "image_url": {"url": url, "detail": detail}})
    content.append({"type": "text", "text": text})
    before = [{"role": "system", "content": system}] if system else []
    return [*before, {"role": "user", "content": content}]


# --- replies --------------------------------------------------------------------------------


def read_images(text: str, fetch: Fetch) -> Made:
    """What a 200 of the Images API brings.

    Args:
        text: its body.
        fetch: gets a file from the endpoint; raises `Unusable` where it may not.

    Raises:
        Unusable: it is no such reply, it holds no image, or one that cannot be read.
    """
    try:
        reply = json.loads(text)
        data = reply["data"]
    except (ValueError, KeyError, TypeError) as error:
        said = f"the reply is none of the Images API: {text[:80]!r}"
        raise Unusable("bad_reply", said) from error
    if not isinstance(data, list) or not data:
        raise Unusable("no_image", "the reply holds no images")
    images = tuple(_image(item, fetch) for item in data)
    return Made(images=images, usage=tokens(reply.get("usage")))


def _image(item: Any, fetch: Fetch) -> bytes:
    found = item if isinstance(item, dict) else {}
    if isinstance(found.get("b64_json"), str):
        return _decoded(found["b64_json"])
    if isinstance(found.get("url"), str):
        return _at(found["url"], fetch)
    raise Unusable("no_image", "an image of the reply has neither b64_json nor url")


def read_chat_images(text: str, fetch: Fetch) -> Made:
    """What a 200 of Chat Completions brings where images were asked for.

    Raises:
        Unusable: it is no completion, the model declines or answers with words, or an image in it
            cannot be read.
    """
    reply = completion(text)
    found = [p["image_url"] for p in reply.parts if "image_url" in p]
    urls = [u.get("url") if isinstance(u, dict) else u for u in found]
    images = tuple(_at(u, fetch) for u in urls if isinstance(u, str))
    if not images and not reply.text.strip():
        raise Unusable("no_image", "the reply holds no image")
    if not images:
        said = " ".join(reply.text.split())
        raise Unusable("text_only", f"the reply holds words and no image: {said}")
    return Made(images=images, usage=reply.usage)


def completion(text: str) -> Completion:
    """A completion in which the model does not decline.

    Raises:
        Unusable: it does, or the text is none.
    """
    try:
        reply = read_completion(text)
    except ValueError as error:
        raise Unusable("bad_reply", str(error)) from error
    if reply.finish == "content_filter":
        raise Unusable("blocked", "the endpoint's content filter stopped the reply")
    if reply.refusal:
        raise Unusable("refused", f"the model declined: {' '.join(reply.refusal.split())}")
    if reply.empty:
        raise Unusable("bad_reply", "the reply holds no choices")
    return reply


def _at(url: str, fetch: Fetch) -> bytes:
    """The image at a URL: in it, or at the endpoint."""
    return _decoded(url) if url.startswith("data:") else fetch(url)


def _decoded(text: str) -> bytes:
    """The bytes of base64, with or without the head of a data URL."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise Unusable("bad_reply", f"an image of the reply is no base64 ({error})") from error
    if not data:
        raise Unusable("no_image", "an image of the reply is empty")
    return data
