"""`tests.judge_server` with the Images API, for tests of a model behind an endpoint.

    with ModelServer(drawn) as server:
        ask(server.url)
        assert sent(server.calls[0]).files[0][3] == path.read_bytes()

Forms are taken apart here, byte for byte, by nobody's library but this file's.
"""

from __future__ import annotations

import base64
import colorsys
import hashlib
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from evals.core.types import Output, Sample, Task
from tests.judge_replies import Asked, Reply, completion
from tests.judge_server import Call, JudgeServer

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"


class ModelServer(JudgeServer):
    """Serves Chat Completions and the Images API; files of its own under any other path.

    Attributes:
        files: path -> what a GET of it brings.
    """

    routes = frozenset({*JudgeServer.routes, GENERATIONS, EDITS})
    files: dict[str, Reply]

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.files, self.fetched = {}, []

    def _other(self, method: str, path: str) -> Reply:
        if method == "GET" and path in self.files:
            self.fetched.append(path)
            return self.files[path]
        return super()._other(method, path)


# --- what was sent --------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A request as the server understands it.

    Attributes:
        fields: of the JSON, or the texts of the form by name.
        files: of the form, in order: (field, name, type, bytes).
    """

    fields: Mapping[str, Any]
    files: tuple[tuple[str, str, str, bytes], ...] = ()


def sent(call: Call | Asked) -> Sent:
    asked = call.asked if isinstance(call, Call) else call
    kind = asked.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return Sent(asked.payload)
    boundary = b"--" + kind.partition("boundary=")[2].strip('"').encode()
    fields: dict[str, Any] = {}
    files = []
    # The first piece is what precedes the first boundary, the last what follows the last one.
    for piece in (b"\r\n" + asked.body).split(b"\r\n" + boundary)[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        told = _head(head.decode())
        if "filename" in told:
            files.append((told["name"], told["filename"], told["content-type"], data))
        else:
            fields[told["name"]] = data.decode()
    return Sent(fields, tuple(files))


def _head(text: str) -> dict[str, str]:
    found = {}
    for line in text.split("\r\n"):
        name, _, value = line.partition(": ")
        found[name.lower()] = value
        for part in value.split("; ")[1:]:
            key, _, word = part.partition("=")
            found[key] = word.strip('"')
    return found


def prompt_of(asked: Asked) -> str:
    """The prompt, by whichever route it came."""
    if asked.path != "/v1/chat/completions":
        return str(sent(asked).fields["prompt"])
    content = asked.payload["messages"][-1]["content"]
    return "".join(p["text"] for p in content if p["type"] == "text")


# --- replies --------------------------------------------------------------------------------


def png(colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (24, 16)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


def images(*items: bytes | str | Mapping[str, Any], usage: Any = None) -> Reply:
    """A 200 of the Images API: bytes and texts become ``b64_json``, mappings are sent as given."""
    data = [item if isinstance(item, Mapping) else {"b64_json": text_of(item)} for item in items]
    reply: dict[str, Any] = {"created": int(time.time()), "data": data}
    if usage is not None:
        reply["usage"] = usage
    return Reply(body=json.dumps(reply).encode(), label="images")


def text_of(item: bytes | str) -> str:
    return item if isinstance(item, str) else base64.b64encode(item).decode()


def parts(*items: bytes | str) -> Sequence[dict[str, Any]]:
    """Parts of a message: bytes become an image in a data URL, texts a text."""
    return [
        {"type": "text", "text": item}
        if isinstance(item, str)
        else {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{text_of(item)}"},
        }
        for item in items
    ]


def colour_of(prompt: str, seed: object) -> tuple[int, int, int]:
    """What `drawn` paints for a prompt and a seed."""
    hue = hashlib.sha256(f"{prompt} {seed}".encode()).digest()[0] / 256
    red, green, blue = (round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.8, 0.8))
    return red, green, blue


def drawn(asked: Asked) -> Reply:
    """An image whose colour tells which prompt and seed it was made for, by the route asked."""
    fields = asked.payload if asked.path != EDITS else sent(asked).fields
    data = png(colour_of(prompt_of(asked), fields.get("seed")))
    if asked.path == "/v1/chat/completions":
        return completion(parts(data), label="images")
    return images(data, usage={"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210})


# --- who asks -------------------------------------------------------------------------------


def sample(task: Task, *files: Path, record: str = "1", prompt: str = "Make it red.") -> Sample:
    return Sample(id=record, benchmark="b", suite="s", task=task, prompt=prompt, images=files)


def model(server: ModelServer, **options: Any) -> Any:
    from model.adapters.openai_api import make

    return make("m-1", {"base_url": server.url, "attempts": 3, "timeout": 20, **options})


def ask(adapter: Any, item: Sample, seed: int = 7) -> Output:
    method = {"understand": "answer", "generate": "generate", "edit": "edit"}[item.task]
    (output,) = getattr(adapter, method)([item], [seed])
    return output


def pixel(output: Output) -> tuple[int, int, int]:
    (data,) = output.images
    return Image.open(io.BytesIO(data)).getpixel((0, 0))  # type: ignore[arg-type, return-value]
