"""A model behind a real HTTP server: what is sent, what replies bring, and what may be chosen."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evals.config import build_config
from evals.core.errors import UserError
from evals.core.images import load_rgb
from model.adapters.openai_api import Options, make
from model.adapters.options import table
from tests import judge_replies as say
from tests.judge_replies import Asked, Reply
from tests.model_server import (
    ModelServer,
    ask,
    colour_of,
    drawn,
    images,
    model,
    parts,
    pixel,
    png,
    prompt_of,
    sample,
    sent,
    text_of,
)

pytest.importorskip("openai")

KEY = "sk-secret-0123456789"
RED = png()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(autouse=True)
def _quick_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are shortened; what the endpoint asks for is kept."""
    monkeypatch.setattr("judges.limits.LONGEST_WAIT", 0.05)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A file of noise, so that nothing but its own bytes can pass for it."""
    noise = np.random.default_rng(5).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "Virtual-1.1.1-secret-class.png"
    Image.fromarray(noise).save(path)
    return path


# --- what is sent -----------------------------------------------------------------------------


def test_an_image_from_a_prompt() -> None:
    with ModelServer(drawn) as server:
        adapter = model(
            server, size="640x384", steps=20, guidance_scale=4.5, quality="high",
            extra={"negative_prompt": "blur"},
        )  # fmt: skip
        output = ask(adapter, sample("generate"))
    (call,) = server.calls
    assert call.asked.path == "/v1/images/generations"
    assert sent(call).fields == {
        "model": "m-1", "prompt": "Make it red.", "n": 1, "size": "640x384", "quality": "high",
        "response_format": "b64_json", "num_inference_steps": 20, "guidance_scale": 4.5, "seed": 7,
        "negative_prompt": "blur",
    }  # fmt: skip
    assert output.status == "ok"
    assert pixel(output) == colour_of("Make it red.", 7)
    assert output.usage == {"input_tokens": 50, "output_tokens": 4160}


def test_nothing_is_sent_that_nobody_chose() -> None:
    with ModelServer(drawn) as server:
        ask(model(server), sample("generate"))
    fields = sent(server.calls[0]).fields
    assert sorted(fields) == ["model", "n", "prompt", "response_format", "seed"]


def test_an_edit_is_a_form_with_the_file_byte_for_byte(picture: Path) -> None:
    prompt = 'Replace "SALE" with "Größe 特价";\r\nkeep --the rest & 100 %.'
    with ModelServer(drawn) as server:
        adapter = model(server, steps=3, guidance_scale=2.5)
        output = ask(adapter, sample("edit", picture, prompt=prompt))
    (call,) = server.calls
    assert call.asked.path == "/v1/images/edits"
    got = sent(call)
    assert got.fields == {
        "model": "m-1", "prompt": prompt, "n": "1", "response_format": "b64_json", "seed": "7",
        "num_inference_steps": "3", "guidance_scale": "2.5",
    }  # fmt: skip
    assert got.files == (("image", "image-0.png", "image/png", picture.read_bytes()),)
    assert b"secret-class" not in call.asked.body
    assert pixel(output) == colour_of(prompt, "7")


def test_several_input_images_in_order(picture: Path, tmp_path: Path) -> None:
    second, third = tmp_path / "b.jpg", tmp_path / "c.webp"
    Image.new("RGB", (16, 8), "green").save(second, "JPEG")
    Image.new("RGB", (16, 8), "blue").save(third, "WEBP")
    with ModelServer(drawn) as server:
        assert ask(model(server), sample("edit", picture, second, third)).status == "ok"
    assert sent(server.calls[0]).files == (
        ("image[]", "image-0.png", "image/png", picture.read_bytes()),
        ("image[]", "image-1.jpeg", "image/jpeg", second.read_bytes()),
        ("image[]", "image-2.webp", "image/webp", third.read_bytes()),
    )


@pytest.mark.parametrize("kind", ["rotated", "transparent", "bmp"])
def test_what_endpoints_may_see_otherwise_is_written_anew(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    image = Image.new("RGB", (30, 20), "white")
    image.paste((255, 0, 0), (0, 0, 15, 20))
    if kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(path, "JPEG", exif=exif, quality=95)
    elif kind == "transparent":
        image.putalpha(Image.new("L", image.size, 0))
        image.save(path, "PNG")
    else:
        image.save(path, "BMP")
    with ModelServer(drawn) as server:
        ask(model(server, size="input"), sample("edit", path))
    got = sent(server.calls[0])
    ((_, _, mime, data),) = got.files
    seen, wanted = Image.open(io.BytesIO(data)), load_rgb(path)
    assert mime == ("image/jpeg" if kind == "rotated" else "image/png")
    assert (seen.size, seen.mode, seen.getexif()) == (wanted.size, "RGB", {})
    assert np.abs(np.asarray(seen, int) - np.asarray(wanted, int)).max() <= 3
    assert got.fields["size"] == ("20x30" if kind == "rotated" else "30x20")


def test_images_by_chat(picture: Path) -> None:
    with ModelServer(drawn) as server:
        adapter = model(
            server, image_route="chat", size="input", steps=9, guidance_scale=2,
            prompt_template="<|im_start|>{prompt}<|im_end|>", extra={"cfg_img_scale": 2.0},
        )  # fmt: skip
        output = ask(adapter, sample("edit", picture))
        made = ask(model(server, image_route="chat"), sample("generate"), seed=8)
    asked = server.calls[0].asked.payload
    (message,) = asked.pop("messages")
    assert asked == {
        "model": "m-1", "modalities": ["image"], "width": 30, "height": 20, "seed": 7,
        "num_inference_steps": 9, "guidance_scale": 2.0, "cfg_img_scale": 2.0,
    }  # fmt: skip
    shown, words = message["content"]
    assert words == {"type": "text", "text": "<|im_start|>Make it red.<|im_end|>"}
    assert shown["image_url"] == parts(picture.read_bytes())[0]["image_url"] | {"detail": "high"}
    assert pixel(output) == colour_of("<|im_start|>Make it red.<|im_end|>", 7)
    assert pixel(made) == colour_of("Make it red.", 8)
    assert [p["type"] for p in server.calls[1].asked.payload["messages"][0]["content"]] == ["text"]


def test_a_question(picture: Path) -> None:
    with ModelServer(say.completion("Four.", usage=(120, 3))) as server:
        adapter = model(server, system="Be short.", max_tokens=64, ask_for_text=True)
        output = ask(adapter, sample("understand", picture, prompt="How many?"))
        bare = ask(model(server, temperature=-1, send_seed=False), sample("understand"))
    asked = server.calls[0].asked.payload
    assert asked == {
        "model": "m-1", "temperature": 0.0, "max_tokens": 64, "seed": 7, "modalities": ["text"],
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [
                {**parts(picture.read_bytes())[0],
                 "image_url": {**parts(picture.read_bytes())[0]["image_url"], "detail": "high"}},
                {"type": "text", "text": "How many?"},
            ]},
        ],
    }  # fmt: skip
    assert (output.text, output.usage) == ("Four.", {"input_tokens": 120.0, "output_tokens": 3.0})
    assert bare.text == "Four."
    assert sorted(server.calls[1].asked.payload) == ["max_tokens", "messages", "model"]


def test_seeds_are_those_of_the_samples() -> None:
    items = [sample("generate", record=str(n)) for n in range(4)]
    with ModelServer(drawn) as server:
        outputs = model(server).generate(items, [3, 1, 4, 15])
    assert [sent(c).fields["seed"] for c in server.calls] == [3, 1, 4, 15]
    assert [pixel(o) for o in outputs] == [colour_of("Make it red.", n) for n in (3, 1, 4, 15)]


def test_many_at_once_are_not_mixed_up(picture: Path) -> None:
    def slow_and_uneven(asked: Asked) -> Reply:
        wait = int(prompt_of(asked).split()[-1]) % 5 * 0.03
        return say.slow(drawn(asked), wait)

    items = [sample("edit", picture, record=str(n), prompt=f"Edit {n}") for n in range(30)]
    with ModelServer(slow_and_uneven) as server:
        adapter = model(server, concurrency=8)
        assert adapter.concurrency == 8
        with ThreadPoolExecutor(8) as pool:
            outputs = list(pool.map(lambda s: ask(adapter, s, seed=int(s.id)), items))
    assert [pixel(o) for o in outputs] == [colour_of(f"Edit {n}", str(n)) for n in range(30)]
    assert server.in_flight_peak > 4


# --- what replies bring -----------------------------------------------------------------------


def test_images_in_every_form_that_servers_use(picture: Path) -> None:
    data = picture.read_bytes()
    text = images(data).body.decode()  # type: ignore[union-attr]
    code = json.loads(text)["data"][0]["b64_json"]
    wrapped = "\n".join(code[n : n + 76] for n in range(0, len(code), 76))
    url = f"data:image/png;base64,{code}"
    replies = [
        images(data), images(wrapped), images(url), images({"url": url}),
        images({"b64_json": code, "url": "https://elsewhere.example/a.png"}),
    ]  # fmt: skip
    with ModelServer(say.in_order(*replies)) as server:
        adapter = model(server)
        for _ in replies:
            assert ask(adapter, sample("generate")).images == (data,)


def test_images_in_every_form_of_a_message(picture: Path) -> None:
    data = picture.read_bytes()
    plain = json.loads(say.completion("Here it is.").body(asked_of("m")))  # type: ignore[operator]
    named, second = json.loads(json.dumps(plain)), json.loads(json.dumps(plain))
    named["choices"][0]["message"]["images"] = list(parts(data))
    second["choices"].append({"index": 1, "message": {"content": list(parts(data))}})
    replies = [
        say.completion(parts("Here:", data)), say.raw(json.dumps(named)),
        say.raw(json.dumps(second)),
    ]  # fmt: skip
    with ModelServer(say.in_order(*replies)) as server:
        adapter = model(server, image_route="chat")
        for _ in replies:
            assert ask(adapter, sample("generate")).images == (data,)


def asked_of(name: str) -> Asked:
    return Asked(number=1, attempt=1, sha="0" * 64, model=name, headers={}, body=b"")


@pytest.mark.parametrize("host", ["", "http://{place}", "http://localhost:{port}"])
def test_an_image_that_lies_at_the_endpoint_is_fetched(host: str) -> None:
    with ModelServer(drawn) as server:
        head = host.format(place=server.url.split("/")[2], port=server.port)
        server.scenario = images({"url": f"{head}/v1/images/abc/content?variant=0"})
        server.files["/v1/images/abc/content"] = say.raw(RED, type="image/png")
        assert ask(model(server), sample("generate")).images == (RED,)
        assert server.fetched == ["/v1/images/abc/content"]


def test_no_other_host_is_ever_asked_for_an_image() -> None:
    with ModelServer(drawn) as other, ModelServer(drawn) as server:
        other.files["/a.png"] = say.raw(RED, type="image/png")
        place = other.url.removesuffix("/v1")
        for url in (f"{place}/a.png?sig=s3cret", place.replace("http:", "https:") + "/a.png"):
            server.scenario = images({"url": url})
            fault = ask(model(server), sample("generate")).fault
            assert fault is not None
            assert (fault.kind, fault.origin) == ("bad_reply", "infrastructure")
            assert 'set response_format = "b64_json"' in fault.message
            assert "s3cret" not in fault.message
        assert other.fetched == []
        assert other.connections == 0


def test_an_image_that_is_not_there_any_more() -> None:
    with ModelServer(images({"url": "/v1/gone.png"})) as server:
        fault = ask(model(server), sample("generate")).fault
    assert fault is not None
    assert fault.message.startswith("the image cannot be fetched (HTTP 404")


@pytest.mark.parametrize(
    ("reply", "kind", "origin"),
    [
        (images(), "no_image", "infrastructure"),
        (images("not%base64"), "bad_reply", "infrastructure"),
        (images("%%%%" + text_of(RED)), "bad_reply", "infrastructure"),
        (images(""), "no_image", "infrastructure"),
        (images({"revised_prompt": "x"}), "no_image", "infrastructure"),
        (images({"b64_json": None, "url": None}), "no_image", "infrastructure"),
        (images({"url": "http://[broken/a.png"}), "bad_reply", "infrastructure"),
        (say.raw('{"data": "x"}'), "no_image", "infrastructure"),
        (say.raw('{"data": ["x"]}'), "no_image", "infrastructure"),
        (say.raw('{"created": 1}'), "bad_reply", "infrastructure"),
        (say.raw("{cut short"), "bad_reply", "infrastructure"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_a_reply_without_an_image_is_a_fault(reply: Reply, kind: str, origin: str) -> None:
    with ModelServer(reply) as server:
        output = ask(model(server), sample("generate"))
    assert (output.status, output.images) == ("error", ())
    assert output.fault is not None
    assert (output.fault.kind, output.fault.origin) == (kind, origin)
    assert len(server.calls) == 1, "a reply that is paid for is not asked for again"


@pytest.mark.parametrize(
    ("reply", "status", "kind", "origin"),
    [
        (say.completion("I would rather talk."), "error", "text_only", "model"),
        (say.completion(parts("No image.")), "error", "text_only", "model"),
        (say.completion(None), "error", "no_image", "infrastructure"),
        (say.no_choices(), "error", "bad_reply", "infrastructure"),
        (say.refused(), "refused", "refused", "model"),
        (say.filtered(), "refused", "blocked", "model"),
        (say.raw('{"choices": 3}'), "error", "bad_reply", "infrastructure"),
    ],
    ids=["words", "parts", "nothing", "no choices", "refused", "filtered", "odd"],
)
def test_a_message_without_an_image_is_a_fault(
    reply: Reply, status: str, kind: str, origin: str
) -> None:
    with ModelServer(reply) as server:
        output = ask(model(server, image_route="chat"), sample("generate"))
    assert output.fault is not None
    assert (output.status, output.fault.kind, output.fault.origin) == (status, kind, origin)


def test_answers_that_are_none() -> None:
    replies = {
        "empty_answer": (say.completion(" "), "error"),
        "blocked": (say.filtered("half a sent"), "refused"),
        "refused": (say.refused("No."), "refused"),
        "bad_reply": (say.no_choices(), "error"),
    }
    for kind, (reply, status) in replies.items():
        with ModelServer(reply) as server:
            output = ask(model(server), sample("understand"))
        assert output.fault is not None
        assert (output.status, output.fault.kind, output.text) == (status, kind, None)
    with ModelServer([say.truncated("It says SAL")]) as server:
        output = ask(model(server), sample("understand"))
    assert (output.status, output.text) == ("ok", "It says SAL")
    assert output.usage["truncated"] == 1.0


# --- options ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"base_ur": "x"}, "Did you mean 'base_url'"),
        ({"base_url": "localhost:8000"}, "is no address"),
        ({"base_url": "http://me:k3y@host/v1"}, "would be stored"),
        ({"base_url": "me:k3y@host/v1"}, "would be stored"),
        ({"base_url": "http://host/v1?key=k3y"}, "holds a query"),
        ({"api_key_env": "sk-k3y"}, "is no name of a variable"),
        ({"tasks": []}, "list some of understand"),
        ({"tasks": ["draw"]}, "list some of understand"),
        ({"tasks": "edit"}, "must be of type list"),
        ({"image_route": "responses"}, "use one of images, chat"),
        ({"size": "1024"}, "WIDTHxHEIGHT"),
        ({"size": "0x512"}, "WIDTHxHEIGHT"),
        ({"steps": 0}, "from 1"),
        ({"steps": 2.5}, "of type int"),
        ({"send_seed": "no"}, "of type bool"),
        ({"temperature": -2.0}, "from -1"),
        ({"concurrency": 0}, "from 1"),
        ({"timeout": 0}, "from 0.01"),
        ({"prompt_template": "no place"}, "put it in"),
        ({"extra": {"seed": 1}}, "holds 'seed'"),
        ({"extra": {"stream": True}}, "holds 'stream'"),
        ({"extra": "x"}, "of type dict"),
        ({"response_format": "url"}, "use one of auto, b64_json, omit"),
    ],
)
def test_wrong_options_are_met_at_the_door(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as stop:
        make("m-1", {"base_url": "http://127.0.0.1:1/v1", **given})
    assert "k3y" not in str(stop.value)


def test_no_model_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="needs the name of a model"):
        make(None, {})
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        make("gpt-image-1", {})
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert make("gpt-image-1", {}).name == "openai:gpt-image-1"
    for odd in ("sk-a b", "sk-a\nb", "sk-\u2026"):
        monkeypatch.setenv("OPENAI_API_KEY", odd)
        with pytest.raises(UserError, match="set it anew") as stop:
            make("gpt-image-1", {})
        assert odd not in str(stop.value)


def test_what_openai_itself_does_not_take_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    own, hosted = make("m", {"base_url": "http://a:1/v1"}), make("m", {})
    assert (own.describe()["send_seed"], own.describe()["response_format"]) == (True, "b64_json")
    told = hosted.describe()
    assert (told["send_seed"], told["response_format"]) == (False, "omit")
    assert make("m", {"send_seed": True}).describe()["send_seed"] is True
    assert hosted.check([sample("understand")]) == []
    (remark,) = hosted.check([sample("generate")])
    assert "without a seed" in remark
    assert own.check([sample("generate")]) == []


def test_everything_that_decides_is_described_and_nothing_else() -> None:
    place = {"base_url": "http://127.0.0.1:8000/v1/"}
    first = make("m", place).describe()
    same = {"timeout": 9, "concurrency": 2, "attempts": 1, "minutes": 1, "tasks": ["edit"],
            "api_key_env": "K", "base_url": "http://localhost:9/v1"}  # fmt: skip
    assert make("m", same).describe() == first
    others = {
        "image_route": "chat", "size": "input", "quality": "low", "steps": 4,
        "guidance_scale": 1.0, "send_seed": False, "response_format": "omit", "system": "s",
        "prompt_template": "a {prompt}", "ask_for_text": True, "temperature": 1.0,
        "max_tokens": 9, "detail": "low", "extra": {"top_p": 1},
    }  # fmt: skip
    assert {*others, *same} == {row[0] for row in table(Options)}
    for name, value in others.items():
        assert make("m", {**place, name: value}).describe() != first
    assert make("other", place).describe() != first
    assert json.loads(json.dumps(first)) == first
    assert first["endpoint"] == "http://loopback/v1"


def test_tasks_are_those_declared(picture: Path) -> None:
    with ModelServer(drawn) as server:
        adapter = model(server, tasks=["edit"])
        assert adapter.tasks == {"edit"}
        assert ask(adapter, sample("understand")).status == "unsupported"
        assert ask(adapter, sample("edit", picture)).status == "ok"
        assert len(server.calls) == 1
        assert model(server).tasks == {"understand", "generate", "edit"}


def test_the_inputs_size_needs_an_input() -> None:
    adapter = make("m", {"base_url": "http://127.0.0.1:1/v1", "size": "input"})
    for refuse in (lambda s: adapter.check([s]), lambda s: ask(adapter, s)):
        with pytest.raises(UserError, match="without an input image"):
            refuse(sample("generate"))
    assert adapter.check([sample("understand")]) == []


def test_a_plan_loads_no_client() -> None:
    code = (
        "import sys; from model.adapters.openai_api import make; "
        "m = make('m', {'base_url': 'http://a/v1'}); m.describe(); "
        "print(sorted({'openai', 'PIL', 'torch', 'httpx', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_the_recipe_for_bagel_is_one_that_is_accepted(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "bagel.md"
    file = tmp_path / "bagel.toml"
    file.write_text(page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0])
    bagel = build_config(file, {}).models[0]
    assert (bagel.name, bagel.adapter) == ("BAGEL", "openai")
    told = make(bagel.argument, bagel.options).describe()
    assert (told["image_route"], told["send_seed"], told["steps"]) == ("chat", True, 50)
    assert told["extra"]["cfg_interval"] == [0.0, 1.0]  # type: ignore[index, call-overload]
